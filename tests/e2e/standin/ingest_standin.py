"""Stand-in of `pipeline.ingest`: steps do what a file says; outcomes are files `outcomes/<night>/<municipality>`."""

import time
from dataclasses import dataclass
from datetime import date

from connectors.delivery import SourceRefused, SourceUnavailable
from pipeline.settings import Settings

MUNICIPALITIES = ("iisalmi", "kuopio", "siilinjarvi", "varkaus")


@dataclass(frozen=True)
class Outcome:
    status: str
    waiting_for: tuple[str, ...]


def plan(settings: Settings, municipality: str, night: date) -> str:
    file = settings.home / "plan" / night.isoformat() / municipality
    return file.read_text(encoding="utf-8") if file.exists() else "accepted"


def fetch(settings: Settings, municipality: str, night: date) -> None:
    wish = plan(settings, municipality, night)
    while wish == "late":
        time.sleep(0.1)
        wish = plan(settings, municipality, night)
    tried = settings.home / "tried" / f"{night}-{municipality}"
    if wish == "unavailable once" and not tried.exists():
        tried.parent.mkdir(parents=True, exist_ok=True)
        tried.touch()
        raise SourceUnavailable(municipality, "the source does not answer", "lähde ei vastaa")
    if wish == "failed":
        raise SourceRefused(municipality, "the source refused", "lähde kieltäytyi")


def load(settings: Settings, municipality: str, night: date) -> None:
    if plan(settings, municipality, night) == "leaky error":
        raise ValueError("cannot read '010203A9123' in row 7")


def report(settings: Settings, municipality: str, night: date, failure: str | None) -> Outcome:
    wish = plan(settings, municipality, night)
    status = "failed" if failure else {"late": "accepted", "unavailable once": "accepted"}.get(wish, wish)
    folder = settings.home / "outcomes" / night.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / municipality).write_text(f"{status}\n{failure or ''}", encoding="utf-8")
    present = {file.name for file in folder.iterdir()}
    return Outcome(status, tuple(name for name in MUNICIPALITIES if name not in present))
