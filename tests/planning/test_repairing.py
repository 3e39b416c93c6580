"""Somebody cannot work: from the report to a repaired day, with everything that can go wrong in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import RoleName
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Job, Promise, Visit
from dispatch.messages.models import CallState, CallTask
from dispatch.planning import repair_offers
from dispatch.planning.accepting import accept_repair
from dispatch.planning.disruption_page import disruption_page
from dispatch.planning.disruptions import (
    close_disruption,
    propose_again,
    report_cannot_work,
    report_emergency,
    report_late,
    take_over,
)
from dispatch.planning.models import Assignment, Disruption, DisruptionState, Offer, OfferState, RepairItem, RepairPart
from dispatch.planning.offering import Free, hold_times, take_time
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.rows import live
from dispatch.planning.service import move_assignment, pin_visit, undo_last
from dispatch.planning.supervising import CHILD, Limits
from dispatch.workforce.models import Absence
from tests import factories as make
from tests.planning import fakes
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING - timedelta(minutes=30)
LIMITS = Limits(grace_s=30.0, memory_mb=1500)


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@dataclass(kw_only=True)
class Seven:
    """Ana has seven visits; four of them can be had by Ben without breaking a promise."""

    world: World
    visits: list[int]
    session: Session

    def report(self, **changes: Any) -> Disruption:
        values: dict[str, Any] = {"technician_id": self.world.ana.id, "until": make.MORNING + timedelta(hours=12)}
        made = report_cannot_work(self.session, **{**values, **changes}, actor=self.world.dispatcher, now=NOW)
        assert made is not None
        self.session.commit()
        return made


def booked(world: World, person: Any, shift: Any, start: float, end: float, *, promise: Any = None) -> Visit:
    """Book a visit at the customer's place, promised where told."""
    session = world.session
    job = make.make_job(session, site=world.site, owner=world.user, state=JobState.PLANNED)
    visit = make.make_visit(
        session,
        job=job,
        needs={world.skill: 3},
        state=VisitState.PLANNED,
        duration_s=round((end - start) * 3600),
    )
    if promise is not None:
        make.make_promise(session, visit=visit, during=promise)
    make.make_assignment(session, visit=visit, technician=person, during=make.hours(start, end), shift_id=shift.id)
    return visit


@pytest.fixture
def seven(target: Engine) -> Iterator[Seven]:
    with make_sessions(target)() as session:
        world = make_world(session)
        world.territory.owner_id = world.user.id
        made = []
        for number in range(7):
            wide = number % 2 == 0
            window = make.hours(0, 8) if wide else make.hours(number, number + 1.5)
            made.append(booked(world, world.ana, world.shift, number + 0.2, number + 1, promise=window).id)
        # Ben is busy at the odd hours, so what is promised then cannot be his.
        for number in (1, 3, 5):
            booked(
                world, world.ben, world.ben_shift, number + 0.1, number + 1.4, promise=make.hours(number, number + 1)
            )
        session.commit()
        yield Seven(world=world, visits=made, session=session)


def repair(target: Engine, disruption: Disruption, **changes: Any) -> DisruptionState | None:
    values = {"sessions": make_sessions(target), "disruption_id": disruption.id, "limits": LIMITS, "now": lambda: NOW}
    return run_repair(Repairing(**{**values, "step_limit": 200, **changes}))


def proposal(session: Session, disruption: Disruption) -> dict[RepairPart, list[RepairItem]]:
    session.expire_all()
    found: dict[RepairPart, list[RepairItem]] = {part: [] for part in RepairPart}
    for item in session.scalars(select(RepairItem).where(RepairItem.disruption_id == disruption.id)):
        found[item.part].append(item)
    return found


def day_of(session: Session) -> dict[int, tuple[int, datetime]]:
    """Who has which visit when, by visit."""
    rows = session.execute(select(Assignment.visit_id, Assignment.technician_id, Assignment.during).where(live()))
    return {row.visit_id: (row.technician_id, row.during.lower) for row in rows}


def accept(seven: Seven, disruption: Disruption, **changes: Any) -> Any:
    values: dict[str, Any] = {"attempt": 1, "late_too": False, "actor": seven.world.dispatcher, "now": NOW}
    done = accept_repair(seven.session, disruption_id=disruption.id, **{**values, **changes})
    seven.session.commit()
    return done


def test_the_facts_change_at_once_and_a_repair_is_asked_for_with_them(seven: Seven) -> None:
    before = day_of(seven.session)
    disruption = seven.report()
    assert disruption.state is DisruptionState.OPEN
    assert disruption.owner_id == seven.world.user.id
    assert seven.session.get_one(Absence, disruption.absence_id).during == Range(
        NOW, make.MORNING + timedelta(hours=12)
    )
    waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'planning.repair'")
    assert seven.session.execute(waiting).scalar() == 1
    assert day_of(seven.session) == before, "nobody is moved before somebody has accepted"


def test_reporting_it_again_leads_to_the_one_that_is_open(seven: Seven) -> None:
    assert seven.report().id == seven.report().id
    assert len(seven.session.scalars(select(Disruption)).all()) == 1


def test_nothing_to_repair_where_nothing_was_booked(seven: Seven) -> None:
    carl = make.make_technician(seven.session, territory=seven.world.territory)
    make.make_shift(seven.session, technician=carl, territory=seven.world.territory)
    until = make.MORNING + timedelta(hours=8)
    actor = seven.world.dispatcher
    assert report_cannot_work(seven.session, technician_id=carl.id, until=until, actor=actor, now=NOW) is None


def test_what_can_be_kept_is_kept_and_the_rest_becomes_calls(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    before = day_of(seven.session)
    assert repair(target, disruption) is DisruptionState.PROPOSED
    parts = proposal(seven.session, disruption)
    kept = {item.visit_id for item in parts[RepairPart.KEPT]} & set(seven.visits)
    rest = set(seven.visits) - kept
    assert kept, "Ben has time for some of it"
    assert rest, "and not for all"
    assert day_of(seven.session) == before
    done = accept(seven, disruption)
    assert set(done.to_call) == rest
    after = day_of(seven.session)
    assert all(after[visit][0] == seven.world.ben.id for visit in kept)
    assert all(visit not in after for visit in rest)
    calls = seven.session.scalars(select(CallTask).where(CallTask.state == CallState.OPEN)).all()
    assert {call.visit_id for call in calls} == rest
    assert all(call.owner_id == seven.world.user.id for call in calls)
    assert all(NOW < call.due_at <= NOW + timedelta(minutes=30) for call in calls)
    assert seven.session.get_one(Disruption, disruption.id).state is DisruptionState.ACCEPTED


def test_nobody_waits_for_times_that_are_still_being_looked_for(
    target: Engine, seven: Seven, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = seven.world
    tomorrow = {"on_date": make.DAY + timedelta(days=1), "during": make.hours(24, 34)}
    for person in (world.ana, world.ben):
        make.make_shift(seven.session, technician=person, territory=world.territory, **tomorrow)
    disruption = seven.report()
    looked: list[int] = []
    find_free = repair_offers.find_free

    def look(*args: Any, **values: Any) -> Any:
        with target.connect() as other:
            other.execute(text("SELECT FROM technician ORDER BY id FOR KEY SHARE NOWAIT"))  # as every booking does
            other.execute(text("SELECT FROM visit ORDER BY id FOR UPDATE NOWAIT"))
        looked.append(values["visit_id"])
        return find_free(*args, **values)

    monkeypatch.setattr(repair_offers, "find_free", look)
    assert repair(target, disruption) is DisruptionState.PROPOSED
    held = seven.session.scalars(select(Offer).where(Offer.state == OfferState.HELD)).all()
    assert len(looked) > 1
    assert {offer.visit_id for offer in held} == set(looked), "what one was offered leaves the next something else"


def test_one_undo_puts_everything_back_and_asks_anew(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    before = day_of(seven.session)
    repair(target, disruption)
    accept(seven, disruption)
    assert day_of(seven.session) != before
    undo_last(seven.session, actor=seven.world.dispatcher, now=NOW)
    seven.session.commit()
    assert day_of(seven.session) == before
    assert seven.session.get_one(Disruption, disruption.id).state is DisruptionState.OPEN
    assert repair(target, disruption) is DisruptionState.PROPOSED
    assert accept(seven, disruption, attempt=2).booked


def test_a_day_that_changed_meanwhile_is_left_alone_and_named(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    repair(target, disruption)
    kept = [item for item in proposal(seven.session, disruption)[RepairPart.KEPT] if item.visit_id in seven.visits]
    proposed = select(RepairItem.visit_id).where(RepairItem.disruption_id == disruption.id)
    theirs = seven.session.scalars(
        select(Assignment).where(
            Assignment.technician_id == seven.world.ben.id, Assignment.visit_id.not_in(proposed), live()
        )
    ).first()
    assert theirs is not None, "Ben has a visit that the proposal does not name"
    colleague = actor_of(make.make_user(seven.session, RoleName.DISPATCHER), "dispatcher")
    later = theirs.during.lower + timedelta(minutes=5)
    move_assignment(
        seven.session, assignment_id=theirs.id, start=later, actor=colleague, now=NOW, override_reason="asked"
    )
    seven.session.commit()
    done = accept(seven, disruption)
    assert set(done.changed) >= {item.visit_id for item in kept}
    assert done.booked == ()
    left = seven.session.get_one(Disruption, disruption.id)
    assert left.state is DisruptionState.PROPOSED
    propose_again(seven.session, disruption_id=disruption.id, actor=seven.world.dispatcher, now=NOW)
    seven.session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED


def test_two_dispatchers_take_turns(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    repair(target, disruption)
    cem = actor_of(make.make_user(seven.session, RoleName.DISPATCHER, name="Cem"), "dispatcher")
    seven.session.commit()
    with pytest.raises(Conflict, match="repairing this"):
        accept(seven, disruption, actor=cem)
    seven.session.rollback()
    take_over(seven.session, disruption_id=disruption.id, actor=cem, now=NOW)
    assert accept(seven, disruption, actor=cem).booked
    with pytest.raises(Conflict, match="already"):
        accept(seven, disruption, actor=cem)


def test_whoever_went_silent_holds_nobody_up(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    repair(target, disruption)
    cem = actor_of(make.make_user(seven.session, RoleName.DISPATCHER, name="Cem"), "dispatcher")
    seven.session.commit()
    assert accept(seven, disruption, actor=cem, now=NOW + timedelta(minutes=16)).booked


def test_an_older_proposal_is_not_accepted(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    repair(target, disruption)
    propose_again(seven.session, disruption_id=disruption.id, actor=seven.world.dispatcher, now=NOW)
    seven.session.commit()
    repair(target, disruption)
    with pytest.raises(Conflict, match="newer"):
        accept(seven, disruption, attempt=1)
    seven.session.rollback()
    assert accept(seven, disruption, attempt=2).booked


def test_what_is_pinned_to_others_stays(target: Engine, seven: Seven) -> None:
    theirs = seven.session.scalars(select(Assignment).where(Assignment.technician_id == seven.world.ben.id)).all()
    for row in theirs:
        pin_visit(seven.session, visit_id=row.visit_id, actor=seven.world.dispatcher, now=NOW)
    before = {row.visit_id: (row.technician_id, row.during.lower) for row in theirs}
    disruption = seven.report()
    repair(target, disruption)
    accept(seven, disruption, late_too=True)
    after = day_of(seven.session)
    assert {visit: after[visit] for visit in before} == before


def test_a_pin_to_the_person_who_is_away_does_not_hold_a_visit_back(target: Engine, seven: Seven) -> None:
    pin_visit(seven.session, visit_id=seven.visits[0], actor=seven.world.dispatcher, now=NOW)
    disruption = seven.report()
    repair(target, disruption)
    parts = proposal(seven.session, disruption)
    assert seven.visits[0] in {item.visit_id for item in parts[RepairPart.KEPT]}


@pytest.mark.parametrize("command, says", [(fakes.CRASHES, "ended early"), (fakes.BABBLES, "no plan")])
def test_a_killed_solver_is_tried_twice_and_then_says_so(target: Engine, seven: Seven, command: Any, says: str) -> None:
    disruption = seven.report()
    assert repair(target, disruption, command=command) is DisruptionState.PROPOSED
    found = seven.session.get_one(Disruption, disruption.id, populate_existing=True)
    assert found.message is not None
    assert says in found.message
    propose_again(seven.session, disruption_id=disruption.id, actor=seven.world.dispatcher, now=NOW)
    seven.session.commit()
    assert repair(target, disruption, command=CHILD) is DisruptionState.PROPOSED
    assert proposal(seven.session, disruption)[RepairPart.KEPT]


def test_a_worker_that_died_half_way_is_followed_by_another(target: Engine, seven: Seven) -> None:
    disruption = seven.report()
    with make_sessions(target)() as session:
        session.get_one(Disruption, disruption.id).attempt = 1  # begun, then nothing was heard of it
        session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    assert repair(target, disruption) is None, "a second delivery of the task does nothing"
    assert accept(seven, disruption, attempt=2).booked


def test_closing_it_takes_the_absence_back(seven: Seven) -> None:
    disruption = seven.report()
    close_disruption(seven.session, disruption_id=disruption.id, actor=seven.world.dispatcher, now=NOW)
    assert seven.session.get_one(Absence, disruption.absence_id).cancelled
    assert seven.session.get_one(Disruption, disruption.id).state is DisruptionState.CLOSED


def test_a_delay_that_breaks_no_promise_moves_the_times_and_alerts_nobody(target: Engine, seven: Seven) -> None:
    """Ben sets out 20 minutes later than now, and his customers have an hour of room."""
    before = day_of(seven.session)
    at = make.MORNING + timedelta(hours=0.9)
    made = report_late(
        seven.session, technician_id=seven.world.ben.id, minutes=20, actor=seven.world.dispatcher, now=at
    )
    assert made is not None
    seven.session.commit()
    assert repair(target, made, now=lambda: at) is DisruptionState.ACCEPTED
    after = day_of(seven.session)
    moved = {visit for visit in before if before[visit] != after[visit]}
    assert moved, "the next visit starts later"
    assert all(after[visit][0] == before[visit][0] and after[visit][1] > before[visit][1] for visit in moved)


def test_a_delay_takes_the_time_that_is_held_for_somebody_else(target: Engine, seven: Seven) -> None:
    world, session = seven.world, seven.session
    asked, held = world.visit(), make.hours(2.45, 2.95)
    free = Free(
        technician_id=world.ben.id,
        start=held.lower,
        end=held.upper,
        hold=(held.lower, held.upper),
        window=(held.lower, held.upper),
        merits=(),
        cost=0,
        known=False,
    )
    session.commit()
    at = make.MORNING + timedelta(hours=0.9)
    [offer] = hold_times(session, visit_id=asked.id, free=[free], made_by_id=world.user.id, now=at)
    made = report_late(session, technician_id=world.ben.id, minutes=30, actor=world.dispatcher, now=at)
    assert made is not None
    session.commit()
    assert repair(target, made, now=lambda: at) is DisruptionState.ACCEPTED
    session.expire_all()
    assert offer.state is OfferState.RELEASED
    with pytest.raises(Conflict, match="not held any more"):
        take_time(session, offer_id=offer.id, visit_id=asked.id, actor=world.dispatcher, now=at)


def test_a_delay_that_breaks_a_promise_is_one_alert_and_waits_for_a_person(target: Engine, seven: Seven) -> None:
    before = day_of(seven.session)
    values: dict[str, Any] = {"technician_id": seven.world.ben.id, "actor": seven.world.dispatcher}
    at = make.MORNING + timedelta(hours=0.9)
    made = report_late(seven.session, minutes=90, now=at, **values)
    again = report_late(seven.session, minutes=120, now=at, **values)
    assert made is not None
    assert again is not None
    assert (made.id, made.minutes) == (again.id, 120)
    seven.session.commit()
    assert repair(target, made, now=lambda: at) is DisruptionState.PROPOSED
    parts = proposal(seven.session, made)
    assert parts[RepairPart.KEPT] or parts[RepairPart.CUSTOMER]
    assert day_of(seven.session) == before


def test_an_emergency_finds_somebody_and_takes_nobody_s_promise(target: Engine, seven: Seven) -> None:
    """Others move by minutes at most and keep the person and the promise that they were told."""
    session, world = seven.session, seven.world
    carl = make.make_technician(session, territory=world.territory, name="Carl")
    make.make_proficiency(session, technician=carl, skill=world.skill, mean=4.0)
    make.make_shift(session, technician=carl, territory=world.territory)
    visit = world.visit(priority=1)
    session.commit()
    before = day_of(session)
    disruption = report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    assert report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW).id == disruption.id
    session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    parts = proposal(session, disruption)
    kept = {item.visit_id: item for item in parts[RepairPart.KEPT]}
    assert not kept.pop(visit.id).small
    assert all(item.small for item in kept.values())
    assert not parts[RepairPart.CUSTOMER]
    accept(seven, disruption)
    after = day_of(session)
    assert after.pop(visit.id)[1] >= make.MORNING
    assert {each: who for each, (who, _) in after.items()} == {each: who for each, (who, _) in before.items()}
    with pytest.raises(Conflict, match="already"):
        report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)


def test_an_emergency_that_others_must_make_room_for_asks_them_first(target: Engine, seven: Seven) -> None:
    """Everybody is busy with promises until the evening: who would wait is named, and nothing moves by itself."""
    session, world = seven.session, seven.world
    visit = world.visit(priority=1, due_at=make.MORNING + timedelta(hours=2), duration_s=7_200)
    session.commit()
    before = day_of(session)
    disruption = report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    parts = proposal(session, disruption)
    named = {item.visit_id for items in parts.values() for item in items}
    assert visit.id in named
    assert day_of(session) == before


def test_three_people_are_proposed_by_arrival_and_each_can_be_taken_and_taken_back(
    target: Engine, seven: Seven
) -> None:
    """Carl is free in an hour, Ana and Ben are sooner but somebody has to wait for it."""
    session, world = seven.session, seven.world
    carl = make.make_technician(session, territory=world.territory, name="Carl")
    make.make_proficiency(session, technician=carl, skill=world.skill, mean=4.0)
    make.make_shift(session, technician=carl, territory=world.territory, during=make.hours(3, 12))
    visit = world.visit(priority=1, duration_s=7_200)
    before = day_of(session)
    for promise in session.scalars(select(Promise)):
        told = before[promise.visit_id][1]
        promise.during = Range(told - timedelta(minutes=10), told + timedelta(minutes=25))
    session.commit()
    disruption = report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    page = disruption_page(session, disruption.id, territories=None, now=NOW)
    starts = [choice.own.now[0][1] for choice in page.choices]
    names = [choice.own.now[0][0] for choice in page.choices]
    assert starts == sorted(starts)
    assert sorted(names) == ["Ana Ruiz", "Ben Oduya", "Carl"]
    free = next(choice for choice in page.choices if choice.own.now[0][0] == "Carl")
    assert (free.to_call, free.moved) == ([], [])
    costly = next(choice for choice in page.choices if choice.to_call)
    gone = {line.visit_id for line in costly.to_call}
    assert gone < before.keys()
    assert day_of(session) == before, "nothing moves by itself"

    done = accept(seven, disruption, choice=costly.number - 1)
    after = day_of(session)
    assert after[visit.id][1] == costly.own.now[0][1]
    assert {*done.to_call} == gone
    assert all(before[each] != after.get(each) for each in gone)
    calls = session.scalars(select(CallTask.visit_id).where(CallTask.state == CallState.OPEN)).all()
    assert {*calls} == gone
    assert repair(target, disruption) is None, "only times to offer are looked for"
    session.expire_all()
    assert disruption.offered_at is not None
    undo_last(session, actor=world.dispatcher, now=NOW)
    session.commit()
    assert day_of(session) == before
    session.refresh(disruption)
    assert disruption.state is DisruptionState.OPEN


def test_an_emergency_that_nobody_can_do_says_so(target: Engine, seven: Seven) -> None:
    session, world = seven.session, seven.world
    job = make.make_job(session, site=world.site, owner=world.user, priority=1)
    visit = make.make_visit(session, job=job, needs={make.make_skill(session): 3})
    session.commit()
    disruption = report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    page = disruption_page(session, disruption.id, territories=None, now=NOW)
    assert page.choices == ()
    assert [line.visit_id for line in page.part(RepairPart.YOU)] == [visit.id]
    assert page.part(RepairPart.YOU)[0].reasons


def test_a_choice_whose_day_changed_meanwhile_is_refused_as_a_whole(target: Engine, seven: Seven) -> None:
    session, world = seven.session, seven.world
    visit = world.visit(priority=1, duration_s=1_200)
    session.commit()
    disruption = report_emergency(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    session.commit()
    assert repair(target, disruption) is DisruptionState.PROPOSED
    page = disruption_page(session, disruption.id, territories=None, now=NOW)
    row = session.scalars(
        select(Assignment).where(Assignment.technician_id == world.ana.id, live()).order_by(Assignment.id.desc())
    ).first()
    assert row is not None
    row.version += 1
    session.commit()
    number = next(each.number for each in page.choices if each.own.now[0][0] == "Ana Ruiz")
    with pytest.raises(Conflict, match="changed meanwhile"):
        accept(seven, disruption, choice=number - 1)
    session.rollback()
    assert visit.id not in day_of(session)
    with pytest.raises(NotFound):
        accept(seven, disruption, choice=7)


def test_a_long_absence_is_repaired_for_a_week_and_the_rest_waits_with_its_owners(seven: Seven) -> None:
    session, world = seven.session, seven.world
    late = []
    for ahead in range(1, 10):
        day = make.DAY + timedelta(days=ahead)
        during = make.hours(0, 8, day=day)
        shift = make.make_shift(session, technician=world.ana, territory=world.territory, on_date=day, during=during)
        visit = booked(world, world.ana, shift, 24 * ahead + 1, 24 * ahead + 2)
        if ahead >= 7:
            late.append(visit.id)
    session.commit()
    made = seven.report(until=make.MORNING + timedelta(days=10))
    assert [day for _territory, day in made.scope] == [
        (make.DAY + timedelta(days=ahead)).isoformat() for ahead in range(7)
    ]
    assert made.facts == {"visits": 16, "later": 3}
    has = day_of(session)
    assert not has.keys() & {*late}, "nobody waits for somebody who does not come"
    assert has.keys() >= {*seven.visits}, "the first week is for people to accept"
    jobs = session.scalars(select(Job).join(Visit, Visit.job_id == Job.id).where(Visit.id.in_(late))).all()
    assert all(job.owner_id == world.user.id and job.next_step == "Find a time and a technician" for job in jobs)


def test_an_absence_that_begins_later_leaves_today_alone(seven: Seven) -> None:
    day = make.DAY + timedelta(days=1)
    shift = make.make_shift(
        seven.session,
        technician=seven.world.ana,
        territory=seven.world.territory,
        on_date=day,
        during=make.hours(0, 8, day=day),
    )
    booked(seven.world, seven.world.ana, shift, 25, 26)
    seven.session.commit()
    made = seven.report(since=make.MORNING + timedelta(hours=20), until=make.MORNING + timedelta(hours=40))
    assert (made.day, made.facts) == (day, {"visits": 1})
