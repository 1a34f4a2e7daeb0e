"""Findings over the nights: what each look at a municipality saw, of which `ops.finding_life` tells new, persisting,
resolved.

Looks are written where something was looked at: a delivery that landed and went through its gate, and a release whose
harmonised layer was built. A look of the same delivery or release again replaces the one before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import psycopg

from pipeline.finding_texts import TEXTS

if TYPE_CHECKING:
    from pipeline.quality import QualityResult

# What is looked at for all municipalities together.
REGION = "region"
STAGES = ("rows", "delivery", "harmonised_rows", "harmonised", "release")

# As the definitions want it: nothing is lost by them, and nobody has to do anything.
_BY_DEFINITION = frozenset({"tehostettu_clipped", "placement_ignored", "extended_ignored"})


@dataclass(frozen=True)
class Finding:
    """One finding: open (new, persisting), or resolved.

    municipality: a folder's name, or `region`. rule: `dataset.rule`, `suite.check_id`, or a harmonised rule's name.
    outcome: failed, or error (could not be evaluated). row_count: rows that broke it on last_night, None of an error.
    nights: on how many nights it was seen. looked_night: the newest night on which its stage was looked at.
    """

    municipality: str
    stage: str
    rule: str
    life: str
    severity: str
    outcome: str
    row_count: int | None
    first_night: date
    last_night: date
    nights: int
    resolved_night: date | None
    looked_night: date
    message_fi: str
    message_en: str


@dataclass(frozen=True)
class Observation:
    """What a look saw of one rule."""

    rule: str
    severity: str
    outcome: str
    row_count: int | None
    message_fi: str
    message_en: str


def observe_delivery(connection: psycopg.Connection, delivery_id: int, results: "Sequence[QualityResult]") -> None:
    """Writes what was seen of a delivery that has landed: its rejected and noticed rows, and every check of its gate.
    In the caller's transaction."""
    row = connection.execute(
        "select municipality, night from ops.delivery where delivery_id = %s limit 1", (delivery_id,)
    ).fetchone()
    if row is None:
        raise KeyError(delivery_id)
    forget_delivery(connection, delivery_id)
    municipality, night = row
    _look(connection, municipality, "rows", night, _of_rows(connection, delivery_id), delivery_id=delivery_id)
    _look(connection, municipality, "delivery", night, _of_checks(results), delivery_id=delivery_id)


def forget_delivery(connection: psycopg.Connection, delivery_id: int) -> None:
    """Takes the looks at a delivery back: nothing of it is landed any more."""
    connection.execute("delete from ops.finding_look where delivery_id = %s", (delivery_id,))


def observe_release(
    connection: psycopg.Connection, release_number: int, night: date, results: "Sequence[QualityResult]"
) -> None:
    """Writes what was seen while a release was built: the harmonised findings of every municipality that takes part in
    it, and every check of its gates, in the caller's transaction."""
    connection.execute("delete from ops.finding_look where release_number = %s", (release_number,))
    for stage in ("harmonised", "release"):
        of_stage = [result for result in results if result.stage == stage]
        if of_stage:
            _look(connection, REGION, stage, night, _of_checks(of_stage), release_number=release_number)
    query = "select distinct municipality from ops.release_delivery where release_number = %s order by 1"
    for (municipality,) in connection.execute(query, (release_number,)).fetchall():
        seen = connection.execute(
            "select rule, row_count from harmonised.finding where municipality = %s", (municipality,)
        ).fetchall()
        observations = [_of_harmonised(rule, int(count)) for rule, count in seen if count]
        _look(connection, municipality, "harmonised_rows", night, observations, release_number=release_number)


def read_findings(connection: psycopg.Connection) -> tuple[Finding, ...]:
    """The findings that a person wants to see: all open ones, and those that the newest look resolved; the worst and
    newest first."""
    columns = ", ".join(Finding.__dataclass_fields__)
    rows = connection.execute(
        f"""
        select {columns} from ops.finding_life
        where life <> 'resolved' or resolved_night = looked_night
        order by
            municipality, array_position(array['new', 'persisting', 'resolved'], life),
            array_position(array['critical', 'warning', 'info'], severity), stage, rule
        """
    ).fetchall()
    return tuple(Finding(*row) for row in rows)


def read_outcomes(connection: psycopg.Connection) -> dict[str, dict[str, int]]:
    """Municipality (or `region`) → how many checks of its newest gate ended in each outcome."""
    rows = connection.execute(
        """
        select look.municipality, observation.outcome, count(*)
        from ops.finding_look as look
        inner join ops.finding_observation as observation on look.look_id = observation.look_id
        where
            look.stage in ('delivery', 'harmonised', 'release')
            and look.look_id in (
                select distinct on (municipality, stage) look_id
                from ops.finding_look order by municipality, stage, night desc, look_id desc
            )
        group by look.municipality, observation.outcome
        """
    ).fetchall()
    counted: dict[str, dict[str, int]] = {}
    for municipality, outcome, count in rows:
        counted.setdefault(municipality, dict.fromkeys(("passed", "failed", "error", "not_applicable"), 0))
        counted[municipality][outcome] = int(count)
    return counted


def _look(
    connection: psycopg.Connection,
    municipality: str,
    stage: str,
    night: date,
    observations: Iterable[Observation],
    *,
    delivery_id: int | None = None,
    release_number: int | None = None,
) -> None:
    row = connection.execute(
        """
        insert into ops.finding_look (municipality, stage, night, delivery_id, release_number)
        values (%s, %s, %s, %s, %s) returning look_id
        """,
        (municipality, stage, night, delivery_id, release_number),
    ).fetchone()
    assert row is not None
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            insert into ops.finding_observation
                (look_id, rule, severity, outcome, row_count, message_fi, message_en)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (row[0], one.rule, one.severity, one.outcome, one.row_count, one.message_fi, one.message_en)
                for one in observations
            ],
        )


def _of_rows(connection: psycopg.Connection, delivery_id: int) -> list[Observation]:
    rejected = connection.execute(
        """
        select dataset, rule, count(*), coalesce(string_agg(distinct column_name, ', '), '')
        from ops.rejected_row where delivery_id = %s group by dataset, rule
        """,
        (delivery_id,),
    ).fetchall()
    noticed = connection.execute(
        "select dataset, rule, severity, row_count, message_fi, message_en from ops.finding where delivery_id = %s",
        (delivery_id,),
    ).fetchall()
    taken = {(dataset, rule) for dataset, rule, _, _ in rejected}
    return [_of_rejected(*row) for row in rejected] + [
        Observation(
            # Should a rule that rejects rows and one that only notices them have the same name, both are told.
            f"{dataset}.{rule}" + (".noticed" if (dataset, rule) in taken else ""),
            severity,
            "failed",
            count,
            message_fi,
            message_en,
        )
        for dataset, rule, severity, count, message_fi, message_en in noticed
    ]


def _of_rejected(dataset: str, rule: str, count: int, columns: str) -> Observation:
    # Polars, which the rules need, takes a while to import, and whoever only reads findings does without.
    from connectors.check import HARMLESS_RULES

    of = f" ({columns})" if columns else ""
    return Observation(
        rule=f"{dataset}.{rule}",
        severity="info" if rule in HARMLESS_RULES else "warning",
        outcome="failed",
        row_count=count,
        message_fi=f"{dataset}: sääntö {rule}{of} hylkäsi rivejä ({count}). Rivit, syyt ja ohjeet ovat "
        "kunnan kuittauksessa.",
        message_en=f"{dataset}: the rule {rule}{of} rejected {count} rows.",
    )


def _of_checks(results: "Sequence[QualityResult]") -> list[Observation]:
    return [
        Observation(
            f"{one.suite}.{one.check_id}", one.severity, one.outcome, one.numerator, one.message_fi, one.message_en
        )
        for one in results
    ]


def _of_harmonised(rule: str, count: int) -> Observation:
    finnish, english = TEXTS[rule]
    severity = "info" if rule in _BY_DEFINITION else "warning"
    return Observation(rule, severity, "failed", count, f"Rivejä: {count}. {finnish}", f"Rows: {count}. {english}")
