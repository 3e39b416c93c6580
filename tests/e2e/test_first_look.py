"""What somebody new to it sees: heads over their columns, marks in the system's own colours, paper that is whole."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PHONE, Installation, SitDown

pytestmark = [pytest.mark.browser, pytest.mark.slow]
IN_SIGHT = 0.9  # of what is looked for


def workday(installation: Installation) -> str:
    """Return the next day on which nearly everybody works, as the address says it."""
    day = installation.east.today + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.isoformat()


def board(installation: Installation, page: Page) -> Page:
    page.goto(f"{installation.address}/board?date={workday(installation)}")
    page.locator("#gantt.is-ready").wait_for()
    return page


def test_on_a_phone_the_names_of_skills_stand_over_their_columns(sit_down: SitDown) -> None:
    page = sit_down("manager", viewport=PHONE).open("/people/skills")
    off = page.evaluate(
        """() => {
          const left = (one) => Math.round(one.getBoundingClientRect().left);
          const cells = [...document.querySelector("tbody tr").children].map(left);
          return [...document.querySelectorAll("thead th")].map((one, index) => left(one) - cells[index]);
        }"""
    )
    assert len(off) > 10
    assert set(off) == {0}


def test_in_the_systems_own_colours_free_time_differs_from_time_nobody_works(
    installation: Installation, sit_down: SitDown
) -> None:
    page = board(installation, sit_down("dispatcher", forced_colors="active").page)
    grounds = page.evaluate(
        """() => ["gantt-lane", "shift"].map((name) =>
          getComputedStyle(document.querySelector(`#gantt .${name}`)).backgroundColor)"""
    )
    assert grounds[0] != grounds[1]
    drawn = page.evaluate("() => getComputedStyle(document.querySelector('#gantt .pause')).backgroundImage")
    assert "gradient" in drawn
    day, hour = page.get_by_role("button", name="Day", exact=True), page.get_by_role("button", name="Hour", exact=True)
    colour = "(one) => getComputedStyle(one).backgroundColor"
    assert day.evaluate(colour) != hour.evaluate(colour)


def test_the_best_place_of_a_card_comes_into_sight_wherever_its_row_is(
    installation: Installation, sit_down: SitDown
) -> None:
    page = board(installation, sit_down("dispatcher").page)
    cards = page.locator("[data-queue-visit] [data-select-visit]")
    best = page.locator('.place-outline[data-number="1"]')
    tried = 0
    for index in range(min(cards.count(), 12)):
        with page.expect_response(lambda answer: "/verdicts" in answer.url):
            cards.nth(index).click()
        expect(page.locator("#gantt .verdict").first).to_be_attached()
        if best.count():
            expect(best).to_be_in_viewport(ratio=IN_SIGHT)
            tried += 1
    assert tried > 2


def test_the_map_opens_where_one_sees_it(installation: Installation, sit_down: SitDown) -> None:
    page = board(installation, sit_down("dispatcher").page)
    page.keyboard.press("m")
    expect(page.locator("#board-map")).to_be_in_viewport(ratio=IN_SIGHT)
    assert page.locator("#board-map").bounding_box(), "it has room of its own"


def test_on_paper_the_queue_is_not_cut_and_nothing_waits_to_be_ticked(
    installation: Installation, sit_down: SitDown
) -> None:
    page = board(installation, sit_down("dispatcher").page)
    page.emulate_media(media="print")
    queue = page.locator("#board-queue .queue")
    assert queue.evaluate("(one) => one.scrollHeight - one.clientHeight") <= 1
    expect(page.locator(".card-choice").first).to_be_hidden()
    expect(page.locator(".breadcrumb")).to_have_count(0)


def test_a_day_without_people_says_so_and_a_day_of_another_year_names_it(
    installation: Installation, sit_down: SitDown
) -> None:
    page = sit_down("dispatcher").page
    year = installation.east.today.year + 2
    page.goto(f"{installation.address}/board?date={year}-06-01")
    page.locator("#gantt.is-ready").wait_for()
    expect(page.get_by_text("Nobody works here on this day.")).to_be_visible()
    expect(page.locator("h1")).to_contain_text(str(year))
    assert str(year) in page.title()
    board(installation, page)
    expect(page.get_by_text("Nobody works here on this day.")).to_be_hidden()
