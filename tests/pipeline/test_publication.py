"""A closed period is shown, corrected once at the next close, then stays; a rollback shows the very rows of before."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline import audit, publication
from pipeline.disclosure import Published, protect, protection_of
from pipeline.publication import Mart, closes_on, next_close
from pipeline.withholding import CannotProtect
from tests.pipeline.test_disclosure import levels

PLACES = ("iisalmi", "kuopio")
LEVELS = ("S0", "S2", "S3")
META = {
    "support_levels": {
        "period": ["count_day"],
        "protected_counts": {"pupils": ["share"], "population": ["pupils", "share"]},
        "min_denominator": {"population": ["share"]},
    },
    "data_status": {},
}
OCTOBER, NOVEMBER = date(2025, 10, 31), date(2025, 11, 30)
# October closes on 21 November, November on 21 December.
FIRST, BETWEEN, SECOND, LATER = map(date.fromisoformat, ("2025-11-22", "2025-12-20", "2025-12-22", "2026-02-22"))


@pytest.mark.parametrize(
    ("day", "close"),
    [("2025-10-31", "2025-11-21"), ("2025-09-20", "2025-10-21"), ("2026-01-31", "2026-02-21")],
)
def test_a_day_is_shown_when_its_month_is_closed(day: str, close: str) -> None:
    assert closes_on(date.fromisoformat(day)) == date.fromisoformat(close)


@pytest.mark.parametrize(
    ("night", "close"),
    [
        ("2025-11-20", "2025-11-21"),
        ("2025-11-21", "2025-12-21"),
        ("2025-11-22", "2025-12-21"),
        ("2026-02-21", "2026-03-21"),
        ("2026-03-01", "2026-03-21"),
    ],
)
def test_the_next_close_is_the_21st_after_a_night(night: str, close: str) -> None:
    assert next_close(date.fromisoformat(night)) == date.fromisoformat(close)


def count(connection: psycopg.Connection, day: date, figures: dict[str, Sequence[int]]) -> None:
    """The candidate's rows of a day: municipality → pupils of S0, S2, S3; the region is their sum."""
    connection.execute("delete from candidate.support_levels where count_day = %s", (day,))
    every = {**figures, "region": [sum(values) for values in zip(*figures.values(), strict=True)]}
    for name, pupils in every.items():
        for level, value in zip(LEVELS, pupils, strict=True):
            connection.execute(
                "insert into candidate.support_levels values (%s, %s, 'all', %s, %s, %s, %s, %s)",
                (day, name, level, value, sum(pupils), value / sum(pupils), day),
            )


def release(connection: psycopg.Connection, night: date) -> int:
    row = connection.execute(
        """
        insert into ops.release (release_number, night, by_hand, status, code_version)
        select coalesce(max(release_number), 0) + 1, %s, true, 'building', '-' from ops.release
        returning release_number
        """,
        (night,),
    ).fetchone()
    assert row is not None
    marts: list[Mart] = publication.marts_of(connection, META)
    publication.freeze(connection, row[0], night, marts, PLACES, lambda *_: publication.Detail())
    connection.execute(
        "update ops.release set status = 'published', published_at = clock_timestamp() where release_number = %s", row
    )
    for mart in marts:
        publication.ensure_reporting_table(connection, mart)
    publication.show(connection, row[0])
    publication.forget_old_releases(connection)
    return int(row[0])


def shown(connection: psycopg.Connection, day: date) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(municipality, level) → pupils, suppressed, correction_pending."""
    rows = connection.execute(
        """
        select municipality, support_level, pupils, suppressed, correction_pending
        from reporting.support_levels where count_day = %s
        """,
        (day,),
    ).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}


def test_a_month_is_shown_from_its_close_on(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    release(region, date(2025, 11, 20))
    assert shown(region, OCTOBER) == {}
    release(region, date(2025, 11, 21))
    assert shown(region, OCTOBER)["region", "S3"] == (110, False, False)


def test_readers_see_what_a_table_and_its_flags_mean(region: psycopg.Connection) -> None:
    release(region, FIRST)
    query = "select obj_description('reporting.support_levels'::regclass, 'pg_class')"
    assert region.execute(query).fetchone() == ("Tuen tasot. / Levels of support.",)


def test_a_frozen_month_is_corrected_once_at_the_next_close(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    release(region, FIRST)
    first = shown(region, OCTOBER)
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (880, 210, 100)})
    release(region, BETWEEN)
    assert shown(region, OCTOBER) == first
    release(region, SECOND)
    corrected = shown(region, OCTOBER)
    assert corrected["kuopio", "S3"] == (100, False, False)
    assert corrected["region", "S3"] == (120, False, False)
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (800, 290, 100)})
    release(region, LATER)
    assert shown(region, OCTOBER) == corrected


def test_a_correction_of_few_pupils_waits(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    release(region, FIRST)
    count(region, OCTOBER, {"iisalmi": (98, 50, 22), "kuopio": (900, 200, 90)})
    release(region, SECOND)
    found = shown(region, OCTOBER)
    assert found["iisalmi", "S3"] == (20, False, True)
    assert found["region", "S3"] == (110, False, True)
    # Iisalmi's other levels would tell the two, if S0 were shown as it is now.
    assert found["iisalmi", "S0"] == (100, False, True)
    changes = region.execute("select change, pending_count > 0 from reporting.release_change").fetchall()
    assert changes == [("corrected", True)]


def test_what_was_withheld_stays_withheld(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 3), "kuopio": (900, 200, 90)})
    release(region, FIRST)
    before = shown(region, OCTOBER)
    assert before["iisalmi", "S3"] == (None, True, False)
    count(region, OCTOBER, {"iisalmi": (100, 50, 40), "kuopio": (900, 200, 90)})
    release(region, SECOND)
    after = shown(region, OCTOBER)
    assert {key for key, row in before.items() if row[0] is None} <= {
        key for key, row in after.items() if row[0] is None
    }


def test_a_municipality_that_comes_late_is_not_in_the_regions_closed_figure(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"kuopio": (900, 200, 90)})
    release(region, FIRST)
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    release(region, SECOND)
    found = shown(region, OCTOBER)
    assert found["iisalmi", "S3"] == (20, False, False)
    # With Iisalmi it would be 110, and the difference would be Iisalmi's.
    assert found["region", "S3"] == (90, False, True)


def test_a_rollback_shows_the_rows_of_before_and_the_next_release_goes_on(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    first = release(region, FIRST)
    rows = shown(region, OCTOBER)
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (880, 210, 100)})
    count(region, NOVEMBER, {"iisalmi": (101, 50, 20), "kuopio": (890, 205, 95)})
    second = release(region, SECOND)
    corrected = shown(region, OCTOBER)
    publication.show(region, first)
    assert shown(region, OCTOBER) == rows
    assert shown(region, NOVEMBER) == {}
    # What was published was published: the next release starts from the newest, not from what is shown.
    release(region, date(2025, 12, 23))
    assert shown(region, OCTOBER) == corrected
    assert shown(region, NOVEMBER)["region", "S3"] == (115, False, False)
    query = "select count(distinct checksum) from ops.release_table where table_name = %s and release_number > 1"
    assert region.execute(query, ("support_levels",)).fetchone() == (1,)
    assert second == 2


def test_the_last_thirteen_releases_can_be_brought_back(region: psycopg.Connection) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    for days_old in range(15):
        region.execute("delete from candidate.data_status")
        region.execute("insert into candidate.data_status values ('kuopio', %s)", (days_old,))
        release(region, FIRST)
    numbers = region.execute("select distinct release_number from ops.release_part order by 1").fetchall()
    assert [row[0] for row in numbers] == list(range(3, 16))
    assert region.execute("select days_old from reporting.data_status").fetchall() == [(14,)]
    # What was published of each count is kept, also of releases that are gone.
    assert region.execute("select count(*) > 0 from ops.published_cell where release_number = 1").fetchone() == (True,)


def test_what_the_audit_can_work_out_is_not_released(
    region: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 3), "kuopio": (900, 200, 90)})
    real = publication.protect

    def careless(tables: Any, *rest: Any, **options: Any) -> Any:
        found = real(tables, *rest, **options)
        for row, truth in zip(found.rows["support_levels"], tables["support_levels"], strict=True):
            if row["support_level"] != "S3":
                row["pupils"] = truth["pupils"]
        return found

    monkeypatch.setattr(publication, "protect", careless)
    with pytest.raises(publication.NotSafe, match="iisalmi"):
        release(region, FIRST)


def test_where_a_correction_cannot_be_made_safe_what_was_shown_stays(
    region: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (900, 200, 90)})
    release(region, FIRST)
    count(region, OCTOBER, {"iisalmi": (100, 50, 20), "kuopio": (880, 220, 90)})
    count(region, NOVEMBER, {"iisalmi": (101, 50, 20), "kuopio": (890, 205, 95)})
    real = publication.protect

    def never_corrected(*tables: Any, corrected: dict[str, frozenset[int]], **options: Any) -> Any:
        if any(corrected.values()):
            raise CannotProtect("a correction")
        return real(*tables, corrected=corrected, **options)

    monkeypatch.setattr(publication, "protect", never_corrected)
    release(region, SECOND)
    found = shown(region, OCTOBER)
    assert found["kuopio", "S0"] == (900, False, True)
    assert found["kuopio", "S3"] == (90, False, False)
    assert found["iisalmi", "S0"] == (100, False, False)
    assert shown(region, NOVEMBER)["region", "S3"] == (115, False, False)


@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(*[st.integers(60, 200), st.integers(0, 40), st.integers(0, 40)] * 2),
    st.tuples(*[st.integers(-7, 7)] * 6),
)
def test_what_is_shown_first_and_corrected_passes_the_audit(first: tuple[int, ...], changes: tuple[int, ...]) -> None:
    """Two municipalities, published and corrected; the audit shares no code with the protection."""

    def rows(figures: tuple[int, ...]) -> list[dict[str, Any]]:
        one, other = (*figures[:3], 0, 0), (*figures[3:], 0, 0)
        both = [a + b for a, b in zip(one, other, strict=True)]
        return [*levels("iisalmi", *one), *levels("kuopio", *other), *levels("region", *both)]

    protections = {"support_levels": protection_of(META["support_levels"])}
    tables = {"support_levels": rows(first)}
    try:
        found = protect(tables, protections, PLACES)
    except CannotProtect:
        # Then nothing is released.
        return
    assert audit.audit(found.rows, tables, PLACES) == []
    before = {count: Published(one.value, one.shown) for count, one in found.counts.items()}
    seen = audit.cells(found.rows, tables)
    later = {"support_levels": rows(tuple(max(0, a + b) for a, b in zip(first, changes, strict=True)))}
    try:
        found = protect(later, protections, PLACES, before, corrected={"support_levels": frozenset(range(15))})
    except CannotProtect:
        return
    for count, one in found.counts.items():
        earlier = before[count].shown
        assert one.shown == earlier if earlier is None else one.shown == earlier or abs(one.value - earlier) >= 5
    assert audit.audit(found.rows, later, PLACES, seen) == []
