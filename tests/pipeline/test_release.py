"""When a release is due, and what one municipality's broken folder does to it: nothing."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from pipeline import ledger, publication, quality, release, transform
from pipeline.linked_counts import TablesDisagree
from pipeline.problems import release_cause
from pipeline.release_lock import ReleaseLockLost, release_lock
from pipeline.settings import Settings
from pipeline.warehouse import RELEASE_LOCK

# Long past: the clock no longer makes a release of these nights wait for anybody.
NIGHT, LATER = date(2026, 2, 3), date(2026, 2, 4)


@pytest.fixture
def own_folders(settings: Settings, tmp_path: Path) -> Settings:
    """The same warehouse, with municipalities' folders that a test may break."""
    copied = shutil.copytree(settings.municipalities, tmp_path / "municipalities")
    return replace(settings, municipalities=Path(copied))


def publish(connection: psycopg.Connection, night: date, *, by_hand: bool = False) -> None:
    connection.execute(
        "insert into ops.release (release_number, night, by_hand, status, code_version) "
        "values (1, %s, %s, 'published', '-')",
        (night, by_hand),
    )
    connection.commit()


def report(connection: psycopg.Connection, night: date) -> None:
    ledger.report_night(connection, "kuopio", night, "accepted", None, None, None)
    connection.commit()


def test_a_night_without_any_outcome_is_not_released(settings: Settings) -> None:
    assert not release.due(settings, NIGHT)[0]


def test_after_half_past_five_a_night_is_released_with_those_that_are_in(
    settings: Settings, connection: psycopg.Connection
) -> None:
    report(connection, NIGHT)
    due, reason = release.due(settings, NIGHT)
    assert due
    assert "iisalmi" in reason


@pytest.mark.parametrize("released", [NIGHT, LATER])
def test_a_night_is_not_released_twice_nor_over_a_newer_one(
    settings: Settings, connection: psycopg.Connection, released: date
) -> None:
    report(connection, NIGHT)
    publish(connection, released)
    assert not release.due(settings, NIGHT)[0]
    assert release.due(settings, NIGHT, by_hand=True)[0]


def test_a_release_by_hand_does_not_take_the_place_of_the_scheduled_one(
    settings: Settings, connection: psycopg.Connection
) -> None:
    report(connection, NIGHT)
    publish(connection, NIGHT, by_hand=True)
    assert release.due(settings, NIGHT)[0]


def test_a_folder_with_a_mistake_keeps_the_codes_that_were_loaded_last(
    own_folders: Settings, connection: psycopg.Connection
) -> None:
    (own_folders.municipalities / "iisalmi" / "absence_codes.csv").write_text("nonsense\n", encoding="utf-8")
    before = codes(connection, "iisalmi")
    connection.execute("delete from reference.absence_crosswalk where municipality = 'kuopio'")
    connection.commit()
    release._open(connection, own_folders, NIGHT, by_hand=True)
    assert codes(connection, "iisalmi") == before > 0
    assert codes(connection, "kuopio") > 0


def test_a_new_folder_with_another_ones_code_does_not_take_it_away(
    own_folders: Settings, connection: psycopg.Connection
) -> None:
    # Its name comes first in the alphabet, and the code was Kuopio's before.
    shutil.copytree(own_folders.municipalities / "kuopio", own_folders.municipalities / "aakkoset")
    release._open(connection, own_folders, NIGHT, by_hand=True)
    names = connection.execute("select municipality from reference.municipality where code = '297'").fetchall()
    assert names == [("kuopio",)]


def test_a_municipality_without_a_folder_leaves_the_codes(
    own_folders: Settings, connection: psycopg.Connection
) -> None:
    shutil.rmtree(own_folders.municipalities / "varkaus")
    release._open(connection, own_folders, NIGHT, by_hand=True)
    assert codes(connection, "varkaus") == 0


def test_a_late_release_does_not_take_what_came_after_its_night(
    settings: Settings, connection: psycopg.Connection
) -> None:
    connection.execute(
        """
        insert into ops.delivery (delivery_id, dataset, delivery, municipality, night, school_year, status, extent)
        values
            (1, 'absence', 'kuopio-1', 'kuopio', %(night)s, 2025, 'accepted', 'window'),
            (2, 'absence', 'kuopio-2', 'kuopio', %(later)s, 2025, 'accepted', 'window'),
            (3, 'absence', 'iisalmi-3', 'iisalmi', %(night)s, 2025, 'held', 'chain')
        """,
        {"night": NIGHT, "later": LATER},
    )
    connection.commit()
    number = release._open(connection, settings, NIGHT, by_hand=True)
    assert connection.execute("select delivery_id from ops.candidate_delivery").fetchall() == [(1,)]
    of_release = "select delivery_id from ops.release_delivery where release_number = %s"
    assert connection.execute(of_release, (number,)).fetchall() == [(1,)]


def codes(connection: psycopg.Connection, municipality: str) -> int:
    row = connection.execute(
        "select count(*) from reference.absence_crosswalk where municipality = %s", (municipality,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_why_disclosure_control_refused_is_told_to_the_team_alone(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build and the tables are stand-ins: what the audit says of real ones is tested in test_disclosure."""
    secret = "support_levels.pupils: level=S3 is 3, and elsewhere 2"

    def refuse(*_: object) -> None:
        raise TablesDisagree(secret)

    one = quality.QualityResult("run", "release", "own", "one", "-", "critical", "passed", 0, 1, 0.0, "fi", "en")
    monkeypatch.setattr(transform, "build", lambda *_, **__: None)
    monkeypatch.setattr(transform, "published_marts", lambda _: {})
    monkeypatch.setattr(quality, "run_suite", lambda _url, stage, _parameters: (replace(one, check_id=stage),))
    monkeypatch.setattr(publication, "freeze", refuse)
    outcome = release.release(settings, NIGHT, by_hand=True)
    assert (outcome.status, secret in str(outcome.reason)) == ("refused", True)
    # The quality page shows these tables to senders; the task's log and the mails tell the cause.
    told = connection.execute(
        """
        select string_agg(result::text, ' ') from ops.quality_result as result
        union all
        select string_agg(look::text, ' ') from ops.finding_observation as look
        """
    ).fetchall()
    assert "disclosure audit failed" in str(told)
    assert secret not in str(told)
    assert secret not in release_cause(outcome.status, str(outcome.reason))[1]


def lose_the_lock(connection: psycopg.Connection) -> None:
    """Ends the session that holds the release lock, as a restart of PostgreSQL or a broken connection does."""
    ended = connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and objid = %s",
        (RELEASE_LOCK,),
    ).fetchall()
    connection.commit()
    assert ended == [(True,)]


def status_of(connection: psycopg.Connection, number: int) -> str:
    row = connection.execute("select status from ops.release where release_number = %s", (number,)).fetchone()
    connection.commit()
    assert row is not None
    return str(row[0])


def test_a_lock_is_held_until_its_session_ends(settings: Settings, connection: psycopg.Connection) -> None:
    with release_lock(settings) as lock:
        lock.check()
        lose_the_lock(connection)
        with pytest.raises(ReleaseLockLost, match="nothing was published"):
            lock.check()
        with release_lock(settings) as another:
            another.check()


def test_a_release_that_lost_its_lock_does_not_go_on(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = release._open

    def open_and_lose(own: psycopg.Connection, settings: Settings, night: date, by_hand: bool) -> int:
        number = opened(own, settings, night, by_hand)
        lose_the_lock(connection)
        return number

    monkeypatch.setattr(release, "_open", open_and_lose)
    monkeypatch.setattr(transform, "build", lambda *_args, **_more: pytest.fail("another release may be building"))
    with pytest.raises(ReleaseLockLost):
        release.release(settings, NIGHT, by_hand=True)
    assert status_of(connection, 1) == "failed"


def test_what_was_published_is_not_called_failed(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish_and_lose_the_answer(_settings: Settings, _lock: object, number: int, *_rest: object) -> None:
        connection.execute("update ops.release set status = 'published' where release_number = %s", (number,))
        connection.commit()
        raise psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(release, "_build_and_publish", publish_and_lose_the_answer)
    with pytest.raises(psycopg.OperationalError):
        release.release(settings, NIGHT, by_hand=True)
    assert status_of(connection, 1) == "published"
