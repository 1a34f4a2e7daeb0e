"""Bytes to texts: the fast and the careful way of reading CSV agree, whatever stands in the file."""

import csv
import io
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import formats
from connectors.config import Dataset, Format, Style
from connectors.delivery import RawFile
from connectors.formats import read_extract
from tests.connectors.samples import municipality, varkaus

PLAIN = Dataset(
    name="absence",
    source="file.csv",
    extent="full",
    format=Format("csv"),
    style=Style(),
    columns={"record_id": "a", "day": "b", "source_code": "c"},
)


def read(content: bytes | Path, dataset: Dataset = PLAIN) -> formats.Extract:
    return read_extract(RawFile("absence", "file.csv", content), dataset, "kuopio")


def rows(extract: formats.Extract) -> list[tuple[object, ...]]:
    return extract.frame.cast(dict.fromkeys(("a", "b", "c"), str)).rows()


def test_bom_quotes_and_line_breaks_are_read(tmp_path: Path) -> None:
    content = '\ufeffa;x;b;c\r\n1;;"b;2";"say ""c"""\r\n2;y;;"two\r\nlines"\r\n'.encode()
    expected = [(1, "1", "b;2", 'say "c"'), (2, "2", None, "two\r\nlines")]
    assert rows(read(content)) == expected
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    assert rows(read(path)) == expected
    assert read(content).non_data == 1


def test_quoted_files_are_read_the_fast_way_too() -> None:
    for bom in (b"", b"\xef\xbb\xbf"):
        content = bom + b'"a";"b";"c"\r\n"1";"b;2";""\r\n"2";"";"say ""c"""'
        source = formats._Source(RawFile("absence", "file.csv", content), PLAIN, "kuopio")
        fast = formats._read_csv_fast(source, content, 3, {"a": 0, "b": 1, "c": 2})
        assert fast is not None
        assert trimmed(fast) == trimmed(read(content)) == [("1", "b;2", None), ("2", None, 'say "c"')]


def test_blank_lines_count_apart_and_keep_their_numbers() -> None:
    extract = read(b"a;b;c\n1;2;3\n\n;;\n4;5;6\n\n")
    assert rows(extract) == [(1, "1", "2", "3"), (4, "4", "5", "6")]
    assert extract.non_data == 4


def test_a_quote_that_never_closes_spoils_one_row() -> None:
    body = "".join(f"{n};b;c\n" for n in range(1, 60))
    extract = read(f'a;b;c\n0;"b;c\n{body}'.encode())
    assert extract.frame.height == 60
    assert extract.ragged == (1,)
    assert rows(extract)[1:3] == [(2, "1", "b", "c"), (3, "2", "b", "c")]


def test_other_encodings_and_delimiters_are_configuration() -> None:
    dataset = Dataset(**{**PLAIN.__dict__, "format": Format("csv", encoding="cp1252", delimiter=",", quote="'")})
    assert rows(read("a,b,c\n1,'ä,ö',å\n".encode("cp1252"), dataset)) == [(1, "1", "ä,ö", "å")]


def test_a_file_of_a_header_only_is_empty_and_no_error() -> None:
    for content in (b"a;b;c\n", b"a;b;c", b"c;b;a\r\n"):
        extract = read(content)
        assert (extract.frame.height, extract.non_data) == (0, 1)
        assert extract.frame.columns == ["row_number", "a", "b", "c"]


cells = st.text(st.sampled_from("ab1;\"\n\r ä'"), max_size=5)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(cells, cells, cells), max_size=6))
def test_fast_and_careful_reading_agree(table: list[tuple[str, str, str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow("abc")
    # A cell of blanks only is an empty one to both, and is told apart by nobody.
    table = [row for row in table if any(cell.strip() for cell in row)]
    writer.writerows(table)
    content = buffer.getvalue().encode()
    source = formats._Source(RawFile("absence", "file.csv", content), PLAIN, "kuopio")
    places = {"a": 0, "b": 1, "c": 2}
    careful = formats._read_csv_by_line(source, content, 3, places)
    assert [row[1:] for row in rows(careful)] == [tuple(cell or None for cell in row) for row in table]
    assert careful.ragged == ()
    fast = formats._read_csv_fast(source, content, 3, places)
    if fast is not None:
        assert [row[1:] for row in rows(fast)] == [row[1:] for row in rows(careful)]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.text(st.sampled_from('a1;"\n\r'), max_size=8), max_size=8))
def test_the_fast_way_never_hides_a_ragged_row(lines: list[str]) -> None:
    content = ("a;b;c\n" + "\n".join(lines) + "\n").encode()
    source = formats._Source(RawFile("absence", "file.csv", content), PLAIN, "kuopio")
    fast = formats._read_csv_fast(source, content, 3, {"a": 0, "b": 1, "c": 2})
    if fast is not None:
        careful = formats._read_csv_by_line(source, content, 3, {"a": 0, "b": 1, "c": 2})
        assert careful.ragged == ()
        assert trimmed(fast) == trimmed(careful)


def trimmed(extract: formats.Extract) -> list[tuple[str | None, ...]]:
    """The cells as the contract check sees them."""
    return [tuple(str(cell or "").strip() or None for cell in row[1:]) for row in rows(extract)]


def test_a_workbook_gives_its_cells_as_texts() -> None:
    pupils = [
        [
            "vk-00000001",
            None,
            "Waltterin koulu",
            5,
            "5A",
            915,
            "jopo",
            date(2025, 8, 11),
            datetime.combine(date(2025, 9, 30), time()),
        ],
        [None] * 9,
        [12345678, None, " Waltterin koulu ", 5.0, "", None, "jopo", "11.8.2025", None],
    ]
    raw = varkaus(pupils, hidden={"Oppilaat": [1]})
    dataset = municipality("varkaus").datasets["enrolment"]
    extract = read_extract(raw.files[0], dataset, "varkaus")
    assert extract.frame.rows() == [
        (1, "vk-00000001", None, "Waltterin koulu", "5", "5A", "915", "jopo", "2025-08-11", "2025-09-30"),
        (3, "12345678", None, "Waltterin koulu", "5", None, None, "jopo", "11.8.2025", None),
    ]
    # Three titles, the header and the blank row.
    assert extract.non_data == 5


@pytest.mark.parametrize("name", ["Poissaolot", "Tuki"])
def test_a_missing_sheet_or_header_is_refused_by_name(name: str) -> None:
    import openpyxl

    from connectors.delivery import SourceRefused

    content = varkaus().files[0].read_bytes()
    book = openpyxl.load_workbook(io.BytesIO(content))
    dataset = next(one for one in municipality("varkaus").datasets.values() if one.format.sheet == name)
    book[name]["A4"] = "Jotain muuta"
    saved = io.BytesIO()
    book.save(saved)
    with pytest.raises(SourceRefused, match="missing column Oppilasnro"):
        read_extract(RawFile(dataset.name, "Varkaus.xlsx", saved.getvalue()), dataset, "varkaus")
    del book[name]
    saved = io.BytesIO()
    book.save(saved)
    with pytest.raises(SourceRefused, match=f"no sheet {name}"):
        read_extract(RawFile(dataset.name, "Varkaus.xlsx", saved.getvalue()), dataset, "varkaus")
