"""What a made-up municipality delivers on a night, as files: each profile's own form.

CSV files and workbooks are what the sources send. REST items and database rows are written as their transports hand
them over, newline-delimited JSON: thirty services and databases beside the warehouse would be measured with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import xlsxwriter

from connectors.delivery import DATASETS, RawDelivery, RawFile, content_digest, school_year_of
from demo.region.varkaus import HEADER_ROW, MONTHS, SHEETS
from tests.bench.towns import FAR, TownYear, lessons_by_weekday, school_days

HELSINKI = ZoneInfo("Europe/Helsinki")
WINDOW_DAYS = 20
OVERLAP = timedelta(minutes=60)
_AS_OF, _SAVED = time(4), time(15)
_DAY_START = time(8, 15)
_EXPLAINED = ("health", "leave", "other")
_CODES = {
    "kuopio": {"health": "S", "leave": "L", "unauthorised": "LU", "other": "H", "unclarified": "P", "late": "M"},
    "siilinjarvi": {
        "health": "SICK",
        "leave": "LEAVE",
        "unauthorised": "UNAUTH",
        "other": "OTHER",
        "unclarified": "UNKNOWN",
        "late": "LATE",
    },
    "iisalmi": {"health": "1", "leave": "2", "unauthorised": "3", "other": "4", "unclarified": "9"},
    "varkaus": {
        "health": "Sairaus h",
        "leave": "Lupa h",
        "unauthorised": "Luvaton h",
        "other": "Lupa h",
        "unclarified": "Epäselvä h",
    },
}
_FORM = {"kuopio": "PO", "siilinjarvi": "BASIC", "iisalmi": "perusopetus", "varkaus": "perusopetus"}


@dataclass(frozen=True)
class Nightly:
    """A delivery as a transport hands it over, and the files whose bytes a text COPY would read instead: the same ones,
    but of a workbook its sheets as CSV."""

    raw: RawDelivery
    plain: tuple[Path, ...]


def write_night(data: TownYear, night: date, previous: date | None, folder: Path) -> Nightly:
    """Writes what the town delivers on a night into `folder/<town>/<night>/`.

    previous: the night delivered before it in the school year, None for the first one: then windows and increments go
    back to its start. A workbook that nobody has edited since is the same file.
    """
    assert school_year_of(night) == data.year
    target = folder / data.town.name / night.isoformat()
    target.mkdir(parents=True, exist_ok=True)
    known = _known(data.pupils, night)
    since = None
    match data.town.profile:
        case "kuopio":
            files = _csv_files(data, known, night, previous, target)
        case "siilinjarvi":
            # Increments go on from the night before, and an hour further back.
            since = None if previous is None else _moment(previous, _AS_OF) - OVERLAP
            files = _rest_files(data, known, night, since, target)
        case "iisalmi":
            files = _row_files(data, known, night, target)
        case _:
            return _workbook_files(data, night, previous, folder)
    raw = _raw(data.town.name, night, previous, files, _moment(night, _AS_OF), since)
    return Nightly(raw, tuple(file.content for file in files if isinstance(file.content, Path)))


def _known(pupils: pl.DataFrame, night: date) -> pl.DataFrame:
    return pupils.filter(pl.col("valid_from") <= night)


def _supported(data: TownYear, night: date, column: str) -> pl.DataFrame:
    """The support rows that have begun, of pupils who have come, with their id."""
    joined = data.pupils["valid_from"].gather(data.support["place"])
    rows = data.support.filter((joined <= night) & (data.support["valid_from"] < night))
    return _of_pupils(data, rows, column)


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, HELSINKI)


def _raw(
    town: str,
    night: date,
    previous: date | None,
    files: Sequence[RawFile],
    as_of: datetime,
    since: datetime | None = None,
) -> RawDelivery:
    return RawDelivery(
        municipality=town,
        night=night,
        school_year=school_year_of(night),
        as_of=as_of,
        since=since,
        first_of_year=previous is None,
        files=tuple(files),
        digest=content_digest(files),
    )


def _word(night: date) -> pl.Expr:
    return pl.when(pl.col("changed") <= night).then("later").otherwise("at_first")


def _of_pupils(data: TownYear, frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.with_columns(data.pupils[column].gather(frame["place"]) for column in columns)


def _open(column: str) -> pl.Expr:
    return pl.when(pl.col(column) < FAR).then(column)


def _csv_files(data: TownYear, known: pl.DataFrame, night: date, previous: date | None, target: Path) -> list[RawFile]:
    codes = _CODES["kuopio"]
    shown = "%d.%m.%Y"
    pupils = known.select(
        pl.col("oid").alias("Oppijanumero"),
        pl.col("hetu").alias("Henkilötunnus"),
        pl.col("school").alias("Koulunro"),
        pl.col("grade").alias("Luokka-aste"),
        pl.col("class_name").alias("Luokka"),
        pl.lit(data.town.code).alias("Kotikunta"),
        pl.lit(_FORM["kuopio"]).alias("Opetusmuoto"),
        pl.col("valid_from").dt.strftime(shown).alias("Alkupvm"),
        _open("valid_to").dt.strftime(shown).alias("Loppupvm"),
    )
    first = date(data.year, 8, 1) if previous is None else night - timedelta(days=WINDOW_DAYS)
    marks = (
        data.pupil_days.filter((pl.col("day") >= first) & (pl.col("day") < night) & (pl.col("created") <= night))
        .with_columns(
            _word(night).alias("word"),
            pl.int_ranges(pl.col("position") + 1, pl.col("position") + pl.col("lessons") + 1).alias("at"),
        )
        .explode("at")
        .filter(pl.col("at").is_not_null())
    )
    marks = _of_pupils(data, marks, "oid", "school")
    # A mark keeps its number from night to night: that of its episode, day and lesson.
    day_of_year = (pl.col("day") - pl.lit(date(data.year, 8, 1))).dt.total_days()
    mark_number = 100_000_000_000 + pl.col("episode").cast(pl.Int64) * 10_000 + day_of_year * 16 + pl.col("at")
    cleared = pl.col("word").is_in(_EXPLAINED)
    files = {
        "oppilaat.csv": pupils,
        "tuntimerkinnat.csv": marks.select(
            mark_number.alias("Merkintänro"),
            pl.col("oid").alias("Oppijanumero"),
            pl.col("school").alias("Koulunro"),
            pl.col("day").dt.strftime(shown).alias("Pvm"),
            pl.col("at").alias("Tunti"),
            pl.lit("MA").alias("Aine"),
            pl.col("word").replace_strict(codes, return_dtype=pl.String).alias("Merkintä"),
            pl.when(pl.col("word") == "late").then(pl.col("episode") % 29 + 1).alias("Kesto min"),
            pl.when(cleared).then(pl.lit("HUOLTAJA")).alias("Selvittäjä"),
            pl.when(cleared).then(pl.col("created").dt.strftime(shown)).alias("Selvitetty"),
        ),
        "tuki.csv": _supported(data, night, "oid").select(
            pl.col("oid").alias("Oppijanumero"),
            pl.when("old").then(pl.lit("ERIT")).otherwise(pl.lit("TUPA")).alias("Tuki"),
            pl.col("valid_from").dt.strftime(shown).alias("Alkupvm"),
            pl.lit("").alias("Loppupvm"),
            pl.when("old").then(pl.col("few") + 1).alias("Toteutuspaikka"),
            pl.when(pl.col("few") == 0).then(pl.lit("ELK,AVU")).otherwise(pl.lit("OPR")).alias("Tukitoimet"),
            pl.col("valid_from").dt.strftime(shown).alias("Päätöspvm"),
        ),
        "tyopaivat.csv": data.calendar.select(
            pl.col("school").alias("Koulunro"),
            pl.col("day").dt.strftime(shown).alias("Pvm"),
            pl.col("grade").alias("Luokka-aste"),
            pl.format("{},0", "lessons").alias("Oppitunnit"),
        ),
    }
    for name, frame in files.items():
        frame.write_csv(target / name, include_bom=True, separator=";", line_terminator="\r\n", quote_style="necessary")
    return [RawFile(dataset, name, target / name) for dataset, name in zip(DATASETS, files, strict=True)]


def _uuid(*parts: pl.Expr) -> pl.Expr:
    """A text in the form of a uuid, always the same for the same numbers."""
    text = pl.concat_str(*parts, separator=" ")
    first, second = (text.hash(seed=n) for n in (1, 2))
    text = pl.concat_str(_hex(first), _hex(second))
    return pl.concat_str(
        *(text.str.slice(first, length) for first, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))),
        separator="-",
    )


def _hex(value: pl.Expr) -> pl.Expr:
    # Decimal digits are hexadecimal ones.
    return (value % 10**16).cast(pl.String).str.zfill(16)


def _iso(moment: pl.Expr) -> pl.Expr:
    return moment.dt.replace_time_zone("Europe/Helsinki").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")


def _local(day: pl.Expr, minutes: pl.Expr | int) -> pl.Expr:
    return day.cast(pl.Datetime("us")) + pl.duration(minutes=minutes)


def _rest_files(
    data: TownYear, known: pl.DataFrame, night: date, since: datetime | None, target: Path
) -> list[RawFile]:
    begin = _DAY_START.hour * 60 + _DAY_START.minute
    days = pl.Series(data.days).cast(pl.Date)
    items = data.episodes.filter(pl.col("created") <= night)
    last = items["first"] + items["length"] - 1
    last_day = days.gather(last)
    weekday = last_day.dt.weekday().to_numpy() - 1
    most = lessons_by_weekday()[data.pupils["grade"].gather(items["place"]).to_numpy(), weekday]
    whole = pl.col("position") < 0
    lessons_after = pl.when(whole).then(pl.Series(most)).otherwise(pl.col("position") + pl.col("count"))
    seen = pl.when(pl.col("changed") <= night).then("changed").otherwise("created")
    items = _of_pupils(data, items, "local").with_columns(
        _local(pl.lit(days.gather(items["first"])), begin + 60 * pl.col("position").clip(0)).alias("from"),
        _local(pl.lit(last_day), begin + 60 * lessons_after).alias("to"),
        _word(night).alias("word"),
        # Entered on the day before the night that sees it first.
        _local(seen - pl.duration(days=1), 480 + pl.col("episode") % 720).alias("updated"),
    )
    if since is not None:
        items = items.filter(pl.col("updated") >= since.replace(tzinfo=None))
    start_of_year = pl.lit(date(data.year, 8, 1))
    many, one = pl.lit(["SPECIAL_CLASS", "ASSISTANT"]), pl.lit(["PART_SMALL_GROUP"])
    frames = {
        "students": known.select(
            pl.col("local").alias("id"),
            pl.col("hetu").alias("personId"),
            pl.col("school").alias("schoolNumber"),
            "grade",
            pl.col("class_name").alias("className"),
            pl.lit(data.town.code).alias("homeMunicipality"),
            pl.lit(_FORM["siilinjarvi"]).alias("form"),
            pl.col("valid_from").alias("startDate"),
            _open("valid_to").alias("endDate"),
            pl.lit(False).alias("deleted"),
            _iso(_local(start_of_year, 600)).alias("updatedAt"),
        ),
        "absences": items.select(
            _uuid(pl.lit(data.town.seed), pl.lit(data.year), pl.col("episode")).alias("id"),
            pl.col("local").alias("studentId"),
            _iso(pl.col("from")).alias("from"),
            _iso(pl.col("to")).alias("to"),
            pl.col("word").replace_strict(_CODES["siilinjarvi"], return_dtype=pl.String).alias("type"),
            pl.when(pl.col("word").is_in(_EXPLAINED)).then(_iso(pl.col("updated"))).alias("clearedAt"),
            pl.lit(False).alias("deleted"),
            _iso(pl.col("updated")).alias("updatedAt"),
        ),
        "support-periods": _supported(data, night, "local").select(
            _uuid(pl.lit(data.town.seed), pl.lit(-1), pl.col("place")).alias("id"),
            pl.col("local").alias("studentId"),
            pl.when("old").then(pl.lit("2011")).otherwise(pl.lit("2025")).alias("scheme"),
            pl.when("old").then(pl.lit("SPECIAL")).otherwise(pl.lit("DECISION")).alias("kind"),
            pl.col("valid_from").alias("start"),
            pl.lit(None, dtype=pl.String).alias("end"),
            pl.when("old").then(pl.col("few") + 1).alias("placement"),
            pl.lit(False).alias("functionalAreas"),
            pl.lit(False).alias("extended"),
            pl.lit(False).alias("disabilityBased"),
            pl.when(pl.col("few") == 0).then(many).otherwise(one).alias("measures"),
            pl.lit(False).alias("deleted"),
            _iso(_local(pl.col("valid_from"), 600)).alias("updatedAt"),
        ),
        "school-days": data.calendar.select(
            pl.col("school").alias("schoolNumber"),
            pl.col("day").alias("date"),
            "grade",
            "lessons",
            pl.lit(f"{_DAY_START:%H:%M}").alias("dayStart"),
            pl.lit(60).alias("slotMinutes"),
        ),
    }
    return _ndjson(frames, target)


def _ndjson(frames: dict[str, pl.DataFrame], target: Path) -> list[RawFile]:
    files = []
    for dataset, (name, frame) in zip(DATASETS, frames.items(), strict=True):
        path = target / f"{name}.ndjson"
        frame.write_ndjson(path)
        files.append(RawFile(dataset, path.name, path))
    return files


def _row_files(data: TownYear, known: pl.DataFrame, night: date, target: Path) -> list[RawFile]:
    codes = _CODES["iisalmi"]
    start_of_year = pl.lit(f"{data.year}-08-01T10:00:00")
    days = data.pupil_days.filter((pl.col("created") <= night) & (pl.col("lessons") > 0))
    days = _of_pupils(data, days, "hetu").with_columns(_word(night).alias("word"))
    seen = pl.when(pl.col("changed") <= night).then("changed").otherwise("created")
    accepted = pl.when(pl.col("word").is_in(_EXPLAINED)).then(pl.lit("K"))
    frames = {
        "v_oppilas": known.select(
            "hetu",
            pl.col("school").cast(pl.Int64).alias("koulunro"),
            pl.col("grade").alias("luokka_aste"),
            pl.col("class_name").alias("luokka"),
            pl.lit(int(data.town.code)).alias("kotikunta"),
            pl.lit(_FORM["iisalmi"]).alias("opetusmuoto"),
            pl.col("valid_from").alias("alku"),
            _open("valid_to").alias("loppu"),
            start_of_year.alias("muutettu"),
        ),
        "v_poissaolo": days.select(
            (100_000_000_000 + pl.col("episode").cast(pl.Int64) * 1000 + pl.col("at")).alias("poissaolo_id"),
            "hetu",
            pl.col("day").alias("paiva"),
            pl.format("{}.00", "lessons").alias("tunnit"),
            pl.col("word").replace_strict(codes, return_dtype=pl.String).cast(pl.Int64).alias("syy"),
            accepted.otherwise(pl.lit("E")).alias("hyvaksytty"),
            pl.lit(False).alias("poistettu"),
            (seen - pl.duration(days=1)).dt.strftime("%Y-%m-%dT12:00:00").alias("muutettu"),
        ),
        "v_tuki": _supported(data, night, "hetu").select(
            (200_000_000_000 + pl.col("place").cast(pl.Int64)).alias("tuki_id"),
            "hetu",
            pl.when("old").then(pl.lit("Erityinen tuki")).otherwise(pl.lit("Tuen päätös")).alias("tuki"),
            pl.col("valid_from").alias("alku"),
            pl.lit(None, dtype=pl.String).alias("loppu"),
            pl.when("old").then(pl.format("toteutuspaikka {}", pl.col("few") + 1)).alias("lisatieto"),
            start_of_year.alias("muutettu"),
        ),
        "v_tyopaiva": data.calendar.select(
            pl.col("school").cast(pl.Int64).alias("koulunro"),
            pl.col("day").alias("paiva"),
            pl.col("grade").alias("luokka_aste"),
            pl.format("{}.00", "lessons").alias("tunnit"),
        ),
    }
    return _ndjson(frames, target)


def _workbook_files(data: TownYear, night: date, previous: date | None, folder: Path) -> Nightly:
    # Edited on Mondays; what the night before saw is kept under the edit's day.
    edit = night - timedelta(days=1)
    edit -= timedelta(days=edit.weekday())
    target = folder / data.town.name / f"edit-{edit.isoformat()}"
    path = target / f"Varkaus_{data.year}-{data.year + 1}.xlsx"
    sheets = tuple(target / f"{name}.csv" for name in SHEETS)
    if not path.exists():
        target.mkdir(parents=True, exist_ok=True)
        frames = _sheets(data, edit)
        _write_workbook(path, frames, edit)
        for file, frame in zip(sheets, frames.values(), strict=True):
            frame.write_csv(file, separator=";")
    files = [RawFile(dataset, path.name, path) for dataset in DATASETS]
    return Nightly(_raw(data.town.name, night, previous, files, _moment(edit, _SAVED)), sheets)


def _sheets(data: TownYear, edit: date) -> dict[str, pl.DataFrame]:
    columns = _CODES["varkaus"]
    known = _known(data.pupils, edit)
    this_month = edit.replace(day=1)
    ended = [day for day in sorted({day.replace(day=1) for day in school_days(data.year)}) if day < this_month]
    # Every pupil has a row for every month that has ended and in which there were lessons for them.
    grid = known.select("person", "local", "valid_from", "valid_to").join(
        pl.DataFrame({"month": ended}, schema={"month": pl.Date}), how="cross"
    )
    grid = grid.filter((pl.col("valid_from") <= pl.col("month")) & (pl.col("valid_to") > pl.col("month")))
    days = data.pupil_days.filter((pl.col("created") <= edit) & (pl.col("day") < this_month))
    days = _of_pupils(data, days, "person").with_columns(
        _word(edit).replace_strict(columns, return_dtype=pl.String).alias("word"),
        pl.col("day").dt.month_start().alias("month"),
    )
    sums = days.group_by("person", "month", "word").agg(pl.col("lessons").sum())
    reasons = SHEETS["Poissaolot"][2:]
    for reason in reasons:
        part = sums.filter(pl.col("word") == reason).select("person", "month", pl.col("lessons").alias(reason))
        grid = grid.join(part, on=["person", "month"], how="left")
    months = dict(zip(range(1, 13), MONTHS, strict=True))
    month = pl.format(
        "{} {}", pl.col("month").dt.month().replace_strict(months, return_dtype=pl.String), pl.col("month").dt.year()
    )
    support = _supported(data, edit, "local")
    marks = {name: pl.lit(None, dtype=pl.String) for name in SHEETS["Tuki"][4:]}
    marks["Erityisluokka"] = pl.when(pl.col("few") == 0).then(pl.lit("x"))
    marks["Pienryhmä"] = pl.when(pl.col("few") != 0).then(pl.lit("x"))
    return {
        "Oppilaat": known.select(
            pl.col("local").alias("Oppilasnro"),
            pl.col("hetu").alias("Hetu"),
            pl.col("school_name").alias("Koulu"),
            pl.col("grade").alias("Vuosiluokka"),
            pl.col("class_name").alias("Luokka"),
            pl.lit(data.town.name).alias("Kotikunta"),
            pl.lit(_FORM["varkaus"]).alias("Opetusmuoto"),
            pl.col("valid_from").alias("Aloitti"),
            _open("valid_to").alias("Lopetti"),
        ),
        "Poissaolot": grid.sort("month", "person").select(
            pl.col("local").alias("Oppilasnro"),
            month.alias("Kuukausi"),
            *(pl.coalesce(pl.col(reason).cast(pl.String), pl.lit("–")).alias(reason) for reason in reasons),
        ),
        "Tuki": support.select(
            pl.col("local").alias("Oppilasnro"),
            pl.when("old").then(pl.lit("E")).otherwise(pl.lit("P")).alias("Taso"),
            pl.col("valid_from").alias("Alkaen"),
            pl.lit(None, dtype=pl.Date).alias("Päättyen"),
            *(mark.alias(name) for name, mark in marks.items()),
        ),
        "Kalenteri": data.calendar.select(
            pl.col("school_name").alias("Koulu"),
            pl.col("day").alias("Pvm"),
            pl.col("grade").alias("Vuosiluokka"),
            pl.col("lessons").alias("Tunnit"),
        ),
    }


def _write_workbook(path: Path, frames: dict[str, pl.DataFrame], edit: date) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    book.set_properties({"author": "", "created": datetime(edit.year, edit.month, edit.day, 12, tzinfo=UTC)})
    shown = book.add_format({"num_format": "d.m.yyyy"})
    for name, frame in frames.items():
        sheet = book.add_worksheet(name)
        sheet.write_string(0, 0, name)
        sheet.write_row(HEADER_ROW, 0, SHEETS[name])
        for row, cells in enumerate(frame.iter_rows(), HEADER_ROW + 1):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_number(row, column, cell.toordinal() - date(1899, 12, 30).toordinal(), shown)
                elif isinstance(cell, str):
                    if name == "Poissaolot" and cell.isdigit() and column > 1:
                        sheet.write_number(row, column, int(cell))
                    else:
                        sheet.write_string(row, column, cell)
                elif cell is not None:
                    sheet.write_number(row, column, cell)
    book.close()
