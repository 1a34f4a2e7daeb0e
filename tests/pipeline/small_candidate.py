"""A candidate of two small tables, for releases that need no build."""

import psycopg


def make_candidate(connection: psycopg.Connection) -> None:
    """Makes `candidate.support_levels` (count day × municipality × band × level) and `candidate.data_status`, empty."""
    connection.execute(
        """
        create table candidate.support_levels (
            count_day date, municipality text, grade_band text, support_level text, pupils bigint, population bigint,
            share numeric, as_of date, primary key (count_day, municipality, grade_band, support_level)
        );
        comment on table candidate.support_levels is 'Tuen tasot. / Levels of support.';
        create table candidate.data_status (municipality text primary key, days_old integer)
        """
    )
