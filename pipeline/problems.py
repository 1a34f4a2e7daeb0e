"""What is wrong, worst first: worked out from what the ledger and the scheduler know, without clock or database.

A problem is of one of the kinds of `pipeline.runbook` and lasts as long as what it is worked out from. Texts never
hold a row's value: the reasons that the gates and transports give hold counts, codes and names of columns, and of an
error that is not our own only its type is told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.messages import finnish_day
from pipeline.incidents import Incident
from pipeline.release_due import LATE, ZONE
from pipeline.runbook import KINDS, URGENCY

if TYPE_CHECKING:
    from pipeline.status import MunicipalityStatus

LEAST_FREE_BYTES = 1 << 30
# Words by which PostgreSQL and the operating system say that a disk is full.
_DISK_WORDS = ("DiskFull", "No space left on device", "OutOfDisk")
# How a release ends by an error of our own, whose message never holds a value.
_OUR_FAILURES = ("TransformError", "ConfigError", "WarehouseUnreachable", "ReleaseLockLost", "interrupted")
FIRST_COMMAND = "make demo, or tukiverkko ingest MUNICIPALITY --night DATE"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. municipality: None for what is the region's. subject: what tells it from others of its
    kind and municipality (a task), else empty. page: its runbook page. sender_knows: the municipality's contact has it
    from a receipt by e-mail."""

    kind: str
    municipality: str | None
    subject: str
    cause_en: str
    cause_fi: str
    page: str
    next_command: str
    sender_knows: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.municipality or "", self.subject


def problem(
    kind: str,
    municipality: str | None,
    cause_en: str,
    next_command: str,
    *,
    cause_fi: str | None = None,
    subject: str = "",
    sender_knows: bool = False,
) -> Problem:
    """A problem of that kind, with the kind's page."""
    page = KINDS[kind].page
    return Problem(kind, municipality, subject, cause_en, cause_fi or cause_en, page, next_command, sender_knows)


def find_problems(
    municipalities: Sequence["MunicipalityStatus"],
    last_release: Mapping[str, Any] | None,
    incidents: Sequence[Incident],
    now: datetime,
    *,
    by_the_clock: bool = False,
    free_bytes: int | None = None,
) -> tuple[Problem, ...]:
    """Everything that is wrong at `now` (with time zone), worst first; empty when all is well.

    last_release: the last one that was tried (`night`, `status`, `reason`, `by_hand`). by_the_clock: the newest night
    ran on its own morning, so that the next one is expected on the next. free_bytes: of the disk of the state folder.
    """
    nights = [one.night for one in municipalities if one.night] + [incident.night for incident in incidents]
    if not nights:
        nothing = problem("night_late", None, "no night has run yet", FIRST_COMMAND, cause_fi="mitään ei ole ajettu")
        return (nothing,)
    newest = max(nights)
    found = [
        *_of_disk(free_bytes),
        *_of_release(last_release),
        *_of_late_nights(municipalities, last_release, incidents, newest if by_the_clock else None, now),
        *(_of_task(incident) for incident in incidents if incident.kind == "task_failed"),
    ]
    for one in municipalities:
        found += _of_municipality(one, last_release, newest)
    return in_order(found)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Worst first; of one kind by municipality; each once."""
    once = {one.key: one for one in problems}
    return tuple(sorted(once.values(), key=lambda one: (URGENCY[one.kind], one.municipality or "", one.subject)))


def unreachable(reason: str) -> Problem:
    """The warehouse does not answer, so nothing else is known."""
    command = "docker compose ps postgres, or pg_isready --dbname of TUKIVERKKO_DATABASE_URL; then tukiverkko status"
    if "TUKIVERKKO_DATABASE_URL" not in reason:
        command = "tukiverkko url"
    return problem(
        "warehouse_unreachable", None, reason, command, cause_fi="tietovarasto ei vastaa, joten muuta ei tiedetä"
    )


def is_full_disk(reason: str | None) -> bool:
    """Whether that is how a full disk is told."""
    return any(word in (reason or "") for word in _DISK_WORDS)


def free_bytes(folder: Path) -> int | None:
    """What is left on the disk of the folder, or of the nearest one above it that is there."""
    import shutil

    for place in (folder, *folder.parents):
        if place.exists():
            return shutil.disk_usage(place).free
    return None


def _of_disk(free: int | None) -> Iterable[Problem]:
    if free is not None and free < LEAST_FREE_BYTES:
        left = f"{free / (1 << 20):.0f} MiB"
        yield problem(
            "disk_full",
            None,
            f"{left} are left on the disk of the state folder",
            "df -h",
            cause_fi=f"tilakansion levyllä on jäljellä {left}",
        )


def _of_release(last: Mapping[str, Any] | None) -> Iterable[Problem]:
    if last is None:
        yield problem(
            "night_late",
            None,
            "nothing has been released yet",
            "tukiverkko release",
            cause_fi="mitään ei ole vielä julkaistu",
        )
        return
    status, reason = last["status"], str(last["reason"] or "")
    if status not in ("refused", "failed"):
        return
    number = f"release {last['release_number']} of the night of {last['night']}"
    kind, cause = release_cause(status, reason)
    command = "df -h" if kind == "disk_full" else "tukiverkko release"
    yield problem(kind, None, f"{number}: {cause}", command, cause_fi=KINDS[kind].title_fi)


def release_cause(status: str, reason: str) -> tuple[str, str]:
    """(kind of problem, why in words that hold no value of the data) of a release with that status and reason."""
    if is_full_disk(reason):
        return "disk_full", "the disk was full"
    if reason.startswith("NotProtected"):
        return "release_protection", reason
    if reason.startswith("disclosure control"):
        # Its reason names cells whose counts could be worked out.
        return "release_disclosure", "the audit could work out withheld counts, or could not prove that nobody can"
    if status == "refused":
        return "release_refused", reason
    if reason.startswith(_OUR_FAILURES):
        return "release_failed", reason
    # A library's message may quote what it stumbled on: its type is told, the rest is in the warehouse.
    return "release_failed", f"it ended with {reason.partition(':')[0]} (ops.release has the message)"


def _of_late_nights(
    municipalities: Sequence["MunicipalityStatus"],
    last_release: Mapping[str, Any] | None,
    incidents: Sequence[Incident],
    newest_by_the_clock: date | None,
    now: datetime,
) -> Iterable[Problem]:
    """The region's night that nobody has released though it should be out, by Airflow's deadline or by the clock."""
    late = [incident.night for incident in incidents if incident.kind == "night_late"]
    local = now.astimezone(ZONE)
    expected = local.date() if local.time() >= LATE else local.date() - timedelta(days=1)
    tried = last_release["night"] if last_release else None
    is_ended = last_release is not None and last_release["status"] != "building"
    if (
        newest_by_the_clock
        and last_release
        and expected >= newest_by_the_clock
        and (tried is None or tried < expected or not is_ended)
    ):
        late.append(expected)
    if not late:
        return
    night = max(late)
    missing = [one.municipality for one in municipalities if one.night is None or one.night < night]
    waits = f"; no outcome yet of {', '.join(missing)}" if missing else ""
    waits_fi = f"; kunnan lopputulos puuttuu: {', '.join(missing)}" if missing else ""
    state = "is still being built" if tried == night and not is_ended else "is not made"
    yield problem(
        "night_late",
        None,
        f"the release of the night of {night} {state}; it was due by {LATE:%H:%M} at the latest{waits}",
        f"tukiverkko release --night {night}",
        cause_fi=f"yön {finnish_day(night)} julkaisu ei ole valmistunut, vaikka sen piti valmistua viimeistään klo "
        f"{LATE.hour}.{LATE:%M}{waits_fi}",
    )


def _of_task(incident: Incident) -> Problem:
    again = f"airflow dags trigger {incident.dag_id}"
    if incident.municipality:
        again = f"tukiverkko ingest {incident.municipality} --night {incident.night}"
    elif incident.dag_id == "regional_release":
        again = f"tukiverkko release --night {incident.night}"
    task = f"{incident.dag_id}.{incident.task_id}"
    return problem(
        "task_failed",
        incident.municipality,
        f"{task} failed after its last try, in the night of {incident.night}",
        again,
        cause_fi=f"tehtävä {task} epäonnistui viimeiselläkin yrityksellä yönä {finnish_day(incident.night)}",
        subject=task,
    )


def _of_municipality(
    one: "MunicipalityStatus", last_release: Mapping[str, Any] | None, newest: date
) -> Iterable[Problem]:
    name = one.municipality
    if one.folder_problem:
        yield problem(
            "ingest_failed",
            name,
            f"its folder cannot be read: {one.folder_problem}",
            f"tukiverkko municipality validate {name}",
            cause_fi="kunnan kansiota ei voi lukea",
            subject="folder",
        )
    if one.night is None:
        yield problem(
            "municipality_silent",
            name,
            "nothing has come yet",
            f"tukiverkko ingest {name} --night {newest}",
            cause_fi="mitään ei ole vielä tullut",
        )
        return
    yield from _of_outcome(one)
    went_without = last_release is not None and not last_release["by_hand"] and last_release["night"] > one.night
    if went_without and last_release is not None:
        night = last_release["night"]
        yield problem(
            "night_late",
            name,
            f"it has no outcome for the night of {night}; the region was released without it",
            f"tukiverkko ingest {name} --night {night}",
            cause_fi=f"yöltä {finnish_day(night)} ei ole lopputulosta; alueen luvut julkaistiin ilman kunnan "
            "uutta tietoa",
        )
    since = one.quiet_since or one.night
    # Nights on which it was not asked are not its silence.
    if (one.night - since).days >= one.silent_days:
        yield problem(
            "municipality_silent",
            name,
            f"nothing new has come since {since} (silent after {one.silent_days} days)",
            f"tukiverkko ingest {name} --night {one.night} --refetch",
            cause_fi=f"uutta tietoa ei ole tullut {finnish_day(since)} jälkeen (raja {one.silent_days} päivää)",
        )
    if one.unmapped and one.status != "held":
        yield problem(
            "unmapped_codes",
            name,
            f"{one.unmapped} codes are not in municipalities/{name}/",
            f"tukiverkko unmapped {name}",
            cause_fi=f"{one.unmapped} koodin merkitystä ei tiedetä",
        )
    # Where the source could not be reached in the first place, there is one thing to mend.
    if one.receipt in ("failed", "due") and one.status != "failed":
        why = one.receipt_problem or "it was not tried"
        yield problem(
            "receipt_undeliverable",
            name,
            f"the source could not be told: {why}",
            f"tukiverkko receipt {one.delivery}",
            cause_fi=f"kuittausta toimituksesta {one.delivery} ei saatu perille",
        )


def _of_outcome(one: "MunicipalityStatus") -> Iterable[Problem]:
    """What the last night's outcome itself says. Whatever a person refused is decided, and nothing is to be done."""
    name, cause = one.municipality, one.reason_en or one.status
    by_mail = one.receipt == "sent" and one.receipt_channel == "email"
    again = f"tukiverkko ingest {name} --night {one.night}"
    if one.status == "held":
        command = f'tukiverkko decide {one.delivery} accept|refuse --reason "…"'
        if one.unmapped:
            command = f"tukiverkko unmapped {name}"
        yield problem(
            "delivery_held",
            name,
            f"{one.delivery}: {cause}",
            command,
            cause_fi=f"{one.delivery}: {one.reason_fi or cause}",
            sender_knows=by_mail,
        )
    elif one.status == "refused" and one.decision is None:
        yield problem(
            "delivery_refused",
            name,
            f"{one.delivery}: {cause}",
            again,
            cause_fi=f"{one.delivery}: {one.reason_fi or cause}",
            sender_knows=by_mail,
        )
    elif one.status in ("failed", "received"):
        kind = "disk_full" if is_full_disk(cause) else "ingest_failed"
        told = one.reason_fi if one.reason_fi != one.reason_en else f"tekninen syy englanniksi: {cause}"
        yield problem(kind, name, cause, again, cause_fi=told, sender_knows=by_mail)
