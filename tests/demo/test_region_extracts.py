"""What the four sources hold: form, knowledge of the night, and every oddity of them in a small region."""

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from demo.region import Region, build_region, identifiers, iisalmi, varkaus, write_night

NIGHT = date(2026, 5, 31)
PUPIL_NAME = re.compile(r"[^\W\d_]{8,} [^\W\d_]{8,}")


@cache
def small_region() -> Region:
    return build_region(1, 0.02)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("region")
    write_night(small_region(), NIGHT, folder)
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def kuopio(folder: Path, night: date, name: str) -> list[dict[str, str]]:
    return read_csv(folder / "kuopio" / "lahtevat" / night.isoformat() / f"{name}.csv")


def items(folder: Path, name: str) -> list[dict[str, Any]]:
    return json.loads((folder / "siilinjarvi" / f"{name}.json").read_text(encoding="utf-8"))


def view(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "iisalmi" / f"{name}.parquet")


def sheet(path: Path, name: str) -> Any:
    return openpyxl.load_workbook(path)[name]


def data_rows(page: Any) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in page.iter_rows(min_row=5)]


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


SCRIPT = """
import sys
from datetime import date
from pathlib import Path
from demo.region import build_region, write_night, write_truth
region = build_region(7, 0.02)
folder = Path(sys.argv[1])
for night in (date(2025, 10, 14), date(2025, 11, 4)):
    write_night(region, night, folder / "sources")
    write_truth(region, night, folder / "truth")
"""


def test_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    for turn, seed in enumerate(("0", "4711")):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / str(turn))], check=True, env=environment)
    first, second = tree(tmp_path / "0"), tree(tmp_path / "1")
    assert len(first) == 2 * 5 + 5 + 4 + 2 + 11
    assert first == second


def test_another_seed_is_another_region(tmp_path: Path, sources: Path) -> None:
    write_night(build_region(2, 0.02), NIGHT, tmp_path)
    assert (tmp_path / "iisalmi" / "v_oppilas.parquet").read_bytes() != (
        sources / "iisalmi" / "v_oppilas.parquet"
    ).read_bytes()


def test_a_night_outside_the_region_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2026-08-01"):
        write_night(small_region(), date(2026, 8, 1), tmp_path)


# Kuopio


def test_kuopio_manifest_matches_the_bytes(sources: Path) -> None:
    folder = sources / "kuopio" / "lahtevat" / NIGHT.isoformat()
    manifest = json.loads((folder / "valmis.json").read_text(encoding="utf-8"))
    assert manifest["toimitus"] == NIGHT.isoformat()
    listed = {entry["nimi"]: entry for entry in manifest["tiedostot"]}
    assert set(listed) == {"oppilaat.csv", "tuntimerkinnat.csv", "tuki.csv", "tyopaivat.csv"}
    for name, entry in listed.items():
        content = (folder / name).read_bytes()
        assert entry["tavut"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert entry["rivit"] == len(read_csv(folder / name))
        assert content.startswith(b"\xef\xbb\xbf")
        assert content.endswith(b"\r\n")
        assert content.count(b"\n") == content.count(b"\r\n")


def test_kuopio_columns(sources: Path) -> None:
    expected = {
        "oppilaat": "Oppijanumero;Henkilötunnus;Koulunro;Luokka-aste;Luokka;Kotikunta;Opetusmuoto;Alkupvm;Loppupvm",
        "tuntimerkinnat": "Merkintänro;Oppijanumero;Koulunro;Pvm;Tunti;Aine;Merkintä;Kesto min;Selvittäjä;Selvitetty",
        "tuki": "Oppijanumero;Tuki;Alkupvm;Loppupvm;Toteutuspaikka;Tukitoimet;Päätöspvm",
        "tyopaivat": "Koulunro;Pvm;Luokka-aste;Oppitunnit",
    }
    for name, header in expected.items():
        path = sources / "kuopio" / "lahtevat" / NIGHT.isoformat() / f"{name}.csv"
        assert path.read_bytes().decode("utf-8-sig").splitlines()[0] == header


def test_kuopio_window_is_twenty_days_after_the_first_delivery(tmp_path: Path) -> None:
    def days(night: date) -> list[date]:
        rows = kuopio(tmp_path, night, "tuntimerkinnat")
        return sorted({datetime.strptime(row["Pvm"], "%d.%m.%Y").date() for row in rows})  # noqa: DTZ007

    write_night(small_region(), date(2025, 6, 20), tmp_path)
    write_night(small_region(), date(2025, 10, 3), tmp_path)
    # The folder of the school year before does not count.
    assert days(date(2025, 10, 3))[0] <= date(2025, 8, 8)
    write_night(small_region(), date(2025, 10, 4), tmp_path)
    assert days(date(2025, 10, 4))[0] == date(2025, 9, 15)
    assert days(date(2025, 10, 4))[-1] == date(2025, 10, 3)
    before = (tmp_path / "kuopio" / "lahtevat" / "2025-10-03" / "tuntimerkinnat.csv").read_bytes()
    write_night(small_region(), date(2025, 10, 3), tmp_path)
    assert (tmp_path / "kuopio" / "lahtevat" / "2025-10-03" / "tuntimerkinnat.csv").read_bytes() == before


def test_kuopio_marks(sources: Path) -> None:
    rows = kuopio(sources, NIGHT, "tuntimerkinnat")
    assert {row["Merkintä"] for row in rows} == {"S", "L", "LU", "H", "P", "K", "M"}
    assert {int(row["Tunti"]) for row in rows} <= set(range(1, 10))
    assert len({row["Merkintänro"] for row in rows}) == len(rows)
    assert all((row["Kesto min"] != "") == (row["Merkintä"] == "M") for row in rows)
    assert any(PUPIL_NAME.fullmatch(row["Selvittäjä"]) for row in rows)
    assert any(row["Merkintä"] == "P" and row["Selvitetty"] for row in rows)
    codes: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        codes.setdefault((row["Oppijanumero"], row["Pvm"], row["Tunti"]), []).append(row["Merkintä"])
    twice = [found for found in codes.values() if len(found) == 2]
    assert max(map(len, codes.values())) == 2
    assert any(len(set(found)) == 2 for found in twice)
    assert any(len(set(found)) == 1 for found in twice)
    # A day's last lesson number can be above the day's number of lessons.
    lessons = {
        (d["Koulunro"], d["Pvm"], d["Luokka-aste"]): Decimal(d["Oppitunnit"].replace(",", "."))
        for d in kuopio(sources, NIGHT, "tyopaivat")
    }
    grades = {p["Oppijanumero"]: p["Luokka-aste"] for p in kuopio(sources, NIGHT, "oppilaat")}
    schools = {(s, d): n for (s, d, _), n in lessons.items()}
    assert schools
    assert any(
        int(row["Tunti"]) > lessons.get((row["Koulunro"], row["Pvm"], grades[row["Oppijanumero"]]), Decimal(9))
        for row in rows
    )


def test_kuopio_pupils_and_support(sources: Path) -> None:
    pupils = kuopio(sources, NIGHT, "oppilaat")
    assert {"174", "227", "476", "297"} < {row["Kotikunta"] for row in pupils}
    assert {row["Opetusmuoto"] for row in pupils} == {"PO", "JOPO", "VAL", "KOTI", "SAIR"}
    assert any(row["Henkilötunnus"] == "" for row in pupils)
    assert any(row["Luokka-aste"] == "" for row in pupils)
    assert {row["Koulunro"][0] for row in pupils} == {"0"}
    assert any(row["Loppupvm"] for row in pupils)
    assert max(Counter(row["Oppijanumero"] for row in pupils).values()) == 2
    support = kuopio(sources, NIGHT, "tuki")
    assert {row["Tuki"] for row in support} == {"TEHO", "ERIT", "ERIT-PID", "TUPA", "TUPA-ELK", "TUPA-20I"}
    measures = {m for row in support for m in row["Tukitoimet"].split(",")} - {""}
    assert measures == {"OPR", "PR", "ELK", "TUL", "AVU", "APU", "TA"} or measures == {
        "OPR",
        "PR",
        "ELK",
        "AVU",
        "APU",
        "TA",
    }
    raw = (sources / "kuopio" / "lahtevat" / NIGHT.isoformat() / "tuki.csv").read_text(encoding="utf-8-sig")
    assert re.search(r';"[A-Z]+,[A-Z,]+";', raw)
    assert any(row["Tuki"] == "ERIT" and not row["Toteutuspaikka"] and "ELK" in row["Tukitoimet"] for row in support)
    assert any(
        row["Tuki"] == "ERIT" and not row["Toteutuspaikka"] and "ELK" not in row["Tukitoimet"] for row in support
    )
    assert any(row["Tuki"].startswith("TUPA") and row["Toteutuspaikka"] for row in support)
    assert any(row["Tuki"].startswith("TUPA") and row["Alkupvm"].endswith(".06.2025") for row in support)
    open_special = {r["Oppijanumero"] for r in support if r["Tuki"].startswith("ERIT") and not r["Loppupvm"]}
    assert open_special & {r["Oppijanumero"] for r in support if r["Tuki"].startswith("TUPA")}
    assert any(row["Tuki"] == "TEHO" and not row["Loppupvm"] for row in support)
    assert all(re.fullmatch(r"\d+,\d", row["Oppitunnit"]) for row in kuopio(sources, NIGHT, "tyopaivat"))


# Siilinjärvi


def test_siilinjarvi_items(sources: Path) -> None:
    students, absences = items(sources, "students"), items(sources, "absences")
    periods, days = items(sources, "support-periods"), items(sources, "school-days")
    assert set(students[0]) == {
        "id", "personId", "schoolNumber", "grade", "className", "homeMunicipality", "form", "startDate", "endDate",
        "deleted", "updatedAt",
    }  # fmt: skip
    assert set(absences[0]) == {"id", "studentId", "from", "to", "type", "clearedAt", "deleted", "updatedAt"}
    assert set(periods[0]) == {
        "id", "studentId", "scheme", "kind", "start", "end", "placement", "functionalAreas", "extended",
        "disabilityBased", "measures", "deleted", "updatedAt",
    }  # fmt: skip
    assert set(days[0]) == {"schoolNumber", "date", "grade", "lessons", "dayStart", "slotMinutes"}
    for found in (students, absences, periods):
        assert len({item["id"] for item in found}) == len(found)
        assert any(item["deleted"] for item in found)
    assert {item["studentId"] for item in absences + periods} <= {item["id"] for item in students}
    assert {item["type"] for item in absences} == {"SICK", "LEAVE", "UNAUTH", "OTHER", "UNKNOWN", "SCHOOL", "LATE"}
    assert {item["form"] for item in students} == {"BASIC", "FLEX", "PREP", "HOME", "HOSPITAL"}
    assert any(item["personId"] is None for item in students)
    assert max(Counter(item["personId"] for item in students if item["personId"]).values()) > 1
    assert {item["schoolNumber"] for item in students} <= {day["schoolNumber"] for day in days}
    assert {day["dayStart"] for day in days} == {"08:00", "08:15", "08:30", "09:00"}
    pairs = {(item["scheme"], item["kind"]) for item in periods}
    assert pairs == {
        ("2011", "INTENSIFIED"),
        ("2011", "SPECIAL"),
        ("2025", "DECISION"),
        ("2011", "DECISION"),
        ("2025", "SPECIAL"),
    }
    clock = json.loads((sources / "siilinjarvi" / "clock.json").read_text())
    assert clock == {"asOf": "2026-05-31T04:00:00+03:00"}
    assert all(item["updatedAt"] <= clock["asOf"] for item in students + absences + periods)


def test_siilinjarvi_intervals(sources: Path) -> None:
    spans = [
        (datetime.fromisoformat(a["from"]), datetime.fromisoformat(a["to"]), a)
        for a in items(sources, "absences")
        if a["to"] is not None
    ]
    assert all(start < end for start, end, _ in spans)
    assert any(end.date() - start.date() > timedelta(2) for start, end, _ in spans)
    # Over a weekend, and over the change of the clocks.
    assert any(start.weekday() == 4 and (end - start).days >= 3 for start, end, _ in spans)
    clocks = [(s, e) for s, e, _ in spans if s.date() < date(2025, 10, 26) < e.date()]
    assert any(s.utcoffset() == timedelta(hours=3) and e.utcoffset() == timedelta(hours=2) for s, e in clocks)
    clocks = [(s, e) for s, e, _ in spans if s.date() < date(2026, 3, 29) < e.date()]
    assert any(s.utcoffset() == timedelta(hours=2) and e.utcoffset() == timedelta(hours=3) for s, e in clocks)
    # Intervals of one pupil that overlap, of one type and of two.
    kinds: set[bool] = set()
    by_pupil: dict[str, list[tuple[datetime, datetime, dict[str, Any]]]] = {}
    for span in spans:
        by_pupil.setdefault(span[2]["studentId"], []).append(span)
    for own in by_pupil.values():
        for n, (start, end, a) in enumerate(own):
            kinds |= {a["type"] == b["type"] for s, e, b in own[n + 1 :] if s < end and start < e}
    assert kinds == {True, False}
    assert any(start.minute % 5 for start, _, a in spans if a["type"] != "LATE")


def test_siilinjarvi_knows_an_end_when_it_has_come(tmp_path: Path) -> None:
    write_night(small_region(), date(2025, 11, 6), tmp_path / "early")
    write_night(small_region(), date(2025, 12, 12), tmp_path / "late")
    early = {a["id"]: a for a in items(tmp_path / "early", "absences")}
    late = {a["id"]: a for a in items(tmp_path / "late", "absences")}
    assert set(early) < set(late)
    open_ended = [n for n, a in early.items() if a["to"] is None]
    assert open_ended
    assert all(late[n]["to"] is not None and late[n]["updatedAt"] > early[n]["updatedAt"] for n in open_ended)
    cleared = [n for n in early if early[n]["type"] == "UNKNOWN" and late[n]["type"] != "UNKNOWN"]
    assert cleared
    assert all(late[n]["clearedAt"] for n in cleared)
    for n in early:
        # An increment finds what changed: only then is there a newer moment.
        changed = {k: v for k, v in early[n].items() if k != "updatedAt"} != {
            k: v for k, v in late[n].items() if k != "updatedAt"
        }
        assert changed == (late[n]["updatedAt"] != early[n]["updatedAt"])
        if changed:
            assert late[n]["updatedAt"] > "2025-11-06T04:00:00"


# Iisalmi


def test_iisalmi_views(sources: Path) -> None:
    pupils, absences = view(sources, "v_oppilas"), view(sources, "v_poissaolo")
    support, days = view(sources, "v_tuki"), view(sources, "v_tyopaiva")
    assert pupils.columns == [
        "hetu", "nimi", "koulunro", "luokka_aste", "luokka", "kotikunta", "opetusmuoto", "alku", "loppu", "muutettu",
    ]  # fmt: skip
    assert absences.columns == [
        "poissaolo_id", "hetu", "paiva", "tunnit", "syy", "hyvaksytty", "poistettu", "muutettu",
    ]  # fmt: skip
    assert support.columns == ["tuki_id", "hetu", "tuki", "alku", "loppu", "lisatieto", "muutettu"]
    assert days.columns == ["koulunro", "paiva", "luokka_aste", "tunnit"]
    assert absences.schema["tunnit"] == pl.Decimal(6, 2)
    assert pupils.schema["koulunro"] == pl.Int32
    assert pupils["koulunro"].max() < 10000
    assert pupils["hetu"].null_count() == 0
    assert pupils["luokka_aste"].null_count() > 0
    assert set(pupils["opetusmuoto"]) == {"perusopetus", "jopo", "valmistava", "kotiopetus", "sairaalaopetus"}
    assert all(PUPIL_NAME.fullmatch(name) for name in pupils["nimi"])


def test_iisalmi_absences(sources: Path) -> None:
    rows = view(sources, "v_poissaolo")
    assert set(rows["syy"]) == {1, 2, 3, 4, 5, 9}
    nine = rows.filter(pl.col("syy") == 9)
    assert set(nine["hyvaksytty"].fill_null("-")) == {"K", "E", "-"}
    assert set(rows["hyvaksytty"].fill_null("-")) == {"K", "E", "-"}
    assert rows["poistettu"].any()
    assert rows["poissaolo_id"].n_unique() == len(rows)
    alive = rows.filter(~pl.col("poistettu"))
    reason = alive.select("hetu", "paiva", "syy", pl.col("hyvaksytty") == "K")
    assert reason.n_unique() == len(reason)
    assert (alive["tunnit"] % 1 != 0).any()
    # More hours on a day than any day has.
    assert alive.group_by("hetu", "paiva").agg(pl.len(), pl.col("tunnit").sum()).filter(pl.col("len") > 1).height > 0
    assert (rows["muutettu"] < datetime(2026, 5, 31, 4)).all()  # noqa: DTZ001


def test_iisalmi_typed_support(sources: Path) -> None:
    rows = view(sources, "v_tuki")
    known = {
        "teh.tuki", "tehostettu", "tehostettu tuki", "et", "erityinen", "erityinen tuki", "erityinen (pid.)",
        "tuen päätös", "tuen päätös/erityisluokka",
    }  # fmt: skip
    assert {text.strip().casefold() for text in rows["tuki"]} == known
    assert any(text != text.strip() for text in rows["tuki"])
    assert any(text.strip().isupper() for text in rows["tuki"])
    assert any(text.strip().islower() for text in rows["tuki"])
    notes = [note for note in rows["lisatieto"] if note]
    form = re.compile(r"(toteutuspaikka [1-5]|TA|20 i §)(, (TA|20 i §))*")
    exact = [note for note in notes if form.fullmatch(note)]
    assert {"TA", "20 i §", "toteutuspaikka 1, TA"} <= set(exact)
    assert any(re.fullmatch("toteutuspaikka [2-5]", note) for note in exact)
    prose = set(notes) - set(exact)
    assert prose
    assert not any(re.search(r"toteutuspaikka|\bTA\b|20 i", note) for note in prose)


# Varkaus


def workbook(folder: Path, year: int = 2025) -> Path:
    return folder / "varkaus" / f"Varkaus_{year}-{year + 1}.xlsx"


@pytest.fixture(scope="module")
def pages(sources: Path) -> Any:
    return openpyxl.load_workbook(workbook(sources))


def test_varkaus_sheets_and_headers(pages: Any) -> None:
    headers = {
        "Oppilaat": "Oppilasnro, Hetu, Koulu, Vuosiluokka, Luokka, Kotikunta, Opetusmuoto, Aloitti, Lopetti",
        "Poissaolot": "Oppilasnro, Kuukausi, Sairaus h, Lupa h, Luvaton h, Epäselvä h",
        "Tuki": "Oppilasnro, Taso, Alkaen, Päättyen, Pienryhmä, Erityisluokka, Avustaja, Tulkki, Apuväline, TA-opetus, "
        "Pidennetty, 20 i §",
        "Kalenteri": "Koulu, Pvm, Vuosiluokka, Tunnit",
    }
    assert pages.sheetnames == list(headers)
    for name, header in headers.items():
        page = pages[name]
        assert ", ".join(cell.value for cell in page[4]) == header
        assert sorted(str(r) for r in page.merged_cells.ranges) == [
            f"A{n}:{page.cell(4, page.max_column).column_letter}{n}" for n in (1, 2, 3)
        ]


def test_varkaus_absences(pages: Any) -> None:
    page = pages["Poissaolot"]
    rows = data_rows(page)
    assert rows[-1][0] == "Yhteensä"
    assert rows[-2] == (None,) * 6
    rows = rows[:-2]
    values = [cell for row in rows for cell in row[2:]]
    assert {"–", None} < set(values)
    assert any(all(cell is None for cell in row[2:]) for row in rows)
    assert any(isinstance(cell, float) and cell % 1 == 0.5 for cell in values)
    months = {row[1] for row in rows}
    assert any(isinstance(m, datetime) and m.day > 1 for m in months)
    texts = {m for m in months if isinstance(m, str)}
    assert {"elokuu 2025", "syyskuu 2025", "huhtikuu 2026"} <= texts
    assert not any(isinstance(m, str) and m.startswith("touko") for m in months)
    for column in range(2, 6):
        total = sum(row[column] for row in rows if isinstance(row[column], int | float))
        assert data_rows(page)[-1][column] == total
    hidden = [n for n, dimension in page.row_dimensions.items() if dimension.hidden]
    assert hidden
    assert all(page.cell(n, 1).value for n in hidden)


def test_varkaus_pupils_support_and_calendar(pages: Any) -> None:
    pupils = data_rows(pages["Oppilaat"])
    assert {row[5] for row in pupils} > {"Varkaus"}
    assert all(row[2].endswith("koulu") or row[2] == "Svenska skolan i Varkaus" for row in pupils)
    assert any(row[1] is None for row in pupils)
    for name, column in (("Oppilaat", 7), ("Tuki", 2), ("Kalenteri", 1)):
        kinds = {type(row[column]) for row in data_rows(pages[name])}
        assert kinds == {str, datetime}
        assert all(
            re.fullmatch(r"\d{1,2}\.\d{1,2}\.\d{4}", row[column])
            for row in data_rows(pages[name])
            if isinstance(row[column], str)
        )
    support = data_rows(pages["Tuki"])
    assert {row[1] for row in support} == {"T", "E", "P", None}
    assert {cell for row in support for cell in row[4:]} == {"x", "X", None}
    assert any(row[1] is None and any(row[4:]) for row in support)
    used = {n for n in range(4, 12) if any(row[n] for row in support)}
    assert used >= {4, 5, 6, 9, 10, 11}


def test_varkaus_workbook_changes_with_the_weekly_edit_only(tmp_path: Path) -> None:
    def content(region: Region, day: int) -> bytes:
        varkaus.write(region, date(2025, 11, day), tmp_path)
        return (tmp_path / "Varkaus_2025-2026.xlsx").read_bytes()

    # Edited on Mondays 10 and 17 November, seen on the mornings after. A region made anew keeps nothing of the night
    # before.
    before, first = content(small_region(), 10), content(small_region(), 11)
    last_of_week, after = content(build_region(1, 0.02), 17), content(small_region(), 18)
    assert first == last_of_week
    assert len({before, first, after}) == 3


def test_varkaus_month_comes_after_it_has_ended(tmp_path: Path) -> None:
    def months(night: date) -> set[str]:
        write_night(small_region(), night, tmp_path)
        return {row[1] for row in data_rows(sheet(workbook(tmp_path), "Poissaolot")) if isinstance(row[1], str)} - {
            "Yhteensä"
        }

    assert months(date(2025, 10, 7)) == {"elokuu 2025", "syyskuu 2025"}
    # The edit of 27 October is the last before the month's end.
    assert months(date(2025, 11, 3)) == {"elokuu 2025", "syyskuu 2025"}
    assert months(date(2025, 11, 4)) == {"elokuu 2025", "syyskuu 2025", "lokakuu 2025"}


def test_varkaus_corrects_the_year_before_in_august(tmp_path: Path) -> None:
    write_night(small_region(), date(2025, 8, 4), tmp_path)
    assert workbook(tmp_path, 2025).exists()
    before = workbook(tmp_path, 2024).read_bytes()
    old = {row[:2]: row for row in data_rows(sheet(workbook(tmp_path, 2024), "Poissaolot"))}
    write_night(small_region(), date(2025, 8, 15), tmp_path)
    new = {row[:2]: row for row in data_rows(sheet(workbook(tmp_path, 2024), "Poissaolot"))}
    assert workbook(tmp_path, 2024).read_bytes() != before
    assert set(old) == set(new)
    assert any(old[key] != new[key] for key in old if key[0] != "Yhteensä")


# Knowledge over the nights


def test_later_nights_correct_earlier_days(tmp_path: Path) -> None:
    first, second = date(2025, 11, 5), date(2025, 11, 19)
    for night in (first, second):
        write_night(small_region(), night, tmp_path / night.isoformat())

    def marks(night: date) -> dict[str, str]:
        rows = kuopio(tmp_path / night.isoformat(), night, "tuntimerkinnat")
        return {
            row["Merkintänro"]: row["Merkintä"]
            for row in rows
            if datetime.strptime(row["Pvm"], "%d.%m.%Y").date() < first  # noqa: DTZ007
        }

    old, new = marks(first), marks(second)
    assert any(old[n] == "P" and new.get(n) in ("S", "H", "LU", "L") for n in old)
    assert old.keys() - new.keys()
    assert new.keys() - old.keys()


def test_iisalmi_corrects_its_records(tmp_path: Path) -> None:
    seen: list[dict[int, tuple[Any, ...]]] = []
    for n in range(50):
        iisalmi.write(small_region(), date(2025, 9, 3) + timedelta(5 * n), tmp_path)
        rows = pl.read_parquet(tmp_path / "v_poissaolo.parquet").iter_rows()
        seen.append({row[0]: row[3:] for row in rows})
    corrected, deleted = 0, 0
    for old, new in pairwise(seen):
        assert old.keys() <= new.keys()
        for n, (hours, reason, accepted, gone, moment) in old.items():
            assert new[n][0] == hours
            assert (new[n][:-1] != (hours, reason, accepted, gone)) == (new[n][-1] > moment)
            corrected += reason == 9 and new[n][1] != 9
            deleted += not gone and new[n][3]
    assert corrected > 0
    assert deleted > 0


def test_only_what_was_known_and_only_of_the_school_year(tmp_path: Path) -> None:
    night = date(2025, 12, 10)
    write_night(small_region(), night, tmp_path)
    days = {datetime.strptime(row["Pvm"], "%d.%m.%Y").date() for row in kuopio(tmp_path, night, "tuntimerkinnat")}  # noqa: DTZ007
    assert min(days) > date(2025, 8, 1)
    assert max(days) < night
    assert view(tmp_path, "v_poissaolo")["paiva"].max() < night
    assert view(tmp_path, "v_poissaolo")["paiva"].min() > date(2025, 8, 1)
    assert all(a["updatedAt"] < "2025-12-10T04:00:00+02:00" for a in items(tmp_path, "absences"))
    write_night(small_region(), date(2025, 7, 20), tmp_path / "july")
    assert view(tmp_path / "july", "v_poissaolo")["paiva"].max() <= date(2025, 5, 31)
    assert not workbook(tmp_path / "july", 2025).exists()
    assert kuopio(tmp_path / "july", date(2025, 7, 20), "oppilaat")


def strings(folder: Path, night: date) -> Iterator[str]:
    for name in ("oppilaat", "tuntimerkinnat"):
        for row in kuopio(folder, night, name):
            yield from (row.get(c, "") for c in ("Oppijanumero", "Henkilötunnus", "Merkintänro", "Selvittäjä"))
    for name in ("students", "absences", "support-periods"):
        for item in items(folder, name):
            yield from (item.get(c) or "" for c in ("id", "personId", "studentId"))
    yield from view(folder, "v_oppilas")["nimi"]
    yield from view(folder, "v_oppilas")["hetu"]
    yield from map(str, view(folder, "v_poissaolo")["poissaolo_id"])
    yield from map(str, view(folder, "v_tuki")["tuki_id"])
    for row in data_rows(sheet(workbook(folder), "Oppilaat")):
        yield from (row[0], row[1] or "")


def test_identifiers_are_all_of_them(sources: Path) -> None:
    known = identifiers(small_region())
    assert set(strings(sources, NIGHT)) - {""} <= known
    assert all(len(value) >= 8 for value in known)
