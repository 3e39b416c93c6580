"""The processes of a run: one run per folder, leftovers ended but strangers spared, taken ports told."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dispatch.cli import children

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
POLITE = [
    sys.executable,
    "-c",
    "import pathlib, signal, sys, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[1]).touch(), sys.exit()))\n"
    "print('ready', flush=True)\ntime.sleep(60)",
]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]


def record(folder: Path, *rows: tuple[int, float]) -> None:
    (folder / children.RECORD).write_text(json.dumps(rows))


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom dispatch.cli import children\n"
        "try:\n    with children.only_run(pathlib.Path(sys.argv[1])): print('free')\n"
        "except children.RunRefused as error: print(error)\n"
    )
    line = [sys.executable, "-c", code, str(tmp_path)]
    with children.only_run(tmp_path):
        held = subprocess.run(line, capture_output=True, text=True, check=True)
    freed = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "already uses" in held.stdout
    assert freed.stdout == "free\n"


def test_leftovers_are_asked_to_end(tmp_path: Path) -> None:
    said = tmp_path / "said goodbye"
    process = subprocess.Popen([*POLITE, str(said)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        record(tmp_path, (process.pid, psutil.Process(process.pid).create_time()))
        assert children.end_leftovers(tmp_path) == 1
    process.wait(5)
    assert not psutil.pid_exists(process.pid)
    assert said.exists()
    assert children.end_leftovers(tmp_path) == 0


def test_a_stranger_with_the_same_number_is_spared(tmp_path: Path) -> None:
    process = subprocess.Popen(SLEEP)
    try:
        record(tmp_path, (process.pid, psutil.Process(process.pid).create_time() - 3600))
        assert children.end_leftovers(tmp_path) == 0
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_a_broken_record_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / children.RECORD).write_text("{half a rec")
    assert children.end_leftovers(tmp_path) == 0


def test_a_child_that_does_not_listen_is_ended_with_its_family() -> None:
    process = subprocess.Popen(STUBBORN, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        child = children.Child(name="deaf", process=process, stop_within_s=0.2)
        child.stop()
    assert not psutil.pid_exists(process.pid)
    assert child.exit_code is not None
    child.stop()


def test_a_taken_port_is_told_and_a_free_one_is_not() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(children.RunRefused, match=f"Port {port} on 127.0.0.1 cannot be used"):
            children.refuse_taken_port("127.0.0.1", port)
    children.refuse_taken_port("127.0.0.1", port)


def test_who_is_remembered(tmp_path: Path) -> None:
    process = subprocess.Popen(SLEEP)
    try:
        child = children.Child(name="web", process=process, stop_within_s=5)
        children.remember(tmp_path, [child])
        rows = json.loads((tmp_path / children.RECORD).read_text())
        assert rows == [[process.pid, psutil.Process(process.pid).create_time()]]
        assert [path.name for path in tmp_path.iterdir()] == [children.RECORD]
    finally:
        process.kill()
        process.wait()
