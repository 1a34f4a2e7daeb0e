"""What of a row's own values may be told in a message, and stored: nothing that somebody is called or reached by."""

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
