"""What a person wants to know of the nights: what came, how it ended, which release is shown, what to do next."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from connectors.config import municipality_names
from pipeline import findings, ledger
from pipeline.decisions import last_decision
from pipeline.findings import Finding
from pipeline.settings import Settings
from pipeline.warehouse import connect


@dataclass(frozen=True)
class MunicipalityStatus:
    """One municipality: its last night, and the accepted data that the region goes on with.

    status, delivery: of the last night; as_of: the moment that the accepted data is from; covers_to: the last day that
    its absences report on. rows_*: of the last accepted delivery. decided_by, decision: who accepted or refused the
    last night's delivery, and why, where a person did. checks: how many of the newest gate ended in each outcome.
    unmapped: codes that wait to be mapped. receipt: how telling the source of the last night went, receipt_problem: why
    it could not be told. next_command: what to do, or None.
    """

    municipality: str
    night: date | None
    status: str
    delivery: str | None
    reason_en: str | None
    reason_fi: str | None
    accepted_delivery: str | None
    as_of: datetime | None
    covers_to: date | None
    rows_in: int
    rows_landed: int
    rows_rejected: int
    decided_by: str | None
    decision: str | None
    checks: dict[str, int]
    unmapped: int
    receipt: str | None
    receipt_problem: str | None
    next_command: str | None


@dataclass(frozen=True)
class Status:
    """The whole region. release: the one that `reporting` shows; last_release: the last one tried. findings: open ones,
    and those that the newest look resolved. region_checks: as `checks`, of the last release's gates."""

    municipalities: tuple[MunicipalityStatus, ...]
    findings: tuple[Finding, ...]
    region_checks: dict[str, int]
    release: dict[str, Any] | None
    last_release: dict[str, Any] | None
    tables: tuple[dict[str, Any], ...]

    @property
    def is_well(self) -> bool:
        """True when every municipality's last night was taken in and the last release was published."""
        taken = all(one.status in ("accepted", "unchanged") for one in self.municipalities)
        return taken and self.last_release is not None and self.last_release["status"] == "published"


def read_status(settings: Settings) -> Status:
    """Reads the ledger and the releases. Raises psycopg.errors.UndefinedTable before the first night."""
    names = municipality_names(settings.municipalities)
    with connect(settings) as connection:
        checks = findings.read_outcomes(connection)
        return Status(
            municipalities=tuple(_municipality(connection, name, checks.get(name, {})) for name in names),
            findings=findings.read_findings(connection),
            region_checks=checks.get(findings.REGION, {}),
            release=_release(connection, "is_current"),
            last_release=_release(connection, "release_number = (select max(release_number) from ops.release)"),
            tables=tuple(
                {"table": row[0], "rows": row[1], "suppressed": row[2]}
                for row in connection.execute(
                    """
                    select t.table_name, t.row_count, t.suppressed_count
                    from ops.release_table as t inner join ops.release as r on r.release_number = t.release_number
                    where r.is_current order by t.table_name
                    """
                )
            ),
        )


def _municipality(connection: psycopg.Connection, name: str, checks: dict[str, int]) -> MunicipalityStatus:
    night = connection.execute(
        """
        select night, status, reason_en, reason_fi, delivery from ops.night_outcome
        where municipality = %s order by night desc limit 1
        """,
        (name,),
    ).fetchone()
    accepted = connection.execute(
        """
        select delivery, max(as_of), max(covers_to) filter (where dataset = 'absence'),
            sum(rows_in), sum(rows_landed), sum(rows_rejected)
        from ops.delivery
        where municipality = %s and status = 'accepted'
        group by delivery_id, delivery, night, school_year
        order by school_year desc, night desc, delivery_id desc limit 1
        """,
        (name,),
    ).fetchone()
    status = night[1] if night else "nothing yet"
    delivery = night[4] if night else None
    entered = ledger.find_delivery(connection, delivery) if delivery else None
    decision = last_decision(connection, entered.delivery_id) if entered else None
    receipt = connection.execute(
        """
        select status, problem from ops.receipt
        where delivery_id = (select max(delivery_id) from ops.delivery where delivery = %s)
        order by made_at desc limit 1
        """,
        (delivery,),
    ).fetchone()
    unmapped = _unmapped(connection, name)
    return MunicipalityStatus(
        municipality=name,
        night=night[0] if night else None,
        status=status,
        delivery=delivery,
        reason_en=night[2] if night else None,
        reason_fi=night[3] if night else None,
        accepted_delivery=accepted[0] if accepted else None,
        as_of=accepted[1] if accepted else None,
        covers_to=accepted[2] if accepted else None,
        rows_in=int(accepted[3]) if accepted else 0,
        rows_landed=int(accepted[4]) if accepted else 0,
        rows_rejected=int(accepted[5]) if accepted else 0,
        decided_by=decision.decided_by if decision else None,
        decision=decision.reason if decision else None,
        checks=checks,
        unmapped=unmapped,
        receipt=receipt[0] if receipt else None,
        receipt_problem=receipt[1] if receipt else None,
        next_command=_next_command(name, status, night[0] if night else None, delivery, unmapped),
    )


def _unmapped(connection: psycopg.Connection, name: str) -> int:
    row = connection.execute(
        """
        select count(distinct (code.dataset, code.kind, code.source_code))
        from ops.unmapped_code as code
        inner join ops.delivery as delivery
            on code.delivery_id = delivery.delivery_id and code.dataset = delivery.dataset
        where delivery.municipality = %s and (delivery.status, delivery.night) in (
            select status, max(night) from ops.delivery
            where municipality = %s and status in ('accepted', 'held') group by status
        )
        """,
        (name, name),
    ).fetchone()
    return int(row[0]) if row else 0


def _next_command(name: str, status: str, night: date | None, delivery: str | None, unmapped: int) -> str | None:
    if status in ("accepted", "unchanged") or night is None:
        return None
    if status == "held":
        first = f"tukiverkko unmapped {name}, then " if unmapped else ""
        mended = f"(after the folder municipalities/{name}/ or the rule is mended)"
        decide = f'tukiverkko decide {delivery} accept|refuse --reason "…"'
        return f"{first}tukiverkko replay {delivery}   {mended}, or {decide}"
    return f"tukiverkko ingest {name} --night {night}"


def _release(connection: psycopg.Connection, condition: str) -> dict[str, Any] | None:
    columns = ("release_number", "night", "status", "published_at", "code_version", "reason", "durations")
    row = connection.execute(f"select {', '.join(columns)} from ops.release where {condition}").fetchone()
    return dict(zip(columns, row, strict=True)) if row else None
