"""Every cell of every mart, before protection, against what the reference works out from the region's own truth.

The reference follows the definitions' text and the truth of what was delivered; it shares nothing with connectors,
pipeline and models. What differs is an error of one of them.
"""

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
        region.build(date(2026, 2, 3))
        found = region.compare(date(2026, 2, 3))
    assert not found.differences, found
    assert all(found.rows.values()), found.rows


@dataclass(frozen=True)
class Run:
    """Thirty successive nights of a region. Kuopio's delivery of the eighth comes on the twelfth; of `missing` nothing
    comes on the night `lost`, nor later. `why`: what happens in these nights."""

    seed: int
    first: date
    missing: str
    lost: int
    why: str

    def nights(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(30)]


RUNS = (
    Run(12, date(2025, 10, 1), "siilinjarvi", 15, "20 September is shown, autumn holiday"),
    Run(13, date(2025, 7, 20), "iisalmi", 20, "the school year changes, and the regime with it"),
    Run(11, date(2025, 12, 27), "varkaus", 17, "the autumn term ends and closes, grade 6 has become grade 7"),
    # December's horizon of 30 days ends on 30 January, which Iisalmi's delivery of the 31st would have covered.
    Run(1, date(2026, 1, 28), "iisalmi", 4, "20 January is shown, horizons of autumn pass"),
    Run(5, date(2026, 5, 28), "siilinjarvi", 15, "the spring term ends and closes"),
)


@pytest.mark.proof
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"seed {run.seed}: {run.why}")
def test_every_cell_of_thirty_nights(tmp_path: Path, run: Run) -> None:
    nights = run.nights()
    with region_of(tmp_path, seed=run.seed, scale=SCALE) as region:
        for n, night in enumerate(nights, 1):
            region.take_in(night, {8: {"kuopio"}, run.lost: {run.missing}}.get(n, ()))
            if n == 12:
                region.fill_in(nights[7])
            region.publish(night)
            found = region.compare(night)
            assert not found.differences, f"{night}: {found}"
