"""The regional definitions, written once more from their text: thresholds, tiers, levels, bands, regimes.

Nothing here comes from the models or their seeds. Days are ordinals (`date.toordinal`), lessons are whole numbers of
ten-thousandths, so that every comparison is one of whole numbers.
"""

from datetime import date
from functools import cache

MUNICIPALITIES = ("kuopio", "siilinjarvi", "iisalmi", "varkaus")
REGION = "region"
MONTHLY = frozenset({"varkaus"})
"""Their sources have months and no days."""

UNIT = 10_000
"""Ten-thousandths of a lesson in a lesson."""

CLASSES = ("unauthorised", "unclarified", "other_accepted", "leave", "health")
NOT_COLLECTED = frozenset({("varkaus", "other_accepted")})
COLLECT_LATE = frozenset({"kuopio", "siilinjarvi"})
"""Their sources have late marks."""

BANDS = ("1-2", "3-6", "7-9")
ALL = "all"
TIERS = ("A0", "A1", "A2", "A3")
NO_TIER = "none"
LEVELS = ("S0", "S1", "S2", "S3")
UNKNOWN = "unknown"
HOME_EDUCATION = "HOME"
FORMS = {"BASIC": "basic", "FLEX": "flexible", "PREP": "preparatory", HOME_EDUCATION: "home", "HOSPITAL": "hospital"}

BREAK = date(2025, 8, 1).toordinal()
LAST_OF_2011 = date(2026, 7, 31).toordinal()

DAYS_TO_CLOSE = 21
WEEKS_12 = 84
LEAST_DAYS_OF_A_MONTH = 10
LEAST_DAYS = 20

CODES = {"297": "kuopio", "174": "kuopio", "227": "kuopio", "476": "kuopio"}
CODES |= {"749": "siilinjarvi", "140": "iisalmi", "915": "varkaus"}

PLACES = {
    "2011": (*(f"placement_{n}" for n in range(1, 6)), "placement_missing"),
    "2025": ("special_class", "small_group", "part_small_group", "no_place_measure"),
}
SIZES = (("1-9", 1, 9), ("10-19", 10, 19), ("20-25", 20, 25), ("26+", 26, 10**9))
HORIZONS = (30, 60, 90)

MARKS = {
    "part_small_group": "approximate",
    "small_group": "approximate",
    "special_class": "approximate",
    "interpretation": "approximate",
    "assistant": "approximate",
    "aids": "approximate",
    "functional_areas": "exact",
    "extended": "approximate",
    "disability_based": "approximate",
}
"""What a register's row can have beside its placement, each with its comparability across 1.8.2025."""
COMPONENTS = {"placement": "not_comparable"} | MARKS

RULES = {
    "scheme_kind": "scheme_kind_disagree",
    "no_level": "measures_without_level",
    "before_break": "starts_before_break",
    "after_break": "starts_after_break",
    "overlap": "regimes_overlap",
    "expired_2011": "expired_2011",
}
"""The truth's words for why a level is unknown, and the columns'."""


def band(grade: int) -> str:
    """The grade band of a grade 1-9."""
    return BANDS[0] if grade <= 2 else BANDS[1] if grade <= 6 else BANDS[2]


def tier(absent: int, covered: int, scheduled: int, covered_days: int, least_days: int) -> str:
    """The tier of lessons absent, covered and scheduled, on so many covered days: A0 under 5 %, A1 under 10 %, A2 to
    20 %, A3 above; none when too little is known."""
    if covered_days < least_days or not enough(covered, scheduled):
        return NO_TIER
    if absent * 20 < covered:
        return "A0"
    if absent * 10 < covered:
        return "A1"
    return "A2" if absent * 5 <= covered else "A3"


def enough(covered: int, scheduled: int) -> bool:
    """Whether at least 80 % of something is covered."""
    return scheduled > 0 and covered * 5 >= scheduled * 4


def school_year_start(day: int) -> int:
    """1 August of the school year of the day."""
    one = date.fromordinal(day)
    return date(one.year if one.month >= 8 else one.year - 1, 8, 1).toordinal()


def school_year(day: int) -> int:
    """The calendar year in which the day's school year starts."""
    return date.fromordinal(school_year_start(day)).year


def school_year_end(year: int) -> int:
    """31 July of the school year that starts in `year`."""
    return date(year + 1, 7, 31).toordinal()


@cache
def month_start(day: int) -> int:
    return date.fromordinal(day).replace(day=1).toordinal()


def month_end(day: int) -> int:
    """The last day of the day's month."""
    return month_start(month_start(day) + 31) - 1


def is_term_end(day: int) -> bool:
    """31 December or 31 May."""
    one = date.fromordinal(day)
    return (one.month, one.day) in ((12, 31), (5, 31))


def is_sunday(day: int) -> bool:
    return day % 7 == 0


def last_sunday(day: int) -> int:
    """The Sunday on or before the day: ordinal 7 is Sunday, 7 January of the year 1."""
    return day - day % 7


def twelve_weeks(sunday: int) -> int:
    """The first day of the twelve weeks that end on the Sunday, never before 1 August."""
    return max(sunday - WEEKS_12 + 1, school_year_start(sunday))


def regime(level: str, day: int) -> str:
    """The regime that a shared table names for the level on the day: both together from 1.8.2025 to 31.7.2026, where
    there can be both."""
    if day < BREAK:
        return "2011"
    return "2025" if day > LAST_OF_2011 or level in ("S0", "S1") else "mixed"


def comparability(level: str) -> str:
    """Of the level's counts across 1.8.2025."""
    return "approximate" if level in ("S0", "S3") else "not_comparable"


def in_regime(level: str, day: int) -> bool:
    """S1 does not exist in the regime of 2025."""
    return level != "S1" or day < BREAK
