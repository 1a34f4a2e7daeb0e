"""Definitions §3 in hand-worked cases: the level of a day, its regime, contradictions, what a later extract changes.

Kuopio's extracts are of 21 June 2025 (2024–25), 3 November 2025 and 25 June 2026 (2025–26) and 15 December 2026
(2026–27). Each holds the rows that have begun by then and touch its school year.
"""

from datetime import date

import pytest

from tests.dbt.tiny import Row, TinyWarehouse, day, enrolment, key, models, support

NIGHT = "2026-12-15"
NIGHTS = ("2025-06-21", "2025-11-03", "2026-06-25", NIGHT)

Period = tuple[str | None, str, str | None, int | None]

# Pupil → periods as (code, first day, last day, placement).
PERIODS: dict[str, list[Period]] = {
    "none": [],
    "teho-to-july": [("TEHO", "2024-10-01", "2025-07-31", None)],
    "teho-to-june": [("TEHO", "2024-10-01", "2025-06-20", None)],
    "teho-to-december": [("TEHO", "2024-10-01", "2025-12-31", None)],
    "erit-to-july": [("ERIT", "2024-08-08", "2026-07-31", 3)],
    "erit-to-august": [("ERIT", "2024-08-08", "2026-08-31", 3)],
    "erit-open": [("ERIT", "2024-08-08", None, 1)],
    "erit-then-tupa": [("ERIT", "2024-08-08", None, 3), ("TUPA", "2026-09-01", "2026-09-30", None)],
    "erit-and-tupa": [("ERIT", "2024-08-08", None, 1), ("TUPA", "2026-05-01", None, None)],
    "overlap-december": [("ERIT", "2024-08-08", "2025-12-31", 3), ("TUPA", "2025-12-01", None, None)],
    "overlap-none": [("ERIT", "2024-08-08", "2025-11-30", 3), ("TUPA", "2025-12-01", None, None)],
    "overlap-one-day": [("ERIT", "2024-08-08", "2025-12-01", 3), ("TUPA", "2025-12-01", None, None)],
    "overlap-inside": [("ERIT", "2024-08-08", "2026-05-31", 3), ("TUPA", "2025-12-01", "2025-12-31", None)],
    "tupa-before-break": [("TUPA", "2025-06-01", None, None)],
    "tupa-all-before": [("TUPA", "2025-05-01", "2025-05-31", None)],
    "tupa-on-break": [("TUPA", "2025-08-01", None, None)],
    "erit-on-break": [("ERIT", "2025-08-01", "2025-09-30", 3)],
    "erit-on-last-day": [("ERIT", "2025-07-31", "2026-05-31", 3)],
    "erit-after-with-tupa": [("ERIT", "2025-09-01", "2025-09-30", 3), ("TUPA", "2025-08-11", None, None)],
    "teho-after": [("TEHO", "2025-09-01", "2025-12-31", None), ("TUPA", "2025-10-06", None, None)],
    "teho-and-early-tupa": [("TEHO", "2024-10-01", "2025-07-31", None), ("TUPA", "2025-06-01", None, None)],
    "teho-and-erit": [("TEHO", "2024-10-01", "2025-06-30", None), ("ERIT", "2025-01-01", "2025-05-31", 3)],
    "two-erit": [("ERIT", "2024-08-08", "2025-06-30", 3), ("ERIT", "2025-02-01", "2025-04-30", 1)],
    "one-after-other": [("TEHO", "2024-10-01", "2025-01-31", None), ("ERIT", "2025-02-01", "2025-05-31", 3)],
    "no-placement": [("ERIT", "2024-08-08", "2025-05-31", None)],
    "unmapped-within": [("TUPA", "2025-08-11", None, None), ("UUSI", "2025-10-01", "2025-10-31", None)],
    "rejected-later": [("TUPA", "2025-09-01", None, None)],
    "moves-away": [("ERIT", "2024-08-08", None, 3)],
}
# Pupil → night → periods, where the extracts disagree.
CHANGING: dict[str, dict[str, list[Period]]] = {
    "withdrawn": {"2025-06-21": [("ERIT", "2024-08-08", None, 3)]},
    "ended-later": {
        "2025-06-21": [("ERIT", "2024-08-08", None, 3)],
        "2025-11-03": [("ERIT", "2024-08-08", "2025-03-31", 3)],
    },
    "backdated": {night: [("ERIT", "2025-01-01", "2026-05-31", 1)] for night in NIGHTS[1:]},
    "withdrawn-within": {"2025-11-03": [("TUPA", "2025-08-15", None, None)]},
    "added-within": {"2026-06-25": [("TUPA", "2025-08-15", "2026-05-31", None)]},
}


def _extract(night: str) -> list[Row]:
    year = date(int(night[:4]) - (night[5:7] < "08"), 8, 1).isoformat()
    said = {**PERIODS, **{pupil: by_night.get(night, []) for pupil, by_night in CHANGING.items()}}
    return [
        support("kuopio", pupil, code, first, last, placement=placement)
        for pupil, periods in said.items()
        for code, first, last, placement in periods
        if first <= night and (last is None or last >= year)
    ]


def _kuopio(warehouse: TinyWarehouse) -> None:
    rejected: dict[str, list[Row]] = {
        "2025-11-03": [{"pupil_ref": key("kuopio", "rejected-then-read"), "earliest_date": day("2025-09-01")}],
        "2026-06-25": [
            {"pupil_ref": key("kuopio", "rejected-undated")},
            {"pupil_ref": key("kuopio", "rejected-long-ago"), "earliest_date": day("2024-05-01")},
            {"pupil_ref": key("kuopio", "rejected-later"), "earliest_date": day("2025-10-01")},
            {"pupil_ref": key("kuopio", "duplicate"), "earliest_date": day("2025-10-01"), "rule": "duplicate"},
        ],
    }
    names = [*PERIODS, *CHANGING, *(f"rejected-{name}" for name in ("then-read", "undated", "long-ago")), "duplicate"]
    ends = {"moves-away": "2025-12-31"}
    for night in NIGHTS:
        warehouse.deliver(
            "kuopio",
            night,
            enrolment=[
                enrolment("kuopio", name, first="2024-08-08", last=ends.get(name))
                for name in names
                if not (night == NIGHT and name in ends)
            ],
            school_day=[],
            absence=[],
            support=_extract(night),
            rejected={"support": rejected.get(night, [])},
        )


def _others(warehouse: TinyWarehouse) -> None:
    at = "siilinjarvi"
    warehouse.deliver(
        at,
        "2026-06-25",
        enrolment=[
            enrolment(at, "moves-away", first="2026-01-01"),
            enrolment(at, "tombstone"),
            enrolment(at, "scheme"),
        ],
        school_day=[],
        absence=[],
        support=[
            support(at, "tombstone", "2025 DECISION", "2025-09-01", deleted=True),
            support(at, "scheme", "2025 DECISION", "2025-08-11"),
            support(at, "scheme", "2011 DECISION", "2025-09-01", "2025-09-30"),
        ],
    )
    # A text that nobody has mapped lands without a code.
    warehouse.deliver(
        "iisalmi",
        "2026-06-25",
        enrolment=[enrolment("iisalmi", "typed")],
        school_day=[],
        absence=[],
        support=[support("iisalmi", "typed", None, "2025-09-01", "2025-09-30")],
    )
    warehouse.deliver(
        "varkaus",
        "2025-11-04",
        enrolment=[enrolment("varkaus", "workbook")],
        school_day=[],
        absence=[],
        support=[support("varkaus", "workbook", "P", "2025-11-03")],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_kuopio, _others):
        fill(shared_warehouse)
    shared_warehouse.build(select=models("support_day_level", "support_finding"))
    return shared_warehouse


@pytest.mark.parametrize(
    ("pupil", "on", "expected"),
    [
        # No support row on a covered day; the regime of a day with none is that of its date.
        ("none", "2024-08-08", ("S0", 2011, None)),
        ("none", "2025-07-31", ("S0", 2011, None)),
        ("none", "2025-08-01", ("S0", 2025, None)),
        # Between the last extract of a school year and the first of the next.
        ("none", "2026-07-31", ("S0", 2025, None)),
        ("none", "2026-12-14", ("S0", 2025, None)),
        ("none", "2026-12-15", ("unknown", 2025, "not_covered")),
        # Tehostettu ends on 31 July 2025 at the latest; its last day is included.
        ("teho-to-june", "2025-06-20", ("S1", 2011, None)),
        ("teho-to-june", "2025-06-21", ("S0", 2011, None)),
        ("teho-to-july", "2025-07-31", ("S1", 2011, None)),
        ("teho-to-july", "2025-08-01", ("S0", 2025, None)),
        ("teho-to-december", "2025-07-31", ("S1", 2011, None)),
        ("teho-to-december", "2025-08-01", ("S0", 2025, None)),
        ("teho-to-december", "2025-12-31", ("S0", 2025, None)),
        # From 1 August 2025 it contradicts nothing.
        ("teho-after", "2025-09-01", ("S0", 2025, None)),
        ("teho-after", "2025-10-06", ("S2", 2025, None)),
        # Erityinen may run to 31 July 2026; the regime of a day is that of the period in force.
        ("erit-to-july", "2025-08-01", ("S2", 2011, None)),
        ("erit-to-july", "2026-07-31", ("S2", 2011, None)),
        ("erit-to-july", "2026-08-01", ("S0", 2025, None)),
        # After that it is unknown until its end date …
        ("erit-to-august", "2026-07-31", ("S2", 2011, None)),
        ("erit-to-august", "2026-08-01", ("unknown", 2025, "expired_2011")),
        ("erit-to-august", "2026-08-31", ("unknown", 2025, "expired_2011")),
        ("erit-to-august", "2026-09-01", ("S0", 2025, None)),
        ("erit-open", "2026-07-31", ("S3", 2011, None)),
        ("erit-open", "2026-12-14", ("unknown", 2025, "expired_2011")),
        # … or until data of 2025 comes.
        ("erit-then-tupa", "2026-08-31", ("unknown", 2025, "expired_2011")),
        ("erit-then-tupa", "2026-09-01", ("S2", 2025, None)),
        ("erit-then-tupa", "2026-10-01", ("S0", 2025, None)),
        ("erit-and-tupa", "2026-04-30", ("S3", 2011, None)),
        ("erit-and-tupa", "2026-05-01", ("unknown", 2025, "regimes_overlap")),
        ("erit-and-tupa", "2026-07-31", ("unknown", 2025, "regimes_overlap")),
        ("erit-and-tupa", "2026-08-01", ("S2", 2025, None)),
        # A period of each regime: the common days are unknown, no others.
        ("overlap-december", "2025-11-30", ("S2", 2011, None)),
        ("overlap-december", "2025-12-01", ("unknown", 2025, "regimes_overlap")),
        ("overlap-december", "2025-12-31", ("unknown", 2025, "regimes_overlap")),
        ("overlap-december", "2026-01-01", ("S2", 2025, None)),
        ("overlap-none", "2025-11-30", ("S2", 2011, None)),
        ("overlap-none", "2025-12-01", ("S2", 2025, None)),
        ("overlap-one-day", "2025-11-30", ("S2", 2011, None)),
        ("overlap-one-day", "2025-12-01", ("unknown", 2025, "regimes_overlap")),
        ("overlap-one-day", "2025-12-02", ("S2", 2025, None)),
        ("overlap-inside", "2025-11-30", ("S2", 2011, None)),
        ("overlap-inside", "2025-12-15", ("unknown", 2025, "regimes_overlap")),
        ("overlap-inside", "2026-01-01", ("S2", 2011, None)),
        # A period of 2025 that starts before 1 August 2025: its days before.
        ("tupa-before-break", "2025-05-31", ("S0", 2011, None)),
        ("tupa-before-break", "2025-06-01", ("unknown", 2011, "starts_before_break")),
        ("tupa-before-break", "2025-07-31", ("unknown", 2011, "starts_before_break")),
        ("tupa-before-break", "2025-08-01", ("S2", 2025, None)),
        ("tupa-all-before", "2025-05-15", ("unknown", 2011, "starts_before_break")),
        ("tupa-all-before", "2025-06-01", ("S0", 2011, None)),
        ("tupa-on-break", "2025-07-31", ("S0", 2011, None)),
        ("tupa-on-break", "2025-08-01", ("S2", 2025, None)),
        # A period of 2011 that starts after 31 July 2025: all of it.
        ("erit-on-break", "2025-08-01", ("unknown", 2025, "starts_after_break")),
        ("erit-on-break", "2025-09-30", ("unknown", 2025, "starts_after_break")),
        ("erit-on-break", "2025-10-01", ("S0", 2025, None)),
        # One that starts on that day is none. No extract of 2024–25 has it, so that year says nothing else.
        ("erit-on-last-day", "2025-07-31", ("S0", 2011, None)),
        ("erit-on-last-day", "2025-08-01", ("S2", 2011, None)),
        ("erit-after-with-tupa", "2025-08-31", ("S2", 2025, None)),
        ("erit-after-with-tupa", "2025-10-01", ("S2", 2025, None)),
        # Both: the regimes overlap before the break, where the period of 2025 cannot be.
        ("teho-and-early-tupa", "2025-05-31", ("S1", 2011, None)),
        ("teho-and-early-tupa", "2025-08-01", ("S2", 2025, None)),
        # Two periods of one regime: the higher level.
        ("teho-and-erit", "2024-12-31", ("S1", 2011, None)),
        ("teho-and-erit", "2025-01-01", ("S2", 2011, None)),
        ("teho-and-erit", "2025-05-31", ("S2", 2011, None)),
        ("teho-and-erit", "2025-06-01", ("S1", 2011, None)),
        ("two-erit", "2025-01-31", ("S2", 2011, None)),
        ("two-erit", "2025-02-01", ("S3", 2011, None)),
        ("two-erit", "2025-05-01", ("S2", 2011, None)),
        # What nobody has mapped hides what is known of those days.
        ("unmapped-within", "2025-09-30", ("S2", 2025, None)),
        ("unmapped-within", "2025-10-31", ("unknown", 2025, "support_code_unmapped")),
        ("unmapped-within", "2025-11-01", ("S2", 2025, None)),
        ("typed", "2025-08-31", ("S0", 2025, None)),
        ("typed", "2025-09-30", ("unknown", 2025, "support_code_unmapped")),
        ("typed", "2025-10-01", ("S0", 2025, None)),
        ("scheme", "2025-08-31", ("S2", 2025, None)),
        ("scheme", "2025-09-30", ("unknown", 2025, "scheme_kind_disagree")),
        ("scheme", "2025-10-01", ("S2", 2025, None)),
        # A later extract replaces its own school year; earlier days stay as the last one that covered them said.
        ("withdrawn", "2025-07-31", ("S2", 2011, None)),
        ("withdrawn", "2025-08-01", ("S0", 2025, None)),
        ("ended-later", "2025-05-01", ("S2", 2011, None)),
        ("ended-later", "2025-08-01", ("S0", 2025, None)),
        ("backdated", "2025-07-31", ("S0", 2011, None)),
        ("backdated", "2025-08-01", ("S3", 2011, None)),
        ("withdrawn-within", "2025-09-01", ("S0", 2025, None)),
        ("added-within", "2025-08-14", ("S0", 2025, None)),
        ("added-within", "2025-08-15", ("S2", 2025, None)),
        # A row that could not be read: from its earliest date, else all the time that its extract tells of, until a
        # later extract replaces it.
        ("rejected-then-read", "2025-10-01", ("S0", 2025, None)),
        ("rejected-undated", "2025-08-01", ("unknown", 2025, "rejected_row")),
        ("rejected-undated", "2026-07-31", ("unknown", 2025, "rejected_row")),
        ("rejected-undated", "2026-08-01", ("S0", 2025, None)),
        ("rejected-long-ago", "2025-08-01", ("unknown", 2025, "rejected_row")),
        ("rejected-later", "2025-09-30", ("S2", 2025, None)),
        ("rejected-later", "2025-10-01", ("unknown", 2025, "rejected_row")),
        ("duplicate", "2025-10-01", ("S0", 2025, None)),
        # Support is of the municipality that teaches on the day.
        ("moves-away", "2025-12-31", ("S2", 2011, None)),
        ("moves-away", "2026-01-01", ("S0", 2025, None)),
        ("tombstone", "2025-10-01", ("S0", 2025, None)),
        # A workbook tells of days to the one before it was first received.
        ("workbook", "2025-11-02", ("S0", 2025, None)),
        ("workbook", "2025-11-03", ("S2", 2025, None)),
        ("workbook", "2025-11-04", ("unknown", 2025, "not_covered")),
    ],
)
def test_level_of_a_day(built: TinyWarehouse, pupil: str, on: str, expected: tuple[str, int, str | None]) -> None:
    assert built.level(pupil, on) == expected


@pytest.mark.parametrize("on", ["2025-06-01", "2025-07-31"])
def test_days_on_which_two_rules_make_it_unknown(built: TinyWarehouse, on: str) -> None:
    assert built.level("teho-and-early-tupa", on)[:2] == ("unknown", 2011)
    assert built.level("erit-after-with-tupa", "2025-09-15")[:2] == ("unknown", 2025)


@pytest.mark.parametrize(
    ("pupil", "findings"),
    [
        ("none", {}),
        ("teho-to-june", {}),
        ("teho-to-july", {}),
        # The extract of 25 June 2026 holds the row; that of November was replaced, that of June 2025 knew no better.
        ("teho-to-december", {"tehostettu_clipped": 1}),
        ("teho-after", {"tehostettu_clipped": 1}),
        ("erit-to-july", {}),
        ("erit-to-august", {"expired_2011": 1}),
        ("erit-open", {"expired_2011": 1}),
        # Every row of a contradiction is listed.
        ("overlap-december", {"regimes_overlap": 2}),
        ("overlap-one-day", {"regimes_overlap": 2}),
        ("overlap-none", {}),
        ("tupa-before-break", {"starts_before_break": 1}),
        ("tupa-on-break", {}),
        ("erit-on-break", {"starts_after_break": 1}),
        ("erit-on-last-day", {}),
        ("teho-and-early-tupa", {"regimes_overlap": 2, "starts_before_break": 1}),
        ("teho-and-erit", {"same_regime_overlap": 2}),
        ("two-erit", {"same_regime_overlap": 2}),
        ("one-after-other", {}),
        ("no-placement", {"placement_missing": 1}),
        ("unmapped-within", {"support_code_unmapped": 1}),
        ("scheme", {"scheme_kind_disagree": 1}),
        ("rejected-then-read", {}),
        ("rejected-undated", {"rejected_row": 1}),
        ("duplicate", {}),
    ],
)
def test_what_is_listed(built: TinyWarehouse, pupil: str, findings: dict[str, int]) -> None:
    assert built.findings(pupil) == findings
