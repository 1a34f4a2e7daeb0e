"""The rule when a release is due; every expected answer worked by hand from the design's sentence on it."""

from datetime import date, datetime

import pytest

from pipeline.release_due import ZONE, latest_moment, release_due, waiting_for

NIGHT = date(2026, 2, 3)
ALL = {"iisalmi", "kuopio", "siilinjarvi", "varkaus"}
THREE = ALL - {"varkaus"}


def at(hour: int, minute: int, day: int = 3) -> datetime:
    return datetime(2026, 2, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("now", "outcomes", "released", "by_hand", "due", "words"),
    [
        pytest.param(at(2, 40), ALL, False, False, True, "all 4", id="all in before 05:30"),
        pytest.param(at(2, 40), THREE, False, False, False, "waiting for varkaus", id="one missing before 05:30"),
        pytest.param(at(5, 29), THREE, False, False, False, "waiting for varkaus", id="a minute before 05:30"),
        pytest.param(at(5, 30), THREE, False, False, True, "without varkaus", id="one missing at 05:30"),
        pytest.param(at(5, 30), ALL, True, False, False, "released already", id="05:30 after a release at 03:00"),
        pytest.param(at(6, 10), ALL, True, False, False, "released already", id="the late fourth after 05:30"),
        pytest.param(at(6, 10), ALL, True, True, True, "by hand", id="by hand after a release"),
        pytest.param(at(1, 0), set(), False, True, True, "by hand", id="by hand before any outcome"),
        pytest.param(at(5, 30), set(), False, False, False, "nothing to release", id="nobody has an outcome"),
        pytest.param(
            at(5, 30), {"leppavirta"}, False, False, False, "nothing", id="an outcome of a removed folder only"
        ),
        pytest.param(at(12, 0, day=9), THREE, False, False, True, "without varkaus", id="a past night, one missing"),
        pytest.param(at(12, 0, day=2), ALL, False, False, True, "all 4", id="all in on the evening before"),
        pytest.param(at(12, 0, day=2), THREE, False, False, False, "waiting", id="one missing on the day before"),
    ],
)
def test_release_due(now: datetime, outcomes: set[str], released: bool, by_hand: bool, due: bool, words: str) -> None:
    answer, reason = release_due(NIGHT, now, outcomes, ALL, released, by_hand)
    assert answer is due
    assert words in reason
    assert "2026-02-03" in reason


def test_no_municipality_is_nothing_to_release() -> None:
    assert release_due(NIGHT, at(5, 30), set(), set(), False, False)[0] is False


def test_latest_moment_is_half_past_five_in_finland_in_winter_and_in_summer() -> None:
    assert latest_moment(date(2026, 2, 3)).isoformat() == "2026-02-03T05:30:00+02:00"
    assert latest_moment(date(2026, 6, 3)).isoformat() == "2026-06-03T05:30:00+03:00"
    # Summer time begins at 03:00 of this night.
    assert latest_moment(date(2026, 3, 29)).isoformat() == "2026-03-29T05:30:00+03:00"


def test_waiting_for_is_in_the_order_of_names_and_ignores_removed_folders() -> None:
    assert waiting_for({"kuopio", "leppavirta"}, ALL) == ("iisalmi", "siilinjarvi", "varkaus")
