"""The command line `tukiverkko`. Exit status: 0 done, 1 refused by the data, 2 wrong use or a broken set-up.

Heavy libraries are imported inside the commands, so that `--help` and `url` answer at once.
"""

import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast, get_args
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.settings import Settings, load_settings

DONE, REFUSED, WRONG_USE = 0, 1, 2

app = typer.Typer(
    name="tukiverkko",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Attendance and learning-support data of several municipalities, harmonised every night.",
)
municipality_app = typer.Typer(no_args_is_help=True, help="The folders of `municipalities/`.")
app.add_typer(municipality_app, name="municipality")
reader_app = typer.Typer(no_args_is_help=True, help="Logins of people and BI tools that read the warehouse.")
app.add_typer(reader_app, name="reader")

# A table that is piped into a file is not squeezed into 80 columns.
console = Console(width=None if sys.stdout.isatty() else 120)
error_console = Console(stderr=True)

Night = Annotated[
    datetime | None, typer.Option("--night", formats=["%Y-%m-%d"], help="The night (its morning's date).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def main() -> None:
    """The console script."""
    from pipeline.warehouse import WarehouseUnreachable

    logging.basicConfig(level=logging.WARNING)
    try:
        app()
    except WarehouseUnreachable as problem:
        from pipeline.problems import unreachable

        error_console.print(
            f"{problem}\nSee {unreachable(str(problem)).page}", style="red", markup=False, soft_wrap=True
        )
        raise SystemExit(WRONG_USE) from None


@app.command()
def demo(
    night: Night = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic region.")] = 1,
    scale: Annotated[float, typer.Option(help="Size of the region; 1 is the real one.")] = 1.0,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="Leave everything running until Ctrl-C.")
    ] = False,
) -> None:
    """One night of the whole synthetic region through a real Airflow scheduler; exit 0 only if it was published."""
    from demo.night import DEFAULT_NIGHT, run_demo

    published = run_demo(
        load_settings(),
        seed=seed,
        scale=scale,
        night=night.date() if night else DEFAULT_NIGHT,
        keep_running=keep_running,
        console=console,
    )
    raise typer.Exit(DONE if published else REFUSED)


@app.command()
def ingest(
    municipality: Annotated[str, typer.Argument(help="A folder of municipalities/.")],
    night: Night = None,
    refetch: Annotated[
        bool, typer.Option("--refetch", help="Ask the source again, also for an accepted night.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch, check and land one municipality's delivery of a night."""
    from pipeline import ingest as steps
    from pipeline.release_lock import ReleaseUnderWay
    from pipeline.summary import outcome_table

    settings = _settings_for(municipality)
    with _progress(as_json) as progress, _warehouse(settings):
        try:
            outcome = steps.ingest(
                settings, municipality, night.date() if night else _today(), refetch=refetch, progress=progress
            )
        except ReleaseUnderWay as under_way:
            _wrong_use(str(under_way))
    _print(outcome, outcome_table(outcome), as_json)
    raise typer.Exit(DONE if outcome.status in ("accepted", "unchanged") else REFUSED)


@app.command()
def release(night: Night = None, as_json: AsJson = False) -> None:
    """Build, check and publish a release from all accepted deliveries."""
    from pipeline import release as steps
    from pipeline.access import NotProtected
    from pipeline.release_lock import ReleaseUnderWay
    from pipeline.summary import release_table

    settings = load_settings()
    with _progress(as_json) as progress, _warehouse(settings):
        wanted = night.date() if night else steps.latest_night(settings)
        if wanted is None:
            _wrong_use("Nothing was delivered yet: run `tukiverkko ingest MUNICIPALITY --night DATE` first.")
        try:
            outcome = steps.release(settings, wanted, by_hand=True, progress=progress)
        except ReleaseUnderWay as under_way:
            _wrong_use(str(under_way))
        except NotProtected as problem:
            _not_protected(problem)
        _write_pages(settings, progress)
    _print(outcome, release_table(outcome), as_json)
    raise typer.Exit(DONE if outcome.status == "published" else REFUSED)


@app.command()
def check(
    municipality: Annotated[str, typer.Argument(help="A folder of municipalities/.")],
    dataset: Annotated[str, typer.Argument(help="enrolment, absence, support or school_day.")],
    file: Annotated[
        Path,
        typer.Argument(
            exists=True,
            dir_okay=False,
            help="The file as it would be sent; of a REST service or a database one JSON object a line.",
        ),
    ],
    night: Night = None,
    as_json: AsJson = False,
) -> None:
    """Check one file by the rules of the night, without a warehouse and without keys."""
    from connectors.config import ConfigError
    from connectors.delivery import DATASETS, DeliveryProblem
    from pipeline.sender_check import check_file
    from pipeline.summary import check_table

    settings = _settings_for(municipality)
    if dataset not in DATASETS:
        _wrong_use(f"{dataset!r} is no dataset: one of {', '.join(DATASETS)}.")
    try:
        with _progress(as_json) as progress:
            progress(f"checking {file.name}")
            day = night.date() if night else _today()
            result = check_file(settings.municipalities / municipality, dataset, file, day)
    except DeliveryProblem as problem:
        error_console.print(f"[red]{problem.reason_fi}[/red]\n{problem.reason_en}\n{problem.hint}")
        raise typer.Exit(REFUSED) from None
    except ConfigError as problem:
        _wrong_use(str(problem))
    _print(result, check_table(result), as_json)
    raise typer.Exit(DONE if result.rows_rejected == 0 and not result.unmapped else REFUSED)


@app.command()
def replay(
    delivery: Annotated[str, typer.Argument(help="A delivery's name, such as kuopio-2025-10-14.")],
    as_json: AsJson = False,
) -> None:
    """Read a delivery again from the encrypted archive, with today's folder and rules."""
    from pipeline import ingest as steps
    from pipeline.release_lock import ReleaseUnderWay
    from pipeline.summary import outcome_table

    settings = load_settings()
    with _progress(as_json) as progress, _warehouse(settings):
        try:
            outcome = steps.replay(settings, delivery, progress=progress)
        except ReleaseUnderWay as under_way:
            _wrong_use(str(under_way))
        except (KeyError, FileNotFoundError) as missing:
            _wrong_use(
                f"{delivery}: no such delivery in the ledger." if isinstance(missing, KeyError) else str(missing)
            )
    _print(outcome, outcome_table(outcome), as_json)
    raise typer.Exit(DONE if outcome.status in ("accepted", "unchanged") else REFUSED)


@app.command()
def decide(
    delivery: Annotated[str, typer.Argument(help="A delivery's name, such as kuopio-2025-10-14.")],
    verdict: Annotated[str, typer.Argument(help="accept or refuse.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept, and told to the municipality.")],
    by: Annotated[str | None, typer.Option(help="Who decides; default: the login's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Accept or refuse a held delivery, or take an accepted one back. The next release is made accordingly."""
    import getpass

    from pipeline import ingest as steps
    from pipeline.decisions import NotDecidable, Verdict
    from pipeline.summary import outcome_table

    if verdict not in get_args(Verdict):
        _wrong_use(f"{verdict!r} is neither accept nor refuse.")
    settings = load_settings()
    with _progress(as_json) as progress, _warehouse(settings):
        progress("deciding, and telling the source")
        try:
            outcome = steps.decide(settings, delivery, cast(Verdict, verdict), reason, by or getpass.getuser())
        except KeyError:
            _wrong_use(f"{delivery}: no such delivery in the ledger.")
        except ValueError as problem:
            _wrong_use(str(problem))
        except NotDecidable as problem:
            error_console.print(f"[red]{problem}[/red]")
            raise typer.Exit(REFUSED) from None
    _print(outcome, outcome_table(outcome), as_json)
    if not as_json:
        joins = "It joins the next release" if outcome.status == "accepted" else "The next release goes without it"
        console.print(f"{joins}; to have one now: tukiverkko release")


@app.command()
def unmapped(
    municipality: Annotated[str | None, typer.Argument(help="A folder of municipalities/; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Codes that a folder does not know, each with the line to add to which file; exit 1 when there are any."""
    from connectors.config import ConfigError
    from pipeline.summary import unmapped_table
    from pipeline.unmapped import read_queue
    from pipeline.warehouse import connect

    settings = _settings_for(municipality) if municipality else load_settings()
    with _progress(as_json) as progress, _warehouse(settings), connect(settings) as connection:
        progress("reading the queue of unknown codes")
        try:
            queue = read_queue(connection, settings, municipality)
        except ConfigError as problem:
            _wrong_use(str(problem))
    if as_json:
        print(json.dumps([dataclasses.asdict(code) for code in queue], default=str, ensure_ascii=False))
    else:
        console.print(unmapped_table(queue), soft_wrap=True)
    raise typer.Exit(REFUSED if queue else DONE)


@app.command()
def receipt(
    delivery: Annotated[str, typer.Argument(help="A delivery's name, such as kuopio-2025-10-14.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what would be told, and send nothing.")] = False,
) -> None:
    """Tell the source of a delivery again: what came, what was taken, what was not and why; exit 1 if it cannot be."""
    from pipeline import receipt_post

    settings = load_settings()
    with _progress(as_json) as progress, _warehouse(settings):
        progress("telling the source")
        try:
            if as_json:
                print(receipt_post.content(settings, delivery).decode())
                return
            how = receipt_post.tell_one(settings, delivery)
        except KeyError:
            _wrong_use(f"{delivery}: no such delivery in the ledger.")
        except ValueError as problem:
            _wrong_use(str(problem))
    console.print(f"{delivery}: receipt {how}; both forms are in {settings.receipts}", soft_wrap=True)
    raise typer.Exit(REFUSED if how == "failed" else DONE)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Is all well? What is wrong worst first, why, the runbook page and the next command; exit 1 when something is."""
    import psycopg

    from pipeline.status import read_status, unreachable_status
    from pipeline.summary import status_table
    from pipeline.warehouse import WarehouseUnreachable

    settings = load_settings()
    try:
        with _warehouse(settings):
            state = read_status(settings)
    except psycopg.errors.UndefinedTable:
        _wrong_use("Nothing has run yet: `make demo`, or `tukiverkko ingest MUNICIPALITY --night DATE`.")
    except WarehouseUnreachable as problem:
        state = unreachable_status(settings, problem)
    if as_json:
        print(json.dumps({"is_well": state.is_well, **dataclasses.asdict(state)}, default=str, ensure_ascii=False))
    else:
        console.print(status_table(state), soft_wrap=True)
    raise typer.Exit(DONE if state.is_well else REFUSED)


@app.command()
def alert(
    show: Annotated[bool, typer.Option("--show", help="Print the mails that would go now, and send nothing.")] = False,
) -> None:
    """Tell by e-mail what is wrong and was not told yet; exit 1 when a mail did not go, or no engineer hears of it."""
    from pipeline import alerts

    settings = load_settings()
    with _progress(False) as progress, _warehouse(settings):
        if show:
            made = alerts.preview(settings)
        else:
            progress("telling what is wrong")
            telling = alerts.tell(settings)
    if show:
        for one in made:
            console.print(
                f"To: {one['To']}\nSubject: {one['Subject']}\n\n{one.get_content()}", markup=False, soft_wrap=True
            )
        if not made:
            console.print("There is no news to tell.")
        return
    for name in telling.told:
        console.print(f"told: {name}")
    if telling.problem:
        error_console.print(f"waits for the next run: {', '.join(telling.waiting)}: {telling.problem}", style="red")
    if telling.unheard:
        error_console.print(f"Heard of by no engineer: {telling.unheard} (docs/alerts.md says how to set it up)")
    if telling == alerts.Telling():
        console.print("There is no news to tell.")
    raise typer.Exit(REFUSED if telling.problem or telling.unheard else DONE)


@app.command()
def pages(
    out: Annotated[
        Path | None, typer.Option(help="The site's folder, which changes at once; default: pages/ of the state folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the pages for people: the regional report, the quality page, the dictionary, in Finnish and English."""
    from pages.site import write_site

    settings = load_settings()
    with _warehouse(settings), _progress(as_json) as progress:
        try:
            site = write_site(settings, out or settings.pages, progress)
        except FileExistsError as problem:
            _wrong_use(str(problem))
    release = f"release {site.release_number}" if site.release_number else "nothing published yet"
    _print(site, f"{site.folder / 'index.html'}: {release}, {sum(site.seconds.values()):.1f} s", as_json)


@app.command()
def rollback(
    to: Annotated[int | None, typer.Option(help="A release's number; default: the one before.")] = None,
) -> None:
    """Show an earlier release again, at once and whole."""
    from pipeline import release as steps
    from pipeline.access import NotProtected
    from pipeline.release_lock import ReleaseUnderWay

    settings = load_settings()
    with _progress(False) as progress, _warehouse(settings):
        progress("showing the earlier release")
        try:
            number = steps.rollback(settings, to)
        except (steps.NothingToRestore, ReleaseUnderWay) as problem:
            _wrong_use(str(problem))
        except NotProtected as problem:
            _not_protected(problem)
        _write_pages(settings, progress)
    console.print(f"reporting shows release {number}")


@app.command()
def forget(as_json: AsJson = False) -> None:
    """Remove one person's data; the HETU or oppijanumero is read from standard input, never from the command line."""
    from pipeline.release_lock import ReleaseUnderWay
    from pipeline.retention import forget as remove

    if sys.stdin.isatty():
        error_console.print("HETU or oppijanumero, then Enter:")
    identifier = sys.stdin.readline().strip()
    if not identifier:
        _wrong_use("Give a HETU or an oppijanumero on standard input.")
    settings = load_settings()
    with _progress(as_json) as progress, _warehouse(settings):
        progress("removing what the warehouse and the archive hold")
        try:
            removed = remove(settings, identifier)
        except ReleaseUnderWay as under_way:
            _wrong_use(str(under_way))
    text = (
        f"{removed.rows} rows and {removed.archived_deliveries} archived deliveries removed; run `tukiverkko release`."
    )
    _print(removed, text, as_json)
    raise typer.Exit(DONE if removed.rows else REFUSED)


@reader_app.command(name="add")
def reader_add(
    name: Annotated[str, typer.Argument(help="The login.")],
    role: Annotated[str, typer.Option(help="What it reads as: bi_region or bi_<municipality>.")],
) -> None:
    """Make a login, or give one that is there a new password; the password is read from standard input."""
    import psycopg

    from pipeline.readers import UnknownReader, ensure_login
    from pipeline.warehouse import connect

    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().strip()
    if not password:
        _wrong_use("Give a password on standard input.")
    settings = load_settings()
    with _warehouse(settings):
        try:
            with connect(settings) as connection:
                ensure_login(connection, name, role, password)
        except UnknownReader as problem:
            _wrong_use(str(problem))
        except psycopg.errors.InsufficientPrivilege:
            _wrong_use(f"{name} or {role} was made by somebody else, who alone can change it.")
    console.print(f"{name} reads as {role}")


@reader_app.command(name="remove")
def reader_remove(name: Annotated[str, typer.Argument(help="The login.")]) -> None:
    """Take a login away."""
    import psycopg

    from pipeline.readers import UnknownReader, remove_login
    from pipeline.warehouse import connect

    settings = load_settings()
    with _warehouse(settings):
        try:
            with connect(settings) as connection:
                remove_login(connection, name)
        except UnknownReader as problem:
            _wrong_use(str(problem))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.DependentObjectsStillExist) as problem:
            _wrong_use(f"{name} stays: {problem.diag.message_primary}")
    console.print(f"{name} reads nothing any more")


@app.command()
def url() -> None:
    """Print the warehouse's URL, for SQLAlchemy and psql; starts the embedded server and leaves it on (see `down`)."""
    from pipeline.warehouse import warehouse_url

    print(warehouse_url(load_settings()))


@app.command()
def down() -> None:
    """Stop the embedded PostgreSQL."""
    from pipeline.embedded_postgres import EmbeddedPostgres

    EmbeddedPostgres(load_settings().postgres).stop()


@app.command(name="keys")
def make_keys() -> None:
    """Make the secret keys that are missing (a new installation)."""
    from connectors.config import municipality_names
    from pipeline.keys import ensure_keys

    settings = load_settings()
    ensure_keys(settings, municipality_names(settings.municipalities))
    console.print(f"Keys are in {settings.keys}: keep a copy in a safe. Without them no pseudonym can be made again.")


@app.command()
def prepare() -> None:
    """Make or update the warehouse's schemas, fixed tables and roles, and load the folders' codes."""
    from connectors.config import load_municipalities
    from pipeline.reference import load_reference
    from pipeline.warehouse import connect
    from pipeline.warehouse import prepare as make

    settings = load_settings()
    municipalities = load_municipalities(settings.municipalities)
    with _progress(False) as progress, _warehouse(settings), connect(settings) as connection:
        progress("preparing the warehouse")
        make(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)


@municipality_app.command("new")
def municipality_new(
    name: Annotated[str, typer.Argument(help="Folder name: lower-case ASCII.")],
    like: Annotated[str, typer.Option(help="The municipality whose folder is the pattern.")] = "kuopio",
) -> None:
    """Make a new folder in municipalities/, from the pattern of another; every line of it is then yours to check."""
    from connectors.config import ConfigError
    from pipeline.new_municipality import make_folder

    settings = _settings_for(like)
    try:
        folder = make_folder(settings.municipalities, name, like)
    except (ConfigError, FileExistsError) as problem:
        _wrong_use(str(problem))
    console.print(f"{folder} is there. Fill it in, then: tukiverkko municipality validate {name}")


@municipality_app.command("validate")
def municipality_validate(name: Annotated[str, typer.Argument(help="A folder of municipalities/.")]) -> None:
    """Check a municipality's folder; errors name the file and the line."""
    from connectors.config import ConfigError, load_municipality, refuse_shared_code
    from connectors.contract import check_mapping

    root = load_settings().municipalities
    try:
        municipality = load_municipality(root / name)
        codes = municipality.codes
        check_mapping(municipality)
        refuse_shared_code(root, municipality)
    except ConfigError as problem:
        error_console.print(f"[red]{problem}[/red]")
        raise typer.Exit(REFUSED) from None
    console.print(
        f"{municipality.name_fi} ({municipality.code}): {len(codes.schools)} schools, "
        f"{len(codes.absence)} absence codes, {len(codes.support)} support codes. In order."
    )


def _settings_for(municipality: str) -> Settings:
    settings = load_settings()
    if not (settings.municipalities / municipality / "municipality.yaml").exists():
        known = ", ".join(sorted(file.parent.name for file in settings.municipalities.glob("*/municipality.yaml")))
        _wrong_use(f"{municipality!r} has no folder in {settings.municipalities}. There are: {known}.")
    return settings


@contextmanager
def _warehouse(settings: Settings) -> Iterator[None]:
    """Has the warehouse ready for the block; an embedded server that was started for it is stopped again."""
    from connectors.config import municipality_names
    from pipeline.embedded_postgres import EmbeddedPostgres
    from pipeline.keys import ensure_keys
    from pipeline.warehouse import connect
    from pipeline.warehouse import prepare as make

    embedded = None if settings.database_url else EmbeddedPostgres(settings.postgres)
    was_running = embedded is not None and embedded.is_running()
    try:
        names = municipality_names(settings.municipalities)
        if embedded is not None:
            ensure_keys(settings, names)
        with connect(settings) as connection:
            make(connection, names)
        yield
    finally:
        if embedded is not None and not was_running:
            embedded.stop()


@contextmanager
def _progress(quiet: bool) -> Iterator[Any]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=error_console, transient=True, disable=quiet) as progress:
        task = progress.add_task("opening the warehouse", total=None)
        yield lambda message: progress.update(task, description=message)


def _print(result: Any, table: Any, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dataclasses.asdict(result), default=str, ensure_ascii=False))
    else:
        console.print(table)


def _today() -> date:
    return datetime.now(ZoneInfo("Europe/Helsinki")).date()


def _write_pages(settings: Settings, progress: Callable[[str], None]) -> None:
    """Brings the pages up to date with what `reporting` shows. What was released stays so if that does not succeed."""
    from pages.site import publish

    try:
        publish(settings, progress)
    except Exception as problem:
        error_console.print(
            f"The pages are as they were ({type(problem).__name__}): run `tukiverkko pages`", style="red", markup=False
        )


def _not_protected(problem: Exception) -> NoReturn:
    error_console.print("[red]Nothing was published: somebody could reach what is not theirs.[/red]")
    error_console.print(str(problem), markup=False, soft_wrap=True)
    raise typer.Exit(REFUSED) from problem


def _wrong_use(message: str) -> NoReturn:
    error_console.print(f"[red]{message}[/red]")
    raise typer.Exit(WRONG_USE)


if __name__ == "__main__":
    main()
