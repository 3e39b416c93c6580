"""The processes that ``dispatch run`` starts, watches and stops: at most one such run per data folder."""

import contextlib
import fcntl
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

RECORD = "run.json"
LEFTOVERS_STOP_S = 25.0
KILL_WAIT_S = 5.0


class RunRefused(RuntimeError):
    """Nothing was started; the sentence says why and what to do."""


@dataclass(kw_only=True)
class Child:
    """One process of ours, in a session of its own: Ctrl-C reaches only the parent, which stops all in order."""

    name: str
    process: subprocess.Popen[bytes]
    stop_within_s: float

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, None while it lives."""
        return self.process.poll()

    def stop(self) -> None:
        """Ask it to finish what it is doing; after its time is up, end it."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_within_s)
        except subprocess.TimeoutExpired:
            _kill_family(psutil.Process(self.process.pid))
            self.process.wait(KILL_WAIT_S)


def start_child(name: str, *arguments: str, stop_within_s: float) -> Child:
    """Start ``dispatch <arguments>`` with our environment."""
    process = subprocess.Popen([sys.executable, "-m", "dispatch", *arguments], start_new_session=True)
    return Child(name=name, process=process, stop_within_s=stop_within_s)


@contextlib.contextmanager
def only_run(data_dir: Path) -> Iterator[None]:
    """Hold the lock of the data folder; refused while another run holds it. The system frees it after a kill."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunRefused(
                f"Another `dispatch run` already uses {data_dir}. "
                "Stop it first, or set DISPATCH_DATA_DIR to another folder."
            ) from error
        yield


def remember(data_dir: Path, children: Sequence[Child]) -> None:
    """Write down who belongs to this run, for the next start after a kill."""
    rows = []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            rows.append([child.process.pid, psutil.Process(child.process.pid).create_time()])
    record = data_dir / RECORD
    fresh = record.with_suffix(".new")
    fresh.write_text(json.dumps(rows), encoding="ascii")
    fresh.replace(record)


def forget(data_dir: Path) -> None:
    """Note that everybody has been stopped."""
    (data_dir / RECORD).unlink(missing_ok=True)


def end_leftovers(data_dir: Path) -> int:
    """End the children of a run that was killed; returns how many there were.

    A process counts as ours only if its start time matches too, since numbers are given out again.
    """
    record = data_dir / RECORD
    try:
        rows = json.loads(record.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
    left = []
    for pid, created in rows:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 1.0:
                left.append(process)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=LEFTOVERS_STOP_S)
    for process in alive:
        _kill_family(process)
    forget(data_dir)
    return len(left)


def refuse_taken_port(host: str, port: int) -> None:
    """Raise RunRefused if somebody else listens on the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise RunRefused(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop the program that listens there, or choose another port: DISPATCH_PORT={port + 1} make run"
            ) from error


def _kill_family(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [*process.children(recursive=True), process]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=KILL_WAIT_S)
