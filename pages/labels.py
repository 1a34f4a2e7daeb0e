"""What the codes of the published tables are called: the seeds of dbt_project/, which are also schema `reference`, and
the names in the municipalities' folders. Nothing here is read from the warehouse."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connectors.config import ConfigError, load_municipality, municipality_names
from pages.language import Words
from pipeline.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
REGION = "region"


@dataclass(frozen=True)
class Labels:
    """Names in one language. municipalities: folder → name. Codes that nobody knows are told as they are."""

    words: Words
    municipalities: Mapping[str, str]

    def place(self, municipality: str) -> str:
        """A municipality, the whole region, or a home that is neither."""
        if municipality == REGION:
            return self.words("region")
        named = self.municipalities.get(municipality)
        return named or self.code("home_category", municipality) or municipality.capitalize()

    def code(self, seed: str, code: str) -> str:
        """The label of a code in a seed whose first column (but a regime) holds it; empty when it is not there."""
        return codes(seed).get(code, {}).get(f"label_{self.words.language}", "")

    def order(self, seed: str) -> Sequence[str]:
        """The codes of a seed in their order."""
        return tuple(codes(seed))


@cache
def seed_lines(seed: str) -> Sequence[Mapping[str, str]]:
    """The lines of a seed."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@cache
def codes(seed: str) -> Mapping[str, Mapping[str, str]]:
    """code → its line of a seed, in the file's order; the first column (but a regime) is the code."""
    lines = seed_lines(seed)
    key = next(column for column in lines[0] if column != "regime")
    return {line[key]: line for line in lines}


def municipality_labels(words: Words, folder: Path) -> Labels:
    """The names of the municipalities that have a folder; one whose folder is broken goes by the folder's name."""
    names: dict[str, str] = {}
    for name in municipality_names(folder):
        try:
            municipality = load_municipality(folder / name)
        except ConfigError:
            continue
        names[name] = municipality.name_fi if words.language == "fi" else municipality.name_en
    return Labels(words, names)
