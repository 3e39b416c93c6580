"""The whole product as an installation runs it: web server, worker and database, and people in real browsers."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from dispatch import frontend, matching
from dispatch.accounts import passwords
from dispatch.core import clock
from dispatch.core.db import make_engine, make_sessions
from dispatch.demo.load import load_demo
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Visit
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.models import Assignment, AssignmentState
from tests.conftest import copy_of_template
from tests.e2e.east import East, address_of, make_east
from tests.e2e.quay import Quay, make_quay

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState

ROOT = Path(__file__).resolve().parents[2]
UP_WITHIN_S = 90.0
STOP_WITHIN_S = 30.0
# Two cores have a browser, a server, a worker, a solver and other tests to do; what is there is found at once anyway.
LOOKS_FOR_MS = 15_000
# A refusal is an answer with words of ours; Chromium notes its status of its own accord.
REFUSALS = ("status of 409", "status of 422")
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 360, "height": 740}


@dataclass
class Installation:
    """Where the product answers, and who can sign in with which address."""

    address: str
    engine: Engine
    east: East
    emails: dict[str, str]
    password: str
    log: Path
    signed_in: "dict[str, StorageState]" = field(default_factory=dict)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Open a session on the database behind the product, to look or to put something in."""
        with make_sessions(self.engine)() as session, session.begin():
            yield session


@dataclass
class Desk:
    """A page of somebody who is signed in; what the browser complains about fails the test."""

    page: "Page"
    address: str
    complaints: list[str]

    def open(self, path: str) -> "Page":
        """Open a path of the product."""
        self.page.goto(self.address + path)
        return self.page


SitDown = Callable[..., Desk]


@pytest.fixture(scope="session")
def installation(
    server_url: str, template: str, browser: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Start the product with the demo (little history, which loads faster) and the East. No browser: nothing starts."""
    from playwright.sync_api import expect

    expect.set_options(timeout=LOOKS_FOR_MS)
    frontend.install()
    frontend.build()
    matching.warm()
    data = tmp_path_factory.mktemp("installation")
    with copy_of_template(server_url, template) as url:
        engine = make_engine(url)
        now = clock.now()
        with make_sessions(engine)() as session, session.begin():
            loaded = load_demo(session, now=now, weeks_back=2)
            east = make_east(session, now=now, password=passwords.hash_password(loaded.password))
        port = _free_port()
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "DISPATCH_DATA_DIR": str(data),
            "DISPATCH_SECRET_KEY": "only for the tests in real browsers",
            "DISPATCH_PORT": str(port),
            "DISPATCH_PLAN_TIME_LIMIT_S": "8",
            "DISPATCH_MAIL_BACKEND": "file",
        }
        emails = {**loaded.sign_ins, **{box: address_of(box) for box in ("ines", "omar", "mira", "ana", "ben")}}
        with _process("serve", environment, data) as web, _process("work", environment, data):
            _wait_until_up(port, web, data)
            yield Installation(
                address=f"http://127.0.0.1:{port}",
                engine=engine,
                east=east,
                emails=emails,
                password=loaded.password,
                log=data / "serve.log",
            )
        engine.dispose()


def gone(installation: Installation, visits: Sequence[int]) -> None:
    """Take visits of one test out of the days that others look at; boards that are open are not told."""
    with installation.session() as session:
        # in the order in which the product locks, since it may still be at work
        closing = update(Visit).where(Visit.id.in_(visits))
        session.execute(closing.values(state=VisitState.CANCELLED, version=Visit.version + 1))
        session.execute(delete(DraftChange).where(DraftChange.visit_id.in_(visits)))
        booked = update(Assignment).where(
            Assignment.visit_id.in_(visits), Assignment.state != AssignmentState.CANCELLED
        )
        session.execute(booked.values(state=AssignmentState.CANCELLED, version=Assignment.version + 1))


@pytest.fixture(scope="session")
def quay(installation: Installation) -> Quay:
    """Make the Quay once: tests take people and visits of their own out of it."""
    return make_quay(installation)


@pytest.fixture
def sit_down(installation: Installation, browser: "Browser") -> Iterator[SitDown]:
    """Give a function that opens a browser as somebody: ``sit_down("ines", viewport=PHONE)``; each signs in once."""
    opened: list[tuple[BrowserContext, Desk]] = []

    def sit(who: str | None, **options: Any) -> Desk:
        state = None if who is None else _signed_in(installation, browser, who)
        context = browser.new_context(storage_state=state, **{"viewport": DESK, **options})
        context.set_default_timeout(20_000)
        page = context.new_page()
        desk = Desk(page=page, address=installation.address, complaints=_complaints(page))
        opened.append((context, desk))
        return desk

    yield sit
    for context, _ in opened:
        context.close()
    complaints = [line for _, desk in opened for line in desk.complaints]
    assert not complaints, "\n".join([*complaints, "The server says:", installation.log.read_text()[-4000:]])


def _signed_in(installation: Installation, browser: "Browser", who: str) -> "StorageState":
    """Return the cookies of somebody, who signs in through the form the first time."""
    if who not in installation.signed_in:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{installation.address}/sign-in")
        page.get_by_label("E-mail address").fill(installation.emails[who])
        page.get_by_label("Password").fill(installation.password)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        installation.signed_in[who] = context.storage_state()
        context.close()
    return installation.signed_in[who]


def _complaints(page: "Page") -> list[str]:
    """Collect errors of scripts, of the content policy and of requests that fail."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"{page.url}: {error}"))

    def note(line: "ConsoleMessage") -> None:
        if line.type in ("error", "warning") and not any(code in line.text for code in REFUSALS):
            found.append(f"{page.url}: {line.text}")

    page.on("console", note)
    return found


@contextmanager
def _process(name: str, environment: dict[str, str], data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the product's long-lived commands; it is asked to stop at the end, and must."""
    with (data / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dispatch", name], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(port: int, web: "subprocess.Popen[bytes]", data: Path) -> None:
    give_up = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < give_up and web.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            with suppress(subprocess.TimeoutExpired):
                web.wait(0.2)  # a moment, or less if it ends meanwhile
        finally:
            connection.close()
    pytest.fail(f"The web server did not come up: {(data / 'serve.log').read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
