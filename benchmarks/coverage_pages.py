"""How fast the coverage pages answer: ``python -m benchmarks.coverage_pages`` prints one line per page.

The demo organisation is loaded and counted on a server of its own in a temporary folder, unless ``--database`` names a
database that holds it already. Each page is asked 30 times as the very first request of a process that has just
started as a web process does (forked from one that never answered anything, so that neither statements nor connections
are there), and 30 times in one process that has answered it before. Statements hold everywhere; of times read p50
and the least beside the load of the machine, which is printed first, and the processor time of the page alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import sessionmaker

from dispatch.accounts.access import SYSTEM
from dispatch.app import Web, create_app, prepare
from dispatch.core import clock, embedded, migrate
from dispatch.core.config import Settings
from dispatch.core.db import APP_ROLE, make_engine
from dispatch.coverage.counting import solve_coverage
from dispatch.demo.load import load_demo
from dispatch.demo.people import MAIL, PASSWORD, SIGN_INS

PAGES = ("/coverage", "/risks", "/certificates", "/forecast", "/promises")
TIMES = 30
BUDGET_MS = 200
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
CELL = re.compile(r'href="(/coverage/(?:skill|certification|anybody)/[^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request took: milliseconds on the clock, of them in statements, of the processor, and statements."""

    wall_ms: float
    database_ms: float
    processor_ms: float
    statements: int


def main() -> None:
    """Measure every page, first requests and later ones."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage_pages", description=__doc__.splitlines()[0])
    parser.add_argument("--database", help="address of a database with the demo, counted already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coverage-pages-") as folder:
        if options.database:
            _measure(options.database, Path(folder))
            return
        with counted_demo(Path(folder) / "postgres") as url:
            _measure(url, Path(folder))


@contextmanager
def counted_demo(folder: Path) -> Iterator[str]:
    """Give the address of a database with the demo organisation, whose coverage is counted."""
    server = embedded.start(folder)
    try:
        url = server.url(embedded.OWNER)
        migrate.upgrade(url)
        engine = make_engine(url)
        make = sessionmaker(engine, expire_on_commit=False)
        with make.begin() as session:
            load_demo(session, now=clock.now())
        with make.begin() as session:
            solve_coverage(session, actor=SYSTEM, now=clock.now())
        engine.dispose()
        yield url
    finally:
        server.stop()


def _measure(url: str, folder: Path) -> None:
    settings = Settings(database_url=url, data_dir=folder, secret_key="only for measuring: nobody else signs in here")
    app = create_app(settings, engine=make_engine(url, role=APP_ROLE, pool_size=4), TESTING=True)
    prepare(app)
    cookie, cell = _apart(lambda: _sign_in(app))
    print(f"load of the machine {os.getloadavg()[0]:.1f}; milliseconds, budget {BUDGET_MS}")
    for path in (*PAGES[:1], cell, *PAGES[1:]):
        first = [_apart(lambda path=path: _ask(app, cookie, path, 1)[0]) for _ in range(TIMES)]
        later = _apart(lambda path=path: _ask(app, cookie, path, TIMES + 1)[1:])
        print(f"{path}\n  first in a process: {_spread(first)}\n  afterwards:         {_spread(later)}", flush=True)


def _apart(work: Callable[[], Any]) -> Any:
    """Do something in a process that is forked off here and ends with it."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(duplex=False)

    def run() -> None:
        theirs.send(work())

    child = context.Process(target=run)
    child.start()
    theirs.close()
    try:
        return mine.recv()
    except EOFError:
        raise SystemExit("A process that was to ask for a page ended without an answer.") from None
    finally:
        child.join()


def _sign_in(app: Web) -> tuple[str, str]:
    """Sign the manager in and find a cell; returns the cookie and the address of the cell."""
    client = app.test_client()
    token = TOKEN.search(client.get("/sign-in").get_data(as_text=True))
    answer = client.post(
        "/sign-in",
        data={"email": SIGN_INS["manager"] + MAIL, "password": PASSWORD, "csrf_token": token[1] if token else ""},
    )
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    cell = CELL.search(client.get("/coverage").get_data(as_text=True))
    if answer.status_code not in (302, 303) or cookie is None or cell is None:
        raise SystemExit(f"Signing in led to {answer.status}, and a counted cell was {'' if cell else 'not '}found.")
    return cookie.value, unescape(cell[1])


def _ask(app: Web, cookie: str, path: str, times: int) -> list[Answer]:
    """Ask for a page so many times, one after the other."""
    client = app.test_client()
    client.set_cookie(app.config["SESSION_COOKIE_NAME"], cookie)
    engine = app.extensions["dispatch"].engine
    asked: list[float] = []

    @event.listens_for(engine, "before_cursor_execute")
    def before(_connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
        context.begun_at = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def after(_connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
        asked.append(time.perf_counter() - context.begun_at)

    found = []
    for _ in range(times):
        asked.clear()
        begun, worked = time.perf_counter(), time.process_time()
        answer = client.get(path)
        answer.get_data()
        wall, own = time.perf_counter() - begun, time.process_time() - worked
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        found.append(
            Answer(wall_ms=1000 * wall, database_ms=1000 * sum(asked), processor_ms=1000 * own, statements=len(asked))
        )
    return found


def _spread(answers: list[Answer]) -> str:
    walls = sorted(answer.wall_ms for answer in answers)
    p95 = walls[max(0, round(0.95 * len(walls)) - 1)]
    database = statistics.median(answer.database_ms for answer in answers)
    processor = statistics.median(answer.processor_ms for answer in answers)
    times = f"p50 {statistics.median(walls):4.0f}, p95 {p95:4.0f}, least {walls[0]:4.0f}"
    statements = max(answer.statements for answer in answers)
    return f"{times}; in {statements} statements {database:.0f}, own processor time {processor:.0f}"


if __name__ == "__main__":
    main()
