"""The contract check: texts become typed, pseudonymised landing rows; a bad value rejects its row, never the run.

Each column is looked at by its distinct texts, so that the cost follows what is different, not how many rows there
are; rows are told one by one only where something is wrong. No message holds an id, free text, or anything that could
be a name: a text that no crosswalk knows is told, and landed, if it is too short for a name, has words of known codes
only, or is that of several pupils.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from connectors import parsing
from connectors.config import Dataset, Municipality
from connectors.contract import Property, Table, check_mapping, table_for
from connectors.delivery import DATASETS, RawDelivery, RawFile, SourceRefused, school_year_bounds
from connectors.distinct import Distinct
from connectors.formats import Extract, read_extract
from connectors.messages import DATASETS_FI, MESSAGES, finnish_day
from connectors.pseudonyms import PseudonymKeys
from connectors.workbook import MAX_UNPACKED_BYTES

# Rejected, and yet nothing is lost: another row of the delivery says the same, or says it better.
HARMLESS_RULES = ("duplicate", "superseded")

# Rejected for a text that a crosswalk should know.
_RULES_OF_CODES = ("not_a_code", "unknown_school")
# Told before anything that a column holds.
_RAGGED = -2
_HARMLESS = -1

_PLACEMENT = re.compile(r"toteutuspaikka ([1-5])")
HELSINKI = ZoneInfo("Europe/Helsinki")
# So many pupils with the same unknown text cannot be recognised by it, so it may be shown and landed: in any column.
TYPED_TEXT_PUPILS = 5
# So many records, and not one of a school of the list, are another municipality's; fewer can be a slip in each.
STRANGERS = 20

REJECTED_SCHEMA: dict[str, Any] = {
    "row_number": pl.Int32,
    "column_name": pl.String,
    "rule": pl.String,
    "message_fi": pl.String,
    "message_en": pl.String,
    "pupil_ref": pl.String,
    "day": pl.Date,
    "school_number": pl.String,
    "earliest_date": pl.Date,
    "latest_date": pl.Date,
    "record_key": pl.String,
}


@dataclass(frozen=True)
class CheckedDataset:
    """What is to be landed of one dataset, and all that is to be said about it.

    table: `landing.…`. frame: `row_number` and the contract's landed columns in their order (pseudonyms as 16-byte
    Binary); grain month has one line for each reason of a source row. rows_in = rows_landed + rejected.height, in
    source rows. rejected: columns of REJECTED_SCHEMA, one line a rejected row (pseudonyms as 32 hex digits).
    covers_from, covers_to: the days reported on, both None when there are none. unmapped: dicts of kind, source_code,
    row_count. findings: dicts of rule, severity, row_count, message_fi, message_en.
    """

    table: str
    frame: pl.DataFrame
    rows_in: int
    rows_landed: int
    rejected: pl.DataFrame
    non_data: int
    covers_from: date | None
    covers_to: date | None
    extent: str
    unmapped: list[dict[str, Any]]
    findings: list[dict[str, Any]]


@dataclass(frozen=True)
class CheckedDelivery:
    """The datasets of one delivery, by name, in the order of DATASETS."""

    datasets: dict[str, CheckedDataset]


def check_delivery(raw: RawDelivery, municipality: Municipality, keys: PseudonymKeys) -> CheckedDelivery:
    """Read, check and pseudonymise a delivery. Raises SourceRefused (a dataset is missing or cannot be read at all)
    and ConfigError (the municipality's folder does not fit the contracts)."""
    check_mapping(municipality)
    checked: dict[str, CheckedDataset] = {}
    pupils: Pupils | None = None
    for name in DATASETS:
        file = raw.file(name)
        if file is None:
            raise _missing(municipality, name)
        work = _Work(raw, municipality, keys, name, file, pupils)
        checked[name] = work.check()
        if name == "enrolment":
            pupils = work.enrolled()
    return CheckedDelivery(checked)


def check_dataset(raw: RawDelivery, municipality: Municipality, keys: PseudonymKeys, dataset: str) -> CheckedDataset:
    """Check one dataset alone: as `check_delivery`, but for the rules that need the delivery's enrolments."""
    check_mapping(municipality)
    file = raw.file(dataset)
    if file is None:
        raise _missing(municipality, dataset)
    return _Work(raw, municipality, keys, dataset, file, None).check()


def _missing(municipality: Municipality, dataset: str) -> SourceRefused:
    return SourceRefused(
        municipality.name,
        f"the delivery has no {dataset}.",
        f"toimituksesta puuttuu aineisto {dataset} ({DATASETS_FI[dataset]}).",
        "Ask the municipality to send the whole delivery.",
        code="dataset_missing",
    )


def covered_days(raw: RawDelivery, dataset: Dataset, oldest_day: date | None = None) -> tuple[date, date] | None:
    """First and last day that the delivery reports on (docs/definitions.md §2), or None when there is none.

    oldest_day: of a `window`, the oldest day of the school year that the file holds.
    """
    first, last = school_year_bounds(raw.school_year)
    received = raw.first_received or raw.night
    until = received - timedelta(days=1)
    if dataset.extent == "window":
        window_start = raw.night - timedelta(days=dataset.window_days)
        reaches_back = raw.first_of_year and oldest_day is not None and oldest_day < window_start
        first = first if reaches_back else max(first, window_start)
    elif dataset.extent == "chain":
        until = raw.as_of.astimezone(HELSINKI).date() - timedelta(days=1)
    elif dataset.extent == "month":
        until = received.replace(day=1) - timedelta(days=1)
    last = min(last, until)
    return (first, last) if first <= last else None


@dataclass(frozen=True)
class Pupils:
    """Pseudonyms of the pupils whose enrolments landed, and of those whose enrolments were all rejected."""

    known: frozenset[bytes]
    rejected: frozenset[bytes]


@dataclass(frozen=True)
class _Violation:
    """Rows that break a rule, and, for each of them, the value where it may be shown."""

    order: int
    rows: pl.Series
    column: str
    rule: str
    detail: str = ""
    shown: Distinct | None = None


@dataclass(frozen=True)
class _Unmapped:
    """Rows of one text that no crosswalk knows; `code` None: the text may not be told, so its first row is."""

    kind: str
    code: str | None
    rows: pl.Series
    called: str = "text"


@dataclass
class _Work:
    """The check of one dataset, step by step; made for one delivery and thrown away."""

    raw: RawDelivery
    municipality: Municipality
    keys: PseudonymKeys
    name: str
    file: RawFile
    pupils: Pupils | None
    violations: list[_Violation] = field(default_factory=list)
    unmapped: list[_Unmapped] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    values: dict[str, pl.Series] = field(default_factory=dict)
    columns: dict[str, Distinct] = field(default_factory=dict)
    # Pseudonyms of the distinct texts of pupil_id.
    distinct_refs: list[bytes | None] = field(default_factory=list)

    @cached_property
    def dataset(self) -> Dataset:
        return self.municipality.datasets[self.name]

    @cached_property
    def table(self) -> Table:
        return table_for(self.name, self.municipality.absence_grain)

    @cached_property
    def extract(self) -> Extract:
        limit = self.municipality.transport.options.get("max_unpacked_bytes", MAX_UNPACKED_BYTES)
        return read_extract(self.file, self.dataset, self.municipality.name, int(limit))

    @property
    def height(self) -> int:
        return self.extract.frame.height

    @property
    def fields(self) -> tuple[str, ...]:
        return self.table.names

    def check(self) -> CheckedDataset:
        self._ragged()
        for one in self.table.properties:
            if one.name in self.dataset.columns:
                self._read_field(one)
        if self.name == "support":
            self._read_support()
        reasons = self._read_reasons() if self.dataset.reasons else []
        covered = self._check_days()
        self._check_order()
        self._check_pupils()
        self._check_versions()
        self._refuse_lost_columns()
        return self._finish(covered, reasons)

    def enrolled(self) -> Pupils:
        """Of the enrolments: whose landed, and whose were all rejected."""
        refs = self.values["pupil_id"]
        bad = self._rejected_rows()
        refused = set(refs.gather(bad).drop_nulls().to_list()) if len(bad) else set()
        landed = set((refs.filter(~self._mask(bad)) if len(bad) else refs).drop_nulls().unique().to_list())
        return Pupils(frozenset(landed), frozenset(refused - landed))

    # Reading columns

    def _column(self, source: str) -> Distinct:
        if source not in self.columns:
            self.columns[source] = Distinct.of(self.extract.frame[source])
        return self.columns[source]

    def _read_field(self, one: Property) -> None:
        source = self.dataset.columns[one.name]
        if one.identity == "record_id" and not one.landed:
            # Only compared with each other: neither parsed nor pseudonymised.
            return
        column = Distinct.rows(self.extract.frame[source]) if one.identity == "record_id" else self._column(source)
        if one.identity:
            self._read_identity(one, source, column)
        elif one.name == "school_number":
            self._read_school(one, source, column)
        elif one.name in ("source_code", "form"):
            self._read_code(one, source, column)
        elif one.name == "home_municipality":
            self._read_home_municipality(one, column)
        elif one.name == "class_name":
            self._read_class_name(one, column)
        elif one.name == "cleared":
            keep = {value: value for value in self.dataset.cleared_keep}
            cleared = [None if text is None else keep.get(text, "cleared") for text in column.texts]
            self.values[one.name] = column.spread(pl.Series(cleared, dtype=pl.String))
        else:
            self._read_value(one, source, column)
        if one.required:
            self._require(one, source, column)

    def _require(self, one: Property, source: str, column: Distinct) -> None:
        if column.has_empty:
            self._violate(one.name, column.where(column.texts.is_null()), source, "required")

    def _read_identity(self, one: Property, source: str, column: Distinct) -> None:
        kind = {"record_id": "record", "hetu": "hetu", "oppijanumero": "oppijanumero"}.get(one.identity or "", "pupil")
        form = self.municipality.pupil_id if kind == "pupil" else kind
        ids = column.texts.str.to_uppercase()
        if form == "hetu":
            bad = parsing.invalid_hetu(ids)
        elif form == "oppijanumero":
            bad = parsing.invalid_oppijanumero(ids)
        else:
            bad = pl.repeat(False, len(ids), eager=True)
        if bad.any():
            self._violate(one.name, column.where(bad), source, f"invalid_{form}")
            ids = ids.set(bad.fill_null(value=False), None)
        made = self.keys.pseudonymiser(kind)(ids)
        if one.name == "pupil_id":
            self.distinct_refs = made
        self.values[one.name] = column.spread(pl.Series(made, dtype=pl.Binary))

    def _read_value(self, one: Property, source: str, column: Distinct) -> None:
        style = self.dataset.style
        texts = column.texts
        kind = one.physical_type
        if kind == "smallint":
            values, detail = parsing.integers(texts), "7"
        elif kind.startswith("numeric"):
            precision, scale = (int(part) for part in kind[8:-1].split(","))
            typed = self.dataset.format.kind != "csv"
            values = parsing.decimals(texts, style, typed, precision, scale)
            detail = f"1{style.decimal}5"
        elif one.name == "month":
            values, detail = parsing.months(texts, style), parsing.examples(style.months, style.dates)
        elif kind == "date":
            values, detail = parsing.dates(texts, style.dates), parsing.examples(style.dates)
        elif kind == "timestamptz":
            values, detail = parsing.timestamps(texts, style), parsing.examples(style.timestamps)
        elif kind == "time":
            values, detail = parsing.times(texts, style.times), parsing.examples(style.times)
        elif kind == "boolean":
            values, detail = parsing.booleans(texts, style), "/".join((*style.true, *style.false))
        else:
            raise NotImplementedError(f"{self.table.name}.{one.name}: no way to read {kind}")
        unread = values.is_null() & texts.is_not_null()
        if unread.any():
            self._violate(one.name, column.where(unread), source, "unparsable", detail, column if one.shown else None)
        values = self._in_range(one, source, column, values)
        if kind == "smallint":
            values = values.cast(pl.Int16)
        if kind == "boolean":
            values = values.fill_null(value=False)
        self.values[one.name] = column.spread(values)

    def _in_range(self, one: Property, source: str, column: Distinct, values: pl.Series) -> pl.Series:
        minimum: Any = one.minimum
        maximum: Any = one.maximum
        if one.physical_type in ("date", "timestamptz"):
            # Landing's dates reach further than any school's: a year 0025 is a typing error.
            days = values.dt.date()
            outside = days < date.fromisoformat(minimum) if minimum else days.is_null() & False
            minimum = finnish_day(date.fromisoformat(minimum)) if minimum else None
        else:
            outside = pl.repeat(False, len(values), eager=True)
            if one.physical_type == "smallint":
                minimum = minimum if minimum is not None else -parsing.SMALLINT_MAX
                maximum = maximum if maximum is not None else parsing.SMALLINT_MAX
            if minimum is not None:
                outside = outside | (values < minimum)
            if maximum is not None:
                outside = outside | (values > maximum)
        if not outside.any():
            return values
        detail = f"{'' if minimum is None else minimum}–{'' if maximum is None else maximum}"
        self._violate(one.name, column.where(outside), source, "out_of_range", detail, column if one.shown else None)
        return values.set(outside.fill_null(value=False), None)

    def _read_school(self, one: Property, source: str, column: Distinct) -> None:
        numbers: dict[str, str] = {}
        for school in self.municipality.codes.schools:
            numbers[school.school_number] = school.school_number
            numbers[_folded(school.source_value)] = school.school_number
        found = [None if text is None else numbers.get(_folded(text)) for text in column.texts]
        # A number that the list does not know lands (the delivery is held for it); a name does not.
        as_number = [text.zfill(5) if text and text.isdecimal() and len(text) <= 5 else None for text in column.texts]
        landed = [known or numbers.get(number or "") or number for known, number in zip(found, as_number, strict=True)]
        self.values[one.name] = column.spread(pl.Series(landed, dtype=pl.String))
        if one.landed:
            known_numbers = set(numbers.values())
            unknown = [
                text is not None and number not in known_numbers
                for text, number in zip(column.texts, landed, strict=True)
            ]
            self._refuse_strangers(column, unknown)
            names = {school.source_value for school in self.municipality.codes.schools}
            self._unmapped("school", column, unknown, self._may_be_told(column, unknown, names, parsing.is_short_text))
            nameless = [text is not None and number is None for text, number in zip(column.texts, landed, strict=True)]
            self._violate(one.name, column.where(pl.Series(nameless, dtype=pl.Boolean)), source, "unknown_school")

    def _refuse_strangers(self, column: Distinct, unknown: list[bool]) -> None:
        """Another municipality's file is not stored at all: its pupils are none of this one's business."""
        if not any(unknown) or not all(unknown[n] for n, text in enumerate(column.texts) if text is not None):
            return
        count = len(column.where(pl.Series(unknown, dtype=pl.Boolean)))
        if count >= STRANGERS:
            raise SourceRefused(
                self.municipality.name,
                f"{self.name}: none of {count} records is of a school of this municipality.",
                f"{self.name}: yksikään {count} tietueesta ei ole tämän kunnan koulusta.",
                "Ask the municipality whose file it sent; if its schools are new, add them to schools.csv.",
                code="wrong_municipality",
            )

    def _read_code(self, one: Property, source: str, column: Distinct) -> None:
        if one.name == "form":
            kind = "form"
            known = {code.source_code for code in self.municipality.codes.forms}
        else:
            kind = "absence"
            first, last = school_year_bounds(self.raw.school_year)
            known = {
                code.source_code
                for code in self.municipality.codes.absence
                if code.valid_from <= last and (code.valid_to is None or code.valid_to >= first)
            }
        self.values[one.name] = self._codes(one.name, kind, source, column, known)

    def _codes(self, name: str, kind: str, source: str, column: Distinct, known: set[str]) -> pl.Series:
        """Codes as they came. One that is in no list lands if it may be told; else it rejects its rows."""
        unknown = [text is not None and text not in known for text in column.texts]
        landed = column.texts
        if any(unknown):
            told = self._may_be_told(column, unknown, known, parsing.looks_like_code)
            self._unmapped(kind, column, unknown, told)
            unfit = [bad and not may for bad, may in zip(unknown, told, strict=True)]
            if any(unfit):
                marked = pl.Series(unfit, dtype=pl.Boolean)
                self._violate(name, column.where(marked), source, "not_a_code")
                landed = landed.set(marked, None)
        return column.spread(landed)

    def _read_home_municipality(self, one: Property, column: Distinct) -> None:
        known = {_folded(home.source_value): home.source_value for home in self.municipality.codes.home_municipalities}

        def read(text: str | None) -> str | None:
            if text is None:
                return None
            if text.isdecimal() and len(text) <= 3:
                return text.zfill(3)
            return known.get(_folded(text))

        landed = [read(text) for text in column.texts]
        unknown = [text is not None and value is None for text, value in zip(column.texts, landed, strict=True)]
        told = self._may_be_told(column, unknown, set(known.values()), parsing.is_short_text)
        self._unmapped("home_municipality", column, unknown, told)
        self.values[one.name] = column.spread(pl.Series(landed, dtype=pl.String))

    def _read_class_name(self, one: Property, column: Distinct) -> None:
        longest = one.max_length or 20
        unfit = pl.Series(
            [
                text is not None and (len(text) > longest or not text.isprintable() or parsing.hides_personal_id(text))
                for text in column.texts
            ],
            dtype=pl.Boolean,
        )
        if unfit.any():
            self._find(
                "class_name_unread",
                "info",
                len(column.where(unfit)),
                "Luokan nimi on liian pitkä tai siinä on tunniste; sitä ei tallenneta.",
                "The class name is too long or holds an identifier; it is not stored.",
            )
        self.values[one.name] = column.spread(column.texts.set(unfit, None))

    # Support: level, marks and free text

    def _read_support(self) -> None:
        dataset = self.dataset
        sources = [self._column(source) for source in dataset.support_code]
        if len(sources) == 1:
            code = sources[0]
        else:
            joined = pl.DataFrame([one.spread(one.texts).alias(str(place)) for place, one in enumerate(sources)])
            code = Distinct.of(joined.select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)).to_series())
        known = {entry.support_code for entry in self.municipality.codes.support}
        source = " ".join(dataset.support_code)
        if dataset.support_typed:
            self.values["support_code"] = self._read_typed(code, known)
        else:
            self.values["support_code"] = self._codes("support_code", "support", source, code, known)
        self._read_marks()

    def _read_typed(self, column: Distinct, known: set[str]) -> pl.Series:
        """Text written by hand, in its normal form; unknown text could be a name, so it neither lands nor is shown
        unless TYPED_TEXT_PUPILS pupils have it."""
        normal: list[str | None] = []
        unknown: dict[str, list[int]] = {}
        for place, text in enumerate(column.texts):
            form = None if text is None else parsing.normalise_typed(text)
            closed = None if text is None else parsing.normalise_typed("".join(c for c in text if c.isalnum()))
            if form not in known and closed in known:
                form = closed
            normal.append(form if form in known else None)
            if form is not None and form not in known:
                unknown.setdefault(form, []).append(place)
        for form, places in unknown.items():
            marked = pl.Series([False] * len(column.texts), dtype=pl.Boolean).scatter(places, True)
            rows = column.where(marked)
            many = self._of_many_pupils(rows) and len(form) <= 40 and not parsing.hides_personal_id(form)
            if many and form:
                for place in places:
                    normal[place] = form
            self.unmapped.append(_Unmapped("support", form if many and form else None, rows, "typed text"))
        if unknown:
            all_places = [place for places in unknown.values() for place in places]
            marked = pl.Series([False] * len(column.texts), dtype=pl.Boolean).scatter(all_places, True)
            self._find(
                "support_text_unknown",
                "warning",
                len(column.where(marked)),
                "Tuen kirjoitettua tekstiä ei tunneta, joten oppilaan tuen taso on tuntematon.",
                "The typed text of the support is not known, so the pupil's level is unknown.",
            )
        return column.spread(pl.Series(normal, dtype=pl.String))

    def _read_marks(self) -> None:
        dataset = self.dataset
        known = {mark.source_code for mark in self.municipality.codes.marks}
        parts: list[pl.Series] = []
        for source in dataset.mark_lists:
            parts.append(self._read_mark_list(source, known))
        for source in dataset.mark_flags:
            column = self._column(source)
            yes = parsing.booleans(column.texts, dataset.style)
            unread = yes.is_null() & column.texts.is_not_null()
            detail = "/".join(dataset.style.true)
            self._violate("marks", column.where(unread), source, "unparsable", detail)
            if source not in known and yes.any():
                rows = column.where(yes.fill_null(value=False))
                self.unmapped.append(_Unmapped("mark", source, rows))
            marks = [[source] if value else [] for value in yes]
            parts.append(column.spread(pl.Series(marks, dtype=pl.List(pl.String))))
        if dataset.mark_prose:
            parts.append(self._read_prose(dataset.mark_prose, known))
        if parts:
            frame = pl.DataFrame([part.alias(str(place)) for place, part in enumerate(parts)])
            merged = frame.select(pl.concat_list(pl.all()).list.unique(maintain_order=True)).to_series()
        else:
            merged = pl.Series([[]] * self.height, dtype=pl.List(pl.String))
        self.values["marks"] = merged

    def _read_mark_list(self, source: str, known: set[str]) -> pl.Series:
        column = self._column(source)
        items = parsing.lists(column.texts, self.dataset.mark_separator)
        unread = pl.Series([item is None for item in items], dtype=pl.Boolean)
        self._violate("marks", column.where(unread), source, "unparsable", f"A{self.dataset.mark_separator}B")
        words, unfit = _words(known), set()
        for mark in sorted({mark for item in items for mark in item or () if mark not in known}):
            rows = column.where(pl.Series([mark in (item or ()) for item in items], dtype=pl.Boolean))
            told = parsing.looks_like_code(mark) and (_is_no_name(mark, words) or self._of_many_pupils(rows))
            self.unmapped.append(_Unmapped("mark", mark if told else None, rows))
            if not told:
                unfit.add(mark)
        if unfit:
            marked = pl.Series([bool(unfit & set(item or ())) for item in items], dtype=pl.Boolean)
            self._violate("marks", column.where(marked), source, "not_a_code")
        return column.spread(pl.Series([item or [] for item in items], dtype=pl.List(pl.String)))

    def _read_prose(self, source: str, known: set[str]) -> pl.Series:
        """Free text: only `toteutuspaikka 1`–`5` and the folder's exact marks are read, alone or comma-separated."""
        column = self._column(source)
        placements: list[int | None] = []
        marks: list[list[str]] = []
        prose: list[bool] = []
        for text in column.texts:
            parts = [part for part in (" ".join(part.split()) for part in (text or "").split(",")) if part]
            placed = {int(match[1]) for match in map(_PLACEMENT.fullmatch, parts) if match}
            placements.append(placed.pop() if len(placed) == 1 else None)
            marks.append([part for part in parts if part in known])
            # Two placements in one cell contradict each other: neither is read.
            prose.append(bool(placed) or any(part not in known and not _PLACEMENT.fullmatch(part) for part in parts))
        unread = column.where(pl.Series(prose, dtype=pl.Boolean))
        if len(unread):
            self._find(
                "prose_unread",
                "info",
                len(unread),
                f"{source}: vapaata tekstiä ei lueta eikä tallenneta; vain sovitut muodot luetaan.",
                f"{source}: free text is neither read nor stored; only the agreed forms are read.",
            )
        if "placement" not in self.dataset.columns:
            self.values["placement"] = column.spread(pl.Series(placements, dtype=pl.Int16))
        return column.spread(pl.Series(marks, dtype=pl.List(pl.String)))

    # Grain month: one source row holds the lessons of every reason

    def _read_reasons(self) -> list[tuple[str, pl.Series]]:
        lessons = self.table.field("lessons")
        known = {code.source_code for code in self.municipality.codes.absence}
        reasons = []
        for source in self.dataset.reasons:
            column = self._column(source)
            self._read_value(lessons, source, column)
            reasons.append((source, self.values.pop("lessons")))
            if source not in known:
                rows = column.where(column.texts.is_not_null())
                if len(rows):
                    self.unmapped.append(_Unmapped("absence", source, rows))
        return reasons

    # Rules over several columns or rows

    def _ragged(self) -> None:
        if self.extract.ragged:
            rows = self.extract.frame["row_number"].is_in(list(self.extract.ragged)).arg_true()
            self._violate("", rows, "", "ragged_row", order=_RAGGED)
        for source, numbers in self.extract.unreadable.items():
            rows = self.extract.frame["row_number"].is_in(numbers).arg_true()
            self._violate("", rows, source, "unreadable_cell", order=_RAGGED)

    def _check_days(self) -> tuple[date, date] | None:
        dataset = self.dataset
        first, last = school_year_bounds(self.raw.school_year)
        year = f"{finnish_day(first)}–{finnish_day(last)}"
        day_field = next((one for one in ("day", "month") if one in dataset.columns), None)
        days = self.values[day_field] if day_field else None
        oldest: date | None = None
        if dataset.extent == "window" and days is not None and self.height:
            oldest = days.filter(days >= first).min()  # type: ignore[assignment]
        covered = covered_days(self.raw, dataset, oldest)
        if days is not None and day_field is not None:
            source = dataset.columns[day_field]
            if dataset.extent == "window":
                lower, upper = covered or (first, first - timedelta(days=1))
                outside, rule = (days < lower) | (days > upper), "outside_window"
                detail = f"{finnish_day(lower)}–{finnish_day(upper)}" if covered else "(ei yhtään / none)"
            elif dataset.one_school_year:
                outside, rule, detail = (days < first) | (days > last), "outside_school_year", year
            else:
                return covered
            self._violate(day_field, outside.arg_true(), source, rule, detail, self._column(source))
        elif "starts_at" in dataset.columns and dataset.one_school_year:
            starts = self._local_day("starts_at")
            ends = self._local_day("ends_at")
            outside = (starts > last) | (ends < first).fill_null(value=False)
            self._violate("starts_at", outside.arg_true(), dataset.columns["starts_at"], "outside_school_year", year)
        elif self.name == "enrolment":
            after = self.values["valid_from"] > last
            source = dataset.columns["valid_from"]
            self._violate("valid_from", after.arg_true(), source, "outside_school_year", year, self._column(source))
        return covered

    def _local_day(self, name: str) -> pl.Series:
        if name not in self.values:
            return pl.Series([None] * self.height, dtype=pl.Date)
        return self.values[name].dt.convert_time_zone("Europe/Helsinki").dt.date()

    def _check_order(self) -> None:
        for earlier, later, rule in (
            ("valid_from", "valid_to", "valid_to_before_valid_from"),
            ("starts_at", "ends_at", "ends_before_starts"),
        ):
            if earlier in self.values and later in self.values:
                wrong = (self.values[later] < self.values[earlier]).arg_true()
                self._violate(later, wrong, self.dataset.columns[later], rule)

    def _check_pupils(self) -> None:
        if self.pupils is None or "pupil_id" not in self.values:
            return
        source = self.dataset.columns["pupil_id"]
        column = self._column(source)
        refs = self.distinct_refs
        for rule, wrong in (
            ("parent_rejected", [ref in self.pupils.rejected for ref in refs]),
            (
                "unknown_pupil",
                [ref is not None and ref not in self.pupils.known and ref not in self.pupils.rejected for ref in refs],
            ),
        ):
            rows = column.where(pl.Series(wrong, dtype=pl.Boolean))
            if rule == "unknown_pupil" and "valid_to" in self.values:
                # A period of an earlier school year may be of a pupil who has left since.
                ended = self.values["valid_to"].gather(rows) < school_year_bounds(self.raw.school_year)[0]
                rows = rows.filter(~ended.fill_null(value=False))
            self._violate("pupil_id", rows, source, rule)

    def _check_versions(self) -> None:
        frame = self.extract.frame
        if "record_id" in self.dataset.columns:
            ids = frame[self.dataset.columns["record_id"]]
            if _all_different(ids):
                return
            repeated = (ids.is_duplicated() & ids.is_not_null()).arg_true()
            self._judge_versions(repeated, [self.dataset.columns["record_id"]])
        elif self.name in ("enrolment", "support") or self.table.name == "absence_month":
            self._judge_versions(self._repeats(list(self.dataset.source_columns)), list(self.dataset.source_columns))
        if self.name == "school_day":
            key = [self.dataset.columns[name] for name in ("school_number", "day", "grade")]
            self._judge_versions(self._repeats(key), key)

    def _repeats(self, sources: list[str]) -> pl.Series:
        return self.extract.frame.select(pl.struct(sources).is_duplicated()).to_series().arg_true()

    def _judge_versions(self, rows: pl.Series, key: list[str]) -> None:
        """Of the rows that share a key: the same content again is a duplicate, an older version is superseded, and two
        contents of one moment contradict each other. Lesson marks have no versions: each content stands."""
        if not len(rows):
            return
        updated = self.values.get("updated_at")
        empty = pl.Series([None] * self.height, dtype=pl.Datetime("us", "UTC"))

        def content(columns: Sequence[str]) -> pl.Expr:
            return pl.struct(pl.col(name).cast(pl.String) for name in columns).hash(seed=0)

        group = self.extract.frame[rows].select(
            rows.alias("_row"),
            (empty if updated is None else updated).gather(rows).alias("_updated"),
            content(key).alias("_key"),
            content(self.dataset.source_columns).alias("_content"),
        )
        first = pl.col("_row").min().over("_key", "_content") == pl.col("_row")
        latest = pl.col("_updated").eq_missing(pl.col("_updated").max().over("_key"))
        several = pl.col("_content").filter(pl.col("_latest")).n_unique().over("_key") > 1
        judged = group.with_columns(_latest=latest).with_columns(
            pl.when(~first)
            .then(pl.lit("duplicate"))
            .when(~pl.col("_latest"))
            .then(pl.lit("superseded"))
            .when(several)
            .then(pl.lit("conflicting_versions"))
            .alias("_rule")
        )
        for (rule,), part in judged.filter(pl.col("_rule").is_not_null()).group_by("_rule"):
            if rule in HARMLESS_RULES:
                self._violate("record_id", part["_row"].sort(), "", str(rule), order=_HARMLESS)
            elif self.table.name != "absence_lesson":
                self._violate("record_id", part["_row"].sort(), "", str(rule))

    def _refuse_lost_columns(self) -> None:
        """A required key that no item has is a changed interface, not so many bad items."""
        if self.dataset.format.kind not in ("json", "rows") or not self.height:
            return
        for one in self.table.properties:
            source = self.dataset.columns.get(one.name)
            if one.required and source and self.extract.frame[source].null_count() == self.height:
                raise SourceRefused(
                    self.municipality.name,
                    f"{self.name}: missing column {source} (empty in every record).",
                    f"{self.name}: sarake puuttuu: {source} (tyhjä joka tietueessa).",
                    "Ask the municipality to restore it, or change the mapping in municipality.yaml.",
                    code="missing_column",
                )

    # What is told

    def _violate(
        self,
        name: str,
        rows: pl.Series,
        source: str,
        rule: str,
        detail: str = "",
        shown: Distinct | None = None,
        order: int | None = None,
    ) -> None:
        if not len(rows):
            return
        if order is None:
            order = self.fields.index(name) if name in self.fields else len(self.fields)
        self.violations.append(_Violation(order, rows.cast(pl.UInt32), source, rule, detail, shown))

    def _may_be_told(
        self, column: Distinct, unknown: Sequence[bool], known: Collection[str], fits: Callable[[str], bool]
    ) -> list[bool]:
        """Of each text that no crosswalk knows, whether it may be shown and stored: it has a code's form, and it is
        either no name for sure, or that of TYPED_TEXT_PUPILS pupils, who cannot be recognised by it."""
        keys = [_folded(text) if bad and fits(text) else None for text, bad in zip(column.texts, unknown, strict=True)]
        many, words = self._keys_of_many(column, keys), _words(known)
        return [
            key is not None and (key in many or _is_no_name(text, words))
            for key, text in zip(keys, column.texts, strict=True)
        ]

    def _keys_of_many(self, column: Distinct, keys: Sequence[str | None]) -> set[str]:
        """The keys that TYPED_TEXT_PUPILS pupils have; `keys` are those of the distinct texts."""
        series = pl.Series(keys, dtype=pl.String)
        if "pupil_id" not in self.values or series.null_count() == len(series):
            # A calendar has no pupils, so nothing in it is that of many.
            return set()
        rows = pl.DataFrame({"key": column.spread(series), "pupil": self.values["pupil_id"]}).drop_nulls()
        counted = rows.group_by("key").agg(pl.col("pupil").n_unique())
        return set(counted.filter(pl.col("pupil") >= TYPED_TEXT_PUPILS)["key"])

    def _of_many_pupils(self, rows: pl.Series) -> bool:
        return self.values["pupil_id"].gather(rows).drop_nulls().n_unique() >= TYPED_TEXT_PUPILS

    def _unmapped(self, kind: str, column: Distinct, unknown: Sequence[bool], told: Sequence[bool]) -> None:
        """Note the rows of texts that no crosswalk knows; a text that may not be told is so by its first row only."""
        for place, (text, bad, may) in enumerate(zip(column.texts, unknown, told, strict=True)):
            if not bad:
                continue
            rows = column.where(pl.Series([False] * len(unknown), dtype=pl.Boolean).scatter(place, True))
            self.unmapped.append(_Unmapped(kind, text if may else None, rows))

    def _counted_unmapped(self) -> list[dict[str, Any]]:
        """One line a code. Rows that are gone, or rejected for something else, do not wait for a code to be mapped."""
        aside = pl.repeat(False, self.height, eager=True)
        if "deleted" in self.values:
            aside = aside | self.values["deleted"]
        if self.violations:
            told = self._first_violations
            otherwise = [self.violations[number].rule not in _RULES_OF_CODES for number in told["number"]]
            aside = aside.scatter(told["row"].filter(pl.Series(otherwise, dtype=pl.Boolean)), True)
        numbers = self.extract.frame["row_number"]
        lines = []
        for one in self.unmapped:
            rows = one.rows.filter(~aside.gather(one.rows)).sort()
            if len(rows):
                code = one.code if one.code is not None else f"({one.called}, row {numbers[int(rows[0])]})"
                lines.append({"kind": one.kind, "source_code": code, "row_count": len(rows)})
        return lines

    def _find(self, rule: str, severity: str, row_count: int, message_fi: str, message_en: str) -> None:
        self.findings.append(
            {
                "rule": rule,
                "severity": severity,
                "row_count": row_count,
                "message_fi": message_fi,
                "message_en": message_en,
            }
        )

    # Putting it together

    def _mask(self, rows: pl.Series) -> pl.Series:
        return pl.repeat(False, self.height, eager=True).scatter(rows, True)

    def _rejected_rows(self) -> pl.Series:
        """Places of rejected rows. A tombstone is landed whatever else it says, if it tells what is gone."""
        if not self.violations:
            return pl.Series([], dtype=pl.UInt32)
        return self._first_violations["row"]

    @cached_property
    def _first_violations(self) -> pl.DataFrame:
        """One line a rejected row: its place, and the number of the violation that is told (of its first column)."""
        lines = pl.concat(
            [
                pl.DataFrame({"row": violation.rows}).with_columns(
                    order=pl.lit(violation.order, dtype=pl.Int32), number=pl.lit(number, dtype=pl.Int32)
                )
                for number, violation in enumerate(self.violations)
            ]
        )
        deleted = self.values.get("deleted")
        if deleted is not None and deleted.any():
            needed = ("record_id", "deleted", "updated_at")
            kept = [self.fields.index(name) for name in needed] + [_RAGGED, _HARMLESS]
            conflicts = [n for n, violation in enumerate(self.violations) if violation.rule == "conflicting_versions"]
            tombstone = deleted.gather(lines["row"])
            lines = lines.filter(~tombstone | pl.col("order").is_in(kept) | pl.col("number").is_in(conflicts))
        return lines.sort("row", "order", "number").unique("row", keep="first", maintain_order=True)

    def _finish(self, covered: tuple[date, date] | None, reasons: list[tuple[str, pl.Series]]) -> CheckedDataset:
        if self.extract.repeated:
            self._find(
                "repeated_items",
                "info",
                self.extract.repeated,
                "Lähde lähetti samat tietueet kahdesti (toistuva sivu); ne laskettiin kerran.",
                "The source sent the same items twice (a repeated page); they were counted once.",
            )
        bad = self._rejected_rows()
        rejected = self._rejected() if len(bad) else pl.DataFrame(schema=REJECTED_SCHEMA)
        frame = self._landing(~self._mask(bad) if len(bad) else None, reasons)
        landed = self.height - len(bad)
        if frame.height != landed * (len(reasons) or 1) or self.height != landed + rejected.height:
            raise AssertionError(f"{self.municipality.name} {self.name}: rows in are not landed + rejected")
        return CheckedDataset(
            table=self.table.qualified_name,
            frame=frame,
            rows_in=self.height,
            rows_landed=landed,
            rejected=rejected,
            non_data=self.extract.non_data,
            covers_from=covered[0] if covered else None,
            covers_to=covered[1] if covered else None,
            extent=self.dataset.extent,
            unmapped=_merged(self._counted_unmapped()) if self.unmapped else [],
            findings=self.findings,
        )

    def _landing(self, keep: pl.Series | None, reasons: list[tuple[str, pl.Series]]) -> pl.DataFrame:
        columns = [self.extract.frame["row_number"]]
        for one in self.table.landed:
            if one.name in self.values:
                columns.append(self.values[one.name].alias(one.column))
            elif one.name == "deleted":
                columns.append(pl.repeat(False, self.height, eager=True).alias(one.column))
            else:
                columns.append(pl.Series(one.column, [None], dtype=_polars_type(one)).new_from_index(0, self.height))
        frame = pl.DataFrame(columns)
        if keep is not None:
            frame = frame.filter(keep)
        if not reasons:
            return frame
        parts = []
        for source, lessons in reasons:
            kept = lessons if keep is None else lessons.filter(keep)
            parts.append(frame.with_columns(pl.lit(source).alias("source_code"), kept.alias("lessons")))
        return pl.concat(parts).sort("row_number", maintain_order=True)

    def _rejected(self) -> pl.DataFrame:
        first = self._first_violations
        rows = first["row"]
        told: list[dict[str, Any]] = []
        for row, number in zip(rows, first["number"], strict=True):
            violation = self.violations[number]
            told.append(
                {"column_name": violation.column or None, "rule": violation.rule, **self._message(violation, row)}
            )
        read = self._readable(rows)
        return pl.DataFrame(
            [self.extract.frame["row_number"].gather(rows), *pl.DataFrame(told).get_columns(), *read],
        ).select(pl.col(name).cast(kind) for name, kind in REJECTED_SCHEMA.items())

    def _message(self, violation: _Violation, row: int) -> dict[str, str]:
        value = ""
        if violation.shown is not None:
            column = violation.shown
            text = column.texts[row if column.codes is None else column.codes[row]]
            if text is not None and parsing.looks_numeric(text):
                value = f" {text}"
        finnish, english = MESSAGES[violation.rule]
        parts = {"column": violation.column, "detail": violation.detail, "value": value}
        return {"message_fi": finnish.format(**parts), "message_en": english.format(**parts)}

    def _readable(self, rows: pl.Series) -> list[pl.Series]:
        """What a rejected row still tells: the pupil, the one day it is about, the school, from when and until when it
        may hold, and which record it is.

        A period whose start cannot be read holds from no known day. An interval over several days is about no one day,
        but about none before its first and after its last; one that ends before it starts may be about any.
        """

        def of(name: str, kind: Any) -> pl.Series:
            if name in self.values:
                return self.values[name].gather(rows)
            return pl.Series([None], dtype=kind).new_from_index(0, len(rows))

        pupil = of("pupil_id", pl.Binary).bin.encode("hex")
        school = of("school_number", pl.String)
        record = of("record_id", pl.Binary).bin.encode("hex")
        starts = of("valid_from", pl.Date)
        day = of("month" if "month" in self.values else "day", pl.Date)
        earliest = pl.select(
            pl.when(starts.is_not_null()).then(pl.min_horizontal(starts, of("valid_to", pl.Date)))
        ).to_series()
        latest = of("day", pl.Date)
        if "starts_at" in self.values:
            day, earliest, latest = _days_about(
                of("starts_at", pl.Datetime("us", "UTC")), of("ends_at", pl.Datetime("us", "UTC"))
            )
        elif day.null_count() < len(day):
            earliest = day
        return [
            pupil.alias("pupil_ref"),
            day.alias("day"),
            school.alias("school_number"),
            earliest.alias("earliest_date"),
            latest.alias("latest_date"),
            record.alias("record_key"),
        ]


def _days_about(starts: pl.Series, ends: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """The one day that each interval is about (null: several, or not known), its first day and its last one in Finland;
    the end's own instant is not in it."""
    first, end = (moments.dt.convert_time_zone("Europe/Helsinki").dt.date() for moments in (starts, ends))
    last = ends.dt.offset_by("-1us").dt.convert_time_zone("Europe/Helsinki").dt.date()
    found = pl.DataFrame({"starts": starts, "ends": ends, "first": first, "last": last, "end": end}).select(
        pl.when(pl.col("first") == pl.col("end"))
        .then(pl.struct("first", last="first"))
        .when((pl.col("starts") >= pl.col("ends")).fill_null(value=False))
        .then(pl.struct(first=None, last=None))
        .otherwise(pl.struct("first", "last"))
        .struct.unnest()
    )
    day = found.select(pl.when(pl.col("first") == pl.col("last")).then("first")).to_series()
    return day, found["first"], found["last"]


def _all_different(ids: pl.Series) -> bool:
    """Whether no text comes twice. Rising numbers, which most systems give, are seen without hashing each."""
    numbers = ids.cast(pl.Int64, strict=False)
    if numbers.null_count() == 0 and (numbers.diff().drop_nulls() > 0).all():
        return True
    return ids.n_unique() == len(ids)


def _merged(unmapped: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line a code, although it was written with different blanks around it."""
    counts: dict[tuple[str, str], int] = {}
    for line in unmapped:
        key = (line["kind"], line["source_code"])
        counts[key] = counts.get(key, 0) + line["row_count"]
    return [{"kind": kind, "source_code": code, "row_count": count} for (kind, code), count in sorted(counts.items())]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _words(known: Collection[str]) -> frozenset[str]:
    return frozenset(word for code in known for word in code.casefold().split())


def _is_no_name(text: str, words: frozenset[str]) -> bool:
    """Whether an unknown text is too short for a name, or made of words of known codes, in whatever letters."""
    return parsing.is_plain_code(text) or words.issuperset(text.casefold().split())


_POLARS_TYPES: Mapping[str, Any] = {
    "uuid": pl.Binary,
    "text": pl.String,
    "smallint": pl.Int16,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "timestamptz": pl.Datetime("us", "UTC"),
    "time": pl.Time,
    "text[]": pl.List(pl.String),
}


def _polars_type(one: Property) -> Any:
    if one.physical_type.startswith("numeric"):
        precision, scale = (int(part) for part in one.physical_type[8:-1].split(","))
        return pl.Decimal(precision, scale)
    return _POLARS_TYPES[one.physical_type]
