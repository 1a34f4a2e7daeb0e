"""The site: builds every page, in Finnish and English, into one folder that changes from old to new at once."""

import base64
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pages import dbt_docs, dictionary, quality_page, report
from pages.figures import Source
from pages.labels import municipality_labels
from pages.language import LANGUAGES, Language, words
from pages.snapshot import Release, read_published, snapshot
from pipeline.settings import Settings
from pipeline.timing import Durations, Progress, silent

STYLE = Path(__file__).parent / "style.css"
# The pages of each language, in the order of the menu.
PAGES = ("index", "report", "quality", "dictionary")


@dataclass(frozen=True)
class Site:
    """A site that was written. release_number: the one that its report shows, None before the first. pages: paths below
    the folder. seconds: where the time went."""

    folder: Path
    release_number: int | None
    pages: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)


def publish(settings: Settings, progress: Progress = silent) -> Site:
    """Writes the site of what `reporting` shows now to its own place, `settings.pages`. To be called when that has
    changed: after a release, a rollback, and a night's end (for the quality page)."""
    return write_site(settings, settings.pages, progress)


def write_site(settings: Settings, folder: Path, progress: Progress = silent) -> Site:
    """Writes the site to `folder`, which readers see wholly old or wholly new: it is a link that is switched.

    Raises FileExistsError when something else than an earlier site is at that place.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_symlink() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} holds something else: name a folder that is not there yet")
    durations = Durations(progress)
    with _alone(folder):
        documented = dbt_docs.generate(settings, durations)
        with durations.step("read", "Reading what is published"), snapshot(settings) as connection:
            published = read_published(connection)
            described = dictionary.read_tables(connection)
            quality = quality_page.read_quality(connection, settings)
        with durations.step("pages", "Drawing the pages"):
            made: dict[str, str] = {"index.html": _front_page(published.release)}
            for language in LANGUAGES:
                labels = municipality_labels(words(language), settings.municipalities)
                source = Source(published, labels)
                contents: Mapping[str, Mapping[str, Any]] = {
                    "index": {},
                    "report": {"sections": report.sections(source), "status": report.data_status(source)},
                    "quality": {
                        "quality": quality_page.in_words(quality, labels),
                        "place": labels.place,
                        "signs": quality_page.SIGNS,
                    },
                    "dictionary": {
                        "tables": dictionary.in_words(described, labels.words),
                        "code_lists": dictionary.code_lists(labels.words),
                        "has_dbt_docs": documented is not None,
                    },
                }
                for page in PAGES:
                    context = {"release": published.release, **contents[page]}
                    made[f"{language}/{page}.html"] = _page(page, language, context)
        with durations.step("write", "Writing the site"):
            _switch(folder, made, documented)
    number = published.release.release_number if published.release else None
    return Site(folder, number, tuple(made), durations.seconds)


def _page(page: str, language: Language, context: Mapping[str, Any]) -> str:
    spoken = words(language)
    return (
        _templates()
        .get_template(f"{page}.html")
        .render(page=page, pages=PAGES, t=spoken, style=_style(), policy=_policy(), **context)
    )


def _front_page(release: Release | None) -> str:
    """The page that asks for the language, in both."""
    both = [words(language) for language in LANGUAGES]
    return _templates().get_template("front.html").render(both=both, release=release, style=_style(), policy=_policy())


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _style() -> Markup:
    return Markup(STYLE.read_text(encoding="utf-8"))


def _policy() -> str:
    """Nothing from anywhere: no script, no image, no font; the page's own style by its digest."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that write the same site take turns."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _switch(folder: Path, pages: Mapping[str, str], documented: Path | None) -> None:
    """Writes the pages beside and lets the link `folder` name them; the site before stays for who is reading it."""
    versions = folder.parent / f".{folder.name}"
    version = versions / f"{time.time_ns():020d}-{secrets.token_hex(3)}"
    for name, text in pages.items():
        path = version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if documented is not None:
        shutil.copyfile(documented, version / dbt_docs.PAGE)
    link = folder.parent / f".{folder.name}.{secrets.token_hex(3)}"
    link.symlink_to(os.path.relpath(version, folder.parent))
    if folder.is_dir() and not folder.is_symlink():
        folder.rmdir()
    link.replace(folder)
    for old in _old(sorted(versions.iterdir())):
        shutil.rmtree(old)


def _old(versions: Sequence[Path]) -> Sequence[Path]:
    return versions[:-2]
