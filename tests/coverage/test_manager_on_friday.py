"""A manager on a Friday: short in four weeks, irreplaceable people, certificates; on the demo, in a real browser."""

import csv
import io
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from dispatch.app import create_app
from dispatch.core import clock
from dispatch.core.config import Settings
from dispatch.core.db import make_engine
from dispatch.demo.load import load_demo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MANAGER, PASSWORD = "manager@extramile.example", "one-mile-more"
NUMBER = re.compile(r'href="(/coverage/[^"]+)" aria-label="[^"]*" data-row.*?(\d+)%\+?</text>')


@pytest.fixture(scope="module")
def address(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the demo with ten weeks of its past."""
    owner = make_engine(module_database_url)
    with Session(owner) as session:
        load_demo(session, now=clock.now(), weeks_back=10)
        session.commit()
    owner.dispose()
    engine = make_engine(module_database_url, role="dispatch_app", pool_size=4)
    settings = Settings(
        database_url=module_database_url,
        data_dir=Path(tmp_path_factory.mktemp("data")),
        secret_key="not a secret, only for the tests of this module",
        mail_backend="locmem",
    )
    server = make_server("127.0.0.1", 0, create_app(settings, engine=engine, TESTING=True), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    engine.dispose()


@pytest.fixture(params=[(1440, "light"), (360, "dark")], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request: pytest.FixtureRequest, browser: "Browser", address: str) -> "Iterator[Page]":
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = context.new_page()
    found.goto(f"{address}/sign-in")
    found.fill("input[name=email]", MANAGER)
    found.fill("input[name=password]", PASSWORD)
    found.press("input[name=password]", "Enter")
    found.wait_for_url(lambda url: "sign-in" not in url)
    yield found
    context.close()


def faults(page: "Page") -> list[str]:
    """What is wrong with a page: what a screen reader trips over, and scrolling sideways."""
    found = [violation["id"] for violation in Axe().run(page).response["violations"]]
    if page.evaluate("document.documentElement.scrollWidth") > page.evaluate("window.innerWidth"):
        found.append("sideways scroll")
    return found


def tab(page: "Page", name: str) -> None:
    page.get_by_role("navigation", name="Pages of coverage").get_by_role("link", name=name).click()
    page.wait_for_load_state("networkidle")


def test_a_manager_on_a_friday(page: "Page", address: str) -> None:
    # Where are we short in the next four weeks: no click after landing.
    assert page.url.endswith("/coverage")
    assert page.locator("#worst-title").inner_text() == "Where we are short in the next four weeks"
    assert page.locator("#worst-title + ol > li").count() == 5
    assert faults(page) == []

    # The map says what the file says.
    drawn = dict(NUMBER.findall(page.content()))
    assert len(drawn) > 100
    text = page.request.get(f"{address}/coverage/table.csv").text().removeprefix("\ufeff")
    told = {(row["kind"], row["week"], row["percent"]) for row in csv.DictReader(io.StringIO(text))}
    assert {(path.split("/")[2], path.split("/")[5], percent) for path, percent in drawn.items()} <= told

    # The worst place, by keyboard: who, when, visits at risk, and what would help.
    page.locator("#worst-title + ol a").first.press("Enter")
    page.wait_for_load_state("networkidle")
    assert "cannot be served" in page.locator("main").inner_text()
    for part in ("Who can do some of it", "What would help", "Booked visits that ask for it"):
        assert page.get_by_role("heading", name=part).is_visible()
    assert faults(page) == []
    page.goto(f"{address}/coverage")

    # Who is irreplaceable, and a plan in two clicks.
    tab(page, "Rests on one person")
    assert page.locator("#risk tbody tr").count() > 5
    assert faults(page) == []
    page.get_by_role("link", name=re.compile("Plan cover")).first.click()
    assert faults(page) == []
    page.get_by_role("button", name="Plan it").click()
    assert page.get_by_text("under way since").first.is_visible()

    # Which certificates will bite, and what is done about them, in two clicks.
    tab(page, "Certificates")
    assert faults(page) == []
    page.get_by_role("link", name=re.compile("Tick all: ")).first.click()
    page.get_by_role("button", name=re.compile("Plan renewal")).first.click()
    assert page.get_by_text(re.compile("in your loose ends|under way")).first.is_visible()

    # What is expected, what was kept; and all that was taken up has an owner and a time.
    for name in ("Expected work", "Promises"):
        tab(page, name)
        assert faults(page) == []
    page.goto(f"{address}/loose-ends")
    assert page.get_by_text(re.compile("learns|gets to know")).count() >= 1
    assert page.get_by_text("Renew: ").count() >= 1
    assert faults(page) == []
