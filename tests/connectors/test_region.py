"""The synthetic region, read as its four sources hold it: what is clean lands whole, what is dirty is told."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import polars as pl
import psycopg
import pytest

from connectors.check import CheckedDataset, check_delivery
from connectors.delivery import RawDelivery, RawFile
from demo.region import build_region, identifiers, write_night
from pipeline.landing import copy_frame
from tests.connectors.samples import KEYS, delivery, municipality, ndjson

NIGHT = date(2025, 10, 14)
AS_OF = datetime(2025, 10, 14, 1, 30, tzinfo=UTC)


@cache
def region():
    return build_region(scale=0.02)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    write_night(region(), NIGHT, folder)
    return folder


def raw_delivery(name: str, folder: Path) -> RawDelivery:
    """What the transport of each source would hand over."""
    config = municipality(name)
    files = []
    for dataset in config.datasets.values():
        source = dataset.source_name(2025, NIGHT)
        if name == "kuopio":
            files.append(RawFile(dataset.name, source, folder / "kuopio/lahtevat" / NIGHT.isoformat() / source))
        elif name == "siilinjarvi":
            items = json.loads((folder / f"siilinjarvi/{source}.json").read_text(encoding="utf-8"))
            files.append(RawFile(dataset.name, f"{source}.ndjson", ndjson(items)))
        elif name == "iisalmi":
            rows = pl.read_parquet(folder / f"iisalmi/{source}.parquet").select(dataset.source_columns)
            texts = rows.with_columns(pl.selectors.decimal().cast(pl.String))
            files.append(RawFile(dataset.name, f"{source}.ndjson", texts.write_ndjson().encode()))
        else:
            files.append(RawFile(dataset.name, source, (folder / "varkaus" / source).read_bytes()))
    return delivery(name, files, NIGHT, as_of=AS_OF, first_of_year=True)


def checked(name: str, folder: Path) -> dict[str, CheckedDataset]:
    return check_delivery(raw_delivery(name, folder), municipality(name), KEYS).datasets


@pytest.mark.parametrize("name", ["iisalmi", "kuopio", "siilinjarvi", "varkaus"])
def test_a_night_of_the_region_lands(name: str, night: Path, connection: psycopg.Connection) -> None:
    parts = checked(name, night)
    for part in parts.values():
        assert part.rows_in > 0
        assert part.rows_in == part.rows_landed + part.rejected.height
        assert copy_frame(connection, part.table, part.frame, 1) == part.frame.height
    told = Counter(rule for part in parts.values() for rule in part.rejected["rule"])
    assert told == {}
    assert [line for part in parts.values() for line in part.unmapped] == []
    assert parts["absence"].covers_from == date(2025, 8, 1)


@pytest.mark.parametrize("name", ["iisalmi", "kuopio", "siilinjarvi", "varkaus"])
def test_no_identifier_of_the_region_is_left(name: str, night: Path) -> None:
    secrets = set(identifiers(region()))
    told = set()
    for part in checked(name, night).values():
        for frame in (part.frame, part.rejected):
            for column in frame.select(pl.selectors.string()).iter_columns():
                told |= set(column.drop_nulls().unique())
    assert told & secrets == set()
