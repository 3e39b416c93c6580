"""How fast a running installation answers its dispatcher, from the server and in a browser.

Start it with ``make run`` (the demo) or as ``benchmarks.large_board`` says (500 people, 5,000 visits), then
``python -m benchmarks.board_page http://127.0.0.1:8000``. Times depend on the machine and its load, which is printed
first; elements and bytes do not.
"""

import os
import re
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from html import unescape

from playwright.sync_api import APIRequestContext, Browser, Page, sync_playwright

from dispatch.demo.people import MAIL, PASSWORD, SIGN_INS

PAGES = ("/board", "/board/data", "/jobs", "/people", "/customers", "/loose-ends", "/plans", "/coverage")
TIMES = 9
CANDIDATES = 20
SEARCHED = ("boiler", "heat pump mill", "anna", "#120", "030 5550123", "new", "smth with no sense")
SEARCH_BUDGET_MS = 200
CANDIDATES_BUDGET_MS, EXPLANATION_BUDGET_MS = 800, 500
SLOWED = 4
READY = """() => {
  document.addEventListener("board:ready", () => {
    window.boardReady = performance.now();
  });
}"""
ELEMENTS = "document.querySelectorAll('*').length"
# Bytes as they crossed the network, by what they are.
LOADED = """() => {
  const found = {page: 0, script: 0, style: 0, data: 0};
  for (const one of performance.getEntriesByType("resource")) {
    const path = new URL(one.name).pathname;
    for (const [end, kind] of [[".js", "script"], [".css", "style"], ["/data", "data"]]) {
      if (path.endsWith(end)) found[kind] += one.encodedBodySize;
    }
  }
  found.page = performance.getEntriesByType("navigation")[0].encodedBodySize;
  return found;
}"""
SCROLL = """async ([down, side]) => {
  const grid = document.getElementById("gantt-grid");
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let n = 0; n < 120; n += 1) {
    grid.scrollTop += down;
    grid.scrollLeft += n % 40 < 20 ? side : -side;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}"""
# From a move of the pointer to the frame in which the outline has followed.
FOLLOW = """() => {
  window.followed = [];
  document.addEventListener("pointermove", (event) => {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (document.querySelector(".ghost")) window.followed.push(performance.now() - event.timeStamp);
    }));
  }, true);
}"""
DRAG_STEPS = 40
SHOWN_PAGES = ("/board", "/board?zoom=hour", "/board?show=on_track", "/board?queue=all")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Milliseconds of several requests."""

    values: tuple[float, ...]

    def __str__(self) -> str:
        tail = sorted(self.values)[max(0, round(0.95 * len(self.values)) - 1)]
        return f"median {statistics.median(self.values):4.0f}, p95 {tail:4.0f}, least {min(self.values):4.0f} ms"


def main() -> None:
    """Measure pages, candidates and the board in a browser."""
    address = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium found (Debian: apt-get install chromium).")
    write(f"load of the machine {os.getloadavg()[0]:.1f}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for role in ("dispatcher", "manager"):
            page = sign_in(browser, address, role)
            for path in PAGES:
                served(page.request, address, path, role)
            if role == "dispatcher":
                candidates(page, address)
                searched(page.request, address)
        in_browser(browser, address)
        browser.close()


def sign_in(browser: Browser, address: str, role: str) -> Page:
    """Open a page of the demo's person of a role."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill(SIGN_INS[role] + MAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Password").press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


def served(request: APIRequestContext, address: str, path: str, role: str) -> None:
    """Print how long a path takes to arrive on loopback, without a browser drawing it."""
    if request.get(address + path).status == 403:
        return
    values = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        answer = request.get(address + path)
        values.append((time.perf_counter() - begun) * 1000)
    write(f"{role:<10} {path:<12} {Spread(values=tuple(values))}, {len(answer.body()) / 1000:.0f} KB")


def candidates(page: Page, address: str) -> None:
    """Print how long ranked candidates take for visits of tomorrow's queue, with why not and ways out."""
    page.goto(f"{address}/board?date={date.today() + timedelta(days=1)}&queue=all")  # noqa: DTZ011 - as the board reads
    links = page.locator("[data-queue-visit] a:not(.button)")
    paths = [links.nth(number).get_attribute("href") or "" for number in range(min(CANDIDATES, links.count()))]
    taken: dict[str, list[float]] = {"candidates": [], "why not": [], "what would have to change": []}
    for path in paths:
        text = timed(page.request, address + path, taken["candidates"])
        others = re.search(r'href="([^"]+reason=[^"#]+)', text)
        named = re.search(r"person=(\d+)", page.request.get(address + unescape(others[1])).text()) if others else None
        if named is not None:
            timed(page.request, f"{address}{path}&person={named[1]}", taken["why not"])
            timed(page.request, f"{address}{path}&person={named[1]}&changes=1", taken["what would have to change"])
    for what, values in taken.items():
        if values:
            budget = CANDIDATES_BUDGET_MS if what == "candidates" else EXPLANATION_BUDGET_MS
            write(f"{what} of {len(values)} visits: {Spread(values=tuple(values))}, budget {budget} ms at p95")


def timed(request: APIRequestContext, address: str, into: list[float]) -> str:
    """Fetch a page and note how long it took."""
    begun = time.perf_counter()
    answer = request.get(address)
    assert answer.ok, address
    into.append((time.perf_counter() - begun) * 1000)
    return answer.text()


def searched(request: APIRequestContext, address: str) -> None:
    """Print how long the list under the search field takes: words that hold, that nothing holds, and numbers."""
    values = []
    for words in SEARCHED * TIMES:
        begun = time.perf_counter()
        request.get(f"{address}/search", params={"q": words}, headers={"HX-Request": "true"})
        values.append((time.perf_counter() - begun) * 1000)
    write(f"search, {len(SEARCHED)} questions: {Spread(values=tuple(values))}, budget {SEARCH_BUDGET_MS} ms at p95")


def in_browser(browser: Browser, address: str) -> None:
    """Print when the board can be used, how many elements it has, and how far its layout shifted."""
    page = sign_in(browser, address, "dispatcher")
    loaded(browser, address)
    page.add_init_script(f"({READY})()")
    devtools = page.context.new_cdp_session(page)
    for slowed in (1, SLOWED):
        devtools.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        values = []
        for _ in range(5):
            page.goto(f"{address}/board")
            page.locator("#gantt.is-ready").wait_for()
            values.append(float(page.evaluate("window.boardReady")))
        write(f"board usable, processor 1/{slowed}: {Spread(values=tuple(values))} (budget at 1/{SLOWED}: 2500)")
        write(f"  drag followed: {Spread(values=dragged(page))} (budget 100)")
        for name, by in (("down", [40, 0]), ("sideways", [0, 60])):
            frames = tuple(page.evaluate(SCROLL, by))
            write(f"  scrolling {name}: {Spread(values=frames)}, longest frame {max(frames):.0f} ms (budget 50)")
    for path in SHOWN_PAGES:
        page.goto(address + path)
        page.locator("#gantt.is-ready").wait_for()
        write(f"{path}: {page.evaluate(ELEMENTS)} elements (budget 3000)")


def loaded(browser: Browser, address: str) -> None:
    """Print what a first visit to the board downloads."""
    page = sign_in(browser, address, "dispatcher")
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.clearBrowserCache")
    page.goto(f"{address}/board")
    page.locator("#gantt.is-ready").wait_for()
    found = {kind: size / 1000 for kind, size in page.evaluate(LOADED).items()}
    sizes = ", ".join(f"{kind} {size:.0f}" for kind, size in found.items())
    first = found["page"] + found["script"] + found["style"]
    write(f"first load in KB: {sizes}; without data {first:.0f} (budgets: 250 without data, scripts 110, data 350)")
    page.context.close()


def dragged(page: Page) -> tuple[float, ...]:
    """Drag a planned visit over the grid, put it back, and return how long the outline took to follow each step."""
    page.evaluate(FOLLOW)
    box = page.locator(".bar.is-planned:not(.is-elsewhere):not(:has(.is-pinned))").first.bounding_box()
    if box is None:
        raise SystemExit("No planned visit in sight to drag.")
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    for step in range(DRAG_STEPS):
        page.mouse.move(box["x"] + 8 + 6 * step, box["y"] + 8 + 5 * step)
    page.keyboard.press("Escape")
    page.mouse.up()
    followed = tuple(page.evaluate("window.followed"))
    if not followed:
        raise SystemExit("The outline never followed the pointer.")
    return followed


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
