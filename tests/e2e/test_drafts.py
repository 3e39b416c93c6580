"""A later day is changed, looked at, published and taken back in real browsers; the technician's phone follows."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dispatch.skills.models import Skill
from dispatch.workforce.models import Territory
from tests import factories as make
from tests.e2e.conftest import DESK, PHONE, Installation, SitDown, gone
from tests.e2e.looking import NARROWEST, Clicks, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WORK = "Siphon drips"


@pytest.fixture
def visit(installation: Installation) -> Iterator[int]:
    """A visit without a promise, so that it fits tomorrow whatever else was booked by other tests."""
    with installation.session() as session:
        east = session.get_one(Territory, installation.east.territory)
        job = make.make_job(session, site=make.make_site(session, territory=east), title=WORK)
        needs = {session.get_one(Skill, installation.east.skill): 2}
        made = make.make_visit(session, job=job, needs=needs, duration_s=1_800).id
    yield made
    gone(installation, [made])


def board(installation: Installation, page: Page) -> Page:
    page.goto(f"{installation.address}/board?date={(installation.east.today + timedelta(days=1)).isoformat()}")
    page.locator("#gantt.is-ready").wait_for()
    return page


def book(page: Page, visit: int) -> str:
    """Give the visit to the best and return who got it."""
    page.locator(f'[data-queue-visit="{visit}"] [data-select-visit]').click()
    expect(page.locator("#board-panel .places button").first).to_be_visible()
    page.keyboard.press("a")
    mine = page.locator(f'#gantt .bar[aria-label*="{WORK}"]')
    expect(mine).to_have_count(1)
    row = mine.locator("xpath=ancestor::*[@data-technician]")
    return str(row.get_attribute("data-technician"))


def phone_of(installation: Installation, sit_down: SitDown, person: str) -> Page:
    box = "ana" if int(person) == installation.east.ana else "ben"
    tomorrow = (installation.east.today + timedelta(days=1)).isoformat()
    return sit_down(box, viewport=PHONE).open(f"/my/day?date={tomorrow}")


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (DESK, "dark")])
def test_booked_looked_at_published_and_undone(
    installation: Installation, visit: int, sit_down: SitDown, viewport: dict[str, int], scheme: str
) -> None:
    page = board(installation, sit_down("ines", viewport=viewport, color_scheme=scheme).open("/board"))
    other = board(installation, sit_down("omar").open("/board"))
    person = book(page, visit)
    expect(page.locator(".toast").last).to_contain_text("Nobody is told until that day is published.")
    mine = page.locator(f'#gantt .bar[aria-label*="{WORK}"]')
    expect(mine).to_have_attribute("aria-label", re.compile("not published yet"))
    expect(other.locator(f'#gantt .bar.is-drafted[aria-label*="{WORK}"]')).to_have_count(1)
    phone = phone_of(installation, sit_down, person)
    expect(phone.get_by_text(WORK)).to_have_count(0)

    clicks = Clicks(page)
    clicks.click(page.get_by_role("link", name="Look and publish"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not published")
    expect(page.locator("tr", has_text=WORK)).to_contain_text("nobody")
    assert violations(page) == []
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    assert overflow(page) == []
    assert violations(page) == []
    page.set_viewport_size(viewport)  # type: ignore[arg-type]  # a dictionary of the right keys
    clicks.click(page.get_by_role("button", name="Publish what is ticked"))
    expect(page.get_by_text("is published.").last).to_be_visible()
    assert clicks.count == 2
    expect(other.locator(f'#gantt .bar.is-drafted[aria-label*="{WORK}"]')).to_have_count(0)
    expect(other.locator(f'#gantt .bar[aria-label*="{WORK}"]')).to_have_count(1)
    phone.reload()
    expect(phone.get_by_text(WORK).first).to_be_visible()

    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.get_by_text("Messages recalled: 1.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_text(WORK)).to_have_count(0)


def test_taken_back_by_keys_alone_without_anybody_knowing(
    installation: Installation, visit: int, sit_down: SitDown
) -> None:
    page = board(installation, sit_down("ines").open("/board"))
    book(page, visit)
    page.get_by_role("link", name="Look and publish").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Not published")
    page.get_by_role("button", name="Take back what is ticked").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nobody knew of").last).to_be_visible()
    page.locator("#gantt.is-ready").wait_for()
    expect(page.locator(f'#gantt .bar[aria-label*="{WORK}"]')).to_have_count(0)
    expect(page.locator(f'[data-queue-visit="{visit}"]')).to_have_count(1)


def test_on_a_phone_and_without_script(installation: Installation, visit: int, sit_down: SitDown) -> None:
    desk = board(installation, sit_down("ines").open("/board"))
    book(desk, visit)
    tomorrow = (installation.east.today + timedelta(days=1)).isoformat()
    page = sit_down("ines", viewport=PHONE, java_script_enabled=False).open(f"/board/draft?date={tomorrow}")
    expect(page.locator("tr", has_text=WORK)).to_be_visible()
    page.get_by_role("button", name="Publish what is ticked").click()
    expect(page.get_by_text("is published.").last).to_be_visible()
