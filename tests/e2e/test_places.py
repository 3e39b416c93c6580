"""Select a visit and the board answers: each task in as few clicks as promised, by pointer without drag and by keys."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select as select_rows

from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.skills.models import Skill
from dispatch.workforce.models import Territory
from tests import factories as make
from tests.e2e.conftest import Installation, SitDown, gone
from tests.e2e.looking import NARROWEST, Clicks, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ASSIGNED, MOVED = 2, 3
"""Most keys of tasks 2 and 3."""


@pytest.fixture
def visits(installation: Installation) -> Iterator[list[int]]:
    """Two visits without a promise, so that they fit tomorrow whatever else was booked; gone when the test is over."""
    with installation.session() as session:
        east = session.get_one(Territory, installation.east.territory)
        skill = session.get_one(Skill, installation.east.skill)
        made = []
        for _ in range(2):
            site = make.make_site(session, territory=east)
            job = make.make_job(session, site=site, title="Filter is dirty")
            made.append(make.make_visit(session, job=job, needs={skill: 2}, duration_s=1_800).id)
    yield made
    gone(installation, made)


def tomorrow(installation: Installation, page: Page) -> Page:
    page.goto(f"{installation.address}/board?date={(installation.east.today + timedelta(days=1)).isoformat()}")
    page.locator("#gantt.is-ready").wait_for()
    return page


def select(page: Page, visit_id: int) -> None:
    """One click: the card's own button."""
    page.locator(f'[data-queue-visit="{visit_id}"] [data-select-visit]').click()
    expect(page.locator("#board-panel .places button").first).to_be_visible()
    expect(page.locator(".place-outline").first).to_be_attached()


def taken_back(page: Page, visit_id: int) -> None:
    page.locator(".toast").get_by_role("button", name="Undo").last.click()
    expect(page.locator(f'[data-queue-visit="{visit_id}"]')).to_have_count(1)


def bars_of(page: Page) -> Locator:
    return page.locator('#gantt .bar[aria-label*="Filter is dirty"]')


def booked(installation: Installation, visit_id: int) -> tuple[int, datetime]:
    """Who has a visit, and from when."""
    with installation.session() as session:
        row = session.execute(
            select_rows(Assignment.technician_id, Assignment.during).where(Assignment.visit_id == visit_id, live())
        ).one()
    return row.technician_id, row.during.lower


def row_of(page: Page) -> str | None:
    expect(bars_of(page)).to_have_count(1)
    return bars_of(page).locator("xpath=ancestor::*[@data-technician]").get_attribute("data-technician")


def test_a_visit_goes_to_the_best_in_two_clicks_and_moves_in_two_more(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    page = tomorrow(installation, sit_down("ines").open("/board"))
    visit = visits[0]

    # Learning whether a place breaks a rule takes no move: every row says so once the visit is selected.
    select(page, visit)
    rows = page.locator("#gantt .gantt-row").count()
    expect(page.locator("#gantt .gantt-row .verdict")).to_have_count(rows)
    expect(page.locator("#spoken")).to_contain_text("key 1 takes it")
    assert violations(page) == []

    # The second click: the number on the grid, the one in the list, and the key do the same.
    page.locator('.place-outline[data-number="1"]').dispatch_event("click")
    expect(bars_of(page)).to_have_count(1)
    first = bars_of(page).get_attribute("aria-label")
    taken_back(page, visit)
    select(page, visit)
    page.locator("#board-panel .places button").first.click()
    expect(bars_of(page)).to_have_count(1)
    assert bars_of(page).get_attribute("aria-label") == first
    taken_back(page, visit)
    select(page, visit)
    page.keyboard.press("a")
    expect(bars_of(page)).to_have_count(1)
    assert bars_of(page).get_attribute("aria-label") == first

    # Moving it: the bar, then another place, which is somebody else's.
    before = row_of(page)
    bars_of(page).click()
    expect(page.locator("#board-panel .places button").first).to_be_visible()
    page.locator("#board-panel .places button").last.click()
    expect(page.locator(f'[data-technician="{before}"] .bar[aria-label*="Filter is dirty"]')).to_have_count(0)
    assert row_of(page) != before


def test_by_keys_alone_a_visit_is_given_moved_exactly_and_every_rule_is_known_before(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    """Tasks 2, 3 and 5: two keys, three keys, none more. Keys that only walk to a place are not counted."""
    page = tomorrow(installation, sit_down("ines").open("/board"))
    card = page.locator(f'[data-queue-visit="{visits[0]}"] [data-select-visit]')
    card.focus()
    given = Clicks(page)
    given.key("Enter")
    expect(page.locator(".place-outline").first).to_be_attached()
    # Task 5: which rows break a rule, and which one, stands there without another key.
    rows = page.locator("#gantt .gantt-row[data-technician]")
    expect(rows.locator(".verdict")).to_have_count(rows.count())
    given.key("a")
    expect(bars_of(page)).to_have_count(1)
    assert given.count <= ASSIGNED

    # Task 3, to one of the numbered places.
    before = row_of(page)
    page.keyboard.press("Escape")
    expect(page.locator("#board-panel")).to_be_hidden()
    page.locator("#gantt-grid").focus()
    moved = Clicks(page)
    moved.key("Enter")
    expect(page.locator("#board-panel .places button").first).to_be_visible()
    expect(page.locator(".place-outline").first).to_be_attached()
    moved.key("1")
    expect(page.locator(f'[data-technician="{before}"] .bar[aria-label*="Filter is dirty"]')).to_have_count(0)
    assert moved.count <= MOVED

    # And to any time: picked up, carried by arrows, put down.
    before = bars_of(page).get_attribute("aria-label")
    bars_of(page).click()
    page.locator("#gantt-grid").focus()
    exact = Clicks(page)
    exact.key("Space")
    page.keyboard.press("ArrowRight")
    exact.key("Enter")
    expect(bars_of(page)).not_to_have_attribute("aria-label", before or "")
    assert exact.count <= MOVED


def test_on_the_narrowest_phone_it_takes_no_more_taps(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    """Tasks 2, 3 and 5 where there is no grid: what a place means stands beside its number before it is taken."""
    day = f"/board?date={(installation.east.today + timedelta(days=1)).isoformat()}"
    page = sit_down("ines", viewport=NARROWEST).open(day)
    given = Clicks(page)
    given.click(page.locator(f'[data-queue-visit="{visits[0]}"] [data-select-visit]'))
    places = page.locator(".places button")
    expect(places.first).to_contain_text("arrives")
    assert violations(page) + overflow(page) == []
    given.click(places.first)
    expect(page.locator("#messages")).to_contain_text("Booked")
    assert given.count <= ASSIGNED
    before = booked(installation, visits[0])

    page.goto(installation.address + day)
    moved = Clicks(page)
    moved.click(page.get_by_role("link", name="Move Filter is dirty"))
    moved.click(places.last)
    expect(page.locator("#messages")).to_contain_text("until that day is published")
    assert moved.count <= MOVED
    other = booked(installation, visits[0])
    assert other != before

    page.goto(installation.address + day)
    exact = Clicks(page)
    exact.click(page.get_by_role("link", name="Move Filter is dirty"))
    starts = page.get_by_label("Starts")
    later = datetime.fromisoformat(starts.input_value().replace(" ", "T")) + timedelta(minutes=5)
    exact.type(starts, later.isoformat(timespec="minutes"))
    exact.click(page.get_by_role("button", name="Move", exact=True))
    expect(page.locator("#messages")).to_contain_text("until that day is published")
    assert exact.count <= MOVED
    assert booked(installation, visits[0])[0] == other[0]
    assert booked(installation, visits[0])[1] > other[1]


def test_j_and_k_walk_the_queue_and_the_board_answers(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    page = tomorrow(installation, sit_down("ines").open("/board"))
    page.keyboard.press("j")
    current = page.locator('[data-queue-visit][aria-current="true"]')
    expect(current).to_have_count(1)
    expect(page.locator("#board-panel h2")).to_have_text(current.locator("strong").inner_text())
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-queue-visit]").first).to_have_attribute("aria-current", "true")


def test_a_drag_asks_the_server_nothing_while_it_hovers(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    page = tomorrow(installation, sit_down("ines").open("/board"))
    select(page, visits[0])
    card = page.locator(f'[data-queue-visit="{visits[0]}"]').bounding_box()
    grid = page.locator("#gantt-grid").bounding_box()
    assert card
    assert grid
    page.mouse.move(card["x"] + 20, card["y"] + 4)
    page.mouse.down()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for step in range(12):
        page.mouse.move(grid["x"] + 300 + 12 * step, grid["y"] + 45 + 3 * step)
    expect(page.locator(".gantt-note")).to_be_visible()
    assert [url for url in asked if "verdicts" in url or "/move" in url] == []
    page.keyboard.press("Escape")
    page.mouse.up()


def test_who_is_too_late_reads_by_whom_and_takes_the_next_best_with_enter(
    installation: Installation, visits: list[int], sit_down: SitDown
) -> None:
    late, early = (tomorrow(installation, sit_down(who).open("/board")) for who in ("omar", "ines"))
    select(late, visits[0])
    select(early, visits[1])
    wanted = late.locator("#board-panel .places strong").first.inner_text()
    early.locator("#board-panel .places button", has_text=wanted).click()
    expect(bars_of(early)).to_have_count(1)
    late.locator("#board-panel .places button").first.click()
    problem = late.locator(".toast.problem")
    expect(problem).to_contain_text("by Ines Weber")
    expect(problem).to_contain_text("Next best: ")
    expect(problem.get_by_role("button", name=re.compile("^Take "))).to_be_focused()
    late.keyboard.press("Enter")
    expect(late.locator(".toast.good").last).to_contain_text("Booked.")
