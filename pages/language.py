"""The two languages of the pages: texts by key, numbers, days and months as each language writes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

Language = Literal["fi", "en"]
# Names of d3-format, for what a chart writes by itself.
Locale = Literal["fi-FI", "en-US"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_TEXTS = Path(__file__).parent / "texts"
_DECIMAL_SIGN: Mapping[Language, str] = {"fi": ",", "en": "."}
_THOUSANDS: Mapping[Language, str] = {"fi": "\u00a0", "en": ","}
_LOCALE: Mapping[Language, Locale] = {"fi": "fi-FI", "en": "en-US"}
_PERCENT: Mapping[Language, str] = {"fi": "\u00a0%", "en": "%"}


@dataclass(frozen=True)
class Words:
    """The texts of one language. Called with a dotted key and what stands in the text's gaps; KeyError when the key,
    or a gap, is not known."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **values: Any) -> str:
        return self.texts[key].format_map(values)

    def either(self, key: str, default: str) -> str:
        """The text of the key, or `default` when there is none (a value that came with a newer table)."""
        return self.texts.get(key, default)

    @property
    def other(self) -> Language:
        return "en" if self.language == "fi" else "fi"

    @property
    def locale(self) -> Locale:
        return _LOCALE[self.language]

    @property
    def percent_sign(self) -> str:
        return _PERCENT[self.language]

    def count(self, value: float | Decimal) -> str:
        """A whole number with its thousands set apart."""
        return _number(Decimal(value), 0, self.language)

    def decimal(self, value: float | Decimal, decimals: int = 1) -> str:
        """A number with that many decimals, rounded half up."""
        return _number(Decimal(value), decimals, self.language)

    def percent(self, value: float | Decimal, decimals: int = 1) -> str:
        """A fraction as per cent: 0.074 is `7,4 %` or `7.4%`."""
        return _number(Decimal(value) * 100, decimals, self.language) + self.percent_sign

    def day(self, day: date | datetime) -> str:
        """`3.2.2026` or `3 February 2026`."""
        if self.language == "fi":
            return f"{day.day}.{day.month}.{day.year}"
        return f"{day.day} {self.texts[f'month.{day.month}']} {day.year}"

    def month(self, day: date) -> str:
        """`tammikuu 2026` or `January 2026`."""
        return f"{self.texts[f'month.{day.month}']} {day.year}"

    def in_month(self, day: date) -> str:
        """`tammikuussa 2026` or `in January 2026`."""
        name = self.texts[f"month.{day.month}"]
        return f"{name}ssa {day.year}" if self.language == "fi" else f"in {name} {day.year}"

    def school_year(self, starts: int) -> str:
        """`2025–26`, the same in both languages."""
        return f"{starts}–{(starts + 1) % 100:02d}"

    def listed(self, items: Sequence[str]) -> str:
        """`a, b ja c` or `a, b and c`."""
        if len(items) < 2:
            return "".join(items)
        return f"{', '.join(items[:-1])} {self.texts['and']} {items[-1]}"


@cache
def words(language: Language) -> Words:
    """The texts of `texts/<language>.yaml`, whose nested keys are joined by dots."""
    tree = yaml.safe_load((_TEXTS / f"{language}.yaml").read_text(encoding="utf-8"))
    return Words(language, dict(_flat(tree, "")))


def sentence(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """The text as it stands inside a sentence: its first letter is small."""
    return text[:1].lower() + text[1:]


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", str(value))]
    return found


def _number(value: Decimal, decimals: int, language: Language) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{rounded:,.{decimals}f}"
    return text.translate({ord(","): _THOUSANDS[language], ord("."): _DECIMAL_SIGN[language]})
