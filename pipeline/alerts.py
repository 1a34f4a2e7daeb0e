"""Alerts: what is wrong is told by e-mail to whom it concerns, grouped, and once.

The engineers on duty (`TUKIVERKKO_ALERT_TO`) hear of everything; a municipality's contact of its own deliveries, in
Finnish first. Each audience gets one mail a run, and only when there is news: a problem that is new or has changed, or
one that it was told of and that is over. `ops.alert` keeps what was told; what a mail server did not take is tried
again by the next run. No mail holds a row's value, nor to a municipality anything of another.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from smtplib import SMTP, SMTPException, SMTPServerDisconnected
from textwrap import shorten

import psycopg

from connectors.config import ConfigError, load_municipality, municipality_names
from connectors.connection import SourceConnection
from connectors.delivery import DeliveryProblem
from connectors.messages import finnish_day
from pipeline import incidents, mail
from pipeline.incidents import Incident
from pipeline.problems import Problem, in_order, unreachable
from pipeline.release_due import ZONE
from pipeline.runbook import KINDS
from pipeline.settings import Settings
from pipeline.status import read_status
from pipeline.warehouse import ALERT_LOCK, WarehouseUnreachable, connect

log = logging.getLogger(__name__)

ENGINEERS = "engineers"
# A cause is told in full up to here; the status has the rest.
_LONGEST_CAUSE = 600


@dataclass(frozen=True)
class Audience:
    """Who is told. name: ENGINEERS, or the folder of the municipality whose contact it is; name_fi, name_en: how the
    municipality is called."""

    name: str
    addresses: tuple[str, ...]
    name_fi: str = ""
    name_en: str = ""


@dataclass(frozen=True)
class Entry:
    """One row of `ops.alert`: a problem as an audience knows it. state: how it is now; told_state: how it was told,
    None when it was not."""

    alert_id: int
    kind: str
    municipality: str
    subject: str
    state: str
    told_state: str | None
    told_at: datetime | None
    is_resolved: bool

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.municipality, self.subject


@dataclass(frozen=True)
class Letter:
    """What one audience is to be told. new, changed: problems to tell of; resolved: what it was told of and is over;
    still_open: what it knows, told again in a line. entries: the rows of `ops.alert` that it answers."""

    audience: Audience
    new: tuple[Problem, ...]
    changed: tuple[Problem, ...]
    resolved: tuple[Entry, ...]
    still_open: tuple[Problem, ...]
    entries: tuple[int, ...]


@dataclass(frozen=True)
class Telling:
    """How telling went. told: audiences that got a mail; waiting: those whose mail did not go, to be tried again;
    unheard: problems that were only logged, since no engineer or no mail server is set."""

    told: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unheard: int = 0
    problem: str | None = None


def state_of(problem: Problem) -> str:
    """What has to change for a problem to be told again: its words, not its numbers or dates."""
    return sha256(re.sub(r"\d+", "#", f"{problem.kind} {problem.cause_en}").encode()).hexdigest()[:32]


def concerns(audience: Audience, problem: Problem) -> bool:
    """Whether the audience is told of such a problem at all."""
    own = problem.municipality == audience.name and bool(KINDS[problem.kind].sender_fi)
    return audience.name == ENGINEERS or own


def letter(audience: Audience, problems: Sequence[Problem], known: Sequence[Entry]) -> Letter | None:
    """What the audience is to be told of `problems`, as `ops.alert` (`known`, brought up to date) says; None when
    there is no news."""
    by_key = {entry.key: entry for entry in known if not entry.is_resolved}
    own = [(problem, by_key[problem.key]) for problem in in_order(problems) if problem.key in by_key]
    new = tuple(problem for problem, entry in own if entry.told_state is None)
    changed = tuple(problem for problem, entry in own if entry.told_state not in (None, entry.state))
    resolved = tuple(entry for entry in known if entry.is_resolved)
    if not (new or changed or resolved):
        return None
    told = tuple(entry for problem, entry in own if problem in (*new, *changed))
    return Letter(
        audience=audience,
        new=new,
        changed=changed,
        resolved=resolved,
        still_open=tuple(problem for problem, entry in own if entry.told_state == entry.state),
        entries=tuple(entry.alert_id for entry in (*told, *resolved)),
    )


def message(one: Letter, sender: str) -> EmailMessage:
    """The mail of a letter: to the engineers in English, to a municipality in Finnish and then in English."""
    subject, body = _to_engineers(one) if one.audience.name == ENGINEERS else _to_municipality(one)
    made = EmailMessage()
    made["Subject"] = subject
    if sender:
        made["From"] = sender
    made["To"] = ", ".join(one.audience.addresses)
    made["Date"] = formatdate()
    # The same news sent twice is one message to whoever sorts mail.
    digest = sha256(f"{one.audience.name} {one.entries} {body}".encode()).hexdigest()[:32]
    made["Message-ID"] = f"<{digest}@tukiverkko.invalid>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(body)
    return made


def tell(settings: Settings, incident: Incident | None = None) -> Telling:
    """Tells everybody what is news to them, after noting `incident`. Whatever goes wrong is logged and tried again by
    the next run, never raised."""
    try:
        if not _has_warehouse(settings):
            log.warning("Nobody is told from here: this process knows no warehouse")
            return Telling(problem="no warehouse")
        return _tell(settings, incident)
    except Exception as error:
        # Its message stays out of the log: a library's may quote an address or a password.
        log.error("The alerts could not be told (%s)", type(error).__name__)
        return Telling(problem=type(error).__name__)


def tell_late(settings: Settings, dag_id: str, day: date) -> Telling:
    """Tells that the release has passed its deadline: that of the night under way, else of `day`. A night before today
    is caught up, or a demo's: nobody waits for it. Never raises."""
    try:
        if not _has_warehouse(settings):
            return tell(settings)
        with connect(settings) as connection:
            night = incidents.night_under_way(connection) or day
    except WarehouseUnreachable:
        return tell(settings)
    except Exception as error:
        log.error("The late night could not be told (%s)", type(error).__name__)
        return Telling(problem=type(error).__name__)
    if night < datetime.now(ZONE).date():
        log.info("The night of %s is long over: nobody is told that it is late", night)
        return Telling()
    return tell(settings, Incident("night_late", dag_id, "", None, night))


def note(settings: Settings, incident: Incident) -> bool:
    """Notes an incident without telling it; False when the warehouse does not answer. Never raises."""
    try:
        if _has_warehouse(settings):
            with connect(settings) as connection:
                incidents.note(connection, incident)
            return True
    except Exception as error:
        log.error("An incident could not be noted (%s)", type(error).__name__)
    return False


def succeeded(settings: Settings, dag_id: str, task_id: str) -> None:
    """The task has succeeded: its earlier failures are over. Never raises."""
    try:
        if _has_warehouse(settings):
            with connect(settings) as connection:
                incidents.over(connection, dag_id, task_id)
    except Exception as error:
        log.error("The end of an incident could not be noted (%s)", type(error).__name__)


def preview(settings: Settings) -> list[EmailMessage]:
    """The mails that `tell` would send now. Changes nothing."""
    problems = read_status(settings).problems
    with connect(settings) as connection:
        made = [message(one, "") for one in _letters(connection, problems, audiences(settings))]
        connection.rollback()
    return made


def audiences(settings: Settings) -> tuple[Audience, ...]:
    """Everybody who may be told: the engineers, and the contact of each municipality whose folder can be read. A
    contact who is one of the engineers is told once."""
    found = [Audience(ENGINEERS, settings.alert_to)] if settings.alert_to else []
    for name in municipality_names(settings.municipalities):
        try:
            one = load_municipality(settings.municipalities / name)
        except ConfigError:
            continue
        if one.contact_email not in settings.alert_to:
            found.append(Audience(name, (one.contact_email,), one.name_fi, one.name_en))
    return tuple(found)


def _has_warehouse(settings: Settings) -> bool:
    """Callbacks of killed tasks run in a part of Airflow that may have no warehouse: it must not make one."""
    return bool(settings.database_url) or (settings.postgres / "data" / "PG_VERSION").exists()


def _tell(settings: Settings, incident: Incident | None) -> Telling:
    try:
        with connect(settings, autocommit=True) as connection, _alone(connection):
            if incident is not None:
                incidents.note(connection, incident)
            problems = read_status(settings).problems
            with connection.transaction():
                letters = _letters(connection, problems, audiences(settings))
            unheard = _log_unheard(settings, problems)
            if not settings.mail_connection:
                return Telling(unheard=unheard)
            told: list[str] = []
            waiting: dict[str, str] = {}
            for one, problem in _send(settings, _with_recovery(settings, letters)):
                # At once: killed after it, the next run would tell it again.
                with connection.transaction():
                    _record(connection, settings, one, problem)
                if problem is None:
                    told.append(one.audience.name)
                else:
                    waiting[one.audience.name] = problem
                    log.warning("The alert to %s waits: %s", one.audience.name, problem)
    except WarehouseUnreachable as error:
        return _tell_of_warehouse(settings, unreachable(str(error)))
    return Telling(tuple(told), tuple(waiting), unheard, next(iter(waiting.values()), None))


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """Lets one process tell at a time: two would send the same news."""
    connection.execute("set lock_timeout = '2min'")
    connection.execute("select pg_advisory_lock(%s)", (ALERT_LOCK,))
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", (ALERT_LOCK,))


def _letters(
    connection: psycopg.Connection, problems: Sequence[Problem], known_audiences: Sequence[Audience]
) -> list[Letter]:
    """Brings `ops.alert` up to date with the problems, in the caller's transaction, and makes of it what is news to
    each audience."""
    names = [audience.name for audience in known_audiences]
    # What nobody was told of and is over, or has nobody left who would be told.
    connection.execute("delete from ops.alert where told_state is null and audience <> all(%s)", (names,))
    letters = []
    for audience in known_audiences:
        known = _entries(connection, audience.name)
        open_keys = {entry.key for entry in known if not entry.is_resolved}
        own = [
            problem
            for problem in problems
            if concerns(audience, problem)
            # Whoever has it from the receipt that was mailed is not told again.
            and (audience.name == ENGINEERS or not problem.sender_knows or problem.key in open_keys)
        ]
        _bring_up_to_date(connection, audience.name, own, known)
        made = letter(audience, own, _entries(connection, audience.name))
        letters += [made] if made else []
    return letters


def _bring_up_to_date(
    connection: psycopg.Connection, audience: str, problems: Sequence[Problem], known: Sequence[Entry]
) -> None:
    for problem in problems:
        connection.execute(
            """
            insert into ops.alert (audience, kind, municipality, subject, state) values (%s, %s, %s, %s, %s)
            on conflict (audience, kind, municipality, subject) where resolved_at is null
            do update set state = excluded.state
            """,
            (audience, *problem.key, state_of(problem)),
        )
    there = {problem.key for problem in problems}
    gone = [entry for entry in known if not entry.is_resolved and entry.key not in there]
    never_told = [entry.alert_id for entry in gone if entry.told_state is None]
    connection.execute("delete from ops.alert where alert_id = any(%s)", (never_told,))
    connection.execute(
        "update ops.alert set resolved_at = clock_timestamp() where alert_id = any(%s)",
        ([entry.alert_id for entry in gone],),
    )


def _entries(connection: psycopg.Connection, audience: str) -> list[Entry]:
    """What the audience knows or is to be told: open problems, and those whose end it has not been told of."""
    rows = connection.execute(
        """
        select alert_id, kind, municipality, subject, state, told_state, told_at, resolved_at is not null
        from ops.alert
        where audience = %s and resolution_told_at is null and (resolved_at is null or told_state is not null)
        order by alert_id
        """,
        (audience,),
    ).fetchall()
    return [Entry(*row) for row in rows if row[1] in KINDS]


def _send(settings: Settings, letters: Sequence[Letter]) -> Iterator[tuple[Letter, str | None]]:
    """Sends the letters in one session with the mail server; gives each as it is done, with why it did not go."""
    waiting = list(letters)
    if not waiting:
        return
    try:
        source = mail.mail_server(settings)
        assert source is not None
        with mail.session(source) as server:
            while waiting:
                why = _hand_over(server, source, waiting[0])
                yield waiting.pop(0), why
        return
    except DeliveryProblem as error:
        # What is missing of the connection, in words of our own.
        problem = str(error)
    except (OSError, SMTPException, ValueError) as error:
        problem = f"the mail server of {settings.mail_connection} cannot be used ({type(error).__name__})"
    for one in waiting:
        yield one, problem


def _hand_over(server: SMTP, source: SourceConnection, one: Letter) -> str | None:
    """Hands one letter over; why it was not taken, or None. One that is refused does not stand before the others."""
    try:
        refused = server.send_message(message(one, source.text("from") or ""))
    except SMTPServerDisconnected:
        raise
    except (SMTPException, ValueError) as error:
        return f"the mail to {one.audience.name} was not taken ({type(error).__name__})"
    if refused:
        log.warning("%d of the addresses of %s were refused", len(refused), one.audience.name)
    return None


def _record(connection: psycopg.Connection, settings: Settings, one: Letter, problem: str | None) -> None:
    ids = list(one.entries)
    connection.execute(
        "update ops.alert set attempts = attempts + 1, problem = %s where alert_id = any(%s)", (problem, ids)
    )
    if problem is not None:
        return
    connection.execute(
        """
        update ops.alert set told_state = state, told_at = clock_timestamp()
        where alert_id = any(%s) and resolved_at is null
        """,
        (ids,),
    )
    connection.execute(
        """
        update ops.alert set resolution_told_at = clock_timestamp()
        where alert_id = any(%s) and resolved_at is not null
        """,
        (ids,),
    )
    if one.audience.name == ENGINEERS:
        _outage(settings).unlink(missing_ok=True)


def _log_unheard(settings: Settings, problems: Sequence[Problem]) -> int:
    """Logs what no engineer hears by e-mail; returns how many problems that are."""
    if settings.alert_to and settings.mail_connection:
        return 0
    for one in problems:
        whom = one.municipality or "the region"
        log.warning("Nobody is told: %s: %s; %s; next: %s", whom, KINDS[one.kind].title_en, one.page, one.next_command)
    return len(problems)


def _outage(settings: Settings) -> Path:
    """There while the engineers know that the warehouse does not answer: it cannot be asked."""
    return settings.alerts / "warehouse_unreachable"


def _with_recovery(settings: Settings, letters: Sequence[Letter]) -> list[Letter]:
    """The letters, with the end of an outage for the engineers."""
    if not _outage(settings).exists() or not settings.alert_to:
        return list(letters)
    told_at = datetime.fromtimestamp(_outage(settings).stat().st_mtime, ZONE)
    end = Entry(0, "warehouse_unreachable", "", "", "", "", told_at, is_resolved=True)
    theirs = next((one for one in letters if one.audience.name == ENGINEERS), None)
    if theirs is None:
        return [Letter(Audience(ENGINEERS, settings.alert_to), (), (), (end,), (), ()), *letters]
    return [replace(one, resolved=(*one.resolved, end)) if one is theirs else one for one in letters]


def _tell_of_warehouse(settings: Settings, problem: Problem) -> Telling:
    """Tells the engineers of an outage, once: a file says so until the warehouse answers again."""
    if _log_unheard(settings, [problem]):
        return Telling(unheard=1)
    settings.alerts.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _outage(settings).touch(exist_ok=False)
    except FileExistsError:
        return Telling()
    outage = Letter(Audience(ENGINEERS, settings.alert_to), (problem,), (), (), (), ())
    ((_, failed),) = _send(settings, [outage])
    if failed is None:
        return Telling(told=(ENGINEERS,))
    _outage(settings).unlink(missing_ok=True)
    return Telling(waiting=(ENGINEERS,), problem=failed)


def _to_engineers(one: Letter) -> tuple[str, str]:
    worst = in_order((*one.new, *one.changed))
    subject = f"Tukiverkko: {_of(worst[0])}" if worst else f"Tukiverkko: resolved: {_of(one.resolved[0])}"
    if more := len(one.new) + len(one.changed) + len(one.resolved) - 1:
        subject += f", and {more} more"
    parts = [
        _section("What is wrong, worst first", one.new),
        _section("Told before, and changed", one.changed),
        _list("Resolved", [f"{_of(entry)} (told {_day(entry.told_at)})" for entry in one.resolved]),
        _list("Still open, told before", [f"{_of(problem)} ({problem.page})" for problem in one.still_open]),
        "Everything: tukiverkko status. The pages are in the project's folder.\n",
    ]
    return subject, "\n".join(part for part in parts if part)


def _section(title: str, problems: Sequence[Problem]) -> str:
    if not problems:
        return ""
    lines = [title, ""]
    for number, one in enumerate(problems, 1):
        lines += [
            f"{number}. {_of(one)}",
            f"   Why:     {_shortened(one.cause_en)}",
            f"   Next:    {one.next_command}",
            f"   Runbook: {one.page}",
            "",
        ]
    return "\n".join(lines)


def _to_municipality(one: Letter) -> tuple[str, str]:
    """In Finnish, then the same in English. Says what the sender can do; the command is the engineers'."""
    problems = (*one.new, *one.changed)
    named: Sequence[Problem | Entry] = in_order(problems) or one.resolved
    kind = KINDS[named[0].kind]
    over = ("ratkennut: ", "resolved: ") if not problems else ("", "")
    subject = f"Tukiverkko, {one.audience.name_fi}: {over[0]}{kind.title_fi} / {over[1]}{kind.title_en}"
    finnish = [f"{one.audience.name_fi}: tietotoimitus alueelliseen tietovarastoon", ""]
    english = [f"{one.audience.name_en}: data delivery to the regional warehouse", ""]
    for problem in in_order(problems):
        what = KINDS[problem.kind]
        finnish += [f"* {what.title_fi}", f"  Syy: {_shortened(problem.cause_fi)}", f"  {what.sender_fi}"]
        finnish += [f"  Alueen päivystäjän komento: {problem.next_command} (ohje {problem.page})", ""]
        english += [f"* {what.title_en}", f"  Why: {_shortened(problem.cause_en)}", f"  {what.sender_en}"]
        english += [f"  The region's engineer runs: {problem.next_command} (runbook {problem.page})", ""]
    # A held delivery may have become a refused one: then nothing is in order yet.
    gone_fi, gone_en = ("Ei enää", "No longer") if problems or one.still_open else ("Ratkennut", "Resolved")
    for entry in one.resolved:
        finnish += [f"* {gone_fi}: {KINDS[entry.kind].title_fi} (kerrottu {_day(entry.told_at)})", ""]
        english += [f"* {gone_en}: {KINDS[entry.kind].title_en} (told {_day(entry.told_at)})", ""]
    for problem in one.still_open:
        finnish += [f"* Edelleen: {KINDS[problem.kind].title_fi}", ""]
        english += [f"* Still: {KINDS[problem.kind].title_en}", ""]
    if problems or one.still_open:
        finnish.append("Luvuissa on viimeksi hyväksytty toimituksenne, kunnes uusi on otettu käyttöön.")
        english.append("The figures show your last accepted delivery until a new one is in use.")
    finnish += ["Älkää lähettäkö vastauksessa henkilötietoja; rivin numero riittää.", "", "In English", ""]
    english.append("Please leave personal data out of your answer; a row's number is enough.")
    return subject, "\n".join([*finnish, *english]) + "\n"


def _list(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"- {line}" for line in lines), ""]) if lines else ""


def _of(one: Problem | Entry) -> str:
    whom = f"{one.municipality}: " if one.municipality else ""
    task = f" ({one.subject})" if one.subject else ""
    return f"{whom}{KINDS[one.kind].title_en}{task}"


def _shortened(cause: str) -> str:
    return shorten(cause, width=_LONGEST_CAUSE, placeholder=" …")


def _day(moment: datetime | None) -> str:
    day = moment.astimezone(ZONE) if moment else None
    return finnish_day(day) if day else "–"
