"""What the last build left to build upon: `harmonised.built_state`, which dbt writes when the layer is whole."""

import psycopg

# No build has such a digest, so the next one makes everything anew.
NOT_TO_BE_BUILT_UPON = "not to be built upon"


def build_anew_next(connection: psycopg.Connection) -> None:
    """Has the next build make everything anew, in the caller's transaction; until then nothing is built upon.

    For whatever changes rows that an increment would take for the ones of the last build. Where nothing was built yet
    there is nothing to do.
    """
    row = connection.execute("select to_regclass('harmonised.built_state')").fetchone()
    if row is not None and row[0] is not None:
        connection.execute("update harmonised.built_state set fingerprint = %s", (NOT_TO_BE_BUILT_UPON,))
