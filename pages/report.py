"""The regional report, from schema `reporting` alone: its chapters, each of figures about one thing.

A figure's sentences are made from shown numbers only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from pages import attendance_figures, school_figures, support_figures
from pages.figures import Figure, Source


@dataclass(frozen=True)
class Section:
    """A chapter: figures about one thing. name: its anchor."""

    name: str
    heading: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Freshness:
    """How fresh a municipality's data is. as_of: of the oldest dataset."""

    place: str
    as_of: date | None
    messages: tuple[str, ...]


def sections(source: Source) -> tuple[Section, ...]:
    """The chapters of the report; a table without rows gives no figure, and a chapter without figures is left out."""
    chapters: Mapping[str, tuple[Callable[[Source], Figure | None], ...]] = {
        "attendance": (
            attendance_figures.absence_by_month,
            attendance_figures.absence_by_class,
            attendance_figures.absence_by_band,
        ),
        "tiers": (attendance_figures.tiers,),
        "support": (support_figures.levels_by_place, support_figures.levels_over_time),
        "together": (support_figures.absence_by_level, support_figures.tiers_by_level),
        "timeliness": (support_figures.timeliness,),
        "transition": (support_figures.transition_tiers, support_figures.transition_levels),
        "inclusion": (support_figures.inclusion,),
        "groups": (school_figures.group_sizes,),
        "flows": (school_figures.flows,),
    }
    made = (
        Section(
            name,
            source.words(f"section.{name}"),
            tuple(figure for make in makers if (figure := make(source)) is not None),
        )
        for name, makers in chapters.items()
    )
    return tuple(section for section in made if section.figures)


def data_status(source: Source) -> tuple[Freshness, ...]:
    """Each municipality's state by name; none before the first release."""
    column = f"message_{source.words.language}"
    return tuple(
        Freshness(
            source.labels.place(place),
            min((row["as_of"] for row in rows if row["as_of"]), default=None),
            tuple(dict.fromkeys(row[column] for row in rows)),
        )
        for place in source.places
        if (rows := source.published.rows("data_status", municipality=place))
    )
