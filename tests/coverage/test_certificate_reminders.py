"""Reminders of certificates that end: at 60, 30 and 7 days, each once, with the visits they would block."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.accounts.models import RoleName
from dispatch.core import clock
from dispatch.coverage.certificate_plans import Done, blocked_visits
from dispatch.coverage.certificate_reminders import NAMED, remind_due, remind_holders
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.messages.service import recall_message
from dispatch.messages.texts import texts
from dispatch.planning.cover_models import CoverTask
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.loose_ends import loose_ends
from dispatch.planning.models import Assignment
from dispatch.skills.models import Certification, CertificationKind, DocumentState
from dispatch.workforce.models import Technician, Territory, TerritoryMembership
from tests import factories as make

TODAY = make.DAY


class World:
    """Ana, whose gas card ends some day, in a territory with an owner."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.manager = make.make_user(session, RoleName.MANAGER, name="Mara", phone="+49 30 2")
        self.north: Territory = make.make_territory(session, name="North", owner_id=self.manager.id)
        self.kind: CertificationKind = make.make_certification_kind(session, name="Gas card")
        self.ana: Technician = make.make_technician(
            session, name="Ana", territory=self.north, email="ana@example.test", phone="+49 1"
        )

    def paper(self, last: date, **changes: Any) -> Certification:
        values = {"technician": self.ana, "kind": self.kind, "number": "G-1"} | changes
        valid = Range(last - timedelta(days=365), last + timedelta(days=1))
        return make.make_certification(self.session, **{"valid": valid, **values})

    def visit(self, day: date, title: str = "Boiler out", **changes: Any) -> None:
        site = make.make_site(
            self.session, territory=self.north, customer=make.make_customer(self.session, name="Hale")
        )
        start = datetime.combine(day, time(12), tzinfo=clock.now().tzinfo)
        make.make_assignment(
            self.session,
            visit=make.make_visit(
                self.session, job=make.make_job(self.session, site=site, title=title), certifications=(self.kind,)
            ),
            technician=self.ana,
            during=Range(start, start + timedelta(hours=1)),
            **changes,
        )

    def night(self, days: int) -> int:
        """Run the nightly task so many days from today, at two in the night."""
        at = datetime.combine(TODAY + timedelta(days=days), time(2), tzinfo=clock.now().tzinfo)
        return remind_due(self.session, actor=SYSTEM, now=at)

    def press(self, *papers: Certification, day: int = 0, hour: int = 9) -> Done:
        """Let the manager press Remind so many days from today."""
        me = Actor(user_id=self.manager.id, name="Mara", grants=(Grant(role="manager", territory_id=self.north.id),))
        at = datetime.combine(TODAY + timedelta(days=day), time(hour), tzinfo=clock.now().tzinfo)
        return remind_holders(self.session, {paper.id for paper in papers}, actor=me, now=at)

    def messages(self, *states: MessageState) -> list[Message]:
        found = self.session.scalars(select(Message).order_by(Message.id).execution_options(populate_existing=True))
        return [message for message in found if not states or message.state in states]

    def send(self) -> None:
        """Let what waits be sent."""
        for message in self.session.scalars(select(Message).where(Message.state == MessageState.HELD)):
            said = texts(self.session, [message])[message.id]
            message.state, message.lease_until, message.attempt_id = (
                MessageState.SENDING,
                message.hold_until,
                message.key,
            )
            message.title, message.body = said.title, said.body
            self.session.flush()
            message.state, message.lease_until, message.sent_at = MessageState.SENT, None, message.hold_until
            self.session.flush()

    def marks(self) -> list[int]:
        parts = self.session.scalars(select(MessagePart).order_by(MessagePart.id))
        return [part.after["mark"] for part in parts if part.after]


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_every_mark_is_told_once_over_a_hundred_nights(world: World) -> None:
    world.paper(TODAY + timedelta(days=70))
    heard = []
    for night in range(100):
        if world.night(night):
            heard.append(70 - night)
            world.send()
        assert world.night(night) == 0, "the same night again says nothing"
    assert heard == [60, 30, 7]
    assert world.marks() == [60, 30, 7]


def test_a_message_that_waits_still_or_failed_is_not_repeated(world: World) -> None:
    world.ana.email = world.ana.phone = None
    world.session.flush()
    world.paper(TODAY + timedelta(days=60))
    assert [world.night(night) for night in (0, 1, 2)] == [1, 0, 0]
    (message,) = world.session.scalars(select(Message))
    assert (message.state, message.owner_id) == (MessageState.FAILED, world.manager.id)


def test_missed_nights_tell_the_tightest_mark_only(world: World) -> None:
    world.paper(TODAY + timedelta(days=5))
    assert world.night(0) == 1
    world.send()
    assert world.marks() == [7]
    assert [world.night(night) for night in range(1, 8)] == [0] * 7


def test_it_names_the_visits_that_would_go_and_counts_the_rest(world: World) -> None:
    last = TODAY + timedelta(days=30)
    world.paper(last)
    world.visit(last - timedelta(days=1), "Before")
    for number in range(NAMED + 2):
        world.visit(last + timedelta(days=2 + number), f"Boiler {number}")
    assert world.night(0) == 1
    (message,) = world.session.scalars(select(Message))
    said = texts(world.session, [message])[message.id]
    assert said.title == "A certificate of yours ends"
    assert f"Your certificate Gas card (G-1) ends: {last:%A} {last.day} {last:%B %Y} is its last day." in said.body
    assert "Boiler 0 at Hale on" in said.body
    assert f"Boiler {NAMED - 1} at Hale on" in said.body
    assert f"Boiler {NAMED} at" not in said.body
    assert "and 2 more" in said.body
    assert "Before" not in said.body
    assert "My skills" in said.body


def test_a_visit_that_is_drafted_is_not_told_by_the_way(world: World) -> None:
    last = TODAY + timedelta(days=30)
    paper = world.paper(last)
    world.visit(last + timedelta(days=2), "Known")
    world.visit(last + timedelta(days=3), "Drafted")
    drafted = world.session.scalars(select(Assignment).order_by(Assignment.id.desc()).limit(1)).one()
    at = datetime.combine(TODAY, time(1), tzinfo=clock.now().tzinfo)
    world.session.add(DraftChange(crew_slot_id=drafted.crew_slot_id, visit_id=drafted.visit_id, made_at=at))
    world.session.flush()
    assert world.night(0) == 1
    (message,) = world.session.scalars(select(Message))
    body = texts(world.session, [message])[message.id].body
    assert "Known at Hale" in body
    assert "Drafted" not in body
    titles = [visit.title for visit in blocked_visits(world.session, [paper.id], today=TODAY)]
    assert titles == ["Known", "Drafted"], "whoever plans sees both"


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ({"state": DocumentState.CONFIRMED}, 0),
        ({"state": DocumentState.CLAIMED, "imported": False}, 0),
        ({"state": DocumentState.RETURNED, "imported": False}, 1),
    ],
)
def test_whoever_has_the_next_one_or_handed_it_in_hears_nothing(world: World, later: dict[str, Any], told: int) -> None:
    last = TODAY + timedelta(days=30)
    world.paper(last)
    world.paper(last, valid=Range(last + timedelta(days=1), last + timedelta(days=400)), **later)
    assert world.night(0) == told


@pytest.mark.parametrize("state", [DocumentState.CLAIMED, DocumentState.RETURNED])
def test_what_does_not_count_needs_no_renewal(world: World, state: DocumentState) -> None:
    world.paper(TODAY + timedelta(days=30), state=state, imported=False)
    assert world.night(0) == 0


def test_what_never_ends_or_ended_is_not_told(world: World) -> None:
    world.paper(TODAY, valid=Range(TODAY - timedelta(days=400), TODAY - timedelta(days=20)))
    other = make.make_certification_kind(world.session)
    world.paper(TODAY, kind=other, valid=Range(TODAY, None))
    assert world.night(0) == 0


def test_the_day_counts_in_the_clock_of_the_place(world: World) -> None:
    west = make.make_territory(world.session, zone="America/Los_Angeles")
    far = make.make_technician(world.session, territory=west, name="Far", email="far@example.test")
    world.paper(TODAY + timedelta(days=60), technician=far)
    assert world.night(0) == 0, "there it is still the evening before"
    assert world.night(1) == 1


def test_somebody_of_two_places_hears_it_once(world: World) -> None:
    south = make.make_territory(world.session, zone="Europe/Athens")
    world.session.add(TerritoryMembership(technician_id=world.ana.id, territory_id=south.id, during=make.ALWAYS))
    world.session.flush()
    world.paper(TODAY + timedelta(days=20))
    assert world.night(0) == 1
    assert len(world.session.scalars(select(Message.id)).all()) == 1


# ---- a manager asks for it ------------------------------------------------------------------------------------------


def test_what_a_manager_asks_for_waits_in_the_outbox_and_is_a_loose_end_of_the_holder(world: World) -> None:
    box = make.make_user(world.session, RoleName.TECHNICIAN, name="Ana")
    world.ana.user_id = box.id
    paper = world.paper(TODAY + timedelta(days=45))
    world.visit(TODAY + timedelta(days=50))
    assert world.press(paper) == Done(steps=1, left=())
    (message,) = world.messages()
    said = texts(world.session, [message])[message.id]
    assert (message.state, message.technician_id, message.owner_id) == (
        MessageState.HELD,
        world.ana.id,
        world.manager.id,
    )
    assert "Your certificate Gas card (G-1) ends:" in said.body
    assert "Mara asks you to renew it." in said.body
    assert "Boiler out at Hale on" in said.body
    hers = Actor(user_id=box.id, name="Ana", grants=(Grant(role="technician"),), technician_id=world.ana.id)
    now = datetime.combine(TODAY, time(9), tzinfo=clock.now().tzinfo)
    found = [end for end in loose_ends(world.session, actor=hers, now=now).rows if end.kind == "cover"]
    assert [(end.title, end.owner_id) for end in found] == [("Your certificate ends: Gas card", box.id)]


def test_a_second_press_the_same_day_says_nothing_whether_it_waits_or_left(world: World) -> None:
    paper = world.paper(TODAY + timedelta(days=45))
    assert [world.press(paper, hour=hour).steps for hour in (9, 10)] == [1, 0]
    world.send()
    assert world.press(paper, hour=15).steps == 0
    assert world.marks() == [60]
    assert world.press(paper, day=1).steps == 1, "the next day it is said again"
    world.send()
    assert world.marks() == [60, 60]


def test_what_was_recalled_may_be_asked_for_again(world: World) -> None:
    paper = world.paper(TODAY + timedelta(days=45))
    world.press(paper)
    (message,) = world.messages()
    me = Actor(user_id=world.manager.id, name="Mara", grants=(Grant(role="dispatcher", territory_id=None),))
    recall_message(world.session, message_id=message.id, version=None, actor=me, now=message.created_at)
    assert world.press(paper, hour=11).steps == 1
    assert [message.state for message in world.messages()] == [MessageState.RECALLED, MessageState.HELD]


@pytest.mark.parametrize(
    ("asked_at_days_left", "heard_by_itself"),
    [(75, [60, 30, 7]), (61, [60, 30, 7]), (60, [30, 7]), (40, [60, 30, 7]), (20, [60, 30, 7]), (3, [60, 30, 7])],
)
def test_one_that_was_asked_for_counts_for_its_mark(
    world: World, asked_at_days_left: int, heard_by_itself: list[int]
) -> None:
    paper = world.paper(TODAY + timedelta(days=80))
    heard = []
    for night in range(81):
        if 80 - night == asked_at_days_left:
            assert world.press(paper, day=night, hour=1).steps == 1
            world.send()
        if world.night(night):
            heard.append(80 - night)
            world.send()
    assert heard == heard_by_itself


def test_it_is_not_said_again_on_the_day_it_went_out_by_itself(world: World) -> None:
    paper = world.paper(TODAY + timedelta(days=30))
    assert world.night(0) == 1
    assert world.press(paper).steps == 0, "it waits"
    world.send()
    assert world.press(paper, hour=16).steps == 0, "it left this morning"
    assert world.press(paper, day=1).steps == 1


def test_one_that_has_ended_is_told_as_that(world: World) -> None:
    world.press(world.paper(TODAY - timedelta(days=4)))
    (message,) = world.messages()
    assert "Gas card (G-1) has ended:" in texts(world.session, [message])[message.id].body


def test_two_of_one_person_are_one_message_and_one_person(world: World) -> None:
    other = make.make_certification_kind(world.session, name="Ladder")
    papers = [world.paper(TODAY + timedelta(days=9)), world.paper(TODAY + timedelta(days=19), kind=other)]
    assert world.press(*papers) == Done(steps=1, left=())
    (message,) = world.messages()
    body = texts(world.session, [message])[message.id].body
    assert "Gas card" in body
    assert "Ladder" in body


@pytest.mark.parametrize(
    ("email", "signs_in", "steps", "left", "messages", "tasks"),
    [
        ("ana@example.test", True, 1, (), 1, 1),
        ("ana@example.test", False, 1, (), 1, 0),
        (None, True, 1, (), 1, 1),
        (None, False, 0, ("Ana",), 0, 0),
    ],
)
def test_who_can_be_reached_in_no_way_is_named(
    world: World, email: str | None, signs_in: bool, steps: int, left: tuple[str, ...], messages: int, tasks: int
) -> None:
    world.ana.email, world.ana.phone = email, None
    if signs_in:
        world.ana.user_id = make.make_user(world.session, RoleName.TECHNICIAN, name="Ana").id
    world.session.flush()
    assert world.press(world.paper(TODAY + timedelta(days=9))) == Done(steps=steps, left=left)
    assert (len(world.messages()), len(world.session.scalars(select(CoverTask.id)).all())) == (messages, tasks)
