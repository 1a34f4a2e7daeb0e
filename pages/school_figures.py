"""Figures of schools: sizes of classes, and who goes to school in which municipality."""

from pages import charts
from pages.figure_parts import figure, grid, known_share, largest, over_places, places_panel
from pages.figures import Cell, Figure, Source, known
from pages.labels import REGION


def group_sizes(source: Source) -> Figure | None:
    """Pupils by the size of their class on the latest count day."""
    day = source.latest("group_sizes", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    sizes = labels.order("group_size")

    def cell(size: str, place: str, column: str = "share") -> Cell:
        key = {"count_day": day, "municipality": place, "grade_band": "all", "group_size": size}
        return source.cell("group_sizes", column, **key)

    said = []
    if most := largest({size: cell(size, REGION) for size in sizes}):
        said.append(
            words(
                "group_sizes.most",
                when=words.day(day),
                name=labels.code("group_size", most),
                share=cell(most, REGION).text,
            )
        )
    panels = [
        places_panel(source, labels.code("group_size", size), over_places(cell, size, source.places)) for size in sizes
    ]
    table = grid(
        source,
        "group_sizes",
        [(labels.code("group_size", size), [cell(size, place) for place in source.places]) for size in sizes],
        [labels.place(place) for place in source.places],
        first=words("head.group_size"),
    )
    note = known_share(source, "class", cell("unknown", REGION))
    return figure(source, "group_sizes", said, charts.bars(panels), table, note, when=words.day(day))


def flows(source: Source) -> Figure | None:
    """Pupils by home and teaching municipality on the latest count day."""
    day = source.latest("home_and_teaching", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    rest = labels.order("home_category")
    homes = {row["home_municipality"] for row in source.published.rows("home_and_teaching", count_day=day)}
    ordered = [*sorted(homes - set(rest), key=labels.place), *(home for home in rest if home in homes)]

    def cell(home: str, place: str, column: str = "pupils") -> Cell:
        key = {"count_day": day, "home_municipality": home, "municipality": place, "grade_band": "all"}
        return source.cell("home_and_teaching", column, **key)

    said = []
    other = cell("other", REGION), cell("other", REGION, "share")
    if known(other):
        said.append(words("flows.other", when=words.day(day), pupils=other[0].text, share=other[1].text))
    table = grid(
        source,
        "flows",
        [(labels.place(home), [cell(home, place) for place in source.places]) for home in ordered],
        [labels.place(place) for place in source.places],
        first=words("head.home"),
    )
    note = known_share(source, "home", cell("unknown", REGION, "share"))
    return figure(source, "flows", said, [], table, note, when=words.day(day), extra=[words("flows.note")])
