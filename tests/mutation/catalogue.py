"""All mutants of the project's rules, in a fixed order, and a seeded sample of them."""

import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.mutation.operators import Edit, sql_edits, table_edits

# What holds rules: pattern below the project's root → kind of text.
RULES = {
    "dbt_project/models/**/*.sql": "sql",
    "dbt_project/macros/*.sql": "sql",
    "dbt_project/seeds/*.csv": "seed",
    "municipalities/*/absence_codes.csv": "crosswalk",
    "municipalities/*/support_codes.csv": "crosswalk",
    "municipalities/*/mark_codes.csv": "crosswalk",
    "municipalities/*/forms.csv": "crosswalk",
    "municipalities/*/home_municipalities.csv": "crosswalk",
}
# These touch how dbt works, not what a figure is.
NO_RULES = frozenset(("generate_schema_name.sql", "materializations.sql", "views.sql"))


@dataclass(frozen=True)
class Mutant:
    """One change in one file. key: stays the same when lines are moved. path: below the project's root."""

    key: str
    path: str
    line: int
    operator: str
    before: str
    after: str
    edit: Edit

    def diff(self) -> str:
        """The changed lines, before and after."""
        lines = [
            *(f"- {line}" for line in self.before.splitlines()),
            *(f"+ {line}" for line in self.after.splitlines()),
        ]
        return "\n".join(lines)


def mutants(root: Path) -> list[Mutant]:
    """All mutants of the project at `root`, by path and place."""
    paths = {path.relative_to(root).as_posix(): kind for pattern, kind in RULES.items() for path in root.glob(pattern)}
    return [
        mutant
        for path in sorted(paths)
        if Path(path).name not in NO_RULES
        for mutant in _of_file(path, paths[path], (root / path).read_text(encoding="utf-8"))
    ]


def _of_file(path: str, kind: str, text: str) -> Iterator[Mutant]:
    edits = sql_edits(text) if kind == "sql" else table_edits(text, rows_are_rules=kind == "crosswalk")
    seen: dict[str, int] = defaultdict(int)
    for edit in edits:
        before, after = _changed_lines(text, edit)
        said = "\n".join((path, edit.operator, before, after))
        seen[said] += 1
        key = hashlib.sha256(f"{said}\n{seen[said]}".encode()).hexdigest()[:8]
        yield Mutant(key, path, text.count("\n", 0, edit.start) + 1, edit.operator, before, after, edit)


def _changed_lines(text: str, edit: Edit) -> tuple[str, str]:
    """The lines that the change touches, before and after."""
    start = text.rfind("\n", 0, edit.start) + 1
    end = text.find("\n", max(edit.end - 1, edit.start))
    end = len(text) if end < 0 else end
    changed = text[start : edit.start] + edit.replacement + text[edit.end : end]
    return text[start:end].strip(), changed.strip()


def sample(found: Sequence[Mutant], size: int, seed: int) -> list[tuple[int, list[Mutant]]]:
    """For each file how many mutants are wanted of it, and its mutants in the order in which they are taken.

    The share of a file is that of its mutants, at least one; within a file the operators take turns. A mutant that is
    no live SQL gives way to the next of its file.
    """
    files: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in found:
        files[mutant.path].append(mutant)
    chooser = random.Random(seed)
    # With fewer mutants than files, some files are left out.
    chosen = chooser.sample(sorted(files), min(size, len(files)))
    wanted = _shares({path: len(files[path]) for path in sorted(chosen)}, size)
    # A chooser for each file, so that a change in one leaves the others' mutants and their verdicts as they are.
    return [(count, _by_turns(files[path], random.Random(f"{seed} {path}"))) for path, count in wanted.items()]


def _shares(counts: Mapping[str, int], size: int) -> dict[str, int]:
    """Parts of `size` in proportion to the counts, at least one each, largest remainders first."""
    if size >= sum(counts.values()):
        return dict(counts)
    total = sum(counts.values())
    exact = {path: size * count / total for path, count in counts.items()}
    shares = {path: max(1, int(part)) for path, part in exact.items()}
    rest = sorted(counts, key=lambda path: shares[path] - exact[path])
    while sum(shares.values()) < size:
        path = rest.pop(0)
        shares[path] += 1
    while sum(shares.values()) > size and max(shares.values()) > 1:
        shares[max(shares, key=lambda path: shares[path])] -= 1
    return shares


def _by_turns(own: Sequence[Mutant], chooser: random.Random) -> list[Mutant]:
    operators: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in own:
        operators[mutant.operator].append(mutant)
    queues = list(operators.values())
    for queue in queues:
        chooser.shuffle(queue)
    chooser.shuffle(queues)
    return [mutant for turn in zip_longest(*queues) for mutant in turn if mutant is not None]
