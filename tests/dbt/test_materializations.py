"""A model is built whole or stays as it was, and takes the place of whatever had its name."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.transform import TransformError
from tests.dbt.tiny import MODELS_ONLY, TinyWarehouse, enrolment, hours, models, school_days, weekdays

NIGHT = "2025-10-20"
# A table, an increment and a view of staging that both are made of.
SOME = models("covered_day", "calendar")
KINDS = """
    select relname, relkind::text from pg_class
    where oid in ('harmonised.covered_day'::regclass, 'harmonised.calendar'::regclass, 'staging.stg_delivery'::regclass)
    order by relname
"""
# As when the server stops at the last of what is asked for a model.
STOP_AT_DESCRIPTION = """
    create function stop_at_description() returns event_trigger language plpgsql as $$
    begin
        if exists (
            select from pg_event_trigger_ddl_commands() as command
            where command.objid = to_regclass('harmonised.' || {name})
        ) then raise exception 'no room for descriptions';
        end if;
    end
    $$;
    create event trigger stop_at_description on ddl_command_end
    when tag in ('COMMENT') execute function stop_at_description();
"""


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    shared_warehouse.deliver(
        "iisalmi",
        NIGHT,
        enrolment=[enrolment("iisalmi", "one")],
        school_day=school_days("iisalmi", weekdays("2025-08-11", 60)),
        support=[],
        absence=[hours("one", "2025-10-06", 2, "1")],
    )
    shared_warehouse.build(NIGHT, MODELS_ONLY)
    return shared_warehouse


@pytest.fixture
def stopped(built: TinyWarehouse, postgres: EmbeddedPostgres) -> Iterator[TinyWarehouse]:
    with psycopg.connect(postgres.admin_url, dbname=built.connection.info.dbname, autocommit=True) as admin:
        admin.execute(sql.SQL(STOP_AT_DESCRIPTION).format(name=sql.Literal("covered_day")))
        yield built
        admin.execute("drop event trigger stop_at_description; drop function stop_at_description")


def test_a_model_that_fails_leaves_what_was_there(stopped: TinyWarehouse) -> None:
    tables = "select oid, relname from pg_class where starts_with(relname, 'covered_day') order by relname"
    before = stopped.query(tables)
    rows = stopped.query("select * from harmonised.covered_day order by day")
    assert before
    assert rows
    with pytest.raises(TransformError, match=r"covered_day: .*no room for descriptions"):
        stopped.build(NIGHT, SOME)
    assert stopped.query(tables) == before
    assert stopped.query("select * from harmonised.covered_day order by day") == rows


def test_what_had_a_models_name_gives_way(built: TinyWarehouse) -> None:
    kinds = built.query(KINDS)
    assert [row["relkind"] for row in kinds] == ["r", "r", "v"]
    built.do(
        "drop table harmonised.covered_day, harmonised.calendar cascade",
        "drop view staging.stg_delivery cascade",
        "create view harmonised.covered_day as select 1 as nothing",
        "create view harmonised.calendar as select nothing from harmonised.covered_day",
        "create table staging.stg_delivery (nothing int)",
    )
    built.build(NIGHT, SOME)
    assert built.query(KINDS) == kinds


def test_a_build_of_which_a_table_is_gone_is_made_anew(built: TinyWarehouse) -> None:
    built.build(NIGHT, MODELS_ONLY)
    reported = built.query("select * from harmonised.reported_day")
    assert len(reported) == 1
    built.do("drop table harmonised.reported_day cascade")
    built.build(NIGHT, MODELS_ONLY)
    assert built.query("select * from harmonised.reported_day") == reported
