"""A synthetic region taken through its nights: what is delivered when, and the truth of just those deliveries."""

import hashlib
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from demo.night import CLOSING_NIGHT, RunningRegion, running_region
from demo.region import write_night, write_truth
from pipeline.ingest import ingest
from pipeline.release import choose_deliveries, release
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.transform import build
from pipeline.warehouse import connect, warehouse_url
from tests.reference.compare import Comparison, compare
from tests.reference.facts import Rejected, read_facts
from tests.reference.status import LastNight


@dataclass
class Nights:
    """The region after some nights. `delivered`: the nights of each municipality whose delivery came; `outcomes`: how
    each municipality's last night ended; `rejected`: the rows that were spoilt on their way."""

    running: RunningRegion
    delivered: dict[str, list[date]] = field(default_factory=dict)
    outcomes: dict[str, LastNight] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.running.settings

    @property
    def _sources(self) -> Path:
        return self.settings.home / "demo" / "sources"

    def take_in(self, night: date, missing: Collection[str] = (), spoilt: bool = False) -> None:
        """Runs the night's ingests; of the municipalities in `missing` nothing comes. With `spoilt`, of two marks of
        Kuopio one has a date that is none, the other a lesson that is none, and an absence of several days in
        Siilinjärvi has no type."""
        write_night(self.running.region, night, self._sources)
        if spoilt:
            self._spoil_marks(night)
            self._spoil_interval(night)
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

    def build(self, night: date) -> None:
        """Builds the marts of the night, before protection; nothing is published."""
        with connect(self.settings) as connection:
            choose_deliveries(connection, night)
        build(warehouse_url(self.settings), self.settings.dbt_target, night=night)

    def publish(self, night: date) -> None:
        """Makes the night's release: builds the marts, protects and publishes them."""
        outcome = release(self.settings, night, by_hand=True)
        assert outcome.status == "published", outcome.reason

    def compare(self, night: date) -> Comparison:
        """Compares the marts of the night, as they were built, with the reference."""
        truth = self.running.truth
        write_truth(self.running.region, night, truth, self.delivered)
        with connect(self.settings) as connection:
            facts = read_facts(truth, night, self.rejected)
            return compare(connection, facts, self.outcomes, self.settings, truth)

    def _spoil_marks(self, night: date) -> None:
        folder = self._folder("kuopio", night)
        path = folder / "tuntimerkinnat.csv"
        header, *lines = path.read_text(encoding="utf-8-sig").splitlines()
        names = header.split(";")
        oid, day, lesson = (names.index(name) for name in ("Oppijanumero", "Pvm", "Tunti"))
        rows = [line.split(";") for line in lines]
        pupil = {person.oppijanumero: person.person_id for person in self.running.region.persons}
        window = [date(*map(int, reversed(row[day].split(".")))).toordinal() for row in rows]
        middle = len(rows) // 2
        one, other = rows[0], next(row for row in rows[middle:] if row[oid] != rows[0][oid])
        on = window[rows.index(other)]
        before = night.toordinal()
        self.rejected += [
            # With no day to read: whatever the delivery covers.
            Rejected(pupil[one[oid]], "kuopio", before, 0, before - 1),
            Rejected(pupil[other[oid]], "kuopio", before, on, on),
        ]
        one[day], other[lesson] = "31.09.2025", "x"
        content = b"\xef\xbb\xbf" + "".join(";".join(row) + "\r\n" for row in [names, *rows]).encode()
        path.write_bytes(content)
        manifest = json.loads((folder / "valmis.json").read_text(encoding="utf-8"))
        for listed in manifest["tiedostot"]:
            if listed["nimi"] == path.name:
                listed |= {"tavut": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        (folder / "valmis.json").write_text(json.dumps(manifest), encoding="utf-8")

    def _spoil_interval(self, night: date) -> None:
        path = self._sources / "siilinjarvi" / "absences.json"
        items = json.loads(path.read_text(encoding="utf-8"))
        region = self.running.region
        pupil = {e.local_id: e.person_id for e in region.enrolments if e.municipality == "siilinjarvi"}
        # Illness is told of when it has begun: the last delivery knew nothing of this one.
        before = max(self.delivered["siilinjarvi"]).isoformat()
        one = next(
            item
            for item in items
            if item["type"] == "SICK" and not item["deleted"] and item["from"] > before and _is_of_days(item)
        )
        one["type"] = None
        # The end's own instant is not in it: one that ends at midnight has nothing of that day.
        first, last = datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"]) - datetime.resolution
        days = first.date().toordinal(), last.date().toordinal()
        self.rejected.append(Rejected(pupil[one["studentId"]], "siilinjarvi", night.toordinal(), *days))
        path.write_text(json.dumps(items), encoding="utf-8")

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


def _is_of_days(item: dict[str, Any]) -> bool:
    return item["to"] is not None and item["from"][:10] < item["to"][:10]


@contextmanager
def region_of(home: Path, *, seed: int, scale: float) -> Iterator[Nights]:
    """A region whose deliveries of `CLOSING_NIGHT` were taken in."""
    settings = Settings(home=home, database_url=None, municipalities=PROJECT_ROOT / "municipalities")
    with running_region(settings, seed=seed, scale=scale) as running:
        nights = Nights(running)
        nights.take_in(CLOSING_NIGHT)
        yield nights
