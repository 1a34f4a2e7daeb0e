"""Definitions §1–3 in hand-worked cases, where the reading of a delivery decides: what it covers, what it rejects."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.check import CheckedDataset, check_delivery
from connectors.delivery import RawDelivery
from tests.connectors.samples import (
    HETU_1,
    HETU_2,
    KEYS,
    OID_1,
    OID_2,
    iisalmi,
    kuopio,
    municipality,
    pupil,
    siilinjarvi,
    support_period,
    tuki,
    varkaus,
)

HELSINKI = ZoneInfo("Europe/Helsinki")


def _check(raw: RawDelivery) -> dict[str, CheckedDataset]:
    return check_delivery(raw, municipality(raw.municipality), KEYS).datasets


def _mark(on: date, number: int = 1, oid: str = OID_1) -> str:
    return f"{number};{oid};07522;{on:%d.%m.%Y};1;MA;S;;;"


def _rules(part: CheckedDataset) -> list[str]:
    return part.rejected["rule"].to_list()


@pytest.mark.parametrize(
    ("days_before", "rules"), [(0, ["outside_window"]), (1, []), (20, []), (21, ["outside_window"])]
)
def test_a_mark_outside_the_window_is_rejected(days_before: int, rules: list[str]) -> None:
    # The delivery of 14 October holds 24 September to 13 October.
    night = date(2025, 10, 14)
    part = _check(kuopio(marks=[_mark(night - timedelta(days=days_before))], night=night))["absence"]
    assert _rules(part) == rules
    assert (part.covers_from, part.covers_to) == (date(2025, 9, 24), date(2025, 10, 13))


@pytest.mark.parametrize(
    ("first_of_year", "oldest", "covers_from"),
    [
        # Only the first delivery of a school year reaches back, and only with a mark older than D−20.
        (True, date(2025, 9, 23), date(2025, 8, 1)),
        (True, date(2025, 9, 24), date(2025, 9, 24)),
        (False, date(2025, 9, 23), date(2025, 9, 24)),
    ],
)
def test_the_first_delivery_of_a_year_may_reach_back(first_of_year: bool, oldest: date, covers_from: date) -> None:
    raw = kuopio(marks=[_mark(oldest), _mark(date(2025, 10, 13), 2)], first_of_year=first_of_year)
    part = _check(raw)["absence"]
    assert part.covers_from == covers_from
    assert part.rows_landed == (2 if oldest >= covers_from else 1)


def test_no_window_reaches_over_the_first_of_august() -> None:
    # D−20 of 11 August 2025 is 22 July.
    part = _check(kuopio(marks=[_mark(date(2025, 8, 1)), _mark(date(2025, 7, 31), 2)], night=date(2025, 8, 11)))[
        "absence"
    ]
    assert (part.covers_from, part.covers_to) == (date(2025, 8, 1), date(2025, 8, 10))
    assert _rules(part) == ["outside_window"]


@pytest.mark.parametrize(
    ("as_of", "covers_to"),
    [
        # The day before `asOf`, by the clocks in Finland: 00:10 there is 22:10 of the day before in UTC.
        (datetime(2025, 11, 5, 0, 10, tzinfo=HELSINKI), date(2025, 11, 4)),
        (datetime(2025, 11, 5, 23, 50, tzinfo=HELSINKI), date(2025, 11, 4)),
        # The morning after the clocks went back.
        (datetime(2025, 10, 26, 3, 30, fold=1, tzinfo=HELSINKI), date(2025, 10, 25)),
    ],
)
def test_a_pull_covers_to_the_day_before_its_moment(as_of: datetime, covers_to: date) -> None:
    part = _check(siilinjarvi(as_of=as_of, night=as_of.date()))["absence"]
    assert (part.covers_from, part.covers_to) == (date(2025, 8, 1), covers_to)


@pytest.mark.parametrize(
    ("night", "covers_to"),
    [
        (date(2025, 10, 10), date(2025, 9, 30)),
        (date(2025, 10, 31), date(2025, 9, 30)),
        (date(2025, 11, 1), date(2025, 10, 31)),
        (date(2025, 11, 4), date(2025, 10, 31)),
    ],
)
def test_a_workbook_reports_months_that_were_over(night: date, covers_to: date) -> None:
    assert _check(varkaus(night=night))["absence"].covers_to == covers_to


def test_an_extract_covers_to_the_day_before() -> None:
    part = _check(iisalmi(night=date(2025, 10, 14)))["absence"]
    assert (part.covers_from, part.covers_to) == (date(2025, 8, 1), date(2025, 10, 13))


@pytest.mark.parametrize(
    ("last", "rules"), [("05.10.2025", ["valid_to_before_valid_from"]), ("06.10.2025", []), ("", [])]
)
def test_a_period_that_ends_before_it_starts_is_rejected(last: str, rules: list[str]) -> None:
    part = _check(kuopio(support=[f"{OID_1};TUPA;06.10.2025;{last};;;"]))["support"]
    assert _rules(part) == rules


def test_a_rejected_enrolment_rejects_what_hangs_on_it() -> None:
    # The first pupil's grade is 77; the other's rows land.
    pupils = [f"{OID_1};{HETU_1};07522;77;7A;297;PO;11.08.2025;", f"{OID_2};{HETU_2};07522;7;7A;297;PO;11.08.2025;"]
    marks = [_mark(date(2025, 10, 6), 1, OID_1), _mark(date(2025, 10, 6), 2, OID_2)]
    support = [f"{OID_1};TUPA;06.10.2025;;;;", f"{OID_2};TUPA;06.10.2025;;;;"]
    checked = _check(kuopio(pupils=pupils, marks=marks, support=support))
    for name in ("absence", "support"):
        assert _rules(checked[name]) == ["parent_rejected"]
        assert checked[name].frame["pupil_ref"].to_list() == [pupil(OID_2)]


def test_an_impossible_date_leaves_the_day_unreadable() -> None:
    # 31 September: the pupil can be read, the day not.
    row = f"1;{OID_1};07522;31.09.2025;1;MA;S;;;"
    rejected = _check(kuopio(marks=[row]))["absence"].rejected
    assert rejected.select("pupil_ref", "day").rows() == [(pupil(OID_1).hex(), None)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ET", "et"),
        (" Teh.tuki ", "teh tuki"),
        ("tuen päätös/erityisluokka", "tuen päätös erityisluokka"),
        ("TEHOSTETTU TUKI!", "tehostettu tuki"),
        # No match: neither is a part of a known text nor a text with more in it.
        ("erit", None),
        ("erityinen tuki 3", None),
    ],
)
def test_typed_text_is_matched_exactly(text: str, code: str | None) -> None:
    part = _check(iisalmi(support=[tuki(tuki=text)]))["support"]
    assert part.frame["support_code"].to_list() == [code]
    assert [one["rule"] for one in part.findings] == ([] if code else ["support_text_unknown"])


@pytest.mark.parametrize(
    ("text", "placement", "marks", "findings"),
    [
        ("toteutuspaikka 1", 1, [], []),
        ("toteutuspaikka 5", 5, [], []),
        ("TA", None, ["TA"], []),
        ("20 i §", None, ["20 i §"], []),
        ("toteutuspaikka 3, TA", 3, ["TA"], []),
        # Prose, or nearly one of the forms.
        ("toteutuspaikka 0", None, [], ["prose_unread"]),
        ("toteutuspaikka 6", None, [], ["prose_unread"]),
        ("toteutuspaikka 3 syksystä", None, [], ["prose_unread"]),
        ("opiskelee toiminta-alueittain", None, [], ["prose_unread"]),
    ],
)
def test_three_forms_of_further_information_are_read(
    text: str, placement: int | None, marks: list[str], findings: list[str]
) -> None:
    part = _check(iisalmi(support=[tuki(lisatieto=text)]))["support"]
    assert part.frame.select("placement", "marks").rows() == [(placement, marks)]
    assert [one["rule"] for one in part.findings] == findings


@pytest.mark.parametrize(
    ("scheme", "kind", "code"),
    [("2011", "DECISION", "2011 DECISION"), ("2025", "SPECIAL", "2025 SPECIAL"), ("2025", "DECISION", "2025 DECISION")],
)
def test_scheme_and_kind_are_one_code(scheme: str, kind: str, code: str) -> None:
    # The folder's table says which of them contradict themselves.
    part = _check(siilinjarvi(periods=[support_period(scheme=scheme, kind=kind)]))["support"]
    assert part.frame["support_code"].to_list() == [code]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["–", 6, None, None], ["0.0000", "6.0000", None, None]),
        ([None, None, None, None], [None] * 4),
        ([0, 0, 0, 0], ["0.0000"] * 4),
    ],
)
def test_a_dash_is_nought_and_an_empty_cell_is_nothing(cells: list[Any], values: list[str | None]) -> None:
    part = _check(varkaus(absences=[["vk-00000001", "lokakuu 2025", *cells]], night=date(2025, 11, 4)))["absence"]
    assert [None if one is None else str(one) for one in part.frame["lessons"].to_list()] == values
