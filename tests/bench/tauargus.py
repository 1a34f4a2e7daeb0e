"""Run by an interpreter that has pytauargus, and nothing of this project: tables in, cells out.

`python tauargus.py tables.json answers.json`: for each table the numbers of the cells to withhold beside the small
ones, null where the program found none. By the optimal method of Fischetti and Salazar (`full_jj`).
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from pytauargus._tauargus import HiTaSCtrl  # type: ignore[import-not-found,unused-ignore]

MINUTES = 1


def answer(table: dict[str, Any], folder: Path) -> list[int] | None:
    """A table in the program's own words: each cell with its cost, bounds and protection levels, then the sums."""
    cells = [
        f"{number} {cell['value']} {cell['cost']} {cell['status']} {cell['least']} {cell['most']} {cell['levels']}"
        for number, cell in enumerate(table["cells"])
    ]
    sums = [
        f"0 {len(parts) + 1} : {total} (-1) " + " ".join(f"{part} (1)" for part in parts)
        for total, parts in table["sums"]
    ]
    (folder / "in.jj").write_text("\n".join(["0", str(len(cells)), *cells, str(len(sums)), *sums, ""]))
    (folder / "out.jj").unlink(missing_ok=True)
    if HiTaSCtrl().full_jj(in_file_jj=str(folder / "in.jj"), out_file=str(folder / "out.jj"), max_time=MINUTES) > 1:
        return None
    return [int(line) for line in (folder / "out.jj").read_text().split()]


if __name__ == "__main__":
    tables, answers = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        found = [answer(table, Path(folder)) for table in json.loads(tables.read_text())]
    answers.write_text(json.dumps(found))
