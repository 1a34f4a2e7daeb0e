"""A receipt: what came, what was taken, which rows were not and why, and what to do. For the municipality itself.

Made from the ledger and what was found, so it can be made again at any time, and the same state gives the same receipt.
It names rows, columns and rules; never a personal value: no message in the warehouse holds one.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg

from connectors.check import HARMLESS_RULES
from connectors.config import Municipality
from connectors.delivery import DATASETS

VERSION = 1
HELSINKI = ZoneInfo("Europe/Helsinki")
# A wrong export is wrong on every row: the first ones tell it, the counts tell all.
ROWS_PER_RULE, ROWS_SHOWN = 100, 500

# What to do with the rows of a rule, where there is more to say than to correct them in the source.
_ADVICE = {
    "unknown_pupil": (
        "Lisätkää oppilaan opiskeluoikeus poimintaan tai korjatkaa rivin oppilastunnus.",
        "Add the pupil's enrolment to the extract, or correct the pupil id of the row.",
    ),
    "parent_rejected": (
        "Korjatkaa oppilaan opiskeluoikeuden rivi; tämä rivi tulee silloin mukaan.",
        "Correct the row of the pupil's enrolment; this row is then taken as well.",
    ),
    "unknown_school": (
        "Kertokaa, mikä koulu on kyseessä ja mikä on sen oppilaitosnumero.",
        "Tell which school it is, and its number.",
    ),
    "ragged_row": (
        "Tarkistakaa viennin erottimet ja lainausmerkit.",
        "Check the delimiters and quotes of the export.",
    ),
    "outside_window": (
        "Tarkistakaa poiminnan päivät; näiden päivien tiedot tulevat muista toimituksista.",
        "Check the days of the extract; data of these days comes in other deliveries.",
    ),
    "outside_school_year": (
        "Tarkistakaa poiminnan lukuvuosi ja päivämäärän muoto.",
        "Check the extract's school year and how dates are written.",
    ),
    "conflicting_versions": (
        "Poistakaa tietueen väärä versio lähdejärjestelmästä.",
        "Remove the wrong version of the record in the source system.",
    ),
}
_USUAL_ADVICE = (
    "Korjatkaa rivit lähdejärjestelmässä; korjattuina ne tulevat mukaan seuraavassa toimituksessa.",
    "Correct the rows in the source system; the next delivery brings them in.",
)
_HARMLESS_ADVICE = (
    "Ei vaadi toimia: sama tai uudempi tieto on toimituksessa toisella rivillä.",
    "Nothing to do: another row of the delivery says the same, or something newer.",
)


@dataclass(frozen=True)
class ReceivedDataset:
    """One dataset: rows_in = rows_taken + rows_rejected; other_rows are titles, blanks and totals."""

    dataset: str
    source: str
    rows_in: int
    rows_taken: int
    rows_rejected: int
    other_rows: int
    covers_from: str | None
    covers_to: str | None


@dataclass(frozen=True)
class RejectedRule:
    """How many rows a rule rejected, and what to do. harmless: nothing is lost by it."""

    dataset: str
    rule: str
    columns: str
    row_count: int
    harmless: bool
    advice_fi: str
    advice_en: str


@dataclass(frozen=True)
class RejectedRow:
    """One row that was not taken. row: its place among the data records of the source, 1 = the first."""

    dataset: str
    source: str
    row: int
    column: str | None
    rule: str
    message_fi: str
    message_en: str


@dataclass(frozen=True)
class UnknownCode:
    """A code that nobody has said the meaning of."""

    dataset: str
    kind: str
    code: str
    row_count: int


@dataclass(frozen=True)
class Noticed:
    """Something noticed that rejects no row. severity: critical holds the delivery."""

    rule: str
    severity: str
    row_count: int | None
    message_fi: str
    message_en: str


@dataclass(frozen=True)
class Receipt:
    """All that a municipality is told of one delivery. status: accepted, held, refused or failed. used_instead: the
    night of the delivery that the region goes on with, when this one is not in use."""

    version: int
    municipality: str
    code: str
    name_fi: str
    delivery: str
    night: str
    school_year: str
    as_of: str | None
    status: str
    reason_fi: str | None
    reason_en: str | None
    used_instead: str | None
    datasets: tuple[ReceivedDataset, ...]
    rejected_rules: tuple[RejectedRule, ...]
    rejected_rows: tuple[RejectedRow, ...]
    unknown_codes: tuple[UnknownCode, ...]
    noticed: tuple[Noticed, ...]
    to_do_fi: tuple[str, ...] = field(default=())
    to_do_en: tuple[str, ...] = field(default=())

    @property
    def rows_rejected(self) -> int:
        """All rejected rows, also those that are not listed."""
        return sum(one.rows_rejected for one in self.datasets)


# Checks that hold a delivery for its unknown codes: those are asked for by name.
_ABOUT_CODES = frozenset(
    (*(f"{dataset}.codes_mapped" for dataset in DATASETS), "support.marks_mapped", "support.typed_text_limit")
)
# Of these a receipt is made; an unchanged workbook was told of when it came.
TOLD = ("accepted", "held", "refused", "failed")


def build(connection: psycopg.Connection, municipality: Municipality, delivery_id: int) -> Receipt:
    """The receipt of a delivery as the ledger knows it now. Raises KeyError for an unknown number."""
    row = connection.execute(
        """
        select delivery, night, school_year, status, reason_fi, reason_en, max(as_of) over ()
        from ops.delivery where delivery_id = %s limit 1
        """,
        (delivery_id,),
    ).fetchone()
    if row is None:
        raise KeyError(delivery_id)
    name, night, school_year, status, reason_fi, reason_en, as_of = row
    sources = {dataset: one.source_name(school_year, night) for dataset, one in municipality.datasets.items()}
    rules = _rules(connection, delivery_id)
    codes = _codes(connection, delivery_id)
    noticed = _noticed(connection, delivery_id)
    instead = None if status == "accepted" else _used_instead(connection, municipality.name, school_year, night)
    # What holds a delivery is listed below in the municipality's own words, and why a night failed may be ours to know.
    if status == "held":
        reason_fi = reason_en = None
    elif status == "failed":
        reason_fi = "Toimitusta ei saatu haettua tai luettua tänä yönä."
        reason_en = "The delivery could not be fetched or read this night."
    to_do = _to_do(status, rules, codes, noticed)
    return Receipt(
        version=VERSION,
        municipality=municipality.name,
        code=municipality.code,
        name_fi=municipality.name_fi,
        delivery=name,
        night=night.isoformat(),
        school_year=f"{school_year}-{school_year + 1}",
        as_of=as_of.astimezone(HELSINKI).isoformat(timespec="seconds") if as_of else None,
        status=status,
        reason_fi=reason_fi,
        reason_en=reason_en,
        used_instead=instead.isoformat() if instead else None,
        datasets=_datasets(connection, delivery_id, sources),
        rejected_rules=rules,
        rejected_rows=_rows(connection, delivery_id, sources),
        unknown_codes=codes,
        noticed=noticed,
        to_do_fi=tuple(finnish for finnish, _ in to_do),
        to_do_en=tuple(english for _, english in to_do),
    )


def as_json(receipt: Receipt) -> bytes:
    """The receipt for machines: UTF-8, keys in the order of the dataclasses."""
    return json.dumps(asdict(receipt), ensure_ascii=False, indent=1).encode()


def digest(receipt: Receipt) -> str:
    """SHA-256 (hex) of what the receipt says."""
    return hashlib.sha256(as_json(receipt)).hexdigest()


def _datasets(connection: psycopg.Connection, delivery_id: int, sources: dict[str, str]) -> tuple[ReceivedDataset, ...]:
    rows = connection.execute(
        """
        select dataset, rows_in, rows_landed, rows_rejected, non_data, covers_from, covers_to
        from ops.delivery where delivery_id = %s and extent is not null
        """,
        (delivery_id,),
    ).fetchall()
    return tuple(
        ReceivedDataset(dataset, sources[dataset], came, taken, rejected, other, _iso(first), _iso(last))
        for dataset, came, taken, rejected, other, first, last in sorted(rows, key=lambda row: DATASETS.index(row[0]))
    )


def _rules(connection: psycopg.Connection, delivery_id: int) -> tuple[RejectedRule, ...]:
    rows = connection.execute(
        """
        select dataset, rule, coalesce(string_agg(distinct column_name, ', '), ''), count(*)
        from ops.rejected_row where delivery_id = %s group by dataset, rule order by dataset, count(*) desc, rule
        """,
        (delivery_id,),
    ).fetchall()
    return tuple(
        RejectedRule(
            dataset,
            rule,
            columns,
            count,
            rule in HARMLESS_RULES,
            *(_HARMLESS_ADVICE if rule in HARMLESS_RULES else _ADVICE.get(rule, _USUAL_ADVICE)),
        )
        for dataset, rule, columns, count in rows
    )


def _rows(connection: psycopg.Connection, delivery_id: int, sources: dict[str, str]) -> tuple[RejectedRow, ...]:
    """The first rows of each rule; those that cost something before the harmless ones."""
    rows = connection.execute(
        """
        select dataset, row_number, column_name, rule, message_fi, message_en
        from (
            select *, row_number() over (partition by dataset, rule order by row_number) as place
            from ops.rejected_row where delivery_id = %s
        ) as numbered
        where place <= %s
        order by rule = any(%s), dataset, row_number limit %s
        """,
        (delivery_id, ROWS_PER_RULE, list(HARMLESS_RULES), ROWS_SHOWN),
    ).fetchall()
    return tuple(RejectedRow(row[0], sources[row[0]], *row[1:]) for row in rows)


def _codes(connection: psycopg.Connection, delivery_id: int) -> tuple[UnknownCode, ...]:
    rows = connection.execute(
        """
        select dataset, kind, source_code, row_count from ops.unmapped_code
        where delivery_id = %s order by row_count desc, dataset, kind, source_code
        """,
        (delivery_id,),
    ).fetchall()
    return tuple(UnknownCode(*row) for row in rows)


def _noticed(connection: psycopg.Connection, delivery_id: int) -> tuple[Noticed, ...]:
    """What the reading noticed, and the checks of the last gate that failed; what only we can mend is ours to know."""
    read = connection.execute(
        """
        select dataset || '.' || rule, severity, row_count, message_fi, message_en from ops.finding
        where delivery_id = %s
        """,
        (delivery_id,),
    ).fetchall()
    failed = connection.execute(
        """
        select
            suite || '.' || check_id, severity, numerator,
            'Ei toteudu: ' || (meta -> 'what' ->> 'fi') || ' ' || (meta -> 'when_matters' ->> 'fi'),
            'Does not hold: ' || (meta -> 'what' ->> 'en') || ' ' || (meta -> 'when_matters' ->> 'en')
        from ops.quality_result
        where
            delivery_id = %(id)s and outcome = 'failed' and severity in ('critical', 'warning')
            -- The rows themselves are listed.
            and check_id <> 'rejected_any'
            and run_id = (
                select run_id from ops.quality_result where delivery_id = %(id)s order by checked_at desc limit 1
            )
        """,
        {"id": delivery_id},
    ).fetchall()
    order = ("critical", "warning", "info")
    return tuple(Noticed(*row) for row in sorted([*failed, *read], key=lambda row: (order.index(row[1]), row[0])))


def _used_instead(connection: psycopg.Connection, municipality: str, school_year: int, night: date) -> date | None:
    row = connection.execute(
        """
        select max(night) from ops.delivery
        where municipality = %s and school_year = %s and status = 'accepted' and night <= %s
        """,
        (municipality, school_year, night),
    ).fetchone()
    return row[0] if row else None


def _to_do(
    status: str,
    rules: Sequence[RejectedRule],
    codes: Sequence[UnknownCode],
    noticed: Sequence[Noticed],
) -> list[tuple[str, str]]:
    """What the municipality is asked to do, in Finnish and English, most pressing first."""
    steps: list[tuple[str, str]] = []
    if status == "refused":
        steps.append(
            (
                "Korjatkaa virhe ja lähettäkää toimitus uudelleen, tai ilmoittakaa meille, jos toimitus on "
                "mielestänne oikein.",
                "Mend the reason and deliver again, or tell us if you think that the delivery is right.",
            )
        )
    if status == "failed":
        steps.append(
            (
                "Tarkistakaa, että toimitus on valmis ja luettavissa sovitussa paikassa. Yritämme uudelleen itse.",
                "Check that the delivery is complete and can be read in its agreed place. We try again ourselves.",
            )
        )
    if codes:
        named = ", ".join(code.code for code in codes[:20])
        named_fi = ", ".join(code_in_finnish(code.code) for code in codes[:20])
        steps.append(
            (
                f"Kertokaa, mitä nämä koodit tarkoittavat: {named_fi}. Uutta toimitusta ei sen vuoksi tarvita.",
                f"Tell what these codes mean: {named}. No new delivery is needed for that.",
            )
        )
    if status == "held" and any(one.severity == "critical" and one.rule not in _ABOUT_CODES for one in noticed):
        steps.append(
            (
                "Tarkistakaa alla luetellut esteet. Jos tieto on oikein, vastatkaa ja kertokaa, miksi; muuten "
                "korjatkaa tieto lähdejärjestelmässä, ja seuraava toimitus korvaa tämän.",
                "Check the obstacles listed below. If the data is right, answer and say why; else mend the source, and "
                "the next delivery replaces this one.",
            )
        )
    if any(not rule.harmless for rule in rules):
        steps.append(
            (
                "Korjatkaa hylätyt rivit lähdejärjestelmässä. Siihen asti niiden päivät puuttuvat luvuista.",
                "Correct the rejected rows in the source system. Until then their days are missing from the figures.",
            )
        )
    if not steps and status == "held":
        steps.append(
            (
                "Odottakaa: vika on meidän tarkistuksessamme, ja korjaamme sen.",
                "Wait: the fault is in our own checks, and we mend it.",
            )
        )
    return steps or [("Teidän ei tarvitse tehdä mitään.", "You need to do nothing.")]


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def code_in_finnish(code: str) -> str:
    """A code; one that could be a name is told by its row, in Finnish."""
    return (
        code.replace("(typed text, row ", "(kirjoitettu teksti, rivi ")
        .replace("(text, row ", "(teksti, rivi ")
        .replace("(text)", "(teksti)")
    )


def finnish_date(text: str) -> str:
    """`2025-10-14` or an ISO 8601 moment as `14.10.2025`."""
    day = datetime.fromisoformat(text)
    return f"{day.day}.{day.month}.{day.year}"
