"""Small deliveries in the four municipalities' shapes, made of lists of rows."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl

from connectors.config import Municipality, load_municipality
from connectors.delivery import RawDelivery, RawFile, content_digest, school_year_of
from connectors.pseudonyms import PseudonymKeys

ROOT = Path(__file__).resolve().parents[2]
KEYS = PseudonymKeys(regional=b"regional-key-of-the-tests-000001", municipal=b"municipal-key-of-the-tests-00001")
NIGHT = date(2025, 10, 14)

OID_1 = "1.2.246.562.98.10000000001"
OID_2 = "1.2.246.562.98.10000000002"
OID_3 = "1.2.246.562.98.10000000003"

CSV_HEADERS = {
    "oppilaat.csv": "Oppijanumero;Henkilötunnus;Koulunro;Luokka-aste;Luokka;Kotikunta;Opetusmuoto;Alkupvm;Loppupvm",
    "tuntimerkinnat.csv": ("Merkintänro;Oppijanumero;Koulunro;Pvm;Tunti;Aine;Merkintä;Kesto min;Selvittäjä;Selvitetty"),
    "tuki.csv": "Oppijanumero;Tuki;Alkupvm;Loppupvm;Toteutuspaikka;Tukitoimet;Päätöspvm",
    "tyopaivat.csv": "Koulunro;Pvm;Luokka-aste;Oppitunnit",
}
SHEET_HEADERS = {
    name: header.split(",")
    for name, header in {
        "Oppilaat": "Oppilasnro,Hetu,Koulu,Vuosiluokka,Luokka,Kotikunta,Opetusmuoto,Aloitti,Lopetti",
        "Poissaolot": "Oppilasnro,Kuukausi,Sairaus h,Lupa h,Luvaton h,Epäselvä h",
        "Tuki": (
            "Oppilasnro,Taso,Alkaen,Päättyen,Pienryhmä,Erityisluokka,Avustaja,Tulkki,Apuväline,TA-opetus,"
            "Pidennetty,20 i §"
        ),
        "Kalenteri": "Koulu,Pvm,Vuosiluokka,Tunnit",
    }.items()
}


def municipality(name: str) -> Municipality:
    return load_municipality(ROOT / "municipalities" / name)


def hetu(birth: str, number: int) -> str:
    """A synthetic HETU (individual number 900–999) of a child born in the 2000s; birth is ddmmyy."""
    assert 900 <= number <= 999
    return f"{birth}A{number}{'0123456789ABCDEFHJKLMNPRSTUVWXY'[int(f'{birth}{number}') % 31]}"


HETU_1 = hetu("010115", 901)
HETU_2 = hetu("020216", 912)
HETU_3 = hetu("030317", 923)


def pupil(local_id: str) -> bytes:
    return KEYS.uuid("pupil", local_id).bytes


def record(own_id: str) -> bytes:
    return KEYS.uuid("record", own_id).bytes


def delivery(name: str, files: Sequence[RawFile], night: date = NIGHT, **changes: Any) -> RawDelivery:
    values: dict[str, Any] = {
        "municipality": name,
        "night": night,
        "school_year": school_year_of(night),
        "as_of": datetime(night.year, night.month, night.day, 1, 30, tzinfo=UTC),
        "since": None,
        "first_of_year": False,
        "files": tuple(files),
        "digest": content_digest(files),
    }
    return RawDelivery(**{**values, **changes})


def csv_bytes(name: str, rows: Sequence[str]) -> bytes:
    return "\r\n".join([CSV_HEADERS[name], *rows, ""]).encode("utf-8-sig")


def kuopio(
    pupils: Sequence[str] | None = None,
    marks: Sequence[str] = (),
    support: Sequence[str] = (),
    days: Sequence[str] = (),
    **changes: Any,
) -> RawDelivery:
    if pupils is None:
        pupils = [f"{OID_1};{HETU_1};07522;7;7A;297;PO;11.08.2025;", f"{OID_2};;07522;7;7B;174;PO;11.08.2025;"]
    contents = {"oppilaat.csv": pupils, "tuntimerkinnat.csv": marks, "tuki.csv": support, "tyopaivat.csv": days}
    names = ("enrolment", "absence", "support", "school_day")
    files = [
        RawFile(dataset, name, csv_bytes(name, rows))
        for dataset, (name, rows) in zip(names, contents.items(), strict=True)
    ]
    return delivery("kuopio", files, **changes)


def ndjson(items: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode()


def student(**changes: Any) -> dict[str, Any]:
    return {
        "id": "student-0001",
        "personId": HETU_1,
        "schoolNumber": "07735",
        "grade": 7,
        "className": "7A",
        "homeMunicipality": "749",
        "form": "BASIC",
        "startDate": "2025-08-11",
        "endDate": None,
        "deleted": False,
        "updatedAt": "2025-08-11T08:00:00+03:00",
        **changes,
    }


def interval(**changes: Any) -> dict[str, Any]:
    return {
        "id": "absence-0001",
        "studentId": "student-0001",
        "from": "2025-10-06T10:15:00+03:00",
        "to": "2025-10-06T12:15:00+03:00",
        "type": "SICK",
        "clearedAt": None,
        "deleted": False,
        "updatedAt": "2025-10-06T13:00:00+03:00",
        **changes,
    }


def support_period(**changes: Any) -> dict[str, Any]:
    return {
        "id": "support-0001",
        "studentId": "student-0001",
        "scheme": "2025",
        "kind": "DECISION",
        "start": "2025-10-06",
        "end": None,
        "placement": None,
        "functionalAreas": False,
        "extended": False,
        "disabilityBased": False,
        "measures": [],
        "deleted": False,
        "updatedAt": "2025-10-06T13:00:00Z",
        **changes,
    }


def siilinjarvi(
    students: Sequence[Mapping[str, Any]] | None = None,
    absences: Sequence[Mapping[str, Any]] = (),
    periods: Sequence[Mapping[str, Any]] = (),
    days: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> RawDelivery:
    files = [
        RawFile("enrolment", "students.ndjson", ndjson([student()] if students is None else students)),
        RawFile("absence", "absences.ndjson", ndjson(absences)),
        RawFile("support", "support-periods.ndjson", ndjson(periods)),
        RawFile("school_day", "school-days.ndjson", ndjson(days)),
    ]
    return delivery("siilinjarvi", files, **changes)


def iisalmi(
    pupils: Sequence[Mapping[str, Any]] | None = None,
    absences: Sequence[Mapping[str, Any]] = (),
    support: Sequence[Mapping[str, Any]] = (),
    days: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> RawDelivery:
    if pupils is None:
        pupils = [oppilas()]
    files = [
        RawFile("enrolment", "v_oppilas.ndjson", ndjson(pupils)),
        RawFile("absence", "v_poissaolo.ndjson", ndjson(absences)),
        RawFile("support", "v_tuki.ndjson", ndjson(support)),
        RawFile("school_day", "v_tyopaiva.ndjson", ndjson(days)),
    ]
    return delivery("iisalmi", files, **changes)


def oppilas(**changes: Any) -> dict[str, Any]:
    return {
        "hetu": HETU_1,
        "koulunro": 5994,
        "luokka_aste": 7,
        "luokka": "7C",
        "kotikunta": 140,
        "opetusmuoto": "perusopetus",
        "alku": "2025-08-11",
        "loppu": None,
        "muutettu": "2025-08-11T08:00:00+03:00",
        **changes,
    }


def poissaolo(**changes: Any) -> dict[str, Any]:
    return {
        "poissaolo_id": 1,
        "hetu": HETU_1,
        "paiva": "2025-10-06",
        "tunnit": "4.00",
        "syy": 1,
        "hyvaksytty": None,
        "poistettu": False,
        "muutettu": "2025-10-06T16:00:00+03:00",
        **changes,
    }


def tuki(**changes: Any) -> dict[str, Any]:
    return {
        "tuki_id": 1,
        "hetu": HETU_1,
        "tuki": "Erityinen tuki",
        "alku": "2024-08-08",
        "loppu": None,
        "lisatieto": None,
        "muutettu": "2024-08-08T12:00:00+03:00",
        **changes,
    }


def workbook(sheets: Mapping[str, Sequence[Sequence[Any]]], hidden: Mapping[str, Sequence[int]] | None = None) -> bytes:
    """Four sheets with three merged title rows; `hidden`: sheet → data rows (1 = first) that are hidden."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, header in SHEET_HEADERS.items():
        sheet = book.create_sheet(name)
        for row, title in enumerate(("Varkauden kaupunki", name, "Lukuvuosi 2025-2026"), 1):
            sheet.cell(row, 1, title)
            sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(header))
        sheet.append(list(header))
        for values in sheets.get(name, ()):
            sheet.append(list(values))
        for row in (hidden or {}).get(name, ()):
            sheet.row_dimensions[4 + row].hidden = True
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def varkaus(
    pupils: Sequence[Sequence[Any]] | None = None,
    absences: Sequence[Sequence[Any]] = (),
    support: Sequence[Sequence[Any]] = (),
    days: Sequence[Sequence[Any]] = (),
    hidden: Mapping[str, Sequence[int]] | None = None,
    **changes: Any,
) -> RawDelivery:
    if pupils is None:
        pupils = [
            ["vk-00000001", HETU_1, "Könönpellon koulu", 5, "5A", "Varkaus", "perusopetus", date(2025, 8, 11), None]
        ]
    content = workbook({"Oppilaat": pupils, "Poissaolot": absences, "Tuki": support, "Kalenteri": days}, hidden)
    names = ("enrolment", "absence", "support", "school_day")
    return delivery("varkaus", [RawFile(name, "Varkaus_2025-2026.xlsx", content) for name in names], **changes)
