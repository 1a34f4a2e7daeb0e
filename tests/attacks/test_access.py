"""The gate on who may reach what: what it must see, that it names what mends it, and that it is quick."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from pipeline import access, release
from tests.attacks.conftest import MODELS, Published

OWNER = "tukiverkko_pipeline"
# What somebody did → what the gate says of it, in part.
DONE = {
    "alter table municipal.dim_pupil no force row level security": "municipal.dim_pupil: row-level security is not",
    "alter table municipal.dim_pupil disable row level security": "municipal.dim_pupil: row-level security is not",
    "alter policy own_rows on municipal.dim_pupil using (true)": "municipal.dim_pupil: policy own_rows is not ours",
    "alter policy own_rows on municipal.dim_pupil to bi_kuopio": "municipal.dim_pupil: policy own_rows is not ours",
    "alter policy pipeline on municipal.dim_pupil to public": "municipal.dim_pupil: policy pipeline is not ours",
    "create policy more on municipal.dim_pupil as permissive for all using (true)": "policy more is not ours",
    "drop policy own_rows on municipal.dim_pupil": "municipal.dim_pupil: has no policy own_rows",
    "create policy more on ops.delivery using (true)": "ops.delivery: policy more is not ours",
    "create table municipal.copy as select * from municipal.dim_pupil": "municipal.copy: is no table of the release",
    "create materialized view municipal.copy as select 1 as one": "municipal.copy: is no table of the release",
    "alter table municipal.fact_absence drop constraint fact_absence_pupil_key_fkey": "references municipal.dim_pupil",
    "alter table municipal.fact_absence drop constraint fact_absence_pkey": "is its primary key",
    "alter table reporting.support_yearly drop constraint support_yearly_pkey": "reporting.support_yearly: has no",
    "alter table municipal.dim_pupil alter column form set statistics 10": "municipal.dim_pupil.form: statistics",
    "create statistics together on form, grade from municipal.dim_pupil": "keeps statistics",
    "grant select on municipal.dim_pupil to public": "table municipal.dim_pupil: public has SELECT",
    "grant insert on municipal.dim_pupil to bi_kuopio": "table municipal.dim_pupil: bi_kuopio has INSERT",
    "grant maintain on reporting.release to bi_region": "table reporting.release: bi_region has MAINTAIN",
    "grant select on municipal.dim_pupil to bi_region": "table municipal.dim_pupil: bi_region has SELECT",
    "grant select (grade) on municipal.dim_pupil to bi_region": "table municipal.dim_pupil: bi_region has SELECT",
    "grant select on municipal.dim_pupil to bi_kuopio with grant option": "bi_kuopio can pass SELECT on",
    "grant select on landing.enrolment to bi_kuopio": "table landing.enrolment: bi_kuopio has SELECT",
    "grant select on candidate.support_yearly to public": "table candidate.support_yearly: public has SELECT",
    "grant select on reference.school to bi_kuopio": "table reference.school: bi_kuopio has SELECT",
    "grant select on ops.published_row to {login}": "table ops.published_row: {login} has SELECT",
    "grant usage on schema harmonised to bi_region": "schema harmonised: bi_region has USAGE",
    "grant usage on schema staging to public": "schema staging: public has USAGE",
    "grant create on schema municipal to bi_kuopio": "schema municipal: bi_kuopio has CREATE",
    "grant create on schema public to public": "schema public: public has CREATE",
    "grant create on database {database} to bi_kuopio": "bi_kuopio has CREATE",
    "grant temporary on database {database} to public": "public has TEMPORARY",
    "grant connect on database {database} to public": "public has CONNECT",
    "grant usage on sequence ops.delivery_id to bi_kuopio": "sequence ops.delivery_id: bi_kuopio has USAGE",
    "create function municipal.one() returns integer return 1": "routine municipal.one(): public has EXECUTE",
    "create function public.one() returns integer security definer return 1": "security definer",
    "create view public.all_of as select * from candidate.every_pupil; grant select on all_of to bi_kuopio": "all_of",
    "create materialized view public.copied as select * from municipal.dim_pupil; grant select on copied to public": (
        "drop materialized view"
    ),
    "create table public.kept as select 1 as one; grant select on public.kept to bi_kuopio": "table public.kept: ",
    "create view public.new as select * from reporting.release; grant select on public.new to bi_region": "public.new",
    "alter default privileges for role tukiverkko_pipeline in schema ops grant select on tables to bi_kuopio": (
        "default privileges of tukiverkko_pipeline in ops: bi_kuopio will have SELECT on new tables"
    ),
    "alter default privileges for role tukiverkko_pipeline grant select on tables to public": "will have SELECT",
    "alter role {login} bypassrls": "role {login}: is bypassrls",
    "alter role {login} superuser": "role {login}: is superuser",
    "alter role {login} createrole": "role {login}: is createrole",
    "alter role bi_kuopio createdb": "role bi_kuopio: is createdb",
    "alter role bi_kuopio replication": "role bi_kuopio: is replication",
    "alter role bi_kuopio login": "role bi_kuopio: can log in",
    "grant pg_read_all_data to {login}": "role {login}: is a member of pg_read_all_data",
    "grant pg_monitor to bi_kuopio": "role bi_kuopio: is a member of pg_monitor",
    "grant pg_execute_server_program to {login} with inherit false": "is a member of pg_execute_server_program",
    "create role berta in role bi_kuopio; grant tukiverkko_pipeline to berta": "berta: is a member of tukiverkko_pipe",
    "grant bi_kuopio to bi_region": "role bi_region: is a member of bi_kuopio",
    "grant bi_kuopio to {login} with admin option": "can make others members of bi_kuopio",
    "update reference.municipal_reader set municipality = 'varkaus' where municipality = 'kuopio'": "reads the rows",
    "insert into reference.municipal_reader values ('{login}', 'varkaus')": "role {login} reads the rows of varkaus",
    "create table public.own (one integer); alter table public.own owner to {login}": "belongs to the reader {login}",
    "alter table reporting.support_yearly owner to bi_kuopio": "table reporting.support_yearly: belongs to the reader",
    "grant select on pg_statistic to bi_kuopio": "table pg_statistic: bi_kuopio has SELECT",
    "grant select (rolpassword) on pg_authid to public": "table pg_authid: public has SELECT",
    "grant execute on function pg_read_file(text) to public": "routine pg_read_file(text): public has EXECUTE",
    "create foreign data wrapper elsewhere; grant usage on foreign data wrapper elsewhere to bi_kuopio": "elsewhere",
    "grant set on parameter log_statement to bi_kuopio": "log_statement: is granted to bi_kuopio",
}


@pytest.fixture(scope="module")
def admin(published: Published) -> Iterator[psycopg.Connection]:
    with published.admin() as connection:
        connection.execute("create view candidate.every_pupil as select * from candidate_municipal.dim_pupil")
        yield connection
        connection.execute("drop view candidate.every_pupil")


def look(admin: psycopg.Connection) -> list[str]:
    """What the gate says to the pipeline, which has no more rights than that."""
    with admin.transaction():
        admin.execute(f"set local role {OWNER}")  # type: ignore[call-overload]
        return [str(problem) for problem in access.look(admin, MODELS)]


@pytest.mark.parametrize("statements", DONE)
def test_it_names_what_is_wrong(published: Published, admin: psycopg.Connection, statements: str) -> None:
    known = {"login": published.logins["bi_kuopio"], "database": published.database}
    with admin.transaction(force_rollback=True):
        for statement in statements.split("; "):
            admin.execute(statement.format(**known))  # type: ignore[call-overload]
        said = look(admin)
    assert any(DONE[statements].format(**known) in one for one in said), said


@pytest.mark.parametrize("statements", [one for one in DONE if one.startswith("grant ")])
def test_the_statement_that_it_names_mends_it(published: Published, admin: psycopg.Connection, statements: str) -> None:
    known = {"login": published.logins["bi_kuopio"], "database": published.database}
    with admin.transaction(force_rollback=True):
        admin.execute(statements.format(**known))  # type: ignore[call-overload]
        with admin.transaction():
            for problem in access.look(admin, MODELS):
                admin.execute(problem.mend)  # type: ignore[call-overload]
        assert look(admin) == []


def test_a_view_with_the_rights_of_whoever_asks_may_be_granted(admin: psycopg.Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("create schema analyst")
        admin.execute("grant usage on schema analyst to bi_kuopio")
        options = "with (security_invoker = true, security_barrier = true)"
        admin.execute(f"create view analyst.own {options} as select * from municipal.dim_pupil")  # type: ignore[call-overload]
        admin.execute("grant select on analyst.own to bi_kuopio")
        assert look(admin) == []


def test_a_reader_cannot_stop_a_release_by_what_anybody_may_do(published: Published, admin: psycopg.Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute(f"set local role {published.logins['bi_kuopio']}")  # type: ignore[call-overload]
        admin.execute("alter default privileges grant select on tables to public")
        admin.execute("reset role")
        assert look(admin) == []


def test_every_problem_is_told_at_once_and_stops_the_release(admin: psycopg.Connection) -> None:
    with admin.transaction(force_rollback=True):
        admin.execute("grant select on landing.enrolment, ops.published_row to bi_region")
        with pytest.raises(access.NotProtected) as raised:
            access.check(admin, MODELS)
        assert "landing.enrolment" in str(raised.value)
        assert "revoke select on table ops.published_row from" in str(raised.value)


def test_a_rollback_shows_nothing_where_somebody_reaches_what_is_not_theirs(
    published: Published, admin: psycopg.Connection
) -> None:
    current = admin.execute("select release_number from ops.release where is_current").fetchone()
    admin.execute("grant select on landing.enrolment to bi_region")
    try:
        with pytest.raises(access.NotProtected, match=r"landing\.enrolment"):
            release.rollback(published.settings, 1, models=MODELS)
    finally:
        admin.execute("revoke select on landing.enrolment from bi_region")
    assert admin.execute("select release_number from ops.release where is_current").fetchone() == current != (1,)


def test_what_only_an_administrator_can_close_is_a_warning(
    admin: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    assert access.check(admin, MODELS) == ()
    with admin.transaction(force_rollback=True):
        admin.execute("alter function uuid_eq(uuid, uuid) leakproof")
        admin.execute("grant execute on function pg_relation_size(regclass, text) to public")
        admin.execute("grant select on pg_class to public")
        admin.execute("grant execute on function lo_create(oid) to public")
        assert len(access.check(admin, MODELS)) == 4
    assert "administrator.sql" in caplog.text


def test_it_is_quick(admin: psycopg.Connection) -> None:
    start = time.perf_counter()
    for _ in range(5):
        access.look(admin, MODELS)
    # Some 20 ms a look; the limit is for a machine that is busy with other things.
    assert (time.perf_counter() - start) / 5 < 0.2
