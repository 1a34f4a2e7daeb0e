"""A warehouse with a region that is published by hand, and the site that is made of it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from connectors.config import load_municipalities
from pages.site import write_site
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare
from tests.pages import published


@dataclass(frozen=True)
class WrittenSite:
    settings: Settings
    folder: Path


@pytest.fixture(scope="module")
def site(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WrittenSite]:
    """The site of the region of `tests.pages.published`, with something on the quality page."""
    name = f"pages_{secrets.token_hex(6)}"
    settings = Settings(
        home=tmp_path_factory.mktemp("pages"),
        database_url=postgres.create_database(name),
        municipalities=PROJECT_ROOT / "municipalities",
    )
    municipalities = load_municipalities(settings.municipalities)
    with connect(settings) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
        published.publish(connection)
        connection.execute(
            """
            insert into ops.night_outcome (municipality, night, status) values
            ('kuopio', '2026-02-03', 'accepted'), ('varkaus', '2026-02-03', 'held'),
            ('kuopio', '2026-01-30', 'failed')
            """
        )
        connection.execute(
            """
            insert into ops.delivery (
                delivery_id, dataset, delivery, municipality, night, school_year, status, rows_in, rows_landed,
                rows_rejected, covers_from, covers_to, as_of
            )
            select 1, dataset, 'varkaus-2026-02-03', 'varkaus', '2026-02-03', 2025, 'held', 1234, 1233, 1,
                '2025-08-01', '2026-01-31', '2026-02-02 15:00+02'
            from unnest(array['enrolment', 'absence', 'support', 'school_day']) as dataset
            """
        )
        connection.execute(
            """
            insert into ops.rejected_row (delivery_id, dataset, row_number, column_name, rule, message_fi, message_en)
            values (1, 'absence', 17, 'Luvaton h', 'unparsable', 'arvoa SALAINEN', 'value SALAINEN')
            """
        )
        connection.execute(
            """
            insert into ops.unmapped_code values
            (1, 'absence', 'absence', '(text, row 12)', 3), (1, 'absence', 'absence', 'X9', 3),
            -- As an earlier reading may have left them: nothing says that they are no names.
            (1, 'enrolment', 'school', 'SALAINEN', 1), (1, 'enrolment', 'form', 'Salainen', 1)
            """
        )
        connection.execute(
            """
            insert into ops.finding_look (municipality, stage, night, delivery_id)
            values ('varkaus', 'delivery', '2026-02-03', 1)
            """
        )
        connection.execute(
            """
            insert into ops.finding_observation
            select look_id, 'absence.not_shrunk', 'critical', 'failed', 40, 'Rivejä on liian vähän.', 'Too few rows.'
            from ops.finding_look
            """
        )
        connection.execute(
            """
            insert into ops.release (release_number, night, by_hand, status, is_current, code_version, published_at)
            values (7, '2026-02-03', true, 'published', true, '-', '2026-02-03 05:10+02')
            """
        )
    folder = settings.home / "site"
    write_site(settings, folder)
    yield WrittenSite(settings, folder)
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(f'drop database "{name}" with (force)')
