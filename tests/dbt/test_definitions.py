"""The seeds hold each definition; SQL reads it from there, and documents and descriptions say the same.

What a failure asks for: take the value from the seed (SQL), or say what the seed says (documents). A literal that is no
definition goes into STRUCTURE or BY_FILE, with the reason why it may stand where it does.
"""

import csv
import re
from calendar import month_name
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.contract_outputs import SOURCES
from pipeline.disclosure import SMALLEST_DENOMINATOR, SMALLEST_SHOWN
from pipeline.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
SQL_FILES = sorted([*PROJECT.glob("models/**/*.sql"), *PROJECT.glob("macros/**/*.sql")])
PROPERTY_FILES = sorted([*PROJECT.glob("models/**/*.yml"), *PROJECT.glob("seeds/**/*.yml")])

# Literals that are no definitions, wherever they stand.
STRUCTURE: Mapping[str, str] = {
    "0": "nothing, or the start of a sum",
    "1": "the first in an order, one row, one day",
    "','": "between the items of a list",
    **dict.fromkeys(("'/'", "'|'"), "between the parts of a key"),
    **dict.fromkeys(("'enrolment'", "'absence'", "'support'", "'school_day'"), "a dataset"),
    **dict.fromkeys(("'full'", "'window'", "'chain'", "'month'", "'interval'", "'day'"), "an extent, or a grain"),
    **dict.fromkeys(("'accepted'", "'unchanged'"), "a status of the ledger"),
    **dict.fromkeys(("'duplicate'", "'superseded'"), "a rule of the contract check"),
    **dict.fromkeys(("'month'", "'school_year'", "'last_12_weeks'"), "a type of period; its length is a definition"),
    **dict.fromkeys(("'region'", "'all'", "'unknown'", "'none'", "'other'"), "a row's name for the rest, or the whole"),
    **dict.fromkeys(
        ("'not_collected'", "'nothing_scheduled'", "'not_reported'", "'below_coverage'", "'not_in_regime'"),
        "a null_reason of docs/marts.md",
    ),
    **dict.fromkeys(("'support_not_covered'",), "a null_reason of docs/marts.md"),
    **dict.fromkeys(("'low_coverage'", "'too_few_lessons'", "'not_covered'"), "a reason for what is not known"),
    "'MM-DD'": "the form in which definitions write a day of any year",
}

HOME = "the form of teaching that is left out everywhere"
LATE = "the class that is counted in marks and minutes"
KIND = "the kind of support that a rule of the regimes' dates is about"
REGIME = "the regime that a day without a period is in, by the break's date"
RULE = "names its own finding, which docs/definitions.md explains"
CALENDAR = "months, weekdays and terms of the calendar"
PORTABLE = "PostgreSQL's way of saying it"
MESSAGE = "a message to readers"
DATA_STATUS_MESSAGES = (
    "': hyväksyttyä toimitusta ei vielä ole.'",
    "': no delivery has been accepted yet.'",
    "': viimeisintä toimitusta ei voitu käyttää; tiedot ovat viimeisimmästä hyväksytystä toimituksesta.'",
    "': the latest delivery could not be used; the data is from the last accepted one.'",
    "': tältä yöltä ei ole tietoa; tiedot ovat viimeisimmästä hyväksytystä toimituksesta.'",
    "': nothing is known of this night; the data is from the last accepted delivery.'",
    "': lähde ei ole muuttunut viimeisimmän hyväksytyn toimituksen jälkeen.'",
    "': the source has not changed since the last accepted delivery.'",
    "': poissaolotoimitusten ketju on poikki; myöhempiä poissaoloja ei tiedetä.'",
    "': the chain of absence deliveries is broken; later absences are not known.'",
    "': tiedot ovat ajan tasalla.'",
    "': the data is up to date.'",
)
MONTHS_AND_DAYS = (
    *("tammikuu", "helmikuu", "maaliskuu", "huhtikuu", "toukokuu", "kesäkuu", "heinäkuu", "elokuu", "syyskuu"),
    *("lokakuu", "marraskuu", "joulukuu", "maanantai", "tiistai", "keskiviikko", "torstai", "perjantai", "lauantai"),
    *("sunnuntai", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October"),
    *("November", "December", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    *("syksy", "kevät", "Syyslukukausi", "Kevätlukukausi", "Autumn term", "Spring term", "–"),
)

# Literals that are no definitions in one file: its stem → literal → why.
BY_FILE: Mapping[str, Mapping[str, str]] = {
    # Macros
    "days": {
        "'-08-01'": "the school year's first day, stated here only",
        "'-07-31'": "the school year's last day, stated here only",
        "7": "months before August; days of a week",
    },
    "increments": {
        "'          , kun edellinen ajo valmistui. /           , when the last build was done.'": MESSAGE,
        "'Viimeksi valmistunut ajo. / The build that was done last.'": MESSAGE,
        "'Yö, jona ajo tehtiin. / Night of the build.'": MESSAGE,
        "'Mallien ja koodien tunnusluku. / Digest of the models and codes.'": MESSAGE,
        "2": "the last Sunday and the one before it",
    },
    "postgres_only": {
        **dict.fromkeys(("'1 day'", "'1 month'", "'1 minute'", "'7 days'", "'Europe/Helsinki'"), PORTABLE),
        **dict.fromkeys(("'[)'", "'{}'", "'0123456789'"), PORTABLE),
        "'256MB'": "memory for a sort or a hash",
        "60": "seconds of a minute",
        "3": "digits of a municipality's code",
        "20": "the part of a source whose change makes its statistics stale, as one of so many",
    },
    "regimes": {**dict.fromkeys(("'2011'", "'2025'"), REGIME), "'mixed'": "both regimes together"},
    "schedule": {"2": "the two days of a span that are looked up"},
    # Harmonised
    "absence": {"'home'": HOME},
    "absence_from_days": {"'late'": LATE},
    "absence_from_intervals": {"'late'": LATE},
    "absence_from_lessons": {"'late'": LATE},
    "enrolment_path": {"'home'": HOME},
    "finding": dict.fromkeys(("'enrolment_overlap'", "'absence_surplus'"), RULE),
    "municipality_count_day": {"'home'": HOME},
    "municipality_period": {"'home'": HOME},
    "path_span": {"'home'": HOME},
    "person_reference": dict.fromkeys(("'hetu'", "'hetu_by_oppijanumero'", "'oppijanumero'"), "what matched a person"),
    "pupil_month": {"'home'": HOME},
    "pupil_period": {"'home'": HOME},
    "pupil_twelve_weeks": {
        "'home'": HOME,
        "2": "the last Sunday and the one before it",
    },
    "support_claim": {
        **dict.fromkeys(("'intensified'", "'special'"), KIND),
        "2025": KIND,
        **dict.fromkeys(("'finding'", "'level'"), "what a claim does: say a level, or be listed"),
        **dict.fromkeys(
            (
                *("'starts_after_break'", "'starts_before_break'", "'expired_2011'", "'tehostettu_clipped'"),
                *("'placement_ignored'", "'extended_ignored'", "'same_regime_overlap'", "'regimes_overlap'"),
                "'rejected_row'",
            ),
            RULE,
        ),
    },
    "support_day_level": {
        **dict.fromkeys(("'finding'", "'level'"), "what a claim does: say a level, or be listed"),
        **dict.fromkeys(("2011", "2025"), REGIME),
    },
    "support_period": {
        "'decision'": KIND,
        "'extended'": "the mark that a decision of 2025 ignores",
        **dict.fromkeys(
            ("'measures_without_level'", "'scheme_kind_disagree'", "'support_code_unmapped'", "'mark_unmapped'"), RULE
        ),
    },
    "touched_calendar": {"'-infinity'": "before all days"},
    "uncovered_pupil_day": {"'home'": HOME},
    # Marts
    "data_status": dict.fromkeys(DATA_STATUS_MESSAGES, MESSAGE),
    "group_sizes": {"'home'": HOME},
    "home_and_teaching": {"'home'": HOME},
    "inclusion": {"'home'": HOME, "2011": "the regime that ends with the last special support"},
    "support_levels": {"'home'": HOME},
    "transition_to_grade_7": {
        **dict.fromkeys(("'before'", "'after'", "'tier'", "'support_level'"), "a moment, or a measure, of the table"),
        **dict.fromkeys(
            ("'other_grade'", "'not_in_region'", "'not_delivered'"), "the seed's name for where the pupil is instead"
        ),
        "'-'": "between year and day",
    },
    # The municipality's own star
    "dim_absence_class": {
        **dict.fromkeys(("'Ei tiedossa'", "'Not known'"), MESSAGE),
        "1000": "after all others in an order",
    },
    "dim_date": {
        **{f"'{name}'": CALENDAR for name in MONTHS_AND_DAYS},
        **{str(number): CALENDAR for number in range(2, 13)},
    },
    "dim_municipality": {"1000": "after all others in an order"},
    "dim_school": {"'Ei tiedossa'": MESSAGE},
    "dim_support_component": {
        **dict.fromkeys(("'Ei tiedossa'", "'Not known'"), MESSAGE),
        "'not_comparable'": "what nobody has mapped compares with nothing",
    },
    "dim_support_level": {"1000": "after all others in an order"},
    "early_warning": {
        "2": "the Sunday before the last one",
        **dict.fromkeys(("'up'", "'down'"), "which way a pupil crossed"),
    },
    "early_warning_week": {"'home'": HOME},
    "fact_attendance_month": {"'late'": LATE},
    "fact_enrolment": {"'home'": HOME},
    "fact_support": {"'exact'": "no mapping was needed", "'level'": "what a claim does: say a level, or be listed"},
    "fact_support_component": {
        "'placement'": "the component that is no mark",
        "'extended'": "the mark that a decision of 2025 ignores",
        "'not_comparable'": "what nobody has mapped compares with nothing",
        "'level'": "what a claim does: say a level, or be listed",
        "'regimes_overlap'": RULE,
    },
}


# Reading


@cache
def seed(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a seed, as texts."""
    with (PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def column(name: str, of: str) -> list[str]:
    """The different values of a column, in their order, without empty ones."""
    return list(dict.fromkeys(row[of] for row in seed(name) if row[of]))


def value(name: str) -> str:
    """One of the definitions."""
    return next(row["value"] for row in seed("definition") if row["name"] == name)


@cache
def document(name: str) -> str:
    return (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8")


def _codes() -> set[str]:
    """Every code that a seed defines, and every form of teaching: none may stand in SQL unless BY_FILE says why."""
    found = {
        *column("absence_class", "absence_class"),
        *column("attendance_tier", "tier"),
        *column("support_level", "support_level"),
        *column("support_level", "comparability"),
        *column("support_rule", "kind"),
        *column("support_rule", "mapping"),
        *column("support_component", "component"),
        *column("grade_band", "grade_band"),
        *column("group_size", "group_size"),
        *column("inclusion_place", "regime"),
        *column("inclusion_place", "place"),
        *column("home_category", "home_municipality"),
        *column("transition_category", "category"),
        *_forms(),
    }
    return found - {"all", "unknown", "none", "other"}


def _forms() -> list[str]:
    files = sorted((PROJECT_ROOT / "municipalities").glob("*/forms.csv"))
    with files[0].open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["form"] for row in csv.DictReader(file)))


_JINJA_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_SQL_COMMENT = re.compile(r"--[^\n]*")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_JINJA_TEXT = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_NAME = re.compile(r"[a-z_][a-z0-9_.]*")
_LITERAL = re.compile(r"('[^']*')|(?<![\w.])(\d+(?:\.\d+)?)(?!\w)")


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _in_sql(text: str, first_line: int) -> Iterator[tuple[str, int]]:
    for match in _LITERAL.finditer(text):
        if (literal := match[1] or match[2]).strip("' "):
            yield literal, first_line + text.count("\n", 0, match.start())


def literals(text: str) -> Iterator[tuple[str, int]]:
    """(literal, line) of dbt's SQL: quoted texts with their quotes, and numbers; also in SQL that macros are given.

    In Jinja a text that looks like a name (of a model, a column, a type) is one, unless a seed has it as a code.
    """
    sql = _SQL_COMMENT.sub(_blank, _JINJA_COMMENT.sub(_blank, text))
    codes = _codes()
    for block in _JINJA.finditer(sql):
        line = 1 + sql.count("\n", 0, block.start())
        for found in _JINJA_TEXT.finditer(block[0]):
            content = found[1] if found[1] is not None else found[2]
            at = line + block[0].count("\n", 0, found.start())
            if content in codes:
                yield f"'{content}'", at
            elif not _NAME.fullmatch(content):
                yield from _in_sql(content, at)
        yield from _in_sql(_JINJA_TEXT.sub(_blank, block[0]), line)
    yield from _in_sql(_JINJA.sub(_blank, sql), 1)


# SQL


@pytest.mark.parametrize("path", SQL_FILES, ids=lambda path: path.stem)
def test_sql_holds_no_definition(path: Path) -> None:
    allowed = {**STRUCTURE, **BY_FILE.get(path.stem, {})}
    assert [
        f"{path.name}:{line} {found}" for found, line in literals(path.read_text("utf-8")) if found not in allowed
    ] == []


def test_no_permission_outlives_its_literal() -> None:
    used = {path.stem: {found for found, _ in literals(path.read_text("utf-8"))} for path in SQL_FILES}
    kept = [(stem, found) for stem in used for found in BY_FILE.get(stem, {}) if found not in used[stem]]
    assert kept == []


def test_no_code_of_a_seed_is_allowed_everywhere() -> None:
    assert {name.strip("'") for name in STRUCTURE} & _codes() == set()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("case when rate >= 0.1 then 'A2' end", ["0.1", "'A2'"]),
        ("select {{ days_after('x.day', '-20') }} -- 80", ["20"]),
        ("where level in ({{ listed(['S2']) }})", ["'S2'"]),
        ("{# 84 #} {{ definition('week_period_days', 'integer') }}", []),
        ("select regime_2025_starts, last_12_weeks from {{ ref('x') }}", []),
        ("{{ is_class('late') }}", ["'late'"]),
        ("to_date('2025-08-01')", ["'2025-08-01'"]),
    ],
)
def test_the_scan_sees_literals(sql: str, found: list[str]) -> None:
    assert [literal for literal, _ in literals(sql)] == found


def test_every_definition_is_read_and_there() -> None:
    read = {
        name for path in SQL_FILES for name in re.findall(r"definition\(\s*['\"](\w+)['\"]", path.read_text("utf-8"))
    }
    assert read == set(column("definition", "name"))


# What the words for values are, in sentences


def _day_en(text: str) -> str:
    """2025-08-01 or 08-01 as `1 August 2025` or `1 August`."""
    one = date.fromisoformat(text if len(text) > 5 else f"2000-{text}")
    return f"{one.day} {month_name[one.month]}" + (f" {one.year}" if len(text) > 5 else "")


def _day_fi(text: str) -> str:
    """2025-08-01 or 08-01 as `1.8.2025` or `1.8.`."""
    one = date.fromisoformat(text if len(text) > 5 else f"2000-{text}")
    return f"{one.day}.{one.month}." + (str(one.year) if len(text) > 5 else "")


def _day_fi_long(text: str) -> str:
    one = date.fromisoformat(f"2000-{text}")
    return f"{one.day}. " + {5: "toukokuuta", 12: "joulukuuta"}[one.month]


def _percent(fraction: str) -> str:
    return f"{float(fraction) * 100:g} %"


def _year_starts() -> tuple[str, str]:
    """First and last day of a school year, as the macros say."""
    text = (PROJECT / "macros" / "days.sql").read_text(encoding="utf-8")
    (first,), (last,) = re.findall(r"'-(08-\d\d)'", text), re.findall(r"'-(07-\d\d)'", text)
    return first, last


def _grades() -> str:
    grades = sorted({int(row["grade"]) for row in seed("grade_band")})
    assert grades == list(range(grades[0], grades[-1] + 1))
    return f"{grades[0]}–{grades[-1]}"


def _placements() -> str:
    rows = [row for row in seed("support_rule") if row["placement_from"]]
    placed = {n for row in rows for n in range(int(row["placement_from"]), int(row["placement_to"]) + 1)}
    assert placed == {int(row["placement"]) for row in seed("inclusion_place") if row["placement"]}
    assert placed == set(range(min(placed), max(placed) + 1))
    return f"{min(placed)}–{max(placed)}"


def _tiers() -> str:
    tiers = [tier for tier in column("attendance_tier", "tier") if tier != "none"]
    return f"{tiers[0]}–{tiers[-1]}"


def _levels() -> str:
    levels = [row["support_level"] for row in seed("support_level") if row["rank"]]
    return f"{levels[0]}–{levels[-1]}"


def _bands() -> list[str]:
    return [band for band in column("grade_band", "grade_band") if band != "all"]


def _weeks() -> str:
    days = int(value("week_period_days"))
    assert days % 7 == 0
    return str(days // 7)


def _window_days() -> str:
    text = (PROJECT_ROOT / "municipalities" / "kuopio" / "municipality.yaml").read_text(encoding="utf-8")
    return str(yaml.safe_load(text)["datasets"]["absence"]["window_days"])


def _tier_from(rate: str) -> list[str]:
    """The tiers of a rate and above."""
    return [
        row["tier"]
        for row in seed("attendance_tier")
        if row["lower_bound"] and float(row["lower_bound"]) >= float(rate)
    ]


def _horizons() -> list[str]:
    """Days within which a start of support is looked for."""
    return [next(iter(row.values())) for row in seed("support_horizon")]


def _regimes() -> tuple[str, str]:
    first, second = column("inclusion_place", "regime")
    return first, second


def _without(text: str, phrases: list[str]) -> tuple[list[str], list[str]]:
    """What of the text still has a number when all phrases are taken out, and which phrases are not in it."""
    rest = " ".join(text.split())
    missing = []
    for phrase in sorted(phrases, key=len, reverse=True):
        if not re.search(rf"(?<![\w.–]){re.escape(phrase)}(?!\w)", rest):
            missing.append(phrase)
        rest = re.sub(rf"(?<![\w.–]){re.escape(phrase)}(?!\w)", "▢", rest)
    return re.findall(r".{0,40}\d.{0,20}", rest), missing


def _tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text: rows of cells, the header first; cells without back-ticks."""
    found: list[list[list[str]]] = []
    before = False
    for line in text.splitlines():
        if is_row := line.startswith("|"):
            cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
            if not before:
                found.append([])
            if set("".join(cells)) != {"-"}:
                found[-1].append(cells)
        before = is_row
    return found


def _table(header: list[str]) -> list[list[str]]:
    """The rows of the one table of docs/definitions.md with that header."""
    (rows,) = [table[1:] for table in _tables(document("definitions.md")) if table[0] == header]
    return rows


def _prose(text: str) -> str:
    """Without headings, and without the tables that are compared cell by cell."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    kept, skipping = [], False
    for line in lines:
        if line.startswith("| ") and not skipping:
            skipping = [cell.strip() for cell in line.strip().strip("|").split("|")] in COMPARED
        skipping = skipping and line.startswith("|")
        if not skipping:
            kept.append(line)
    return "\n".join(kept)


COMPARED = [
    ["class", "Finnish", "absent?"],
    ["tier", "Finnish", "English"],
    ["kind", "placement", "mark", "level", "mapping", "finding"],
    ["component", "Finnish", "over the break"],
    ["name", "value", "unit", "said in"],
]


# Documents


def test_the_documents_table_of_classes() -> None:
    rows = [[row[0], row[1], row[2].partition(";")[0]] for row in _table(COMPARED[0])]
    by_order = sorted(seed("absence_class"), key=lambda row: int(row["priority"]))
    said = {"true": "yes", "false": "no"}
    assert rows == [[row["absence_class"], row["label_fi"], said[row["is_absence"]]] for row in by_order]


def test_the_documents_table_of_tiers() -> None:
    assert _table(COMPARED[1]) == [[row["tier"], row["label_fi"], row["label_en"]] for row in seed("attendance_tier")]


def test_labels_of_tiers_say_their_bounds() -> None:
    for row in seed("attendance_tier"):
        lower, upper = row["lower_bound"], row["upper_bound"]
        bounds = [f"{float(bound) * 100:g}" for bound in (lower, upper) if bound and float(bound)]
        for label in (row["label_fi"], row["label_en"]):
            assert re.findall(r"\d+", label) == bounds, row["tier"]
        if upper and upper != "0":
            # `under` where the bound is not in the tier, a bare range where both are.
            assert ("under" in row["label_en"]) == (row["upper_included"] == "false"), row["tier"]
            assert ("alle" in row["label_fi"]) == (row["upper_included"] == "false"), row["tier"]


def test_tiers_leave_no_hole() -> None:
    tiers = [row for row in seed("attendance_tier") if row["lower_bound"]]
    assert (tiers[0]["lower_bound"], tiers[0]["lower_included"], tiers[-1]["upper_bound"]) == ("0", "true", "")
    for row in seed("attendance_tier"):
        for bound in ("lower", "upper"):
            assert bool(row[f"{bound}_bound"]) == bool(row[f"{bound}_included"]), row["tier"]
    for one, following in pairwise(tiers):
        assert one["upper_bound"] == following["lower_bound"]
        assert one["upper_included"] != following["lower_included"]


def test_the_documents_table_of_levels() -> None:
    first, second = _regimes()
    rows = _table(["level", "Finnish", f"regime {first}", f"regime {second}", "over the break"])
    levels = [row for row in seed("support_level") if row["rank"]]
    assert [[row[0], row[1], row[4]] for row in rows] == [
        [row["support_level"], row["label_fi"], row["comparability"].replace("_", " ")] for row in levels
    ]
    assert [row[3].endswith(": null") for row in rows] == [row["exists_in_2025"] == "false" for row in levels]
    # By decision: `decision` in the column of 2025, and not `no decision`.
    by_decision = ["decision" in row[3] and "no decision" not in row[3] for row in rows]
    assert by_decision == [row["needs_decision"] == "true" for row in levels]


def test_the_documents_table_of_support_rules() -> None:
    def placement(row: dict[str, str]) -> str:
        first, last = row["placement_from"], row["placement_to"]
        return first if first == last else f"{first}–{last}"

    assert _table(COMPARED[2]) == [
        [row["kind"], placement(row), row["mark"], row["support_level"], row["mapping"], row["finding"]]
        for row in seed("support_rule")
    ]


def test_the_documents_table_of_components() -> None:
    assert _table(COMPARED[3]) == [
        [row["component"], row["label_fi"], row["comparability"].replace("_", " ")] for row in seed("support_component")
    ]


def test_the_documents_table_of_numbers() -> None:
    assert _table(COMPARED[4]) == [
        [row["name"], row["value"], row["unit"], row["source"]] for row in seed("definition")
    ]


def test_definitions_say_where_they_are_explained() -> None:
    sections = re.findall(r"^## (\d \w+)", document("definitions.md"), re.MULTILINE)
    marts = re.findall(r"^### (\w+)", document("marts.md"), re.MULTILINE)
    for row in seed("definition"):
        for source in row["source"].split("; "):
            place = source.partition(":")
            where = (
                (place[2].strip() in marts) if place[0] == "marts" else any(place[0].startswith(s) for s in sections)
            )
            assert where, source


def _definition_phrases() -> list[str]:
    starts, enough = _day_en(_year_starts()[0]), _percent(value("coverage_minimum"))
    month_days, period_days = value("month_minimum_days"), value("period_minimum_days")
    return [
        f"grades {_grades()}",
        f"the {_window_days()} days before the night",
        f"from {starts}",
        f"{starts} to the day before the source's",
        f"first delivered {starts} to the day before",
        f"cut at {starts}",
        f"the {value('week_period_days')} days up to a Sunday",
        f"under {month_days} scheduled covered days in a month ({period_days} in the longer",
        f"under {enough} coverage",
        f"less than {enough} coverage",
        *(f"regime {regime}" for regime in _regimes()),
        f"period of {_regimes()[1]}",
        f"decision of {_regimes()[1]}",
        f"changed on {_day_en(value('regime_2025_starts'))}",
        f"spans {_day_en(value('regime_2025_starts'))}",
        f"ends with {_day_en(value('intensified_ends'))}",
        f"run until {_day_en(value('special_ends'))}",
        f"{_day_en(value('count_day_september'))}, {_day_en(value('count_day_january'))}, and each month's last day",
        f"Counts of 1–{SMALLEST_SHOWN - 1} pupils",
        f"need {SMALLEST_DENOMINATOR} pupils",
        f"{value('month_close_days')} days after their end",
        f"{_day_en(value('term_end_autumn'))} and {_day_en(value('term_end_spring'))}",
        f"{_weeks()} weeks",
        *(row["support_level"] for row in seed("support_level") if row["rank"]),
        # The Act's section.
        "20 i §",
        # Names.
        "expired_2011",
    ]


def test_every_number_of_the_definitions_page_is_the_seeds() -> None:
    unexplained, missing = _without(_prose(document("definitions.md")).replace("`", ""), _definition_phrases())
    assert (unexplained, missing) == ([], [])


def test_decimals_are_said_as_the_seed_has_them() -> None:
    words = {"4": "Four decimals"}
    assert words[value("lesson_decimals")] in document("definitions.md")


def _mart_phrases() -> list[str]:
    first, second = _regimes()
    levels = [row["support_level"] for row in seed("support_level") if row["rank"]]
    decided = [row["support_level"] for row in seed("support_level") if row["needs_decision"] == "true"]
    below = [level for level in levels if level != levels[-1]]
    not_in_regime = [row["support_level"] for row in seed("support_level") if row["exists_in_2025"] == "false"]
    autumn, spring = _day_en(value("term_end_autumn")), _day_en(value("term_end_spring"))
    starts, ends = _day_fi(value("regime_2025_starts")), _day_fi(value("special_ends"))
    before, after = value("transition_grade_before"), value("transition_grade_after")
    reach = _tier_from(value("reach_minimum_rate"))
    places = [
        place for place in column("inclusion_place", "place") if place.startswith("placement_") and place[-1].isdigit()
    ]
    undecided = [
        row["support_level"] for row in seed("support_level") if row["rank"] and row["needs_decision"] == "false"
    ]
    return [
        f"{', '.join(_bands())} or all",
        f"{_day_en(value('count_day_september'))} and {_day_en(value('count_day_january'))}",
        f"{value('month_close_days')} days after its end",
        f"at least {_percent(value('coverage_minimum'))} of its scheduled",
        f"{_weeks()} weeks",
        f"{_weeks()}-week",
        f"last_{_weeks()}_weeks",
        f"({_tiers()}, none)",
        f"({_levels()}, unknown)",
        f"Categories: {_tiers()}, none / {_levels()}, unknown",
        f"({autumn}, {spring})",
        f"towards {_tiers()[-2:]}",
        f"{first} before {starts}",
        f"{second} after {ends}",
        f"mixed for {', '.join(decided)} and unknown and {second} for {' and '.join(undecided)}",
        f"not_in_regime: {not_in_regime[0]} from {starts}",
        f"rate is at least {_percent(value('reach_minimum_rate'))} (tier {' or '.join(reach)}",
        f"{', '.join(below[:-1])} or {below[-1]}. pupils_at_highest: at {levels[-1]}",
        f"({', '.join(_horizons())} days)",
        f"grade {before} on {spring}",
        f"to date at {spring}",
        f"same at {autumn}",
        f"grade {after} in the region",
        f"of grade {after}, the year",
        f"({first}, {second})",
        f"level of the day is {' or '.join(decided)}",
        f"Places of {first}: {places[0]} … {places[-1]}",
        f"of {second}: special_class",
        f"Whoever is at {places[0]} or in a special_class has {levels[-1]} on that day",
        f"{first} has rows to {ends}, {second} from {starts}",
        f"({', '.join(size for size in column('group_size', 'group_size'))})",
        f"from {_day_en(_year_starts()[0])}",
        # No definition.
        "is a 0",
        "always 0",
        "0 days",
        "§1",
    ]


def test_every_number_of_the_marts_page_is_the_seeds() -> None:
    text = _prose(document("marts.md")).replace("`", "").replace("*", "")
    unexplained, missing = _without(text, _mart_phrases())
    assert (unexplained, missing) == ([], [])


# Descriptions


def _described(node: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """(place, description) of models, seeds and columns; unit tests describe their case."""
    if isinstance(node, dict):
        here = (*place, str(node["name"])) if "name" in node else place
        if isinstance(node.get("description"), str):
            yield ".".join(here), " ".join(node["description"].split())
        for name, child in node.items():
            if name != "unit_tests":
                yield from _described(child, here)
    elif isinstance(node, list):
        for child in node:
            yield from _described(child, place)


DESCRIPTIONS = sorted(
    {
        (f"{path.name}: {place}", text)
        for path in PROPERTY_FILES
        # Its texts are the contracts'; a test of theirs holds them.
        if path.name != SOURCES.name
        for place, text in _described(yaml.safe_load(path.read_text(encoding="utf-8")))
    }
)


def _value_sets() -> list[tuple[str, list[str], set[str]]]:
    """(what, all values, values that a description may leave out): who names two of them names all."""
    regimes = [*_regimes(), "mixed"]
    comparabilities = dict.fromkeys(
        ["exact", *column("support_level", "comparability"), *column("support_component", "comparability")]
    )
    return [
        ("tiers", column("attendance_tier", "tier"), {"none"}),
        ("levels", column("support_level", "support_level"), {"unknown"}),
        ("grade bands", column("grade_band", "grade_band"), {"all"}),
        ("group sizes", column("group_size", "group_size"), set()),
        ("comparabilities", list(comparabilities), {"not_comparable"}),
        ("kinds", column("support_rule", "kind"), set()),
        ("classes", column("absence_class", "absence_class"), set()),
        ("forms", _forms(), set()),
        ("regimes", regimes, {"mixed"}),
        ("components", column("support_component", "component"), set()),
        ("places", column("inclusion_place", "place"), set()),
        ("homes", column("home_category", "home_municipality"), set()),
        ("where pupils are instead", column("transition_category", "category"), set()),
    ]


def _named(text: str, values: list[str]) -> set[str]:
    """The values that a text names as words, with ranges (A0–A3) spelled out; 1.8.2025 is a day and no regime."""
    for first in values:
        for last in values:
            if f"{first}–{last}" in text:
                text = text.replace(f"{first}–{last}", " ".join(values[values.index(first) : values.index(last) + 1]))
    words = {word.rstrip(".") for word in re.findall(r"[\w+.–-]+", text)}
    return {one for one in values if one in words}


def _halves(text: str) -> list[str]:
    """A description's Finnish and English, which say the same each for itself."""
    return text.split(" / ")


def test_descriptions_name_the_seeds_values() -> None:
    wrong = []
    for place, text in DESCRIPTIONS:
        for what, values, optional in _value_sets():
            for half in _halves(text):
                named, all_values = _named(half, values) - optional, set(values) - optional
                # Of levels also all but the highest: those above which support can start.
                if what == "levels" and named == all_values - {max(all_values)}:
                    continue
                if len(named) > 1 and named != all_values:
                    wrong.append(f"{place}: {what}")
    assert wrong == []


# Column → what at least one description of it names; none names a part of it.
NAMED_BY_COLUMN: Mapping[str, Callable[[], set[str]]] = {
    "grade_band": lambda: set(_bands()),
    "tier": lambda: {tier for tier in column("attendance_tier", "tier") if tier != "none"},
    "support_level": lambda: {row["support_level"] for row in seed("support_level") if row["rank"]},
    "group_size": lambda: set(column("group_size", "group_size")) - {"unknown"},
    "kind": lambda: set(column("support_rule", "kind")),
    "form": lambda: set(_forms()),
    "horizon": lambda: set(_horizons()),
}


@pytest.mark.parametrize("name", NAMED_BY_COLUMN)
def test_codes_are_described_by_all_their_values(name: str) -> None:
    expected = NAMED_BY_COLUMN[name]()
    texts = [half for place, text in DESCRIPTIONS if place.endswith(f".{name}") for half in _halves(text)]
    named = [_named(half, sorted(expected)) for half in texts]
    assert expected in named
    assert [half for half, found in zip(texts, named, strict=True) if found not in (set(), expected)] == []


def _description_phrases() -> list[str]:
    first, second = _regimes()
    starts = value("regime_2025_starts")
    autumn, spring = value("term_end_autumn"), value("term_end_spring")
    before, after = value("transition_grade_before"), value("transition_grade_after")
    september, january = value("count_day_september"), value("count_day_january")
    horizons, (*below, highest) = _horizons(), [row["support_level"] for row in seed("support_level") if row["rank"]]
    return [
        _tiers(),
        _levels(),
        *_bands(),
        *column("group_size", "group_size"),
        f"last_{_weeks()}_weeks",
        _day_fi(starts),
        _day_en(starts),
        first,
        second,
        f"vuosiluokka {_grades()}",
        f"Vuosiluokka {_grades()}",
        f"grade {_grades()}",
        f"Grade {_grades()}",
        *(f"{word} {_placements()}" for word in ("Toteutuspaikka", "toteutuspaikka", "Placement", "placement")),
        *(f"{_weeks()} {word}" for word in ("viikon", "viikkoa", "weeks")),
        *(f"{value('week_period_days')} {word}" for word in ("päivää", "days")),
        f"{_weeks()}-week",
        f"vähintään {_percent(value('reach_minimum_rate'))}",
        f"at least {_percent(value('reach_minimum_rate'))}",
        *(f"{', '.join(horizons[:-1])} {word} {horizons[-1]}" for word in ("ja", "and", "tai", "or")),
        *(f"{', '.join(below[:-1])} {word} {below[-1]}" for word in ("tai", "or")),
        *(f"{word} {highest}" for word in ("jo", "was")),
        *(f"{word} {_tiers()[-2:]}" for word in ("kohti", "towards")),
        *(_day_fi(day) for day in (autumn, spring, september, january)),
        *(_day_en(day) for day in (autumn, spring, september, january)),
        _day_fi_long(spring),
        f"grade {before}",
        f"grade {after}",
        # No definition: an example of a school year, a fraction, numbers of the calendar.
        "2025–26",
        "2025–2026",
        "(0–1)",
        "1–12",
        "1–53",
        "1 on kunnan viimeisin",
        "1 is the municipality's last",
        "1 = maanantai",
        "1 = Monday",
    ]


def test_numbers_in_descriptions_are_the_seeds() -> None:
    phrases = _description_phrases()
    told = [(place, _without(text, phrases)[0]) for place, text in DESCRIPTIONS if re.search(r"\d", text)]
    assert [(place, unexplained) for place, unexplained in told if unexplained] == []
