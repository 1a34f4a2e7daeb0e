"""What is imported into one installation's Superset: the region's assets, and the pattern's for each municipality.

It is read by Superset's own Python, too: nothing of the pipeline is imported here.
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from bi.superset.dashboards import REGION_LABEL

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Place:
    """A municipality, by its folder's name and by its own in Finnish."""

    name: str
    label: str


@dataclass(frozen=True)
class Connection:
    """What Superset reads with: a login that is a member of `role`. database: its file in the bundle. superset_role:
    the role in Superset of those who see what it reads."""

    login: str
    role: str
    database: str
    superset_role: str


def read_places(municipalities: Path) -> list[Place]:
    """The municipalities that have a folder with a name in it."""
    named = (
        (path.parent.name, yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(municipalities.glob("*/municipality.yaml"))
    )
    return [Place(folder, str(content["names"]["fi"])) for folder, content in named]


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def connections(places: Sequence[Place]) -> list[Connection]:
    """The region's connection, and one of each municipality."""
    return [_connection("region"), *(_connection(place.name) for place in places)]


def make_bundle(places: Sequence[Place], warehouse: str, folder: Path = ASSETS) -> dict[str, str]:
    """Path → content, as Superset's command for assets takes them.

    warehouse: `host:port/database` of the connections, without a login.
    """
    labels = " ".join(f"when {quoted(place.name)} then {quoted(place.label)}" for place in places)
    common = {
        "{warehouse}": warehouse,
        "{municipality_labels}": f"when 'region' then {quoted(REGION_LABEL)} {labels}".strip(),
    }
    bundle = {
        "metadata.yaml": yaml.safe_dump({"version": "1.0.0", "type": "assets", "timestamp": "2026-01-01T00:00:00"})
    }
    bundle |= dict(_files(folder / "region", "region", common, None))
    for place in places:
        own = common | {"{municipality}": place.name, "{municipality_name}": place.label}
        bundle |= dict(_files(folder / "municipality", place.name, own, place.name))
    return bundle


def password(key: bytes, login: str) -> str:
    """A login's password, made from a key that the installation keeps: a new municipality needs no new secret."""
    return hmac.new(key, login.encode(), hashlib.sha256).hexdigest()


def _connection(name: str) -> Connection:
    return Connection(f"superset_{name}", f"bi_{name}", f"databases/{name}.yaml", f"tukiverkko_{name}")


def _files(folder: Path, name: str, replacements: Mapping[str, str], made_for: str | None) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.yaml")):
        kind = path.relative_to(folder).parts[0]
        target = f"{kind}/{name}.yaml" if kind in ("databases", "dashboards") else f"{kind}/{name}/{path.name}"
        content = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        yield target, yaml.safe_dump(_made(content, replacements, made_for), allow_unicode=True, sort_keys=False)


def _made(content: Any, replacements: Mapping[str, str], made_for: str | None) -> Any:
    """The content with its gaps filled, and with identities of its own where it is made for a municipality."""
    if isinstance(content, dict):
        return {
            key: _identity(value, made_for)
            if str(key).lower().endswith("uuid")
            else _made(value, replacements, made_for)
            for key, value in content.items()
        }
    if isinstance(content, list):
        return [_made(value, replacements, made_for) for value in content]
    if isinstance(content, str):
        for gap, text in replacements.items():
            content = content.replace(gap, text)
    return content


def _identity(value: str, made_for: str | None) -> str:
    return value if made_for is None else str(uuid5(UUID(value), made_for))
