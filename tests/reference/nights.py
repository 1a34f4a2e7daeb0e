"""A synthetic region taken through its nights: what is delivered when, and the truth of just those deliveries."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from demo.night import CLOSING_NIGHT, RunningRegion, running_region
from demo.region import write_night, write_truth
from pipeline.ingest import ingest
from pipeline.release import release
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect
from tests.reference.compare import Difference, differences
from tests.reference.facts import read_facts
from tests.reference.status import LastNight


@dataclass
class Nights:
    """The region after some nights. `delivered`: the nights of each municipality whose delivery came; `outcomes`: how
    each municipality's last night ended."""

    running: RunningRegion
    delivered: dict[str, list[date]] = field(default_factory=dict)
    outcomes: dict[str, LastNight] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.running.settings

    @property
    def _sources(self) -> Path:
        return self.settings.home / "demo" / "sources"

    def take_in(self, night: date, missing: Collection[str] = ()) -> None:
        """Runs the night's ingests; of the municipalities in `missing` nothing comes."""
        write_night(self.running.region, night, self._sources)
        for name in set(missing) & {"kuopio"}:
            # The night's folder comes later; the other sources only ever show what they hold now.
            self._folder(name, night).rename(self._aside(night))
        self.running.sources.refresh()
        for name in self.running.municipalities:
            if name not in missing:
                self._ingest(name, night)

    def fill_in(self, night: date) -> None:
        """Takes in Kuopio's delivery of a night on which it was missing."""
        self._aside(night).rename(self._folder("kuopio", night))
        self.running.sources.refresh()
        self._ingest("kuopio", night)

    def compare(self, night: date) -> list[Difference]:
        """Makes the night's release, and every cell of it that is not the reference's."""
        outcome = release(self.settings, night, by_hand=True)
        assert outcome.status == "published", outcome.reason
        truth = self.running.truth
        write_truth(self.running.region, night, truth, self.delivered)
        with connect(self.settings) as connection:
            return differences(connection, read_facts(truth, night), self.outcomes, self.settings, truth)

    def _ingest(self, name: str, night: date) -> None:
        outcome = ingest(self.settings, name, night)
        assert outcome.status in ("accepted", "unchanged"), f"{name} {night}: {outcome.status}: {outcome.reason_en}"
        self.delivered.setdefault(name, []).append(night)
        if name not in self.outcomes or self.outcomes[name].night < night:
            self.outcomes[name] = LastNight(night, outcome.status)

    def _folder(self, name: str, night: date) -> Path:
        return self._sources / name / "lahtevat" / night.isoformat()

    def _aside(self, night: date) -> Path:
        return self.settings.home / f"late-{night.isoformat()}"


@contextmanager
def region_of(home: Path, *, seed: int, scale: float) -> Iterator[Nights]:
    """A region whose deliveries of `CLOSING_NIGHT` were taken in."""
    settings = Settings(home=home, database_url=None, municipalities=PROJECT_ROOT / "municipalities")
    with running_region(settings, seed=seed, scale=scale) as running:
        nights = Nights(running)
        nights.take_in(CLOSING_NIGHT)
        yield nights


def report(found: list[Difference], most: int = 30) -> str:
    """The first differences of each mart, and how many there are."""
    counts: dict[str, int] = {}
    for one in found:
        counts[f"{one.mart}.{one.column}"] = counts.get(f"{one.mart}.{one.column}", 0) + 1
    lines = [f"{name}: {count}" for name, count in counts.items()]
    return "\n".join([f"{len(found)} cells differ", *lines, *map(str, found[:most])])
