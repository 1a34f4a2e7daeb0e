"""What a transport hands over: the bytes of one night, as they came, and the three ways in which they can fail to come.

Light on purpose: the DAG factory imports it while parsing, so it needs nothing but the standard library.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

DATASETS = ("enrolment", "absence", "support", "school_day")

_CHUNK = 1 << 20


@dataclass(frozen=True)
class RawFile:
    """One dataset's bytes as the source gave them.

    `dataset` is one of DATASETS. A file that holds several datasets (a workbook) appears once for each of them,
    with the same `name` and the same content. REST and SQL transports write each dataset as newline-delimited JSON
    (`students.ndjson`: one object a record, mapped columns only, dates in ISO 8601, decimals as strings), so that
    an archived delivery can be read again without its source.
    """

    dataset: str
    name: str
    content: bytes | Path

    def read_bytes(self) -> bytes:
        """The whole content."""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


@dataclass(frozen=True)
class RawDelivery:
    """All datasets of one municipality for one night, of one school year.

    `school_year` is the year in which it starts. A source that still takes corrections to the previous school year
    gives a delivery of its own for it (see `Municipality.school_years`).
    `as_of`: the moment that the source's data is from, with time zone. `since`: increments from this moment
    (`chain` extent only; None = everything). `first_of_year`: no earlier delivery of the school year is on the
    server or in the ledger. `digest`: `content_digest(files)`. `first_received`: the night on which these bytes came
    first, of a file without a date of its own; None = this night.
    """

    municipality: str
    night: date
    school_year: int
    as_of: datetime
    since: datetime | None
    first_of_year: bool
    files: tuple[RawFile, ...]
    digest: str
    first_received: date | None = None

    def file(self, dataset: str) -> RawFile | None:
        """The file that holds the dataset, or None."""
        return next((file for file in self.files if file.dataset == dataset), None)


class DeliveryProblem(Exception):
    """A delivery that could not be had. Says who, why (in both languages) and what to do; never holds a record.

    `code` names the reason for machines (`missing_column`, `too_slow`, …); it stays the same when the words change.
    """

    def __init__(self, municipality: str, reason_en: str, reason_fi: str, hint: str = "", code: str = "") -> None:
        super().__init__(f"{municipality}: {reason_en}" + (f" {hint}" if hint else ""))
        self.municipality = municipality
        self.reason_en = reason_en
        self.reason_fi = reason_fi
        self.hint = hint
        self.code = code or "unnamed"

    def __reduce__(self) -> tuple[type["DeliveryProblem"], tuple[str, str, str, str, str]]:
        return type(self), (
            self.municipality,
            self.reason_en,
            self.reason_fi,
            self.hint,
            self.code,
        )


class NotThereYet(DeliveryProblem):
    """Nothing to take yet; ask again later the same night."""


class SourceRefused(DeliveryProblem):
    """Something came that cannot be taken as it is; asking again does not help until the source mends it."""


class SourceUnavailable(DeliveryProblem):
    """The source did not answer as it should; try again."""


def school_year_of(night: date) -> int:
    """The year in which the school year of that day starts: a school year runs from 1 August to 31 July."""
    return night.year if night.month >= 8 else night.year - 1


def school_year_bounds(school_year: int) -> tuple[date, date]:
    """First and last day of the school year that starts in that year."""
    return date(school_year, 8, 1), date(school_year + 1, 7, 31)


def content_digest(files: Iterable[RawFile]) -> str:
    """SHA-256 (hex) over names and bytes of the files, each name once, in the order of the names."""
    digest = hashlib.sha256()
    by_name = {file.name: file for file in files}
    for name in sorted(by_name):
        content = by_name[name].content
        digest.update(f"{len(name.encode())}:{name}".encode())
        if isinstance(content, bytes):
            digest.update(f"{len(content)}:".encode())
            digest.update(content)
        else:
            digest.update(f"{content.stat().st_size}:".encode())
            with content.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()
