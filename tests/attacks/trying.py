"""How an attack is made, and whether it was held off."""

import re
from dataclasses import dataclass

import psycopg

from tests.attacks.catalogue import EMPTY, OWN, REFUSED, SAME, Attack
from tests.attacks.conftest import PUPILS, WITHHELD, Published, pupil_key

# PostgreSQL says no with one of these; any other error is none of its refusals.
NO = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.WrongObjectType,
)


@dataclass(frozen=True)
class Learned:
    """All that came back: rows of the last statement, and every text, of rows, notices and errors. is_refused: the
    server said no; has_failed: there was an error, that one or another."""

    rows: list[str]
    text: str
    is_refused: bool = False
    has_failed: bool = False


def municipality_of(role: str) -> str:
    return role.removeprefix("bi_")


def words(published: Published, role: str) -> dict[str, str]:
    """What the braces of a statement stand for, for this role."""
    names = [*PUPILS]
    own = municipality_of(role)
    other = names[(names.index(own) + 1) % len(names)] if own in names else "varkaus"
    return {
        "own": own,
        "other": other,
        "pupil": str(pupil_key(other, 7)),
        "nobody": str(pupil_key("nowhere", 7)),
        "login": published.logins[role],
    }


def attempt(connection: psycopg.Connection, statements: list[str]) -> Learned:
    """Tries the statements one after the other until one is refused."""
    said: list[str] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        said.append(str(notice.message_primary))

    connection.add_notice_handler(note)
    try:
        return _attempt(connection, statements, said)
    finally:
        connection.remove_notice_handler(note)


def _attempt(connection: psycopg.Connection, statements: list[str], said: list[str]) -> Learned:
    rows: list[str] = []
    # What a login is set to, its user can undo.
    for statement in ("set default_transaction_read_only = off", "set statement_timeout = '20s'", *statements):
        try:
            with connection.cursor() as cursor:
                if re.match(r"copy .* to stdout$", statement):
                    with cursor.copy(statement) as copy:  # type: ignore[call-overload]
                        rows = [bytes(block).decode() for block in copy]
                else:
                    cursor.execute(statement)  # type: ignore[call-overload]
                    rows = [repr(row) for row in cursor.fetchall()] if cursor.description else []
        except psycopg.Error as error:
            said += [str(error), error.diag.message_detail or "", error.diag.context or ""]
            return Learned([], "\n".join(said), isinstance(error, NO), has_failed=True)
    return Learned(rows, "\n".join([*said, *rows]))


def make(published: Published, attack: Attack, role: str, database: str | None = None) -> str | None:
    """Makes the attack as a new session of the role's member. Returns why it was not held off; None when it was."""
    known = words(published, role)
    # What is read of the catalogue when a session begins is counted in a plan: these begin alike.
    is_alike = database is not None or attack.must == SAME
    with published.login(role, database) if is_alike else published.session(role) as connection:
        learned = attempt(connection, filled(attack.statements, known))
    if found := foreign(learned.text, municipality_of(role)):
        return f"shows {found}"
    if attack.must == REFUSED or (role == "bi_region" and attack.must == OWN):
        return None if learned.is_refused else f"was not refused: {learned.text[:300]}"
    if attack.must == OWN:
        return None if learned.rows else f"shows no own row, so it proves nothing: {learned.text[:300]}"
    if attack.must == EMPTY:
        shows_nothing = learned.is_refused or not (learned.rows or learned.has_failed)
        return None if shows_nothing else f"shows something: {learned.text[:300]}"
    if attack.must == SAME and attack.instead is not None:
        old, new = attack.instead
        with published.login(role, database) as connection:
            control = attempt(connection, filled([one.replace(old, new) for one in attack.statements], known))
        if learned.is_refused and control.is_refused:
            return None
        one, other = plain(learned.text), plain(control.text)
        return None if one == other else f"differs:\n{one}\n\n{other}"
    return None


def filled(statements: list[str] | tuple[str, ...], known: dict[str, str]) -> list[str]:
    return [
        re.sub(r"\{(own|other|pupil|nobody|login|database)\}", lambda word: known[word[1]], one) for one in statements
    ]


def foreign(text: str, own: str) -> str | None:
    """What in the text is another municipality's, or withheld."""
    for name, count in PUPILS.items():
        if name != own:
            if found := re.search(rf"secret-of-{name}-\d+", text):
                return found[0]
            if re.search(rf"\('{name}', {count}\)", text):
                return f"the count of {name}"
    return "a withheld count" if str(WITHHELD) in text else None


def plain(plan: str) -> str:
    """A plan without what was asked for in it, and without numbers that differ from run to run."""
    plan = re.sub(r"(Cond|Filter|Key|Output): .*", r"\1", plan)
    plan = re.sub(r"shared (hit|read)=(\d+)( read=(\d+))?", lambda m: f"pages={int(m[2]) + int(m[4] or 0)}", plan)
    plan = re.sub(r"width=\d+", "", plan)
    return re.sub(r"(Memory( Usage)?: )\d+\w+", "", plan)
