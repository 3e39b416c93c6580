"""Two dispatchers at one board: what one changes the other sees, marked, and nothing moves under hand or focus."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Installation, SitDown
from tests.e2e.looking import violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SEEN_WITHIN_MS = 4_000
# A stream that says nothing more, as a line does that is cut somewhere on the way: no error comes.
BREAKABLE = """
  delete window.SharedWorker;
  window.openStreams = [];
  const Real = EventSource;
  window.EventSource = class extends Real {
    constructor(url) { super(url); window.openStreams.push(this); }
  };
"""


def board_of(page: Page) -> Page:
    page.wait_for_url("**/board?*")
    page.locator("#gantt.is-ready").wait_for()
    expect(page.locator(".live-state")).to_have_text("Live")
    return page


def by_form(page: Page, path: str, who: str, when: str, button: str) -> None:
    page.goto(path)
    page.get_by_label("Who goes").select_option(label=who)
    page.get_by_label("Starts").fill(when)
    # Whoever watches looks at once: a mark is gone after five seconds, and this page may take longer to come back.
    page.get_by_role("button", name=button, exact=True).click(no_wait_after=True)


def test_what_one_changes_the_other_sees(installation: Installation, sit_down: SitDown) -> None:
    east = installation.east
    visit = east.tomorrow[0]
    on = (east.today + timedelta(days=1)).isoformat()
    ines, omar = sit_down("ines", viewport={"width": 1440, "height": 700}), sit_down("omar")
    form = f"{omar.address}/board/visits/{visit}?date={on}"
    page = board_of(ines.open(f"/board?date={on}"))
    page.get_by_role("button", name="Hour", exact=True).click()
    page.locator("#gantt-grid").focus()
    page.keyboard.press("ArrowDown")
    place = "[document.activeElement.id, document.querySelector('#gantt-grid').scrollLeft, window.scrollY]"
    before = page.evaluate(place)
    assert before[1] > 0
    cards = page.locator("[data-queue-visit]")
    waiting = cards.count()

    by_form(omar.page, form, "Ana Ruiz", east.at(10, days=1), "Book")
    bar = page.locator("#gantt .bar")
    expect(bar).to_have_count(1, timeout=SEEN_WITHIN_MS)
    expect(bar.locator(".by-tag")).to_have_text("OH")
    expect(cards).to_have_count(waiting - 1)
    expect(page.locator("#board-strip")).to_contain_text(f"{waiting - 1} unassigned")
    expect(page.locator("#board-strip")).to_contain_text("1 on track")
    expect(page.locator("#spoken")).to_contain_text("Omar Haddad: ")
    assert page.evaluate(place) == before
    assert violations(page) == []
    expect(bar.locator(".by-tag")).to_have_count(0, timeout=8_000)

    # Under the pointer it stays where it is, and says that somebody changed it, until the pointer goes.
    bar.scroll_into_view_if_needed()
    bar.hover()
    by_form(omar.page, form, "Ana Ruiz", east.at(13, days=1), "Move")
    expect(bar.locator(".by-tag")).to_have_text("OH", timeout=SEEN_WITHIN_MS)
    expect(bar).to_have_attribute("aria-label", re.compile("^10:00"))
    page.mouse.move(5, 5)
    page.get_by_role("button", name="Day", exact=True).click()
    expect(bar).to_have_attribute("aria-label", re.compile("^13:00"))

    # One's own change carries no mark; the other sees who made it.
    board_of(omar.page)
    expect(page.locator(".by-tag")).to_have_count(0, timeout=8_000)
    bar.click()
    page.locator("#gantt-grid").focus()
    for key in ("Space", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    theirs = omar.page.locator("#gantt .bar")
    expect(theirs.locator(".by-tag")).to_have_text("IW", timeout=SEEN_WITHIN_MS)
    expect(theirs).to_have_attribute("aria-label", re.compile("^13:15"))
    expect(bar).to_have_attribute("aria-label", re.compile("^13:15"))
    assert page.locator(".by-tag").count() == 0

    omar.page.goto(form)
    omar.page.get_by_role("button", name="Take off").click(no_wait_after=True)
    expect(cards).to_have_count(waiting, timeout=SEEN_WITHIN_MS)
    expect(page.locator("#board-strip")).to_contain_text(f"{waiting} unassigned")
    # The cell with the focus, or under the pointer, keeps its bar until both are gone.
    page.mouse.move(5, 5)
    page.get_by_role("button", name="Now", exact=True).focus()
    expect(bar).to_have_count(0)


def test_silence_is_told_and_ends(sit_down: SitDown) -> None:
    ines = sit_down("ines")
    page = ines.page
    page.add_init_script(BREAKABLE)
    board_of(ines.open("/board?show="))
    top = page.evaluate("document.querySelector('#gantt-grid').getBoundingClientRect().top")
    for path in ("stream", "changes"):
        page.route(f"**/board/{path}*", lambda route: None)  # no answer ever comes
    page.evaluate("openStreams.forEach((one) => one.close())")
    state = page.locator(".live-state")
    expect(state).to_contain_text(
        re.compile(r"Live updates stopped at \d\d:\d\d\. Showing what we knew then\."), timeout=30_000
    )
    assert abs(page.evaluate("document.querySelector('#gantt-grid').getBoundingClientRect().top") - top) < 1
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of the two
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert violations(page) == []
    page.unroute("**/board/changes*")
    expect(state).to_contain_text("The board is asked every 10 seconds until they are back.", timeout=15_000)
    page.unroute("**/board/stream*")
    expect(state).to_have_text("Live", timeout=30_000)
