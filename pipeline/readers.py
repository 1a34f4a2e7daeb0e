"""Logins of people and BI tools that read what one of the `bi_*` roles may read."""

import psycopg
from psycopg import sql

from pipeline.warehouse import reader_roles

CONNECTION_LIMIT = 10
# They keep a reader's mistake from holding up the night. A reader can undo them: what it may do is decided by rights
# alone. They are the login's own, since PostgreSQL applies no settings of a role that one is a member of.
SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "'5min'",
    "lock_timeout": "'10s'",
    "idle_in_transaction_session_timeout": "'5min'",
    "search_path": "municipal, reporting",
}


class UnknownReader(ValueError):
    """There is no such role to read as, or the name cannot be a login's."""


def ensure_login(connection: psycopg.Connection, name: str, role: str, password: str | None = None) -> None:
    """Makes the login `name` a member of `role` (`bi_region` or `bi_<municipality>`), in the caller's transaction; one
    that is there gets the settings anew, and the password when one is given. A login may be a member of several roles.

    Raises UnknownReader; psycopg.errors.InsufficientPrivilege when somebody else made the login or the role.
    """
    roles = reader_roles(connection)
    if role not in roles:
        raise UnknownReader(f"there is no role {role} to read as; there are {', '.join(roles)}")
    if name.startswith(("bi_", "pg_")) or name == connection.info.user:
        raise UnknownReader(f"{name} is no name for a login: bi_ and pg_ are of groups, {connection.info.user} writes")
    login = sql.Identifier(name)
    if connection.execute("select from pg_roles where rolname = %s", (name,)).fetchone() is None:
        connection.execute(sql.SQL("create role {} login").format(login))
    connection.execute(sql.SQL("alter role {} login connection limit {}").format(login, sql.Literal(CONNECTION_LIMIT)))
    for setting, value in SETTINGS.items():
        statement = sql.SQL("alter role {} set {} = {}")
        connection.execute(statement.format(login, sql.Identifier(setting), sql.SQL(value)))
    if password is not None:
        # Only the verifier reaches the server, so that no log can hold the password.
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        connection.execute(sql.SQL("alter role {} password {}").format(login, sql.Literal(verifier)))
    membership = sql.SQL("grant {} to {} with inherit true, set true, admin false")
    connection.execute(membership.format(sql.Identifier(role), login))


def remove_login(connection: psycopg.Connection, name: str) -> None:
    """Removes a login, in the caller's transaction. Raises UnknownReader when `name` is no member of a reading role."""
    row = connection.execute(
        """
        select from pg_auth_members as m inner join pg_roles as r on m.roleid = r.oid
        where m.member = (select oid from pg_roles where rolname = %s and rolcanlogin) and r.rolname = any(%s)
        """,
        (name, reader_roles(connection)),
    ).fetchone()
    if row is None or name == connection.info.user:
        raise UnknownReader(f"{name} is no login that reads the warehouse")
    connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))
