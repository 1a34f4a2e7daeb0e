"""What the corpus says that the delivery gate holds is held, by the real gate on what landed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.check import check_delivery
from connectors.config import load_municipalities
from connectors.delivery import RawDelivery
from pipeline import ingest, ledger, quality
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare, warehouse_url
from tests.connectors.samples import KEYS, municipality
from tests.corpus.model import Case
from tests.corpus.test_files import CASES, MODULES, good

# Every extract is of two schools, where the municipality has more.
OF_A_FEW_SCHOOLS = {"schools_present"}
HELD = [case for case in CASES if case.outcome.held]


@pytest.fixture(scope="module")
def warehouse(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with the four municipalities' codes."""
    home: Path = tmp_path_factory.mktemp("gate")
    made = Settings(
        home=home, database_url=postgres.create_database("corpus_gate"), municipalities=PROJECT_ROOT / "municipalities"
    )
    municipalities = load_municipalities(made.municipalities)
    with connect(made) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
    return made


@pytest.fixture
def ledger_emptied(warehouse: Settings) -> Iterator[Settings]:
    yield warehouse
    with connect(warehouse) as connection:
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('landing', 'ops')"
            " and tablename in (select table_name from information_schema.columns where column_name = 'delivery_id')"
        ).fetchall()
        for (name,) in tables:
            connection.execute(f"delete from {name}")


def broken(settings: Settings, raw: RawDelivery) -> set[str]:
    """The critical expectations that the delivery does not meet."""
    config = municipality(raw.municipality)
    checked = check_delivery(raw, config, KEYS)
    with connect(settings) as connection:
        delivery = ledger.receive(connection, raw)
        ingest.land(connection, delivery.delivery_id, checked)
    results = quality.run_suite(
        warehouse_url(settings),
        "delivery",
        {
            "delivery_id": delivery.delivery_id,
            "municipality": raw.municipality,
            "support_typed": config.datasets["support"].support_typed,
        },
    )
    failed = {one.check_id for one in results if one.severity == "critical" and one.outcome in ("failed", "error")}
    assert (quality.decide(results) == "hold") is bool(failed)
    return failed


@pytest.mark.parametrize("source", MODULES)
def test_a_good_extract_lacks_schools_and_nothing_else(source: str, ledger_emptied: Settings) -> None:
    assert broken(ledger_emptied, good(source).deliver()) == OF_A_FEW_SCHOOLS


@pytest.mark.parametrize("case", HELD, ids=lambda case: case.name)
def test_a_bad_file_is_held(case: Case, ledger_emptied: Settings) -> None:
    extract = good(case.source)
    case.change(extract)
    # A school that nobody knows has no school days either: what follows is not told twice.
    assert case.outcome.held <= broken(ledger_emptied, extract.deliver()) - OF_A_FEW_SCHOOLS
