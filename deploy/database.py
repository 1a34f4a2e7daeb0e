"""Makes the roles and databases of a production installation's PostgreSQL; safe to run at any time.

With `TUKIVERKKO_ADMIN_URL_FILE` (a superuser) it makes a login role and a database for each of the three URLs that are
set: the warehouse's, Airflow's and Celery's. A password that was changed in a file is taken over. Without it, somebody
else has made them, and nothing is done here.
"""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

# Variable with the URL -> whether its role may create roles (the warehouse's owner makes the bi_* roles).
DATABASES = {
    "TUKIVERKKO_DATABASE_URL": True,
    "TUKIVERKKO_AIRFLOW_DATABASE_URL": False,
    "TUKIVERKKO_CELERY_RESULTS_URL": False,
    "TUKIVERKKO_SUPERSET_DATABASE_URL": False,
}


class WrongSetting(Exception):
    """A variable, or the file that it names, does not hold what it must."""


def secret(name: str) -> str | None:
    """The variable `name`, or the contents of the file in `name`_FILE; None when neither is set."""
    value = os.environ.get(name)
    file = os.environ.get(f"{name}_FILE")
    return value or (Path(file).read_text(encoding="utf-8").strip() if file else None)


def ensure_database(admin: psycopg.Connection, name: str, url: str, *, creates_roles: bool) -> None:
    """Makes the login role and the database that `url` (from the variable `name`) names. Raises WrongSetting when the
    URL lacks one of them or the password."""
    parts = urlsplit(url)
    role, database = unquote(parts.username or ""), unquote(parts.path.lstrip("/"))
    password = unquote(parts.password or "")
    if not (parts.scheme.startswith("postgresql") and role and password and database):
        raise WrongSetting(f"{name} must be postgresql://ROLE:PASSWORD@HOST:PORT/DATABASE.")
    # Only the verifier reaches the server, so that no log can hold the password.
    verifier = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    exists = admin.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone()
    statement = "alter role {} login {} password {}" if exists else "create role {} login {} password {}"
    may_create = sql.SQL("createrole" if creates_roles else "nocreaterole")
    admin.execute(sql.SQL(statement).format(sql.Identifier(role), may_create, sql.Literal(verifier)))
    if creates_roles:
        # The pipeline is told its errors itself: of a text that is no value, PostgreSQL's first line repeats the text.
        admin.execute(sql.SQL("alter role {} set log_min_messages = log").format(sql.Identifier(role)))
    if not admin.execute("select 1 from pg_database where datname = %s", (database,)).fetchone():
        admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(role)))
    admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
    print(f"{name}: database {database} of role {role} is ready")


def close_to_readers(admin: psycopg.Connection, url: str) -> None:
    """Closes, in the warehouse's database, what only a superuser can close to those who read it."""
    from pipeline.embedded_postgres import ADMINISTRATOR

    database = unquote(urlsplit(url).path.lstrip("/"))
    with psycopg.connect(admin.info.dsn, password=admin.info.password, dbname=database) as connection:
        connection.execute(sql.SQL(ADMINISTRATOR.read_text(encoding="utf-8")))


def main() -> int:
    """Makes what is missing; returns 2 when a setting is wrong or the server does not answer."""
    try:
        admin_url = secret("TUKIVERKKO_ADMIN_URL")
        if not admin_url:
            return 0
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            for name, creates_roles in DATABASES.items():
                if url := secret(name):
                    ensure_database(admin, name, url, creates_roles=creates_roles)
                    if name == "TUKIVERKKO_DATABASE_URL":
                        close_to_readers(admin, url)
    except (WrongSetting, OSError, psycopg.OperationalError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
