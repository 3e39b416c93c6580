"""How the board's grid behaves with 500 people and 5,000 visits, in a headless Chromium of this machine.

Run ``python -m benchmarks.board``. Elements and bytes hold everywhere; times depend on the machine and its load, so
the same scroll over a day of 20 people is measured beside it and the ratio is what to read.
"""

import gzip
import json
import os
import shutil
import sys
import time
from typing import Any

from flask import Flask
from flask_babel import Babel
from flask_wtf import CSRFProtect
from playwright.sync_api import Browser, Page, sync_playwright

from dispatch import frontend
from tests.components.board_day import add_board, make_day
from tests.components.gallery import serving

FRAMES = """async ([down, side]) => {
  const grid = document.getElementById("gantt-grid");
  const times = [];
  let last = performance.now();
  for (let n = 0; n < 120; n += 1) {
    grid.scrollTop += down;
    grid.scrollLeft += n % 40 < 20 ? side : -side;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return [times[60], times[113], times[119]];
}"""
SLOWED = 4


def measure(page: Page, url: str, people: int, zoom: str) -> dict[str, Any]:
    """Open a board and return seconds until it can be used, elements, and frame times in milliseconds."""
    begun = time.perf_counter()
    page.goto(f"{url}/board?people={people}&visits={people * 10}&zoom={zoom}")
    page.locator("#gantt.is-ready").wait_for()
    ready = time.perf_counter() - begun
    return {
        "ready_s": ready,
        "elements": page.evaluate("document.querySelectorAll('*').length"),
        "down_ms": page.evaluate(FRAMES, [40, 0]),
        "side_ms": page.evaluate(FRAMES, [0, 60]),
    }


def report(browser: Browser, url: str) -> None:
    """Print one line for each size, zoom and speed of the processor."""
    write(f"load of the machine {os.getloadavg()[0]:.1f}; frames as median / 95 % / worst in ms")
    for slowed in (1, SLOWED):
        for zoom in ("day", "hour"):
            for people in (20, 500):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                page = context.new_page()
                context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
                found = measure(page, url, people, zoom)
                frames = "  ".join(
                    f"{name} " + " / ".join(f"{value:.0f}" for value in found[f"{name}_ms"])
                    for name in ("down", "side")
                )
                write(
                    f"{people:>4} people, {zoom:<4} processor 1/{slowed}: usable {found['ready_s']:.2f} s"
                    f" (budget 1.5, slowed 2.5), {found['elements']} elements (budget 3000), {frames} (budget worst 50)"
                )
                context.close()
    data = json.dumps(make_day(500, 5000)).encode()
    write(f"data of 500 x 5,000: {len(gzip.compress(data, 6)) / 1000:.0f} KB compressed (budget 350)")


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Build, serve on loopback, measure."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium found (Debian: apt-get install chromium).")
    frontend.install()
    frontend.build()
    app = Flask("bench", template_folder=str(frontend.ROOT / "templates"), static_folder=str(frontend.STATIC))
    app.config.update(SECRET_KEY="only for a measurement on loopback")
    CSRFProtect(app)
    Babel(app)
    add_board(app)
    with serving(app) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        report(browser, url)
        browser.close()


if __name__ == "__main__":
    main()
