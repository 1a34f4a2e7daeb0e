"""Whether a regional release is due: the one rule, without clock, database or Airflow.

`LATEST` is 05:30, or `TUKIVERKKO_RELEASE_AT` (HH:MM, Europe/Helsinki); `LATE`, from when on a night without its release
is told as late, 06:15 or `TUKIVERKKO_LATE_AT`.
"""

import os
from collections.abc import Collection
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Helsinki")
LATEST = time.fromisoformat(os.environ.get("TUKIVERKKO_RELEASE_AT") or "05:30")
LATE = time.fromisoformat(os.environ.get("TUKIVERKKO_LATE_AT") or "06:15")


def latest_moment(night: date) -> datetime:
    """`LATEST` in Finland on the night's morning: from then on the release does not wait for anybody."""
    return datetime.combine(night, LATEST, ZONE)


def waiting_for(outcomes: Collection[str], expected: Collection[str]) -> tuple[str, ...]:
    """The expected municipalities that have no outcome for the night yet, in the order of their names."""
    return tuple(sorted(set(expected) - set(outcomes)))


def release_due(
    night: date,
    now: datetime,
    outcomes: Collection[str],
    expected: Collection[str],
    released: bool,
    by_hand: bool,
) -> tuple[bool, str]:
    """Is a release of `night` due at `now` (with time zone)? Returns (due, why).

    outcomes: municipalities whose ingest of the night has ended, however it ended (accepted, unchanged, held, refused,
    failed). expected: the municipalities that have a folder. released: a release of this night or of a later one is
    published already. by_hand: somebody asks for it; then it is always due.

    The rule: one scheduled release a night, when all outcomes are in, or from `LATEST` on with those that are. What is
    accepted after it joins the next one.
    """
    if by_hand:
        return True, f"release of {night} asked for by hand"
    if released:
        return (
            False,
            f"{night} is released already; what came after joins the next release, or a release by hand",
        )
    present = set(outcomes) & set(expected)
    if not present:
        return (
            False,
            f"no municipality has an outcome for {night}: there is nothing to release",
        )
    missing = waiting_for(outcomes, expected)
    if not missing:
        return True, f"all {len(present)} municipalities have an outcome for {night}"
    names = ", ".join(missing)
    if now >= latest_moment(night):
        return (
            True,
            f"it is past {LATEST:%H:%M} of {night}: released without {names}, on their last accepted deliveries",
        )
    return False, f"waiting for {names} until {LATEST:%H:%M} of {night}"
