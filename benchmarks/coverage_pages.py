"""How fast the coverage pages answer: ``python -m benchmarks.coverage_pages`` prints one line per page.

The demo organisation is loaded and counted on a server of its own in a temporary folder, unless ``--database`` names a
database that is counted already; with ``--large`` it is the organisation of ``benchmarks.coverage_rows`` (2,000 people,
500 skills, 30 territories, thirteen weeks; ``--share 0.1`` a tenth of it), which takes minutes to fill and to count.
Each page is asked 30 times as the very first request of a process that has just started as a web process does (forked
from one that never answered anything, so that neither statements nor connections are there), and 30 times in one
process that has answered it before. Statements hold everywhere; of times read p50 and the least beside the load of the
machine, which is printed first, and the processor time of the page alone. That of the page and of the server's process
together is held against the budget: pages that take more are named at the end, and the benchmark fails.
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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.coverage_rows import fill
from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.accounts.passwords import hash_password
from dispatch.app import Web, create_app, prepare
from dispatch.core import clock, embedded, migrate
from dispatch.core.config import Settings
from dispatch.core.db import APP_ROLE, make_engine
from dispatch.coverage.counting import solve_coverage, solve_coverage_apart
from dispatch.demo.load import load_demo
from dispatch.demo.people import MAIL, PASSWORD, SIGN_INS

PAGES = ("/coverage", "/coverage?view=table", "/risks", "/certificates", "/forecast", "/promises")
OF_ONE = ("/coverage?territory={}", "/coverage?territory={}&view=table", "/coverage/table.csv?territory={}")
FILE = "/coverage/table.csv"
TIMES = 30
BUDGET_MS, FILE_MS = 200, 5000
"""For a page, and for the file of everything: up to 200,000 lines. That of one territory is held to a page's."""
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
CELL = re.compile(r'href="(/coverage/(?:skill|certification|anybody)/[^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request took: milliseconds on the clock, of them in statements; of the processor here and in the server.

    The server's are counted in hundredths of a second, so only their mean means anything; 0 where it is elsewhere.
    """

    wall_ms: float
    database_ms: float
    processor_ms: float
    server_ms: float
    statements: int


def main() -> None:
    """Measure every page, first requests and later ones."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage_pages", description=__doc__.splitlines()[0])
    parser.add_argument("--database", help="address of a database with the demo, counted already")
    parser.add_argument("--large", action="store_true", help="measure a large organisation instead of the demo")
    parser.add_argument("--share", type=float, default=1.0, help="of people, skills and visits of the large one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coverage-pages-") as folder, ExitStack() as stack:
        server = Path(folder) / "postgres"
        url = options.database or stack.enter_context(
            counted_large(server, options.share) if options.large else counted_demo(server)
        )
        over = _measure(url, Path(folder))
    if over:
        raise SystemExit(f"Over the budget of {BUDGET_MS} ms of the processor: {', '.join(over)}.")


@contextmanager
def _empty(folder: Path) -> Iterator[tuple[str, sessionmaker[Session]]]:
    """Give the address of an empty database, and sessions of it."""
    server = embedded.start(folder)
    try:
        url = server.url(embedded.OWNER)
        migrate.upgrade(url)
        engine = make_engine(url)
        yield url, sessionmaker(engine, expire_on_commit=False)
        engine.dispose()
    finally:
        server.stop()


@contextmanager
def counted_demo(folder: Path) -> Iterator[str]:
    """Give the address of a database with the demo organisation, whose coverage is counted."""
    with _empty(folder) as (url, make):
        with make.begin() as session:
            load_demo(session, now=clock.now())
        with make.begin() as session:
            solve_coverage(session, actor=SYSTEM, now=clock.now())
        yield url


@contextmanager
def counted_large(folder: Path, share: float = 1.0) -> Iterator[str]:
    """Give the address of a database with a large organisation, whose coverage is counted, and somebody to look."""
    with _empty(folder) as (url, make):
        now = clock.now()
        with make.begin() as session:
            fill(session, now=now, share=share)
            manager = User(
                email=SIGN_INS["manager"] + MAIL,
                name="Manager",
                password=hash_password(PASSWORD),
                fs_uniquifier="manager",
            )
            session.add(manager)
            session.flush()
            role = session.scalars(select(Role).where(Role.name == RoleName.MANAGER)).one()
            session.add(RoleGrant(user_id=manager.id, role_id=role.id, starts_on=now.date()))
        with make.begin() as session:
            session.execute(text("ANALYZE"))
        solve_coverage_apart(make, actor=SYSTEM, now=now)
        with make.begin() as session:
            session.execute(text("ANALYZE"))
        yield url


def _measure(url: str, folder: Path) -> list[str]:
    """Print what every page takes; returns those over the budget."""
    settings = Settings(database_url=url, data_dir=folder, secret_key="only for measuring: nobody else signs in here")
    app = create_app(settings, engine=make_engine(url, role=APP_ROLE, pool_size=4), TESTING=True)
    prepare(app)
    cookie, cell = _apart(lambda: _sign_in(app))
    territory = cell.split("/")[4]
    over = []
    print(f"load of the machine {os.getloadavg()[0]:.1f}; milliseconds, budget {BUDGET_MS} of the processor")
    for path in (*PAGES, cell, *(path.format(territory) for path in OF_ONE), FILE):
        first = [_apart(lambda path=path: _ask(app, cookie, path, 1)[0]) for _ in range(TIMES)]
        later = _apart(lambda path=path: _ask(app, cookie, path, TIMES + 1)[1:])
        own_ms = statistics.median(answer.processor_ms for answer in later)
        server_ms = statistics.fmean(answer.server_ms for answer in later)
        budget_ms = FILE_MS if path == FILE else BUDGET_MS
        if own_ms + server_ms > budget_ms:
            over.append(path)
        print(
            f"{path}: {own_ms + server_ms:.0f} of {budget_ms} ms ({own_ms:.0f} here, {server_ms:.0f} in the server)"
            f"{' - OVER THE BUDGET' if path in over else ''}"
        )
        print(f"  first in a process: {_spread(first)}\n  afterwards:         {_spread(later)}", flush=True)
    return over


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
    backends: set[int] = set()

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
        backends.add(connection.connection.driver_connection.info.backend_pid)
        context.begun_at = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def after(_connection: Any, _cursor: Any, _text: str, _values: Any, context: Any, _many: bool) -> None:
        asked.append(time.perf_counter() - context.begun_at)

    found = []
    for _ in range(times):
        asked.clear()
        begun, worked, served = time.perf_counter(), time.process_time(), _server_s(backends)
        answer = client.get(path)
        answer.get_data()
        wall, own = time.perf_counter() - begun, time.process_time() - worked
        server = _server_s(backends) - served
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status}")
        found.append(
            Answer(
                wall_ms=1000 * wall,
                database_ms=1000 * sum(asked),
                processor_ms=1000 * own,
                server_ms=1000 * server,
                statements=len(asked),
            )
        )
    return found


def _server_s(backends: set[int]) -> float:
    """Seconds of the processor that the server's processes of these connections have taken so far."""
    found = 0.0
    for number in backends:
        with suppress(psutil.Error):
            taken = psutil.Process(number).cpu_times()
            found += taken.user + taken.system
    return found


def _spread(answers: list[Answer]) -> str:
    walls = sorted(answer.wall_ms for answer in answers)
    p95 = walls[max(0, round(0.95 * len(walls)) - 1)]
    database = statistics.median(answer.database_ms for answer in answers)
    processor = statistics.median(answer.processor_ms for answer in answers)
    times = f"p50 {statistics.median(walls):4.0f}, p95 {p95:4.0f}, least {walls[0]:4.0f}"
    statements = max(answer.statements for answer in answers)
    return f"{times}; in {statements} statements {database:.0f}; own processor time {processor:.0f}"


if __name__ == "__main__":
    main()
