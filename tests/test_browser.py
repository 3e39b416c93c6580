"""The browser the other suites rely on is real: it lays out a page and runs its script."""

import pytest
from playwright.sync_api import Browser


@pytest.mark.browser
def test_the_browser_renders_and_runs_scripts(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 640})
    page.set_content("<p id=a style='width:50%'>x</p><script>document.title = String(6 * 7)</script>")
    assert page.title() == "42"
    assert page.locator("#a").bounding_box() is not None
    assert page.evaluate("innerWidth") == 360
    page.close()
