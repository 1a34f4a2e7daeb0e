"""Runs the dbt project in-process: staging → harmonised → marts, in schemas that readers do not see.

dbt is imported when a build starts, so that this module is cheap at DAG parse time.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import yaml
from psycopg import sql

from pipeline.built_state import build_anew_next
from pipeline.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
MARTS_SCHEMA = "candidate"
# What `pipeline.reference` loads from the municipalities' folders.
_CODE_TABLES = (
    "municipality",
    "school",
    "home_municipality_crosswalk",
    "absence_crosswalk",
    "support_crosswalk",
    "mark_crosswalk",
    "form_crosswalk",
)
THREADS = 4
# What dbt writes of a build: each node's seconds and message.
RUN_RESULTS = "run_results.json"


@dataclass(frozen=True)
class TransformResult:
    """What a build did. statuses: node name → success, pass, warn or skipped. seconds: node name → wall time."""

    statuses: Mapping[str, str]
    seconds: Mapping[str, float]


class TransformError(RuntimeError):
    """The build failed. failures: node name → message, without row values."""

    def __init__(self, failures: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {message}" for name, message in failures.items()))
        self.failures = dict(failures)


def build(
    database_url: str,
    target: Path,
    *,
    select: str | None = None,
    full_refresh: bool = False,
    night: date | None = None,
    unit_tests: bool = False,
) -> TransformResult:
    """Builds and tests the models of the project (`dbt build`) in the warehouse at `database_url`.

    target: folder for dbt's own files (profile, manifest, compiled SQL), made when missing, never in the project.
    select: dbt node selection, for example `tag:marts`; None is everything. night: the day of the release; None:
    the night of the latest delivery that may be seen. unit_tests: also run the models' unit tests, which need no data.
    full_refresh: build everything anew; done by itself where models, seeds or the municipalities' codes have changed
    since the last build, because an increment redoes only what its deliveries touch; and where the build before was
    interrupted, or ended before the harmonised layer was whole.
    Raises TransformError with the nodes that failed.
    """
    # dbt takes seconds to import, and the scheduler parses its callers' modules often.
    from dbt.artifacts.schemas.results import NodeStatus
    from dbt.cli.main import dbtRunner

    _write_profile(database_url, target)
    fingerprint = _fingerprint(database_url)
    full_refresh = full_refresh or fingerprint != _built_fingerprint(database_url)
    arguments = ["build", *_common_arguments(target, target)]
    arguments += [] if unit_tests else ["--exclude-resource-type", "unit_test"]
    arguments += ["--select", *select.split()] if select else []
    arguments += ["--full-refresh"] if full_refresh else []
    # Killed from here on, the build leaves rows that no later one would know of; dbt puts the digest back at its end.
    with psycopg.connect(database_url) as connection:
        build_anew_next(connection)
    # Not as dbt's variables: a variable that changes every night has the whole project parsed anew.
    said = {"TUKIVERKKO_BUILD_NIGHT": night.isoformat() if night else "", "TUKIVERKKO_BUILD_FINGERPRINT": fingerprint}
    try:
        with _environment(said):
            outcome = dbtRunner().invoke(arguments)
    finally:
        _scrub(target / RUN_RESULTS)
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise TransformError({"dbt": _without_values(str(outcome.exception or "no results"))})
    bad = (NodeStatus.Error, NodeStatus.Fail, NodeStatus.RuntimeErr)
    failures = {result.node.name: _without_values(result.message or "") for result in results if result.status in bad}
    if failures or not outcome.success:
        raise TransformError(failures or {"dbt": _without_values(str(outcome.exception or "the build failed"))})
    return TransformResult(
        statuses={result.node.name: str(result.status) for result in results},
        seconds={result.node.name: result.execution_time for result in results},
    )


def document(database_url: str, target: Path) -> Path:
    """dbt's own documentation of the last build in `target`, with the lineage, as one page that is returned.

    Raises FileNotFoundError when nothing was built there yet, TransformError when dbt fails.
    """
    from dbt.cli.main import dbtRunner

    _write_profile(database_url, target)
    # Beside the build's own files, which stay as they are.
    folder = target / "docs"
    folder.mkdir(exist_ok=True)
    for name in ("manifest.json", "partial_parse.msgpack"):
        shutil.copyfile(target / name, folder / name)
    arguments = ["docs", "generate", "--static", "--no-compile", *_common_arguments(target, folder)]
    try:
        outcome = dbtRunner().invoke(arguments)
    finally:
        _scrub(folder / RUN_RESULTS)
    if not outcome.success:
        raise TransformError({"dbt docs": _without_values(str(outcome.exception or "no page was made"))})
    return folder / "static_index.html"


def _common_arguments(profile: Path, target: Path) -> list[str]:
    return [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(profile), "--target-path", str(target)),
        *("--log-path", str(target / "logs"), "--log-level-file", "none", "--log-level", "none", "--quiet"),
        *("--no-send-anonymous-usage-stats", "--no-version-check", "--no-use-colors", "--no-print"),
        *("--threads", str(THREADS)),
    ]


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """This process's environment with the values, as long as the block lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def published_marts(target: Path) -> dict[str, dict[str, Any]]:
    """The marts of the last build in `target`, from its manifest: name → `meta` (`protected_counts`: count column →
    value columns that are withheld with it; `min_denominator`: count column → columns shown from 10 pupils)."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return {
        node["name"]: dict(node["config"].get("meta") or {})
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == MARTS_SCHEMA
    }


def project_digest() -> str:
    """A digest of the project's models, seeds, macros and descriptions."""
    digest = hashlib.sha256()
    for path in sorted(path for path in PROJECT.rglob("*") if path.suffix in (".sql", ".yml", ".csv")):
        digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _fingerprint(database_url: str) -> str:
    """A digest of all that decides what rows become, besides the deliveries: the project's files and the codes."""
    digest = hashlib.sha256(project_digest().encode())
    with psycopg.connect(database_url) as connection:
        for table in _CODE_TABLES:
            query = sql.SQL("select md5(coalesce(string_agg(row::text, ' ' order by row::text), '')) from {} as row")
            row = connection.execute(query.format(sql.Identifier("reference", table))).fetchone()
            digest.update(f"{table}\0{row and row[0]}\0".encode())
    return digest.hexdigest()


def _built_fingerprint(database_url: str) -> str | None:
    """The digest under which the harmonised layer was built last; None when it never was."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select to_regclass('harmonised.built_state')").fetchone()
        if row is None or row[0] is None:
            return None
        row = connection.execute("select fingerprint from harmonised.built_state").fetchone()
    return row[0] if row else None


def _write_profile(database_url: str, target: Path) -> None:
    """A profile that only this account can read: it holds the warehouse's password."""
    url = urlsplit(database_url)
    output = {
        "type": "postgres",
        "host": url.hostname,
        "port": url.port or 5432,
        "user": unquote(url.username or ""),
        "password": unquote(url.password or ""),
        "dbname": url.path.lstrip("/"),
        "schema": "staging",
        "threads": THREADS,
        "application_name": "tukiverkko-dbt",
    }
    target.mkdir(parents=True, exist_ok=True)
    # dbt's own files are as open as their folder, also one of an earlier version.
    target.chmod(0o700)
    profile = target / "profiles.yml"
    profile.unlink(missing_ok=True)
    descriptor = os.open(profile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump({"tukiverkko": {"target": "warehouse", "outputs": {"warehouse": output}}}, file)


# Where PostgreSQL's messages repeat what a row holds, and what may follow: a value can have lines of its own.
_VALUE_LINES: Sequence[str] = ("DETAIL:", "CONTEXT:")
_OTHER_LINES: Sequence[str] = ("HINT:", "LINE ", "compiled code at ")
_VALUE = re.compile(r'((?:invalid|malformed|out of range)[^:"]*|value): ".*"|\b(value|literal) "[^"]*"')
# One at the end of PostgreSQL's first line, which it makes into several.
_LONG_VALUE = re.compile(
    r'((?:invalid|malformed|out of range)[^:"\n]*|value): ".*?"(?=\s*(?:\Z|\n\s*(?:'
    + "|".join((*_VALUE_LINES, *_OTHER_LINES))
    + ")))",
    re.DOTALL,
)


def _scrub(file: Path) -> None:
    """Takes the values out of the messages in dbt's file of results, if there is one; one cut short goes away."""
    if not file.exists():
        return
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        file.unlink()
        return
    for result in run["results"]:
        result["message"] = _without_values(result["message"] or "")
    file.write_text(json.dumps(run), encoding="utf-8")


def _without_values(message: str) -> str:
    kept, hidden = [], False
    for line in filter(None, map(str.strip, _LONG_VALUE.sub(r"\1", message).splitlines())):
        hidden = line.startswith(tuple(_VALUE_LINES)) or (hidden and not line.startswith(tuple(_OTHER_LINES)))
        if not hidden:
            kept.append(_VALUE.sub(lambda match: match[1] or match[2], line))
    return " ".join(kept)
