"""Night by night, in whatever order, twice or all at once: the same rows as one full build from landing."""

import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from demo.night import CLOSING_NIGHT, RunningRegion, running_region
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.transform import build
from pipeline.warehouse import connect, warehouse_url
from tests.truth.state import state, unlike

# A month's turn, a weekend, a hole longer than Kuopio's window, and the regimes' change before all of them.
NIGHTS = tuple(
    map(date.fromisoformat, ("2025-10-30", "2025-10-31", "2025-11-03", "2025-11-04", "2025-12-02", "2026-02-03"))
)
MODELS = "resource_type:seed resource_type:model"

# What goes only because something else goes: the server tells it to a superuser's event trigger.
WATCH_VIEWS = """
create table public.view_dropped_along (name text);
grant insert on public.view_dropped_along to public;
create function public.watch_views() returns event_trigger language plpgsql as $$
begin
    insert into public.view_dropped_along
    select dropped.object_identity from pg_event_trigger_dropped_objects() as dropped
    where dropped.object_type = 'view' and not dropped.original;
end $$;
create event trigger watch_views on sql_drop execute function public.watch_views();
"""


class Landed:
    """A warehouse with nights landed, and the builds that are made on it."""

    def __init__(self, running: RunningRegion, target: Path) -> None:
        self.running = running
        self.settings = running.settings
        self.target = target
        self.nights: list[date] = []

    def take_in(self, nights: Sequence[date]) -> None:
        """Lands those of the nights that have not been landed; in the order of their dates."""
        for night in nights[len(self.nights) :]:
            if night != CLOSING_NIGHT:
                self.running.move_to(night)
            assert {outcome.status for outcome in self.running.take_in(night)} <= {"accepted", "unchanged"}
            self.nights.append(night)

    def show(self, deliveries: Sequence[int]) -> None:
        """What the next build may see."""
        with connect(self.settings) as connection:
            connection.execute("delete from ops.candidate_delivery")
            connection.execute(
                """
                insert into ops.candidate_delivery (delivery_id, dataset)
                select delivery_id, dataset from ops.delivery
                where status = 'accepted' and delivery_id = any(%s)
                """,
                (list(deliveries),),
            )

    def build(self, night: date, *, full_refresh: bool = False) -> dict[str, tuple[int, str]]:
        url = warehouse_url(self.settings)
        build(url, self.target, select=MODELS, full_refresh=full_refresh, night=night)
        with psycopg.connect(url) as connection:
            return state(connection)

    def deliveries(self, until: date) -> list[int]:
        query = "select distinct delivery_id from ops.delivery where status = 'accepted' and night <= %s order by 1"
        with connect(self.settings) as connection:
            return [row[0] for row in connection.execute(query, (until,))]

    @property
    def administrator(self) -> str:
        return make_conninfo(EmbeddedPostgres(self.settings.postgres).admin_url, dbname="tukiverkko")


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    settings = Settings(
        home=tmp_path_factory.mktemp("increments"), database_url=None, municipalities=PROJECT_ROOT / "municipalities"
    )
    with running_region(settings, seed=21, scale=0.02) as running:
        yield Landed(running, tmp_path_factory.mktemp("target"))


def test_nights_in_a_row_are_the_full_build(delivered: Landed) -> None:
    delivered.take_in((CLOSING_NIGHT, *NIGHTS[:3]))
    with psycopg.connect(delivered.administrator, autocommit=True) as connection:
        connection.execute(WATCH_VIEWS)
    for night in NIGHTS[:3]:
        delivered.show(delivered.deliveries(night))
        increment = delivered.build(night)
    assert unlike(increment, delivered.build(NIGHTS[2], full_refresh=True)) == {}
    # Two models that each drop the same views with what they replace can lock each other out.
    with psycopg.connect(delivered.administrator) as connection:
        assert connection.execute("select name from public.view_dropped_along").fetchall() == []


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_every_night_is_the_full_build(delivered: Landed) -> None:
    delivered.take_in((CLOSING_NIGHT, *NIGHTS))
    for night in (CLOSING_NIGHT, *NIGHTS):
        delivered.show(delivered.deliveries(night))
        increment = delivered.build(night)
        assert unlike(increment, delivered.build(night, full_refresh=True)) == {}, night


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_deliveries_in_another_order_end_in_the_same_state(delivered: Landed) -> None:
    last = NIGHTS[-1]
    delivered.take_in((CLOSING_NIGHT, *NIGHTS))
    everything = delivered.deliveries(last)
    delivered.show(everything)
    expected = delivered.build(last, full_refresh=True)
    shuffled = random.Random(5).sample(everything, len(everything))
    third = len(shuffled) // 3
    delivered.show(shuffled[:third])
    delivered.build(last, full_refresh=True)
    # One goes again in the meantime, as when a person refuses a delivery that had been accepted.
    delivered.show(shuffled[1 : 2 * third])
    delivered.build(last)
    delivered.show(everything)
    assert unlike(delivered.build(last), expected) == {}
    assert unlike(delivered.build(last), expected) == {}
