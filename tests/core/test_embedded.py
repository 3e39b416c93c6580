"""The embedded server: starts, survives a kill, shares, and stops only what it started."""

import os
import signal
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from dispatch.core import embedded


@pytest.fixture
def home(open_path: Path) -> Path:
    return open_path / "postgres"


def postmaster_pid(folder: Path) -> int:
    return int((folder / "postmaster.pid").read_text().splitlines()[0])


def test_keeps_its_data_over_stop_and_start(home: Path) -> None:
    server = embedded.start(home)
    assert embedded.create_database(server.url("postgres"), "kept") is True
    assert embedded.create_database(server.url("postgres"), "kept") is False
    with psycopg.connect(server.url("kept")) as connection:
        connection.execute("CREATE TABLE fact AS SELECT 42 AS n")
    assert embedded.stop(home) is True
    assert embedded.stop(home) is False
    again = embedded.start(home)
    assert again.already_running is False
    with psycopg.connect(again.url("kept")) as connection:
        assert connection.execute("SELECT n FROM fact").fetchone() == (42,)


def test_comes_back_after_kill_nine(home: Path) -> None:
    server = embedded.start(home)
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute("CREATE TABLE fact AS SELECT 7 AS n")
    victim = psutil.Process(postmaster_pid(home))
    family = [victim, *victim.children(recursive=True)]
    os.kill(victim.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    again = embedded.start(home)
    with psycopg.connect(again.url("postgres")) as connection:
        assert connection.execute("SELECT n FROM fact").fetchone() == (7,)


def test_a_pid_file_naming_another_program_is_not_believed(home: Path) -> None:
    embedded.start(home)
    embedded.stop(home)
    stale = [str(os.getpid()), str(home), "0", "5432", str(home), "", "0 0", "ready"]
    (home / "postmaster.pid").write_text("\n".join(stale) + "\n")
    server = embedded.start(home)
    assert postmaster_pid(home) != os.getpid()
    embedded.wait_until_ready(server.url("postgres"))


def test_does_not_listen_on_tcp(home: Path) -> None:
    server = embedded.start(home)
    listening = [c for c in psutil.Process(postmaster_pid(home)).net_connections("tcp") if c.status == "LISTEN"]
    assert listening == []
    assert "host=" in server.url()


def test_a_guest_leaves_the_server_running(open_path: Path) -> None:
    with embedded.database(None, open_path) as outer:
        with embedded.database(None, open_path) as inner:
            assert inner == outer
        embedded.wait_until_ready(outer)
    assert embedded.stop(open_path / "postgres") is False


def test_a_long_folder_still_gets_a_socket(open_path: Path) -> None:
    deep = open_path / ("long" * 30) / "postgres"
    server = embedded.start(deep)
    try:
        url = server.url("postgres")
        embedded.wait_until_ready(url)
        folder = make_url(url).query["host"]
        assert isinstance(folder, str)
        assert len(folder) < 90 < len(str(deep)), "a socket's path has room for about a hundred letters"
    finally:
        server.stop()


def test_an_unusable_folder_is_told_in_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "postgres"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(embedded.DatabaseUnavailable, match="did not start"):
        embedded.start(blocked)


def test_what_the_server_said_is_passed_on(home: Path) -> None:
    embedded.start(home)
    embedded.stop(home)
    with (home / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(embedded.DatabaseUnavailable, match=r"no_such_setting|configuration file"):
        embedded.start(home)


def test_an_old_server_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "OLDEST_SERVER", 99)
    with pytest.raises(embedded.DatabaseUnavailable, match=r"needs 99 or newer"):
        embedded.wait_until_ready(server_url)


def test_a_silent_server_is_told(tmp_path: Path) -> None:
    with pytest.raises(embedded.DatabaseUnavailable, match="does not answer"):
        embedded.wait_until_ready(f"postgresql://nobody@/nowhere?host={tmp_path}", patience_s=0.1)


def test_an_address_that_is_none_is_told() -> None:
    with pytest.raises(embedded.DatabaseUnavailable, match="no PostgreSQL address"):
        embedded.wait_until_ready("mysql://somewhere")
