"""How long a large night takes from the file to landing, against the database's own text COPY of the same bytes.

`python -m tests.bench.landing` makes a deterministic Kuopio delivery with 2,000,000 lesson marks, and in alternating
pairs (a) reads, checks, pseudonymises and lands it, (b) copies the file's bytes into a table of texts. The ratio a/b is
what counts: absolute times depend on the machine.
"""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import psycopg

from connectors.check import CheckedDelivery, check_delivery
from connectors.config import Municipality, load_municipality
from connectors.contract import landing_ddl
from connectors.delivery import RawDelivery, RawFile, content_digest
from connectors.pseudonyms import PseudonymKeys
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.landing import copy_frame

NIGHT = date(2026, 5, 20)
YEAR_START = date(2025, 8, 11)
PUPILS = 11_000
ROWS = 2_000_000
PAIRS = 5
BUDGET = 1.5

_MARKS_HEADER = "Merkintänro;Oppijanumero;Koulunro;Pvm;Tunti;Aine;Merkintä;Kesto min;Selvittäjä;Selvitetty"
_PUPILS_HEADER = "Oppijanumero;Henkilötunnus;Koulunro;Luokka-aste;Luokka;Kotikunta;Opetusmuoto;Alkupvm;Loppupvm"
_SUPPORT_HEADER = "Oppijanumero;Tuki;Alkupvm;Loppupvm;Toteutuspaikka;Tukitoimet;Päätöspvm"
_DAYS_HEADER = "Koulunro;Pvm;Luokka-aste;Oppitunnit"


def write_delivery(
    folder: Path, municipality: Municipality, rows: int, spoil: Callable[[int, str], str] | None = None
) -> RawDelivery:
    """A first delivery of a school year: the year so far in one file. spoil: changes the mark of that number."""
    random = np.random.default_rng(20260520)
    schools = [school.school_number for school in municipality.codes.schools]
    oids = [f"1.2.246.562.98.{number:011d}" for number in 10**9 + random.permutation(9 * 10**9 // 1000)[:PUPILS] * 1000]
    school_of = random.integers(0, len(schools), PUPILS).tolist()
    length = (NIGHT - YEAR_START).days
    days = [f"{YEAR_START + timedelta(days=n):%d.%m.%Y}" for n in range(length)]
    codes = ["S"] * 10 + ["L", "LU", "H", "P", "K", "M"]
    ending = [";;OPE;kyllä", ";;OPE;", ";5;OPE;"]

    pupil = random.integers(0, PUPILS, rows).tolist()
    day = np.sort(random.integers(0, length, rows)).tolist()
    lesson = random.integers(1, 8, rows).tolist()
    code = random.integers(0, len(codes), rows).tolist()
    lines = (
        f"{7_000_000 + n};{oids[p]};{schools[school_of[p]]};{days[d]};{at};MA;{codes[c]}"
        f"{ending[2 if codes[c] == 'M' else c % 2]}\r\n"
        for n, (p, d, at, c) in enumerate(zip(pupil, day, lesson, code, strict=True))
    )
    if spoil is not None:
        lines = (spoil(n, line) for n, line in enumerate(lines))
    pupils = (
        f"{oid};;{schools[school_of[n]]};{n % 9 + 1};{n % 9 + 1}A;297;PO;11.08.2025;\r\n" for n, oid in enumerate(oids)
    )
    contents = {
        "enrolment": ("oppilaat.csv", _PUPILS_HEADER, pupils),
        "absence": ("tuntimerkinnat.csv", _MARKS_HEADER, lines),
        "support": ("tuki.csv", _SUPPORT_HEADER, ()),
        "school_day": ("tyopaivat.csv", _DAYS_HEADER, ()),
    }
    files = []
    for dataset, (name, header, body) in contents.items():
        with (folder / name).open("w", encoding="utf-8-sig", newline="") as stream:
            stream.write(f"{header}\r\n")
            stream.writelines(body)
        files.append(RawFile(dataset, name, folder / name))
    return RawDelivery(
        municipality=municipality.name,
        night=NIGHT,
        school_year=2025,
        as_of=datetime(2026, 5, 20, 2, tzinfo=UTC),
        since=None,
        first_of_year=True,
        files=tuple(files),
        digest=content_digest(files),
    )


def land(connection: psycopg.Connection, raw: RawDelivery, municipality: Municipality) -> CheckedDelivery:
    """File to landing, as the pipeline does it."""
    checked = check_delivery(raw, municipality, PseudonymKeys(b"r" * 32, b"m" * 32))
    for part in checked.datasets.values():
        copy_frame(connection, part.table, part.frame, 1)
    connection.commit()
    return checked


def copy_text(connection: psycopg.Connection, file: Path) -> None:
    """The same bytes into a table of texts, as psql's `\\copy` does it."""
    statement = "copy bench_text from stdin (format csv, delimiter ';', header true)"
    with file.open("rb") as stream, connection.cursor().copy(statement) as copy:
        while chunk := stream.read(1 << 20):
            copy.write(chunk)
    connection.commit()


def main(rows: int = ROWS, pairs: int = PAIRS) -> int:
    """Prints the ratio of each pair; 0 when the median is within the budget."""
    root = Path(__file__).resolve().parents[2]
    municipality = load_municipality(root / "municipalities" / "kuopio")
    with TemporaryDirectory(prefix="tukiverkko-bench-") as scratch:
        Path(scratch).chmod(0o755)
        raw = write_delivery(Path(scratch), municipality, rows)
        marks = Path(scratch) / "tuntimerkinnat.csv"
        server = EmbeddedPostgres(Path(scratch) / "postgres")
        try:
            with psycopg.connect(server.start()) as connection:
                connection.execute(landing_ddl())
                columns = ", ".join(f"c{n} text" for n in range(_MARKS_HEADER.count(";") + 1))
                connection.execute(f"create table bench_text ({columns})")
                ratios = []
                print(f"{rows:,} marks, {marks.stat().st_size / 1e6:.0f} MB")
                for pair in range(pairs):
                    connection.execute("truncate bench_text, landing.absence_lesson, landing.enrolment")
                    connection.commit()
                    landed = timed(lambda: land(connection, raw, municipality))
                    copied = timed(lambda: copy_text(connection, marks))
                    ratios.append(landed / copied)
                    print(f"pair {pair + 1}: landed {landed:.2f} s, text copy {copied:.2f} s, ratio {ratios[-1]:.2f}")
                count = connection.execute("select count(*) from landing.absence_lesson").fetchone()
                assert count == (rows,), count
        finally:
            server.stop()
    print(f"landing / text copy: median {median(ratios):.2f} (budget {BUDGET})")
    return 0 if median(ratios) <= BUDGET else 1


def timed(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    start = perf_counter()
    work()
    return perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
