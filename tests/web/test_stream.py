"""Live updates: woken by the database, ended by revocation, limited in number."""

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from flask import Blueprint
from sqlalchemy import delete, text
from werkzeug.serving import WSGIRequestHandler, make_server

from dispatch.accounts.access import Right
from dispatch.accounts.models import RoleGrant, UserSession
from dispatch.web import stream as streams
from dispatch.web.context import db
from dispatch.web.security import permission
from tests.web.conftest import Site

area = Blueprint("streaming", __name__)


@area.get("/streaming/<payload>")
@permission(Right.JOB_READ)
def events(payload: str) -> Any:
    def read() -> Iterator[streams.Event]:
        count = db().scalar(text("SELECT count(*) FROM territory"))
        yield streams.Event(data={"territories": count, "words": "a\nevent: forged"}, id=7)

    return streams.stream(read, right=Right.JOB_READ, channel="plan_progress", payload=payload)


@pytest.fixture(scope="module", autouse=True)
def routes(site: Site) -> None:
    site.app._got_first_request = False
    site.app.register_blueprint(area)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_EVERY_S", 0.3)


class Opened:
    """A stream over a real connection, read in a thread of its own."""

    def __init__(self, site: Site, port: int, role: str, payload: str = "14") -> None:
        cookie = site.sign_in(role).client.get_cookie("session")
        assert cookie is not None
        self.connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.request("GET", f"/streaming/{payload}", headers={"Cookie": f"session={cookie.value}"})
        self.response = self.connection.getresponse()
        self.lines: list[str] = []
        self.arrived = threading.Condition()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        try:
            while line := self.response.readline():
                with self.arrived:
                    self.lines.append(line.decode())
                    self.arrived.notify_all()
        finally:
            self.connection.close()
            self.ended.set()

    def wait_for(self, count: int) -> list[str]:
        """Wait until so many events have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.events()) >= count, 10), self.lines
            return self.events()

    def events(self) -> list[str]:
        return [line for line in self.lines if line.startswith("data:")]


@pytest.fixture
def port(site: Site) -> Iterator[int]:
    """Serve the application to real connections."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.port
    site.app.extensions["dispatch_streams"].close()
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep silent."""


def notify(site: Site, payload: str) -> None:
    with site.session() as session:
        session.execute(text("SELECT pg_notify('plan_progress', :payload)"), {"payload": payload})


def test_a_stream_looks_at_once_and_when_woken(site: Site, port: int) -> None:
    one = Opened(site, port, "manager")
    assert one.response.headers["Content-Type"].startswith("text/event-stream")
    assert one.response.headers["Cache-Control"] == "no-store"
    # The first look comes at once, the second when the process has begun to listen.
    assert one.wait_for(2)[0] == 'data: {"territories":2,"words":"a\\nevent: forged"}\n'
    assert "id: 7\n" in one.lines
    assert not any(line.startswith("event:") for line in one.lines)
    notify(site, "14")
    one.wait_for(3)


def test_a_stream_sleeps_through_what_is_not_its_own(site: Site, port: int) -> None:
    other, one = Opened(site, port, "manager", "15"), Opened(site, port, "manager", "14")
    other.wait_for(2)
    one.wait_for(1)
    before = len(other.events())
    notify(site, "14")
    one.wait_for(2)
    assert len(other.events()) == before


def test_a_stream_ends_when_the_right_is_taken_away(site: Site, port: int) -> None:
    one = Opened(site, port, "dispatcher")
    one.wait_for(1)
    with site.session() as session:
        session.execute(delete(RoleGrant).where(RoleGrant.user_id == site.people["dispatcher"]))
    assert one.ended.wait(5), "the stream outlived the right"


def test_a_stream_ends_with_the_session(site: Site, port: int) -> None:
    one = Opened(site, port, "manager")
    one.wait_for(1)
    with site.session() as session:
        session.execute(delete(UserSession).where(UserSession.user_id == site.people["manager"]))
    assert one.ended.wait(5), "the stream outlived the session"


def test_no_connection_is_held_while_a_stream_waits(site: Site, port: int) -> None:
    one = Opened(site, port, "manager")
    one.wait_for(2)
    with site.session() as session:
        busy = session.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
        )
    assert busy == 0


def test_who_lacks_the_right_gets_no_stream(site: Site) -> None:
    assert site.sign_in("technician").client.get("/streaming/14").status_code == 403
    assert site.browser().client.get("/streaming/14", headers={"Accept": "text/event-stream"}).status_code == 401


def test_a_persons_sixth_stream_ends_the_first_and_the_process_has_a_limit(site: Site) -> None:
    hub = streams.Hub("postgresql://nowhere.invalid/x", limit=7)
    first, *others = [hub.join(1, "changes", None) for _ in range(6)]
    assert first is not None
    assert first.ended.is_set()
    assert len(hub) == 5
    assert all(each is not None and not each.ended.is_set() for each in others)
    assert hub.join(2, "changes", None) is not None
    assert hub.join(3, "changes", None) is not None
    assert hub.join(4, "changes", None) is None
    hub.close()


def test_above_the_limit_a_page_is_told_to_poll(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.app.extensions["dispatch_streams"], "_limit", 0)
    answer = site.sign_in("administrator").client.get("/streaming/14")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert answer.json is not None
    assert answer.json["poll_s"] == 10
