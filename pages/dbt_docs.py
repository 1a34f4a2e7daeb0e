"""dbt's own documentation with the lineage: one page, made again only when the dbt project has changed."""

import json
from pathlib import Path

from pipeline import transform
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.timing import Durations
from pipeline.warehouse import warehouse_url

PAGE = "lineage.html"
# The page is a program with all it needs in it. It may run and draw, and ask for nothing.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
)
# What dbt's page would fetch by a text that is not filled in, or not yet, and what to write instead.
_UNFILLED = {
    '<link rel="shortcut icon" href="${require(\'./assets/favicons/favicon.ico\')}"/>': "",
    '<use xlink:href="{{': '<use ng-attr-xlink:href="{{',
}


def generate(settings: Settings, durations: Durations) -> Path | None:
    """The page, below `settings.dbt_target`; None before the first build there."""
    page = settings.dbt_target / "docs" / PAGE
    digest_file = page.with_suffix(".digest")
    digest = transform.project_digest()
    if page.exists() and digest_file.exists() and digest_file.read_text(encoding="utf-8") == digest:
        return page
    if not (settings.dbt_target / "manifest.json").exists():
        return None
    with durations.step("dbt docs", "Writing dbt's documentation"):
        made = transform.document(warehouse_url(settings), settings.dbt_target)
        page.write_text(_closed(made.read_text(encoding="utf-8"), settings), encoding="utf-8")
        digest_file.write_text(digest, encoding="utf-8")
    return page


def _closed(text: str, settings: Settings) -> str:
    """The page with nothing to fetch, in a language that is named, and without this machine's folders."""
    for folder in (settings.dbt_target, PROJECT_ROOT):
        text = text.replace(json.dumps(str(folder))[1:-1], ".")
    for unfilled, instead in _UNFILLED.items():
        text = text.replace(unfilled, instead)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
    return text.replace('<head><meta charset="utf-8">', f'<head><meta charset="utf-8">{policy}', 1)
