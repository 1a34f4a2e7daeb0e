"""A small delivery of Kuopio that the gate accepts, taken in without its source: one pupil in each school."""

from collections.abc import Sequence
from datetime import date, timedelta

from connectors.config import load_municipality
from connectors.delivery import RawDelivery
from pipeline import archive, ingest, keys, ledger
from pipeline.settings import Settings
from pipeline.warehouse import connect
from tests.connectors import samples

NIGHT = date(2025, 10, 14)
# One night's marks; the first pupil's, on a school day of the window.
MARKS = (f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;",)


def oid(number: int) -> str:
    return f"1.2.246.562.98.1000000{number:04d}"


def raw_kuopio(
    settings: Settings,
    night: date = NIGHT,
    *,
    without: str = "",
    marks: Sequence[str] = MARKS,
    pupils: Sequence[str] = (),
) -> RawDelivery:
    """Every school of Kuopio but `without` has one pupil of grade 7, and school days on weekdays from 11 August on."""
    schools = sorted(
        {school.school_number for school in load_municipality(settings.municipalities / "kuopio").codes.schools}
    )
    first = date(2025, 8, 11)
    days = [day for day in (first + timedelta(n) for n in range(300)) if day.weekday() < 5]
    enrolled = [
        f"{samples.OID_1 if school == '07522' else oid(number)};;{school};7;7A;297;PO;11.08.2025;"
        for number, school in enumerate(schools, 1)
        if school != without
    ]
    return samples.kuopio(
        pupils=[*enrolled, *pupils],
        marks=marks,
        days=[f"{school};{day:%d.%m.%Y};7;5,0" for school in schools for day in days],
        night=night,
    )


def take_in(settings: Settings, raw: RawDelivery) -> ingest.Outcome:
    """The night from the moment on when its bytes are here."""
    with connect(settings) as connection:
        delivery = ledger.receive(connection, raw)
        archive.store(settings.archive, keys.archive_key(settings), delivery.delivery, raw)
    ingest.load(settings, raw.municipality, raw.night)
    return ingest.report(settings, raw.municipality, raw.night, None)
