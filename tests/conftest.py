"""Database fixtures: one real PostgreSQL per run, migrated once, handed out as rolled-back sessions or as copies.

``DISPATCH_TEST_SERVER_URL`` runs the same tests on another server; its role must be allowed to create databases.
"""

import contextlib
import functools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psutil
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dispatch.core import embedded, migrate
from dispatch.core.db import APP_ROLE, make_engine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What decides whether work lands repeats exactly; at home each run looks at new examples. No example is timed.
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.register_profile("repeat", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeat" if os.environ.get("CI") else "explore")

FOLDER_PREFIX = "dispatch-tests-"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# As root it has no sandbox of its own; the rest keeps it from calling home.
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of this suite."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files; a person reads the difference")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests with a browser last."""
    items.sort(key=_in_browser)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by file, and give all files that drive a browser to one process."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has no types

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # for the same reason
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return "browser" if _drives_a_browser(config.rootpath / path) else path

    return ByFile(config, log)


@functools.cache
def _drives_a_browser(path: Path) -> bool:
    return "playwright" in path.read_text(encoding="utf-8") or "e2e" in path.parts


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Close the browser before a test without one: the process with the browser takes such tests afterwards.

    Playwright keeps an event loop running in this thread for as long as the browser lives, and no other test could
    start one of its own beside it.
    """
    if not _in_browser(item):
        _BROWSER.close()


def _in_browser(item: pytest.Item) -> bool:
    return "browser" in getattr(item, "fixturenames", ())


_BROWSER = contextlib.ExitStack()


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """Give a headless Chromium of the system; without one the test is skipped, but fails where CI is set."""
    path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if path is None:
        reason = "no Chromium found (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with _BROWSER:
        playwright = _BROWSER.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_FLAGS])
        _BROWSER.callback(chromium.close)
        yield chromium


def with_database(server_url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Give a folder for a server of a test's own.

    Not below ``tmp_path``: each start of pytest closes that to others, and as root the server is another user.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
    try:
        yield folder
    finally:
        _remove(folder)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Give the address of the maintenance database of the server that all tests of this run share."""
    outside = os.environ.get("DISPATCH_TEST_SERVER_URL")
    if outside:
        embedded.wait_until_ready(outside)
        yield outside
        return
    _clear_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
    server = embedded.start(folder / "postgres")
    try:
        url = server.url(embedded.OWNER)
        _trade_safety_for_speed(url)
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """Give the name of a database that went through the real migrations; nobody may stay connected to it."""
    name = f"template_{secrets.token_hex(4)}"
    embedded.create_database(server_url, name)
    try:
        migrate.upgrade(with_database(server_url, name))
        yield name
    finally:
        embedded.drop_database(server_url, name)


@contextlib.contextmanager
def copy_of_template(server_url: str, template: str) -> Iterator[str]:
    """Make a database from the template, give its address, drop it afterwards."""
    name = f"test_{secrets.token_hex(4)}"
    embedded.create_database(server_url, name, template=template)
    try:
        yield with_database(server_url, name)
    finally:
        embedded.drop_database(server_url, name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """Give a migrated database of its own, for tests that commit, use several connections or start processes."""
    with copy_of_template(server_url, template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(server_url: str, template: str) -> Iterator[str]:
    """Give a migrated database that the tests of one module share."""
    with copy_of_template(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def engine(server_url: str, template: str) -> Iterator[Engine]:
    """Give an engine on the database behind ``session``; connections are not kept."""
    with copy_of_template(server_url, template) as url:
        # With the rights web and worker have, not those of the owner.
        engine = make_engine(url, role=APP_ROLE, poolclass=NullPool)
        yield engine
        engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Give a session whose work is rolled back after the test, also where the code under test commits or fails."""
    with engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        if outer.is_active:
            outer.rollback()


class StatementCount:
    """Counts the SQL statements sent while it is open: ``with statements(engine) as sent: ...; sent.count``."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def count(self) -> int:
        return len(self.texts)


@contextlib.contextmanager
def statements(target: Engine) -> Iterator[StatementCount]:
    """Record what is sent to the database, for budgets; transaction bookkeeping does not count."""
    sent = StatementCount()

    def record(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO")):
            sent.texts.append(statement)

    event.listen(target, "before_cursor_execute", record)
    try:
        yield sent
    finally:
        event.remove(target, "before_cursor_execute", record)


def _trade_safety_for_speed(url: str) -> None:
    """Let the test server skip waiting for the disk: nobody minds losing it with the machine."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _clear_leftovers() -> None:
    """Stop and remove the servers of earlier runs that were killed before they could clean up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        owner = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)) and os.access(folder, os.W_OK):
            with contextlib.suppress(embedded.DatabaseUnavailable, psutil.AccessDenied):
                _remove(folder)


def _remove(folder: Path) -> None:
    """Stop every server that keeps its data below a folder, then remove the folder."""
    for pid_file in folder.rglob("postmaster.pid"):
        embedded.stop(pid_file.parent)
    shutil.rmtree(folder, ignore_errors=True)
