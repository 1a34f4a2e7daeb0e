"""Which counts are withheld: every choice is put to the audit's arithmetic, which shares no code with it."""

from collections.abc import Hashable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.derivable import Relation, intervals
from pipeline.withholding import SPAN, CannotProtect, Release, Sum, withheld


def margins(rows: list[list[int]]) -> Release:
    """A table with its margins: counts (row, column), `all` for a sum."""
    names = [*map(str, range(len(rows)))]
    columns = [*map(str, range(len(rows[0])))]
    values: dict[Hashable, int] = {
        (name, column): value
        for name, row in zip(names, rows, strict=True)
        for column, value in zip(columns, row, strict=True)
    }
    for name in names:
        values[name, "all"] = sum(values[name, column] for column in columns)
    for column in (*columns, "all"):
        values["all", column] = sum(values[name, column] for name in names)
    sums = [Sum((name, "all"), tuple((name, column) for column in columns)) for name in (*names, "all")]
    sums += [Sum(("all", column), tuple((name, column) for name in names)) for column in (*columns, "all")]
    return Release(values, sums)


def small(release: Release) -> frozenset[Hashable]:
    return frozenset(count for count, value in release.values.items() if 1 <= value <= 4)


def spans(release: Release, hidden: frozenset[Hashable]) -> dict[tuple[str, Hashable], float]:
    """(attacker, withheld count) → how far its values lie apart, by the audit."""
    relations = [Relation(one.total, one.parts) for one in release.sums]
    found = {}
    for attacker, known in release.attackers.items():
        # Where a nought is withheld too, a reader cannot rule it out.
        unknown = {count: min(release.least.get(count, 1), release.values[count]) for count in hidden - known}
        shown = {count: value for count, value in release.values.items() if count not in unknown}
        for count, interval in intervals(shown, unknown, relations).items():
            assert interval.proven
            found[attacker, count] = interval.span
    return found


def test_nothing_small_nothing_withheld() -> None:
    assert withheld(margins([[5, 9], [7, 6]]), frozenset()) == frozenset()


def test_one_small_count_takes_three_more_with_it() -> None:
    """3 of a 3 × 3 table with margins: its row and its column each lose one more, and where those meet, one."""
    release = margins([[3, 20, 30], [40, 50, 60], [70, 80, 90]])
    hidden = withheld(release, small(release))
    assert len(hidden) == 4
    # The cheapest: 20 and 40 rather than 30 and 70, and 50 where they meet.
    assert hidden == {("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")}
    assert min(spans(release, hidden).values()) >= SPAN


def test_an_insider_who_knows_the_other_part_is_an_attacker_too() -> None:
    """Two municipalities have 2 + 30 of a region's 32: the one with 30 would know the other's 2 from the total."""
    values: dict[Hashable, int] = {"a": 2, "b": 30, "region": 32}
    sums = [Sum("region", ("a", "b"))]
    outsider = Release(values, sums)
    assert withheld(outsider, frozenset({"a"})) == {"a", "b"}
    insider = Release(values, sums, attackers={"outsider": frozenset(), "b": frozenset({"b"})})
    assert withheld(insider, frozenset({"a"})) == {"a", "region"}


def test_what_was_published_before_stays_shown() -> None:
    release = margins([[3, 20, 30], [40, 50, 60], [70, 80, 90]])
    kept = Release(release.values, release.sums, fixed=frozenset({("0", "1"), ("1", "0")}))
    hidden = withheld(kept, small(kept))
    assert not hidden & kept.fixed
    assert min(spans(kept, hidden).values()) >= SPAN


def test_a_count_that_is_uncertain_only_in_parts_of_pupils_is_not_left_so() -> None:
    """Of seven counts bound by six sums two are small. With all seven withheld fractions leave each of the two room for
    4, and whole pupils less, so something else must go as well."""
    parts = {"a": (1, 4, 6), "b": (0, 1, 3), "c": (1, 3, 6), "d": (1, 3, 4), "e": (3, 5, 6), "f": (1, 2)}
    values: dict[Hashable, int] = dict(enumerate((12, 4, 6, 4, 12, 4, 4)))
    values |= {name: sum(values[one] for one in ones) for name, ones in parts.items()}
    release = Release(values, [Sum(name, ones) for name, ones in parts.items()])
    hidden = withheld(release, small(release))
    assert min(spans(release, hidden).values()) >= SPAN


def test_where_nothing_may_be_withheld_nothing_can_be_protected() -> None:
    release = margins([[3, 20], [40, 50]])
    everything_else = frozenset(release.values) - small(release)
    with pytest.raises(CannotProtect, match="outsider"):
        withheld(Release(release.values, release.sums, fixed=everything_else), small(release))


def test_a_nought_is_never_withheld() -> None:
    release = margins([[3, 0, 30], [0, 50, 60], [70, 80, 90]])
    hidden = withheld(release, small(release))
    assert not {("0", "1"), ("1", "0")} & hidden
    assert min(spans(release, hidden).values()) >= SPAN


def test_where_nothing_else_can_hide_it_a_nought_does() -> None:
    # All but the four corners were published: what 3 gains its row's 30 loses, and 40 below loses to the nought.
    table = margins([[3, 50, 30], [20, 60, 70], [40, 80, 0]])
    corners = frozenset(product("02", "02"))
    release = Release(table.values, table.sums, fixed=frozenset(table.values) - corners)
    hidden = withheld(release, small(release))
    assert hidden == corners
    assert min(spans(release, hidden).values()) >= SPAN


def test_who_is_in_one_table_and_not_in_another_is_not_told_by_their_difference() -> None:
    # 20 in grades 3–6 and 18 of them in grade 6: two are in 3–5, which no table shows.
    values: dict[Hashable, int] = {"3-6": 20, "6": 18, "3-5": 2, "7-9": 40, "all": 60}
    sums = [Sum("3-6", ("6", "3-5")), Sum("all", ("3-6", "7-9"))]
    unseen = frozenset({"3-5"})
    assert withheld(Release(values, sums, unseen=unseen), frozenset()) == frozenset()
    hidden = withheld(Release(values, sums, unseen=unseen, spans={"3-5": SPAN}), frozenset())
    # One withheld count is enough, since it moves with the two.
    assert hidden == {"6"}


def test_a_count_of_which_a_reader_knows_the_most_has_no_room_above_it() -> None:
    values: dict[Hashable, int] = {"a": 3, "b": 30, "all": 33}
    release = Release(values, [Sum("all", ("a", "b"))], most={"a": 4})
    with pytest.raises(CannotProtect, match="a against outsider"):
        withheld(release, frozenset({"a"}))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=4), min_size=2, max_size=4).filter(
        lambda rows: len({len(row) for row in rows}) == 1
    ),
    st.booleans(),
)
def test_every_choice_passes_the_audit(rows: list[list[int]], insiders: bool) -> None:
    """Random tables; with insiders, each row is a municipality that knows its own counts."""
    plain = margins(rows)
    attackers: dict[str, frozenset[Hashable]] = {"outsider": frozenset()}
    if insiders:
        columns = [*map(str, range(len(rows[0]))), "all"]
        attackers |= {name: frozenset(product([name], columns)) for name in map(str, range(len(rows)))}
    release = Release(plain.values, plain.sums, attackers=attackers)
    try:
        hidden = withheld(release, small(release))
    except CannotProtect:
        # With few large counts there may be nothing to hide behind; then nothing is released at all.
        return
    assert small(release) <= hidden
    assert min(spans(release, hidden).values(), default=SPAN) >= SPAN
