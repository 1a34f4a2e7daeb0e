"""Texts become values: each function takes the distinct texts of a column and says which of them cannot be read.

Nothing raises on a bad value: it comes back as null, and the caller rejects its rows.
"""

import json
import re
import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl

from connectors.config import Style

SMALLINT_MAX = 32767
_HETU = re.compile(
    r"^([012][0-9]|3[01])(0[1-9]|1[0-2])([0-9]{2})[ABCDEFYXWVU+-]([0-9]{3})([0-9A-FHJ-NPR-Y])$", re.ASCII
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_HETU_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_OPPIJANUMERO = r"^1\.2\.246\.562\.(24|98|198)\.[0-9]{11}$"
# A HETU or an OID anywhere in a text, also badly written.
_PERSONAL = re.compile(r"[0-9]{6}[-+A-Za-z][0-9]{3}[0-9A-Za-z]|[0-9](\.[0-9]+){4,}|[0-9]{8,}")
# What people write between the digits of an id; the dash of a HETU is a part of it.
_BETWEEN_DIGITS = re.compile(r"[\s.,:/_]+")
_NUMBER_LIKE = re.compile(r"[+-]?[0-9]{1,4}([.,:/ T+-][0-9]{1,4}){0,7}Z?", re.ASCII)
# Longer numbers are telephone numbers and personal ids, unless they are a date or a time.
_SHORT_NUMBER = 6
_YEAR = "(?:00|1[89]|2[01])[0-9]{2}"
# A time only after a year of four digits: after one of two it could be the end of a HETU.
_DATE_LIKE = re.compile(
    rf"[0-9]{{1,2}}([./-])[0-9]{{1,2}}\1[0-9]{{2}}"
    rf"|([0-9]{{1,2}}([./-])[0-9]{{1,2}}\3{_YEAR}|{_YEAR}([./-])[0-9]{{1,2}}\4[0-9]{{1,2}})"
    r"([T ][0-9]{1,2}([.:])[0-9]{2}(\6[0-9]{2}([.,][0-9]{1,4})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_CODE_LIKE = re.compile(r"[\w§.+/-]{1,12}|[\w§.+/-]{1,4}( [\w§.+/-]{1,4}){1,3}")
# A text that nobody is called by has few letters; those of other scripts can be a whole name.
_PLAIN_CODE = re.compile(r"[0-9A-Za-zÅÄÖåäö§.+/ -]+")
# A capitalised word: a code could be one, but so could a name that somebody typed.
_NAME_LIKE = re.compile(r"[A-ZÅÄÖ][a-zåäöé]{2,}")
_MONTHS_FI = (
    "tammikuu",
    "helmikuu",
    "maaliskuu",
    "huhtikuu",
    "toukokuu",
    "kesäkuu",
    "heinäkuu",
    "elokuu",
    "syyskuu",
    "lokakuu",
    "marraskuu",
    "joulukuu",
)


def is_hetu(text: str) -> bool:
    """Whether the text has the form of a HETU and the right check character (domain: Hetu, modulo 31)."""
    match = _HETU.match(text)
    if match is None or _HETU_CHECK[int(text[:6] + match[4]) % 31] != match[5]:
        return False
    day, month = int(match[1]), int(match[2])
    # 29 February passes in every year: the century is not worth a rejection.
    return day <= _DAYS[month - 1] and day > 0


def invalid_hetu(texts: pl.Series) -> pl.Series:
    """True where a text is no valid HETU; null where there is no text. `texts` are trimmed and in upper case."""
    return pl.Series([None if text is None else not is_hetu(text) for text in texts], dtype=pl.Boolean)


def invalid_oppijanumero(texts: pl.Series) -> pl.Series:
    """True where a text has not the form of an oppijanumero; its check digit is not looked at."""
    return ~texts.str.contains(_OPPIJANUMERO)


def looks_numeric(text: str) -> bool:
    """Whether a text is a short number, a date or a time, which nobody is recognised or called by."""
    if _NUMBER_LIKE.fullmatch(text) is None:
        return False
    return _digits(text) <= _SHORT_NUMBER or _DATE_LIKE.fullmatch(text) is not None


def looks_like_code(text: str) -> bool:
    """Whether a text has the form of a code: at most 12 characters, no HETU, OID or telephone number, not written like
    a name. It can still be one: see `is_plain_code`."""
    return is_short_text(text) and _CODE_LIKE.fullmatch(text) is not None and _NAME_LIKE.search(text) is None


def is_plain_code(text: str) -> bool:
    """Whether a text is a code and cannot be a name or a birth date: at most two letters and five digits."""
    if not looks_like_code(text) or _PLAIN_CODE.fullmatch(text) is None:
        return False
    return sum(c.isalpha() for c in text) <= 2 and _digits(text) <= 5


def holds_personal_id(text: str) -> bool:
    """Whether something in the text has the form of a HETU, an OID or another long number."""
    return _PERSONAL.search(text) is not None


def hides_personal_id(text: str) -> bool:
    """`holds_personal_id` of one cell, also where blanks or dots stand between the digits (`13.10.52-3081`,
    `040 123 4567`). Not for prose, whose dates and numbers would make a long number together."""
    return holds_personal_id(text) or holds_personal_id(_BETWEEN_DIGITS.sub("", text))


def is_short_text(text: str) -> bool:
    """Whether a text of a column of places is short enough for a code and no HETU, OID or telephone number."""
    return len(text) <= 12 and not hides_personal_id(text) and _digits(text) <= _SHORT_NUMBER


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in text)


def normalise_typed(text: str) -> str:
    """Text written by hand in its normal form: case-folded, punctuation as blanks, blanks collapsed, trimmed."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join("".join(c if c.isalnum() else " " for c in folded).split())


def dates(texts: pl.Series, patterns: tuple[str, ...]) -> pl.Series:
    """Dates; the first pattern that reads a text holds."""
    found = pl.Series([None] * len(texts), dtype=pl.Date)
    for pattern in patterns:
        found = found.zip_with(found.is_not_null(), texts.str.to_date(pattern, strict=False))
    return found


def months(texts: pl.Series, style: Style) -> pl.Series:
    """First days of months."""
    found = pl.Series([None] * len(texts), dtype=pl.Date)
    for name in style.months:
        if name == "fi":
            lowered = texts.str.to_lowercase().str.replace_all(r"\s+", " ")
            numbers = dict(zip(_MONTHS_FI, range(1, 13), strict=True))
            year_months = [_finnish_month(text, numbers) for text in lowered]
            read = pl.Series(year_months, dtype=pl.String).str.to_date("%Y-%m-%d", strict=False)
        elif name == "date":
            read = dates(texts, style.dates).dt.month_start()
        else:
            # chrono needs a day to make a date of.
            read = ("1 " + texts).str.to_date(f"%d {name}", strict=False)
        found = found.zip_with(found.is_not_null(), read)
    return found


def _finnish_month(text: str | None, numbers: dict[str, int]) -> str | None:
    word, _, year = (text or "").partition(" ")
    number = numbers.get(word)
    return f"{year}-{number:02d}-01" if number and re.fullmatch(r"[0-9]{4}", year) else None


# A moment whose day, month, hour and minute cannot be taken for each other.
_EXAMPLE = datetime(2025, 8, 31, 14, 5, tzinfo=timezone(timedelta(hours=3)))


def examples(patterns: tuple[str, ...], dates: tuple[str, ...] = ()) -> str:
    """How values of these patterns are written, for people: `31.08.2025, 2025-08-31`. dates: what a month written as a
    date looks like."""
    shown = {"iso": [_EXAMPLE.isoformat()], "fi": [f"{_MONTHS_FI[_EXAMPLE.month - 1]} {_EXAMPLE.year}"]}
    shown["date"] = [_EXAMPLE.strftime(pattern) for pattern in dates]
    return ", ".join(text for pattern in patterns for text in shown.get(pattern, [_EXAMPLE.strftime(pattern)]))


def times(texts: pl.Series, patterns: tuple[str, ...]) -> pl.Series:
    """Times of day."""
    found = pl.Series([None] * len(texts), dtype=pl.Time)
    for pattern in patterns:
        found = found.zip_with(found.is_not_null(), texts.str.to_time(pattern, strict=False))
    return found


def timestamps(texts: pl.Series, style: Style) -> pl.Series:
    """Moments in UTC. A time that a clock change skips is not read; of a doubled hour, the earlier holds."""
    found = pl.Series([None] * len(texts), dtype=pl.Datetime("us", "UTC"))
    isolated = texts.str.replace(r"^(\d{4}-\d{2}-\d{2})[ T]", "${1}T")
    for pattern in style.timestamps:
        if pattern == "iso":
            offset: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
            local: tuple[str, ...] = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
            source = isolated.str.replace(r"[zZ]$", "+00:00")
        else:
            offset = (pattern,) if "%z" in pattern or "%#z" in pattern else ()
            local = () if offset else (pattern,)
            source = texts
        for one in offset:
            read = source.str.to_datetime(one, strict=False, time_unit="us", time_zone="UTC")
            found = found.zip_with(found.is_not_null(), read)
        for one in local:
            naive = source.str.to_datetime(one, strict=False, time_unit="us")
            read = naive.dt.replace_time_zone(style.time_zone, ambiguous="earliest", non_existent="null")
            found = found.zip_with(found.is_not_null(), read.dt.convert_time_zone("UTC"))
    return found


def integers(texts: pl.Series) -> pl.Series:
    """Whole numbers of up to nine digits (Int64); `7.0` is 7."""
    plain = texts.str.replace(r"\.0+$", "")
    return plain.set(~plain.str.contains(r"^[+-]?[0-9]{1,9}$"), None).cast(pl.Int64, strict=False)


def decimals(texts: pl.Series, style: Style, typed_numbers: bool, precision: int, scale: int) -> pl.Series:
    """Exact decimals, rounded half up to `scale` places.

    typed_numbers: the format has numbers of its own, which come with a point whatever the style says.
    """
    limit = Decimal(10) ** (precision - scale)
    step = Decimal(1).scaleb(-scale)
    separators = {style.decimal} | ({"."} if typed_numbers else set())
    pattern = re.compile(rf"[+-]?[0-9]{{1,12}}([{''.join(map(re.escape, separators))}][0-9]{{1,40}})?", re.ASCII)

    def read(text: str | None) -> Decimal | None:
        if text is None:
            return None
        if text in style.zero:
            return Decimal(0)
        if pattern.fullmatch(text) is None:
            return None
        value = Decimal(text.replace(",", ".")).quantize(step, ROUND_HALF_UP)
        return value if abs(value) < limit else None

    return pl.Series([read(text) for text in texts], dtype=pl.Decimal(precision, scale))


def booleans(texts: pl.Series, style: Style) -> pl.Series:
    """Yes and no, without regard to case."""
    lowered = texts.str.to_lowercase()
    yes = lowered.is_in([text.lower() for text in style.true])
    no = lowered.is_in([text.lower() for text in style.false])
    return yes.set(~(yes | no), None)


def lists(texts: pl.Series, separator: str) -> list[list[str] | None]:
    """Lists of texts, from a JSON array or a text split at the separator; None where it is neither."""
    return [[] if text is None else _list(text, separator) for text in texts]


def _list(text: str, separator: str) -> list[str] | None:
    if text.startswith("["):
        try:
            items: Any = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not all(isinstance(item, str) for item in items):
            return None
    else:
        items = text.split(separator)
    return [item.strip() for item in items if item.strip()]
