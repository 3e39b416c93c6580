"""The 30-second fix and the way back in a real browser: counted clicks, by keys, on the narrowest phone."""

import pytest
from playwright.sync_api import Locator, Page, expect

from dispatch.jobs.models import Visit
from tests.e2e.conftest import DESK, Installation, SitDown
from tests.e2e.looking import NARROWEST, Clicks, overflow, turning, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MOST_CLICKS = 3
FIELDS = {
    "contact_name": "Nadia Sands",
    "phone": "+49 30 5550177",
    "care_note": "Prefers a call",
    "parking": "Behind the house",
    "gate_code": "8842",
    "place": "52.51630, 13.37770",
    "title": "Boiler leaks at the valve",
    "duration": "75",
}


def field(page: Page, name: str) -> Locator:
    return page.locator(f".inline-field[id^='fix-'][id$='-{name}']").first


def job_page(installation: Installation) -> str:
    with installation.session() as session:
        return f"/jobs/{session.get_one(Visit, installation.east.waiting[0]).job_id}"


@pytest.mark.parametrize("viewport", [DESK, NARROWEST])
def test_each_field_takes_three_clicks_and_is_one_undo_away(
    installation: Installation, sit_down: SitDown, viewport: dict[str, int]
) -> None:
    page = sit_down("ines", viewport=viewport).open(job_page(installation))
    for name, value in FIELDS.items():
        before = field(page, name).inner_text()
        clicks = Clicks(page)
        clicks.click(field(page, name).get_by_role("link"))
        box = field(page, name).locator("input[name=value], textarea")
        expect(box).to_be_focused()
        clicks.type(box, value)
        clicks.click(field(page, name).get_by_role("button", name="Save"))
        expect(field(page, name).locator(".held")).to_have_text(value if name != "duration" else "75 min")
        assert clicks.count <= MOST_CLICKS, name
        expect(field(page, name).get_by_role("link")).to_be_focused()
        page.get_by_role("button", name="Undo", exact=True).last.click()
        page.wait_for_load_state()
        expect(page.get_by_text("Taken back: changed.")).to_be_visible()
        assert field(page, name).inner_text() == before
    assert violations(page) == []
    assert overflow(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_by_keys_alone_with_escape_undo_and_redo(installation: Installation, sit_down: SitDown, scheme: str) -> None:
    page = sit_down("ines", color_scheme=scheme).open(job_page(installation))
    before = field(page, "parking").locator(".held").inner_text()
    field(page, "parking").get_by_role("link").focus()
    page.keyboard.press("Enter")
    box = field(page, "parking").locator("input[name=value]")
    expect(box).to_be_focused()
    assert violations(page) == []
    page.keyboard.type("thrown away")
    page.keyboard.press("Escape")
    expect(field(page, "parking").get_by_role("link")).to_be_focused()
    expect(field(page, "parking")).not_to_contain_text("thrown away")
    page.keyboard.press("Enter")
    expect(box).to_be_focused()
    box.fill("Yard")
    page.keyboard.press("Enter")
    expect(field(page, "parking").locator(".held")).to_have_text("Yard")
    expect(field(page, "parking").get_by_role("link")).to_be_focused()
    ways = (("Control+z", "Taken back", before), ("Control+Shift+Z", "Done again", "Yard"))
    for keys, words, held in (*ways, ways[0]):
        with turning(page):
            page.keyboard.press(keys)
        expect(page.locator("#messages")).to_contain_text(words)
        expect(field(page, "parking").locator(".held")).to_have_text(held)


def test_who_was_first_is_shown_and_nothing_is_lost(installation: Installation, sit_down: SitDown) -> None:
    path = job_page(installation)
    first, second = sit_down("ines").open(path), sit_down("omar").open(path)
    for page in (first, second):
        field(page, "hazards").get_by_role("link").click()
        field(page, "hazards").locator("input[name=value]").wait_for()
    for page, words in ((first, "Dog"), (second, "Bull")):
        field(page, "hazards").locator("input[name=value]").fill(words)
    first.keyboard.press("Enter")
    expect(field(first, "hazards").locator(".held")).to_have_text("Dog")
    second.keyboard.press("Enter")
    expect(field(second, "hazards")).to_contain_text("Yours: Bull. Theirs: Dog.")
    assert violations(second) == []
    second.set_viewport_size(NARROWEST)  # type: ignore[arg-type]  # a dictionary of the right keys
    assert overflow(second) == []
    field(second, "hazards").get_by_role("button", name="Use mine").click()
    expect(field(second, "hazards").locator(".held")).to_have_text("Bull")
    second.goto(second.url)
    second.get_by_role("link", name="History", exact=True).click()
    expect(second.get_by_role("heading", level=1)).to_contain_text("History")


def test_without_script_it_is_a_page(installation: Installation, sit_down: SitDown) -> None:
    page = sit_down("ines", java_script_enabled=False).open(job_page(installation))
    field(page, "gate_code").get_by_role("link").click()
    page.get_by_label("Gate code").fill("9090")
    page.get_by_role("button", name="Save").click()
    expect(field(page, "gate_code").locator(".held")).to_have_text("9090")
