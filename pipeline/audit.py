"""The audit of what is about to be shown: what can be worked out of it, and of all that was ever published.

It reads the tables as their readers do, finds by itself what adds up to what, and shares no code with the protection.
Nothing is released that it does not pass.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipeline.derivable import Contradiction, Interval, Relation, intervals
from pipeline.witnesses import NotFitting, without_proof

# The least distance between the greatest and the least value that a withheld count can have (docs/definitions.md §4).
ENOUGH = 4
# A count that keeps its published value is by less than this away from it.
_PENDING_WITHIN = 4
# With more municipalities than this, what has a proof near by is not looked at once for each of them.
_MANY = 16
_BANDS = {"1-2", "3-6", "7-9"}
# Category columns and the table's day: where the rows of a table say the same of the same pupils.
_DAYS = {
    "attendance_monthly": "month",
    "attendance_by_support_level": "month",
    "attendance_tiers": "period_end",
    "tiers_by_support_level": "period_end",
    "support_levels": "count_day",
    "home_and_teaching": "count_day",
    "inclusion": "count_day",
    "group_sizes": "count_day",
}
_AXES = {
    "support_level": "level",
    "home_municipality": "home",
    "regime": "regime",
    "place": "spot",
    "group_size": "size",
}

# Reasons that tell that a row has no lessons, or none that were reported.
_TELLING_REASONS = {"nothing_scheduled", "not_reported"}

# Places of teaching that only pupils with S3 have: one of the regime of 2025, one of that of 2011.
_PLACES_OF_S3 = {"special_class", "placement_1"}

# What names a count without being a category that others stand beside.
_NO_AXES = frozenset(("of", "day", "who", "band", "then", "reached", "since"))

Cell = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """A count in a table: what readers see of it (None: withheld), what it is in truth, and whether they are told that
    a correction of it may be pending."""

    shown: int | None
    truth: int
    pending: bool = False


@dataclass(frozen=True)
class Finding:
    """A count that somebody can work out. attacker: who; cell: which; what: what is wrong, without any number."""

    attacker: str
    cell: str
    what: str


def audit(
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    truths: Mapping[str, Sequence[Mapping[str, Any]]],
    municipalities: Sequence[str],
    before: Mapping[Cell, Seen] | None = None,
    largest: Mapping[tuple[date, str, str, str], float] | None = None,
    parts: Mapping[tuple[str, str, date, str, str, str], int] | None = None,
) -> list[Finding]:
    """What somebody can work out of the tables, for the outsider and each municipality; empty when it is safe.

    tables: table → rows as they are to be shown; truths: the same rows before protection. before: what was published
    earlier of counts that hang together with these (`cells` of those rows). largest: (month, municipality or `region`,
    grade band, absence class) → the most lessons that any one pupil holds of the sum. parts: (municipality, period
    type, last day, grade band, support level, tier) → pupils, of what is shown for the region only.
    """
    seen = dict(before or {})
    for cell, one in cells(tables, truths).items():
        seen[cell] = one
    relations, extra = _relations(seen)
    own = _own_parts(seen, parts or {})
    seen |= extra
    findings = [*_seen_to_be_alike(seen), *_held_by_one(tables.get("attendance_monthly", ()), largest or {})]
    findings += _few_others(own, seen, before or {})
    for table, rows in tables.items():
        findings += _told_by_reasons(table, rows, truths[table])
    findings += _told_by_classes(tables.get("group_sizes", ()), truths.get("group_sizes", ()))
    alike = _noughts_of_the_alike(seen)
    known = _known_to_each(("outsider", *municipalities), seen, relations, set(extra))
    relations = [one for one in relations if _holds(one, seen)]
    doubtful = _without_proof(known, own, seen, relations, set(extra), alike) if len(municipalities) > _MANY else {}
    for attacker, certain in known.items():
        wanted = doubtful.get(attacker)
        if wanted is None or wanted:
            at_least = own.get(attacker, {})
            findings += _worked_out(attacker, certain, at_least, seen, relations, set(extra), alike, wanted)
    return findings


def cells(
    tables: Mapping[str, Sequence[Mapping[str, Any]]], truths: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[Cell, Seen]:
    """The counts of the rows, by what they say of whom. Raises Contradiction when two places of one count differ."""
    found: dict[Cell, Seen] = {}
    for table, rows in tables.items():
        everywhere = _rows_everywhere(truths[table])
        for row, truth in zip(rows, truths[table], strict=True):
            for column, said in _said(table, truth, everywhere):
                if truth[column] is None:
                    continue
                cell = tuple(sorted(said.items()))
                pending = bool(row.get("correction_pending")) and row[column] is not None
                if cell in found:
                    # A reader cannot tell which count of a flagged row waits; one in another row too does not.
                    pending = pending and found[cell].pending
                    if found[cell].shown != row[column]:
                        raise Contradiction(f"{table}.{column} and another table show one count in two ways: {cell}")
                found[cell] = Seen(row[column], int(truth[column]), pending)
    return found


def _rows_everywhere(rows: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    names: dict[Any, set[str]] = defaultdict(set)
    for row in rows:
        if row.get("municipality") not in (None, "region"):
            names[row.get("count_day", row.get("school_year"))].add(row["municipality"])
    return {when: ",".join(sorted(found)) for when, found in names.items()}


def _said(table: str, row: Mapping[str, Any], everywhere: Mapping[Any, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(count column, what it says of whom) of a row."""
    if table == "data_status" or "municipality" not in row:
        return
    who = row["municipality"]
    if who == "region":
        who = (
            row["municipalities"]
            if "municipalities" in row
            else everywhere[row.get("count_day", row.get("school_year"))]
        )
    if not who:
        return
    base = {"who": who, "band": row.get("grade_band", "6")}
    if table == "support_timeliness":
        reach = base | {"of": "reach", "day": str(row["month"])}
        yield "pupils", reach | {"reached": "lower"}
        yield "pupils_at_highest", reach | {"reached": "highest"}
        yield "pupils_unknown", reach | {"reached": "unknown"}
        yield "started", reach | {"reached": "lower", "started": f"{row['horizon']:03}"}
    elif table == "transition_to_grade_7":
        cohort = base | {"of": "pupils", "day": f"{row['school_year']}-05-31"}
        yield "population", cohort
        axis = "level" if row["measure"] == "support_level" else "school_year"
        moment = {} if row["moment"] == "before" else {"then": "after"}
        yield "pupils", cohort | moment | {axis: row["category"]}
    else:
        day = row[_DAYS[table]]
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1) if "month" in row else day
        people = base | {"of": "pupils", "day": str(day)}
        axes = {name: str(row[column]) for column, name in _AXES.items() if column in row and table != "support_levels"}
        axes |= {"level": row["support_level"]} if table == "support_levels" else {}
        if table != "inclusion":
            axes.pop("regime", None)
            axes.pop("spot", None)
        if "tier" in row:
            axes[row["period_type"]] = row["tier"]
        if table == "attendance_monthly":
            yield "pupils", people
            absent = people | {"of": "absent"}
            yield (
                "pupils_with_absence",
                absent | ({} if row["absence_class"] == "all" else {"for": row["absence_class"]}),
            )
            return
        yield "pupils", people | axes
        if table == "inclusion":
            yield "pupils_unknown", people | {"level": "unknown"}
        if "population" in row:
            finest = {"inclusion": "spot", "tiers_by_support_level": row.get("period_type")}.get(table)
            kept = {name: one for name, one in axes.items() if finest and name != finest}
            yield "population", people | kept


def _relations(seen: Mapping[Cell, Seen]) -> tuple[list[Relation], dict[Cell, Seen]]:
    """What adds up to what, and the counts that stand in no table but bind those that do."""
    relations: list[Relation] = []
    extra: dict[Cell, Seen] = {}

    def unseen(cell: dict[str, str], truth: int) -> Cell:
        key = tuple(sorted(cell.items()))
        extra[key] = Seen(None, truth)
        return key

    families: dict[tuple[str, Cell], list[Cell]] = defaultdict(list)
    for cell in seen:
        said = dict(cell)
        for axis in said.keys() - _NO_AXES - {"regime", "for", "started"} | {"band"}:
            if axis == "band" and said["band"] not in _BANDS:
                continue
            whole = {name: one for name, one in said.items() if name != axis} | (
                {"band": "all"} if axis == "band" else {}
            )
            if said.get("then") and axis != "band":
                whole.pop("then")
            families[f"{axis} {said.get('then', '')}", tuple(sorted(whole.items()))].append(cell)
        names = said["who"].split(",")
        parts = [tuple(sorted((said | {"who": name}).items())) for name in names]
        if len(names) > 1 and all(part in seen for part in parts):
            relations.append(Relation(cell, tuple(parts)))
        if said["band"] == "6":
            wider = tuple(sorted((said | {"band": "3-6"}).items()))
            if wider in seen and "then" not in said:
                rest = unseen(said | {"band": "3-5"}, seen[wider].truth - seen[cell].truth)
                relations.append(Relation(wider, (cell, rest)))
        if "for" in said:
            everybody = tuple(sorted((name, one) for name, one in said.items() if name != "for"))
            if everybody in seen:
                rest = unseen(said | {"for": f"not {said['for']}"}, seen[everybody].truth - seen[cell].truth)
                relations.append(Relation(everybody, (cell, rest)))
    for (axis, total), members in families.items():
        if total in seen and (not axis.startswith("band") or len(members) == len(_BANDS)):
            relations.append(Relation(total, tuple(members)))
    _bind_classes(seen, relations, unseen)
    _bind_decisions(seen, relations, unseen)
    _bind_places(seen, relations, unseen)
    _bind_starts(seen, relations, unseen)
    return relations, extra


def _bind_classes(seen: Mapping[Cell, Seen], relations: list[Relation], unseen: Any) -> None:
    """Everybody who was absent was so for one class at least: together the classes hold no fewer. A class that some of
    the municipalities do not collect stands under the names of the others."""
    # (who is absent, but for the municipalities) → class → municipalities → cell; class "" is everybody.
    absent: dict[Cell, dict[str, dict[frozenset[str], Cell]]] = defaultdict(lambda: defaultdict(dict))
    for cell in seen:
        said = dict(cell)
        if said["of"] == "absent":
            people = tuple(part for part in cell if part[0] not in ("for", "who"))
            absent[people][said.get("for", "")][frozenset(said["who"].split(","))] = cell
    for by_class in absent.values():
        for names, everybody in by_class.pop("", {}).items():
            members: list[Cell] = []
            for cells in by_class.values():
                collecting = {name for who in cells if len(who) == 1 for name in who & names}
                members += [cell for who, cell in cells.items() if collecting and collecting <= who <= names][:1]
                if collecting and not any(collecting <= who <= names for who in cells):
                    break
            else:
                times = sum(seen[one].truth for one in members)
                marks = unseen(dict(everybody) | {"for": "each class"}, times)
                more = unseen(dict(everybody) | {"for": "another class too"}, times - seen[everybody].truth)
                relations += [Relation(marks, tuple(members)), Relation(marks, (everybody, more))]


def _bind_decisions(seen: Mapping[Cell, Seen], relations: list[Relation], unseen: Any) -> None:
    """Those with S2 or S3 are those with a decision, of whichever regime."""
    regimes: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in seen:
        said = dict(cell)
        if "regime" in said and "spot" not in said:
            regimes[tuple(one for one in cell if one[0] != "regime")].append(cell)
    for people, members in regimes.items():
        levels = tuple(tuple(sorted((*people, ("level", level)))) for level in ("S2", "S3"))
        if all(level in seen for level in levels):
            decided = unseen(dict(people) | {"regime": "any"}, sum(seen[one].truth for one in members))
            relations.append(Relation(decided, tuple(members)))
            relations.append(Relation(decided, levels))


def _bind_places(seen: Mapping[Cell, Seen], relations: list[Relation], unseen: Any) -> None:
    """Among those with S3 are all who are taught in its own places, of whichever regime."""
    taught: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in seen:
        if dict(cell).get("spot") in _PLACES_OF_S3:
            people = {name: one for name, one in cell if name not in ("regime", "spot")}
            taught[tuple(sorted((people | {"level": "S3"}).items()))].append(cell)
    for extensive, members in taught.items():
        if extensive in seen:
            left = seen[extensive].truth - sum(seen[one].truth for one in members)
            elsewhere = unseen(dict(extensive) | {"spot": "none of these"}, left)
            relations.append(Relation(extensive, (*members, elsewhere)))


def _bind_starts(seen: Mapping[Cell, Seen], relations: list[Relation], unseen: Any) -> None:
    """A horizon's starts hold those of the shorter ones; those without a start are the rest of who reached."""
    started: dict[Cell, list[Cell]] = defaultdict(list)
    for cell in seen:
        if dict(cell).get("reached") == "lower":
            started[tuple(part for part in cell if part[0] != "started")].append(cell)
    for reached in started.values():
        last: Cell | None = None
        # A horizon's name sorts before that of a longer one, and who reached at all holds every start.
        for one in sorted(reached, key=lambda one: ("started" not in dict(one), one)):
            truth = seen[one].truth - (seen[last].truth if last else 0)
            more = unseen(dict(one) | {"since": dict(last)["started"] if last else "000"}, truth)
            relations.append(Relation(one, (last, more) if last else (more,)))
            last = one


def _own_parts(
    seen: Mapping[Cell, Seen], parts: Mapping[tuple[str, str, date, str, str, str], int]
) -> dict[str, dict[Cell, int]]:
    """Where a municipality stands with its own pupils, which it knows, in cells of several: by level and tier, and by
    level alone."""
    mine: dict[tuple[str, Cell], int] = defaultdict(int)
    of_level: dict[tuple[str, Cell, str], int] = defaultdict(int)
    for (name, period, day, band, level, tier), pupils in parts.items():
        people = {"of": "pupils", "day": str(day), "band": band, "level": level}
        mine[name, tuple(sorted((people | {period: tier}).items()))] += pupils
        of_level[name, tuple(sorted(people.items())), period] += pupils
    # Periods that end on one day count the same pupils.
    mine |= {(name, people): pupils for (name, people, _), pupils in of_level.items()}
    found: dict[str, dict[Cell, int]] = defaultdict(dict)
    for cell, one in seen.items():
        said = tuple(part for part in cell if part[0] != "who")
        names = dict(cell)["who"].split(",")
        for name in names if len(names) > 1 else ():
            if (name, said) in mine:
                found[name][cell] = min(mine[name, said], one.truth)
    return found


def _few_others(
    own: Mapping[str, Mapping[Cell, int]], seen: Mapping[Cell, Seen], before: Mapping[Cell, Seen]
) -> Iterator[Finding]:
    """Counts that show a municipality how few other people's children are in them. What was shown before and is so
    still tells nothing new."""
    for name, cells_of in own.items():
        for cell, pupils in cells_of.items():
            one = seen[cell]
            is_new = cell not in before or before[cell].shown != one.shown
            if is_new and one.shown == one.truth and 1 <= one.truth - pupils <= ENOUGH:
                yield Finding(name, _name(cell), "shows how few of it are of others")


def _without_proof(
    known: Mapping[str, set[Cell]],
    own: Mapping[str, Mapping[Cell, int]],
    seen: Mapping[Cell, Seen],
    relations: Sequence[Relation],
    unseen: set[Cell],
    alike: set[Cell],
) -> dict[str, list[Cell]]:
    """For each attacker the cells that worlds near by do not show to be safe; empty where the truth itself does not fit
    what is shown, so that no world can be found from it: then everything has to be looked at."""
    shown, withheld, most = _readable(set(), {}, seen, unseen)
    if any(seen[cell].truth != value for cell, value in shown.items()):
        return {}
    truth = {cell: one.truth for cell, one in seen.items()}
    secrets = [cell for cell in withheld if _is_secret(cell, seen, unseen, alike)]
    whose = {cell: dict(cell)["who"] for cell in withheld}
    try:
        found = without_proof(truth, withheld, most, relations, secrets, known, whose, ENOUGH, floors=own)
    except NotFitting:
        return {}
    return {
        name: [cell for cell in cells if own.get(name, {}).get(cell) != truth[cell]] for name, cells in found.items()
    }


def _readable(
    known: set[Cell], at_least: Mapping[Cell, int], seen: Mapping[Cell, Seen], unseen: set[Cell]
) -> tuple[dict[Cell, int], dict[Cell, int], dict[Cell, int]]:
    """What somebody who knows some cells sees; of the others the least, and the most of those that have one."""
    shown: dict[Cell, int] = {}
    withheld: dict[Cell, int] = {}
    most: dict[Cell, int] = {}
    for cell, one in seen.items():
        if cell in known:
            shown[cell] = one.truth
        elif one.pending and one.shown is not None:
            withheld[cell] = max(at_least.get(cell, 0), min(one.shown - _PENDING_WITHIN, one.truth))
            most[cell] = max(one.shown + _PENDING_WITHIN, one.truth)
        elif one.shown is None:
            withheld[cell] = max(at_least.get(cell, 0), 0 if cell in unseen else min(_one_class(cell), one.truth))
        else:
            shown[cell] = one.shown
    return shown, withheld, most


def _one_class(cell: Cell) -> int:
    """The least number of pupils there can be, if any: of a size of class, in all grades, they are a class at least."""
    said = dict(cell)
    lower = said.get("size", "").partition("-")[0].strip("+")
    return int(lower) if lower.isdecimal() and said["band"] == "all" else 1


def _worked_out(
    attacker: str,
    known: set[Cell],
    at_least: Mapping[Cell, int],
    seen: Mapping[Cell, Seen],
    relations: Sequence[Relation],
    unseen: set[Cell],
    alike: set[Cell],
    wanted: Sequence[Cell] | None = None,
) -> Iterator[Finding]:
    """What somebody who knows some cells, and its own part of others, can work out of the others, or of those that are
    `wanted`. A cell of nobody but its own tells it of nobody."""
    shown, withheld, most = _readable(known, at_least, seen, unseen)
    if wanted is None:
        secrets = (cell for cell in withheld if _is_secret(cell, seen, unseen, alike))
        wanted = [cell for cell in secrets if at_least.get(cell) != seen[cell].truth]
    used = [relation for relation in relations if any(cell in withheld for cell in (relation.total, *relation.parts))]
    try:
        found = intervals(shown, withheld, used, wanted, most=most, enough=ENOUGH)
    except Contradiction as error:
        yield Finding(attacker, "", f"the tables contradict each other: {error}")
        return
    for cell, interval in found.items():
        if interval.span < ENOUGH or not interval.proven:
            yield Finding(attacker, _name(cell), _what(interval))


def _is_secret(cell: Cell, seen: Mapping[Cell, Seen], unseen: set[Cell], alike: set[Cell]) -> bool:
    """Whether nobody may work a count out: one that readers do not see as it is. Of what stands in no table, what would
    be small; of noughts, which are else shown, those of a group of whom all are alike."""
    if cell in unseen:
        return 1 <= seen[cell].truth <= ENOUGH
    return seen[cell].shown != seen[cell].truth and (seen[cell].truth > 0 or cell in alike)


def _holds(relation: Relation, seen: Mapping[Cell, Seen]) -> bool:
    """Of counts that were published at different times a sum may no longer hold; nobody can rely on it then."""
    if any(seen[part].truth < 0 for part in relation.parts):
        return False
    return seen[relation.total].truth == sum(seen[part].truth for part in relation.parts)


def _known_to_each(
    attackers: Sequence[str], seen: Mapping[Cell, Seen], relations: Sequence[Relation], unseen: set[Cell]
) -> dict[str, set[Cell]]:
    """What each attacker knows without any of the shown counts but the noughts: what is its own, and what is left of a
    sum of which it knows all else."""
    noughts = {cell for cell, one in seen.items() if one.truth == 0 == one.shown and cell not in unseen}
    open_cells = [[cell for cell in (one.total, *one.parts) if cell not in noughts] for one in relations]
    sums_of: dict[Cell, list[int]] = defaultdict(list)
    for number, cells_of in enumerate(open_cells):
        for cell in cells_of:
            sums_of[cell].append(number)
    # Whose a cell is, by where they are taught or live; only these can know of it at once.
    of_whom: dict[str, list[Cell]] = defaultdict(list)
    of_several: list[Cell] = []
    for cell in seen:
        said = dict(cell)
        for name in {said["who"], said.get("home", "")}:
            of_whom[name].append(cell)
        if "," in said["who"]:
            of_several.append(cell)
    found: dict[str, set[Cell]] = {}
    for attacker in attackers:
        candidates = [*of_whom[attacker], *of_several] if attacker != "outsider" else []
        known = {cell for cell in candidates if _knows(attacker, cell, seen)}
        waiting = [number for number, cells_of in enumerate(open_cells) if len(cells_of) == 1] if known else []
        waiting += [number for cell in known for number in sums_of[cell]]
        while waiting:
            left = [cell for cell in open_cells[waiting.pop()] if cell not in known]
            if len(left) == 1:
                known.add(left[0])
                waiting += sums_of[left[0]]
        found[attacker] = known
    return found


def _knows(attacker: str, cell: Cell, seen: Mapping[Cell, Seen]) -> bool:
    """A municipality knows its own pupils, and what is of nobody but its own, since noughts are shown."""
    said = dict(cell)
    if said["who"] == attacker or said.get("home") == attacker:
        return True
    if attacker not in said["who"].split(","):
        return False
    mine = seen.get(tuple(sorted((said | {"who": attacker}).items())))
    if seen[cell].pending and mine is not None and mine.shown is not None:
        change = seen[cell].truth - (seen[cell].shown or 0)
        # What changed by no more than its own tells it nothing.
        if change and change == mine.truth - mine.shown:
            return True
    axes = said.keys() - _NO_AXES
    wholes = [said, said | {"band": "all"}, *({k: v for k, v in said.items() if k != axis} for axis in axes)]
    for whole in wholes:
        key, own = tuple(sorted(whole.items())), tuple(sorted((whole | {"who": attacker}).items()))
        if key not in seen or own not in seen or not 0 < seen[key].truth == seen[own].truth:
            continue
        others = (tuple(sorted((whole | {"who": name}).items())) for name in said["who"].split(","))
        if not any(other in seen and other != own and seen[other].shown is None for other in others):
            return True
    return False


def _seen_to_be_alike(seen: Mapping[Cell, Seen]) -> Iterator[Finding]:
    """Whole groups of which everybody is seen to be in one sensitive category."""
    for cell, axis, total in _sensitive(seen):
        if seen[cell].shown and seen[total].shown == seen[cell].shown:
            yield Finding("outsider", _name(cell), f"everybody of a shown whole is in it ({axis})")


def _held_by_one(
    rows: Sequence[Mapping[str, Any]], largest: Mapping[tuple[date, str, str, str], float]
) -> Iterator[Finding]:
    """Shown lesson sums of which one pupil holds over half."""
    for row in rows:
        place = (row["month"], row["municipality"], row["grade_band"], row["absence_class"])
        if row["absent_lessons"] is not None and 2 * largest.get(place, 0) > row["absent_lessons"]:
            yield Finding("outsider", " ".join(map(str, place)), "one pupil holds over half of its lessons")


def _told_by_reasons(
    table: str, rows: Sequence[Mapping[str, Any]], truths: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Rows whose reason tells of lessons, and so of pupils, what their figures withhold."""
    everywhere = _rows_everywhere(truths)
    for row, truth in zip(rows, truths, strict=True):
        if row.get("null_reason") not in _TELLING_REASONS:
            continue
        is_withheld = any(row.get(column) is None and value is not None for column, value in truth.items())
        if is_withheld or row.get("correction_pending"):
            _, said = next(_said(table, truth, everywhere), ("", {"of": table}))
            yield Finding("outsider", _name(tuple(sorted(said.items()))), "the reason in its row tells of it")


def _told_by_classes(rows: Sequence[Mapping[str, Any]], truths: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Rows that tell how large classes are while a band's pupils in classes of that size are not shown as they are."""
    kept_back = {
        (row["count_day"], row["municipality"], row["group_size"])
        for row, truth in zip(rows, truths, strict=True)
        if any(row[count] != truth[count] for count in ("pupils", "population"))
    }
    for row in rows:
        size = (row["count_day"], row["municipality"], row["group_size"])
        if size in kept_back and (row["groups"] is not None or row["mean_group_size"] is not None):
            yield Finding("outsider", " ".join(map(str, (*size, row["grade_band"]))), "the size of classes tells of it")


def _noughts_of_the_alike(seen: Mapping[Cell, Seen]) -> set[Cell]:
    """The noughts that would tell that everybody of a group is in one sensitive category."""
    wholes = {
        (axis, total)
        for cell, axis, total in _sensitive(seen)
        if axis != "for" and seen[cell].truth and seen[cell].truth == seen[total].truth
    }
    return {
        cell
        for cell, one in seen.items()
        if one.truth == 0
        for axis, _ in cell
        if (axis, tuple(part for part in cell if part[0] != axis)) in wholes
    }


def _sensitive(seen: Mapping[Cell, Seen]) -> Iterator[tuple[Cell, str, Cell]]:
    """(count of a sensitive category, its axis, the count of the whole)."""
    for cell in seen:
        for axis, category in cell:
            of_s3 = axis == "spot" and category in _PLACES_OF_S3
            if axis == "for" or (axis == "level" and category in ("S2", "S3")) or category == "A3" or of_s3:
                whole = tuple(part for part in cell if part[0] != axis)
                everybody = {tuple(sorted((dict(whole) | {"of": "pupils"}).items()))}
                # Of those with a decision, and of all.
                everybody |= {tuple(part for part in whole if part[0] != "regime")} if of_s3 else set()
                for total in {whole} | everybody:
                    if total in seen:
                        yield cell, axis, total


def _what(interval: Interval) -> str:
    return "is not proved to be safe" if not interval.proven else f"can be known to within {interval.span:.0f}"


def _name(cell: Cell) -> str:
    return " ".join(f"{name}={value}" for name, value in cell)
