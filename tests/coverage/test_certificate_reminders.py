"""Reminders of certificates that end: at 60, 30 and 7 days, each once, with the visits they would block."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core import clock
from dispatch.coverage.certificate_reminders import NAMED, remind_due
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.messages.texts import texts
from dispatch.skills.models import Certification, CertificationKind, DocumentState
from dispatch.workforce.models import Technician, Territory, TerritoryMembership
from tests import factories as make

TODAY = make.DAY


class World:
    """Ana, whose gas card ends some day, in a territory with an owner."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.manager = make.make_user(session, name="Mara", phone="+49 30 2")
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
