"""What goes wrong with a day, in real browsers: every kind of repair, what people are told, and the clicks it takes."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.workforce.models import Technician
from tests.e2e.conftest import DESK, Installation, SitDown
from tests.e2e.looking import NARROWEST, Clicks, overflow, violations
from tests.e2e.quay import Quay

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROPOSED_WITHIN_MS = 45_000
EMERGENCY, SICK, TOLD, ASSIGNED, MOVED = 4, 3, 1, 2, 3
"""Most clicks of tasks 7, 6, 8, 2 and 3."""


def looked_at(page: Page, what: str) -> None:
    """Look at the desk by day and on the narrowest phone by night, and go back to the desk."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert violations(page) + overflow(page) == [], what
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert violations(page) + overflow(page) == [], f"{what} at 320 pixels by night"
    page.set_viewport_size(DESK)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.emulate_media(color_scheme="light")


def proposed(page: Page) -> Page:
    """Wait until the proposal stands there."""
    page.wait_for_url(re.compile(r"/disruptions/\d+$"))
    expect(page.locator("[data-progress-url]")).to_have_count(0, timeout=PROPOSED_WITHIN_MS)
    expect(page.locator("#proposal")).to_be_visible()
    return page


def toast(page: Page) -> Locator:
    return page.locator("#messages")


def start_emergency(page: Page, quay: Quay, clicks: Clicks, *, by_key: bool) -> None:
    """Say where and what; two clicks after the one that begins it. The words of what is to be done are not counted."""
    if by_key:
        clicks.key("x")
    else:
        clicks.click(page.get_by_role("link", name="Emergency", exact=True))
    page.wait_for_url("**/jobs/new?emergency=1")
    clicks.click(page.get_by_role("link", name="Museum hall"))
    page.get_by_label("What is to be done").fill("Water through the ceiling")
    clicks.click(page.get_by_role("button", name="Book and look"))
    proposed(page)
    expect(page.get_by_role("heading", name="Who goes?")).to_be_visible()


def test_an_emergency_by_keys_by_pointer_and_on_the_narrowest_phone(
    installation: Installation, sit_down: SitDown, quay: Quay
) -> None:
    page = sit_down("rita").open("/board")
    page.locator("#gantt.is-ready").wait_for()
    clicks = Clicks(page)
    start_emergency(page, quay, clicks, by_key=True)
    choices = page.locator(".columns > li")
    expect(choices).to_have_count(3)
    looked_at(page, "who goes")
    first = choices.first.get_by_role("heading").inner_text()
    clicks.key("1")
    expect(page.get_by_text("Repaired.")).to_be_visible()
    assert clicks.count <= EMERGENCY
    looked_at(page, "somebody goes")
    name = re.sub(r"^\d\s*|,.*$", "", first).strip()
    expect(page.locator("#proposal")).to_contain_text(name)

    toast(page).get_by_role("button", name="Undo").last.click()
    page.go_back()
    page.reload()
    proposed(page)
    expect(page.get_by_role("heading", name="Who goes?")).to_be_visible(timeout=PROPOSED_WITHIN_MS)
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    choices.nth(1).get_by_role("button", name=re.compile("^Take ")).click()
    expect(page.get_by_text("Repaired.")).to_be_visible()

    for viewport in (NARROWEST, DESK):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]  # a dictionary of the right keys
        page.goto(f"{installation.address}/board")
        clicks = Clicks(page)
        start_emergency(page, quay, clicks, by_key=False)
        assert overflow(page) == []
        clicks.click(choices.last.get_by_role("button", name=re.compile("^Take ")))
        expect(page.get_by_text("Repaired.")).to_be_visible()
        assert clicks.count <= EMERGENCY


def test_every_kind_of_repair_on_one_page(installation: Installation, sit_down: SitDown, quay: Quay) -> None:
    """No access, a part, longer, cancelled: a tile each, then the same page; then somebody who cannot work."""
    page = sit_down("rita").open(f"/disruptions/visits/{quay.visits['c'][0]}")
    looked_at(page, "what happened")
    page.keyboard.press("1")
    proposed(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("No access")
    looked_at(page, "no access")

    page.goto(f"{installation.address}/disruptions/visits/{quay.visits['c'][1]}")
    page.keyboard.press("2")
    proposed(page)
    expect(page.get_by_text("Nobody knows yet when the part comes")).to_be_visible()
    looked_at(page, "a part is missing")

    page.goto(f"{installation.address}/disruptions/visits/{quay.visits['d'][0]}")
    page.get_by_role("button", name="60 min longer").click()
    proposed(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Takes 60 min longer")
    looked_at(page, "longer")

    page.goto(f"{installation.address}/disruptions/visits/{quay.visits['c'][2]}")
    page.get_by_label("Why").fill("They moved house")
    page.get_by_role("button", name="Cancel the job").click()
    proposed(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")
    looked_at(page, "cancelled")


def test_somebody_cannot_work_in_three_clicks_and_bad_news_is_a_call(
    installation: Installation, sit_down: SitDown, quay: Quay
) -> None:
    """By keys in the grid; nobody else can do Emil's work, so his customers are called, with the words to say."""
    page = sit_down("rita").open("/board")
    page.locator("#gantt.is-ready").wait_for()
    row = page.locator(f'[data-technician="{quay.people["e"]}"]')
    row.locator(".bar").first.click()
    page.locator("#gantt-grid").focus()
    clicks = Clicks(page)
    clicks.key("s")
    page.wait_for_url("**/disruptions/cannot-work?technician=*")
    looked_at(page, "until when")
    clicks.key("2")
    proposed(page)
    looked_at(page, "cannot work")
    clicks.key("y")
    expect(page.get_by_text("Repaired.")).to_be_visible()
    assert clicks.count <= SICK
    expect(toast(page)).to_contain_text("3 to call")

    page.goto(f"{installation.address}/loose-ends")
    page.get_by_role("link", name=re.compile("Do it: .*Emil's customer 1")).first.click()
    expect(page.get_by_role("heading", name="What to say")).to_be_visible()
    expect(page.locator("#script")).to_contain_text("I am sorry")
    looked_at(page, "the call")
    page.get_by_label("What was agreed").fill("They ring back tomorrow")
    page.get_by_role("button", name="They know").click()
    expect(page.get_by_text("Kept. What was agreed")).to_be_visible()

    # By pointer on the grid the first of the three is a sign in the row; the other two are those of the phone.
    page.goto(f"{installation.address}/board")
    page.locator("#gantt.is-ready").wait_for()
    page.locator(f'[data-technician="{quay.people["d"]}"] .gantt-head').hover()
    assert violations(page) == [], "while the pointer is over a row"
    page.get_by_role("button", name="Dara Quinn cannot work").click()
    page.wait_for_url("**/disruptions/cannot-work?technician=*")
    expect(page.get_by_role("button", name="Today", exact=True)).to_be_visible()

    # And on the narrowest phone.
    page.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    page.goto(f"{installation.address}/board")
    clicks = Clicks(page)
    clicks.click(page.get_by_role("link", name="Dara Quinn cannot work"))
    clicks.click(page.get_by_role("button", name="Today", exact=True))
    proposed(page)
    assert overflow(page) == []
    clicks.click(page.get_by_role("button", name=re.compile("^(Accept all|Make the list)")))
    expect(page.get_by_text("Repaired.")).to_be_visible()
    assert clicks.count <= SICK


def late_by_an_hour(page: Page, address: str, technician_id: int) -> None:
    page.goto(f"{address}/disruptions/cannot-work?technician={technician_id}")
    page.get_by_role("button", name="60 min late").click()
    proposed(page)


def test_the_next_customer_is_told_in_one_click_and_it_can_be_recalled(
    installation: Installation, sit_down: SitDown, quay: Quay
) -> None:
    """Three people are late: their next customers are told by pointer, by keys, and on the narrowest phone."""
    page = sit_down("rita").open("/")
    for letter, name in (("g", "Gus"), ("h", "Hana"), ("i", "Ivo")):
        page.set_viewport_size(NARROWEST if name == "Ivo" else DESK)  # type: ignore[arg-type]
        late_by_an_hour(page, installation.address, quay.people[letter])
        expect(page.get_by_role("heading", name="In one click")).to_be_visible()
        page.goto(f"{installation.address}/board")
        tell = page.locator("#board-alerts").get_by_role("button", name=re.compile(f"^Tell {name}'s customer")).first
        expect(tell).to_be_visible()
        assert overflow(page) == []
        clicks = Clicks(page)
        if name == "Hana":
            tell.focus()
            clicks.key("Enter")
        else:
            clicks.click(tell)
        expect(toast(page)).to_contain_text("until then the outbox can recall it")
        assert clicks.count <= TOLD
        page.goto(f"{installation.address}/outbox")
        recall = page.get_by_role("button", name=re.compile(f"^Recall {name}'s customer"))
        expect(recall).to_have_count(1)
        assert violations(page) + overflow(page) == [], name
        recall.click()
        expect(toast(page)).to_contain_text("Recalled.")
        expect(recall).to_have_count(0)


def test_assigned_and_moved_on_the_narrowest_phone(installation: Installation, sit_down: SitDown, quay: Quay) -> None:
    """Tasks 2, 3 and 5 without a grid: what a place means is read before it is taken."""
    day = (quay.today + timedelta(days=1)).isoformat()
    page = sit_down("rita", viewport=NARROWEST).open(f"/board?date={day}")
    assert violations(page) + overflow(page) == []
    clicks = Clicks(page)
    clicks.click(page.locator(f'[data-queue-visit="{quay.waiting[0]}"] [data-select-visit]'))
    places = page.locator(".places button")
    expect(places.first).to_contain_text("arrives")
    assert violations(page) + overflow(page) == []
    who = places.first.locator("strong").inner_text().split(",")[0]
    clicks.click(places.first)
    expect(page.get_by_text("Booked.")).to_be_visible()
    assert clicks.count <= ASSIGNED

    clicks = Clicks(page)
    clicks.click(page.get_by_role("link", name="Move Gutter drips"))
    expect(places.last).to_contain_text("arrives")
    clicks.click(places.last)
    expect(page.get_by_text("Booked.")).to_be_visible()
    assert clicks.count <= MOVED
    with installation.session() as session:
        row = session.scalars(select(Assignment).where(Assignment.visit_id == quay.waiting[0], live())).one()
        assert session.get_one(Technician, row.technician_id).name != who
