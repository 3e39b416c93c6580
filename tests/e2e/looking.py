"""What is asked of every page in every state: accessible to everybody, and nothing beyond the edge."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

NARROWEST = {"width": 320, "height": 640}


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong: the rule and the places."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[str(node['target']) for node in one['nodes']][:5]}" for one in found]


def overflow(page: Page) -> list[str]:
    """Say by how much the page is wider than the window, and because of which elements."""
    return list(
        page.evaluate(
            """() => {
              const wide = document.documentElement.scrollWidth - innerWidth;
              if (wide <= 0) return [];
              const out = [...document.querySelectorAll("body *")]
                .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
                .map((one) => `${one.tagName}.${one.className}`);
              return [`${wide} px too wide at ${innerWidth}: ${out.slice(0, 5).join(", ")}`];
            }"""
        )
    )


@contextmanager
def turning(page: Page) -> Iterator[None]:
    """Wait until what is done inside has brought a new page, and that page listens to keys.

    ``expect_navigation`` is also content with the late end of the navigation before.
    """
    page.evaluate("window.pageBefore = true")
    yield
    page.wait_for_function("() => window.pageBefore === undefined && document.readyState === 'complete'")


class Clicks:
    """Counts what a person does; typing a value counts as one, and so does a key."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, what: Locator) -> None:
        """Click or tap."""
        what.click()
        self.count += 1

    def type(self, what: Locator, words: str) -> None:
        """Put words into a field."""
        what.fill(words)
        self.count += 1

    def key(self, key: str) -> None:
        """Press a key."""
        self.page.keyboard.press(key)
        self.count += 1
