"""What disclosure control costs: seconds for a release, and cells lost next to another program and to the optimum.

`python -m tests.bench.disclosure` draws a region's tables (`drawn_tables`), protects and audits one closed month, then
20 months at once, then one month of many municipalities; `suppression` compares what is lost.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from datetime import date

from pipeline.audit import audit
from pipeline.disclosure import protect
from tests.bench import suppression
from tests.bench.drawn_tables import draw, months, protections, sizes

# The fullest month: the school year's tiers are shown, and what became of the sixth grade.
LAST = date(2025, 12, 1)
REGION = (12_400, 2_300, 1_500, 800)
RELEASE_BUDGET_S, MANY_BUDGET_S = 10, 300
MANY, MANY_PUPILS = 126, 117_000
# Longer than the budget, so that it is seen by how much it is missed.
MANY_LIMIT_S = 1_200


def main(scale: float = 1.0) -> None:
    """Prints seconds and counts, then how much is lost."""
    for count in (1, 20):
        budget = f"at most {RELEASE_BUDGET_S} s" if count == 1 else "no budget: no release has so many new months"
        print(f"{len(REGION)} municipalities, {sum(REGION):,} pupils, {_of(count)} ({budget})", flush=True)
        _in_its_own_process(REGION, count, MANY_LIMIT_S)
    many = sizes(max(4, round(MANY * scale)), max(400, round(MANY_PUPILS * scale)))
    print(f"{len(many)} municipalities, {sum(many):,} pupils, {_of(1)} (at most {MANY_BUDGET_S} s)", flush=True)
    _in_its_own_process(many, 1, MANY_LIMIT_S)
    suppression.main()


def _of(count: int) -> str:
    return "one closed month" if count == 1 else f"{count} closed months at once"


def _in_its_own_process(pupils: tuple[int, ...], count: int, limit: float) -> None:
    command = [sys.executable, "-m", "tests.bench.disclosure", "--measure", json.dumps([pupils, count])]
    try:
        subprocess.run(command, timeout=limit, check=True)
    except subprocess.TimeoutExpired:
        print(f"    not done after {limit:.0f} s, ended", flush=True)


def _measure(pupils: tuple[int, ...], count: int) -> None:
    """Prints what protecting and auditing take, and what they find."""
    drawn = draw(pupils, months(LAST, count))
    print(f"    {drawn.rows:,} rows drawn", flush=True)
    of_mart = {table: protection for table, protection in protections().items() if table in drawn.tables}
    cpu, wall = time.process_time(), time.perf_counter()
    found = protect(drawn.tables, of_mart, drawn.municipalities, largest=drawn.largest, parts=drawn.parts)
    decided = Counter(one.decision for one in found.counts.values())
    print(
        f"    protected in {_since(cpu, wall)}: {len(found.counts):,} counts, {decided['primary']:,} withheld for "
        f"themselves, {decided['complementary']:,} for others' sake; {len(found.withheld_sums):,} lesson sums",
        flush=True,
    )
    one, other = time.process_time(), time.perf_counter()
    findings = audit(found.rows, drawn.tables, drawn.municipalities, largest=drawn.largest, parts=drawn.parts)
    print(f"    audited in {_since(one, other)}: {len(findings)} findings; together {_since(cpu, wall)}", flush=True)


def _since(cpu: float, wall: float) -> str:
    return f"CPU {time.process_time() - cpu:.1f} s ({time.perf_counter() - wall:.1f} s)"


if __name__ == "__main__":
    if "--measure" in sys.argv:
        municipalities, number = json.loads(sys.argv[-1])
        _measure(tuple(municipalities), number)
    else:
        main()
