"""The quality page: how the nights went, what was found and for how long, what waits, and what was released. From
schema `ops`: counts, rules, codes and column names; never a value of a row, nor a code that could be a name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import zip_longest
from zoneinfo import ZoneInfo

import psycopg

from connectors.config import ConfigError, municipality_names
from connectors.messages import MESSAGES
from pages.labels import Labels
from pages.language import Words
from pipeline import findings
from pipeline.findings import Finding
from pipeline.receipts import code_in_finnish
from pipeline.settings import Settings
from pipeline.unmapped import UnmappedCode, read_queue

HELSINKI = ZoneInfo("Europe/Helsinki")
MOST_NIGHTS, MOST_RELEASES = 60, 20
# A status → its sign, so that none is told by its colour alone.
SIGNS: Mapping[str, str] = {
    "accepted": "✓",
    "unchanged": "=",
    "held": "!",
    "refused": "✕",
    "failed": "✕",
    "published": "✓",
    "building": "…",
}


@dataclass(frozen=True)
class Delivered:
    """A dataset of the delivery that a municipality's last night brought in, or that is still in use."""

    municipality: str
    delivery: str
    dataset: str
    status: str
    rows_in: int
    rows_landed: int
    rows_rejected: int
    covers_from: date | None
    covers_to: date | None
    as_of: datetime | None


@dataclass(frozen=True)
class Rejected:
    """Rows of a delivery that were not taken, by rule and column of the source."""

    municipality: str
    delivery: str
    dataset: str
    rule: str
    column: str
    rows: int


@dataclass(frozen=True)
class Released:
    """A release. checks: outcome → how many of its checks ended so. withheld: rows with a withheld value."""

    release_number: int
    night: date
    status: str
    is_current: bool
    by_hand: bool
    at: datetime
    withheld: int | None
    checks: Mapping[str, int]
    broken_fi: tuple[str, ...]
    broken_en: tuple[str, ...]


@dataclass(frozen=True)
class Quality:
    """All that the page tells. nights: (municipality, night) → how it ended. without_queue: the codes' queue could not
    be read, because a folder is not in order."""

    municipalities: tuple[str, ...]
    nights: Mapping[tuple[str, date], str]
    released: Mapping[date, str]
    deliveries: tuple[Delivered, ...]
    findings: tuple[Finding, ...]
    unmapped: tuple[UnmappedCode, ...]
    without_queue: bool
    rejected: tuple[Rejected, ...]
    releases: tuple[Released, ...]


@dataclass(frozen=True)
class CalendarRow:
    """A night: one status a municipality (empty: nothing is known), and that of its release. gap: how many nights
    without anything known lie between it and the next row."""

    night: date
    statuses: tuple[str, ...]
    release: str
    gap: int


@dataclass(frozen=True)
class QualityInWords:
    """The page's parts in one language."""

    places: tuple[str, ...]
    calendar: tuple[CalendarRow, ...]
    deliveries: tuple[Delivered, ...]
    findings: tuple[tuple[Finding, str], ...]
    unmapped: tuple[tuple[UnmappedCode, str], ...]
    without_queue: bool
    rejected: tuple[tuple[Rejected, str], ...]
    releases: tuple[tuple[Released, tuple[str, ...]], ...]


def read_quality(connection: psycopg.Connection, settings: Settings) -> Quality:
    """Reads the ledger, the findings and the releases."""
    nights = {
        (municipality, night): status
        for municipality, night, status in connection.execute(
            "select municipality, night, status from ops.night_outcome"
        ).fetchall()
    }
    names = {*municipality_names(settings.municipalities), *(municipality for municipality, _ in nights)}
    releases = _releases(connection)
    released: dict[date, str] = {}
    for release in releases:
        # A published release of the night counts more than one that was tried beside it.
        if released.get(release.night) != "published":
            released[release.night] = release.status
    try:
        queue, without_queue = tuple(read_queue(connection, settings, None)), False
    except ConfigError:
        queue, without_queue = (), True
    return Quality(
        municipalities=tuple(sorted(names)),
        nights=nights,
        released=released,
        deliveries=_deliveries(connection),
        findings=findings.read_findings(connection),
        unmapped=queue,
        without_queue=without_queue,
        rejected=_rejected(connection),
        releases=releases,
    )


def in_words(quality: Quality, labels: Labels) -> QualityInWords:
    """The same in one language."""
    words = labels.words
    finnish = words.language == "fi"
    return QualityInWords(
        places=tuple(labels.place(name) for name in quality.municipalities),
        calendar=_calendar(quality),
        deliveries=quality.deliveries,
        findings=tuple((one, one.message_fi if finnish else one.message_en) for one in quality.findings),
        unmapped=tuple(
            (one, code_in_finnish(one.told_to_all) if finnish else one.told_to_all) for one in quality.unmapped
        ),
        without_queue=quality.without_queue,
        rejected=tuple((one, _rule(one, words)) for one in quality.rejected),
        releases=tuple((one, one.broken_fi if finnish else one.broken_en) for one in quality.releases),
    )


def _calendar(quality: Quality) -> tuple[CalendarRow, ...]:
    nights = sorted({night for _, night in quality.nights} | set(quality.released), reverse=True)[:MOST_NIGHTS]
    return tuple(
        CalendarRow(
            night,
            tuple(quality.nights.get((name, night), "") for name in quality.municipalities),
            quality.released.get(night, ""),
            (night - earlier).days - 1 if earlier else 0,
        )
        for night, earlier in zip_longest(nights, nights[1:])
    )


def _rule(rejected: Rejected, words: Words) -> str:
    """What the rule asks for, without what stood in the row."""
    texts = MESSAGES.get(rejected.rule)
    if texts is None:
        return ""
    template = texts[0 if words.language == "fi" else 1]
    return template.format(column=rejected.column, value="", detail="…")


def _deliveries(connection: psycopg.Connection) -> tuple[Delivered, ...]:
    columns = ", ".join(Delivered.__dataclass_fields__)
    rows = connection.execute(
        f"""
        select {columns} from ops.delivery
        where delivery_id in (
            select distinct on (municipality, status) delivery_id from ops.delivery
            where status in ('accepted', 'held') order by municipality, status, night desc, delivery_id desc
        )
        order by municipality, night, array_position(array['enrolment', 'absence', 'support', 'school_day'], dataset)
        """
    ).fetchall()
    return tuple(Delivered(*row) for row in rows)


def _rejected(connection: psycopg.Connection) -> tuple[Rejected, ...]:
    rows = connection.execute(
        """
        select
            delivery.municipality, delivery.delivery, rejected.dataset, rejected.rule,
            coalesce(rejected.column_name, ''), count(*)
        from ops.rejected_row as rejected
        inner join ops.delivery as delivery
            on rejected.delivery_id = delivery.delivery_id and rejected.dataset = delivery.dataset
        where delivery.delivery_id in (
            select distinct on (municipality, status) delivery_id from ops.delivery
            where status in ('accepted', 'held') order by municipality, status, night desc, delivery_id desc
        )
        group by 1, 2, 3, 4, 5
        order by 1, 2, 6 desc, 3, 4, 5
        """
    ).fetchall()
    return tuple(Rejected(*row) for row in rows)


def _releases(connection: psycopg.Connection) -> tuple[Released, ...]:
    rows = connection.execute(
        """
        select
            r.release_number, r.night, r.status, r.is_current, r.by_hand, coalesce(r.published_at, r.created_at),
            (select sum(suppressed_count) from ops.release_table as t where t.release_number = r.release_number)
        from ops.release as r order by r.release_number desc limit %s
        """,
        (MOST_RELEASES,),
    ).fetchall()
    checks: dict[int, dict[str, int]] = {}
    broken: dict[int, list[tuple[str, str]]] = {}
    for number, outcome, severity, finnish, english in connection.execute(
        """
        select release_number, outcome, severity, message_fi, message_en from ops.quality_result
        where release_number = any(%s) and stage <> 'delivery'
        order by suite, check_id
        """,
        ([row[0] for row in rows],),
    ).fetchall():
        counted = checks.setdefault(number, dict.fromkeys(("passed", "failed", "error", "not_applicable"), 0))
        counted[outcome] += 1
        if severity == "critical" and outcome in ("failed", "error"):
            broken.setdefault(number, []).append((finnish, english))
    return tuple(
        Released(
            release_number=number,
            night=night,
            status=status,
            is_current=is_current,
            by_hand=by_hand,
            at=at.astimezone(HELSINKI),
            withheld=None if withheld is None else int(withheld),
            checks=checks.get(number, {}),
            broken_fi=tuple(finnish for finnish, _ in broken.get(number, ())),
            broken_en=tuple(english for _, english in broken.get(number, ())),
        )
        for number, night, status, is_current, by_hand, at, withheld in rows
    )
