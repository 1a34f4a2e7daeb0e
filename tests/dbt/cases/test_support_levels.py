"""Definitions §3, the tables of levels and components, in hand-worked cases: what each source says, and its level."""

from typing import Any

import pytest

from tests.dbt.tiny import TinyWarehouse, enrolment, key, models, support

NIGHT = "2025-12-01"
S1 = ("S1", "exact")
S2, S2_ABOUT = ("S2", "exact"), ("S2", "approximate")
S3, S3_ABOUT = ("S3", "exact"), ("S3", "approximate")
MISSING = {"placement_missing"}

# (municipality, code, placement, marks, (level, mapping), findings). Periods of 2011 start in 2024 and end before the
# break, so that no other rule lists them.
CASES: list[tuple[str, str, int | None, tuple[str, ...], tuple[str, str], set[str]]] = [
    # Erityinen with placement 1, functional areas or pidennetty: S3, exact; whatever else is said.
    ("kuopio", "ERIT", 1, (), S3, set()),
    ("kuopio", "ERIT", 1, ("PR", "AVU"), S3, set()),
    ("kuopio", "ERIT", 3, ("TA",), S3, set()),
    ("kuopio", "ERIT", None, ("TA",), S3, set()),
    ("kuopio", "ERIT", None, ("ELK", "TA"), S3, set()),
    ("kuopio", "ERIT-PID", 4, (), S3, set()),
    ("kuopio", "ERIT-PID", None, (), S3, set()),
    ("siilinjarvi", "2011 SPECIAL", 1, (), S3, set()),
    ("siilinjarvi", "2011 SPECIAL", 2, ("functionalAreas",), S3, set()),
    ("siilinjarvi", "2011 SPECIAL", 5, ("extended",), S3, set()),
    ("iisalmi", "erityinen", 1, (), S3, set()),
    ("iisalmi", "et", None, ("TA",), S3, set()),
    ("iisalmi", "erityinen pid", None, (), S3, set()),
    ("varkaus", "E", None, ("TA-opetus",), S3, set()),
    ("varkaus", "E", None, ("Pidennetty",), S3, set()),
    ("varkaus", "E", None, ("Erityisluokka", "Pidennetty"), S3, set()),
    # Erityinen with placement 2–5, none of the above: S2, exact; a special class does not raise it.
    ("kuopio", "ERIT", 2, (), S2, set()),
    ("kuopio", "ERIT", 3, ("ELK",), S2, set()),
    ("kuopio", "ERIT", 4, ("PR",), S2, set()),
    ("kuopio", "ERIT", 5, (), S2, set()),
    ("siilinjarvi", "2011 SPECIAL", 2, ("SPECIAL_CLASS",), S2, set()),
    ("siilinjarvi", "2011 SPECIAL", 3, ("disabilityBased",), S2, set()),
    ("iisalmi", "erityinen tuki", 5, (), S2, set()),
    # Erityinen without placement, marked special class: S3, approximate.
    ("kuopio", "ERIT", None, ("ELK",), S3_ABOUT, set()),
    ("siilinjarvi", "2011 SPECIAL", None, ("SPECIAL_CLASS",), S3_ABOUT, set()),
    ("varkaus", "E", None, ("Erityisluokka",), S3_ABOUT, set()),
    ("varkaus", "E", None, ("Erityisluokka", "Avustaja"), S3_ABOUT, set()),
    # Erityinen without placement, none of these: S2, approximate, with a finding.
    ("kuopio", "ERIT", None, (), S2_ABOUT, MISSING),
    ("kuopio", "ERIT", None, ("PR", "OPR"), S2_ABOUT, MISSING),
    ("siilinjarvi", "2011 SPECIAL", None, ("disabilityBased",), S2_ABOUT, MISSING),
    ("iisalmi", "et", None, ("20 i §",), S2_ABOUT, MISSING),
    ("varkaus", "E", None, ("Pienryhmä", "20 i §"), S2_ABOUT, MISSING),
    ("varkaus", "E", None, (), S2_ABOUT, MISSING),
    # A decision of 2025 with special class, 20 i § or functional areas: S3, exact.
    ("kuopio", "TUPA-ELK", None, (), S3, set()),
    ("kuopio", "TUPA-20I", None, (), S3, set()),
    ("kuopio", "TUPA", None, ("ELK",), S3, set()),
    ("kuopio", "TUPA", None, ("TA",), S3, set()),
    ("siilinjarvi", "2025 DECISION", None, ("SPECIAL_CLASS",), S3, set()),
    ("siilinjarvi", "2025 DECISION", None, ("disabilityBased",), S3, set()),
    ("siilinjarvi", "2025 DECISION", None, ("functionalAreas",), S3, set()),
    ("iisalmi", "tuen päätös erityisluokka", None, (), S3, set()),
    ("iisalmi", "tuen päätös", None, ("TA",), S3, set()),
    ("iisalmi", "tuen päätös", None, ("20 i §",), S3, set()),
    ("varkaus", "P", None, ("Erityisluokka",), S3, set()),
    ("varkaus", "P", None, ("20 i §",), S3, set()),
    ("varkaus", "P", None, ("TA-opetus",), S3, set()),
    # Other decisions of 2025: S2, exact; placement or pidennetty on them is ignored, with a finding.
    ("kuopio", "TUPA", None, (), S2, set()),
    ("kuopio", "TUPA", None, ("PR", "OPR", "TUL", "AVU", "APU"), S2, set()),
    ("kuopio", "TUPA", 1, (), S2, {"placement_ignored"}),
    ("kuopio", "TUPA", 3, ("ELK",), S3, {"placement_ignored"}),
    ("siilinjarvi", "2025 DECISION", None, ("extended",), S2, {"extended_ignored"}),
    ("siilinjarvi", "2025 DECISION", 1, ("extended",), S2, {"placement_ignored", "extended_ignored"}),
    ("iisalmi", "tuen päätös", 1, (), S2, {"placement_ignored"}),
    ("varkaus", "P", None, ("Pidennetty",), S2, {"extended_ignored"}),
    ("varkaus", "P", None, ("Pienryhmä",), S2, set()),
    # Tehostettu with any mark, placement or flag: S1, exact.
    ("kuopio", "TEHO", None, (), S1, set()),
    ("kuopio", "TEHO", 1, ("TA", "ELK"), S1, set()),
    ("siilinjarvi", "2011 INTENSIFIED", 1, ("extended", "SPECIAL_CLASS"), S1, set()),
    ("iisalmi", "teh tuki", 1, ("TA",), S1, set()),
    ("iisalmi", "tehostettu tuki", None, (), S1, set()),
    ("varkaus", "T", None, ("Erityisluokka", "Pidennetty", "TA-opetus", "20 i §"), S1, set()),
]
# (municipality, code, marks, rule): no level, unknown on its days.
CONTRADICTIONS: list[tuple[str, str | None, tuple[str, ...], str]] = [
    ("siilinjarvi", "2011 DECISION", (), "scheme_kind_disagree"),
    ("siilinjarvi", "2025 INTENSIFIED", (), "scheme_kind_disagree"),
    ("siilinjarvi", "2025 SPECIAL", ("SPECIAL_CLASS",), "scheme_kind_disagree"),
    ("kuopio", None, ("APU",), "measures_without_level"),
    ("varkaus", None, ("Erityisluokka",), "measures_without_level"),
]


def _pupil(number: int) -> str:
    return f"case-{number}"


def _is_2025(code: str | None) -> bool:
    return code is not None and ("2025" in code or code.startswith(("TUPA", "tuen", "P")))


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    said = [
        *((place, code, placement, marks) for place, code, placement, marks, _, _ in CASES),
        *((place, code, None, marks) for place, code, marks, _ in CONTRADICTIONS),
    ]
    for municipality in ("kuopio", "siilinjarvi", "iisalmi", "varkaus"):
        own = [(number, *line[1:]) for number, line in enumerate(said) if line[0] == municipality]
        shared_warehouse.deliver(
            municipality,
            NIGHT,
            enrolment=[enrolment(municipality, _pupil(number)) for number, *_ in own],
            school_day=[],
            absence=[],
            support=[
                support(
                    municipality,
                    _pupil(number),
                    code,
                    "2025-08-11" if _is_2025(code) else "2024-08-08",
                    None if _is_2025(code) else "2025-07-31",
                    placement=placement,
                    marks=list(marks),
                )
                for number, code, placement, marks in own
            ],
        )
    shared_warehouse.build(select=models("support_day_level", "support_finding", "support_period_mark"))
    return shared_warehouse


def _listed(built: TinyWarehouse, number: int) -> set[str]:
    """Findings of the rules of levels; those of the dates are cases of their own."""
    rows = built.query(
        """
        select mapping_finding, is_placement_ignored, is_extended_ignored
        from harmonised.support_period where person_key = %s
        """,
        key("hetu", _pupil(number)),
    )
    assert len(rows) == 1
    row = rows[0]
    named = {"placement_ignored": row["is_placement_ignored"], "extended_ignored": row["is_extended_ignored"]}
    return {rule for rule, applies in named.items() if applies} | ({row["mapping_finding"]} - {None})


@pytest.mark.parametrize(
    ("number", "expected", "findings"),
    [
        pytest.param(number, expected, findings, id="-".join(map(str, (place, code, placement, *marks))))
        for number, (place, code, placement, marks, expected, findings) in enumerate(CASES)
    ],
)
def test_level_and_mapping(built: TinyWarehouse, number: int, expected: tuple[str, str], findings: set[str]) -> None:
    rows = built.query(
        "select support_level, mapping, unknown_rule from harmonised.support_period where person_key = %s",
        key("hetu", _pupil(number)),
    )
    assert [tuple(row.values()) for row in rows] == [(*expected, None)]
    assert _listed(built, number) == findings


def test_ignored_components_of_decisions_are_listed(built: TinyWarehouse) -> None:
    # Decisions of 2025 are in force in this school year, so their findings are in the list: 4 with a placement
    # (TUPA 1 and 3, the one with both, Iisalmi's), 3 with pidennetty.
    rows = built.query(
        """
        select rule, count(*) as rows from harmonised.support_finding
        where rule in ('placement_ignored', 'extended_ignored') group by rule
        """
    )
    assert {row["rule"]: row["rows"] for row in rows} == {"placement_ignored": 4, "extended_ignored": 3}


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        pytest.param(len(CASES) + number, rule, id=f"{place}-{code}")
        for number, (place, code, _, rule) in enumerate(CONTRADICTIONS)
    ],
)
def test_contradictions_have_no_level(built: TinyWarehouse, number: int, rule: str) -> None:
    rows = built.query(
        "select support_level, unknown_rule from harmonised.support_period where person_key = %s",
        key("hetu", _pupil(number)),
    )
    assert [tuple(row.values()) for row in rows] == [(None, rule)]


def test_components_are_kept_with_their_comparability(built: TinyWarehouse) -> None:
    # TUPA with PR, OPR, TUL, AVU and APU; a level does not swallow them.
    number = CASES.index(("kuopio", "TUPA", None, ("PR", "OPR", "TUL", "AVU", "APU"), S2, set()))
    rows = built.query(
        """
        select mark.mark, mark.comparability from harmonised.support_period_mark as mark
        inner join harmonised.support_period as period using (delivery_id, row_number) where person_key = %s
        """,
        key("hetu", _pupil(number)),
    )
    assert {row["mark"] for row in rows} == {"small_group", "part_small_group", "interpretation", "assistant", "aids"}
    assert {row["comparability"] for row in rows} <= {"exact", "approximate", "not_comparable"}
    # And the placement of a period of 2011 stays beside its level.
    number = CASES.index(("kuopio", "ERIT", 3, ("TA",), S3, set()))
    placement: Any = built.value(
        "select placement from harmonised.support_period where person_key = %s", key("hetu", _pupil(number))
    )
    assert placement == 3
