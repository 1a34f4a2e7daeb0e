"""What a mutation run found, as Markdown; and what tests/mutation/survivors.md accepts."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.mutation.state import Verdict

SURVIVORS = Path(__file__).parent / "survivors.md"
_LISTED = re.compile(r"^#+ `([0-9a-f]{8})`", re.MULTILINE)


def kill_rate(verdicts: Sequence[Verdict]) -> float:
    """Killed ÷ live; 1 when none is live."""
    live = [verdict for verdict in verdicts if verdict.is_live]
    return sum(verdict.is_killed for verdict in live) / len(live) if live else 1.0


def accepted_survivors(path: Path = SURVIVORS) -> set[str]:
    """The keys of the mutants that the page lists with a reason."""
    return set(_LISTED.findall(path.read_text(encoding="utf-8")))


def report(verdicts: Sequence[Verdict]) -> str:
    """Totals, by operator, by file, and each survivor with its diff."""
    live = [verdict for verdict in verdicts if verdict.is_live]
    survivors = [verdict for verdict in live if not verdict.is_killed]
    apart = [verdict for verdict in verdicts if not verdict.is_live]
    seconds = sum(verdict.seconds for verdict in verdicts) / max(len(verdicts), 1)
    processor = sum(verdict.processor_seconds for verdict in verdicts) / max(len(verdicts), 1)
    refused = sum(verdict.outcome == "refused" for verdict in apart)
    lines = [
        f"{len(live)} live mutants, {len(live) - len(survivors)} killed ({kill_rate(verdicts):.1%}); "
        f"{sum(verdict.outcome == 'timeout' for verdict in live)} of them by the time limit.",
        f"Apart: {refused} refused by the database, {len(apart) - refused} with the same plan.",
        f"{seconds:.1f} s a mutant on one worker, {processor:.1f} s of them in dbt and the tests.",
        "",
        *_table("operator", live, lambda verdict: verdict.operator),
        "",
        *_table("file", live, lambda verdict: verdict.path),
        "",
    ]
    for verdict in sorted(survivors, key=lambda one: (one.path, one.line)):
        lines += [f"## `{verdict.key}` {verdict.operator}, {verdict.path}:{verdict.line}", "```diff", verdict.diff]
        lines += ["```", ""]
    return "\n".join(lines)


def _table(title: str, live: Sequence[Verdict], by: Callable[[Verdict], str]) -> list[str]:
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in live:
        groups[by(verdict)].append(verdict)
    rows = [
        f"| {name} | {len(own)} | {sum(one.is_killed for one in own)} | {sum(not one.is_killed for one in own)} |"
        for name, own in sorted(groups.items())
    ]
    return [f"| {title} | live | killed | survived |", "|---|---|---|---|", *rows]
