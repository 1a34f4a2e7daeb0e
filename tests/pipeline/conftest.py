"""A warehouse with the candidate of two small tables, for releases that need no build."""

import psycopg
import pytest

from tests.pipeline.small_candidate import make_candidate


@pytest.fixture
def region(connection: psycopg.Connection) -> psycopg.Connection:
    make_candidate(connection)
    return connection
