"""Quality gates: the suites of `expectations/`, run by Great Expectations in the warehouse.

Only counts leave the warehouse: a query expectation is wrapped so that PostgreSQL returns how many rows break the rule,
and a table expectation asks Great Expectations for no value. Great Expectations takes 3 to 7 seconds to import, so it
is imported inside the functions that need it, never while a DAG is parsed.
"""

import json
import logging
import os
import re
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Literal, cast

import psycopg
import yaml
from psycopg.types.json import Jsonb

from connectors.contract import rejected_limit

EXPECTATIONS = Path(__file__).resolve().parent.parent / "expectations"
STAGES = ("delivery", "harmonised", "release")
# Low to high; the same order as Great Expectations' FailureSeverity.
SEVERITIES = ("info", "warning", "critical")
# What a query expectation can test, one row of them a check.
MEASURES = ("violations", "checked", "share", "allowed")
# The column that holds the counts of every check of a statement; no id of a check begins with an underscore.
_COUNTS = "_counts"

Stage = Literal["delivery", "harmonised", "release"]
Severity = Literal["info", "warning", "critical"]
Outcome = Literal["passed", "failed", "not_applicable", "error"]

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_SAFE_TEXT = re.compile(r"[\w. -]*", re.ASCII)
# BASIC with no sample of values: Great Expectations then asks for them with LIMIT 0.
_RESULT_FORMAT = {"result_format": "BASIC", "partial_unexpected_count": 0}
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SuiteError(Exception):
    """A suite file does not say what it must, or a named parameter is missing; names the file and the expectation."""


@dataclass(frozen=True)
class Text:
    """A text in Finnish and English."""

    fi: str
    en: str


@dataclass(frozen=True)
class Check:
    """One expectation of a suite.

    Either `table` (`schema.table`, checked by Great Expectations directly), or `query` (returns the rows that break
    the rule) with `checked` (one number: how many were looked at; null or 0 means not applicable). A query's kwargs
    name the columns of MEASURES: violations (`measure` over the query, a count), checked, share (of checked, a
    fraction) and allowed (the greater of allow_share × checked, rounded down, and allow_rows).
    judgement: a person may accept a delivery that fails it.
    """

    id: str
    severity: Severity
    expectation: str
    kwargs: Mapping[str, Any]
    what: Text
    when_matters: Text
    how_to_resolve: Text
    table: str | None = None
    query: str | None = None
    measure: str = "count(*)"
    checked: str | None = None
    allow_share: float = 0.0
    allow_rows: int = 0
    judgement: bool = False


@dataclass(frozen=True)
class Suite:
    """One file of `expectations/<stage>/`. `common`: CTEs that its queries share; `applies`: SQL condition without
    which its queries are not applicable; `defaults`: named parameters that may be left out."""

    stage: Stage
    name: str
    title: Text
    checks: tuple[Check, ...]
    common: str = ""
    applies: str = "true"
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class QualityResult:
    """The outcome of one check, as in `ops.quality_result`.

    numerator: rows that break the rule, of `denominator` rows looked at; threshold: the share of them that may.
    All three are null where the outcome is an error; the threshold also where the expectation has no share.
    """

    run_id: str
    stage: Stage
    suite: str
    check_id: str
    expectation_type: str
    severity: Severity
    outcome: Outcome
    numerator: int | None
    denominator: int | None
    threshold: float | None
    message_fi: str
    message_en: str
    municipality: str | None = None
    delivery_id: int | None = None
    release_number: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    checked_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def load_suites(stage: Stage, folder: Path = EXPECTATIONS) -> tuple[Suite, ...]:
    """The suites of `folder/<stage>/*.yaml`, by file name. Raises SuiteError, also when there is none."""
    files = sorted((folder / stage).glob("*.yaml"))
    if not files:
        raise SuiteError(f"expectations/{stage} holds no suite: nothing would be checked")
    return tuple(load_suite(file) for file in files)


def load_suite(file: Path) -> Suite:
    """One suite file, checked against `expectations/suite.schema.json`. Raises SuiteError."""
    where = f"expectations/{file.parent.name}/{file.name}"
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _LOADER)
    except yaml.YAMLError as error:
        raise SuiteError(f"{where}: is not YAML: {error}") from error
    for problem in _schema().iter_errors(content):
        place = "/".join(str(part) for part in problem.absolute_path) or "(top)"
        raise SuiteError(f"{where}: {place}: {problem.message}")
    if (content["stage"], content["suite"]) != (file.parent.name, file.stem):
        raise SuiteError(f"{where}: stage and suite must be those of its folder and file name")
    checks = tuple(_check(_with_contract_limit(entry, file.stem)) for entry in content["expectations"])
    ids = [check.id for check in checks]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise SuiteError(f"{where}: id used twice: {', '.join(repeated)}")
    for check in checks:
        if check.query is not None and not set(_columns(check)) <= set(MEASURES):
            raise SuiteError(f"{where}: {check.id}: kwargs of a query name columns among {', '.join(MEASURES)}")
    return Suite(
        stage=content["stage"],
        name=content["suite"],
        title=Text(content["title_fi"], content["title_en"]),
        checks=checks,
        common=content.get("with", "").strip(),
        applies=content.get("applies", "true").strip(),
        defaults=content.get("parameters", {}),
    )


def run_suite(
    connection_url: str,
    stage: Stage,
    parameters: Mapping[str, Any],
    *,
    suites: Sequence[str] | None = None,
    run_id: str | None = None,
    folder: Path = EXPECTATIONS,
) -> tuple[QualityResult, ...]:
    """Runs the suites of a stage in the warehouse and returns one result a check, in the order of the files.

    connection_url: PostgreSQL URL (`postgresql://` or `postgresql+psycopg://`). parameters: values of the named
    parameters of the suites (int, float, bool, date, plain text, a sequence of these, None); `municipality`,
    `delivery_id` and `release_number` also go into the results. suites: names of those to run (default: all of the
    stage). A check that cannot be evaluated gives the outcome `error`, never an exception; a missing parameter or an
    unknown suite raises SuiteError. No value of the data is in the results or in a log.
    """
    chosen = load_suites(stage, folder)
    if suites is not None:
        if unknown := sorted(set(suites) - {suite.name for suite in chosen}):
            raise SuiteError(f"expectations/{stage} has no suite {', '.join(unknown)}")
        chosen = tuple(suite for suite in chosen if suite.name in suites)
    values = [dict(suite.defaults) | dict(parameters) for suite in chosen]
    for suite, known in zip(chosen, values, strict=True):
        _require_parameters(suite, known)
    run = run_id or uuid.uuid4().hex
    with _warehouse(connection_url) as warehouse:
        return tuple(
            _result(run, suite, check, measured, parameters)
            for suite, known in zip(chosen, values, strict=True)
            for check, measured in _run_one(warehouse, suite, known)
        )


def worst(results: Sequence[QualityResult]) -> Severity | None:
    """The highest severity among the checks that failed or could not be evaluated; None when there is none."""
    bad = [result.severity for result in results if result.outcome in ("failed", "error")]
    return max(bad, key=SEVERITIES.index, default=None)


def decide(results: Sequence[QualityResult]) -> Literal["accept", "hold"]:
    """`hold` when a critical check failed or could not be evaluated, or when nothing passed (then nothing is known);
    else `accept`."""
    if worst(results) == "critical" or not any(result.outcome == "passed" for result in results):
        return "hold"
    return "accept"


def store(results: Sequence[QualityResult], connection: psycopg.Connection) -> None:
    """Writes results into `ops.quality_result`; the same run again replaces its rows. The caller commits."""
    rows = [asdict(result) | {"meta": Jsonb(dict(result.meta))} for result in results]
    if not rows:
        return
    columns = list(rows[0])
    names = ", ".join(columns)
    places = ", ".join(f"%({column})s" for column in columns)
    updates = ", ".join(
        f"{column} = excluded.{column}" for column in columns if column not in ("run_id", "suite", "check_id")
    )
    statement = (
        f"insert into ops.quality_result ({names}) values ({places}) "
        f"on conflict (run_id, suite, check_id) do update set {updates}"
    )
    with connection.cursor() as cursor:
        cursor.executemany(cast(Any, statement), rows)


def write_data_docs(results: Sequence[QualityResult], folder: Path) -> Path:
    """Writes `<run_id>.html` (one page a run) and `index.html` (all runs in `folder`); returns the run's page.

    The pages hold counts and texts of the suites, no row value, and load nothing from elsewhere: Great Expectations'
    own site loads its scripts and styles from public addresses, which closed municipal networks do not reach.
    Raises ValueError without results, or with results of several runs.
    """
    runs = {result.run_id for result in results}
    if len(runs) != 1:
        raise ValueError("write_data_docs takes the results of one run")
    folder.mkdir(parents=True, exist_ok=True)
    run = re.sub(r"[^\w.-]", "_", runs.pop())
    page = folder / f"{run}.html"
    summary = _summary(results)
    _replace(page, _run_page(results, summary))
    _replace(folder / f"{run}.json", json.dumps(summary, ensure_ascii=False))
    summaries = [
        json.loads(file.read_text(encoding="utf-8")) | {"page": f"{file.stem}.html"} for file in folder.glob("*.json")
    ]
    summaries.sort(key=lambda entry: str(entry["checked_at"]), reverse=True)
    _replace(folder / "index.html", _index_page(summaries))
    return page


@cache
def _schema() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((EXPECTATIONS / "suite.schema.json").read_text(encoding="utf-8")))


def _with_contract_limit(entry: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """`allow: contract` becomes the limit of the contract; {share} and {rows} in the texts are its numbers."""
    if entry.get("allow") != "contract":
        return entry
    share, rows = rejected_limit(dataset)
    numbers = {"{share}": f"{share * 100:g} %", "{rows}": str(rows)}
    filled = dict(entry) | {"allow": {"share": share, "rows": rows}}
    for place, number in numbers.items():
        filled |= {key: filled[key].replace(place, number) for key in ("what_fi", "what_en")}
    return filled


def _check(entry: Mapping[str, Any]) -> Check:
    def text(key: str) -> Text:
        return Text(" ".join(entry[f"{key}_fi"].split()), " ".join(entry[f"{key}_en"].split()))

    allow = entry.get("allow", {"share": 0.0, "rows": 0})
    return Check(
        id=entry["id"],
        severity=entry["severity"],
        expectation=entry["expectation"],
        kwargs=entry["kwargs"],
        what=text("what"),
        when_matters=text("when_matters"),
        how_to_resolve=text("how_to_resolve"),
        table=entry.get("table"),
        query=entry.get("query"),
        measure=entry.get("measure", "count(*)"),
        checked=entry.get("checked"),
        allow_share=allow["share"],
        allow_rows=allow["rows"],
        judgement=entry.get("judgement", False),
    )


def _columns(check: Check) -> tuple[str, ...]:
    """The columns that a check's kwargs name."""
    return tuple(value for key, value in check.kwargs.items() if key in ("column", "column_A", "column_B"))


def _require_parameters(suite: Suite, known: Mapping[str, Any]) -> None:
    texts = [suite.common, suite.applies]
    for check in suite.checks:
        texts += [check.query or "", check.checked or "", check.measure]
    wanted = {name for text in texts for name in _PARAMETER.findall(text)}
    if missing := sorted(wanted - set(known)):
        raise SuiteError(f"expectations/{suite.stage}/{suite.name}.yaml needs the parameter {', '.join(missing)}")
    for name in wanted:
        _literal(known[name])


def _literal(value: Any) -> str:
    """A parameter as an SQL literal; only forms that need no escaping are let through."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case date() if not isinstance(value, datetime):
            return f"date '{value.isoformat()}'"
        case str() if _SAFE_TEXT.fullmatch(value):
            return f"'{value}'"
        case list() | tuple():
            return f"array[{', '.join(_literal(item) for item in value)}]"
    raise SuiteError(f"a parameter of type {type(value).__name__} with such a value cannot go into a query")


def _bind(text: str, known: Mapping[str, Any]) -> str:
    return _PARAMETER.sub(lambda match: _literal(known[match.group(1)]), text)


@dataclass(frozen=True)
class _Measured:
    """What came out of one check: success is None when it could not be evaluated (`problem` names the kind of error)
    or did not apply."""

    success: bool | None
    numerator: int | None = None
    denominator: int | None = None
    allowed: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Warehouse:
    """Great Expectations' context, with the data source that materialises queries and one a schema for tables."""

    context: Any
    url: str

    def source(self, schema: str | None) -> Any:
        name = f"tables of {schema}" if schema else "measures"
        if name in self.context.data_sources.all():
            return self.context.data_sources.get(name)
        # What has just landed is unknown to the planner's statistics: it would expect one row and loop over millions.
        options = "-c timezone=Europe/Helsinki -c enable_nestloop=off"
        if schema is not None:
            options += f" -c search_path={schema}"
        connect = {"application_name": "tukiverkko quality", "options": options}
        return self.context.data_sources.add_postgres(
            name,
            connection_string=self.url,
            # A query would else be run once for every metric.
            create_temp_table=schema is None,
            kwargs={"connect_args": connect},
        )

    def validate(self, asset: Any, expectations: Sequence[Any]) -> dict[str, Any]:
        """Runs expectations on an asset; returns Great Expectations' results by the `key` in their meta."""
        import great_expectations as gx

        name = uuid.uuid4().hex
        batch = asset.add_batch_definition_whole_table(name)
        suite = self.context.suites.add(gx.ExpectationSuite(name=name, expectations=list(expectations)))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
        run = self.context.validation_definitions.add(definition).run(result_format=_RESULT_FORMAT)
        return {result.expectation_config.meta["key"]: result for result in run.results}


@contextmanager
def _warehouse(connection_url: str) -> Iterator[_Warehouse]:
    """A quiet ephemeral context on the warehouse; its connections are closed at the end."""
    # Read when the package is imported; the context is told as well.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with _quiet():
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral", cloud_mode=False)
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
        url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", connection_url)
        # Great Expectations would take a $ for the name of a variable.
        warehouse = _Warehouse(context, url.replace("$", "%24"))
        try:
            yield warehouse
        finally:
            for source in context.data_sources.all().values():
                source.get_execution_engine().close()
                source.get_engine().dispose()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Great Expectations' log (statements, tracebacks, row values) and its warnings from being shown."""
    names = ("great_expectations", "py.warnings")
    before = [
        (
            logging.getLogger(name),
            logging.getLogger(name).level,
            logging.getLogger(name).propagate,
        )
        for name in names
    ]
    try:
        for logger, _, _ in before:
            logger.setLevel(logging.CRITICAL + 1)
            logger.propagate = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level, propagate in before:
            logger.setLevel(level)
            logger.propagate = propagate


def _run_one(warehouse: _Warehouse, suite: Suite, known: Mapping[str, Any]) -> list[tuple[Check, _Measured]]:
    """All checks of one suite: its queries in one statement, its tables in one validation each."""
    queries = [check for check in suite.checks if check.query is not None]
    measured = _measure(warehouse, suite, queries, known)
    for table in dict.fromkeys(check.table for check in suite.checks if check.table is not None):
        measured |= _validate_table(warehouse, table, [check for check in suite.checks if check.table == table])
    return [(check, measured[check.id]) for check in suite.checks]


def _measure(
    warehouse: _Warehouse,
    suite: Suite,
    checks: Sequence[Check],
    known: Mapping[str, Any],
) -> dict[str, _Measured]:
    """Evaluates query checks together; when that fails, each alone, so that one bad query spoils no other."""
    if not checks:
        return {}
    try:
        asset = warehouse.source(None).add_query_asset(uuid.uuid4().hex, query=_statement(suite, checks, known))
        results = warehouse.validate(asset, _on_measures(checks))
        if problem := _problem(results[_COUNTS]):
            measured = {check.id: _Measured(None, problem=problem) for check in checks}
        else:
            counts = _counts(results[_COUNTS])
            measured = {
                check.id: _of_query(results[check.id], *count) for check, count in zip(checks, counts, strict=True)
            }
    except Exception as error:
        measured = {check.id: _Measured(None, problem=_kind(error)) for check in checks}
    if len(checks) > 1 and any(outcome.problem for outcome in measured.values()):
        for check in checks:
            measured |= _measure(warehouse, suite, [check], known)
    return measured


def _statement(suite: Suite, checks: Sequence[Check], known: Mapping[str, Any]) -> str:
    """One statement with one row: the MEASURES of every check, numbered."""
    steps = [_bind(suite.common, known)] if suite.common else []
    columns = []
    counts: list[str] = []
    for number, check in enumerate(checks):
        query, checked = _bind(check.query or "", known), _bind(check.checked or "", known)
        measure, share = _bind(check.measure, known), repr(check.allow_share)
        steps.append(
            f"looked_at_{number} as materialized (\n"
            f"select case when ({_bind(suite.applies, known)}) then (\n{checked}\n) end::bigint as checked\n)"
        )
        steps.append(
            f"broken_{number} as materialized (\n"
            f"select coalesce({measure}, 0)::bigint as violations\nfrom (\n{query}\n) as broken\n)"
        )
        looked_at = f"(select checked from looked_at_{number})"
        broken = f"(select violations from broken_{number})"
        columns += [
            f"{broken} as violations_{number}",
            f"{looked_at} as checked_{number}",
            f"{broken}::double precision / nullif({looked_at}, 0) as share_{number}",
            f"greatest(floor({looked_at} * {share}::numeric), {check.allow_rows})::bigint as allowed_{number}",
        ]
        counts += [broken, looked_at, f"greatest(floor({looked_at} * {share}::numeric), {check.allow_rows})::bigint"]
    columns.append(f"array_to_json(array[{', '.join(counts)}])::text as {_COUNTS}")
    # Great Expectations takes queries that begin with select only.
    return "select * from (\nwith " + ",\n".join(steps) + "\nselect\n" + ",\n".join(columns) + "\n) as measures"


def _on_measures(checks: Sequence[Check]) -> list[Any]:
    """The expectations of query checks, on the numbered columns of their statement, and one that fetches the counts."""
    expectations = []
    for number, check in enumerate(checks):
        renamed = {
            key: f"{value}_{number}" if key in ("column", "column_A", "column_B") else value
            for key, value in check.kwargs.items()
        }
        expectations.append(_expectation(check.expectation, renamed, check.id, check.severity))
    # Never the outcome of anything: it brings all counts home in the same statement. Each expectation costs Great
    # Expectations 15 ms, so one for each count would take most of a small delivery's gate.
    expectations.append(_expectation("expect_column_max_to_be_between", {"column": _COUNTS}, _COUNTS, "info"))
    return expectations


def _expectation(name: str, kwargs: Mapping[str, Any], key: str, severity: Severity) -> Any:
    """Great Expectations' own object; its results come in another order and are found again by `key`."""
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    configuration = ExpectationConfiguration(
        type=name, kwargs=dict(kwargs), meta={"key": key}, severity=FailureSeverity(severity)
    )
    return configuration.to_domain_obj()


def _counts(result: Any) -> list[tuple[int | None, int | None, int | None]]:
    """Violations, checked and allowed of every check, in order."""
    values = json.loads(result.result["observed_value"])
    return list(zip(values[0::3], values[1::3], values[2::3], strict=True))


def _of_query(own: Any, violations: int | None, checked: int | None, allowed: int | None) -> _Measured:
    if problem := _problem(own):
        return _Measured(None, problem=problem)
    if checked is None or (checked == 0 and violations == 0):
        return _Measured(None)
    # Rows that break the rule where there was nothing to look at are no success, whatever the limit.
    success = bool(own.success) and checked > 0
    return _Measured(success, int(violations or 0), int(checked), int(allowed or 0))


def _validate_table(warehouse: _Warehouse, table: str, checks: Sequence[Check]) -> dict[str, _Measured]:
    """Evaluates the checks of one table directly with Great Expectations; when that fails, each alone."""
    schema, name = table.split(".")
    try:
        expectations = [_expectation(check.expectation, check.kwargs, check.id, check.severity) for check in checks]
        asset = warehouse.source(schema).add_table_asset(uuid.uuid4().hex, table_name=name)
        results = warehouse.validate(asset, expectations)
        return {check.id: _of_table(results[check.id]) for check in checks}
    except Exception as error:
        if len(checks) > 1:
            return {check.id: _validate_table(warehouse, table, [check])[check.id] for check in checks}
        return {checks[0].id: _Measured(None, problem=_kind(error))}


def _of_table(result: Any) -> _Measured:
    if problem := _problem(result):
        return _Measured(None, problem=problem)
    counts = result.result
    if "element_count" not in counts:
        # An expectation on the table as a whole: one thing looked at, kept or broken.
        return _Measured(bool(result.success), 0 if result.success else 1, 1)
    if counts["element_count"] == 0:
        return _Measured(None)
    return _Measured(
        bool(result.success),
        int(counts["unexpected_count"] or 0),
        int(counts["element_count"]),
    )


def _problem(result: Any) -> str | None:
    """The kind of error inside a result of Great Expectations, None when there is none. Its text stays behind: a
    database's message can quote a value."""
    information = result.exception_info or {}
    if "raised_exception" in information:
        return "MetricError" if information["raised_exception"] else None
    return "MetricError" if information else None


def _kind(error: BaseException) -> str:
    """The class names of an error and its causes, which say what is wrong without quoting anything.

    PostgreSQL's own words are added where a statement names what does not exist or cannot be parsed (SQLSTATE class
    42): no row had been read then, so none can be quoted.
    """
    names: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(names) < 4:
        names.append(type(cause).__name__)
        if isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith("42"):
            return f"{names[-1]}: {cause.diag.message_primary}"
        cause = getattr(cause, "orig", None) or cause.__cause__ or cause.__context__
    return " < ".join(dict.fromkeys(names))


def _result(
    run_id: str,
    suite: Suite,
    check: Check,
    measured: _Measured,
    parameters: Mapping[str, Any],
) -> QualityResult:
    outcome: Outcome
    if measured.problem is not None:
        outcome = "error"
    elif measured.success is None:
        outcome = "not_applicable"
    else:
        outcome = "passed" if measured.success else "failed"
    message = _message(suite, check, measured, outcome, parameters)
    meta: dict[str, Any] = {
        "title": asdict(suite.title),
        "what": asdict(check.what),
        "when_matters": asdict(check.when_matters),
        "how_to_resolve": asdict(check.how_to_resolve),
    }
    if check.table is not None:
        meta["table"] = check.table
    if measured.problem is not None:
        meta["problem"] = measured.problem
    return QualityResult(
        run_id=run_id,
        stage=suite.stage,
        suite=suite.name,
        check_id=check.id,
        expectation_type=check.expectation,
        severity=check.severity,
        outcome=outcome,
        numerator=measured.numerator,
        denominator=measured.denominator,
        threshold=_threshold(check, measured),
        message_fi=message.fi,
        message_en=message.en,
        municipality=parameters.get("municipality"),
        delivery_id=parameters.get("delivery_id"),
        release_number=parameters.get("release_number"),
        meta=meta,
    )


def _threshold(check: Check, measured: _Measured) -> float | None:
    """The share of the rows looked at that may break the rule; None when the expectation has no such share."""
    if measured.problem is not None:
        return None
    if check.table is not None:
        return (
            None
            if check.expectation.startswith("expect_table")
            else round(1 - float(check.kwargs.get("mostly", 1)), 12)
        )
    if not measured.denominator:
        return None
    if "allowed" in _columns(check):
        return (measured.allowed or 0) / measured.denominator
    limit = check.kwargs.get("max_value")
    if limit is None:
        return None
    return float(limit) if check.kwargs.get("column") == "share" else float(limit) / measured.denominator


def _message(
    suite: Suite,
    check: Check,
    measured: _Measured,
    outcome: Outcome,
    parameters: Mapping[str, Any],
) -> Text:
    place = str(parameters.get("municipality") or "")
    named = {
        "delivery": Text(f"{place}, toimitus {parameters.get('delivery_id')}, {suite.name}: ",
                         f"{place}, delivery {parameters.get('delivery_id')}, {suite.name}: "),
    }  # fmt: skip
    prefix = named.get(suite.stage, Text(f"{suite.name}: ", f"{suite.name}: "))
    match outcome:
        case "passed":
            said = Text("kunnossa.", "holds.")
        case "not_applicable":
            said = Text("ei tarkistettavaa.", "nothing to check.")
        case "error":
            said = Text(
                f"tarkistus ei toiminut ({measured.problem}); sitä ei pidetä läpäistynä. Korjaa kysely tai taulu.",
                f"could not be evaluated ({measured.problem}), so does not count as passed. Mend the query or table.",
            )
        case "failed":
            threshold = _threshold(check, measured)
            counts = f"{measured.numerator} / {measured.denominator}"
            limit = "" if not threshold else f"{threshold:.2%}"
            limit_fi = limit.replace(".", ",").replace("%", " %")
            said = Text(
                f"{counts} rikkoo säännön"
                + (f" (sallittu {limit_fi})" if limit else "")
                + f". {check.how_to_resolve.fi}",
                f"{counts} break the rule" + (f" (allowed {limit})" if limit else "") + f". {check.how_to_resolve.en}",
            )
    return Text(
        f"{prefix.fi}{check.what.fi} – {said.fi}",
        f"{prefix.en}{check.what.en} – {said.en}",
    )


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1d2126; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem; border-bottom: 1px solid #c9ced6; }
td.number { text-align: right; white-space: nowrap; }
.passed { color: #1b6e3c; } .failed, .error { color: #a3161b; font-weight: 600; } .not_applicable { color: #56606b; }
small { color: #56606b; display: block; }
"""
_OUTCOME = {
    "passed": "kunnossa / passed",
    "failed": "ei kunnossa / failed",
    "not_applicable": "ei tarkistettavaa / not applicable",
    "error": "tarkistus ei toiminut / error",
}
_SEVERITY = {
    "critical": "este / critical",
    "warning": "varoitus / warning",
    "info": "tiedoksi / info",
}


def _summary(results: Sequence[QualityResult]) -> dict[str, Any]:
    first = results[0]
    return {
        "stage": first.stage,
        "municipality": first.municipality,
        "delivery_id": first.delivery_id,
        "release_number": first.release_number,
        "checked_at": max(result.checked_at for result in results).isoformat(timespec="seconds"),
        "decision": decide(results),
        "outcomes": {outcome: sum(result.outcome == outcome for result in results) for outcome in _OUTCOME},
    }


def _subject(summary: Mapping[str, Any]) -> str:
    if summary["delivery_id"] is not None:
        return f"{summary['municipality']}, toimitus / delivery {summary['delivery_id']}"
    if summary["release_number"] is not None:
        return f"julkaisu / release {summary['release_number']}"
    return str(summary["stage"])


def _decision(summary: Mapping[str, Any]) -> str:
    good = summary["decision"] == "accept"
    outcome, label = ("passed", "hyväksytään / accept") if good else ("failed", "odottaa tarkistusta / hold")
    return f'<span class="{outcome}">{label}</span>'


def _run_page(results: Sequence[QualityResult], summary: Mapping[str, Any]) -> str:
    parts = [f"<p>{_decision(summary)} · {escape(str(summary['checked_at']))}</p>"]
    for suite in dict.fromkeys(result.suite for result in results):
        own = [result for result in results if result.suite == suite]
        title = own[0].meta.get("title", {"fi": suite, "en": suite})
        parts.append(f"<h2>{escape(title['fi'])} / {escape(title['en'])}</h2>")
        parts.append(
            "<table><thead><tr><th>Tarkistus / check</th><th>Tulos / outcome</th><th>Vakavuus / severity</th>"
            "<th>Rikkoo / violations</th><th>Yhteensä / of</th><th>Sallittu / allowed</th></tr></thead><tbody>"
        )
        parts += [_row(result) for result in own]
        parts.append("</tbody></table>")
    return _page(_subject(summary), "\n".join(parts))


def _row(result: QualityResult) -> str:
    def number(value: int | None) -> str:
        return "–" if value is None else f"{value:,}".replace(",", "\u202f")

    allowed = "–" if result.threshold is None else f"{result.threshold:.2%}"
    return (
        f'<tr id="{escape(result.suite)}.{escape(result.check_id)}"><td>{escape(result.message_fi)}'
        f'<small lang="en">{escape(result.message_en)}</small>'
        f"<small><code>{escape(result.suite)}.{escape(result.check_id)}</code> "
        f"{escape(result.expectation_type)}</small></td>"
        f'<td class="{result.outcome}">{_OUTCOME[result.outcome]}</td><td>{_SEVERITY[result.severity]}</td>'
        f'<td class="number">{number(result.numerator)}</td><td class="number">{number(result.denominator)}</td>'
        f'<td class="number">{allowed}</td></tr>'
    )


def _index_page(summaries: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f'<tr><td><a href="{escape(str(entry["page"]))}">{escape(_subject(entry))}</a></td>'
        f"<td>{escape(str(entry['stage']))}</td><td>{escape(str(entry['checked_at']))}</td><td>{_decision(entry)}</td>"
        + "".join(f'<td class="number">{entry["outcomes"][outcome]}</td>' for outcome in _OUTCOME)
        + "</tr>"
        for entry in summaries
    ]
    heads = "".join(f"<th>{label}</th>" for label in _OUTCOME.values())
    table = (
        "<table><thead><tr><th>Kohde / subject</th><th>Vaihe / stage</th><th>Aika / time</th>"
        f"<th>Päätös / decision</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    return _page("Laatutarkistukset / quality checks", table)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="fi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _replace(path: Path, text: str) -> None:
    """Writes a file so that a reader sees the old or the new one, never half of it."""
    scratch = path.with_suffix(f"{path.suffix}.{uuid.uuid4().hex}.part")
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)
