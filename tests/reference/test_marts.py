"""Every cell of every mart, before protection, against what the reference works out from the region's own truth.

The reference follows the definitions' text and the truth of what was delivered; it shares nothing with connectors,
pipeline and models. What differs is an error of one of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.reference.nights import region_of

SCALE = 0.02


def test_every_cell_of_every_mart_is_the_references(tmp_path: Path) -> None:
    """Over two nights of the year after the closing night: Kuopio's window leaves two months out between them."""
    with region_of(tmp_path, seed=4, scale=SCALE) as region:
        region.take_in(date(2025, 11, 10))
        region.take_in(date(2026, 2, 3), spoilt=True)
        found = region.compare(date(2026, 2, 3))
    assert not found.differences, found
    assert all(found.rows.values()), found.rows


@dataclass(frozen=True)
class Run:
    """Thirty successive nights of a region. On the eighth nothing comes of Kuopio until the twelfth, on the fifteenth
    nothing of `missing` at all. `why`: what happens in these nights."""

    seed: int
    first: date
    missing: str
    why: str

    def nights(self) -> Iterator[date]:
        for n in range(30):
            yield self.first + timedelta(days=n)


RUNS = (
    Run(12, date(2025, 10, 1), "siilinjarvi", "20 September is shown, autumn holiday"),
    Run(13, date(2025, 7, 20), "iisalmi", "the school year changes, and the regime with it"),
    Run(11, date(2025, 12, 27), "varkaus", "the autumn term ends and closes, grade 6 has become grade 7"),
    Run(1, date(2026, 1, 28), "iisalmi", "20 January is shown, horizons of autumn pass"),
    Run(5, date(2026, 5, 28), "siilinjarvi", "the spring term ends and closes"),
)


@pytest.mark.proof
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"seed {run.seed}: {run.why}")
def test_every_cell_of_thirty_nights(tmp_path: Path, run: Run) -> None:
    nights = list(run.nights())
    with region_of(tmp_path, seed=run.seed, scale=SCALE) as region:
        for n, night in enumerate(nights, 1):
            region.take_in(night, {8: {"kuopio"}, 15: {run.missing}}.get(n, ()))
            if n == 12:
                found = region.compare(night)
                assert not found.differences, f"before the missing night comes: {found}"
                region.fill_in(nights[7])
            # A month can close on any of them; a release on every third night shows each closing.
            if n % 3 == 0 or night.day == 21 or n == 8:
                found = region.compare(night)
                assert not found.differences, f"{night}: {found}"
