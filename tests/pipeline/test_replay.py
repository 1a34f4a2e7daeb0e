"""A delivery that is read again: what builds know of it, what may happen beside it, and what a kill leaves."""

import shutil
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from connectors.delivery import SourceRefused
from pipeline import ingest, release, transform
from pipeline.built_state import NOT_TO_BE_BUILT_UPON
from pipeline.release_lock import ReleaseUnderWay, release_lock
from pipeline.settings import Settings
from pipeline.warehouse import connect, warehouse_url
from tests.connectors import samples
from tests.dbt.tiny import MODELS_ONLY
from tests.pipeline.small_kuopio import MARKS, NIGHT, raw_kuopio, take_in
from tests.truth.state import state, unlike

NAME = f"kuopio-{NIGHT}"
# A day as Kuopio does not write it: the row is rejected until the folder allows it.
OTHER_DAY = f"2;{samples.OID_1};07522;2025-10-07;1;MA;LU;;;"
LANDED = "select xmin::text, row_number from landing.absence_lesson order by row_number"


@pytest.fixture
def own_folders(settings: Settings, tmp_path: Path) -> Settings:
    """The same warehouse, with municipalities' folders that a test may change."""
    copied = shutil.copytree(settings.municipalities, tmp_path / "municipalities")
    return replace(settings, municipalities=Path(copied))


def allow_other_days(settings: Settings) -> None:
    file = settings.municipalities / "kuopio" / "municipality.yaml"
    text = file.read_text("utf-8")
    allowed = text.replace('dates: ["%d.%m.%Y"]', 'dates: ["%d.%m.%Y", "%Y-%m-%d"]')
    assert allowed != text
    file.write_text(allowed, "utf-8")


def build(settings: Settings, *, full_refresh: bool = False) -> dict[str, tuple[int, str]]:
    """The harmonised layer as a release makes it."""
    with connect(settings) as connection:
        release._open(connection, settings, NIGHT, by_hand=True)
    url, target = warehouse_url(settings), settings.dbt_target
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DBT_INDIRECT_SELECTION", "empty")
        transform.build(url, target, select=MODELS_ONLY, full_refresh=full_refresh, night=NIGHT)
    with connect(settings) as connection:
        return state(connection)


def unauthorised(connection: psycopg.Connection) -> object:
    row = connection.execute("select count(*) from harmonised.absence where absence_class = 'unauthorised'").fetchone()
    connection.commit()
    return row and row[0]


def statuses(connection: psycopg.Connection) -> list[str]:
    found = [row[0] for row in connection.execute("select distinct status from ops.delivery order by 1")]
    connection.commit()
    return found


def remember_a_build(connection: psycopg.Connection) -> None:
    """As after a build that was done."""
    connection.execute("create table harmonised.built_state (night date, fingerprint text)")
    connection.execute("insert into harmonised.built_state values (%s, 'known')", (NIGHT,))
    connection.commit()


def fingerprint(connection: psycopg.Connection) -> object:
    row = connection.execute("select fingerprint from harmonised.built_state").fetchone()
    connection.commit()
    return row and row[0]


def test_what_a_replay_lands_is_in_the_next_build(own_folders: Settings, connection: psycopg.Connection) -> None:
    assert take_in(own_folders, raw_kuopio(own_folders, marks=[*MARKS, OTHER_DAY])).status == "accepted"
    build(own_folders)
    assert unauthorised(connection) == 0
    allow_other_days(own_folders)
    assert ingest.replay(own_folders, NAME).status == "accepted"
    found = build(own_folders)
    assert unauthorised(connection) == 1
    assert unlike(found, build(own_folders, full_refresh=True)) == {}


def test_a_replay_beside_a_release_changes_nothing(settings: Settings, connection: psycopg.Connection) -> None:
    take_in(settings, raw_kuopio(settings))
    remember_a_build(connection)
    landed = connection.execute(LANDED).fetchall()
    with release_lock(settings), pytest.raises(ReleaseUnderWay):
        ingest.replay(settings, NAME)
    assert connection.execute(LANDED).fetchall() == landed
    assert (statuses(connection), fingerprint(connection)) == (["accepted"], "known")
    release._open(connection, settings, NIGHT, by_hand=True)
    connection.commit()
    assert ingest.replay(settings, NAME).status == "accepted"
    assert fingerprint(connection) == NOT_TO_BE_BUILT_UPON


def refuse(*_: object) -> None:
    raise SourceRefused("kuopio", "unreadable", "ei luettavissa", "", "broken_file")


def test_what_cannot_be_read_any_more_is_not_taken_away_from_a_release(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(settings, raw_kuopio(settings))
    landed = connection.execute(LANDED).fetchall()
    connection.commit()
    monkeypatch.setattr(ingest, "check_delivery", refuse)
    with release_lock(settings), pytest.raises(ReleaseUnderWay):
        ingest.replay(settings, NAME)
    assert connection.execute(LANDED).fetchall() == landed
    assert statuses(connection) == ["accepted"]
    assert ingest.replay(settings, NAME).status == "refused"
    assert connection.execute(LANDED).fetchall() == []


def test_what_no_release_has_had_is_read_again_beside_one(settings: Settings, connection: psycopg.Connection) -> None:
    assert take_in(settings, raw_kuopio(settings, without="07523")).status == "held"
    remember_a_build(connection)
    with release_lock(settings):
        assert ingest.replay(settings, NAME).status == "held"
    assert fingerprint(connection) == "known"


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_replay_killed_before_the_gate_leaves_the_decision_to_it(
    own_folders: Settings, connection: psycopg.Connection
) -> None:
    known_day = f"2;{samples.OID_1};07522;07.10.2025;1;MA;LU;;;"
    assert take_in(own_folders, raw_kuopio(own_folders, marks=[*MARKS, known_day])).status == "accepted"
    file = own_folders.municipalities / "kuopio" / "absence_codes.csv"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("LU,")), "utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ingest, "_gate", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest.replay(own_folders, NAME)
    # What nobody has checked is in no release, and the night is not told as well.
    release.choose_deliveries(connection, NIGHT)
    assert connection.execute("select delivery_id from ops.candidate_delivery").fetchall() == []
    assert connection.execute("select distinct status from ops.night_outcome").fetchall() == [("received",)]
    connection.rollback()

    assert statuses(connection) == ["received"]
    assert ingest.load(own_folders, "kuopio", NIGHT) == [NAME]
    assert ingest.report(own_folders, "kuopio", NIGHT, None).status == "held"
