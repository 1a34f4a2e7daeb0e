"""Tables for the terminal: a night, a release, the status, a checked file."""

from datetime import datetime
from decimal import Decimal
from textwrap import shorten
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.runbook import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.ingest import Outcome
    from pipeline.problems import Problem
    from pipeline.release import ReleaseOutcome
    from pipeline.sender_check import FileCheck
    from pipeline.settings import Settings
    from pipeline.status import Status
    from pipeline.unmapped import UnmappedCode

# A wrong export is wrong on every row: the first ones tell it.
SHOWN_ROWS = 50
# Ten lines are read at once: a headline, four problems of two lines, who is told.
FIRST_PROBLEMS = 4
SHOWN_CAUSE = 200
LIVES = {"new": "red", "persisting": "yellow", "resolved": "green"}
COLOURS = {"accepted": "green", "unchanged": "green", "published": "green", "held": "yellow"}


def _status(status: str) -> Text:
    return Text(status, style=COLOURS.get(status, "red"))


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone(ZoneInfo('Europe/Helsinki')):%Y-%m-%d %H:%M}" if value else "–"


def outcome_table(outcome: "Outcome") -> RenderableType:
    """One municipality's night: rows a dataset, the status with its reason, where the time went."""
    table = Table(title=f"{outcome.municipality}, night of {outcome.night}: {outcome.status}")
    for column in ("delivery", "dataset"):
        table.add_column(column)
    for column in ("rows in", "landed", "rejected"):
        table.add_column(column, justify="right")
    table.add_column("covers to")
    for part in outcome.datasets:
        counts = (part["rows_in"], part["rows_landed"], part["rows_rejected"])
        table.add_row(part["delivery"], part["dataset"], *map(_number, counts), str(part["covers_to"] or "–"))
    lines: list[RenderableType] = [table]
    if outcome.reason_en:
        lines.append(Text(f"{outcome.reason_en}\n{outcome.reason_fi}", style="yellow"))
    if outcome.receipt:
        lines.append(Text(f"receipt: {outcome.receipt}", style="red" if outcome.receipt == "failed" else "dim"))
    return Group(*lines, _durations(outcome.seconds))


def release_table(outcome: "ReleaseOutcome") -> RenderableType:
    """One release: rows a table and how many of them have a withheld value."""
    table = Table(title=f"Release {outcome.release_number}, night of {outcome.night}: {outcome.status}")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("with a withheld value", justify="right")
    for name, rows in outcome.tables.items():
        table.add_row(f"reporting.{name}", _number(rows), _number(outcome.suppressed.get(name, 0)))
    lines: list[RenderableType] = [table]
    if outcome.reason:
        lines.append(Text(outcome.reason, style="yellow"))
    return Group(*lines, _durations(outcome.seconds))


def status_table(state: "Status") -> RenderableType:
    """First the answer, in about ten lines: is all well, what is wrong worst first, why, the runbook page, the next
    command. Below it the region at a glance."""
    lines: list[RenderableType] = [*answer_lines(state)]
    if not state.municipalities:
        return Group(*lines)
    table = Table(title="Municipalities")
    for column in ("municipality", "last night", "status", "data as of", "absences to"):
        table.add_column(column)
    for column in ("rows in", "landed", "rejected"):
        table.add_column(column, justify="right")
    for one in state.municipalities:
        table.add_row(
            one.municipality,
            str(one.night or "–"),
            _status(one.status),
            _moment(one.as_of),
            str(one.covers_to or "–"),
            *map(_number, (one.rows_in, one.rows_landed, one.rows_rejected)),
        )
    lines += ["", table]
    for one in state.municipalities:
        if one.decision:
            lines.append(Text(f"{one.municipality}: decided by {one.decided_by}: {one.decision}"))
        if one.receipt == "kept":
            lines.append(
                Text(f"{one.municipality}: the receipt waits in the state folder (receipts/{one.municipality}/)")
            )
    lines += _finding_lines(state)
    if state.tables:
        shown = ", ".join(
            f"{table['table']} {_number(table['rows'])} ({_number(table['suppressed'])} with a withheld value)"
            for table in state.tables
        )
        lines.append(Text(f"reporting, rows: {shown}"))
    if state.release:
        lines.append(_durations(state.release["durations"]))
    if rest := state.problems[FIRST_PROBLEMS:]:
        lines.append(Text(f"\nThe other {len(rest)} problems", style="bold red"))
        lines += _problem_lines(rest, FIRST_PROBLEMS)
    return Group(*lines)


def answer_lines(state: "Status") -> list[Text]:
    """The answer for somebody who was woken: at most FIRST_PROBLEMS problems, of two lines each."""
    if state.is_well:
        nights = [one.night for one in state.municipalities if one.night]
        lines = [
            Text(
                f"All is well: {len(state.municipalities)} municipalities taken in, the last night {max(nights)}. "
                f"{_shown_release(state)}",
                style="green",
            )
        ]
    else:
        count = len(state.problems)
        words = "1 problem" if count == 1 else f"{count} problems, worst first"
        lines = [Text(f"NOT WELL: {words}. {_shown_release(state)}", style="bold red")]
        lines += _problem_lines(state.problems[:FIRST_PROBLEMS], 0)
        if count > FIRST_PROBLEMS:
            lines.append(Text(f"and {count - FIRST_PROBLEMS} more, at the end", style="red"))
    if state.untold:
        lines.append(Text(f"alerts: {state.untold}", style="yellow"))
    return lines


def _problem_lines(problems: "Sequence[Problem]", before: int) -> list[Text]:
    lines = []
    for number, one in enumerate(problems, before + 1):
        whom = f"{one.municipality}: " if one.municipality else ""
        cause = shorten(one.cause_en, width=SHOWN_CAUSE, placeholder=" …")
        line = Text(f"{number}. {whom}{KINDS[one.kind].title_en}: ", style="bold")
        lines.append(line.append(cause, style="not bold"))
        lines.append(Text(f"   next: {one.next_command}   page: {one.page}"))
    return lines


def _shown_release(state: "Status") -> str:
    if state.release is None:
        return "Nothing is published." if state.municipalities else ""
    published = _moment(state.release["published_at"])
    return f"Release {state.release['release_number']} of the night of {state.release['night']} is shown ({published})."


def _finding_lines(state: "Status") -> list[RenderableType]:
    """Open findings and those resolved since; what is only for information is counted, `--json` lists it."""
    lines: list[RenderableType] = []
    told = [finding for finding in state.findings if finding.severity != "info"]
    if told:
        table = Table(title="Findings")
        for column in ("municipality", "finding", "life", "severity", "since", "nights"):
            table.add_column(column)
        table.add_column("rows", justify="right")
        for finding in told:
            rows = "error" if finding.outcome == "error" else _number(finding.row_count or 0)
            since = f"{finding.first_night}" + (f" to {finding.last_night}" if finding.life == "resolved" else "")
            table.add_row(
                finding.municipality,
                finding.rule,
                Text(finding.life, style=LIVES[finding.life]),
                finding.severity,
                since,
                str(finding.nights),
                rows,
            )
        lines.append(table)
    if quiet := len(state.findings) - len(told):
        lines.append(Text(f"and {quiet} for information (--json lists them)", style="dim"))
    gates = [(one.municipality, one.checks) for one in state.municipalities] + [("region", state.region_checks)]
    counted = [
        f"{name} {checks['passed']} passed, {checks['failed']} failed, {checks['error']} not evaluated, "
        f"{checks['not_applicable']} had nothing to check"
        for name, checks in gates
        if checks
    ]
    if counted:
        lines.append(Text(f"checks: {'; '.join(counted)}", style="dim"))
    return lines


def check_table(check: "FileCheck") -> RenderableType:
    """A sender's file: how many rows would be taken, and each one that would not, with why (in Finnish and English)."""
    came, rejected = _number(check.rows_in), _number(check.rows_rejected)
    title = f"{check.file}: rivejä {came}, hylättyjä {rejected} / {came} rows, {rejected} rejected"
    table = Table(title=title)
    for column in ("rivi / row", "sarake / column", "sääntö / rule", "miksi / why"):
        table.add_column(column)
    for row in check.rejected[:SHOWN_ROWS]:
        table.add_row(
            str(row["row_number"]), row["column_name"] or "", row["rule"], f"{row['message_fi']}\n{row['message_en']}"
        )
    lines: list[RenderableType] = [table if check.rejected else Text(title, style="green")]
    if check.rows_rejected > SHOWN_ROWS:
        more = _number(check.rows_rejected - SHOWN_ROWS)
        lines.append(Text(f"… vielä {more} (kaikki: --json) / {more} more (--json lists them all)"))
    lines += [
        Text(
            f"tuntematon koodi / unknown code: {code['kind']} {code['source_code']} ({code['row_count']})", style="red"
        )
        for code in check.unmapped
    ]
    return Group(*lines)


def unmapped_table(queue: "Sequence[UnmappedCode]") -> RenderableType:
    """The queue of codes that a folder does not know: where each is, the line that is missing, the next command."""
    if not queue:
        return Text("No unknown codes.", style="green")
    lines: list[RenderableType] = []
    for code in queue:
        row = "" if code.first_row is None else f", first in row {code.first_row}"
        lines += [
            Text(f"{code.municipality}, {code.dataset}: {code.kind} {code.source_code}", style="bold"),
            Text(
                f"  {_number(code.row_count)} rows of {code.source}, column {code.column}{row}; "
                f"seen {code.first_seen} to {code.last_seen}, last in {code.delivery} ({code.status})"
            ),
        ]
        if code.state == "mapped":
            lines.append(Text(f"  {code.file} knows it by now. Next: {code.next_command}", style="green"))
            continue
        lines += [Text(f"  add to {code.file}:"), Text(f"    {code.line}", style="yellow")]
        if code.meanings:
            lines.append(Text(f"  where FILL IN is one of: {', '.join(code.meanings)}; at the end, who reviewed it"))
        lines.append(Text(f"  then: {code.next_command}"))
    return Group(*lines)


def _durations(seconds: dict[str, float]) -> Text:
    parts = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    return Text(f"time: {parts}" if parts else "", style="dim")


def figures_table(settings: "Settings") -> RenderableType:
    """The latest published month of `reporting.attendance_monthly`: absence rates by municipality, with coverage."""
    from pipeline.warehouse import connect

    with connect(settings) as connection:
        if connection.execute("select to_regclass('reporting.attendance_monthly')").fetchone() == (None,):
            return Text("")
        rows = connection.execute(
            """
            select month, municipality, pupils, absence_rate, coverage, as_of
            from reporting.attendance_monthly
            where grade_band = 'all' and absence_class = 'all'
                and month = (select max(month) from reporting.attendance_monthly)
            order by municipality = 'region', municipality
            """
        ).fetchall()
    table = Table(title=f"reporting.attendance_monthly, {rows[0][0]:%Y-%m}" if rows else "reporting.attendance_monthly")
    table.add_column("municipality")
    for column in ("pupils", "absence rate", "coverage", "as of"):
        table.add_column(column, justify="right")
    for _, municipality, pupils, rate, coverage, as_of in rows:
        shown = ("–" if pupils is None else _number(pupils), _percent(rate), _percent(coverage), str(as_of or "–"))
        table.add_row(municipality, *shown)
    return table


def _percent(fraction: Decimal | None) -> str:
    return "–" if fraction is None else f"{fraction:.2%}"
