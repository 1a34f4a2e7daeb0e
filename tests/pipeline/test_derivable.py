"""What can be worked out of withheld counts: known answers, and every small system against counting by hand."""

from collections.abc import Hashable, Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.derivable import Contradiction, Interval, Relation, intervals

PLACES = ("iceland", "portugal", "spain")


def table(young: tuple[int, int, int], old: tuple[int, int, int]) -> tuple[dict[Hashable, int], list[Relation]]:
    """Young and old over three places with all margins: the counts, and the sums that bind them."""
    counts: dict[Hashable, int] = {}
    for age, row in (("young", young), ("old", old)):
        counts |= {(age, place): value for place, value in zip(PLACES, row, strict=True)}
        counts[age, "all"] = sum(row)
    counts |= {("all", place): counts["young", place] + counts["old", place] for place in (*PLACES, "all")}
    ages = [Relation(("all", place), (("young", place), ("old", place))) for place in (*PLACES, "all")]
    places = [Relation((age, "all"), tuple((age, place) for place in PLACES)) for age in ("young", "old", "all")]
    return counts, [*ages, *places]


def derived(
    young: tuple[int, int, int], old: tuple[int, int, int], least: int, places: tuple[str, ...] = PLACES[:2]
) -> dict[Hashable, tuple[int, int | None]]:
    """What can be worked out when both ages of the places are withheld."""
    counts, relations = table(young, old)
    withheld = dict.fromkeys(product(("young", "old"), places), least)
    shown = {count: value for count, value in counts.items() if count not in withheld}
    found = intervals(shown, withheld, relations)
    assert all(interval.proven for interval in found.values())
    return {count: (interval.low, interval.high) for count, interval in found.items()}


def test_four_cells_of_a_table_whose_margins_are_shown() -> None:
    # 3 + 1 young: either can be 0 to 4, and the old follow from the places' totals 13 and 12.
    assert derived((3, 1, 17), (10, 11, 17), 0) == {
        ("young", "iceland"): (0, 4),
        ("young", "portugal"): (0, 4),
        ("old", "iceland"): (9, 13),
        ("old", "portugal"): (8, 12),
    }
    assert derived((2, 0, 5), (3, 4, 6), 0) == {
        ("young", "iceland"): (0, 2),
        ("young", "portugal"): (0, 2),
        ("old", "iceland"): (3, 5),
        ("old", "portugal"): (2, 4),
    }


def test_a_total_that_leaves_no_choice_gives_its_cells_away() -> None:
    # No young at all; and where nobody withholds a zero, two young are one in each.
    assert derived((0, 0, 5), (3, 4, 6), 0) == {
        ("young", "iceland"): (0, 0),
        ("young", "portugal"): (0, 0),
        ("old", "iceland"): (3, 3),
        ("old", "portugal"): (4, 4),
    }
    assert derived((1, 1, 7), (4, 3, 5), 1) == {
        ("young", "iceland"): (1, 1),
        ("young", "portugal"): (1, 1),
        ("old", "iceland"): (4, 4),
        ("old", "portugal"): (3, 3),
    }


def test_more_withheld_cells_leave_more_open() -> None:
    # 21 young in all: Iceland's 13 and Portugal's 12 are the ends now.
    found = derived((3, 1, 17), (10, 11, 17), 0, PLACES)
    assert (found["young", "iceland"], found["young", "portugal"]) == ((0, 13), (0, 12))


def test_whole_pupils_can_leave_less_than_linear_bounds() -> None:
    """(3, 2, 1, 2, 1, 2) with five sums shown, each count at least 1: x4 is exactly 2."""
    sums = {"a": (2, 3, 4), "b": (1, 2), "c": (2, 6), "d": (1, 3, 6), "e": (1, 2, 5)}
    values = dict(enumerate((3, 2, 1, 2, 1, 2), 1))
    shown = {"a": 5, "b": 5, "c": 4, "d": 6, "e": 6}
    assert {name: sum(values[part] for part in parts) for name, parts in sums.items()} == shown
    found = intervals(shown, dict.fromkeys(values, 1), [Relation(name, parts) for name, parts in sums.items()])
    assert found[4] == Interval(2, 2, proven=True)


def test_a_count_that_no_sum_binds_has_no_upper_end() -> None:
    assert intervals({}, {"x": 1}, []) == {"x": Interval(1, None, proven=True)}


def test_a_great_count_among_withheld_ones_contradicts_nothing() -> None:
    """All pupils are withheld with those of one level; what is shown are the other levels."""
    relations = [Relation("all", ("S0", "S1", "S2")), Relation("region", ("all", "elsewhere"))]
    shown = {"S1": 700, "region": 60_000}
    unknown = {"all": 1, "S0": 1, "S2": 1, "elsewhere": 1}
    found = intervals(shown, unknown, relations, enough=4)
    assert all(one.span >= 4 for one in found.values())


def test_an_end_that_the_solver_does_not_find_at_once_is_found() -> None:
    """Asked in this order, the solver once ended without a word. x0 + x3 + x5 = 12, each at least 1."""
    parts = {"a": (3, 5, 6), "b": (1, 3), "c": (1, 5, 6), "d": (1, 3, 4), "e": (0, 3, 5)}
    shown = {7: 12, "c": 7, "e": 12}
    unknown = dict.fromkeys((6, "a", 2, 1, 4, 0, "b", 5, 3, "d"), 1)
    found = intervals(shown, unknown, [Relation(name, ones) for name, ones in parts.items()])
    assert found[0] == Interval(1, 10, proven=True)
    assert found[2].high is None


def test_shown_counts_that_contradict_each_other_are_told() -> None:
    with pytest.raises(Contradiction):
        intervals({"t": 3, "a": 1, "b": 1}, {"x": 1}, [Relation("t", ("a", "b"))])
    with pytest.raises(Contradiction):
        intervals({"t": 3}, {"a": 2, "b": 2}, [Relation("t", ("a", "b"))])


def test_a_sum_of_a_count_that_nobody_named_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="b"):
        intervals({"t": 3}, {"a": 1}, [Relation("t", ("a", "b"))])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_every_small_system_is_bounded_as_by_counting(data: st.DataObject) -> None:
    least = data.draw(st.integers(0, 1), "least")
    counts = data.draw(st.lists(st.integers(least, 3), min_size=2, max_size=5), "counts")
    places = range(len(counts))
    sums = data.draw(st.lists(st.sets(st.sampled_from(list(places)), min_size=1), min_size=1, max_size=4), "sums")
    # Every count is in some sum, so that counting ends.
    parts = [tuple(sorted(one)) for one in [*sums, set(places)]]
    shown: Mapping[Hashable, int] = {f"sum {n}": sum(counts[p] for p in one) for n, one in enumerate(parts)}
    relations = [Relation(f"sum {n}", one) for n, one in enumerate(parts)]
    fitting = [
        values
        for values in product(range(least, sum(counts) + 1), repeat=len(counts))
        if all(sum(values[p] for p in one) == shown[f"sum {n}"] for n, one in enumerate(parts))
    ]
    expected = {p: (min(v[p] for v in fitting), max(v[p] for v in fitting)) for p in places}
    found = intervals(shown, dict.fromkeys(places, least), relations)
    assert {p: (interval.low, interval.high) for p, interval in found.items()} == expected
    assert all(interval.proven for interval in found.values())


def test_a_count_that_is_at_most_something_ends_there() -> None:
    relations = [Relation("all", ("a", "b"))]
    found = intervals({"all": 20}, {"a": 1, "b": 1}, relations, most={"a": 6})
    assert (found["a"].low, found["a"].high) == (1, 6)
    assert (found["b"].low, found["b"].high) == (14, 19)


@pytest.mark.parametrize(("total", "is_enough"), [(5, False), (6, True), (40, True)])
def test_what_is_seen_to_be_wide_enough_is_so(total: int, is_enough: bool) -> None:
    # Two counts of at least 1: the one can be 1 to total − 1, so 3, 4 and 38 apart.
    found = intervals({"all": total}, {"a": 1, "b": 1}, [Relation("all", ("a", "b"))], enough=4)
    assert {one.proven for one in found.values()} == {True}
    assert {one.span >= 4 for one in found.values()} == {is_enough}
    assert all(one.low >= 1 and one.high is not None and one.high <= total - 1 for one in found.values())
