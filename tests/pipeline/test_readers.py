"""Nobody who reads `reporting` gets an error or half a release, whatever is released, broken off or taken back."""

import time

import psycopg

from tests.pipeline.readers import Readers, expected, run_releases

# One more pause than a question takes, so that each reader asks before, in and after most releases.
PAUSE_S = 0.02


def test_readers_see_whole_releases_only(region: psycopg.Connection) -> None:
    readers = Readers(region, readers=50, pause_s=PAUSE_S)
    published = run_releases(region, readers, releases=20, between=lambda: time.sleep(2 * PAUSE_S))
    assert published == list(range(1, 21))
    assert readers.seen.errors == []
    seen = readers.seen.answers
    assert seen <= {expected(number) for number in published}
    # Most of the releases were seen by somebody, the last one by all.
    assert len(seen) > 10
    assert any(was_during for _, was_during in readers.seen.waited)
