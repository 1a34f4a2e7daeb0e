"""The logins that Superset reads the warehouse with: one a municipality and one for the region, so that PostgreSQL
decides what a dashboard shows. `python -m bi.superset.logins` makes them (in production `deploy/entrypoint.sh migrate`
does).
"""

import os
import sys
from pathlib import Path

from bi.superset.bundle import connections, password, read_places
from pipeline.readers import ensure_login
from pipeline.settings import Settings, load_settings
from pipeline.warehouse import connect

KEY_VARIABLE = "TUKIVERKKO_SUPERSET_READERS_KEY_FILE"


def ensure_logins(settings: Settings, key: bytes) -> list[str]:
    """Makes the logins, or gives them the key's passwords; returns their names. Raises UnknownReader when a
    municipality has no role yet (`tukiverkko prepare` makes it)."""
    used = connections(read_places(settings.municipalities))
    with connect(settings) as connection:
        for one in used:
            ensure_login(connection, one.login, one.role, password(key, one.login))
    return [one.login for one in used]


def main() -> int:
    """Makes the logins from the key in the file that the environment names."""
    key = Path(os.environ[KEY_VARIABLE]).read_text(encoding="utf-8").strip().encode()
    print("Superset reads as " + ", ".join(ensure_logins(load_settings(), key)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
