"""The dashboards: the steering group's over `reporting`, and one municipality's over `municipal` and `reporting`.

Titles and descriptions are `Finnish / English`, as those of the tables. `{municipality}` is the folder's name and
`{municipality_name}` the name of the municipality whose dashboard it becomes.

A figure of `reporting` is shown only where one published row stands behind it: rows are never added up here, since
what is withheld would silently be missing from the sum. Courses are drawn as lines with marks, since a null then has no
mark, where a bar would look like a nought. What compares badly over 1 August 2025 is never joined by a line over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# What the whole region is called where a municipality could stand.
REGION_LABEL = "Koko alue"
REGIME_CHANGE = "2025-08-01"
Filter = tuple[str, str, str | Sequence[str]]


@dataclass(frozen=True)
class Metric:
    """A figure of a dataset. expression: SQL over its columns. format: of D3, as Superset takes it."""

    name: str
    title: str
    expression: str
    format: str


def shown(column: str, title: str, number_format: str) -> Metric:
    """A published figure, where one row stands behind it."""
    return Metric(f"shown_{column}", title, f"case when count(*) = 1 then max({column}) end", number_format)


PER_CENT, COUNT, MEAN = ".1%", ",d", ".1f"
SHARE = shown("share", "Osuus / Share", PER_CENT)
ABSENCE_RATE = shown("absence_rate", "Poissaolojen osuus / Absence rate", PER_CENT)
OWN_RATE = Metric(
    "own_absence_rate",
    "Poissaolojen osuus / Absence rate",
    "sum(absent_lessons) / nullif(sum(covered_lessons), 0)",
    PER_CENT,
)
OWN_PUPILS = Metric("own_pupils", "Oppilaita / Pupils", "count(distinct pupil_key)", COUNT)
OWN_LESSONS = Metric("own_lessons", "Poissaolotunteja / Lessons absent", "sum(lessons)", ",.0f")

METRICS: dict[str, tuple[Metric, ...]] = {
    "reporting.attendance_monthly": (ABSENCE_RATE,),
    "reporting.attendance_tiers": (SHARE,),
    "reporting.attendance_by_support_level": (ABSENCE_RATE,),
    "reporting.support_levels": (SHARE,),
    "reporting.support_timeliness": (shown("share_started", "Tuki alkanut / Support started", PER_CENT),),
    "reporting.inclusion": (SHARE,),
    "reporting.group_sizes": (SHARE,),
    "municipal.fact_attendance_month": (OWN_RATE,),
    "municipal.fact_attendance_tier": (OWN_PUPILS,),
    "municipal.fact_absence": (OWN_LESSONS,),
    "municipal.fact_support": (OWN_PUPILS,),
}

# What heads a column of a table; a column that is not here goes by its own name.
HEADS: dict[str, str] = {
    "absence_rate": "Poissaolojen osuus / Absence rate",
    "absent_lessons": "Poissaolotunteja / Lessons absent",
    "as_of": "Tiedot päivältä / As of",
    "category": "Porras, taso tai muu / Category",
    "class_name": "Luokka / Class",
    "coverage": "Kattavuus / Coverage",
    "covered_lessons": "Katettuja tunteja / Lessons covered",
    "dataset": "Aineisto / Dataset",
    "direction": "Suunta / Direction",
    "grade": "Vuosiluokka / Grade",
    "last_status": "Viime yö / Last night",
    "measure": "Mittari / Measure",
    "message_en": "In English",
    "message_fi": "Suomeksi",
    "moment": "Ajankohta / Moment",
    "month": "Kuukausi / Month",
    "municipalities": "Kunnat luvussa / Municipalities in it",
    "municipality_label": "Kunta / Municipality",
    "null_reason": "Miksi puuttuu / Why missing",
    "previous_coverage": "Edellinen kattavuus / Coverage before",
    "previous_tier": "Edellinen porras / Tier before",
    "pupil_key": "Oppilaan avain / Pupil key",
    "pupils": "Oppilaita / Pupils",
    "regime": "Sääntely / Regime",
    "school_number": "Koulu / School",
    "school_year": "Lukuvuosi alkaen / School year from",
    "school_year_start": "Lukuvuosi alkaen / School year from",
    "share": "Osuus / Share",
    "support_level_label": "Tuen taso / Support level",
    "suppressed": "Salattu / Withheld",
    "tier": "Porras / Tier",
    "week_end": "Viikon sunnuntai / Week's Sunday",
}


@dataclass(frozen=True)
class Chart:
    """table: `schema.table`. kind: a course, single marks, bars, or the rows themselves. x and series: columns; metric:
    of METRICS. columns: those of a table, in their order, sorted by the first of `order`, downwards. chosen: whether
    the reader chooses the municipality and the grades for it. Filters are (column, operator, value)."""

    name: str
    title: str
    table: str
    kind: Literal["line", "marks", "bar", "table"]
    description: str
    x: str = ""
    series: tuple[str, ...] = ()
    metric: str = ""
    columns: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    chosen: bool = False
    width: int = 6


@dataclass(frozen=True)
class Dashboard:
    """name: its slug, and the folder of its assets. audience: whom it is for, as an exposure says it. intro: Markdown
    at its top. choices: (column, title, value at the start) of what the reader chooses."""

    name: str
    slug: str
    title: str
    description: str
    intro: str
    charts: tuple[Chart, ...]
    choices: tuple[tuple[str, str, str], ...] = ()

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it is made of, each once, in the order of its charts."""
        return tuple(dict.fromkeys(chart.table for chart in self.charts))


ALL_GRADES: Filter = ("grade_band", "==", "all")
ALL_CLASSES: Filter = ("absence_class", "==", "all")
OLD: Filter = ("count_day", "<", REGIME_CHANGE)
NEW: Filter = ("count_day", ">=", REGIME_CHANGE)
WHY = ("coverage", "suppressed", "null_reason", "as_of", "municipalities")
ONE_ROW = (
    "Yksi julkaistu luku kohdassa; puuttuva merkki ei ole nolla. / One published figure a mark; no mark is no nought."
)

REGION = Dashboard(
    "region",
    "tukiverkko-alue",
    "Seudun ohjausryhmä / Regional steering group",
    "Poissaolot ja oppimisen tuki koko alueella, julkaistuista luvuista. / Absence and learning support in the whole "
    "region, from published figures.",
    "Luvut ovat julkaistuja ja tietosuojattuja. **Puuttuva merkki ei ole nolla**: luku on salattu tai sitä ei tiedetä, "
    "ja syy on taulukossa (`suppressed`, `null_reason`). Tuen tasoja ennen 1.8.2025 ja sen jälkeen ei voi verrata "
    "suoraan.\n\n"
    "Figures are published and protected. **No mark is no nought**: a figure is withheld or not known, and the table "
    "says why (`suppressed`, `null_reason`). Levels of support before and after 1 August 2025 do not compare directly.",
    (
        Chart(
            "absence_by_municipality",
            "Poissaolot kunnittain / Absence by municipality",
            "reporting.attendance_monthly",
            "line",
            ONE_ROW,
            x="month",
            series=("municipality_label",),
            metric="shown_absence_rate",
            filters=(ALL_GRADES, ALL_CLASSES),
            width=12,
        ),
        Chart(
            "absence_by_class",
            "Poissaolot luokittain / Absence by class",
            "reporting.attendance_monthly",
            "line",
            ONE_ROW,
            x="month",
            series=("absence_class_label",),
            metric="shown_absence_rate",
            filters=(("absence_class", "!=", "all"),),
            chosen=True,
        ),
        Chart(
            "tiers",
            "Poissaoloportaat lukuvuoden alusta / Attendance tiers of the school year to date",
            "reporting.attendance_tiers",
            "marks",
            ONE_ROW,
            x="period_end",
            series=("tier_label",),
            metric="shown_share",
            filters=(("period_type", "==", "school_year"),),
            chosen=True,
        ),
        Chart(
            "support_levels_before",
            "Tuen tasot ennen 1.8.2025 / Support levels before 1 August 2025",
            "reporting.support_levels",
            "line",
            ONE_ROW,
            x="count_day",
            series=("support_level_label",),
            metric="shown_share",
            filters=(OLD,),
            chosen=True,
        ),
        Chart(
            "support_levels_since",
            "Tuen tasot 1.8.2025 alkaen / Support levels since 1 August 2025",
            "reporting.support_levels",
            "line",
            ONE_ROW,
            x="count_day",
            series=("support_level_label",),
            metric="shown_share",
            filters=(NEW,),
            chosen=True,
        ),
        Chart(
            "absence_by_level_since",
            "Poissaolot tuen tasoittain 1.8.2025 alkaen / Absence by support level since 1 August 2025",
            "reporting.attendance_by_support_level",
            "line",
            ONE_ROW,
            x="month",
            series=("support_level_label",),
            metric="shown_absence_rate",
            filters=(("month", ">=", REGIME_CHANGE),),
            chosen=True,
        ),
        Chart(
            "timeliness",
            "Tuki alkanut 30, 60 ja 90 päivässä / Support started within 30, 60 and 90 days",
            "reporting.support_timeliness",
            "marks",
            ONE_ROW,
            x="month",
            series=("horizon",),
            metric="shown_share_started",
            chosen=True,
        ),
        Chart(
            "inclusion_before",
            "Opetuksen paikka, aiempi laki / Place of teaching, the law before",
            "reporting.inclusion",
            "line",
            ONE_ROW,
            x="count_day",
            series=("place_label",),
            metric="shown_share",
            filters=(("regime", "==", "2011"),),
            chosen=True,
        ),
        Chart(
            "inclusion_since",
            "Opetuksen paikka, uusi laki / Place of teaching, the new law",
            "reporting.inclusion",
            "line",
            ONE_ROW,
            x="count_day",
            series=("place_label",),
            metric="shown_share",
            filters=(("regime", "==", "2025"),),
            chosen=True,
        ),
        Chart(
            "group_sizes",
            "Oppilaat luokan koon mukaan / Pupils by size of class",
            "reporting.group_sizes",
            "line",
            ONE_ROW,
            x="count_day",
            series=("group_size_label",),
            metric="shown_share",
            chosen=True,
            width=12,
        ),
        Chart(
            "transition",
            "Seitsemännelle luokalle siirtyneet / Those who moved on to grade 7",
            "reporting.transition_to_grade_7",
            "table",
            "Ennen siirtymää ja sen jälkeen. / Before and after the move.",
            columns=(
                *("school_year", "municipality_label", "measure", "moment", "category"),
                *("pupils", "share", "absence_rate", "coverage", "suppressed", "null_reason", "as_of"),
            ),
            order=("school_year",),
            width=12,
        ),
        Chart(
            "absence_rows",
            "Poissaololuvut, kattavuus ja miksi luku puuttuu / Absence figures, coverage and why one is missing",
            "reporting.attendance_monthly",
            "table",
            "Julkaistut rivit. / The published rows.",
            columns=("month", "municipality_label", "absence_rate", "pupils", *WHY),
            order=("month",),
            filters=(ALL_GRADES, ALL_CLASSES),
            width=12,
        ),
        Chart(
            "data_status",
            "Kuinka tuoreita tiedot ovat / How fresh the data is",
            "reporting.data_status",
            "table",
            "Kunnittain ja aineistoittain. / By municipality and dataset.",
            columns=("municipality_label", "dataset", "as_of", "last_status", "message_fi", "message_en"),
            order=("as_of",),
            width=12,
        ),
    ),
    (
        ("municipality_label", "Kunta / Municipality", REGION_LABEL),
        ("grade_band", "Vuosiluokat / Grades", "all"),
    ),
)

OWN_AND_REGION: Filter = ("municipality", "IN", ("{municipality}", "region"))
COUNTED: Filter = ("is_population", "==", "true")

MUNICIPALITY = Dashboard(
    "municipality",
    "tukiverkko-{municipality}",
    "{municipality_name}: omat oppilaat / {municipality_name}: own pupils",
    "Kunnan omat oppilaat päivittäin kertyvistä tiedoista ja julkaistut luvut koko alueen lukujen rinnalla. / The "
    "municipality's own pupils from each night's data, and the published figures beside the region's.",
    "Kunnan omat oppilaat: avoimet kuukaudetkin ovat mukana, eikä lukuja ole salattu. Oppilas näkyy avaimena, ei "
    "nimenä. **Julkaistut** luvut ovat tietosuojattuja: puuttuva merkki ei ole nolla.\n\n"
    "The municipality's own pupils: open months are in it, and nothing is withheld. A pupil is a key, not a name. "
    "**Published** figures are protected: no mark is no nought.",
    (
        Chart(
            "early_warning",
            "Poissaoloportaan vaihtaneet oppilaat / Pupils who crossed into another tier",
            "municipal.early_warning",
            "table",
            "Viimeisen sunnuntain 12 viikon jakso edelliseen verrattuna. / The 12 weeks to the last Sunday, and those "
            "to the Sunday before.",
            columns=(
                *("pupil_key", "school_number", "grade", "class_name", "previous_tier", "previous_coverage"),
                *("tier", "direction", "absence_rate", "coverage", "covered_lessons", "absent_lessons", "week_end"),
            ),
            order=("absence_rate",),
            width=12,
        ),
        Chart(
            "own_absence",
            "Omien oppilaiden poissaolot / Own pupils' absence",
            "municipal.fact_attendance_month",
            "line",
            "Poissaolotunnit jaettuna katetuilla tunneilla, myös avoimilta kuukausilta. / Lessons absent divided by "
            "covered lessons, also of open months.",
            x="month",
            series=("grade_band",),
            metric="own_absence_rate",
            filters=(COUNTED,),
        ),
        Chart(
            "published_absence",
            "Poissaolot ja koko alue (julkaistu) / Absence and the whole region (published)",
            "reporting.attendance_monthly",
            "line",
            ONE_ROW,
            x="month",
            series=("municipality_label",),
            metric="shown_absence_rate",
            filters=(ALL_GRADES, ALL_CLASSES, OWN_AND_REGION),
        ),
        Chart(
            "own_absence_by_class",
            "Poissaolotunnit luokittain / Lessons absent by class",
            "municipal.fact_absence",
            "bar",
            "Omien oppilaiden poissaolot kuukausittain. / Own pupils' absences by month.",
            x="date_key",
            series=("absence_class_label",),
            metric="own_lessons",
        ),
        Chart(
            "own_tiers",
            "Oppilaat portaittain kuukausittain / Pupils by tier each month",
            "municipal.fact_attendance_tier",
            "bar",
            "Portaan tilalla voi olla syy, miksi sitä ei tiedetä. / Instead of a tier there may be "
            "why it is not known.",
            x="date_key",
            series=("tier_label",),
            metric="own_pupils",
            filters=(("period_type", "==", "month"), COUNTED),
        ),
        Chart(
            "own_support",
            "Oppilaat tuen tasoittain lukuvuosittain / Pupils by support level each school year",
            "municipal.fact_support",
            "table",
            "Oppilas on jokaisella tasolla, jolla hän on lukuvuonna ollut, joten rivejä ei voi laskea yhteen. Rivillä "
            "Ei tiedossa ovat ne, joiden tasoa ei jonakin päivänä tiedetä. / A pupil is at each level that he or she "
            "has been at in the school year, so rows cannot be added up. Not known: those whose level is not known "
            "on some day.",
            columns=("school_year_start", "regime", "support_level_label"),
            metric="own_pupils",
            order=("school_year_start",),
        ),
        Chart(
            "published_support_since",
            "Tuen tasot 1.8.2025 alkaen (julkaistu) / Support levels since 1 August 2025 (published)",
            "reporting.support_levels",
            "line",
            ONE_ROW,
            x="count_day",
            series=("support_level_label",),
            metric="shown_share",
            filters=(ALL_GRADES, NEW, ("municipality", "==", "{municipality}")),
        ),
        Chart(
            "own_data_status",
            "Kuinka tuoreita tiedot ovat / How fresh the data is",
            "reporting.data_status",
            "table",
            "Aineistoittain. / By dataset.",
            columns=("dataset", "as_of", "last_status", "message_fi", "message_en"),
            order=("as_of",),
            filters=(("municipality", "==", "{municipality}"),),
            width=12,
        ),
    ),
)

DASHBOARDS = (REGION, MUNICIPALITY)
