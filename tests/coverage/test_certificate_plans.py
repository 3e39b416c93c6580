"""What a manager does about certificates: counted again in SQL, each step once, done by itself when it is done."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.accounts.models import RoleName, User
from dispatch.core.errors import Forbidden, NotFound
from dispatch.coverage.certificate_plans import (
    Ending,
    cover_visits,
    ending_certificates,
    plan_renewals,
)
from dispatch.planning.cover_models import CoverKind, CoverTask
from dispatch.planning.loose_ends import LooseEnd, loose_ends, orphans
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.tying import Which, close_end, hand_over
from dispatch.skills.models import Certification
from dispatch.workforce.models import Technician
from tests.factories import (
    DAY,
    MORNING,
    hours,
    make_assignment,
    make_certification,
    make_certification_kind,
    make_job,
    make_shift,
    make_site,
    make_technician,
    make_territory,
    make_user,
    make_visit,
)

LAST = DAY + timedelta(days=3)


class World:
    """Ana's gas card ends in three days; of her three gas visits two come after that. Ben holds one, Cem is away."""

    def __init__(self, session: Session) -> None:
        self.manager = make_user(session, RoleName.MANAGER, name="Mara")
        self.north = make_territory(session, name="North", owner_id=self.manager.id)
        self.kind = make_certification_kind(session, name="Gas card")
        self.ana, self.ben, self.far, self.idle = (
            make_technician(session, name=name, territory=place)
            for name, place in (
                ("Ana", self.north),
                ("Ben", self.north),
                ("Far", make_territory(session)),
                ("Idle", self.north),
            )
        )
        self.card = self.hold(session, self.ana, LAST)
        for who in (self.ben, self.far, self.idle):
            self.hold(session, who, LAST + timedelta(days=4 if who is self.ben else 400))
        site = make_site(session, territory=self.north)
        self.bookings: list[Assignment] = []
        for days in (3, 4, 5):
            day = DAY + timedelta(days=days)
            visit = make_visit(
                session, job=make_job(session, site=site, title=f"Day {days}"), certifications=(self.kind,)
            )
            self.bookings.append(
                make_assignment(session, visit=visit, technician=self.ana, during=hours(2, 3, day=day))
            )
            for who in (self.ben, self.far):
                make_shift(session, technician=who, territory=self.north, on_date=day, during=hours(0, 8, day=day))
        self.actor = Actor(
            user_id=self.manager.id, name="Mara", grants=(Grant(role="manager", territory_id=self.north.id),)
        )

    def hold(self, session: Session, who: Technician, last: date) -> Certification:
        """Let somebody hold the card for a year up to a day."""
        valid = Range(last - timedelta(days=365), last + timedelta(days=1))
        return make_certification(session, technician=who, kind=self.kind, valid=valid)

    def ending(self, session: Session) -> Ending:
        """Return what the page says of Ana's card."""
        found = ending_certificates(session, reach={self.north.id}, today=DAY)
        (mine,) = [ending for ending in found if ending.expiry.id == self.card.id]
        return mine

    def open_ends(self, session: Session) -> list[LooseEnd]:
        """Return the loose ends that are steps of cover plans."""
        return [end for end in loose_ends(session, actor=self.actor, now=MORNING).rows if end.kind == "cover"]


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


def test_each_blocked_visit_names_who_else_holds_it_and_works_there_that_day(session: Session, world: World) -> None:
    mine = world.ending(session)
    assert [(visit.title, visit.others) for visit in mine.blocked] == [
        ("Day 4", ((world.ben.id, "Ben"),)),
        ("Day 5", ((world.ben.id, "Ben"),)),
    ]
    counted = session.execute(
        text("""
            SELECT count(DISTINCT a.visit_id) FROM assignment a JOIN certification_need n USING (crew_slot_id)
            JOIN certification c ON c.technician_id = a.technician_id AND c.kind_id = n.kind_id
            WHERE c.id = :id AND (lower(a.during))::date > upper(c.valid) - 1
        """),
        {"id": world.card.id},
    ).scalar_one()
    assert len(mine.blocked) == mine.expiry.blocked == counted == 2


def test_nobody_is_named_who_has_no_shift_or_whose_own_card_ends_before(session: Session, world: World) -> None:
    visit = make_visit(session, job=make_job(session, site=make_site(session, territory=world.north)))
    late = DAY + timedelta(days=9)
    visit = make_visit(
        session,
        job=make_job(session, site=make_site(session, territory=world.north), title="Late"),
        certifications=(world.kind,),
    )
    make_assignment(session, visit=visit, technician=world.ana, during=hours(2, 3, day=late))
    make_shift(session, technician=world.ben, territory=world.north, on_date=late, during=hours(0, 8, day=late))
    assert world.ending(session).blocked[-1].others == ()


def test_covering_makes_a_loose_end_of_each_visit_once(session: Session, world: World) -> None:
    for expected in (2, 0):
        done = cover_visits(session, {world.card.id}, actor=world.actor, now=MORNING)
        assert (done.steps, done.left) == (expected, ())
    ends = world.open_ends(session)
    assert [end.title for end in ends] == ["Give to somebody else: Day 4", "Give to somebody else: Day 5"]
    assert all("Ben could take it" in end.next_step and end.owner_id for end in ends)
    assert [end.due_at for end in ends] == [hours(2, 3, day=DAY + timedelta(days=days)).lower for days in (3, 4)]
    assert [kind for kind, _at in world.ending(session).under_way] == [CoverKind.COVER]
    assert orphans(session, now=MORNING) == 0


def test_a_visit_somebody_else_has_is_done_by_itself(session: Session, world: World) -> None:
    cover_visits(session, {world.card.id}, actor=world.actor, now=MORNING)
    world.bookings[1].state = AssignmentState.DECLINED
    session.flush()
    assert [end.title for end in world.open_ends(session)] == ["Give to somebody else: Day 5"]


def test_a_planned_renewal_is_done_when_the_new_card_is_confirmed(session: Session, world: World) -> None:
    plan_renewals(session, {world.card.id}, actor=world.actor, now=MORNING)
    (end,) = world.open_ends(session)
    assert (end.title, end.owner_id, end.due_at) == ("Renew: Gas card", world.manager.id, MORNING + timedelta(days=1))
    valid = Range(LAST + timedelta(days=1), LAST + timedelta(days=366))
    make_certification(session, technician=world.ana, kind=world.kind, valid=valid)
    assert world.open_ends(session) == []


def test_a_step_is_handed_on_and_closed_with_a_reason_and_can_be_taken_again(session: Session, world: World) -> None:
    plan_renewals(session, {world.card.id}, actor=world.actor, now=MORNING)
    task = session.scalars(select(CoverTask)).one()
    other: User = make_user(session, RoleName.MANAGER)
    which = Which(kind="cover", key_id=task.id, actor=world.actor, now=MORNING)
    hand_over(session, which, owner_id=other.id)
    session.refresh(task)
    assert task.owner_id == other.id
    close_end(session, which, reason="She leaves in May")
    assert world.open_ends(session) == []
    assert plan_renewals(session, {world.card.id}, actor=world.actor, now=MORNING).steps == 1
    assert len(world.open_ends(session)) == 1


def test_what_is_out_of_reach_is_refused_whole(session: Session, world: World) -> None:
    elsewhere = make_technician(session, territory=make_territory(session))
    other = world.hold(session, elsewhere, LAST)
    with pytest.raises(NotFound, match="Nothing was done"):
        plan_renewals(session, {world.card.id, other.id}, actor=world.actor, now=MORNING)
    dispatcher = Actor(user_id=world.manager.id, name="Ines", grants=(Grant(role="technician"),))
    with pytest.raises((NotFound, Forbidden)):
        plan_renewals(session, {world.card.id}, actor=dispatcher, now=MORNING)
    assert session.scalars(select(CoverTask)).all() == []


def test_ninety_days_are_shown(session: Session, world: World) -> None:
    for days in (90, 91):
        world.hold(
            session, make_technician(session, territory=world.north, name=f"In {days}"), DAY + timedelta(days=days)
        )
    names = [e.expiry.technician for e in ending_certificates(session, reach={world.north.id}, today=DAY)]
    assert names == ["Ana", "Ben", "In 90"]
