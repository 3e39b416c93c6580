"""The board as it changes: each change once, also after a gap, and nothing that may not be seen any more."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleGrant, RoleName, User
from dispatch.core import audit, clock
from dispatch.planning import board_changes
from dispatch.planning.absences import report_absence
from dispatch.planning.assigning import assign_visit, move_assignment, pin_visit, unassign_visit, unpin_visit
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.web import stream as streams
from dispatch.web.board_feed import Feed
from dispatch.workforce.models import Technician, Territory
from tests.conftest import statements
from tests.factories import make_job, make_promise, make_shift, make_site, make_technician, make_user, make_visit
from tests.web.browser import Browser
from tests.web.conftest import STORED, Site
from tests.web.world import Day, make_day

SignIn = Callable[[str], Browser]


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep silent."""


class Opened:
    """A stream over a real connection, read in a thread of its own."""

    def __init__(self, site: Site, port: int, query: str, last: int | None = None, role: str = "dispatcher") -> None:
        cookie = site.sign_in(role).client.get_cookie("session")
        assert cookie is not None
        headers = {"Cookie": f"session={cookie.value}"} | ({} if last is None else {"Last-Event-ID": str(last)})
        self.connection = HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.request("GET", f"/board/stream?{query}", headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        self.events: list[tuple[str, int, dict[str, Any]]] = []
        self.arrived = threading.Condition()
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        name, position = "message", -1
        try:
            while line := self.response.readline().decode():
                kind, _, value = line.rstrip("\n").partition(": ")
                if kind == "id":
                    position = int(value)
                elif kind == "event":
                    name = value
                elif kind == "data":
                    with self.arrived:
                        self.events.append((name, position, json.loads(value)))
                        self.arrived.notify_all()
                    name = "message"
        except (OSError, ValueError, AttributeError):
            pass  # the test closed it
        finally:
            self.ended.set()

    def deltas(self, view: str) -> list[dict[str, Any]]:
        return [delta for name, _, data in self.events if name == "message" for delta in data["views"].get(view, ())]

    def seqs(self, view: str) -> list[int]:
        return [change["seq"] for delta in self.deltas(view) for change in delta.get("changes", ())]

    def wait(self, ready: Callable[[], Any]) -> None:
        with self.arrived:
            assert self.arrived.wait_for(ready, 10), self.events

    def close(self) -> int:
        """Break off and return where to resume."""
        position = self.events[-1][1]
        self.response.close()
        self.connection.close()
        return position


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


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "CHECK_EVERY_S", 0.3)


@pytest.fixture
def day(site: Site) -> Day:
    with site.session() as session:
        return make_day(session, session.get_one(Territory, site.north_id))


def omar(site: Site, session: Session) -> Actor:
    """Another dispatcher of the North."""
    found = session.scalar(select(User).where(User.name == "Omar Haddad"))
    if found is None:
        found = make_user(
            session,
            RoleName.DISPATCHER,
            territory=session.get_one(Territory, site.north_id),
            name="Omar Haddad",
            email="omar@example.test",
            password=STORED,
        )
        session.flush()
    grant = Grant(role="dispatcher", territory_id=site.north_id)
    return Actor(user_id=found.id, name=found.name, grants=(grant,))


def head(site: Site) -> int:
    with site.session() as session:
        return audit.position(session)


def move(site: Site, day: Day, to: int, start: datetime) -> None:
    with site.session() as session:
        row = session.scalars(select(Assignment.id).where(Assignment.visit_id == day.booked_visit, live())).one()
        move_assignment(
            session,
            assignment_id=row,
            technician_id=to,
            start=start,
            override_reason="The customer asked for it",
            actor=omar(site, session),
            now=clock.now(),
        )


def test_a_move_by_somebody_else_is_told_with_who_and_what(site: Site, client_for: SignIn, day: Day, port: int) -> None:
    view = day.on.isoformat()
    known = client_for("dispatcher").data(f"/board/data?date={day.on}")["position"]
    one = Opened(site, port, f"view={view}&since={known}")
    move(site, day, day.ben, day.at(13))
    one.wait(lambda: one.deltas(view))
    (delta,) = one.deltas(view)
    (bar,) = delta["bars"]
    assert (bar["visit_id"], bar["technician_id"]) == (day.booked_visit, day.ben)
    # Both rows are told: the one that got the visit and the one that lost it.
    loads = {person["id"]: person["load_s"] for person in delta["technicians"]}
    assert loads[day.ana] == 0
    assert loads[day.ben] > 0
    (change,) = delta["changes"]
    assert (change["entity"], change["id"]) == ("visit", str(day.booked_visit))
    assert change["version"] > 1
    assert (change["own"], change["by"], change["initials"]) == (False, "Omar Haddad", "OH")
    assert change["visits"] == [day.booked_visit]
    one.close()


def test_one_s_own_change_is_told_as_one_s_own(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    known = head(site)
    dispatcher.get(f"/board/visits/{day.booked_visit}?date={day.on}")
    dispatcher.send({}, action="/pin")
    delta = dispatcher.data(f"/board/changes?view={day.on}&since={known}")["views"][str(day.on)][0]
    assert [(change["own"], change["by"]) for change in delta["changes"]] == [(True, None)]
    assert [bar["pinned"] for bar in delta["bars"]] == [True]
    assert "user" not in json.dumps(delta)


def test_after_gaps_each_change_has_come_exactly_once(site: Site, day: Day, port: int) -> None:
    view = day.on.isoformat()
    start = position = head(site)
    seen: list[int] = []
    for turn in range(6):
        one = Opened(site, port, f"view={view}&since={start}", last=position)
        toggle(site, day, 2 * turn)
        one.wait(lambda: one.seqs(view))  # noqa: B023 - asked at once
        position = one.close()
        seen += one.seqs(view)
        toggle(site, day, 2 * turn + 1)  # while nobody listens
    one = Opened(site, port, f"view={view}&since={start}", last=position)
    one.wait(lambda: len(seen) + len(one.seqs(view)) >= 12)
    seen += one.seqs(view)
    one.close()
    assert seen == list(range(start + 1, start + 13))


def toggle(site: Site, day: Day, turn: int) -> None:
    with site.session() as session:
        act = unpin_visit if turn % 2 else pin_visit
        act(session, visit_id=day.booked_visit, actor=omar(site, session), now=clock.now())


@pytest.mark.parametrize("last", ["999999999999", "-3", "1; drop table visit", "7.5", "9" * 40])
def test_a_position_the_log_never_had_loads_anew(client_for: SignIn, day: Day, last: str) -> None:
    answer = client_for("dispatcher").data(f"/board/changes?view={day.on}&since={last}")
    assert answer["views"] == {str(day.on): [{"whole": True}]}


def test_a_gap_that_is_too_long_loads_anew(
    site: Site, client_for: SignIn, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = head(site)
    for turn in range(3):
        toggle(site, day, turn)
    asked = f"/board/changes?view={day.on}&since={known}"
    monkeypatch.setattr(board_changes, "MOST_CHANGES", 3)
    assert "bars" in client_for("dispatcher").data(asked)["views"][str(day.on)][0]
    monkeypatch.setattr(board_changes, "MOST_CHANGES", 2)
    answer = client_for("dispatcher").data(asked)
    assert answer["views"][str(day.on)] == [{"whole": True}]
    assert answer["to"] == known + 3


def test_the_queue_follows(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher, known = client_for("dispatcher"), head(site)

    def told() -> dict[str, Any]:
        nonlocal known
        answer = dispatcher.data(f"/board/changes?view={day.on}&since={known}")
        known = answer["to"]
        found: dict[str, Any] = answer["views"][str(day.on)][-1]
        return found

    with site.session() as session:
        assign_visit(
            session,
            visit_id=day.waiting_visit,
            technician_id=day.ben,
            start=day.at(10),
            actor=omar(site, session),
            now=clock.now(),
        )
    delta = told()
    assert (delta["visits"], delta["queue"]) == ([day.waiting_visit], [])
    with site.session() as session:
        unassign_visit(session, visit_id=day.waiting_visit, actor=omar(site, session), now=clock.now())
    delta = told()
    assert (delta["bars"], [item["visit_id"] for item in delta["queue"]]) == ([], [day.waiting_visit])


def test_an_absence_empties_the_day_of_a_person(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher, known = client_for("dispatcher"), head(site)
    with site.session() as session:
        report_absence(
            session,
            technician_id=day.ana,
            start=day.at(8),
            end=day.at(16),
            actor=omar(site, session),
            now=clock.now(),
        )
    delta = dispatcher.data(f"/board/changes?view={day.on}&since={known}")["views"][str(day.on)][0]
    assert delta["people"] == [day.ana]
    (ana,) = delta["technicians"]
    assert (ana["capacity_s"], len(ana["absences"])) == (0, 1)
    assert delta["bars"] == []
    assert day.booked_visit in [item["visit_id"] for item in delta["queue"]]


def test_two_tabs_share_a_stream_and_each_day_is_told_its_own(site: Site, day: Day, port: int) -> None:
    today, tomorrow = str(day.on), str(day.on + timedelta(days=1))
    one = Opened(site, port, f"view={today}&view={tomorrow}&since={head(site)}")
    with site.session() as session:
        for who in (day.ana, day.ben):
            start = day.at(8) + timedelta(days=1)
            during = Range(start, start + timedelta(hours=8))
            person = session.get_one(Technician, who)
            make_shift(
                session,
                technician=person,
                territory=session.get_one(Territory, site.north_id),
                on_date=day.on + timedelta(days=1),
                during=during,
            )
    move(site, day, day.ana, day.at(10) + timedelta(days=1))
    one.wait(lambda: one.deltas(today) and one.deltas(tomorrow))
    assert [delta["bars"] for delta in one.deltas(today)] == [[]]
    assert [delta["visits"] for delta in one.deltas(today)] == [[day.booked_visit]]
    assert [[bar["visit_id"] for bar in delta["bars"]] for delta in one.deltas(tomorrow)] == [[day.booked_visit]]
    one.close()


def test_another_territory_is_not_told(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher, known = client_for("dispatcher"), head(site)
    with site.session() as session:
        south = session.get_one(Territory, site.south_id)
        visit = make_visit(
            session, job=make_job(session, site=make_site(session, territory=south), title="Secret leak")
        )
        person = make_technician(session, territory=south, name="Sofia South")
        promise = Range(day.at(9), day.at(12))
        make_promise(session, visit=visit, during=promise)
        make_shift(session, technician=person, territory=south, on_date=day.on, during=Range(day.at(8), day.at(16)))
        audit.record(
            session,
            audit.Change(at=clock.now(), actor_id=None, action="x", entity="visit", entity_id=str(visit.id)),
        )
        audit.record(
            session,
            audit.Change(at=clock.now(), actor_id=None, action="x", entity="technician", entity_id=str(person.id)),
        )
    answer = dispatcher.data(f"/board/changes?view={day.on}&since={known}")
    assert answer["views"] == {}
    assert answer["to"] == known + 2
    assert dispatcher.client.get(f"/board/changes?view={day.on}.{site.south_id}&since={known}").status_code == 404


def test_a_stream_ends_when_the_right_to_its_territory_is_taken_away(site: Site, day: Day, port: int) -> None:
    with site.session() as session:
        omar(site, session)
    site.emails["omar"] = "omar@example.test"
    one = Opened(site, port, f"view={day.on}", role="omar")
    one.wait(lambda: one.events)
    with site.session() as session:
        found = session.scalar(select(User.id).where(User.name == "Omar Haddad"))
        session.execute(delete(RoleGrant).where(RoleGrant.user_id == found))
    assert one.ended.wait(5), "the stream outlived the right"


def test_a_silent_stream_shows_that_it_is_alive(site: Site, day: Day, port: int) -> None:
    one = Opened(site, port, f"view={day.on}")
    one.wait(lambda: [name for name, _, _ in one.events].count("beat") > 2)
    assert {data["to"] for name, _, data in one.events if name == "beat"} == {head(site)}
    one.close()


def test_one_reader_serves_all_streams(site: Site, day: Day, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    look = Feed._look
    monkeypatch.setattr(Feed, "_look", lambda self: (looks.append(1), look(self))[1])
    read: list[int] = []
    since = board_changes.read_board
    monkeypatch.setattr(board_changes, "read_board", lambda *args: (read.append(1), since(*args))[1])
    opened = [Opened(site, port, f"view={day.on}") for _ in range(4)]
    for one in opened:
        one.wait(lambda: len(one.events) > 2)  # noqa: B023 - asked at once
    read.clear()
    toggle(site, day, 0)
    for one in opened:
        one.wait(lambda: one.seqs(str(day.on)))  # noqa: B023 - asked at once
        one.close()
    assert looks
    assert len(read) == 1


def test_changes_cost_the_same_however_many_there_are(site: Site, client_for: SignIn, day: Day) -> None:
    dispatcher, known = client_for("dispatcher"), head(site)
    counted = []
    for turn in range(4):
        toggle(site, day, turn)
        with statements(site.engine) as sent:
            dispatcher.data(f"/board/changes?view={day.on}&since={known}")
        counted.append(sent.count)
    assert len(set(counted)) == 1
    assert counted[0] <= 20


def test_cards_of_the_queue_come_as_the_page_shows_them(client_for: SignIn, day: Day) -> None:
    dispatcher = client_for("dispatcher")
    page = dispatcher.get(f"/board?date={day.on}").html
    answer = dispatcher.client.get(f"/board/cards?date={day.on}&visit={day.waiting_visit}&visit={day.booked_visit}")
    card = answer.text[answer.text.index("<li") : answer.text.index("</li>")].split()
    assert f'data-queue-visit="{day.waiting_visit}"' in " ".join(card)
    assert " ".join(card) in " ".join(page.split())
    assert f'data-queue-visit="{day.booked_visit}"' not in answer.text


@pytest.mark.parametrize(
    "asked", ["", "view=tomorrow", "view=9999-12-31", "&".join(f"view=2026-11-{n}" for n in range(10, 20))]
)
def test_views_that_make_no_sense_are_refused_in_words(client_for: SignIn, asked: str) -> None:
    answer = client_for("dispatcher").client.get(f"/board/changes?{asked}", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["error"]
