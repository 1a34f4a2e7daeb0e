"""A person's word on a delivery: accept or refuse, with a reason. Who, when and why are kept in `ops.decision`.

A held delivery waits for it; an accepted one can be taken back by it when it turns out to be wrong.

Only what is a matter of judgement can be accepted (`judgement: true` of a check in `expectations/delivery/`): how much
came, how much of it was rejected. What would make a figure wrong (an absence code that nobody mapped, a row twice) must
be mended, and a check that could not be evaluated says nothing that a person could weigh.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg

from pipeline import ledger

Verdict = Literal["accept", "refuse"]


class NotDecidable(Exception):
    """The delivery cannot be decided so; says why and what to do instead."""


@dataclass(frozen=True)
class Decision:
    """The last word on a delivery. held_for: `suite.check_id` of the checks that had failed when it was said."""

    verdict: Verdict
    reason: str
    decided_by: str
    decided_at: datetime
    held_for: tuple[str, ...]

    def covers(self, broken: dict[str, str]) -> bool:
        """Whether an acceptance stands for a delivery that was read again, with `broken` (check → outcome)."""
        return set(broken) <= set(self.held_for) and "error" not in broken.values()

    @property
    def reason_en(self) -> str:
        return f"{'accepted' if self.verdict == 'accept' else 'refused'} by a person: {self.reason}"

    @property
    def reason_fi(self) -> str:
        return f"{'hyväksytty' if self.verdict == 'accept' else 'hylätty'} henkilön päätöksellä: {self.reason}"


def decide(
    connection: psycopg.Connection, name: str, verdict: Verdict, reason: str, decided_by: str
) -> ledger.Delivery:
    """Writes the decision and the delivery's new status, in the caller's transaction; returns the delivery as it was.

    A held delivery can be decided, an accepted one refused, and one that a person refused can still be accepted. Raises
    KeyError for an unknown name, ValueError for an empty reason or name or one that holds an identifier, NotDecidable.
    """
    # Polars takes a while to import, and the status of a night does without.
    from connectors.parsing import holds_personal_id

    reason, decided_by = " ".join(reason.split()), " ".join(decided_by.split())
    if not reason or not decided_by:
        raise ValueError("A decision needs a reason, and the name of who decides.")
    if holds_personal_id(reason) or holds_personal_id(decided_by):
        raise ValueError("A reason is kept and told to the municipality: leave the personal identifier out of it.")
    connection.execute("select from ops.delivery where delivery = %s for update", (name,))
    delivery = ledger.find_delivery(connection, name)
    if delivery is None:
        raise KeyError(name)
    before = last_decision(connection, delivery.delivery_id)
    was_refused = delivery.status == "refused" and before is not None and before.verdict == "refuse"
    decidable = {"accept": delivery.status == "held" or was_refused, "refuse": delivery.status in ("held", "accepted")}
    if not decidable[verdict]:
        raise NotDecidable(f"{name} is {delivery.status}: there is nothing to {verdict}.")
    broken = broken_checks(connection, delivery.delivery_id)
    if verdict == "accept":
        _refuse_beyond_judgement(name, broken)
    connection.execute(
        """
        insert into ops.decision (delivery_id, verdict, reason, decided_by, held_for)
        values (%s, %s, %s, %s, %s)
        """,
        (delivery.delivery_id, verdict, reason, decided_by, sorted(broken or {})),
    )
    last = last_decision(connection, delivery.delivery_id)
    assert last is not None
    status = "accepted" if verdict == "accept" else "refused"
    ledger.decide(connection, delivery.delivery_id, status, last.reason_en, last.reason_fi)
    return delivery


def last_decision(connection: psycopg.Connection, delivery_id: int) -> Decision | None:
    """What a person last said of the delivery, or of the same bytes on another night; None when nobody did."""
    row = connection.execute(
        """
        select verdict, reason, decided_by, decided_at, held_for from ops.decision
        where delivery_id = %(delivery)s or delivery_id in (
            select same.delivery_id
            from ops.delivery as this
            inner join ops.delivery as same
                on
                    this.municipality = same.municipality
                    and this.school_year = same.school_year
                    and this.content_digest = same.content_digest
            where this.delivery_id = %(delivery)s
        )
        order by decision_id desc limit 1
        """,
        {"delivery": delivery_id},
    ).fetchone()
    return Decision(row[0], row[1], row[2], row[3], tuple(row[4])) if row else None


def broken_checks(connection: psycopg.Connection, delivery_id: int) -> dict[str, str] | None:
    """Critical checks of the delivery's last gate that failed or could not be evaluated, with which of the two; None
    when no gate has looked at it, or nothing passed there."""
    rows = connection.execute(
        """
        select observation.rule, observation.outcome, observation.severity
        from ops.finding_look as look
        inner join ops.finding_observation as observation on look.look_id = observation.look_id
        where look.delivery_id = %s and look.stage = 'delivery'
        """,
        (delivery_id,),
    ).fetchall()
    if not any(outcome == "passed" for _, outcome, _ in rows):
        return None
    return {
        rule: outcome for rule, outcome, severity in rows if severity == "critical" and outcome in ("failed", "error")
    }


def _refuse_beyond_judgement(name: str, broken: dict[str, str] | None) -> None:
    from pipeline import quality

    if broken is None:
        raise NotDecidable(f"{name}: nothing was found good in it. Read it again first: tukiverkko replay {name}")
    open_to_judgement = {
        f"{suite.name}.{check.id}"
        for suite in quality.load_suites("delivery")
        for check in suite.checks
        if check.judgement
    }
    beyond = sorted(rule for rule, outcome in broken.items() if outcome == "error" or rule not in open_to_judgement)
    if beyond:
        raise NotDecidable(
            f"{name} cannot be accepted as it is, since its figures would be wrong: {', '.join(beyond)}. "
            f"Mend the cause (docs/deliveries.md), then: tukiverkko replay {name}"
        )
