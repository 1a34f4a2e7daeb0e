"""What of a row's own values may be told in a message, and stored: nothing that somebody is called or reached by."""

from datetime import date
from typing import Any

import pytest

from connectors import parsing
from connectors.check import CheckedDataset, check_delivery
from connectors.delivery import RawDelivery
from tests.connectors.samples import HETU_1, HETU_2, KEYS, OID_1, OID_2, kuopio, municipality, varkaus

# Telephone numbers, and a HETU and an oppijanumero as people write them.
REACHED_BY = (
    "040 123 4567",
    "044-123 4567",
    "050 12345",
    "017.123.456",
    "13.10.52-3081",
    "01.01.15-9017",
    "13 10 52 3081",
    "1.2.246.562",
)


def check(raw: RawDelivery) -> dict[str, CheckedDataset]:
    return check_delivery(raw, municipality(raw.municipality), KEYS).datasets


def said(parts: dict[str, CheckedDataset]) -> str:
    """All that is told of a delivery and all that lands, as one text."""
    return "\n".join(
        str(row)
        for part in parts.values()
        for row in (*part.rejected.rows(), *part.unmapped, *part.findings, *part.frame.rows())
    )


@pytest.mark.parametrize("text", REACHED_BY)
def test_a_long_number_is_no_number_that_may_be_told(text: str) -> None:
    assert not parsing.looks_numeric(text)
    assert not parsing.looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        *("7", "-5", "1,5", "1.3333", "31.9.2025", "06.10.25", "11.08.0025", "2025-13-01", "6/10/2025", "25:61"),
        *("2025-10-06 10:15", "6.10.2025 10.15", "2025-10-06T10:15:00+03:00", "2025-10-06T10:15Z"),
    ],
)
def test_a_short_number_a_date_and_a_time_are_told(text: str) -> None:
    assert parsing.looks_numeric(text)


@pytest.mark.parametrize("text", REACHED_BY)
def test_no_message_tells_a_telephone_number_or_an_id_in_parts(text: str) -> None:
    pupils = [f"{OID_1};{HETU_1};07522;{text};7A;297;PO;11.08.2025;", f"{OID_2};;07522;7;7B;297;PO;{text};"]
    marks = [f"1;{OID_2};07522;{text};1;MA;S;;;", f"2;{OID_2};07522;06.10.2025;{text};MA;S;{text};;"]
    parts = check(kuopio(pupils, marks))
    assert (parts["enrolment"].rejected.height, parts["absence"].rejected.height) == (2, 2)
    assert text not in said(parts)


def test_no_class_school_or_place_is_an_id_in_parts() -> None:
    ids = ["13.10.52-308X", "131052 -308X", "040 123 4567"]
    pupils = [
        ["vk-00000001", HETU_1, "Könönpellon koulu", 5, one, one, "perusopetus", "11.8.2025", None] for one in ids
    ]
    pupils.append(["vk-00000002", HETU_2, ids[2], 5, "5A", "Varkaus", "perusopetus", "11.8.2025", None])
    parts = check(varkaus(pupils))
    assert [one for one in ids if one in said(parts)] == []
    assert {line["source_code"] for line in parts["enrolment"].unmapped} == {f"(text, row {n})" for n in (1, 2, 3, 4)}


def test_a_class_that_is_called_by_years_lands() -> None:
    names = ["7A", "1-6 A 2025-2026", "5.-6. lk"]
    rows = [f"{OID_1};;07522;7;{name};297;PO;11.08.2025;" for name in names]
    assert check(kuopio(rows))["enrolment"].frame["class_name"].to_list() == names


# Names that somebody typed where a code should be, in whatever letters; and what a protected address is called.
NAMES = ("Oona Salo", "Turvakielto", "Emma Laine", "VIRTANEN", "mäkinen", "AINO SALO", "KORHONEN", "Matti", "AINO")
NAMES_AND_CODES = (*NAMES, "ida", "TUPA-X", "VIRTANEN2", "010115")


def pupils_of(count: int, **values: str) -> list[list[Any]]:
    """So many pupils of Varkaus with the same values in the columns `koulu`, `koti` and `muoto`."""
    said = {"koulu": "Könönpellon koulu", "koti": "Varkaus", "muoto": "perusopetus"} | values
    return [
        [f"vk-0000001{n}", None, said["koulu"], 5, "5A", said["koti"], said["muoto"], "11.8.2025", None]
        for n in range(count)
    ]


@pytest.mark.parametrize("name", NAMES_AND_CODES)
def test_a_name_of_one_pupil_is_neither_told_nor_stored_in_any_column_of_codes(name: str) -> None:
    others = [["vk-00000001", None, "Könönpellon koulu", 5, "5A", "Varkaus", "perusopetus", "11.8.2025", None]]
    for column in ("koulu", "koti", "muoto"):
        parts = check(varkaus([*others, *pupils_of(4, **{column: name})]))
        assert name.casefold() not in said(parts).casefold()
        (line,) = parts["enrolment"].unmapped
        assert (line["source_code"], line["row_count"]) == ("(text, row 2)", 4)
    support = [["vk-00000001", name, date(2025, 8, 11), None, *[None] * 8]]
    parts = check(varkaus(others, support=support))
    assert name.casefold() not in said(parts).casefold()
    assert parts["support"].unmapped == [{"kind": "support", "source_code": "(text, row 1)", "row_count": 1}]
    parts = check(
        kuopio(
            marks=[f"1;{OID_1};07522;06.10.2025;1;MA;{name};;;"],
            support=[f'{OID_1};TUPA;01.10.2025;;;"OPR,{name}";'],
            days=["07522;06.10.2025;7;6", f"{name};06.10.2025;7;6"],
        )
    )
    assert name.casefold() not in said(parts).casefold()
    assert {part: [one["source_code"] for one in parts[part].unmapped] for part in parts} == {
        "enrolment": [],
        "absence": ["(text, row 1)"],
        "support": ["(text, row 1)"],
        "school_day": ["(text, row 2)"],
    }


@pytest.mark.parametrize("column", ["koulu", "koti", "muoto"])
def test_an_unknown_text_of_five_pupils_is_told_as_it_stands(column: str) -> None:
    parts = check(varkaus(pupils_of(5, **{column: "ETÄOPETUS"})))
    (line,) = parts["enrolment"].unmapped
    assert (line["source_code"], line["row_count"]) == ("ETÄOPETUS", 5)


def test_an_unknown_code_of_five_pupils_lands_and_many_rows_of_one_pupil_are_not_many() -> None:
    oids = [f"1.2.246.562.98.1000000010{n}" for n in range(5)]
    pupils = [f"{oid};;07522;7;7A;297;PO;11.08.2025;" for oid in oids]
    of_all = [f"{n};{oid};07522;06.10.2025;1;MA;LAKKO;;;" for n, oid in enumerate(oids)]
    of_one = [f"{n + 10};{oids[0]};07522;06.10.2025;{n + 2};MA;VIRTANEN;;;" for n in range(6)]
    support = [f'{oid};TUPA;01.10.2025;;;"OPR,KOIRA";' for oid in oids]
    parts = check(kuopio(pupils, [*of_all, *of_one], support))
    assert parts["absence"].unmapped == [
        {"kind": "absence", "source_code": "(text, row 6)", "row_count": 6},
        {"kind": "absence", "source_code": "LAKKO", "row_count": 5},
    ]
    assert parts["absence"].frame["source_code"].to_list() == ["LAKKO"] * 5
    assert parts["support"].unmapped == [{"kind": "mark", "source_code": "KOIRA", "row_count": 5}]
    assert parts["support"].frame["marks"].to_list() == [["OPR", "KOIRA"]] * 5


@pytest.mark.parametrize("code", ["S2", "ZZ", "9K", "20 i §", "X", "TA+", "12345"])
def test_a_code_too_short_for_a_name_is_told_of_one_pupil(code: str) -> None:
    part = check(kuopio(marks=[f"1;{OID_1};07522;06.10.2025;1;MA;{code};;;"]))["absence"]
    assert part.unmapped == [{"kind": "absence", "source_code": code, "row_count": 1}]
    assert part.frame["source_code"].to_list() == [code]


def test_a_known_code_in_other_letters_is_told_of_one_pupil() -> None:
    parts = check(varkaus(pupils_of(1, muoto="KOTIOPETUS")))
    assert parts["enrolment"].unmapped == [{"kind": "form", "source_code": "KOTIOPETUS", "row_count": 1}]
    # A word of another list is no word of this one.
    parts = check(varkaus(pupils_of(1, muoto="varkaus")))
    assert parts["enrolment"].unmapped == [{"kind": "form", "source_code": "(text, row 1)", "row_count": 1}]
