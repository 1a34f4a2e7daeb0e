"""What the report says of published rows that are known only in part. The rows are written by hand, without a database,
and the arithmetic of each expected figure stands beside it."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pages import attendance_figures, support_figures
from pages.figures import Figure, Source
from pages.labels import codes, municipality_labels
from pages.language import Language, words
from pages.snapshot import Published
from pipeline.settings import PROJECT_ROOT

# 100 pupils of grade 6; in grade 7, 45 + 10 + 8 + 7 = 70 of them have a tier, and 30 have none.
TIERS_BEFORE = {"A0": 60, "A1": 20, "A2": 10, "A3": 10, "none": 0}
TIERS_AFTER = {"A0": 45, "A1": 10, "A2": 8, "A3": 7, "none": 10}
TIERS_AFTER |= {"other_grade": 5, "not_in_region": 10, "not_reported": 5}
# Of the same pupils 10 + 5 = 15 of 90 have a decision in grade 6, 18 + 6 = 24 of 80 in grade 7.
LEVELS_BEFORE = {"S0": 60, "S1": 15, "S2": 10, "S3": 5, "unknown": 10}
LEVELS_AFTER = {"S0": 56, "S1": None, "S2": 18, "S3": 6, "unknown": 10}
LEVELS_AFTER |= {"other_grade": 2, "not_in_region": 3, "not_reported": 5}
WITHHELD: Mapping[str, Any] = {"pupils": None, "share": None, "suppressed": True}


def source_of(language: Language = "en", **tables: Iterable[Mapping[str, Any]]) -> Source:
    """The published tables as the pages have them."""
    labels = municipality_labels(words(language), PROJECT_ROOT / "municipalities")
    return Source(Published(None, {name: list(rows) for name, rows in tables.items()}), labels)


def made(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def text_of(figure: Figure) -> str:
    """Everything that the figure says, with the spaces of a keyboard."""
    return " ".join((*figure.sentences, *figure.notes)).replace("\u00a0", " ")


def row_of(figure: Figure, name: str) -> list[str]:
    cells = dict(figure.table.rows)[name]
    return [cell.marked.replace("\u00a0", " ") for cell in cells]


def moves(
    measure: str,
    before: Mapping[str, int | None],
    after: Mapping[str, int | None],
    withheld: frozenset[tuple[str, str]] = frozenset(),
    population: int = 100,
) -> list[dict[str, Any]]:
    """The region's rows of a cohort; a count that is None is that of a level which the law does not know."""
    return [
        {
            "school_year": 2025,
            "municipality": "region",
            "moment": moment,
            "measure": measure,
            "category": category,
            "pupils": pupils,
            "population": population,
            "share": None if pupils is None else Decimal(pupils) / population,
            "suppressed": False,
            "null_reason": "not_in_regime" if pupils is None else None,
            "as_of": date(2026, 1, 20),
        }
        | (WITHHELD if (moment, category) in withheld else {})
        for moment, counts in (("before", before), ("after", after))
        for category, pupils in counts.items()
    ]


def tiers_moved(language: Language = "en", *withheld: tuple[str, str]) -> Figure:
    rows = moves("tier", TIERS_BEFORE, TIERS_AFTER, frozenset(withheld))
    return made(support_figures.transition_tiers(source_of(language, transition_to_grade_7=rows)))


def levels_moved(*withheld: tuple[str, str]) -> Figure:
    rows = moves("support_level", LEVELS_BEFORE, LEVELS_AFTER, frozenset(withheld))
    return made(support_figures.transition_levels(source_of(transition_to_grade_7=rows)))


def test_absences_before_and_after_the_move_are_of_those_with_a_tier() -> None:
    # (10 + 10) / 100 = 20.0 %, and (8 + 7) / 70 = 21.43 %: a rise, though 15 / 100 of the cohort would be a fall.
    assert tiers_moved().sentences[:2] == (
        "Of the pupils with a tier in grade 6, 20.0% were absent from at least 10% of their lessons; of those of the "
        "same pupils with a tier in grade 7, 21.4%.",
        # 100 - 70 = 30.
        "30.0% of the pupils of grade 6 have no tier in grade 7; they are not in the share of grade 7.",
    )
    finnish = " ".join(tiers_moved("fi").sentences).replace("\u00a0", " ")
    assert "osuus oli 21,4 % niistä" in finnish
    assert "30,0 %:lla" in finnish
    assert "15,0 %" not in finnish


def test_who_is_not_among_the_counted_pupils_is_not_said_to_have_gone() -> None:
    assert tiers_moved().sentences[2] == (
        "10.0% of the pupils of grade 6 are not among the region's counted pupils in grade 7 (left the region, taught "
        "at home or without a grade)."
    )


def test_of_how_many_the_tier_after_the_move_is_known_is_their_sum() -> None:
    # 70 of 100, although only 10 are in the category `none`.
    assert "Coverage: 70.0% of the pupils of grade 6 have a tier in grade 7." in tiers_moved().notes
    assert "porras on 70,0 %:lla kevään kuudesluokkalaisista." in text_of(tiers_moved("fi"))


def test_a_withheld_tier_leaves_the_move_untold() -> None:
    for hidden in ("A0", "A2"):
        figure = tiers_moved("en", ("after", hidden))
        said = text_of(figure)
        assert "have a tier in grade 7 cannot be told" in said
        assert not any(wrong in said for wrong in ("21.4%", "20.0%", "70.0%", "30.0%"))
    # A withheld category that is no tier changes nothing that is worked out of the tiers.
    assert "Coverage: 70.0%" in text_of(tiers_moved("en", ("after", "none")))
    # What is withheld before leaves the comparison out, and nothing else.
    before = text_of(tiers_moved("en", ("before", "A1")))
    assert "21.4%" not in before
    assert "Coverage: 70.0%" in before


def test_a_share_of_fewer_than_ten_with_a_tier_is_not_said() -> None:
    # 4 + 0 + 5 + 0 = 9 have a tier; 9 / 40 = 22.5 % of the cohort.
    after = {"A0": 4, "A1": 0, "A2": 5, "A3": 0, "none": 31, "other_grade": 0, "not_in_region": 0}
    rows = moves("tier", {"A0": 30, "A1": 0, "A2": 10, "A3": 0, "none": 0}, after, population=40)
    said = text_of(made(support_figures.transition_tiers(source_of(transition_to_grade_7=rows))))
    assert "at least 10%" not in said
    assert "Coverage: 22.5%" in said


def test_nobody_is_said_to_have_no_tier_where_everybody_has_one() -> None:
    after = {"A0": 80, "A1": 0, "A2": 20, "A3": 0, "none": 0, "other_grade": 0, "not_in_region": 0}
    rows = moves("tier", TIERS_BEFORE, after)
    figure = made(support_figures.transition_tiers(source_of(transition_to_grade_7=rows)))
    assert "no tier" not in " ".join(figure.sentences)
    assert "Coverage: 100.0%" in text_of(figure)
    # A total that is corrected before its parts: 100 of 98 are no more than all.
    corrected = [row | {"population": 98} for row in rows]
    figure = made(support_figures.transition_tiers(source_of(transition_to_grade_7=corrected)))
    assert "Coverage: 100.0%" in text_of(figure)


def test_support_before_and_after_the_move_is_of_those_whose_level_is_known() -> None:
    # 15 / 90 = 16.67 %; 24 / 80 = 30.0 %; 100 - 80 = 20 without a known level, of whom 10 are in `unknown`. S1 is no
    # level of the law of 2025, so that its null hides nothing.
    assert levels_moved().sentences[:3] == (
        "On 31 May 2025, 16.7% of the region's pupils in grade 6 whose level of support was known had support by "
        "decision.",
        "On 31 December 2025, 30.0% of the same pupils whose level was known in grade 7 had support by decision.",
        "20.0% of the pupils of grade 6 have no known level in grade 7; they are not in the share of grade 7.",
    )
    assert "Coverage: the level of support in grade 7 is known of 80.0% of the pupils of grade 6." in (
        levels_moved().notes
    )
    hidden = text_of(levels_moved(("after", "S0")))
    assert "30.0%" not in hidden
    assert "of how many of the pupils of grade 6 the level in grade 7 is known cannot be told" in hidden


def test_every_category_of_the_move_has_a_row() -> None:
    names = [name for name, _ in tiers_moved().table.rows]
    assert set(names) >= {line["label_en"] for line in codes("transition_category").values()}


def rates(month: date, of: Mapping[str, tuple[str, str, str | None]]) -> list[dict[str, Any]]:
    """Rows of all absences: place → (rate, coverage, the municipalities in the figure)."""
    return [
        {
            "month": month,
            "municipality": place,
            "grade_band": band,
            "absence_class": absence_class,
            "absence_rate": Decimal(rate),
            "coverage": Decimal(coverage),
            "municipalities": among,
            "suppressed": False,
            "null_reason": None,
            "as_of": date(2026, 1, 20),
        }
        for place, (rate, coverage, among) in of.items()
        for band in ("all", "1-2")
        for absence_class in ("all", "health", "unauthorised")
    ]


# Varkaus reported a twentieth of its lessons and is in no figure of the region.
DECEMBER = rates(
    date(2025, 12, 1),
    {
        "iisalmi": ("0.05", "0.8", "iisalmi"),
        "kuopio": ("0.06", "1", "kuopio"),
        "region": ("0.058", "0.99", "iisalmi,kuopio"),
        "varkaus": ("0.3", "0.05", "varkaus"),
    },
)


def test_only_municipalities_in_the_regions_figure_are_ranked() -> None:
    figure = made(attendance_figures.absence_by_month(source_of(attendance_monthly=DECEMBER)))
    assert figure.sentences[1:] == (
        "Most absences: Kuopio (6.0%); fewest: Iisalmi (5.0%).",
        "Not in the region's figure, and so not compared: Varkaus.",
    )
    finnish = made(attendance_figures.absence_by_month(source_of("fi", attendance_monthly=DECEMBER)))
    assert "Eniten poissaoloja: Kuopio (6,0 %); vähiten: Iisalmi (5,0 %)." in text_of(finnish)
    assert "Ei alueen luvussa eikä siksi vertailussa: Varkaus." in text_of(finnish)


def test_one_that_is_not_in_the_regions_figure_hides_no_rank_of_others() -> None:
    rows = [row | (WITHHELD | {"absence_rate": None} if row["municipality"] == "varkaus" else {}) for row in DECEMBER]
    figure = made(attendance_figures.absence_by_month(source_of(attendance_monthly=rows)))
    assert "Most absences: Kuopio (6.0%); fewest: Iisalmi (5.0%)." in figure.sentences
    rows = [row | (WITHHELD | {"absence_rate": None} if row["municipality"] == "kuopio" else {}) for row in DECEMBER]
    figure = made(attendance_figures.absence_by_month(source_of(attendance_monthly=rows)))
    assert "Most absences" not in text_of(figure)


def test_each_rate_has_its_coverage_beside_it_and_a_mark_where_that_is_too_low() -> None:
    source = source_of(attendance_monthly=DECEMBER)
    # The places in the order of their names, the region first; 80 % is enough.
    figure = made(attendance_figures.absence_by_month(source))
    assert row_of(figure, "December 2025") == ["5.8%", "5.0%", "6.0%", "30.0%*"]
    assert row_of(figure, "December 2025: coverage") == ["99.0%", "80.0%", "100.0%", "5.0%"]
    note = "* Coverage is under 80%: so little is reported that the number cannot be compared with others."
    assert note in figure.notes
    by_class = made(attendance_figures.absence_by_class(source))
    assert row_of(by_class, codes("absence_class")["health"]["label_en"]) == ["5.8%", "5.0%", "6.0%", "30.0%*"]
    assert row_of(by_class, "All absences: coverage") == ["99.0%", "80.0%", "100.0%", "5.0%"]
    by_band = made(attendance_figures.absence_by_band(source))
    assert row_of(by_band, "Grades 1–2") == ["5.8%", "5.0%", "6.0%", "30.0%*"]
    assert row_of(by_band, "Grades 1–2: coverage") == ["99.0%", "80.0%", "100.0%", "5.0%"]
    assert any(">30.0%*<" in picture for picture in by_band.pictures)
    # Nobody is marked where everybody reported enough.
    enough = [row for row in DECEMBER if row["municipality"] != "varkaus"]
    figure = made(attendance_figures.absence_by_month(source_of(attendance_monthly=enough)))
    assert "*" not in text_of(figure)
    assert "Not in the region's figure" not in text_of(figure)


def test_absences_by_level_have_their_coverage_beside_them() -> None:
    rows = [
        {
            "month": date(2025, 12, 1),
            "municipality": place,
            "grade_band": "all",
            "support_level": "S2",
            "absence_rate": Decimal(rate),
            "coverage": Decimal(coverage),
            "suppressed": False,
            "null_reason": None,
            "as_of": date(2026, 1, 20),
        }
        for place, rate, coverage in (("region", "0.1", "0.9"), ("varkaus", "0.4", "0.05"))
    ]
    figure = made(support_figures.absence_by_level(source_of(attendance_by_support_level=rows)))
    assert row_of(figure, "Support by decision") == ["10.0%", "40.0%*"]
    assert row_of(figure, "Support by decision: coverage") == ["90.0%", "5.0%"]


def tiers_to(end: date, often: str) -> list[dict[str, Any]]:
    """The region's tiers of a month, with that share in A2 and nobody in A3."""
    return [
        {
            "period_type": "month",
            "period_start": end.replace(day=1),
            "period_end": end,
            "municipality": "region",
            "grade_band": "all",
            "tier": tier,
            "share": Decimal(share),
            "suppressed": False,
            "null_reason": None,
            "as_of": end,
        }
        for tier, share in {"A0": str(1 - Decimal(often)), "A1": "0", "A2": often, "A3": "0", "none": "0"}.items()
    ]


def test_the_february_of_the_year_before_a_leap_year_ends_on_its_28th() -> None:
    rows = tiers_to(date(2028, 2, 29), "0.1") + tiers_to(date(2027, 2, 28), "0.2")
    figure = made(attendance_figures.tiers(source_of(attendance_tiers=rows)))
    assert "A year earlier, in the same period, the share was 20.0%." in figure.sentences


def test_the_february_of_a_leap_year_before_ends_on_its_29th() -> None:
    rows = tiers_to(date(2029, 2, 28), "0.1") + tiers_to(date(2028, 2, 29), "0.3")
    figure = made(attendance_figures.tiers(source_of(attendance_tiers=rows)))
    assert "A year earlier, in the same period, the share was 30.0%." in figure.sentences


def taught(pupils_unknown: Mapping[str, int | None], day: date = date(2026, 9, 20)) -> list[dict[str, Any]]:
    """Half of the decisions in each of two places, in each regime of the day: place → whose support is not known."""
    regimes = ("2011", "2025") if day <= date(2026, 7, 31) else ("2025",)
    return [
        {
            "count_day": day,
            "municipality": place,
            "grade_band": "all",
            "regime": code["regime"],
            "place": name,
            "pupils": 10 if name in ("placement_1", "placement_2", "special_class", "small_group") else 0,
            "population": 20,
            "pupils_unknown": unknown,
            "share": Decimal("0.5") if name in ("placement_1", "placement_2", "special_class", "small_group") else 0,
            "suppressed": unknown is None,
            "as_of": date(2026, 9, 25),
        }
        for place, unknown in pupils_unknown.items()
        for name, code in codes("inclusion_place").items()
        if code["regime"] in regimes
    ]


def inclusion_of(rows: list[dict[str, Any]], language: Language = "en") -> Figure:
    return made(support_figures.inclusion(source_of(language, inclusion=rows)))


def test_how_many_have_an_unknown_place_of_teaching_is_said() -> None:
    rows = taught({"kuopio": 1200, "region": 1234})
    assert (
        "Coverage: 1,234 pupils are not in these numbers, because their support on that day is not known."
        in inclusion_of(rows).notes
    )
    assert "luvuista puuttuu 1 234 oppilasta, joiden tuesta ei tuona päivänä ole tietoa." in text_of(
        inclusion_of(rows, "fi")
    )
    assert row_of(inclusion_of(rows), "Pupils whose support is not known (number)") == ["1,234", "1,200"]
    assert "of every pupil is known" not in text_of(inclusion_of(rows))


def test_a_withheld_number_of_unknown_pupils_is_not_shown_and_nobody_is_said_to_be_known() -> None:
    figure = inclusion_of(taught({"region": None}))
    assert "How many they are is not shown." in text_of(figure)
    assert "of every pupil is known" not in text_of(figure)
    assert row_of(figure, "Pupils whose support is not known (number)") == ["withheld"]
    assert "Heidän määräänsä ei näytetä." in text_of(inclusion_of(taught({"region": None}), "fi"))
    # A release from before the column was there tells as little.
    older = [{name: value for name, value in row.items() if name != "pupils_unknown"} for row in taught({"region": 0})]
    assert "How many they are is not shown." in text_of(inclusion_of(older))


def test_everybody_is_known_only_where_nobody_is_unknown() -> None:
    assert "Coverage: the level of support of every pupil is known." in inclusion_of(taught({"region": 0})).notes


def test_unknown_pupils_are_said_beside_a_missing_placement_too() -> None:
    figure = inclusion_of(taught({"region": 30}, date(2025, 9, 20)))
    # Nobody is in `placement_missing`.
    assert "the place is known of 100.0% of those with a decision by the earlier law" in text_of(figure)
    assert "30 pupils are not in these numbers" in text_of(figure)


def test_the_timeliness_note_says_which_starts_cannot_be_counted() -> None:
    row = {
        "month": date(2025, 10, 1),
        "municipality": "region",
        "grade_band": "all",
        "horizon": 30,
        "pupils": 20,
        "started": 10,
        "share_started": Decimal("0.5"),
        "municipalities": "kuopio",
        "suppressed": False,
        "null_reason": None,
        "as_of": date(2026, 1, 20),
    }
    english = text_of(made(support_figures.timeliness(source_of("en", support_timeliness=[row]))))
    assert "A start on a day on which the level is not known cannot be counted" in english
    finnish = text_of(made(support_figures.timeliness(source_of("fi", support_timeliness=[row]))))
    assert "Jos tuki alkaa päivänä, jona tasoa ei tiedetä, sen alkamista ei voida laskea mukaan" in finnish
