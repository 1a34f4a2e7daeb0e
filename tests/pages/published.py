"""A published region that is made by hand: tables as the models describe them, and a few rows in each.

Kuopio and a municipality without a folder, `lapinlahti`; three months of which the middle one is not known; support on
both sides of 1 August 2025. A thousand and one pupils tell how thousands are written. Withheld are Lapinlahti's
unauthorised absences, its tier A3, and the region's level `unknown`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import psycopg
import yaml
from psycopg import sql

from pipeline.settings import PROJECT_ROOT

MARTS = PROJECT_ROOT / "dbt_project" / "models" / "marts"
PLACES = ("kuopio", "lapinlahti", "region")
AS_OF = {"kuopio": date(2026, 2, 3), "lapinlahti": date(2026, 2, 2), "region": date(2026, 2, 2)}
OCTOBER, NOVEMBER, DECEMBER = date(2025, 10, 1), date(2025, 11, 1), date(2025, 12, 1)
# A count that is withheld, and that no other number here is like.
SECRET = 31337


def publish(connection: psycopg.Connection) -> None:
    """Makes `reporting` show release 7, without what a release costs."""
    for model in models():
        _make(connection, model)
    connection.execute("insert into reporting.release values (7, '2026-02-03', '2026-02-03 05:10+02', '0123456789ab')")
    _insert(connection, "attendance_monthly", _attendance())
    _insert(connection, "attendance_tiers", _tiers())
    _insert(connection, "support_levels", _levels())
    _insert(connection, "group_sizes", _groups())
    _insert(connection, "data_status", _status())
    connection.commit()


def models() -> list[Mapping[str, Any]]:
    """The published tables as the dbt project describes them."""
    return [
        model
        for path in sorted(MARTS.glob("*.yml"))
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or ()
    ]


def _make(connection: psycopg.Connection, model: Mapping[str, Any]) -> None:
    columns = [sql.SQL("{} {}").format(sql.Identifier(c["name"]), sql.SQL(c["data_type"])) for c in model["columns"]]
    columns.append(sql.SQL("suppressed boolean not null default false"))
    table = sql.Identifier("reporting", model["name"])
    connection.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))
    connection.execute(sql.SQL("comment on column {}.suppressed is 'Salattu. / Withheld.'").format(table))


def _insert(connection: psycopg.Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    for row in rows:
        names = sql.SQL(", ").join(map(sql.Identifier, row))
        values = sql.SQL(", ").join(map(sql.Literal, row.values()))
        connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier("reporting", table), names, values)
        )


def _attendance() -> list[dict[str, Any]]:
    """October: 5 % in Kuopio, 10 % in Lapinlahti, which reported half of its lessons and is not in the region's 6 %. In
    November nothing is reported. December: 7.35 % and 8 %."""
    rates = {
        OCTOBER: {"kuopio": "0.05", "lapinlahti": "0.10", "region": "0.06"},
        NOVEMBER: dict.fromkeys(PLACES),
        DECEMBER: {"kuopio": "0.0735", "lapinlahti": "0.08", "region": "0.0745"},
    }
    rows = []
    for month, of_month in rates.items():
        for place, rate in of_month.items():
            is_half = (month, place) == (OCTOBER, "lapinlahti")
            among = "kuopio" if month == OCTOBER else "kuopio,lapinlahti"
            for absence_class in ("all", "health", "unauthorised", "unclarified", "other_accepted", "leave"):
                row: dict[str, Any] = {
                    "month": month,
                    "municipality": place,
                    "grade_band": "all",
                    "absence_class": absence_class,
                    "pupils": 1001,
                    "coverage": "0.5" if is_half else "0.987" if rate else None,
                    "absence_rate": rate if absence_class in ("all", "health") else "0.001" if rate else None,
                    "null_reason": None if rate else "not_reported",
                    "as_of": AS_OF[place],
                    "municipalities": (among if place == "region" else place) if rate else None,
                }
                if rate and place == "lapinlahti" and absence_class == "unauthorised":
                    row |= {"absence_rate": None, "suppressed": True}
                if rate and absence_class == "other_accepted":
                    row |= {"absence_rate": None, "null_reason": "not_collected"}
                rows.append(row)
    return rows


def _tiers() -> list[dict[str, Any]]:
    shares = {"A0": "0.70", "A1": "0.16", "A2": "0.09", "A3": "0.03", "none": "0.02"}
    return [
        {
            "period_type": "school_year",
            "period_start": date(2025, 8, 1),
            "period_end": date(2025, 12, 31),
            "municipality": place,
            "grade_band": "all",
            "tier": tier,
            "pupils": None if hidden else 100,
            "population": 1001,
            "share": None if hidden else share,
            "as_of": AS_OF[place],
            "suppressed": hidden,
        }
        for place in PLACES
        for tier, share in shares.items()
        for hidden in [place == "lapinlahti" and tier == "A3"]
    ]


def _levels() -> list[dict[str, Any]]:
    shares = {
        date(2025, 5, 31): {"S0": "0.73", "S1": "0.15", "S2": "0.06", "S3": "0.05", "unknown": None},
        date(2025, 8, 31): {"S0": "0.88", "S1": None, "S2": "0.07", "S3": "0.04", "unknown": None},
        date(2025, 9, 20): {"S0": "0.87", "S1": None, "S2": "0.075", "S3": "0.045", "unknown": None},
    }
    return [
        {
            "count_day": day,
            "municipality": place,
            "grade_band": "all",
            "support_level": level,
            "pupils": None if share is None else 10,
            "population": 1001,
            "share": share,
            "regime": "2011" if day.month == 5 else "2025" if level in ("S0", "S1") else "mixed",
            "comparability": "approximate" if level in ("S0", "S3") else "not_comparable",
            "null_reason": "not_in_regime" if level == "S1" and share is None else None,
            "as_of": AS_OF[place],
            "suppressed": level == "unknown",
        }
        for day, of_day in shares.items()
        for place in PLACES
        for level, share in of_day.items()
    ]


def _groups() -> list[dict[str, Any]]:
    """The region's row alone: a table that is partly empty."""
    return [
        {
            "count_day": date(2025, 9, 20),
            "municipality": "region",
            "grade_band": "all",
            "group_size": "20-25",
            "pupils": 1001,
            "population": 1001,
            "share": 1,
            "as_of": AS_OF["region"],
        }
    ]


def _status() -> list[dict[str, Any]]:
    return [
        {
            "municipality": place,
            "dataset": "absence",
            "as_of": AS_OF[place],
            "message_fi": f"{place}: tiedot ovat ajan tasalla.",
            "message_en": f"{place}: the data is up to date.",
        }
        for place in PLACES
        if place != "region"
    ]
