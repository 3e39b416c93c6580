"""Every component in a real browser: reachable, readable, inside the screen, without a complaint."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from .conftest import visiting

SCREENS = [(1440, 900), (768, 1024), (360, 740), (320, 640)]


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds wrong: rule and places."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], [str(node["target"]) for node in one["nodes"]]) for one in found]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_gallery_is_accessible_and_fits(width: int, height: int, scheme: str, browser: Browser, site: str) -> None:
    size = {"width": width, "height": height}
    with visiting(browser, f"{site}/gallery", viewport=size, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


@pytest.mark.browser
def test_targets_are_large_enough(browser: Browser, site: str) -> None:
    small = """least => [...document.querySelectorAll("button, summary, select, input:not([type=hidden]), nav a")]
        .map(one => [one.textContent.trim() || one.name, one.getBoundingClientRect()])
        .filter(([, box]) => box.width > 1 && (box.height < least || box.width < least)).map(([name]) => name)"""
    with visiting(browser, f"{site}/gallery", viewport={"width": 1440, "height": 900}) as page:
        assert page.evaluate(small, 24) == ["Jobs"], "a link inside a trail is text and may be small"
    phone = {"width": 360, "height": 740}
    with visiting(browser, f"{site}/gallery", viewport=phone, has_touch=True, is_mobile=True) as page:
        too_small = page.evaluate(small.replace("input:not([type=hidden]), ", ""), 44)
        assert [name for name in too_small if name != "Jobs"] == []


@pytest.mark.browser
def test_a_refused_form_takes_the_focus_to_its_summary(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}/gallery") as page:
        expect(page.locator(".error-summary")).to_be_focused()


@pytest.mark.browser
def test_theme_changes_at_once_and_menus_close_with_escape(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}/gallery", color_scheme="light") as page:
        page.route("**/me/theme", lambda route: route.fulfill(status=204))
        page.locator("details.menu > summary").click()
        page.get_by_role("button", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(16, 22, 29)"
        page.keyboard.press("Escape")
        expect(page.locator("details.menu")).not_to_have_attribute("open", "")


@pytest.mark.browser
def test_single_keys_press_what_is_on_the_page_but_not_while_typing(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}/gallery", viewport={"width": 1440, "height": 900}) as page:
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("/")
        expect(page.locator("#global-search")).to_be_focused()
        page.keyboard.type("n/")
        expect(page.locator("#global-search")).to_have_value("n/")
        assert page.url.endswith("/gallery")


@pytest.mark.browser
def test_the_page_works_without_script(browser: Browser, site: str) -> None:
    with visiting(browser, f"{site}/gallery", java_script_enabled=False) as page:
        toast = page.locator(".toast")
        expect(toast.get_by_role("button", name="Undo")).to_be_visible()
        box, content = toast.bounding_box(), page.locator("#content").bounding_box()
        assert box is not None
        assert content is not None
        assert box["y"] + box["height"] <= content["y"], "without script a message covers nothing"
