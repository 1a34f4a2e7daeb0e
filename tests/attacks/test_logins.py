"""Logins: their settings, their one right, and who may have one."""

import psycopg
import pytest

from pipeline.readers import UnknownReader, ensure_login, remove_login
from pipeline.warehouse import connect
from tests.attacks.conftest import Published


def test_a_login_gets_its_settings_at_once(published: Published) -> None:
    names = ("default_transaction_read_only", "statement_timeout", "lock_timeout", "search_path")
    with published.login("bi_kuopio") as connection:
        shown = [connection.execute(f"show {name}").fetchone() for name in names]  # type: ignore[call-overload]
        assert shown == [("on",), ("5min",), ("10s",), ("municipal, reporting",)]
        assert connection.execute("show idle_in_transaction_session_timeout").fetchone() == ("5min",)
        assert connection.execute("select count(*) from dim_pupil").fetchone() == (211,)
        limit = connection.execute("select rolconnlimit from pg_roles where rolname = current_user").fetchone()
        assert limit == (10,)


def test_what_it_can_undo_lets_it_write_nothing(published: Published) -> None:
    with published.login("bi_kuopio") as connection:
        connection.execute("set default_transaction_read_only = off")
        connection.execute("alter role current_user set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("update municipal.dim_pupil set grade = 1")
    with connect(published.settings) as connection:
        ensure_login(connection, published.logins["bi_kuopio"], "bi_kuopio")
    with published.login("bi_kuopio") as connection:
        assert connection.execute("show default_transaction_read_only").fetchone() == ("on",)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("berta", "bi_nowhere"),
        ("berta", "tukiverkko_pipeline"),
        ("berta", "pg_read_all_data"),
        ("bi_iisalmi", "bi_kuopio"),
        ("tukiverkko_pipeline", "bi_kuopio"),
    ],
)
def test_nobody_reads_as_what_is_no_reading_role(published: Published, name: str, role: str) -> None:
    with connect(published.settings) as connection:
        with pytest.raises(UnknownReader):
            ensure_login(connection, name, role, "secret")
        connection.rollback()


def test_the_pipeline_makes_no_reader_of_a_superuser(published: Published) -> None:
    with connect(published.settings) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ensure_login(connection, "postgres", "bi_kuopio", "secret")
        connection.rollback()


def test_a_login_that_is_removed_is_gone(published: Published) -> None:
    with connect(published.settings) as connection:
        ensure_login(connection, "Cecilia K", "bi_region", "secret")
        remove_login(connection, "Cecilia K")
        assert connection.execute("select 1 from pg_roles where rolname = 'Cecilia K'").fetchone() is None
        for name in ("Cecilia K", "postgres", "bi_kuopio", "tukiverkko_pipeline"):
            with pytest.raises(UnknownReader):
                remove_login(connection, name)
