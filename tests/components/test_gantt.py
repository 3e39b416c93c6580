"""The board's grid in a real browser: by keyboard, by pointer, at the largest size, and when it is refused."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import visiting
from .test_gallery import violations

DESK = {"width": 1440, "height": 900}
pytestmark = pytest.mark.browser


@contextmanager
def on_board(browser: Browser, site: str, people: int = 8, visits: int = 64, **context: object) -> Iterator[Page]:
    """Open a board whose day nobody else touches."""
    url = f"{site}/board?people={people}&visits={visits}&own={uuid4().hex}"
    with visiting(browser, url, **{"viewport": DESK, **context}) as page:
        page.locator("#gantt.is-ready").wait_for()
        yield page


def active(page: Page) -> str:
    """Return what a screen reader says about the cell that has the focus."""
    ident = page.locator("#gantt-grid").get_attribute("aria-activedescendant")
    cell = page.locator(f"#{ident}")
    return cell.get_attribute("aria-label") or cell.locator(".gantt-name").inner_text()


def movable(page: Page, row: int) -> Locator:
    """Return a bar of a row that is neither begun nor pinned."""
    ahead = re.compile(r", (planned|accepted|promise at risk|will miss the promise)(?!.*pinned)")
    labels = page.locator(f'[aria-rowindex="{row}"] .bar')
    found = next(
        number for number in range(labels.count()) if ahead.search(labels.nth(number).get_attribute("aria-label") or "")
    )
    return page.locator(f"#{labels.nth(found).get_attribute('id')}")


def test_one_tab_stop_and_arrows_walk_over_people_bars_and_free_time(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.get_by_role("combobox", name="Sort by").focus()
        page.keyboard.press("Tab")
        expect(page.locator("#gantt-grid")).to_be_focused()
        assert active(page) == "Ana Ruiz"
        page.keyboard.press("ArrowRight")
        assert active(page).startswith("Free, 08:00")
        page.keyboard.press("ArrowRight")
        first = active(page)
        assert re.match(r"\d\d:\d\d to \d\d:\d\d, .*, done", first)
        page.keyboard.press("ArrowDown")
        assert active(page) != first
        page.keyboard.press("Control+End")
        assert active(page) == "Tom Weiss"
        page.keyboard.press("Home")
        page.keyboard.press("End")
        assert "to" in active(page)
        page.keyboard.press("Tab")
        expect(page.locator("#gantt-grid")).not_to_be_focused()


def test_keyboard_move_is_told_saved_and_announced(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        bar = movable(page, 1)
        bar.click()
        expect(page.locator("#board-panel")).to_contain_text("Panel from the server")
        before = bar.get_attribute("aria-label") or ""
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        expect(page.locator("#spoken")).to_contain_text("Picked up")
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator("#spoken")).to_contain_text("Ana Ruiz, ")
        expect(page.locator(".bar.ghost")).to_be_visible()
        with page.expect_response("**/board/move*") as answer:
            page.keyboard.press("Enter")
        assert answer.value.status == 200
        expect(page.locator(".toast")).to_contain_text("The customer keeps the promise")
        expect(page.locator(".toast").get_by_role("button", name="Undo")).to_be_visible()
        ident = bar.get_attribute("data-bar")
        assert page.locator(f'[data-bar="{ident}"]').get_attribute("aria-label") != before
        assert active(page) == page.locator(f'[data-bar="{ident}"]').get_attribute("aria-label")
        expect(page.locator("#gantt-grid")).to_be_focused()


def test_with_another_person_a_visit_still_has_one_bar_and_the_grid_stays_on_it(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        bar = movable(page, 1)
        bar.click()
        old = bar.get_attribute("data-bar")
        shown = page.locator(".bar:not(.ghost)").count()
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowDown")
        for _ in range(12):
            page.keyboard.press("Control+ArrowRight")  # to the end of the day, where nobody is booked
        with page.expect_response("**/board/move*") as answer:
            page.keyboard.press("Enter")
        change = answer.value.json()
        assert change["removed"] == [int(old or 0)]
        expect(page.locator(f'[data-bar="{old}"]')).to_have_count(0)
        moved = page.locator(f'[data-bar="{change["bars"][0]["id"]}"]')
        expect(moved).to_have_count(1)
        assert page.locator(".bar:not(.ghost)").count() == shown
        assert active(page) == moved.get_attribute("aria-label")


def test_escape_puts_a_carried_visit_back_and_sends_nothing(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        bar = movable(page, 1)
        bar.click()
        before = bar.get_attribute("aria-label")
        page.route("**/board/move*", lambda route: pytest.fail("nothing may be sent"))
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
        expect(page.locator(".bar.ghost")).to_have_count(0)
        expect(page.locator("#spoken")).to_contain_text("Put back")
        assert bar.get_attribute("aria-label") == before


def test_down_skips_people_who_are_ruled_out_and_shift_does_not(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        movable(page, 1).click()
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        expect(page.locator('[data-technician="2"] .verdict.blocked')).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(page.locator("#spoken")).to_contain_text("Cem Ak")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Shift+ArrowDown")
        expect(page.locator("#spoken")).to_contain_text("Ben Osei")
        expect(page.locator("#spoken")).to_contain_text("lacks gas level 3")
        page.keyboard.press("Escape")
        expect(page.locator(".verdict")).to_have_count(2)  # the visit is still selected: its panel is open
        page.keyboard.press("Escape")
        expect(page.locator(".verdict")).to_have_count(0)


def test_people_stand_under_headings_that_arrows_pass_over(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.get_by_role("combobox", name="Group by").select_option("team")
        grid = page.locator("#gantt-grid")
        assert grid.get_attribute("aria-rowcount") == "10", "eight people and two headings"
        assert grid.locator('[aria-rowindex="1"]').inner_text().split("\n") == ["Blue", "4 people"]
        expect(grid.locator('[aria-rowindex="6"]')).to_contain_text("In no team")
        rows = [row.get_attribute("aria-rowindex") for row in grid.get_by_role("row").all()]
        assert rows == [str(number) for number in range(1, 11)], "rows are read from top to bottom"
        assert "group=team" in page.url
        grid.focus()
        assert active(page) == "Ana Ruiz"
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        assert active(page) == "Ben Osei"
        assert violations(page) == []


def test_a_reload_and_a_second_window_show_the_same_visit_selected(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        bar = movable(page, 2)
        visit = bar.get_attribute("data-bar")
        bar.click()
        expect(page.locator(".verdict")).to_have_count(2)
        page.get_by_role("button", name="Hour").click()
        page.get_by_role("combobox", name="Sort by").select_option("load")
        assert f"sel={visit}" in page.url
        page.reload()
        expect(page.locator(f'[data-bar="{visit}"]')).to_have_attribute("aria-selected", "true")
        expect(page.locator("#board-panel")).to_contain_text("Panel from the server")
        assert page.get_by_role("button", name="Hour").get_attribute("aria-pressed") == "true"
        assert page.get_by_role("combobox", name="Sort by").input_value() == "load"
        second = page.context.new_page()
        second.goto(page.url.replace(f"sel={visit}", "") + "&map=full")
        expect(second.locator(".map-stop").first).to_be_visible()
        expect(second.locator("#gantt-grid")).to_be_hidden()
        page.locator("#board-panel").get_by_role("button", name="Close").click()
        page.locator(f'[data-bar="{visit}"]').click()
        expect(second.locator(".map-twin [aria-current]")).to_have_count(1)
        assert f"sel={visit}" in second.url
        expect(second.locator("#board-panel")).to_be_hidden()
        second.locator(".map-twin button").first.click()
        expect(page.locator(f'[data-bar="{visit}"]')).to_have_attribute("aria-selected", "false")
        assert violations(second) == []


def test_cards_are_chosen_one_by_one_and_in_a_row_with_shift(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        boxes = page.locator(".card-choice")
        button = page.locator("[data-together]")
        expect(button).to_be_disabled()
        assert boxes.count() >= 4
        boxes.nth(0).check()
        expect(button).to_have_text("1 to their best places")
        page.locator("[data-queue-visit]").nth(3).locator("div").click(modifiers=["Shift"])
        expect(button).to_have_text("4 to their best places")
        expect(page.locator("#board-panel")).to_be_hidden()
        boxes.nth(2).focus()
        page.keyboard.press("Space")
        expect(button).to_have_text("3 to their best places")
        assert violations(page) == []


def test_the_call_menu_opens_on_the_person_in_focus_and_goes_back_there(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.locator("#gantt-grid").focus()
        page.keyboard.press(".")
        menu = page.get_by_role("group", name="Reach Ana Ruiz")
        expect(menu.get_by_role("link", name="Call +31 20 555 0101")).to_be_focused()
        assert violations(page) == []
        page.keyboard.press("ArrowDown")
        expect(menu.get_by_role("link", name="Write a text")).to_be_focused()
        page.keyboard.press("Escape")
        expect(menu).to_have_count(0)
        expect(page.locator("#gantt-grid")).to_be_focused()


def test_the_line_under_the_grid_tells_what_has_the_focus(browser: Browser, site: str) -> None:
    with on_board(browser, site, people=12, visits=96) as page:
        page.locator("#gantt-grid").focus()
        expect(page.locator(".gantt-says")).to_contain_text("Ana Ruiz")
        expect(page.locator(".gantt-says")).to_contain_text("not spoken with yet")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".gantt-says")).to_have_text(active(page))
        late = page.locator(".bar:has(.broken)").first
        expect(late).to_have_attribute("aria-label", re.compile("breaks a rule: "))


def test_the_day_as_a_list_stands_in_the_address(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.keyboard.press("l")
        expect(page.locator("[data-without-script]")).to_be_visible()
        expect(page.locator("#gantt-grid")).to_be_hidden()
        assert "view=list" in page.url
        page.reload()
        expect(page.locator("[data-without-script]")).to_be_visible()
        page.keyboard.press("l")
        expect(page.locator("#gantt-grid")).to_be_visible()


def test_all_keys_are_shown_over_the_page_and_keys_mean_nothing_under_it(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.keyboard.press("?")
        dialog = page.get_by_role("dialog", name="All keys")
        expect(dialog).to_be_visible()
        page.keyboard.press("l")
        assert "view=list" not in page.url
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("link", name="All keys")).to_be_focused()


def test_plus_and_minus_zoom_wherever_one_is_and_not_while_typing(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        page.keyboard.press("+")
        expect(page.get_by_role("button", name="Hour")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("combobox", name="Sort by").focus()
        page.keyboard.press("-")
        expect(page.get_by_role("button", name="Hour")).to_have_attribute("aria-pressed", "true")
        page.locator("#gantt-grid").focus()
        page.keyboard.press("-")
        expect(page.get_by_role("button", name="Day", exact=True)).to_have_attribute("aria-pressed", "true")


def drag(page: Page, source: Locator, dx: float, dy: float) -> None:
    """Drag with the mouse in steps, as a hand does."""
    box = source.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(x + dx * step / 8, y + dy * step / 8)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.mouse.up()


def test_dragging_sends_what_the_keyboard_sends(browser: Browser, site: str) -> None:
    with on_board(browser, site) as page:
        bar = movable(page, 1)
        with page.expect_request("**/board/move*") as sent:
            drag(page, bar, 6, 0)
        by_drag = sent.value.post_data or ""
        expect(page.locator(".toast")).to_be_visible()
        bar = movable(page, 3)
        bar.click()
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowRight")
        with page.expect_request("**/board/move*") as sent:
            page.keyboard.press("Enter")
        by_key = sent.value.post_data or ""
        names = [re.findall(r"(\w+)=", text) for text in (by_drag, by_key)]
        assert names[0] == names[1] == ["visit_id", "technician_id", "start", "assignment_id", "version"]


def test_a_refused_drop_goes_back_and_says_who_holds_the_time(browser: Browser, site: str) -> None:
    with on_board(browser, site, people=4, visits=32) as page:
        bar = movable(page, 1)
        before = bar.get_attribute("aria-label")
        row = page.locator('[aria-rowindex="2"] .bar').last.bounding_box()
        own = bar.bounding_box()
        assert row is not None
        assert own is not None
        drag(page, bar, row["x"] - own["x"], row["y"] - own["y"])
        expect(page.locator(".toast.problem")).to_contain_text("holds that time")
        ident = bar.get_attribute("data-bar")
        expect(page.locator(f'[aria-rowindex="1"] [data-bar="{ident}"]')).to_have_attribute("aria-label", before or "")


def test_a_waiting_visit_is_dropped_on_a_row(browser: Browser, site: str) -> None:
    with on_board(browser, site, people=4, visits=4) as page:
        card = page.locator("[data-queue-visit]").first
        handle = page.locator("[data-queue-visit] > div").first.bounding_box()
        row = page.locator('[aria-rowindex="3"] .gantt-lane').bounding_box()
        assert handle is not None
        assert row is not None
        page.mouse.move(handle["x"] + 5, handle["y"] + 5)
        page.mouse.down()
        page.mouse.move(row["x"] + 200, row["y"] + 20, steps=8)
        page.mouse.move(row["x"] + 700, row["y"] + 20, steps=8)
        expect(page.locator(".bar.ghost")).to_be_visible()
        with page.expect_request("**/board/move*") as sent:
            page.mouse.up()
        assert f"visit_id={card.get_attribute('data-queue-visit')}" in (sent.value.post_data or "")


def test_map_and_grid_share_the_selection(browser: Browser, site: str) -> None:
    with on_board(browser, site, people=3, visits=6) as page:
        page.get_by_role("button", name="Map").click()
        expect(page.locator(".map-stop").first).to_be_visible()
        assert "map=open" in page.url
        page.locator(".map-twin button").nth(1).click()
        expect(page.locator('.bar[aria-selected="true"]')).to_have_count(1)
        expect(page.locator(".map-twin [aria-current]")).to_have_count(1)
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_board_is_accessible(scheme: str, browser: Browser, site: str) -> None:
    with on_board(browser, site, color_scheme=scheme) as page:
        movable(page, 1).click()
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Space")
        assert violations(page) == []


def test_a_phone_gets_the_list_and_does_not_fetch_the_grid(browser: Browser, site: str) -> None:
    fetched: list[str] = []
    with visiting(browser, "about:blank", viewport={"width": 360, "height": 740}) as page:
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(f"{site}/board?phone={uuid4().hex}")
        expect(page.get_by_role("table", name="The same as a table")).to_be_visible()
        expect(page.locator("#gantt")).to_be_hidden()
    assert not any("/board/data" in url for url in fetched)


def test_the_tables_leave_a_wide_page_and_come_back_on_paper_and_when_it_gets_narrow(
    browser: Browser, site: str
) -> None:
    with on_board(browser, site) as page:
        tables = page.locator("[data-without-script]")
        expect(tables).to_have_count(0)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(tables).to_have_count(1)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(tables).to_have_count(0)
        page.set_viewport_size({"width": 500, "height": 800})
        expect(tables).to_be_visible()
        expect(page.locator("#gantt")).to_be_hidden()


def test_largest_day_stays_small_and_smooth(browser: Browser, site: str) -> None:
    with on_board(browser, site, people=500, visits=5000) as page:
        elements = "document.querySelectorAll('*').length"
        most = page.evaluate(elements)
        for _ in range(30):
            page.locator("#gantt-grid").evaluate("grid => { grid.scrollTop += 700; grid.scrollLeft += 40; }")
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            most = max(most, page.evaluate(elements))
        assert most <= 3000
        assert page.locator("#gantt-grid").get_attribute("aria-rowcount") == "500"
        page.locator("#gantt-grid").focus()
        page.keyboard.press("Control+End")
        expect(page.locator('[aria-rowindex="500"]')).to_be_visible()
        assert most > 300, "the grid is drawn"


def test_the_drawer_does_not_go_on_showing_one_visit_while_work_elsewhere_is_chosen(
    browser: Browser, site: str
) -> None:
    url = f"{site}/board?people=8&visits=64&elsewhere=2&own={uuid4().hex}"
    with visiting(browser, url, viewport=DESK) as page:
        page.locator("#gantt.is-ready").wait_for()
        page.locator('[data-bar="1"]').click()
        expect(page.locator("#board-panel")).to_contain_text("Panel from the server")
        page.locator('[data-bar="2"]').click()
        expect(page.locator("#board-panel")).to_be_hidden()
        expect(page.locator('[data-bar="2"]')).to_have_attribute("aria-selected", "true")
