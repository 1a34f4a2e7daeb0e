"""One file checked by the rules of the night, for whoever sends it: no warehouse, no keys, nothing is kept."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from connectors.check import check_dataset
from connectors.config import load_municipality
from connectors.delivery import RawDelivery, RawFile, content_digest, school_year_of
from connectors.pseudonyms import PseudonymKeys

KEY_BYTES = 32


@dataclass(frozen=True)
class FileCheck:
    """What the night would do with a file. rejected: row_number, column_name, rule, message_fi, message_en of each
    rejected row. unmapped: kind, source_code, row_count of each code that the municipality's folder does not know."""

    file: str
    dataset: str
    rows_in: int
    rows_landed: int
    rows_rejected: int
    rejected: list[dict[str, Any]]
    unmapped: list[dict[str, Any]]
    findings: list[dict[str, Any]]


def check_file(folder: Path, dataset: str, file: Path, night: date) -> FileCheck:
    """Checks one dataset's file of the municipality in `folder` as if it were delivered for `night`.

    What only the whole delivery can tell (a pupil without an enrolment) is not looked at. Raises SourceRefused when the
    file cannot be read at all, ConfigError when the folder is not in order.
    """
    municipality = load_municipality(folder)
    files = (RawFile(dataset, file.name, file),)
    as_of = datetime.combine(night, time(), ZoneInfo("Europe/Helsinki"))
    raw = RawDelivery(
        municipality=municipality.name,
        night=night,
        school_year=school_year_of(night),
        as_of=as_of,
        since=None,
        # Then marks from the school year's first day on are inside the window.
        first_of_year=True,
        files=files,
        digest=content_digest(files),
    )
    # Pseudonyms of a key that is thrown away: the rules need them to compare rows, nobody needs to know them.
    keys = PseudonymKeys(secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES))
    checked = check_dataset(raw, municipality, keys, dataset)
    shown = ("row_number", "column_name", "rule", "message_fi", "message_en")
    return FileCheck(
        file=file.name,
        dataset=dataset,
        rows_in=checked.rows_in,
        rows_landed=checked.rows_landed,
        rows_rejected=checked.rows_in - checked.rows_landed,
        rejected=checked.rejected.select(shown).sort("row_number").to_dicts(),
        unmapped=checked.unmapped,
        findings=checked.findings,
    )
