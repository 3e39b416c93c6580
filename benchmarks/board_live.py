"""How soon a change is seen by everybody else at their boards, and what a storm of changes does to a browser.

Start the large day (see ``benchmarks.large_board``) with room for the streams, then measure it from outside::

    python -m dispatch run --no-demo
    python -m benchmarks.board_live http://127.0.0.1:8000 --seconds 60

Forty dispatchers hold a stream each; each changes something every 20 seconds, as the office of RELIABILITY does, by
pinning a visit of the day and letting it go again. A change counts as seen when it has arrived at another's stream; the
clock starts before it is sent. Then one board is open in a real Chromium while visits change in the database 200 times
a second (it uses the settings of this shell, so run it with those of the server), and keys are pressed in it meanwhile.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.board_page import sign_in
from dispatch.cli.database import transaction
from dispatch.core.audit import Change, record
from dispatch.core.clock import now as present
from dispatch.demo.people import MAIL, PASSWORD

DISPATCHERS = 40
CHANGE_EVERY_S = 20.0
SEEN_BUDGET_S = 2.0
EVENTS_A_SECOND = 200
BURSTS_A_SECOND = 10
INPUT_BUDGET_MS = 200
KEY_EVERY_S = 0.25
QUIET_S = 10.0
PATIENCE_MS = 180_000  # the first load has a script of its own to measure it
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
# How long the browser takes from a key until it has painted what the key did, as the browser itself counts it.
WATCH = """() => {
  window.delays = [];
  window.frames = [];
  document.addEventListener("keydown", (event) => {
    requestAnimationFrame(() => setTimeout(() => delays.push(performance.now() - event.timeStamp)));
  }, true);
  let last = performance.now();
  const turn = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}"""


@dataclass(kw_only=True)
class Desk:
    """A dispatcher without a screen: signed in, with an open stream and a visit to pin."""

    host: str
    port: int
    cookie: str
    token: str
    day: str
    position: int
    visits: Sequence[int]
    pinned: int | None = None
    arrived: dict[int, float] = field(default_factory=dict)  # position of the log -> when it came
    refused: bool = False

    def listen(self) -> None:
        """Read the stream until it ends."""
        connection = HTTPConnection(self.host, self.port, timeout=30)
        asked = urlencode({"view": self.day, "since": self.position})
        connection.request("GET", f"/board/stream?{asked}", headers={"Cookie": self.cookie})
        response = connection.getresponse()
        self.refused = response.status != 200
        while not self.refused and (line := response.readline()):
            if not line.startswith(b"data: "):
                continue
            at = time.perf_counter()
            for deltas in json.loads(line[6:]).get("views", {}).values():
                for delta in deltas:
                    for change in delta.get("changes", ()):
                        self.arrived.setdefault(change["seq"], at)

    def change(self) -> int:
        """Pin a visit or let it go; returns its number."""
        verb = "pin" if self.pinned is None else "unpin"
        visit = random.choice(self.visits) if self.pinned is None else self.pinned
        self.pinned = visit if self.pinned is None else None
        body = urlencode({"csrf_token": self.token, "date": self.day})
        status = ask(self.host, self.port, "POST", f"/board/visits/{visit}/{verb}", self.cookie, body)[0].status
        if status != 303:
            self.pinned = None
        return visit if status == 303 else 0


def main() -> None:
    """Measure both and print each figure beside its budget."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.board_live", description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=("seen", "storm"))
    options = parser.parse_args()
    write(f"load of the machine {os.getloadavg()[0]:.1f}")
    if options.only != "storm":
        seen(options.address, options.seconds)
    if options.only != "seen":
        storm(options.address, options.seconds)


def seen(address: str, seconds: float) -> None:
    """Print how long changes take from the hand of one dispatcher to the boards of the others."""
    desks = [sit_down(address, number) for number in range(1, DISPATCHERS + 1)]
    for desk in desks:
        threading.Thread(target=desk.listen, daemon=True).start()
    time.sleep(3)
    if any(desk.refused for desk in desks):
        raise SystemExit(f"Streams were refused; start the server with DISPATCH_WEB_STREAMS={2 * DISPATCHERS}.")
    sent: list[tuple[float, Desk, int]] = []
    threads = [threading.Thread(target=_work, args=(desk, seconds, sent), daemon=True) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(3)
    took, missed = _match(sent, desks)
    if not took:
        raise SystemExit("Nobody could change anything; is this the large day, loaded today?")
    write(
        f"{DISPATCHERS} dispatchers, {len(sent)} changes in {seconds:.0f} s, {len(took)} times seen by others:"
        f" median {statistics.median(took):.2f} s, p95 {_p95(took):.2f} s (budget {SEEN_BUDGET_S}),"
        f" worst {max(took):.2f} s, missed {missed} (budget 0)"
    )


def _work(desk: Desk, seconds: float, sent: list[tuple[float, Desk, int]]) -> None:
    over = time.perf_counter() + seconds
    time.sleep(random.uniform(0, min(CHANGE_EVERY_S, seconds)))
    while time.perf_counter() < over:
        begun = time.perf_counter()
        visit = desk.change()
        if visit:
            sent.append((begun, desk, visit))
        time.sleep(max(0.0, CHANGE_EVERY_S - (time.perf_counter() - begun)))


def _match(sent: Sequence[tuple[float, Desk, int]], desks: Sequence[Desk]) -> tuple[list[float], int]:
    """Compare what was sent with what came: others of the same territory see each change."""
    with transaction() as session:
        rows = session.execute(
            text(
                "SELECT seq, entity_id::int AS visit FROM audit_event"
                " WHERE action IN ('pin', 'unpin') AND seq > :after ORDER BY seq"
            ),
            {"after": min(desk.position for desk in desks)},
        ).all()
    seqs: dict[int, list[int]] = {}
    for row in rows:
        seqs.setdefault(row.visit, []).append(row.seq)
    took, missed = [], 0
    for begun, desk, visit in sorted(sent, key=lambda each: each[0]):
        seq = seqs[visit].pop(0)
        for other in desks:
            if other is desk or visit not in other.visits:
                continue
            if seq in other.arrived:
                took.append(other.arrived[seq] - begun)
            else:
                missed += 1
    return took, missed


def sit_down(address: str, number: int) -> Desk:
    """Sign somebody in through the form and read their board."""
    parts = urlsplit(address)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    response, page = ask(host, port, "GET", "/sign-in", "")
    body = urlencode({"csrf_token": _token(page), "email": f"dispatcher{number}{MAIL}", "password": PASSWORD})
    response, _ = ask(host, port, "POST", "/sign-in", _cookie(response), body)
    cookie = _cookie(response)
    _, page = ask(host, port, "GET", "/me", cookie)
    _, data = ask(host, port, "GET", "/board/data", cookie)
    board = json.loads(data)
    table = board["bars"]
    bars = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    own = [
        bar["visit_id"]
        for bar in bars
        if bar["state"] in ("planned", "accepted") and not bar["pinned"] and not bar["elsewhere"]
    ]
    return Desk(
        host=host,
        port=port,
        cookie=cookie,
        token=_token(page),
        day=board["date"],
        position=board["position"],
        visits=own,
    )


def ask(host: str, port: int, method: str, path: str, cookie: str, body: str | None = None) -> tuple[HTTPResponse, str]:
    """Send one request and return the answer with its text."""
    connection = HTTPConnection(host, port, timeout=60)
    headers = {"Cookie": cookie, "Accept": "text/html,application/json"}
    if body is not None:
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{host}:{port}"}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    found = response.read().decode()
    connection.close()
    return response, found


def _token(page: str) -> str:
    found = TOKEN.search(page)
    if found is None:
        raise SystemExit("The server did not answer with a page; is it the right address, and is somebody signed in?")
    return found.group(1)


def _cookie(response: HTTPResponse) -> str:
    return (response.headers.get("Set-Cookie") or "").partition(";")[0]


def storm(address: str, seconds: float) -> None:
    """Print how long keys take in a browser while visits of its day change 200 times a second."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium found (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = sign_in(browser, address, "dispatcher")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/board")
        page.locator("#gantt.is-ready").wait_for()
        page.locator(".live-state.is-live").wait_for()
        day = page.locator("#gantt").get_attribute("data-view") or ""
        told = [0]
        writer = threading.Thread(target=_changes, args=(day, seconds, told), daemon=True)
        page.evaluate(f"({WATCH})()")
        _press_keys(page, QUIET_S)
        quiet = page.evaluate("window.delays.splice(0)")
        page.evaluate("window.frames.length = 0")
        writer.start()
        marks = _press_keys(page, seconds)
        writer.join()
        delays, frames = page.evaluate("[window.delays, window.frames]")
        browser.close()
    write(
        f"before it, {len(quiet)} keys: input to paint median {statistics.median(quiet):.0f} ms, p95 {_p95(quiet):.0f},"
        f" worst {max(quiet):.0f} ms"
    )
    write(
        f"{told[0] / seconds:.0f} events a second for {seconds:.0f} s (budget {EVENTS_A_SECOND}), {marks} looks with"
        f" marks in sight, {len(delays)} keys: input to paint median {statistics.median(delays):.0f} ms,"
        f" p95 {_p95(delays):.0f}, worst {max(delays):.0f} ms (budget {INPUT_BUDGET_MS});"
        f" frames p95 {_p95(frames):.0f}, worst {max(frames):.0f} ms"
    )


def _press_keys(page: Page, seconds: float) -> int:
    """Walk through the grid by keyboard; returns how often something in sight was marked as changed."""
    page.locator("#gantt-grid").focus()
    over, marks, number = time.perf_counter() + seconds, 0, 0
    while time.perf_counter() < over:
        page.keyboard.press(("ArrowDown", "ArrowRight", "ArrowUp", "ArrowRight", "PageDown", "Home")[number % 6])
        number += 1
        if number % 8 == 0:
            marks += page.locator(".by-tag").count() > 0
        page.wait_for_timeout(KEY_EVERY_S * 1000)
    return marks


def _changes(day: str, seconds: float, told: list[int]) -> None:
    """Move visits of a day by seconds of travel, with an entry in the log for each, in bursts as commits come."""
    each = EVENTS_A_SECOND // BURSTS_A_SECOND
    with transaction() as session:
        visits, somebody = _movable(session, day)
    begun = time.perf_counter()
    for burst in range(round(seconds * BURSTS_A_SECOND)):
        chosen = random.sample(visits, each)
        with transaction() as session:
            session.execute(
                text(
                    "UPDATE assignment SET travel_s = 60 + (travel_s + 60) % 900, version = version + 1"
                    " WHERE visit_id = ANY(:visits) AND state IN ('planned', 'accepted')"
                ),
                {"visits": chosen},
            )
            for visit in chosen:
                record(
                    session,
                    Change(at=present(), actor_id=somebody, action="move", entity="visit", entity_id=str(visit)),
                )
        told[0] += each
        time.sleep(max(0.0, begun + (burst + 1) / BURSTS_A_SECOND - time.perf_counter()))


def _movable(session: Session, day: str) -> tuple[list[int], int]:
    visits = session.scalars(
        text(
            "SELECT assignment.visit_id FROM assignment JOIN shift ON shift.id = assignment.shift_id"
            " WHERE assignment.state IN ('planned', 'accepted') AND shift.on_date = CAST(:day AS date)"
        ),
        {"day": day.partition(".")[0]},
    ).all()
    somebody = session.scalars(
        text("SELECT id FROM user_account WHERE email = :email"), {"email": f"dispatcher1{MAIL}"}
    )
    return list(visits), somebody.one()


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def write(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
