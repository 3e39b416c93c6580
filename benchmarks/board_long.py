"""A long day at the board in a few minutes: what a storm of changes costs the page, and whether its memory stays.

Start the large day (see ``benchmarks.large_board``), then::

    python -m benchmarks.board_long http://127.0.0.1:8000

The page gets its changes from this script in place of the server's stream, in batches as the stream sends them, so the
figures say what the page does with them and nothing about the server. Time is the time that the page's main thread was
at work, as the browser's own clock of the thread counts it: how busy the machine is else changes it little. Memory is
read after collecting garbage: a day that is worked through again and again must not need more each time.
"""

import argparse
import shutil
import statistics
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright

from benchmarks.board_live import EVENTS_A_SECOND, INPUT_BUDGET_MS, write
from benchmarks.board_page import sign_in

BATCHES_A_SECOND = 4
HEAP_BUDGET_MB = 250
GROWTH_BUDGET = 0.05  # of the heap, from the second round to the last: the first one fills caches
PATIENCE_MS = 300_000
# The tab's own stream, which this script speaks for; changes are made from the day that the page itself has loaded.
SPOKEN_FOR = """
  delete window.SharedWorker;
  window.streams = [];
  window.EventSource = class extends EventTarget {
    constructor() { super(); this.readyState = 1; window.streams.push(this); }
    close() {}
  };
"""
PREPARE = """async () => {
  const host = document.getElementById("gantt");
  const day = await (await fetch(host.dataset.url)).json();
  const { columns, rows } = day.bars;
  const bars = rows.map((row) => {
    const one = Object.fromEntries(columns.map((name, index) => [name, row[index]]));
    const [start, end] = one.promise ?? [];
    const promise = start === undefined ? null : { start, end };
    return { ...one, assignment_id: one.id, promise, pinned: one.pinned === 1, elsewhere: one.elsewhere === 1 };
  });
  window.day = { bars, people: new Map(day.technicians.map((one) => [one.id, one])), position: day.position, at: 0 };
}"""
BATCH = """async ([events, seed]) => {
  const { day } = window;
  const bars = Array.from({ length: events }, (_, n) => {
    const at = (seed * 7919 + n * 104729) % day.bars.length;
    const { version, travel_s } = day.bars[at];
    return (day.bars[at] = { ...day.bars[at], version: version + 1, travel_s: 60 + ((travel_s + 60) % 900) });
  });
  const people = [...new Set(bars.map((one) => one.technician_id))].flatMap((id) => day.people.get(id) ?? []);
  const visits = [...new Set(bars.map((one) => one.visit_id))];
  const technicians = people.map((one) => ({ ...one, load_s: one.load_s + 60 }));
  const by = { entity: "visit", version: null, own: false, by: "Omar Haddad", initials: "OH", people: [] };
  const changes = bars.map(({ visit_id: id }, n) => ({ ...by, seq: day.position + n + 1, id: `${id}`, visits: [id] }));
  day.position += events;
  const delta = { visits, people: [], bars, technicians, queue: [], changes };
  const { view } = document.getElementById("gantt").dataset;
  const data = JSON.stringify({ to: day.position, now: new Date().toISOString(), views: { [view]: [delta] } });
  window.streams.at(-1).dispatchEvent(new MessageEvent("message", { data }));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""
PAUSE = "(ms) => new Promise((done) => setTimeout(done, ms))"


def main() -> None:
    """Measure the storm, then the memory over rounds of work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board_long", description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--seconds", type=int, default=20, help="length of the storm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=200, help="batches of changes in each round")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium found (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = sign_in(browser, options.address, "dispatcher")
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(SPOKEN_FOR)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        opened(page, options.address)
        storm(page, devtools, options.seconds)
        memory(page, devtools, options)
        browser.close()


def opened(page: Page, address: str) -> None:
    """Open the board and make its stream ours."""
    page.goto(f"{address}/board")
    page.locator("#gantt.is-ready").wait_for()
    page.evaluate(PREPARE)


def storm(page: Page, devtools: CDPSession, seconds: int) -> None:
    """Print what the main thread does for each batch of changes."""
    events = EVENTS_A_SECOND // BATCHES_A_SECOND
    page.locator("#gantt-grid").focus()
    took: list[float] = []
    before = metrics(devtools)
    for number in range(seconds * BATCHES_A_SECOND):
        begun = metrics(devtools)["TaskDuration"]
        page.evaluate(BATCH, [events, number])
        took.append((metrics(devtools)["TaskDuration"] - begun) * 1000)
        page.evaluate(PAUSE, 1000 / BATCHES_A_SECOND)
    after = metrics(devtools)
    parts = ", ".join(
        f"{words} {(after[name] - before[name]) * 1000 / len(took):.1f}"
        for name, words in (
            ("ScriptDuration", "script"),
            ("RecalcStyleDuration", "style"),
            ("LayoutDuration", "layout"),
        )
    )
    busy = (after["TaskDuration"] - before["TaskDuration"]) / seconds
    write(
        f"storm of {EVENTS_A_SECOND} events a second: a batch of {events} costs the main thread median"
        f" {statistics.median(took):.1f}, worst {max(took):.1f} ms (budget {INPUT_BUDGET_MS}; of these {parts} ms);"
        f" marks and all included it is at work {busy:.0%} of the time"
    )


def memory(page: Page, devtools: CDPSession, options: Any) -> None:
    """Print heap, nodes and listeners after each round of changes, drawers, selections, zooms and other days."""
    found: list[dict[str, float]] = []
    number = 10_000
    for turn in range(options.rounds):
        for _ in range(options.batches):
            page.evaluate(BATCH, [EVENTS_A_SECOND // BATCHES_A_SECOND, number])
            number += 1
        drawers(page)
        for zoom in ("Hour", "15 min", "Day"):
            page.get_by_role("button", name=zoom, exact=True).click()
        page.evaluate("() => { document.getElementById('gantt-grid').scrollTop = 0; }")
        page.evaluate(PAUSE, 6000)  # marks go by themselves
        found.append(counted(devtools))
        write(f"  round {turn + 1}: {words_of(found[-1])}")
    other_days(page, options.address)
    write(f"  after other days: {words_of(counted(devtools))}")
    first, last = found[min(1, len(found) - 1)], found[-1]
    growth = last["heap"] / first["heap"] - 1
    write(
        f"{options.rounds * options.batches} batches, heap {last['heap']:.0f} MB (budget {HEAP_BUDGET_MB}),"
        f" growth {growth:+.1%} (budget {GROWTH_BUDGET:.0%}), nodes {last['nodes'] - first['nodes']:+.0f},"
        f" listeners {last['listeners'] - first['listeners']:+.0f}"
    )


def drawers(page: Page, times: int = 10) -> None:
    """Select visits one after the other, each with its drawer and its verdicts on all rows."""
    for each in range(times):
        bar = page.locator(".bar:not(.is-elsewhere)").nth(each)
        bar.dispatch_event("click")
        page.locator("#board-panel h2").wait_for()
    page.keyboard.press("Escape")


def other_days(page: Page, address: str) -> None:
    """Leave for the day before and the day after, and come back."""
    for key in ("[", "]", "]", "["):
        page.locator("#gantt.is-ready").wait_for()
        page.evaluate("document.activeElement?.blur()")
        page.keyboard.press(key)
        page.wait_for_load_state()
    opened(page, address)


def metrics(devtools: CDPSession) -> dict[str, float]:
    """Return the browser's own counters of the page."""
    return {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}


def counted(devtools: CDPSession) -> dict[str, float]:
    """Return heap (MB), nodes and listeners once what is garbage is gone."""
    for _ in range(2):
        devtools.send("HeapProfiler.collectGarbage")
    found = metrics(devtools)
    return {
        "heap": found["JSHeapUsedSize"] / 1e6,
        "nodes": found["Nodes"],
        "listeners": found["JSEventListeners"],
        "documents": found["Documents"],
    }


def words_of(found: dict[str, float]) -> str:
    """Return the counts as one line."""
    return (
        f"heap {found['heap']:.1f} MB, {found['nodes']:.0f} nodes, {found['listeners']:.0f} listeners,"
        f" {found['documents']:.0f} documents"
    )


if __name__ == "__main__":
    main()
