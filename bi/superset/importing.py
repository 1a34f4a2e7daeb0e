"""Run by Superset's own Python: brings one Superset up to date with the assets. Safe to run at any time.

`python -m bi.superset.importing --warehouse HOST:PORT/DATABASE --municipalities FOLDER`, with the settings of
`superset_config` and
TUKIVERKKO_SUPERSET_READERS_KEY_FILE: the key that the passwords of the connections' logins are made from.
TUKIVERKKO_SUPERSET_ADMIN_PASSWORD_FILE: the password of user `admin`.

It makes the user, imports databases, datasets, charts and dashboards over those that are there, removes those of
earlier assets, and makes a role for each connection: who has it sees what that connection reads, and no other.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from flask import g
from superset.app import create_app

from bi.superset.bundle import connections, make_bundle, password, read_places

ADMIN = "admin"


def main() -> None:
    parser = argparse.ArgumentParser(description="Brings Superset up to date with the assets.")
    parser.add_argument("--warehouse", required=True, help="host:port/database, without a login")
    parser.add_argument("--municipalities", required=True, type=Path)
    arguments = parser.parse_args()
    places = read_places(arguments.municipalities)
    bundle = make_bundle(places, arguments.warehouse)
    key = _secret("TUKIVERKKO_SUPERSET_READERS_KEY_FILE").encode()
    used = connections(places)
    with create_app().app_context():
        _ensure_admin(_secret("TUKIVERKKO_SUPERSET_ADMIN_PASSWORD_FILE"))
        _import(bundle, {one.database: password(key, one.login) for one in used})
        _remove_others(bundle)
        for one in used:
            _ensure_role(one.superset_role, yaml.safe_load(bundle[one.database])["uuid"])
    kinds = ("databases", "datasets", "charts", "dashboards")
    print(", ".join(f"{sum(path.startswith(f'{kind}/') for path in bundle)} {kind}" for kind in kinds))


def _secret(variable: str) -> str:
    return Path(os.environ[variable]).read_text(encoding="utf-8").strip()


def _ensure_admin(secret: str) -> None:
    from superset import security_manager

    user = security_manager.find_user(username=ADMIN)
    if user is None:
        role = security_manager.find_role("Admin")
        user = security_manager.add_user(ADMIN, "Tukiverkko", "Admin", "admin@localhost", role, password=secret)
    else:
        security_manager.reset_password(user.id, secret)
    # Whoever imports owns what is imported.
    g.user = security_manager.find_user(username=ADMIN)


def _import(bundle: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    from superset.commands.importers.v1.assets import ImportAssetsCommand

    ImportAssetsCommand(dict(bundle), passwords=dict(passwords)).run()


def _remove_others(bundle: Mapping[str, str]) -> None:
    """Removes what an earlier import made and these assets do not hold; what people made by hand stays, unless it
    hangs on a table or a connection that is gone."""
    from superset import db
    from superset.connectors.sqla.models import SqlaTable
    from superset.models.core import Database
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    kept = {str(yaml.safe_load(text)["uuid"]) for path, text in bundle.items() if path != "metadata.yaml"}
    models: Sequence[Any] = (Dashboard, Slice, SqlaTable, Database)
    for model in models:
        for one in db.session.query(model).filter(model.is_managed_externally.is_(True)).all():
            if str(one.uuid) not in kept:
                db.session.delete(one)
        db.session.commit()


def _ensure_role(name: str, database_uuid: str) -> None:
    """A role that looks at what one connection reads: Superset's own for people who look (Gamma), and its database."""
    from superset import db, security_manager
    from superset.models.core import Database

    database = db.session.query(Database).filter_by(uuid=database_uuid).one()
    access = security_manager.add_permission_view_menu("database_access", database.perm)
    role = security_manager.add_role(name)
    role.permissions = [*security_manager.find_role("Gamma").permissions, access]
    db.session.commit()


if __name__ == "__main__":
    main()
