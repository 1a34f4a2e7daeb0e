"""A municipality's folder, read into frozen dataclasses.

`municipalities/<name>/` holds `municipality.yaml` (where the extract comes from and in what shape) and the crosswalks
(`schools.csv`, `absence_codes.csv`, `support_codes.csv`, `mark_codes.csv`, `forms.csv`, `home_municipalities.csv`).
The DAG factory imports this module while parsing: nothing heavy is imported, and crosswalks are read only when
`Municipality.codes` is asked for. Every key: `municipalities/README.md`.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml

from connectors.delivery import DATASETS, school_year_of

# What a new folder has where somebody must write.
GAP = "FILL IN"
GRAINS = ("lesson", "interval", "day", "month")
EXTENTS = ("full", "window", "chain", "month")
_ALL_TRANSPORTS = ("fetch_at", "max_file_bytes", "timeout_seconds", "max_seconds", "retry_wait_seconds", "receipts")
# Each transport and the keys that it has (connectors/transports/__init__.py says what they mean).
TRANSPORT_KEYS = {
    "sftp": (*_ALL_TRANSPORTS, "folder", "ready_file", "ready_keys", "reread_seconds", "max_unpacked_bytes"),
    "rest": (
        *_ALL_TRANSPORTS,
        *("token_path", "resource_path", "page_size", "keys", "overlap_minutes", "max_attempts", "max_wait_seconds"),
    ),
    "sql": (*_ALL_TRANSPORTS, "schema", "isolation_level"),
    "share": (*_ALL_TRANSPORTS, "previous_year_until", "settle_seconds", "max_unpacked_bytes"),
}
TRANSPORTS = tuple(TRANSPORT_KEYS)
FORMATS = ("csv", "json", "rows", "xlsx")
# What a transport can bring: files of any kind, or records that it writes as JSON itself.
TRANSPORT_FORMATS = {
    "sftp": ("csv", "json", "xlsx"),
    "rest": ("json",),
    "sql": ("rows",),
    "share": ("csv", "json", "xlsx"),
}
# Names of what is no municipality: the two other keys are files beside those of the municipalities, and figures and
# a role of the whole region stand beside theirs.
RESERVED_NAMES = ("archive", "regional", "region")
PUPIL_IDS = ("local", "hetu", "oppijanumero")
CROSSWALK_FILES = (
    "schools.csv",
    "absence_codes.csv",
    "support_codes.csv",
    "mark_codes.csv",
    "forms.csv",
    "home_municipalities.csv",
)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_T = TypeVar("_T")
_VALIDITY = ("valid_from", "valid_to", "reviewed_by", "reviewed_on")


class ConfigError(Exception):
    """A municipality's folder does not say what it must; names the file, the line, and the key or column."""

    def __init__(self, file: Path, where: str, problem: str) -> None:
        super().__init__(f"{file.parent.name}/{file.name}: {where}: {problem}")
        self.file = file
        self.where = where
        self.problem = problem

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[Path, str, str]]:
        return type(self), (self.file, self.where, self.problem)


def key_error(file: Path, key: str, problem: str) -> ConfigError:
    """The error for a key of a municipality.yaml (dotted, `datasets.absence.extent`), with the line where it is; for a
    key that is missing, the line of what should hold it."""
    line = _line_of(file, key)
    return ConfigError(file, f"line {line}, {key}" if line else key, problem)


def _line_of(file: Path, key: str) -> int | None:
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    line: int | None = None
    for part in key.split("."):
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        found = next((pair for pair in pairs if pair[0].value == part), None)
        if found is None:
            return line
        line, node = found[0].start_mark.line + 1, found[1]
    return line


@dataclass(frozen=True)
class Transport:
    """How the extract is fetched: `kind` is one of TRANSPORTS, `options` its parameters (no secret among them).

    The credentials are in the Airflow Connection that has the municipality's name.
    """

    kind: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Format:
    """How the bytes are laid out.

    csv: `encoding`, `delimiter`, `quote`. xlsx: `sheet`, `header_row` (1-based), `total_label` (the first cell of a
    total row, which is no record). json and rows (one JSON object a line) need nothing.
    """

    kind: str
    encoding: str = "utf-8"
    delimiter: str = ";"
    quote: str = '"'
    sheet: str | None = None
    header_row: int = 1
    total_label: str | None = None


@dataclass(frozen=True)
class Style:
    """How values are written.

    dates, times, timestamps: strptime patterns, tried in order (`iso` for ISO 8601 timestamps with offset; a
    timestamp without offset is in `time_zone`). months: `fi` (`syyskuu 2025`), `date` (any date in the month) or a
    strptime pattern. decimal: `,` or `.`. zero: texts that mean 0. true / false: texts of a yes and a no, compared
    without regard to case; an empty cell is a no.
    """

    dates: tuple[str, ...] = ("%Y-%m-%d",)
    times: tuple[str, ...] = ("%H:%M",)
    timestamps: tuple[str, ...] = ("iso",)
    time_zone: str = "Europe/Helsinki"
    months: tuple[str, ...] = ("date",)
    decimal: str = "."
    zero: tuple[str, ...] = ()
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)


@dataclass(frozen=True)
class Dataset:
    """One dataset of one municipality.

    source: file name (may hold {school_year}, {next_year}, {night}), REST resource, or database view.
    extent: what a delivery replaces: `full` (days up to the day before the night), `window` (`window_days` days
    before the night), `chain` (increments, up to the day before `as_of`), `month` (whole months before the night's).
    columns: contract field → source column. reasons (grain month): the columns that hold lessons, one a reason.
    support_code: columns joined by a space into the source's code of the level; typed = written by hand.
    mark_lists: columns that hold lists of marks (a JSON array, or text split at mark_separator); mark_flags: columns
    whose yes is the mark named as the column; mark_prose: a column of free text in which only exact forms are read.
    cleared_keep: clearing flags that land as they are; any other value lands as `cleared`.
    one_school_year: days outside the delivery's school year are errors.
    """

    name: str
    source: str
    extent: str
    format: Format
    style: Style
    columns: Mapping[str, str]
    window_days: int = 20
    reasons: tuple[str, ...] = ()
    support_code: tuple[str, ...] = ()
    support_typed: bool = False
    mark_lists: tuple[str, ...] = ()
    mark_separator: str = ","
    mark_flags: tuple[str, ...] = ()
    mark_prose: str | None = None
    cleared_keep: tuple[str, ...] = ()
    one_school_year: bool = True

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Every column that is read, each once; transports ask the source for these and no others."""
        prose = (self.mark_prose,) if self.mark_prose else ()
        wanted = (
            *self.columns.values(),
            *self.reasons,
            *self.support_code,
            *self.mark_lists,
            *self.mark_flags,
            *prose,
        )
        return tuple(dict.fromkeys(wanted))

    def source_name(self, school_year: int, night: date) -> str:
        """`source` with the school year and the night filled in."""
        return self.source.format(school_year=school_year, next_year=school_year + 1, night=night.isoformat())


@dataclass(frozen=True)
class School:
    """One line of schools.csv: a school, and one way in which the source writes it."""

    school_number: str
    name_fi: str
    source_value: str
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class AbsenceCode:
    """One line of absence_codes.csv. `cleared` None: whatever the clearing flag; a line with a value wins over it."""

    source_code: str
    cleared: str | None
    absence_class: str
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class SupportCode:
    """One line of support_codes.csv. `implies_marks`: regional marks that the code itself says."""

    support_code: str
    kind: str
    regime: int
    implies_marks: tuple[str, ...]
    contradiction: bool
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class MarkCode:
    """One line of mark_codes.csv: a source's measure or flag and the regional mark it means."""

    source_code: str
    mark: str
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class FormCode:
    """One line of forms.csv: a source's form of teaching and the regional one."""

    source_code: str
    form: str
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class HomeMunicipality:
    """One line of home_municipalities.csv: what the source writes (a name, an old code) and today's code."""

    source_value: str
    municipality_code: str
    valid_from: date
    valid_to: date | None
    reviewed_by: str
    reviewed_on: date


@dataclass(frozen=True)
class Codes:
    """All crosswalks of one municipality."""

    schools: tuple[School, ...]
    absence: tuple[AbsenceCode, ...]
    support: tuple[SupportCode, ...]
    marks: tuple[MarkCode, ...]
    forms: tuple[FormCode, ...]
    home_municipalities: tuple[HomeMunicipality, ...]


@dataclass(frozen=True)
class Municipality:
    """One folder of `municipalities/`: who delivers, how it is fetched and read, and (lazily) what its codes mean.

    pupil_id: what kind of id the source's rows refer to a pupil by, one of PUPIL_IDS. silent_days: after how many days
    without anything new it is silent; None: as `TUKIVERKKO_SILENT_DAYS` says.
    """

    name: str
    code: str
    name_fi: str
    name_sv: str
    name_en: str
    valid_from: date
    contact_name: str
    contact_email: str
    absence_grain: str
    pupil_id: str
    transport: Transport
    datasets: Mapping[str, Dataset]
    folder: Path = field(compare=False, repr=False)
    silent_days: int | None = None

    @cached_property
    def codes(self) -> Codes:
        """The crosswalks, read from the folder at the first use. Raises ConfigError."""
        return load_codes(self.folder)

    def school_years(self, night: date) -> tuple[int, ...]:
        """School years to fetch on a night: the night's own, then the previous one while it is still corrected.

        The previous one is fetched up to the day `transport.previous_year_until` (mm-dd) of the night's year.
        """
        current = school_year_of(night)
        until = self.transport.options.get("previous_year_until")
        if until and current == night.year and night.strftime("%m-%d") <= str(until):
            return current, current - 1
        return (current,)


class _Reader:
    """Takes keys out of a YAML mapping, so that what is left over is a mistake, and names the key in every error."""

    def __init__(self, file: Path, value: object, where: str = "") -> None:
        self.file = file
        self.where = where
        if not isinstance(value, dict):
            raise self.error("must be a mapping")
        self.values = dict(value)

    def error(self, problem: str, key: str = "") -> ConfigError:
        return key_error(self.file, ".".join(part for part in (self.where, key) if part) or "(top)", problem)

    def take(self, key: str, default: Any = ...) -> Any:
        if key in self.values:
            return self.values.pop(key)
        if default is ...:
            raise self.error("is missing", key)
        return default

    def text(self, key: str, default: Any = ...) -> Any:
        value = self.take(key, default)
        if value is not None and not isinstance(value, str):
            raise self.error(f"must be text (put it in quotes), not {value!r}", key)
        if value == GAP:
            raise self.error("is to be filled in", key)
        return value

    def one_of(self, key: str, allowed: tuple[str, ...], default: Any = ...) -> str:
        value = self.take(key, default)
        if value not in allowed:
            raise self.error(f"is {value!r}, must be one of {', '.join(allowed)}", key)
        return str(value)

    def number(self, key: str, default: Any = ...) -> int:
        value = self.take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(f"must be a whole number from 1, not {value!r}", key)
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise self.error(f"must be true or false, not {value!r}", key)
        return value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.take(key, default)
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise self.error("must be a list of texts (put each in quotes)", key)
        return tuple(value)

    def day(self, key: str) -> date:
        value = self.take(key)
        if type(value) is not date:
            raise self.error(f"must be a date (yyyy-mm-dd), not {value!r}", key)
        return value

    def inner(self, key: str, default: Any = ...) -> "_Reader":
        return _Reader(
            self.file,
            self.take(key, default),
            ".".join(part for part in (self.where, key) if part),
        )

    def finish(self) -> None:
        if self.values:
            raise self.error("is not a known key", str(next(iter(self.values))))


def _style(reader: _Reader, base: Style) -> Style:
    style = Style(
        dates=reader.texts("dates", base.dates),
        times=reader.texts("times", base.times),
        timestamps=reader.texts("timestamps", base.timestamps),
        time_zone=reader.text("time_zone", base.time_zone),
        months=reader.texts("months", base.months),
        decimal=reader.one_of("decimal", (",", "."), base.decimal),
        zero=reader.texts("zero", base.zero),
        true=reader.texts("true", base.true),
        false=reader.texts("false", base.false),
    )
    reader.finish()
    return style


def _format(reader: _Reader, base: Format | None) -> Format:
    made = Format(
        kind=reader.one_of("kind", FORMATS, base.kind if base else ...),
        encoding=reader.text("encoding", base.encoding if base else "utf-8"),
        delimiter=reader.text("delimiter", base.delimiter if base else ";"),
        quote=reader.text("quote", base.quote if base else '"'),
        sheet=reader.text("sheet", base.sheet if base else None),
        header_row=reader.number("header_row", base.header_row if base else 1),
        total_label=reader.text("total_label", base.total_label if base else None),
    )
    if len(made.delimiter) != 1 or len(made.quote) != 1:
        raise reader.error("delimiter and quote must be one character each")
    reader.finish()
    return made


def _columns(reader: _Reader) -> dict[str, str]:
    for key, value in reader.values.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise reader.error("must be a source column's name", str(key))
    return {str(key): str(value) for key, value in reader.values.items()}


def _dataset(
    name: str,
    reader: _Reader,
    base_format: Format | None,
    base_style: Style,
    grain: str,
) -> Dataset:
    code = reader.inner("support_code", {})
    marks = reader.inner("marks", {})
    dataset = Dataset(
        name=name,
        source=reader.text("source"),
        extent=reader.one_of("extent", EXTENTS),
        format=_format(reader.inner("format", {}), base_format),
        style=_style(reader.inner("style", {}), base_style),
        columns=_columns(reader.inner("columns")),
        window_days=reader.number("window_days", 20),
        reasons=reader.texts("reasons"),
        support_code=code.texts("columns"),
        support_typed=code.flag("typed", False),
        mark_lists=marks.texts("lists"),
        mark_separator=marks.text("separator", ","),
        mark_flags=marks.texts("flags"),
        mark_prose=marks.text("prose", None),
        cleared_keep=reader.texts("cleared_keep"),
        one_school_year=reader.flag("one_school_year", name in ("absence", "school_day")),
    )
    for part in (code, marks, reader):
        part.finish()
    if name == "support" and not dataset.support_code:
        raise reader.error("is missing", "support_code.columns")
    if name != "support" and (dataset.support_code or dataset.mark_lists or dataset.mark_flags or dataset.mark_prose):
        raise reader.error("support_code and marks belong to the dataset support")
    monthly = name == "absence" and grain == "month"
    if monthly != bool(dataset.reasons):
        raise reader.error("must be given when, and only when, absence_grain is month", "reasons")
    if dataset.extent in ("window", "chain", "month") and name != "absence":
        raise reader.error(f"{dataset.extent} is for absences only; {name} is full", "extent")
    if (dataset.extent == "month") != monthly and name == "absence":
        raise reader.error("month goes with absence_grain month, and only with it", "extent")
    if dataset.format.kind == "xlsx" and not dataset.format.sheet:
        raise reader.error("is missing", "format.sheet")
    try:
        dataset.source_name(2025, date(2025, 8, 1))
    except (KeyError, IndexError, ValueError):
        raise reader.error("may hold {school_year}, {next_year} and {night} only", "source") from None
    return dataset


def load_municipality(folder: Path) -> Municipality:
    """Read one folder's municipality.yaml. Raises ConfigError, which names the file and the key."""
    file = folder / "municipality.yaml"
    try:
        with file.open("rb") as stream:
            content = yaml.load(stream, Loader=_LOADER)
    except FileNotFoundError:
        raise ConfigError(file, "(file)", "is missing") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "(file)"
        raise ConfigError(
            file,
            where,
            f"is not YAML: {getattr(error, 'problem', None) or 'cannot be read'}",
        ) from None

    reader = _Reader(file, content)
    names = reader.inner("names")
    contact = reader.inner("contact")
    transport = reader.inner("transport")
    kind = transport.one_of("kind", TRANSPORTS)
    for key in transport.values:
        if key not in TRANSPORT_KEYS[kind]:
            raise transport.error(f"is no key of {kind}; its keys: {', '.join(TRANSPORT_KEYS[kind])}", str(key))
    grain = reader.one_of("absence_grain", GRAINS)
    shape = reader.take("format", None)
    base_format = _format(_Reader(file, shape, "format"), None) if shape is not None else None
    base_style = _style(reader.inner("style", {}), Style())
    datasets = reader.inner("datasets")
    municipality = Municipality(
        name=folder.name,
        code=reader.text("code"),
        name_fi=names.text("fi"),
        name_sv=names.text("sv"),
        name_en=names.text("en"),
        valid_from=reader.day("valid_from"),
        contact_name=contact.text("name"),
        contact_email=contact.text("email"),
        absence_grain=grain,
        pupil_id=reader.one_of("pupil_id", PUPIL_IDS),
        transport=Transport(kind, transport.values),
        datasets={name: _dataset(name, datasets.inner(name), base_format, base_style, grain) for name in DATASETS},
        folder=folder,
        silent_days=reader.number("silent_days") if "silent_days" in reader.values else None,
    )
    for part in (names, contact, datasets, reader):
        part.finish()
    if not (municipality.code.isdigit() and len(municipality.code) == 3):
        raise key_error(file, "code", f"must be three digits in quotes, not {municipality.code!r}")
    for dataset in municipality.datasets.values():
        if dataset.format.kind not in TRANSPORT_FORMATS[kind]:
            brought = ", ".join(TRANSPORT_FORMATS[kind])
            raise key_error(file, f"datasets.{dataset.name}", f"{kind} brings {brought}, not {dataset.format.kind}")
    if not (folder.name.isidentifier() and folder.name.islower() and folder.name.isascii()):
        raise ConfigError(
            file,
            "(folder)",
            "must be named in lower-case ASCII letters, digits and underscores",
        )
    refuse_reserved_name(file)
    return municipality


def refuse_reserved_name(file: Path) -> None:
    """Raises ConfigError when the folder of this municipality.yaml has a name that means something else."""
    if file.parent.name in RESERVED_NAMES:
        raise ConfigError(file, "(folder)", f"no municipality can be named {' or '.join(RESERVED_NAMES)}")


def refuse_shared_code(root: Path, municipality: Municipality) -> None:
    """Raises ConfigError when another folder of `root` has the municipality's code."""
    for name in municipality_names(root):
        try:
            code = municipality.code if name == municipality.name else load_municipality(root / name).code
        except ConfigError:
            # That folder has a mistake of its own, which is told there.
            continue
        if name != municipality.name and code == municipality.code:
            raise key_error(municipality.folder / "municipality.yaml", "code", f"is also that of {name}")


def municipality_names(root: Path) -> tuple[str, ...]:
    """The names of the folders that hold a municipality.yaml, in order; also of those that are not in order inside."""
    return tuple(sorted(file.parent.name for file in root.glob("*/municipality.yaml")))


def load_municipalities(root: Path) -> tuple[Municipality, ...]:
    """Read every folder of `root` that holds a municipality.yaml, in the order of their names. Raises ConfigError."""
    municipalities = tuple(load_municipality(file.parent) for file in sorted(root.glob("*/municipality.yaml")))
    seen: dict[str, str] = {}
    for municipality in municipalities:
        if municipality.code in seen:
            file = municipality.folder / "municipality.yaml"
            raise key_error(file, "code", f"is also that of {seen[municipality.code]}")
        seen[municipality.code] = municipality.name
    return municipalities


@dataclass(frozen=True)
class _Line:
    """One line of a crosswalk; every error names the file, the line and the column."""

    file: Path
    number: int
    values: Mapping[str, str]

    def error(self, column: str, problem: str) -> ConfigError:
        return ConfigError(self.file, f"line {self.number}, {column}", problem)

    def text(self, column: str) -> str:
        value = self.values[column]
        if not value:
            raise self.error(column, "is empty")
        if value == GAP:
            raise self.error(column, "is still to be filled in")
        return value

    def one_of(self, column: str, allowed: tuple[str, ...]) -> str:
        value = self.values[column]
        if value not in allowed:
            raise self.error(column, f"is {value!r}, must be one of {', '.join(allowed)}")
        return value

    def day(self, column: str) -> date:
        try:
            return date.fromisoformat(self.values[column])
        except ValueError:
            raise self.error(column, f"must be a date (yyyy-mm-dd), not {self.values[column]!r}") from None

    def validity(self) -> tuple[date, date | None, str, date]:
        valid_from = self.day("valid_from")
        valid_to = self.day("valid_to") if self.values["valid_to"] else None
        if valid_to is not None and valid_to < valid_from:
            raise self.error("valid_to", "is before valid_from")
        return valid_from, valid_to, self.text("reviewed_by"), self.day("reviewed_on")


# The regional words that a crosswalk may use (docs/definitions.md §2, §3); the dbt seeds label them.
ABSENCE_CLASSES = (
    "unauthorised",
    "unclarified",
    "other_accepted",
    "leave",
    "health",
    "late",
    "school_activity",
)
SUPPORT_KINDS = ("intensified", "special", "decision")
MARKS = (
    "part_small_group",
    "small_group",
    "special_class",
    "interpretation",
    "assistant",
    "aids",
    "functional_areas",
    "extended",
    "disability_based",
)
FORMS = ("basic", "flexible", "preparatory", "home", "hospital")


def _school(line: _Line) -> School:
    number = line.text("school_number")
    if not (number.isdigit() and len(number) == 5):
        raise line.error("school_number", f"must be five digits, not {number!r}")
    return School(
        number,
        line.text("name_fi"),
        line.values["source_value"] or number,
        *line.validity(),
    )


def _absence(line: _Line) -> AbsenceCode:
    return AbsenceCode(
        line.text("source_code"),
        line.values["cleared"] or None,
        line.one_of("absence_class", ABSENCE_CLASSES),
        *line.validity(),
    )


def _support(line: _Line) -> SupportCode:
    marks = tuple(line.values["implies_marks"].split())
    for mark in marks:
        if mark not in MARKS:
            raise line.error("implies_marks", f"{mark!r} is not one of {', '.join(MARKS)}")
    return SupportCode(
        line.text("support_code"),
        line.one_of("kind", SUPPORT_KINDS),
        int(line.one_of("regime", ("2011", "2025"))),
        marks,
        line.one_of("contradiction", ("true", "false")) == "true",
        *line.validity(),
    )


def _mark(line: _Line) -> MarkCode:
    return MarkCode(line.text("source_code"), line.one_of("mark", MARKS), *line.validity())


def _form(line: _Line) -> FormCode:
    return FormCode(line.text("source_code"), line.one_of("form", FORMS), *line.validity())


def _home(line: _Line) -> HomeMunicipality:
    code = line.text("municipality_code")
    if not (code.isdigit() and len(code) == 3):
        raise line.error("municipality_code", f"must be three digits, not {code!r}")
    return HomeMunicipality(line.text("source_value"), code, *line.validity())


def _crosswalk(
    folder: Path, name: str, columns: tuple[str, ...], make: Callable[[_Line], _T], key: tuple[str, ...]
) -> tuple[_T, ...]:
    """The lines of a crosswalk. On any day at most one line says what a key means, else a record would count twice."""
    file = folder / name
    said: dict[tuple[str, ...], list[tuple[date, date, int]]] = {}
    expected = [*columns, *_VALIDITY]
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            header = next(rows, [])
            if header != expected:
                raise ConfigError(file, "line 1", f"must be {','.join(expected)}")
            made = []
            for values in rows:
                if not values:
                    continue
                if len(values) != len(expected):
                    raise ConfigError(
                        file,
                        f"line {rows.line_num}",
                        f"has {len(values)} values, not {len(expected)}",
                    )
                line = _Line(file, rows.line_num, dict(zip(expected, values, strict=True)))
                made.append(make(line))
                _refuse_overlap(line, said.setdefault(tuple(line.values[column] for column in key), []))
            return tuple(made)
    except FileNotFoundError:
        raise ConfigError(file, "(file)", "is missing") from None
    except UnicodeDecodeError:
        raise ConfigError(file, "(file)", "is not UTF-8") from None


def _refuse_overlap(line: _Line, earlier: list[tuple[date, date, int]]) -> None:
    valid_from, valid_to, _, _ = line.validity()
    last = valid_to or date.max
    for other_from, other_last, number in earlier:
        if valid_from <= other_last and other_from <= last:
            raise line.error("valid_from", f"line {number} says what this means for the same days: give it a valid_to")
    earlier.append((valid_from, last, line.number))


def load_codes(folder: Path) -> Codes:
    """Read the crosswalks of a municipality's folder. Raises ConfigError, which names the file, line and column."""
    home = _crosswalk(
        folder, "home_municipalities.csv", ("source_value", "municipality_code"), _home, ("source_value",)
    )
    return Codes(
        schools=_crosswalk(
            folder, "schools.csv", ("school_number", "name_fi", "source_value"), _school, ("source_value",)
        ),
        absence=_crosswalk(
            folder,
            "absence_codes.csv",
            ("source_code", "cleared", "absence_class"),
            _absence,
            ("source_code", "cleared"),
        ),
        support=_crosswalk(
            folder,
            "support_codes.csv",
            ("support_code", "kind", "regime", "implies_marks", "contradiction"),
            _support,
            ("support_code",),
        ),
        marks=_crosswalk(folder, "mark_codes.csv", ("source_code", "mark"), _mark, ("source_code",)),
        forms=_crosswalk(folder, "forms.csv", ("source_code", "form"), _form, ("source_code",)),
        home_municipalities=home,
    )
