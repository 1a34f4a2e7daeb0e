"""New municipalities and those that leave: everybody else's rights stay, to the last one."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from pipeline import access
from pipeline.warehouse import prepare
from tests.attacks.conftest import MODELS, PUPILS, Published, publish
from tests.attacks.snapshot import rights

NAMES = [*PUPILS]


@contextmanager
def trial(published: Published) -> Iterator[psycopg.Connection]:
    """A connection as the pipeline to a copy of the warehouse."""
    url = str(published.settings.database_url).rsplit("/", 1)[0]
    with psycopg.connect(f"{url}/{published.copied()}", autocommit=True) as connection:
        yield connection


def rebuild(connection: psycopg.Connection, names: list[str]) -> None:
    prepare(connection, names)
    with connection.transaction():
        publish(connection)


def without(role: str, snapshot: list[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
    """The snapshot without what it says of one role."""
    kept = []
    for row in snapshot:
        if row[2] != role:
            granted = [one for one in (row[3] or "").split(", ") if not one.startswith(f"{role} ")]
            kept.append((*row[:3], ", ".join(granted) if row[3] else row[3], row[4]))
    return kept


def test_the_same_again_changes_nothing(published: Published) -> None:
    with trial(published) as connection:
        before = rights(connection)
        rebuild(connection, NAMES)
        assert rights(connection) == before


def test_a_new_municipality_gets_its_rights_and_changes_no_other(published: Published) -> None:
    role = "bi_lapinlahti"
    with trial(published) as connection:
        before = rights(connection)
        try:
            rebuild(connection, [*NAMES, "lapinlahti"])
            after = rights(connection)
            assert without(role, after) == without(role, before)
            granted = [(row[0], row[1]) for row in after if row[2] == role or f"{role} SELECT" in (row[3] or "")]
            assert {("schema", "municipal"), ("schema", "reporting"), ("schema", "reference")} <= set(granted)
            for model in MODELS:
                assert ("table", f"municipal.{model.name}") in granted
            # It has no rows yet.
            with published.admin(connection.info.dbname) as admin:
                admin.execute(f"set role {role}")  # type: ignore[call-overload]
                assert admin.execute("select count(*) from municipal.dim_pupil").fetchone() == (0,)
            rebuild(connection, NAMES)
            assert rights(connection) == before
        finally:
            for database in (connection.info.dbname, published.database):
                with published.admin(database) as admin:
                    admin.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
            with published.admin() as admin:
                admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_a_municipality_that_leaves_loses_every_right_and_changes_no_other(published: Published) -> None:
    role, stay = "bi_varkaus", [name for name in NAMES if name != "varkaus"]
    with trial(published) as connection:
        before = rights(connection)
        rebuild(connection, stay)
        after = rights(connection)
        assert after == without(role, before)
        assert not [row for row in after if role in (row[2] or "") or role in (row[3] or "")]
        # Its people cannot even connect.
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            published.login(role, connection.info.dbname)
        assert access.look(connection, MODELS) == []


def test_another_column_makes_a_table_anew_with_the_same_rights(published: Published) -> None:
    with trial(published) as connection:
        before = [row for row in rights(connection) if row[0] != "column"]
        connection.execute("alter table candidate_municipal.dim_pupil add column nickname text")
        rebuild(connection, NAMES)
        after = [row for row in rights(connection) if row[0] != "column"]

        def unnumbered(rows: list[tuple[str | None, ...]]) -> list[tuple[str | None, ...]]:
            return sorted(((row[0], row[1], None, row[3] if row[0] == "table" else row[4]) for row in rows), key=str)

        assert unnumbered(after) == unnumbered(before)
        query = "select count(*) from pg_attribute where attrelid = 'municipal.dim_pupil'::regclass and attnum > 0"
        assert connection.execute(f"{query} and attstattarget = 0").fetchone() == (6,)  # type: ignore[call-overload]
