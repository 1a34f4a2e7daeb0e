"""A real Superset, set up by the one command over a real release: everything is imported, twice without doubling;
charts answer the region and a municipality with what each may see; each dashboard is opened in a browser.

Needs Python 3.11 or 3.12, packages from the package index (Superset's own lock), and Debian's package `chromium`.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request

from bi.superset.bundle import read_places
from bi.superset.dashboards import MUNICIPALITY, REGION
from bi.superset.installation import Installation
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect
from tests.chromium import running_chromium

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1200)]

# Dashboard of each of Superset's roles: what it may open, and what it may not.
OPENS = {"region": "tukiverkko-alue", "kuopio": "tukiverkko-kuopio"}
MANY = json.dumps({"page_size": 500})


@dataclass(frozen=True)
class Running:
    """A Superset that serves. passwords: of `admin`, and of a user for each of two roles."""

    installation: Installation
    origin: str
    passwords: Mapping[str, str]

    def signed_in(self, user: str) -> httpx.Client:
        client = httpx.Client(base_url=self.origin, timeout=60)
        body = {"username": user, "password": self.passwords[user], "provider": "db", "refresh": False}
        answer = client.post("/api/v1/security/login", json=body)
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return client


def test_importing_again_changes_nothing(superset: Running) -> None:
    before = counts(superset)
    places = len(read_places(superset.installation.settings.municipalities))
    assert before == {
        "database": 1 + places,
        "dataset": len(REGION.tables) + places * len(MUNICIPALITY.tables),
        "chart": len(REGION.charts) + places * len(MUNICIPALITY.charts),
        "dashboard": 1 + places,
    }
    identities = {one["uuid"]: one["id"] for one in listed(superset, "admin", "chart")}
    superset.installation.import_assets()
    assert counts(superset) == before
    assert {one["uuid"]: one["id"] for one in listed(superset, "admin", "chart")} == identities


def test_what_the_assets_do_not_hold_any_more_is_removed(superset: Running) -> None:
    client = superset.signed_in("admin")
    chart = listed(superset, "admin", "chart")[0]
    before = counts(superset)
    token = client.get("/api/v1/security/csrf_token/").json()["result"]
    client.headers.update({"X-CSRFToken": token, "Referer": superset.origin})
    dataset = listed(superset, "admin", "dataset")[0]["id"]
    body = {"slice_name": "by hand", "viz_type": "table", "datasource_id": dataset, "datasource_type": "table"}
    for managed in (False, True):
        made = client.post("/api/v1/chart/", json=body | {"is_managed_externally": managed})
        assert made.status_code == 201, made.text
    superset.installation.import_assets()
    assert counts(superset)["chart"] == before["chart"] + 1
    assert chart["uuid"] in {one["uuid"] for one in listed(superset, "admin", "chart")}
    by_hand = next(one for one in listed(superset, "admin", "chart") if one["slice_name"] == "by hand")
    assert client.delete(f"/api/v1/chart/{by_hand['id']}").status_code == 200


def test_each_chart_answers_those_who_may_see_it_and_nobody_else(superset: Running) -> None:
    everything = {one["id"]: one["datasource_name_text"] for one in listed(superset, "admin", "chart")}
    seen: dict[str, set[int]] = {}
    for user, dashboard in (("region", REGION), ("kuopio", MUNICIPALITY)):
        client = superset.signed_in(user)
        charts = listed(superset, user, "chart")
        assert {one["slice_name"] for one in charts} == {chart.title for chart in dashboard.charts}
        seen[user] = {one["id"] for one in charts}
        for one in charts:
            answer = client.get(f"/api/v1/chart/{one['id']}/data/")
            assert answer.status_code == 200, (one["slice_name"], answer.text[:500])
            result = answer.json()["result"][0]
            assert result["error"] is None, one["slice_name"]
            assert result["rowcount"] > 0, one["slice_name"]
        for other in set(everything) - seen[user]:
            assert client.get(f"/api/v1/chart/{other}/data/").status_code in (403, 404), everything[other]
    assert not seen["region"] & seen["kuopio"]


def test_a_chart_shows_the_databases_figures(superset: Running) -> None:
    """The region's absence in the latest month, and the pupils of Kuopio who crossed into another tier."""
    with connect(superset.installation.settings) as connection:
        published = connection.execute(
            """
            select absence_rate from reporting.attendance_monthly
            where municipality = 'region' and grade_band = 'all' and absence_class = 'all' and absence_rate is not null
            order by month desc limit 1
            """
        ).fetchone()
        crossed = connection.execute(
            "select pupil_key::text from municipal.early_warning where municipality = 'kuopio'"
        ).fetchall()
    assert published is not None
    rows = data_of(superset, "region", "Poissaolot kunnittain / Absence by municipality")
    of_region = [
        row for row in rows if row["municipality_label"] == "Koko alue" and row["shown_absence_rate"] is not None
    ]
    latest = max(of_region, key=lambda row: row["month"])
    assert latest["shown_absence_rate"] == pytest.approx(float(published[0]))
    rows = data_of(superset, "kuopio", "Poissaoloportaan vaihtaneet oppilaat / Pupils who crossed into another tier")
    assert {row["pupil_key"] for row in rows} == {key for (key,) in crossed}


def test_a_municipality_gets_no_row_of_others_by_any_question(superset: Running) -> None:
    """PostgreSQL decides: a question of one's own over the municipality's dataset gives its own rows alone."""
    client = superset.signed_in("kuopio")
    dataset = next(one for one in listed(superset, "kuopio", "dataset") if one["table_name"] == "fact_absence")
    query = {"columns": ["municipality"], "metrics": ["own_lessons"], "row_limit": 100}
    body = {"datasource": {"id": dataset["id"], "type": "table"}, "queries": [query], "result_format": "json"}
    answer = client.post("/api/v1/chart/data", json=body)
    assert answer.status_code == 200, answer.text[:500]
    assert {row["municipality"] for row in answer.json()["result"][0]["data"]} == {"kuopio"}


def test_datasets_carry_the_descriptions_of_the_marts(superset: Running) -> None:
    client = superset.signed_in("admin")
    one = next(one for one in listed(superset, "admin", "dataset") if one["table_name"] == "support_timeliness")
    dataset = client.get(f"/api/v1/dataset/{one['id']}").json()["result"]
    assert " / " in dataset["description"]
    assert all(" / " in column["description"] for column in dataset["columns"])


def test_nothing_is_shown_without_signing_in(superset: Running) -> None:
    client = httpx.Client(base_url=superset.origin, timeout=60)
    assert client.get("/api/v1/chart/1/data/").status_code in (401, 403, 404)
    assert client.get("/superset/dashboard/tukiverkko-alue/").status_code in (302, 401, 403, 404)


def test_secrets_are_its_owners_alone(superset: Running) -> None:
    for name in ("admin_password", "secret_key", "readers_key"):
        assert (superset.installation.home / name).stat().st_mode & 0o777 == 0o600, name


@pytest.mark.parametrize("user", OPENS)
def test_each_dashboard_opens_in_a_browser(superset: Running, browser: Browser, screenshots: Path, user: str) -> None:
    """No chart says that it failed, and nothing is asked of another server."""
    dashboard = REGION if user == "region" else MUNICIPALITY
    outside: list[str] = []
    with browser.new_context(viewport={"width": 1400, "height": 4200}) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda asked: outside.append(asked.url) if is_outside(asked, superset.origin) else None)
        # The page's own policy stops what Superset's pages would ask of others.
        page.on("requestfailed", lambda asked: outside.remove(asked.url) if asked.failure == "csp" else None)
        sign_in(page, superset, user)
        page.goto(f"{superset.origin}/superset/dashboard/{OPENS[user]}/")
        for chart in dashboard.charts:
            page.get_by_text(chart.title, exact=True).first.wait_for(timeout=60_000)
        page.wait_for_function(
            "() => document.querySelectorAll('.dashboard-chart').length >= "
            + str(len(dashboard.charts))
            + " && document.querySelectorAll('.loading, [data-test=loading-indicator]').length === 0",
            timeout=60_000,
        )
        # The charts' own drawing takes a moment after their data is there.
        page.wait_for_timeout(3000)
        picture = screenshots / f"{OPENS[user]}.png"
        page.screenshot(path=picture)
        print(f"screenshot: {picture}")
        drawn = page.locator(".dashboard-chart canvas, .dashboard-chart table").count()
        assert drawn >= len(dashboard.charts)
        assert page.locator(".dashboard-chart [role=alert], .dashboard-chart .ant-alert-error").count() == 0
        assert page.get_by_text("No results were returned for this query").count() == 0
        assert errors == []
        assert outside == []


def is_outside(asked: Request, origin: str) -> bool:
    return not asked.url.startswith((origin, "data:", "blob:"))


def sign_in(page: Page, superset: Running, user: str) -> None:
    page.goto(f"{superset.origin}/login/")
    page.fill("#username", user)
    page.fill("#password", superset.passwords[user])
    page.keyboard.press("Enter")
    page.wait_for_url("**/welcome/**", timeout=60_000)


def listed(superset: Running, user: str, kind: str) -> list[dict[str, Any]]:
    """What a user sees in a list of Superset's."""
    answer = superset.signed_in(user).get(f"/api/v1/{kind}/", params={"q": MANY})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["result"]
    return rows


def counts(superset: Running) -> dict[str, int]:
    return {kind: len(listed(superset, "admin", kind)) for kind in ("database", "dataset", "chart", "dashboard")}


def data_of(superset: Running, user: str, title: str) -> list[dict[str, Any]]:
    chart = next(one for one in listed(superset, user, "chart") if one["slice_name"] == title)
    answer = superset.signed_in(user).get(f"/api/v1/chart/{chart['id']}/data/")
    rows: list[dict[str, Any]] = answer.json()["result"][0]["data"]
    return rows


@pytest.fixture(scope="module")
def superset(released: Settings) -> Iterator[Running]:
    """Set up by the one command, and served; with a user of the region and one of Kuopio."""
    environment = os.environ | {
        "TUKIVERKKO_HOME": str(released.home),
        "TUKIVERKKO_MUNICIPALITIES": str(released.municipalities),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = [sys.executable, "-m", "bi.superset"]
    done = subprocess.run([*command, "setup"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stdout)
    installation = Installation(released)
    passwords = {"admin": installation.admin_password.read_text(encoding="utf-8")}
    for user in OPENS:
        passwords[user] = secrets.token_urlsafe(12)
        create = ["superset", "fab", "create-user", "--username", user, "--firstname", user, "--lastname", "-"]
        create += ["--email", f"{user}@localhost", "--role", f"tukiverkko_{user}", "--password", passwords[user]]
        installation.run(create, installation.variables())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving([*command, "serve", "--port", str(port)], environment, port):
        yield Running(installation, f"http://127.0.0.1:{port}", passwords)


@contextmanager
def serving(command: list[str], environment: Mapping[str, str], port: int) -> Iterator[None]:
    """A server for the block, from when it answers."""
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None, "Superset ended"
                assert time.monotonic() < deadline, "Superset does not answer"
                time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screenshots")
