"""Stand-in of `pipeline.release`: the real rule over the files that the stand-in of `pipeline.ingest` writes."""

import time
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.ingest import MUNICIPALITIES, plan  # type: ignore[attr-defined]
from pipeline.release_due import ZONE, release_due
from pipeline.settings import Settings


@dataclass(frozen=True)
class ReleaseOutcome:
    release_number: int
    night: date
    status: str
    reason: str | None = None


def due(settings: Settings, night: date, *, by_hand: bool = False) -> tuple[bool, str]:
    folder = settings.home / "outcomes" / night.isoformat()
    outcomes = {file.name for file in folder.iterdir()} if folder.exists() else set()
    released = any((settings.home / "releases").glob(f"{night}-scheduled-*"))
    return release_due(night, datetime.now(ZONE), outcomes, MUNICIPALITIES, released, by_hand)


def release(settings: Settings, night: date, *, by_hand: bool = False) -> ReleaseOutcome:
    while plan(settings, "regional_release", night) == "late":
        time.sleep(0.1)
    folder = settings.home / "releases"
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir())) + 1
    (folder / f"{night}-{'by-hand' if by_hand else 'scheduled'}-{number}").touch()
    return ReleaseOutcome(number, night, "published")
