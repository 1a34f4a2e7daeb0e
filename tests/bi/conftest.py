"""A small region with a real release: what a BI tool finds."""

from collections.abc import Iterator

import pytest

from demo.night import CLOSING_NIGHT, DEFAULT_NIGHT, running_region
from pipeline.release import release
from pipeline.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a warehouse that shows the release of a night of the synthetic region. Only for proofs: it takes
    a minute."""
    home = tmp_path_factory.mktemp("bi")
    settings = Settings(home=home, database_url=None, municipalities=PROJECT_ROOT / "municipalities")
    with running_region(settings, seed=5, scale=0.05) as running:
        for night in (CLOSING_NIGHT, DEFAULT_NIGHT):
            running.move_to(night)
            running.take_in(night)
        outcome = release(settings, DEFAULT_NIGHT, by_hand=True)
        assert outcome.status == "published", outcome
        yield settings
