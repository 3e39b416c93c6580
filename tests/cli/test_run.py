"""``dispatch run`` as people use it: processes, signals, a killed run, a second start."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import psycopg
import pytest

from dispatch.core import embedded

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 120.0
STOP_WAIT_S = 40.0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Share compiled kernels between the runs of this file; compiling them is not what is tested here."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR", tmp_path_factory.mktemp("numba")))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder)}
    subprocess.run([sys.executable, "-m", "dispatch", "warm"], cwd=ROOT, env=environment, check=True)
    return folder


class Run:
    """One `dispatch run` with its output in a file."""

    def __init__(self, data: Path, port: int, cache: Path) -> None:
        self.data, self.port, self.log = data, port, data.parent / f"run-{time.monotonic_ns()}.log"
        environment = {
            **os.environ,
            "DISPATCH_DATA_DIR": str(data),
            "DISPATCH_PORT": str(port),
            "NUMBA_CACHE_DIR": str(cache),
        }
        environment.pop("DATABASE_URL", None)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "dispatch", "run", "--no-demo"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text()

    def wait_until_up(self) -> None:
        give_up = time.monotonic() + START_WITHIN_S
        while "web and worker up" not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < give_up, self.text()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(STOP_WAIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/live")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def of_folder(data: Path) -> list[psutil.Process]:
    """Return every process that works for a data folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ() if "python" in process.name() else {}
            if str(data) in process.cmdline() or environment.get("DISPATCH_DATA_DIR") == str(data):
                found.append(process)
    return found


@pytest.fixture
def data(open_path: Path) -> Iterator[Path]:
    folder = open_path / "var"
    yield folder
    for process in of_folder(folder):
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.mark.slow
def test_starts_answers_and_stops_without_a_trace(data: Path, cache: Path) -> None:
    port = free_port()
    run = Run(data, port, cache)
    run.wait_until_up()
    assert answers(port)
    assert (data / "secret_key").stat().st_mode & 0o777 == 0o600
    assert run.stop(signal.SIGINT) == 0, run.text()
    assert "stopped" in run.text()
    assert "Traceback" not in run.text()
    assert of_folder(data) == []
    assert not answers(port)


@pytest.mark.slow
def test_a_killed_run_starts_again_and_keeps_what_was_written(data: Path, cache: Path) -> None:
    port = free_port()
    first = Run(data, port, cache)
    first.wait_until_up()
    server = embedded.start(data / "postgres")
    with psycopg.connect(server.url()) as connection:
        connection.execute("INSERT INTO territory (name, zone) VALUES ('kept', 'UTC')")
    first.kill()
    assert answers(port), "the children outlive a killed parent"

    began = time.monotonic()
    second = Run(data, port, cache)
    second.wait_until_up()
    took_s = time.monotonic() - began
    assert "ended 2 processes" in second.text()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT name FROM territory").fetchall() == [("kept",)]

    third = Run(data, free_port(), cache)
    assert third.process.wait(60) == 1
    assert "already uses" in third.text()
    assert answers(port)
    assert second.stop() == 0, second.text()
    assert of_folder(data) == []
    assert took_s < START_WITHIN_S


@pytest.mark.slow
def test_a_child_that_dies_is_started_again(data: Path, cache: Path) -> None:
    port = free_port()
    run = Run(data, port, cache)
    run.wait_until_up()
    worker = next(process for process in of_folder(data) if process.cmdline()[-1] == "work")
    worker.kill()
    give_up = time.monotonic() + 20
    while "starting it again" not in run.text():
        assert time.monotonic() < give_up, run.text()
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(0.1)
    assert answers(port)
    assert run.stop() == 0, run.text()
    assert of_folder(data) == []


def test_a_taken_port_is_refused_before_anything_starts(data: Path, cache: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        run = Run(data, holder.getsockname()[1], cache)
        assert run.process.wait(60) == 1
    assert "cannot be used" in run.text()
    assert "Traceback" not in run.text()
    assert not (data / "postgres").exists()
