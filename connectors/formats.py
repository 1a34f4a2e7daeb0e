"""Bytes become a frame of texts: one column for each source column that the mapping names, and `row_number`.

Nothing is typed here: what a text means is for the contract check. What cannot be split into rows at all is refused.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from connectors.config import Dataset
from connectors.delivery import RawFile, SourceRefused
from connectors.workbook import MAX_UNPACKED_BYTES, UnsafeWorkbook, unreadable_cells

# A quoted field may hold line breaks; a quote that never closes must not swallow the rest of the file.
_LONGEST_RECORD_LINES = 20
_SCAN_BYTES = 1 << 18
_BOM = b"\xef\xbb\xbf"
# A field may be as long as its file, which has a limit of its own.
_LONGEST_FIELD = 2**31 - 1


@dataclass(frozen=True)
class Extract:
    """One dataset as texts.

    frame: `row_number` (Int32, 1 = first data record) and the source columns (String or Categorical; null = empty).
    non_data: titles, headers, blank and total rows. repeated: items that came again on a repeated page, left out.
    ragged: row numbers of records with too many or too few fields; in the frame with what stands in their places.
    unreadable: source column → row numbers of cells that hold an error or a formula without its result (null there).
    """

    frame: pl.DataFrame
    non_data: int
    repeated: int = 0
    ragged: tuple[int, ...] = field(default=())
    unreadable: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read_extract(
    file: RawFile, dataset: Dataset, municipality: str, max_unpacked_bytes: int = MAX_UNPACKED_BYTES
) -> Extract:
    """Read the columns that `dataset` maps. Raises SourceRefused (wrong encoding, header, sheet or layout).

    max_unpacked_bytes: to how much a workbook may unpack.
    """
    source = _Source(file, dataset, municipality)
    if dataset.format.kind == "csv":
        return _read_csv(source)
    if dataset.format.kind == "xlsx":
        return _read_xlsx(source, max_unpacked_bytes)
    return _read_json(source)


@dataclass(frozen=True)
class _Source:
    file: RawFile
    dataset: Dataset
    municipality: str

    def refused(self, reason_en: str, reason_fi: str, hint: str, code: str) -> SourceRefused:
        where = f"{self.dataset.name} ({self.file.name})"
        return SourceRefused(self.municipality, f"{where}: {reason_en}", f"{where}: {reason_fi}", hint, code)

    def places(self, header: Sequence[str]) -> dict[str, int]:
        """Where each mapped column stands in the header."""
        wanted = self.dataset.source_columns
        missing = [name for name in wanted if name not in header]
        if missing:
            names = ", ".join(missing)
            raise self.refused(
                f"missing column {names}.",
                f"sarake puuttuu: {names}.",
                "Ask the municipality to restore it, or change the mapping in municipality.yaml.",
                code="missing_column",
            )
        twice = [name for name in wanted if list(header).count(name) > 1]
        if twice:
            names = ", ".join(twice)
            raise self.refused(
                f"column {names} is there more than once.",
                f"sarake esiintyy useammin kuin kerran: {names}.",
                "Ask the municipality which of them holds.",
                code="column_twice",
            )
        return {name: list(header).index(name) for name in wanted}

    def encoding_error(self, line: int) -> SourceRefused:
        encoding = self.dataset.format.encoding
        return self.refused(
            f"line {line} is not {encoding} text.",
            f"rivi {line} ei ole merkistöä {encoding}.",
            "Ask the municipality to send the file again, or change format.encoding in municipality.yaml.",
            code="wrong_encoding",
        )

    def empty_error(self) -> SourceRefused:
        return self.refused(
            "there is no header row.",
            "otsikkorivi puuttuu.",
            "Ask the municipality to send the file again.",
            code="no_header",
        )


def _text_frame(columns: dict[str, Iterable[str | None]], row_numbers: Iterable[int]) -> pl.DataFrame:
    numbers = pl.Series("row_number", list(row_numbers), dtype=pl.Int32)
    return pl.DataFrame([numbers, *(pl.Series(name, list(v), dtype=pl.String) for name, v in columns.items())])


def _read_csv(source: _Source) -> Extract:
    shape = source.dataset.format
    # In memory: parsing a mapped file waits for its pages, thread by thread.
    content = source.file.read_bytes()
    if shape.encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        try:
            content = content.decode(shape.encoding).encode()
        except UnicodeDecodeError as error:
            raise source.encoding_error(content.count(b"\n", 0, error.start) + 1) from None
    first_line = content[: content.find(b"\n")] if b"\n" in content else content
    try:
        line = first_line.removeprefix(_BOM).decode().rstrip("\r")
    except UnicodeDecodeError:
        raise source.encoding_error(1) from None
    if "\r" in line:
        raise source.refused(
            "its lines end with carriage returns only, so its rows cannot be told apart.",
            "rivit päättyvät pelkkään CR-merkkiin, joten rivejä ei voi erottaa toisistaan.",
            "Ask the municipality to end lines with CR LF or LF.",
            code="wrong_line_ends",
        )
    with _fields_of_any_length():
        names = next(csv.reader([line], delimiter=shape.delimiter, quotechar=shape.quote), [])
    header = [name.strip() for name in names]
    if not any(header):
        raise source.empty_error()
    places = source.places(header)
    extract = _read_csv_fast(source, content, len(header), places)
    if extract is not None:
        return extract
    with _fields_of_any_length():
        return _read_csv_by_line(source, content, len(header), places)


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """The csv module's limit is one for the whole process; others may rely on it."""
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_csv_fast(source: _Source, content: bytes, width: int, places: dict[str, int]) -> Extract | None:
    """The whole file at once; None when a record is blank, ragged or wrongly quoted and each line must be looked at."""
    shape = source.dataset.format
    if content.endswith((b"\n\n", b"\n\r\n")):
        return None
    # Distinct texts are checked once each, so columns come in as categories; ids of records are all distinct.
    record_column = source.dataset.columns.get("record_id")
    names = {place: name for name, place in places.items()}
    schema: dict[str, Any] = {}
    for place in range(width):
        kept = place in names and names[place] != record_column
        schema[f"column_{place}"] = pl.Categorical(pl.Categories.random()) if kept else pl.String
    try:
        frame = pl.read_csv(
            content,
            has_header=False,
            skip_rows=1,
            schema=schema,
            columns=sorted(names),
            separator=shape.delimiter,
            quote_char=shape.quote,
            row_index_name="row_number",
            row_index_offset=1,
        )
    except pl.exceptions.NoDataError:
        return Extract(_text_frame({name: [] for name in places}, []), non_data=1)
    except pl.exceptions.PolarsError:
        # Its message would hold a record.
        return None
    if _count_delimiters(content, shape.delimiter, shape.quote) != (width - 1) * (frame.height + 1):
        return None
    # One column that is filled in every row tells that no row is blank.
    by_cost = sorted(frame.drop("row_number"), key=lambda column: column.dtype == pl.String)
    if not any(map(_is_filled, by_cost)):
        return None
    renamed = frame.rename({f"column_{place}": name for place, name in names.items()})
    return Extract(renamed.select(pl.col("row_number").cast(pl.Int32), *places), non_data=1)


def _is_filled(column: pl.Series) -> bool:
    return column.null_count() == 0 and bool((column.unique().cast(pl.String).str.strip_chars() != "").all())


def _count_delimiters(content: bytes, delimiter: str, quote: str) -> int | None:
    """How many delimiters stand outside quotes; None when a quote stands where none can open or close a field."""
    octets = np.frombuffer(content, dtype=np.uint8)
    has_quotes = quote.encode() in content
    opens_after = [ord(character) for character in (delimiter, "\n", quote)]
    closes_before = [ord(character) for character in (delimiter, "\r", "\n", quote)]
    inside = np.uint8(0)
    count = 0
    for start in range(0, len(octets), _SCAN_BYTES):
        chunk = octets[start : start + _SCAN_BYTES]
        found = chunk == ord(delimiter)
        if has_quotes:
            quotes = chunk == ord(quote)
            # Parity of the quotes so far; a doubled quote flips it twice.
            parity = (np.add.accumulate(quotes, dtype=np.uint8) + inside) & 1
            places = np.flatnonzero(quotes) + start
            opening = parity[places - start] == 1
            before, after = places[opening] - 1, places[~opening] + 1
            # The first field of the file may open behind a byte order mark, the last one close at its end.
            before, after = before[before >= len(_BOM)], after[after < len(octets)]
            if not (np.isin(octets[before], opens_after).all() and np.isin(octets[after], closes_before).all()):
                return None
            found &= parity == 0
            inside = parity[-1]
        count += int(np.count_nonzero(found))
    return count if inside == 0 else None


def _read_csv_by_line(source: _Source, content: bytes, width: int, places: dict[str, int]) -> Extract:
    shape = source.dataset.format
    try:
        text = content.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise source.encoding_error(content.count(b"\n", 0, error.start) + 1) from None
    lines = text.split("\n")[1:]
    if lines and not lines[-1]:
        lines.pop()
    columns: dict[str, list[str | None]] = {name: [] for name in places}
    row_numbers: list[int] = []
    ragged: list[int] = []
    blank = 0
    for number, fields in _records(lines, shape.delimiter, shape.quote, width):
        if not any(value.strip() for value in fields):
            blank += 1
            continue
        row_numbers.append(number)
        if len(fields) != width:
            ragged.append(number)
        for name, place in places.items():
            columns[name].append(fields[place] or None if place < len(fields) else None)
    return Extract(_text_frame(dict(columns), row_numbers), non_data=1 + blank, ragged=tuple(ragged))


def _records(lines: list[str], delimiter: str, quote: str, width: int) -> Iterable[tuple[int, list[str]]]:
    """Each record with its number (of lines that begin one); a record that no joining of lines mends comes as it is."""
    number = 0
    place = 0
    while place < len(lines):
        line = lines[place].removesuffix("\r")
        number += 1
        taken = 1
        if quote not in line:
            fields = line.split(delimiter)
        else:
            parsed = _split(line, delimiter, quote)
            while parsed is None and taken < min(_LONGEST_RECORD_LINES, len(lines) - place):
                taken += 1
                joined = _split("\n".join(lines[place : place + taken]).removesuffix("\r"), delimiter, quote)
                parsed = joined if joined is not None and len(joined) == width else None
            if parsed is None:
                taken = 1
                # One field more than there can be: the record is told as ragged, and its first places are read.
                parsed = [*line.replace(quote, "").split(delimiter)[:width], *[""] * width][: width + 1]
            fields = parsed
        yield number, fields
        place += taken


def _split(text: str, delimiter: str, quote: str) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _read_json(source: _Source) -> Extract:
    wanted = source.dataset.source_columns
    content = source.file.content
    if (len(content) if isinstance(content, bytes) else content.stat().st_size) == 0:
        return Extract(_text_frame({name: [] for name in wanted}, []), non_data=0)
    try:
        frame = pl.read_ndjson(content, schema=dict.fromkeys(wanted, pl.String))
    except pl.exceptions.PolarsError:
        # Its message would hold a record.
        raise source.refused(
            "a line is not a JSON object.",
            "tiedostossa on rivi, joka ei ole JSON-olio.",
            "Fetch the delivery again.",
            code="not_json",
        ) from None
    frame = frame.with_row_index("row_number", 1).with_columns(pl.col("row_number").cast(pl.Int32))
    repeated = 0
    if source.dataset.format.kind == "json" and "record_id" in source.dataset.columns:
        # A page that was sent again holds the same items; they count once.
        once = frame.unique(subset=wanted, keep="first", maintain_order=True)
        repeated = frame.height - once.height
        frame = once
    return Extract(frame, non_data=0, repeated=repeated)


def _unsafe(source: _Source, code: str) -> SourceRefused:
    sheet = source.dataset.format.sheet
    reasons = {
        "not_a_workbook": ("is not a workbook that can be read.", "tiedosto ei ole luettava työkirja."),
        "sheet_unreadable": (f"sheet {sheet} cannot be read.", f"taulukkoa {sheet} ei voi lukea."),
        "sheet_too_large": (
            f"sheet {sheet} has a cell so far from its first one that it is too large to be read.",
            f"taulukossa {sheet} on solu niin kaukana ensimmäisestä, että taulukko on liian suuri luettavaksi.",
        ),
        "unpacks_too_large": (
            "unpacks to more than a workbook may hold.",
            "tiedosto purkautuu suuremmaksi kuin työkirja saa olla.",
        ),
    }
    return source.refused(*reasons[code], "Ask the municipality to save it again as a plain .xlsx.", code=code)


def _read_xlsx(source: _Source, max_unpacked_bytes: int) -> Extract:
    import fastexcel

    shape = source.dataset.format
    assert shape.sheet is not None
    content = source.file.read_bytes()
    try:
        unreadable = unreadable_cells(content, shape.sheet, max_unpacked_bytes)
        workbook = fastexcel.read_excel(content)
    except UnsafeWorkbook as error:
        raise _unsafe(source, error.code) from None
    except fastexcel.FastExcelError:
        raise _unsafe(source, "not_a_workbook") from None
    if shape.sheet not in workbook.sheet_names:
        raise source.refused(
            f"there is no sheet {shape.sheet}.",
            f"taulukko {shape.sheet} puuttuu.",
            "Ask the municipality to restore it, or change format.sheet in municipality.yaml.",
            code="sheet_missing",
        )
    try:
        # Row by row from the sheet's first one, hidden rows as well: calamine does not know that they are hidden.
        sheet = workbook.load_sheet(shape.sheet, header_row=None, skip_rows=0, dtypes="string").to_polars()
    except fastexcel.FastExcelError:
        raise _unsafe(source, "sheet_unreadable") from None
    if sheet.height < shape.header_row:
        raise source.empty_error()
    header = [re.sub(r"\s+", " ", str(name or "")).strip() for name in sheet.row(shape.header_row - 1)]
    places = source.places(header)
    body = sheet.slice(shape.header_row).with_columns(pl.all().str.strip_chars().replace("", None))
    body = body.with_row_index("row_number", 1).with_columns(pl.col("row_number").cast(pl.Int32))
    cells = pl.exclude("row_number")
    # A row of nothing but errors is no blank one.
    broken = {
        name: tuple(cell.row - shape.header_row for cell in unreadable if cell.column == place)
        for name, place in places.items()
    }
    data = ~pl.all_horizontal(cells.is_null()) | pl.col("row_number").is_in(
        [n for rows in broken.values() for n in rows]
    )
    if shape.total_label:
        total = pl.any_horizontal(cells.str.to_lowercase() == shape.total_label.lower())
        data = data & ~total.fill_null(value=False)
    rows = body.filter(data)
    columns = [
        # A typed date is told with its time of day.
        pl.col(sheet.columns[place]).str.replace(r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00(\.0+)?$", "$1").alias(name)
        for name, place in places.items()
    ]
    kept = set(rows["row_number"])
    return Extract(
        rows.select("row_number", *columns),
        non_data=shape.header_row + body.height - rows.height,
        unreadable={name: told for name, numbers in broken.items() if (told := tuple(n for n in numbers if n in kept))},
    )
