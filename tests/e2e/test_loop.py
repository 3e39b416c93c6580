"""From a day nobody has planned to a closed visit, by the people whose work it is, each in a browser of their own."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text

from tests.e2e.conftest import PHONE, Installation, SitDown
from tests.e2e.looking import overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLANNED_WITHIN_MS = 60_000
HOLD_MS = 5_500
TIMES = re.compile(r"^\d\d:\d\d to \d\d:\d\d")


def test_a_day_from_plan_to_closed_visit(installation: Installation, sit_down: SitDown) -> None:
    ines = sit_down("ines")
    board = ines.open("/board")
    expect(board.locator("[data-queue-visit]")).to_have_count(len(installation.east.waiting))
    plan_and_publish(board)
    grid_is_ready(board)
    expect(board.locator("#gantt .bar")).to_have_count(len(installation.east.waiting))
    assert violations(board) == []
    expect(board.locator("[data-queue-visit]")).to_have_count(0)

    moved_by_form(board)
    moved_by_keyboard_and_back(board)

    box, name = next(who for who in installation.east.people if visits_today(installation, who[1]))
    phone = sit_down(box, viewport=PHONE, has_touch=True, is_mobile=True)
    before = skill_words(phone.open("/my/skills"))
    title = works_a_visit(phone.open("/my/day"))
    assert skill_words(phone.open("/my/skills")) != before
    phone.open(f"/my/skills?open={installation.east.skill}")
    expect(phone.page.get_by_text(re.compile(r"fixed", re.IGNORECASE)).first).to_be_visible()

    board = ines.open("/board")
    grid_is_ready(board)
    done = board.locator("#gantt .bar").filter(has_text=title)
    expect(done).to_have_attribute("aria-label", re.compile("done"))
    done.click()
    board.locator("#board-panel").get_by_role("link", name="Job page").click()
    expect(board.get_by_role("heading", level=1)).to_contain_text(title)
    expect(board.locator("main")).to_contain_text("Bled the valve")
    expect(board.locator("main")).to_contain_text(name)


def visits_today(installation: Installation, name: str) -> int:
    """Count what the plan gave somebody for today; who gets which visit is its own affair."""
    with installation.session() as session:
        booked = text("""
            SELECT count(*) FROM assignment a JOIN technician t ON t.id = a.technician_id
            WHERE t.name = :name AND a.visit_id = ANY(:ids) AND a.state IN ('planned', 'accepted')""")
        return session.scalar(booked, {"name": name, "ids": list(installation.east.waiting)}) or 0


def plan_and_publish(page: Page) -> None:
    """Start a run on the board, watch it, read the comparison, publish."""
    page.get_by_role("button", name="Plan this day").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Plan")
    progress = page.locator("[data-progress-url]")
    expect(progress).to_be_visible()
    # Numbers appear while it works, without loading the page again.
    expect(progress.locator('[data-field="unserved"]')).to_have_text(re.compile(r"\d"), timeout=PLANNED_WITHIN_MS)
    assert violations(page) == []
    review = page.get_by_role("link", name="Compare and publish")
    expect(review).to_be_visible(timeout=PLANNED_WITHIN_MS)
    comparison = page.get_by_role("table", name="In numbers")
    expect(comparison).to_contain_text("Nearest qualified first")
    expect(comparison).to_contain_text(re.compile(r"\d"))
    expect(page.get_by_text("6 new")).to_be_visible()
    assert violations(page) == []
    review.click()
    expect(page.get_by_role("table", name="Published and proposed")).to_be_visible()
    expect(page.get_by_text("Somebody goes now (6)")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("published", exact=False).first).to_be_visible()
    page.get_by_role("link", name="Board of the day").click()


def moved_by_form(page: Page) -> None:
    """Move a bar to a time that is typed, after one that is refused; then take it back."""
    bar = last_bar(page)
    ident, before = bar.get_attribute("data-bar"), label(bar)
    bar.click()
    panel = page.locator("#board-panel")
    starts = panel.get_by_label("Starts")
    expect(starts).to_be_visible()
    day = starts.input_value()[:11]
    starts.fill(f"{day}17:30")
    panel.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("This does not fit as it is")).to_be_visible()
    page.get_by_label("Starts").fill(f"{day}15:00")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("Booked.")).to_be_visible()
    grid_is_ready(page)
    same = page.locator(f'[data-bar="{ident}"]')
    expect(same).to_have_attribute("aria-label", re.compile("^15:00"))
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_text("Taken back: moved.")).to_be_visible()
    grid_is_ready(page)
    expect(same).to_have_attribute("aria-label", before)


def moved_by_keyboard_and_back(page: Page) -> None:
    """Carry a bar an hour on with keys alone, then take it back."""
    bar = last_bar(page)
    ident, before = bar.get_attribute("data-bar"), label(bar)
    bar.click()
    page.locator("#gantt-grid").focus()
    page.keyboard.press("Space")
    expect(page.locator("#spoken")).to_contain_text("Picked up")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    same = page.locator(f'[data-bar="{ident}"]')
    expect(same).not_to_have_attribute("aria-label", before)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(f'[data-bar="{ident}"]')).to_have_attribute("aria-label", before)


def works_a_visit(page: Page) -> str:
    """Accept the next visit, go there, arrive, and close it out; return its title."""
    assert overflow(page) == []
    title = page.locator("#next-title").inner_text()
    page.locator("section", has=page.locator("#next-title")).get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Thank you, accepted.")).to_be_visible(timeout=2 * HOLD_MS)
    page.get_by_role("button", name="On my way").click()
    expect(page.get_by_text("Have a safe trip.")).to_be_visible(timeout=2 * HOLD_MS)
    page.get_by_role("button", name="Arrived").click()
    expect(page.get_by_text("Arrival kept.")).to_be_visible(timeout=2 * HOLD_MS)
    page.get_by_role("link", name="Done", exact=True).click()
    page.get_by_label("Yes, it is fixed").check()
    page.get_by_label("Which skill did it take?").select_option(label="Gas boilers of the East")
    page.get_by_label("Anything that would help").fill("Bled the valve behind the cupboard.")
    assert violations(page) == []
    page.get_by_role("button", name="Done").click()
    page.wait_for_url("**/my/day")
    expect(page.locator("#rest-title")).to_be_visible()
    return title


def skill_words(page: Page) -> str:
    """Return what the page says about the level and how sure it is."""
    return page.locator("li.card", has_text="Gas boilers of the East").locator("p").first.inner_text()


def grid_is_ready(page: Page) -> None:
    page.wait_for_url("**/board*")
    page.locator("#gantt.is-ready").wait_for()


def last_bar(page: Page) -> Locator:
    """Return the bar that ends its day, which has room behind it."""
    bars = page.locator("#gantt .bar")
    labels = [label(bars.nth(number)) for number in range(bars.count())]
    latest = max(range(len(labels)), key=lambda number: labels[number][:5])
    return page.locator(f'[data-bar="{bars.nth(latest).get_attribute("data-bar")}"]')


def label(bar: Locator) -> str:
    return bar.get_attribute("aria-label") or ""


def test_the_manager_has_coverage_counted(installation: Installation, sit_down: SitDown) -> None:
    page = sit_down("manager").open("/")
    page.wait_for_url("**/coverage")
    page.get_by_role("button", name=re.compile("Count", re.IGNORECASE)).first.click()
    worst = page.locator("#worst-title")
    for _ in range(60):
        if worst.is_visible():
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(worst).to_contain_text("short in the next four weeks")
    expect(page.get_by_role("figure").filter(has_text="East").get_by_role("group", name="East")).to_be_visible()
    assert violations(page) == []


def test_of_two_who_book_the_same_minute_one_wins_and_the_other_reads_by_whom(
    installation: Installation, sit_down: SitDown
) -> None:
    east = installation.east
    desks = [sit_down("ines"), sit_down("omar")]
    when = east.at(11, days=1)
    for desk, visit_id in zip(desks, east.tomorrow, strict=True):
        page = desk.open(f"/board/visits/{visit_id}?date={(east.today + timedelta(days=1)).isoformat()}")
        page.get_by_label("Who goes").select_option(label="Ben Oduya")
        page.get_by_label("Starts").fill(when)
    # Both are on their way before either has an answer.
    for desk in desks:
        desk.page.evaluate("setTimeout(() => document.querySelector('form[action*=\"/board/move\"] .primary').click())")
    for desk in desks:
        expect(desk.page.get_by_text("Booked.").or_(desk.page.get_by_text("booked by"))).to_be_visible()
    won = [desk.page.get_by_text("Booked.").is_visible() for desk in desks]
    assert sorted(won) == [False, True]
    loser, winner = (desks[0], "Omar Haddad") if won[1] else (desks[1], "Ines Weber")
    expect(loser.page.locator("main")).to_contain_text(f"by {winner}")
