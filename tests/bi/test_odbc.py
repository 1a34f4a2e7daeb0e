"""The warehouse through PostgreSQL's ODBC driver, the way in of Power BI's gateway and of Excel, as a login of Kuopio.

Needs Debian's packages `odbc-postgresql` and `unixodbc`: apt-get install odbc-postgresql unixodbc
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import ModuleType
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bi.odbc import OPTIONS, connection_string
from bi.published import published_tables
from pipeline.municipal import municipal_models
from pipeline.readers import ensure_login
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, warehouse_url

if TYPE_CHECKING:
    import pyodbc

DRIVER = "PostgreSQL Unicode"
OTHERS = ("iisalmi", "siilinjarvi", "varkaus")


def driver_manager() -> ModuleType:
    """The module, which cannot be imported where the driver manager is missing."""
    try:
        import pyodbc
    except ImportError as error:
        pytest.fail(f"install Debian's packages: apt-get install odbc-postgresql unixodbc ({error})")
    return pyodbc


@pytest.fixture(scope="module")
def kuopio(released: Settings) -> Iterator["pyodbc.Connection"]:
    pyodbc = driver_manager()
    assert DRIVER in pyodbc.drivers(), "install Debian's packages: apt-get install odbc-postgresql unixodbc"
    # It can hold what ends a value of a connection string.
    password = f"{uuid4()};}}"
    with connect(released) as connection:
        ensure_login(connection, "excel_kuopio", "bi_kuopio", password)
    opened = pyodbc.connect(connection_string(warehouse_url(released), "excel_kuopio", password), autocommit=True)
    yield opened
    opened.close()


@pytest.mark.proof
def test_every_published_table_is_listed(kuopio: "pyodbc.Connection") -> None:
    listed = {
        f"{schema}.{row.table_name}"
        for schema in ("reporting", "municipal")
        for row in kuopio.cursor().tables(schema=schema, tableType="TABLE")
    }
    assert set(published_tables()) <= listed
    assert listed - set(published_tables()) == {"reporting.release", "reporting.release_change"}


@pytest.mark.proof
def test_primary_keys_are_those_of_the_contracts(kuopio: "pyodbc.Connection") -> None:
    for table in published_tables().values():
        rows = kuopio.cursor().primaryKeys(table=table.name, schema=table.schema).fetchall()
        assert tuple(row.column_name for row in sorted(rows, key=lambda row: row.key_seq)) == table.key, table.full_name


@pytest.mark.proof
def test_foreign_keys_are_those_of_the_star(kuopio: "pyodbc.Connection", released: Settings) -> None:
    joined = 0
    for model in municipal_models(released.dbt_target):
        rows = kuopio.cursor().foreignKeys(foreignTable=model.name, foreignSchema="municipal").fetchall()
        assert {row.fkcolumn_name: row.pktable_name for row in rows} == dict(model.references), model.name
        joined += len(rows)
    assert joined > 20


@pytest.mark.proof
def test_types_are_those_that_a_sheet_can_use(kuopio: "pyodbc.Connection") -> None:
    pyodbc = driver_manager()
    kinds = {
        row.column_name: (row.type_name, row.data_type)
        for row in kuopio.cursor().columns(table="fact_attendance_month", schema="municipal")
    }
    assert kinds["date_key"] == ("date", pyodbc.SQL_TYPE_DATE)
    assert kinds["covered_lessons"] == ("numeric", pyodbc.SQL_DOUBLE)
    assert kinds["covered_days"] == ("int4", pyodbc.SQL_INTEGER)
    assert kinds["grade_band"] == ("text", pyodbc.SQL_WVARCHAR)
    assert kinds["is_population"] == ("bool", pyodbc.SQL_BIT)
    assert kinds["pupil_key"] == ("uuid", pyodbc.SQL_GUID)


@pytest.mark.proof
def test_every_table_and_column_has_its_comment(kuopio: "pyodbc.Connection") -> None:
    """The driver leaves the remarks of its lists empty, so that a tool asks for the comments by SQL."""
    cursor = kuopio.cursor()
    assert {row.remarks for row in cursor.columns(schema="municipal").fetchall()} == {""}
    rows = cursor.execute(_statement()).fetchall()
    for table in published_tables().values():
        comments = {row.column_name: row.description for row in rows if row.table_name == table.name}
        assert comments == {column.name: column.description for column in table.columns}, table.full_name
        name = f"{table.schema}.{table.name}"
        assert cursor.execute(f"select obj_description('{name}'::regclass)").fetchval() == table.description


@pytest.mark.proof
def test_no_row_of_others_arrives(kuopio: "pyodbc.Connection", released: Settings) -> None:
    cursor = kuopio.cursor()
    own = [model for model in municipal_models(released.dbt_target) if not model.is_shared]
    assert len(own) == 10
    with connect(released) as pipeline:
        for model in own:
            asked = f"select municipality, count(*) from municipal.{model.name} group by municipality"
            there = dict(pipeline.execute(asked).fetchall())  # type: ignore[call-overload]
            arrived = {row[0]: row[1] for row in cursor.execute(asked)}
            assert arrived == {name: count for name, count in there.items() if name == "kuopio"}, model.name
    for other in OTHERS:
        asked = "select count(*) from municipal.dim_pupil where municipality = ?"
        assert cursor.execute(asked, other).fetchval() == 0


@pytest.mark.proof
def test_what_is_withheld_arrives_as_nothing_and_figures_arrive_whole(
    kuopio: "pyodbc.Connection", released: Settings
) -> None:
    cursor = kuopio.cursor()
    asked = (
        "select share, suppressed from reporting.support_levels order by municipality, count_day, support_level, 2, 1"
    )
    with connect(released) as pipeline:
        there = pipeline.execute(asked).fetchall()
    arrived = cursor.execute(asked).fetchall()
    assert [(None if share is None else float(share), flag) for share, flag in there] == [tuple(row) for row in arrived]
    assert any(row.suppressed is True and row.share is None for row in arrived)
    assert not any(isinstance(row.share, Decimal) for row in arrived)
    assert isinstance(cursor.execute("select max(as_of) from reporting.data_status").fetchval(), date)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ("select count(*) from harmonised.enrolment", "42501"),
        ("select count(*) from ops.rejected_row", "42501"),
        ("delete from municipal.dim_pupil", "25006"),
    ],
)
def test_nothing_else_can_be_read_and_nothing_written(kuopio: "pyodbc.Connection", statement: str, state: str) -> None:
    with pytest.raises(driver_manager().Error) as refused:
        kuopio.cursor().execute(statement)
    assert refused.value.args[0] == state


def test_the_page_for_excel_gives_the_settings_that_are_tested() -> None:
    page = (PROJECT_ROOT / "bi" / "excel.md").read_text(encoding="utf-8")
    assert ";".join(f"{name}={value}" for name, value in OPTIONS.items()) in page


def test_a_password_cannot_end_the_connection_string() -> None:
    given = connection_string("postgresql://owner:secret@db:5433/tuki%20verkko", "anna", "a;b}c")
    assert "Server=db;Port=5433;Database=tuki verkko;Uid=anna;Pwd={a;b}}c};" in given
    assert "secret" not in given


def _statement() -> str:
    """The SQL that `power-bi.md` gives for descriptions."""
    page = (PROJECT_ROOT / "bi" / "power-bi.md").read_text(encoding="utf-8")
    return page.split("```sql\n")[1].split("```")[0].strip()
