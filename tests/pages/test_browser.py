"""The site in a real browser, on a telephone and on a desk: no error, no request to elsewhere, every link leads
somewhere, no breach of the accessibility rules, and the database's figures.

Needs Debian's package `chromium` (Playwright, from the lock, drives it and installs no browser of its own).
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page

from pages.dbt_docs import PAGE as LINEAGE
from pages.site import write_site
from pipeline import transform
from pipeline.warehouse import connect, warehouse_url
from tests.chromium import running_chromium
from tests.pages.conftest import WrittenSite
from tests.pages.reading import all_pages, shown_cells, wrong_cells

pytestmark = pytest.mark.proof

SCREENS = {"phone": (360, 740), "desk": (1280, 900)}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Visit:
    """A page that is open, and all that went wrong in it."""

    page: Page
    origin: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("requestfailed", lambda request: self.problems.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self._asked(request.url))

    def open(self, path: str) -> None:
        response = self.page.goto(f"{self.origin}/{path}")
        assert response is not None
        assert response.ok, path

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin, "data:")):
            self.problems.append(f"asked for {url}")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Nobody wants to see each request."""

    def do_GET(self) -> None:
        # A browser asks for it by itself, whatever a page says.
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture(scope="module")
def documented(site: WrittenSite) -> WrittenSite:
    """The site with dbt's documentation, of a project of which the seeds alone were built."""
    transform.build(warehouse_url(site.settings), site.settings.dbt_target, select="resource_type:seed")
    write_site(site.settings, site.folder)
    return site


@pytest.fixture(scope="module")
def served(documented: WrittenSite) -> Iterator[str]:
    """The address at which the site is served."""
    handler = partial(Quiet, directory=str(documented.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


@pytest.fixture(params=SCREENS)
def visit(request: pytest.FixtureRequest, browser: Browser, served: str) -> Iterator[Visit]:
    width, height = SCREENS[request.param]
    with browser.new_context(viewport={"width": width, "height": height}) as context:
        yield Visit(context.new_page(), served)


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")


def paths(site: WrittenSite) -> list[str]:
    return [str(path.relative_to(site.folder)) for path in all_pages(site.folder)]


def test_every_page_is_quiet_accessible_and_fits(
    visit: Visit, documented: WrittenSite, screenshots: Path, request: pytest.FixtureRequest
) -> None:
    for path in paths(documented):
        visit.open(path)
        # What is folded away is looked at too.
        visit.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        violations = Axe().run(visit.page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in violations] == [], path
        assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        name = f"{request.node.callspec.params['visit']}-{path.replace('/', '-')}.png"
        visit.page.screenshot(path=screenshots / name, full_page=True)
    assert visit.problems == []
    print(f"screenshots: {screenshots}")


def test_every_link_works(visit: Visit, documented: WrittenSite) -> None:
    fragments: dict[str, set[str]] = {}
    for path in paths(documented):
        visit.open(path)
        for link in visit.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)"):
            assert link.startswith(visit.origin), link
            target, _, fragment = link.removeprefix(visit.origin).lstrip("/").partition("#")
            fragments.setdefault(target, set()).add(fragment)
    assert LINEAGE in fragments
    for target, wanted in fragments.items():
        visit.open(target)
        there = visit.page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
        assert wanted - {""} <= set(there), target
    assert visit.problems == []


def test_the_figures_that_a_browser_shows_are_the_databases(visit: Visit, documented: WrittenSite) -> None:
    for language in ("fi", "en"):
        visit.open(f"{language}/report.html")
        cells = shown_cells(BeautifulSoup(visit.page.content(), "html.parser"), language)
        assert len(cells) > 50
        with connect(documented.settings) as connection:
            assert wrong_cells(connection, cells) == []


def test_it_fits_at_320_pixels_and_is_used_by_keys(browser: Browser, served: str, documented: WrittenSite) -> None:
    with browser.new_context(viewport={"width": 320, "height": 600}) as context:
        page = context.new_page()
        for path in paths(documented):
            page.goto(f"{served}/{path}")
            assert page.evaluate("document.documentElement.scrollWidth <= 320"), path
        page.goto(f"{served}/fi/report.html")
        page.keyboard.press("Tab")
        focus = "(() => { const one = document.activeElement, box = one.getBoundingClientRect(); "
        focus += "return [one.className, box.left >= 0 && box.width > 0, getComputedStyle(one).outlineStyle] })()"
        assert page.evaluate(focus) == ["skip", True, "solid"]
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")
        fold = page.locator("summary").first
        fold.focus()
        page.keyboard.press("Enter")
        assert page.locator("details").first.evaluate("one => one.open")


def test_on_paper_the_tables_are_unfolded_and_no_picture_is_cut(browser: Browser, served: str) -> None:
    with browser.new_context(viewport={"width": 1000, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{served}/fi/report.html")
        folded = page.locator("details:not([open]) table").first
        assert not folded.is_visible()
        page.emulate_media(media="print")
        assert folded.evaluate("one => one.getBoundingClientRect().height") > 50
        assert not page.locator("header nav").is_visible()
        pictures = page.locator(".picture svg")
        kept = "all => all.every(one => getComputedStyle(one).breakInside === 'avoid')"
        assert pictures.evaluate_all(kept)
        # A4 with its margins is 265 mm high.
        tallest = pictures.evaluate_all("all => Math.max(...all.map(one => one.getBoundingClientRect().height))")
        assert tallest < 265 / 25.4 * 96
        assert len(page.pdf(prefer_css_page_size=True)) > 10_000


def test_dbts_documentation_opens_and_asks_for_nothing(visit: Visit) -> None:
    visit.open(f"{LINEAGE}#!/model/model.tukiverkko.attendance_monthly")
    visit.page.get_by_text("Absences by month").first.wait_for()
    assert visit.problems == []
