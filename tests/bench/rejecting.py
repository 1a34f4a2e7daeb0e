"""What bad rows cost: a delivery of 2,000,000 marks of which 1 % are rejected, against the same one without a fault.

`python -m tests.bench.rejecting` reads, checks, pseudonymises and lands both in alternating pairs; the rejected rows go
into `ops.rejected_row` with their messages in both languages.
"""

from functools import partial
from statistics import median

import psycopg

from connectors.check import CheckedDelivery, check_delivery
from connectors.config import load_municipality
from connectors.delivery import RawDelivery
from connectors.pseudonyms import PseudonymKeys
from pipeline import ingest
from pipeline.settings import PROJECT_ROOT
from pipeline.warehouse import connect
from tests.bench.landing import NIGHT, PAIRS, ROWS, timed, write_delivery
from tests.bench.warehouse import scratch_folder, warehouse

BUDGET = 1.3
EVERY = 100
TABLES = (
    *("landing.absence_lesson", "landing.enrolment", "landing.school_day"),
    *("ops.rejected_row", "ops.unmapped_code", "ops.finding"),
)


def spoil(number: int, line: str) -> str:
    """Every hundredth mark is wrong, in five ways by turns."""
    if number % EVERY:
        return line
    fields = line.split(";")
    way = number // EVERY % 5
    if way == 0:
        # A HETU in the place of an oppijanumero.
        fields[1] = "010112A901X"
    elif way == 1:
        fields[3] = "31.02.2026"
    elif way == 2:
        fields[3] = f"{NIGHT:%d.%m.%Y}"
    elif way == 3:
        fields[4] = "0"
    else:
        # No code.
        fields[6] = ""
    return ";".join(fields)


def land(connection: psycopg.Connection, raw: RawDelivery) -> CheckedDelivery:
    """File to landing and its rejected rows, as the night does it."""
    municipality = load_municipality(PROJECT_ROOT / "municipalities" / "kuopio")
    checked = check_delivery(raw, municipality, PseudonymKeys(b"r" * 32, b"m" * 32))
    ingest.land(connection, 1, checked)
    connection.commit()
    return checked


def main(rows: int = ROWS, pairs: int = PAIRS) -> None:
    """Prints the ratio of each pair and their median."""
    municipality = load_municipality(PROJECT_ROOT / "municipalities" / "kuopio")
    with scratch_folder() as scratch, warehouse(scratch / "warehouse", ()) as settings, connect(settings) as connection:
        raws = {}
        for name, fault in (("clean", None), ("spoiled", spoil)):
            (scratch / name).mkdir()
            raws[name] = write_delivery(scratch / name, municipality, rows, fault)
        ratios = []
        for pair in range(pairs):
            seconds, rejected = {}, {}
            for name in sorted(raws, reverse=bool(pair % 2)):
                connection.execute(f"truncate {', '.join(TABLES)}")
                connection.commit()
                seconds[name] = timed(partial(land, connection, raws[name]))
                row = connection.execute("select count(*) from ops.rejected_row where dataset = 'absence'").fetchone()
                rejected[name] = row[0] if row else 0
            # The clean file has marks that come twice by chance, and so has the other.
            assert rejected["spoiled"] - rejected["clean"] >= 0.99 * rows / EVERY, rejected
            ratios.append(seconds["spoiled"] / seconds["clean"])
            print(
                f"pair {pair + 1}: {rejected['spoiled']:,} of {rows:,} rejected in {seconds['spoiled']:.2f} s, "
                f"{rejected['clean']:,} in {seconds['clean']:.2f} s, ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"with 1 % rejected / without: median {median(ratios):.2f} (at most {BUDGET})")


if __name__ == "__main__":
    main()
