"""The search field in a real browser: by keys alone, by pointer, on the narrowest phone, and without script."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import DESK, SitDown
from tests.e2e.looking import NARROWEST, overflow, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, NARROWEST])
def test_a_person_is_found_by_keys_alone(sit_down: SitDown, scheme: str, viewport: dict[str, int]) -> None:
    page = sit_down("ines", viewport=viewport, color_scheme=scheme).open("/jobs")
    page.keyboard.press("Control+k")
    field = page.get_by_role("searchbox", name="Search jobs, people and customers")
    expect(field).to_be_focused()
    found = page.locator(".palette")
    expect(found.get_by_role("link", name="New job")).to_be_visible()
    page.keyboard.type("anna ruis")
    expect(found).to_contain_text("spelled like it")
    expect(page.locator("#spoken")).to_contain_text("spelled like it")
    assert violations(page) == []
    assert overflow(page) == []
    page.keyboard.press("ArrowDown")
    expect(found.get_by_role("link", name=re.compile("Ana Ruiz")).first).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(found).to_be_hidden()
    field.fill("ana ruiz")
    expect(found.get_by_role("link", name=re.compile("Ana Ruiz")).first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana Ruiz")


def test_by_pointer_the_list_stays_until_one_looks_elsewhere(sit_down: SitDown) -> None:
    page = sit_down("ines").open("/jobs")
    page.get_by_role("searchbox", name="Search jobs, people and customers").click()
    found = page.locator(".palette")
    found.locator("[data-found]").click()
    expect(found).to_be_visible()
    page.mouse.click(DESK["width"] - 40, DESK["height"] - 40)
    expect(found).to_be_hidden()


def test_without_script_the_form_opens_the_page(sit_down: SitDown) -> None:
    page = sit_down("ines", java_script_enabled=False).open("/jobs")
    page.get_by_role("searchbox", name="Search jobs, people and customers").fill("ana ruiz")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Search")
    page.get_by_role("link", name=re.compile("Ana Ruiz")).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana Ruiz")
