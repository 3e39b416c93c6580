"""The coverage page in a real browser: nothing for a screen reader to trip over, no sideways scroll, keys that work."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import make_server

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.coverage.counting import solve_coverage
from dispatch.workforce.models import Territory
from tests.factories import make_job, make_shift, make_site, make_skill, make_technician, make_visit
from tests.web.conftest import PASSWORD, Site
from tests.web.conftest import site as site  # the fixture of the web tests, used as it is

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where the application answers, and who signs in."""

    address: str
    email: str


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Served]:
    """Serve the application with many skills short in the North."""
    with site.session() as session:
        north = session.get_one(Territory, site.north_id)
        place = make_site(session, territory=north)
        for _ in range(12):
            make_visit(session, job=make_job(session, site=place), needs={make_skill(session): 3})
        make_shift(session, technician=make_technician(session, territory=north), territory=north)
        solve_coverage(session, actor=SYSTEM, now=clock.now())
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(address=f"http://127.0.0.1:{server.server_port}", email=site.emails["manager"])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=[(1440, "light"), (1440, "dark"), (320, "light")], ids=lambda p: f"{p[0]}-{p[1]}")
def page(request: pytest.FixtureRequest, browser: "Browser", served: Served) -> "Iterator[Page]":
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    found = context.new_page()
    found.goto(f"{served.address}/sign-in")
    found.fill("input[name=email]", served.email)
    found.fill("input[name=password]", PASSWORD)
    found.press("input[name=password]", "Enter")
    found.wait_for_url(lambda url: "sign-in" not in url)
    found.wait_for_load_state("networkidle")
    found.goto(f"{served.address}/coverage")
    yield found
    context.close()


def test_the_page_is_accessible_and_stays_inside_the_screen(page: "Page") -> None:
    assert page.locator("h2#worst-title").inner_text() == "Where we are short in the next four weeks"
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
    assert Axe().run(page).response["violations"] == []


def test_arrow_keys_walk_the_map_and_enter_opens_a_cell_that_is_accessible_too(page: "Page") -> None:
    links = page.locator("svg[data-grid] a")
    assert [links.nth(number).get_attribute("tabindex") for number in (0, 1, 2)] == ["0", "-1", "-1"]
    links.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.row") == "2"
    page.keyboard.press("ArrowUp")
    opened = page.evaluate("document.activeElement.getAttribute('href')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/coverage/skill/**")
    assert page.url.endswith(opened)
    assert page.locator("h1").inner_text().endswith("in North")
    assert "at risk" in page.locator("main").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
    assert Axe().run(page).response["violations"] == []


def test_the_table_twin_is_accessible(page: "Page", served: Served) -> None:
    page.goto(f"{served.address}/coverage?view=table")
    assert page.locator("td.heat a").count() == 12
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
    assert Axe().run(page).response["violations"] == []
