"""Whatever a file holds: rows in = rows landed + rows rejected, every row once, and nothing raises on a value."""

import json
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.check import CheckedDataset, check_delivery
from connectors.delivery import RawDelivery
from tests.connectors.samples import (
    HETU_1,
    HETU_2,
    KEYS,
    OID_1,
    OID_2,
    iisalmi,
    interval,
    kuopio,
    municipality,
    oppilas,
    poissaolo,
    siilinjarvi,
    student,
    support_period,
    tuki,
    varkaus,
)

ENOUGH = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

wild = st.one_of(
    st.none(),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "0",
                "-1",
                "5",
                "99999",
                "1e3",
                "٣",
                "1,5",
                "1.5",
                "NaN",
                "–",
                "x",
                "kyllä",
                "S",
                "ZZ",
                "\x00",
                "''",
            ),
            *(
                "31.09.2025",
                "06.10.2025",
                "2025-10-06",
                "0000-00-00",
                "9999-12-31",
                "syyskuu 2025",
                "20 i §",
                "[",
                "[1]",
            ),
            *("2025-10-26T03:30:00+02:00", "2025-10-06T25:00:00Z", HETU_1, HETU_2, OID_1, OID_2, "Aino Virtanen"),
        ]
    ),
    st.text(max_size=12),
)
# What may stand in a CSV line, also where it breaks the line.
csv_text = wild.map(lambda value: "" if value is None else value)


def adds_up(raw: RawDelivery) -> dict[str, CheckedDataset]:
    config = municipality(raw.municipality)
    checked = check_delivery(raw, config, KEYS).datasets
    for name, part in checked.items():
        rejected = part.rejected["row_number"]
        landed = part.frame["row_number"].unique()
        assert part.rows_in == part.rows_landed + part.rejected.height
        assert part.rows_landed == len(landed)
        assert rejected.n_unique() == len(rejected)
        assert not set(rejected) & set(landed)
        lines = len(config.datasets[name].reasons) or 1
        assert part.frame.height == part.rows_landed * lines
        assert part.rejected.null_count().row(0)[2:5] == (0, 0, 0)
    return checked


@ENOUGH
@given(
    st.lists(st.lists(csv_text, min_size=9, max_size=9), max_size=4),
    st.lists(st.lists(csv_text, min_size=8, max_size=11), max_size=4),
    st.lists(st.lists(csv_text, min_size=7, max_size=7), max_size=4),
    st.lists(st.lists(csv_text, min_size=4, max_size=4), max_size=4),
)
def test_kuopio(pupils: Any, marks: Any, support: Any, days: Any) -> None:
    joined = [[";".join(row) for row in table] for table in (pupils, marks, support, days)]
    good = f"{OID_1};{HETU_1};07522;7;7A;297;PO;11.08.2025;"
    adds_up(kuopio([good, *joined[0]], joined[1], joined[2], joined[3]))


def changed(make: Any, names: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Items with some of their values replaced."""
    changes = st.dictionaries(
        st.sampled_from(names), st.one_of(wild, st.integers(-3, 70000), st.booleans()), max_size=3
    )
    return st.lists(changes.map(lambda values: {**make(), **values}), max_size=5)


@ENOUGH
@given(
    changed(student, list(student())),
    changed(interval, list(interval())),
    changed(support_period, list(support_period())),
)
def test_siilinjarvi(students: Any, absences: Any, periods: Any) -> None:
    # A key that is empty everywhere refuses the delivery, which is another rule.
    pupils = [student(id="student-0009"), *students]
    checked = adds_up(
        siilinjarvi(
            pupils,
            [interval(id="absence-0009", studentId="student-0009"), *absences],
            [support_period(id="support-0009", studentId="student-0009"), *periods],
        )
    )
    assert checked["enrolment"].rows_in == len({json.dumps(one, sort_keys=True) for one in pupils})


@ENOUGH
@given(changed(oppilas, list(oppilas())), changed(poissaolo, list(poissaolo())), changed(tuki, list(tuki())))
def test_iisalmi(pupils: Any, absences: Any, support: Any) -> None:
    own = {"hetu": HETU_2}
    checked = adds_up(
        iisalmi(
            [oppilas(**own), *pupils],
            [poissaolo(poissaolo_id=9, **own), *absences],
            [tuki(tuki_id=9, **own), *support],
        )
    )
    assert [checked[name].rows_in for name in ("enrolment", "absence", "support")] == [
        *(len(pupils) + 1, len(absences) + 1, len(support) + 1)
    ]


# What Excel itself can hold in a cell.
cell = st.one_of(
    wild.map(lambda value: None if value is None or not value.isprintable() else value),
    st.integers(-5, 1000),
    st.floats(-5, 1000, allow_nan=False),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.booleans(),
)


@settings(ENOUGH, max_examples=25)
@given(
    st.lists(st.lists(cell, min_size=9, max_size=9), max_size=3),
    st.lists(st.lists(cell, min_size=6, max_size=6), max_size=3),
    st.lists(st.lists(cell, min_size=12, max_size=12), max_size=3),
    st.lists(st.lists(cell, min_size=4, max_size=4), max_size=3),
)
def test_varkaus(pupils: Any, absences: Any, support: Any, days: Any) -> None:
    adds_up(varkaus(pupils, absences, support, days))
