"""`entrypoint.sh migrate` and the SQL of deploy/ against a real PostgreSQL."""

import runpy
from urllib.parse import urlsplit

import psycopg
import pytest

from bi.superset.bundle import Place, connections, password
from pipeline import access
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.readers import ensure_login
from tests.deploy.conftest import DEPLOY, URL_SECRETS, Installation


def test_migrate_makes_every_role_and_database(installation: Installation) -> None:
    found = {}
    for name in URL_SECRETS:
        with installation.connect(name) as connection:
            row = connection.execute(
                "select current_user, current_database(), rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
                "from pg_roles where rolname = current_user"
            ).fetchone()
            found[name] = row
    assert found == {
        "warehouse_url": ("tukiverkko_pipeline", "tukiverkko", False, True, False, False),
        "airflow_url": ("airflow", "airflow", False, False, False, False),
        "celery_results_url": ("celery", "celery", False, False, False, False),
        "superset_url": ("superset", "superset", False, False, False, False),
    }


def test_no_role_reaches_another_ones_database(installation: Installation) -> None:
    for mine in URL_SECRETS:
        for other in set(URL_SECRETS) - {mine}:
            database = urlsplit(installation.secret(other)).path.lstrip("/")
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                installation.connect(mine, dbname=database)


def test_superset_reads_with_logins_whose_passwords_come_from_its_key(installation: Installation) -> None:
    key = installation.secret("superset_readers_key").encode()
    for used in connections([Place("kuopio", "Kuopio")]):
        secret = password(key, used.login)
        with installation.connect("warehouse_url", user=used.login, password=secret) as connection:
            row = connection.execute("select pg_has_role(%s, 'usage')", (used.role,)).fetchone()
            assert row == (True,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select count(*) from ops.delivery")


def test_passwords_are_stored_as_scram_verifiers(installation: Installation) -> None:
    with psycopg.connect(installation.postgres.admin_url) as admin:
        stored = admin.execute("select rolpassword from pg_authid where rolpassword is not null").fetchall()
    assert len(stored) >= 4
    assert all(password.startswith("SCRAM-SHA-256$") for (password,) in stored)


def test_errors_of_the_pipeline_which_can_repeat_values_are_not_logged(installation: Installation) -> None:
    with installation.connect("warehouse_url") as connection:
        assert connection.execute("show log_min_messages").fetchone() == ("log",)


def test_migrate_prepares_airflow_and_the_warehouse(installation: Installation) -> None:
    with installation.connect("airflow_url") as connection:
        assert connection.execute("select count(*) from alembic_version").fetchone() == (1,)
    with installation.connect("warehouse_url") as connection:
        schemas = {row[0] for row in connection.execute("select nspname from pg_namespace")}
        roles = {row[0] for row in connection.execute("select rolname from pg_roles where rolname like 'bi\\_%'")}
    assert {"landing", "staging", "harmonised", "municipal", "reporting", "reference", "ops"} <= schemas
    assert {"bi_region", "bi_kuopio", "bi_siilinjarvi", "bi_iisalmi", "bi_varkaus"} <= roles


def test_migrate_again_keeps_everything_and_takes_over_a_new_password(installation: Installation) -> None:
    with installation.connect("warehouse_url") as connection:
        connection.execute("create table if not exists ops.kept as select 1 as one")
    file = installation.secrets / "celery_results_url"
    old = installation.secret("celery_results_url")
    parts = urlsplit(old)
    file.write_text(old.replace(f":{parts.password}@", ":a%3Anew%2Fpassword@"), encoding="utf-8")
    try:
        result = installation.run("migrate")
        assert result.returncode == 0, result.stderr[-2000:]
        with installation.connect("celery_results_url"), installation.connect("warehouse_url") as connection:
            assert connection.execute("select one from ops.kept").fetchone() == (1,)
            connection.execute("drop table ops.kept")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(old)
    finally:
        file.write_text(old, encoding="utf-8")
        assert installation.run("python", str(DEPLOY / "database.py")).returncode == 0


@pytest.mark.parametrize("url", ["postgresql://role@host/database", "sqlite:///x", "postgresql://role:p@host"])
def test_an_incomplete_url_is_wrong_use(installation: Installation, url: str) -> None:
    result = installation.run("python", str(DEPLOY / "database.py"), TUKIVERKKO_DATABASE_URL=url)
    assert result.returncode == 2
    assert "TUKIVERKKO_DATABASE_URL" in result.stderr


def test_a_bi_user_reads_reporting_and_changes_nothing(installation: Installation) -> None:
    with installation.connect("warehouse_url") as connection:
        for _ in range(2):
            ensure_login(connection, "Anna B", "bi_kuopio", "only-here")
    parts = psycopg.conninfo.conninfo_to_dict(installation.secret("warehouse_url"))
    with psycopg.connect(**{**parts, "user": "Anna B", "password": "only-here"}, autocommit=True) as connection:
        allowed = connection.execute(
            "select pg_has_role('bi_kuopio', 'usage'), pg_has_role('bi_iisalmi', 'usage'), "
            "has_schema_privilege('reporting', 'usage'), has_schema_privilege('landing', 'usage'), "
            "has_database_privilege('tukiverkko', 'create'), current_setting('statement_timeout')"
        ).fetchone()
        assert allowed == (True, False, True, False, False, "5min")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table x (y int)")


def test_what_only_an_administrator_can_close_is_closed_in_the_warehouse(postgres: EmbeddedPostgres) -> None:
    """In a database as another server makes it: the embedded one makes them closed."""
    module = runpy.run_path(str(DEPLOY / "database.py"))
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute("create database as_found template template0 owner tukiverkko_pipeline")
        try:
            url = urlsplit(postgres.admin_url)._replace(path="/as_found").geturl()
            with psycopg.connect(url, autocommit=True) as connection:
                assert len(access.left_open(connection)) == 4
                for _ in range(2):
                    module["close_to_readers"](admin, url)
                    assert access.left_open(connection) == ()
        finally:
            admin.execute("drop database as_found with (force)")
