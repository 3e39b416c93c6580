"""``dispatch run``: from a fresh checkout to a page in the browser, with a line for every step, and back down again."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import Any, LiteralString

import click
import psycopg

from dispatch import matching
from dispatch.cli import children
from dispatch.cli.children import Child
from dispatch.cli.progress import Progress
from dispatch.core import embedded
from dispatch.core.config import Settings

READY_WITHIN_S = 60.0
LOOK_EVERY_S = 0.25
RESTARTS = 3
RESTARTS_WITHIN_S = 60.0
# In the order of starting. gunicorn lets requests finish for 20 s, the worker its task.
STOP_WITHIN_S = {"serve": 25.0, "work": 25.0}
COMMANDS = {"serve": ("serve", "--no-warm"), "work": ("work",)}
FIRST_PLAN_S = 8.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NOBODY_HERE = "SELECT NOT EXISTS (SELECT FROM user_account)"
DEMO_HERE = "SELECT EXISTS (SELECT FROM audit_event WHERE action = 'load_demo')"
# By each territory's own calendar; a run that failed does not count.
UNPLANNED_TODAY = """
    SELECT EXISTS (SELECT FROM territory WHERE retired_at IS NULL AND NOT EXISTS (
        SELECT FROM plan_scope JOIN plan_request ON plan_request.id = plan_scope.plan_request_id
        WHERE plan_scope.territory_id = territory.id
            AND plan_scope.day = (now() AT TIME ZONE territory.zone)::date
            AND plan_request.state NOT IN ('failed', 'cancelled')))
"""


class StopAsked(Exception):
    """Somebody pressed Ctrl-C, sent SIGTERM or closed the terminal."""


def run(current: Settings, *, demo: bool) -> None:
    """Prepare, start and watch until asked to stop; then stop, in reverse order, exactly what was started here."""
    data = current.data_dir.resolve()
    progress = Progress()
    with children.only_run(data), stop_signals():
        started = ExitStack()
        try:
            ended = children.end_leftovers(data)
            if ended:
                progress.say(f"ended {ended} processes that an earlier run had left behind")
            children.refuse_taken_port(current.host, current.port)
            running = _prepare_and_start(current, data, demo, started, progress)
            _watch(running, data, progress)
        except StopAsked:
            click.echo("")
        finally:
            # Deaf to more signals: a second Ctrl-C must not leave processes without an owner.
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            started.close()
            progress.say("stopped")


def _prepare_and_start(
    current: Settings, data: Path, demo: bool, started: ExitStack, progress: Progress
) -> dict[str, Child]:
    _make_secret_key(current, data)
    kernels = _compile_kernels(started)
    _build_front_end(progress)
    url = _database(current, data, started, progress)
    environment = {"DATABASE_URL": url, "DISPATCH_DATA_DIR": str(data)}
    os.environ.update(environment)
    _migrate(url, progress)
    first = demo and _asks(url, NOBODY_HERE)
    if first and not _step(progress, "demo organisation", "demo", data=data):
        raise children.RunRefused("The demo organisation was not loaded; its message is above.")
    running = _start(current, data, started, progress)
    if first:
        _finish_kernels(kernels, progress)
        _plan_today(url, progress, "--wait")
    _greet(current, url, progress)
    if not first:
        _finish_kernels(kernels, progress)
        _plan_today(url, progress, "--no-wait")
    return running


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the run the way Ctrl-C does, also where Ctrl-C was ignored before us."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        raise StopAsked

    before: dict[signal.Signals, Any] = {}
    for number in STOP_SIGNALS:
        # Whoever started this with nohup wants it to outlive the terminal.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, ask)
    try:
        yield
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def _make_secret_key(current: Settings, data: Path) -> None:
    """Write the key that signs cookies on the first start, readable by its owner only."""
    path = data / "secret_key"
    if current.secret_key is None and not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48) + "\n")


def _compile_kernels(started: ExitStack) -> Child | None:
    """Start compiling beside the other steps; None when the cache already holds these sources."""
    if matching.is_warm(bounds=True):
        return None
    compiling = children.start_child("warm", "warm", stop_within_s=5.0)
    started.callback(compiling.stop)
    return compiling


def _finish_kernels(compiling: Child | None, progress: Progress) -> None:
    """Wait until plans can be made; the web server answers meanwhile, and bounds are compiled afterwards."""
    if compiling is None or matching.is_warm():
        return
    with progress.step("kernels compiled"):
        while not matching.is_warm() and compiling.exit_code is None:
            time.sleep(LOOK_EVERY_S)
    if compiling.exit_code:
        progress.say("the kernels did not compile; candidates are ranked by their slower twin until they do")


def _build_front_end(progress: Progress) -> None:
    from dispatch import frontend

    with progress.step("front end"):
        frontend.install()
        frontend.build()


def _database(current: Settings, data: Path, started: ExitStack, progress: Progress) -> str:
    if current.database_url is not None:
        embedded.wait_until_ready(current.database_url)
        return current.database_url
    folder = data / "postgres"
    with progress.step("database started"):
        started.callback(embedded.stop, folder)
        server = embedded.start(folder)
        embedded.create_database(server.url(embedded.OWNER), embedded.DATABASE)
    return server.url()


def _migrate(url: str, progress: Progress) -> None:
    from dispatch.core import migrate

    if migrate.current(url) not in migrate.heads():
        with progress.step("schema brought up to date"):
            migrate.upgrade(url)


def _asks(url: str, question: LiteralString) -> bool:
    """Return the database's answer to a yes-or-no question."""
    with psycopg.connect(embedded.libpq_url(url)) as connection:
        row = connection.execute(question).fetchone()
    return row is not None and bool(row[0])


def _step(progress: Progress, what: str, *arguments: str, data: Path | None = None) -> bool:
    """Run one of our commands as a process of its own, whose memory is gone afterwards; False when it failed.

    With a data folder it is noted there, so that a start after a kill finds and ends it.
    """
    began = time.monotonic()
    child = children.start_child(what, *arguments, stop_within_s=5.0)
    if data is not None:
        children.remember(data, [child])
    try:
        good = child.process.wait() == 0
    finally:
        child.stop()
    progress.say(f"{what}{'' if good else ' FAILED'} ({time.monotonic() - began:.1f} s)")
    return good


def _start(current: Settings, data: Path, started: ExitStack, progress: Progress) -> dict[str, Child]:
    """Start web and worker; the dictionary stays current while children are replaced."""
    running: dict[str, Child] = {}
    started.callback(_stop, running, data)
    with progress.step("web and worker up"):
        for name in STOP_WITHIN_S:
            _start_one(name, running, data)
        _wait_for_page(current, running["serve"])
    return running


def _start_one(name: str, running: dict[str, Child], data: Path) -> None:
    running[name] = children.start_child(name, *COMMANDS[name], stop_within_s=STOP_WITHIN_S[name])
    children.remember(data, list(running.values()))


def _wait_for_page(current: Settings, web: Child) -> None:
    """Return once the web server answers, whatever it answers."""
    give_up = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up:
        if web.exit_code is not None:
            raise children.RunRefused("The web server ended while starting; its message is above.")
        connection = HTTPConnection(current.host, current.port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            connection.getresponse()
            return
        except (OSError, HTTPException):
            time.sleep(LOOK_EVERY_S)
        finally:
            connection.close()
    raise children.RunRefused(f"The web server did not answer within {READY_WITHIN_S:.0f} s.")


def _plan_today(url: str, progress: Progress, wait: str) -> None:
    """Ask for a plan of the demo's day unless there is one. A failure is told; the board can ask again."""
    if _asks(url, DEMO_HERE) and _asks(url, UNPLANNED_TODAY):
        _step(progress, "plan of today", "plan", wait, "--time-limit", str(FIRST_PLAN_S))


def _greet(current: Settings, url: str, progress: Progress) -> None:
    """Print the address and, where the demo is loaded, how to sign in as whom."""
    progress.say(f"ready: http://{current.host}:{current.port}  (Ctrl-C stops everything; the data stays)")
    if not _asks(url, DEMO_HERE):
        return
    from dispatch.demo import people

    click.echo(f"           sign in with the password {people.PASSWORD} as")
    for role, box in people.SIGN_INS.items():
        click.echo(f"             {box}{people.MAIL}  ({role})")


def _watch(running: dict[str, Child], data: Path, progress: Progress) -> None:
    """Start a child anew when it ends by itself, unless it keeps doing so."""
    ended_at: list[float] = []
    while True:
        time.sleep(LOOK_EVERY_S)
        for name, child in list(running.items()):
            if child.exit_code is None:
                continue
            now = time.monotonic()
            ended_at = [moment for moment in ended_at if now - moment < RESTARTS_WITHIN_S] + [now]
            if len(ended_at) > RESTARTS:
                raise children.RunRefused(f"'{name}' keeps ending (exit code {child.exit_code}); giving up.")
            progress.say(f"'{name}' ended with exit code {child.exit_code}; starting it again")
            _start_one(name, running, data)


def _stop(running: dict[str, Child], data: Path) -> None:
    """Ask all at once, then wait for each."""
    for child in running.values():
        child.process.terminate()
    for child in running.values():
        child.stop()
    children.forget(data)
