"""What a person wants to know of the nights: what came, how it ended, which release is shown, what to do next."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from connectors.config import ConfigError, load_municipality, municipality_names
from pipeline import findings, incidents, ledger
from pipeline.decisions import last_decision
from pipeline.findings import Finding
from pipeline.problems import Problem, find_problems, free_bytes, unreachable
from pipeline.release_due import ZONE
from pipeline.settings import Settings
from pipeline.warehouse import WarehouseUnreachable, connect


@dataclass(frozen=True)
class MunicipalityStatus:
    """One municipality: its last night, and the accepted data that the region goes on with.

    status, delivery: of the last night; as_of: the moment that the accepted data is from; covers_to: the last day that
    its absences report on. rows_*: of the last accepted delivery. decided_by, decision: who accepted or refused the
    last night's delivery, and why, where a person did. checks: how many of the newest gate ended in each outcome.
    unmapped: codes that wait to be mapped. receipt: how telling the source of the last night went, receipt_channel: by
    which way, receipt_problem: why it could not be told. quiet_since: the last night on which something new came,
    whatever became of it (or the first night of all); silent_days: after how many days without that it is silent.
    folder_problem: why its folder cannot be read.
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
    receipt_channel: str | None
    receipt_problem: str | None
    quiet_since: date | None
    silent_days: int
    folder_problem: str | None


@dataclass(frozen=True)
class Status:
    """The whole region. problems: what is wrong, worst first. untold: why nobody is told of it by e-mail, or None.
    release: the one that `reporting` shows; last_release: the last one tried. findings: open ones, and those that the
    newest look resolved. region_checks: as `checks`, of the last release's gates."""

    problems: tuple[Problem, ...]
    untold: str | None
    municipalities: tuple[MunicipalityStatus, ...]
    findings: tuple[Finding, ...]
    region_checks: dict[str, int]
    release: dict[str, Any] | None
    last_release: dict[str, Any] | None
    tables: tuple[dict[str, Any], ...]

    @property
    def is_well(self) -> bool:
        """True when nothing is wrong."""
        return not self.problems


def read_status(settings: Settings, now: datetime | None = None) -> Status:
    """Reads the ledger and the releases, as of `now` (with time zone; default: now). Raises WarehouseUnreachable, and
    psycopg.errors.UndefinedTable before the first night."""
    with connect(settings) as connection:
        return _read(connection, settings, now or datetime.now(ZONE))


def unreachable_status(settings: Settings, error: WarehouseUnreachable) -> Status:
    """What is known when the warehouse does not answer."""
    return Status((unreachable(str(error)),), _untold(settings, None), (), (), {}, None, None, ())


def _read(connection: psycopg.Connection, settings: Settings, now: datetime) -> Status:
    names = municipality_names(settings.municipalities)
    checks = findings.read_outcomes(connection)
    municipalities = tuple(_municipality(connection, settings, name, checks.get(name, {})) for name in names)
    last_release = _release(connection, "release_number = (select max(release_number) from ops.release)")
    problems = find_problems(
        municipalities,
        last_release,
        incidents.read_open(connection),
        now,
        by_the_clock=_by_the_clock(connection),
        free_bytes=free_bytes(settings.home),
    )
    return Status(
        problems=problems,
        untold=_untold(settings, connection),
        municipalities=municipalities,
        findings=findings.read_findings(connection),
        region_checks=checks.get(findings.REGION, {}),
        release=_release(connection, "is_current"),
        last_release=last_release,
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


def _by_the_clock(connection: psycopg.Connection) -> bool:
    """Whether the newest night ran on its own morning, not long after it, as a demo's does."""
    row = connection.execute(
        """
        select bool_or((reported_at at time zone 'Europe/Helsinki')::date = night)
        from ops.night_outcome where night = (select max(night) from ops.night_outcome)
        """
    ).fetchone()
    return bool(row and row[0])


def _untold(settings: Settings, connection: psycopg.Connection | None) -> str | None:
    """Why the engineers are not told of what is wrong, or None: where no address is set, or the mail does not go."""
    missing = [
        variable
        for variable, value in (
            ("TUKIVERKKO_ALERT_TO", settings.alert_to),
            ("TUKIVERKKO_MAIL_CONNECTION", settings.mail_connection),
        )
        if not value
    ]
    if missing:
        return f"nobody is told by e-mail: {' and '.join(missing)} not set (docs/alerts.md)"
    if connection is None:
        return None
    row = connection.execute(
        "select count(*), max(problem) from ops.alert where told_state is null and attempts > 0 and resolved_at is null"
    ).fetchone()
    assert row is not None
    return f"{row[0]} alerts wait for the mail server: {row[1]}" if row[0] else None


def _municipality(
    connection: psycopg.Connection, settings: Settings, name: str, checks: dict[str, int]
) -> MunicipalityStatus:
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
        select status, channel, problem from ops.receipt
        where delivery_id = (select max(delivery_id) from ops.delivery where delivery = %s)
        order by made_at desc limit 1
        """,
        (delivery,),
    ).fetchone()
    quiet_since = connection.execute(
        """
        select coalesce(
            (
                select max(night) from ops.delivery
                where municipality = %(name)s and status in ('accepted', 'held', 'refused', 'superseded')
            ),
            (select min(night) from ops.night_outcome where municipality = %(name)s)
        )
        """,
        {"name": name},
    ).fetchone()
    silent_days, folder_problem = _of_folder(settings, name)
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
        unmapped=_unmapped(connection, name),
        receipt=receipt[0] if receipt else None,
        receipt_channel=receipt[1] if receipt else None,
        receipt_problem=receipt[2] if receipt else None,
        quiet_since=quiet_since[0] if quiet_since else None,
        silent_days=silent_days,
        folder_problem=folder_problem,
    )


def _of_folder(settings: Settings, name: str) -> tuple[int, str | None]:
    """After how many days a municipality is silent, and why its folder cannot be read."""
    try:
        return load_municipality(settings.municipalities / name).silent_days or settings.silent_days, None
    except ConfigError as error:
        return settings.silent_days, str(error)


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


def _release(connection: psycopg.Connection, condition: str) -> dict[str, Any] | None:
    columns = ("release_number", "night", "by_hand", "status", "published_at", "code_version", "reason", "durations")
    row = connection.execute(f"select {', '.join(columns)} from ops.release where {condition}").fetchone()
    return dict(zip(columns, row, strict=True)) if row else None
