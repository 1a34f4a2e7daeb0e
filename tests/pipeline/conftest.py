"""A warehouse with the candidate of two small tables, for releases that need no build."""

import psycopg
import pytest


@pytest.fixture
def region(connection: psycopg.Connection) -> psycopg.Connection:
    connection.execute(
        """
        create table candidate.support_levels (
            count_day date, municipality text, grade_band text, support_level text, pupils bigint, population bigint,
            share numeric, as_of date, primary key (count_day, municipality, grade_band, support_level)
        );
        comment on table candidate.support_levels is 'Tuen tasot. / Levels of support.';
        create table candidate.data_status (municipality text primary key, rows_landed integer)
        """
    )
    return connection
