"""A visit falls through, takes longer or is cancelled: the facts at once, then the free time goes to what waits."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dispatch.core.clock import day_bounds
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Job, Visit
from dispatch.messages.models import CallKind, CallState, CallTask
from dispatch.planning import repairing
from dispatch.planning.accepting import accept_repair
from dispatch.planning.disruptions import close_disruption
from dispatch.planning.models import (
    Assignment,
    AssignmentState,
    Disruption,
    DisruptionKind,
    DisruptionState,
    RepairItem,
    RepairPart,
)
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.rows import live
from dispatch.planning.service import undo_last
from dispatch.planning.supervising import Limits
from dispatch.planning.visit_trouble import (
    report_cancelled,
    report_could_not_do,
    report_longer,
    report_no_access,
    report_part_missing,
)
from tests import factories as make
from tests.planning import fakes
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING + timedelta(minutes=50)
LIMITS = Limits(grace_s=30.0, memory_mb=1500)


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child has tests of its own; here the same questions are answered without one."""
    monkeypatch.setattr(repairing, "supervise", fakes.repaired_here)


@pytest.fixture
def world(target: Engine) -> Iterator[World]:
    """Ana has a visit from one to three, Ben one all day long; nobody has anything else."""
    with make_sessions(target)() as session:
        made = make_world(session)
        made.territory.owner_id = made.user.id
        booked(made, made.ben, made.ben_shift, 0.5, 7.5)
        session.commit()
        yield made


def booked(world: World, person: Any, shift: Any, start: float, end: float, *, promise: Any = None) -> Visit:
    job = make.make_job(world.session, site=world.site, owner=world.user, state=JobState.PLANNED)
    visit = make.make_visit(
        world.session,
        job=job,
        needs={world.skill: 3},
        state=VisitState.PLANNED,
        duration_s=round((end - start) * 3600),
    )
    if promise is not None:
        make.make_promise(world.session, visit=visit, during=promise)
    make.make_assignment(
        world.session, visit=visit, technician=person, during=make.hours(start, end), shift_id=shift.id
    )
    return visit


def of_ana(world: World, *, promise: Any = None) -> Visit:
    visit = booked(world, world.ana, world.shift, 1, 3, promise=promise)
    world.session.commit()
    return visit


def repair(target: Engine, disruption: Disruption, **changes: Any) -> DisruptionState | None:
    values = {"sessions": make_sessions(target), "disruption_id": disruption.id, "limits": LIMITS, "now": lambda: NOW}
    return run_repair(Repairing(**{**values, "step_limit": 200, **changes}))


def proposal(session: Session, disruption: Disruption) -> dict[int, RepairItem]:
    session.expire_all()
    assert disruption.message is None
    items = session.scalars(select(RepairItem).where(RepairItem.disruption_id == disruption.id))
    return {item.visit_id: item for item in items}


def accept(world: World, disruption: Disruption) -> Any:
    done = accept_repair(
        world.session, disruption_id=disruption.id, attempt=1, late_too=False, actor=world.dispatcher, now=NOW
    )
    world.session.commit()
    return done


def who_has(session: Session, visit_id: int) -> int | None:
    session.expire_all()
    return session.scalar(select(Assignment.technician_id).where(Assignment.visit_id == visit_id, live()))


def state_of(session: Session, visit_id: int) -> AssignmentState:
    found = session.scalars(select(Assignment.state).where(Assignment.visit_id == visit_id).order_by(Assignment.id))
    return list(found)[-1]


def open_calls(session: Session) -> dict[int, CallKind]:
    found = session.execute(select(CallTask.visit_id, CallTask.kind).where(CallTask.state == CallState.OPEN))
    return {row.visit_id: CallKind(row.kind) for row in found}


def test_nobody_is_there_and_whoever_waits_longest_gets_the_time(target: Engine, world: World) -> None:
    """The overdue visit comes before the one that was left out, though that one is more urgent by its priority."""
    session = world.session
    overdue = world.visit(due_at=make.MORNING - timedelta(hours=2), priority=4, duration_s=5400)
    left_out = world.visit(priority=1, duration_s=5400)
    visit = of_ana(world, promise=make.hours(1, 2))
    made = report_no_access(session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    session.commit()
    assert made.freed == [world.shift.id]
    assert who_has(session, visit.id) == world.ana.id, "nothing moves before somebody has accepted"
    assert repair(target, made) is DisruptionState.PROPOSED
    found = proposal(session, made)
    assert found[visit.id].part is RepairPart.CUSTOMER, "the customer is asked for another time"
    places = {each: found[each].changes[0]["to"] for each in (overdue.id, left_out.id) if each in found}
    assert places[overdue.id]["technician_id"] == world.ana.id
    assert places.keys() == {overdue.id, left_out.id}
    assert places[overdue.id]["start"] < places[left_out.id]["start"]
    accept(world, made)
    assert who_has(session, visit.id) is None
    assert who_has(session, overdue.id) == world.ana.id
    assert open_calls(session) == {visit.id: CallKind.SECOND_VISIT}


def test_whoever_fell_through_is_not_put_back_by_itself(target: Engine, world: World) -> None:
    visit = of_ana(world)
    made = report_no_access(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    repair(target, made)
    found = proposal(world.session, made)
    assert list(found) == [visit.id]
    assert [each["to"] for each in found[visit.id].changes] == [None]


def test_time_is_not_filled_with_what_others_have(target: Engine, world: World) -> None:
    """Only what nobody has is looked at: Ben keeps his visit, and nobody's day but Ana's is touched."""
    visit = of_ana(world)
    later = booked(world, world.ana, world.shift, 4, 5)
    world.session.commit()
    made = report_no_access(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    repair(target, made)
    assert set(proposal(world.session, made)) == {visit.id}
    accept(world, made)
    assert who_has(world.session, later.id) == world.ana.id


def test_a_visit_that_has_begun_is_ended_by_the_report(target: Engine, world: World) -> None:
    visit = of_ana(world)
    row = world.session.scalars(select(Assignment).where(Assignment.visit_id == visit.id)).one()
    row.state = AssignmentState.ON_SITE
    visit.state = VisitState.UNDER_WAY
    world.session.commit()
    made = report_no_access(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert state_of(world.session, visit.id) is AssignmentState.NOT_DONE
    assert open_calls(world.session) == {visit.id: CallKind.SECOND_VISIT}
    assert repair(target, made) is DisruptionState.PROPOSED
    assert proposal(world.session, made)[visit.id].part is RepairPart.CUSTOMER


def test_who_stands_there_says_so_and_it_is_a_situation_once(target: Engine, world: World) -> None:
    visit = of_ana(world)
    ana = actor_of(make.make_user(world.session), "technician", technician=world.ana)
    world.session.commit()
    number = uuid.uuid4()

    def say() -> Any:
        return report_could_not_do(
            world.session,
            report_id=number,
            visit_id=visit.id,
            technician_id=world.ana.id,
            happened_at=NOW,
            reason="Nobody was there",
            trouble=DisruptionKind.NO_ACCESS,
            actor=ana,
            now=NOW,
        )

    assert not say().repeated
    assert say().repeated, "sent again from the phone"
    world.session.commit()
    [made] = world.session.scalars(select(Disruption)).all()
    assert (made.kind, made.visit_id, made.technician_id) == (DisruptionKind.NO_ACCESS, visit.id, world.ana.id)
    assert made.owner_id == world.user.id, "who answers for the territory sees to it"
    assert made.repairer_id is None


def test_nobody_goes_before_the_part_is_there(target: Engine, world: World) -> None:
    visit = of_ana(world)
    friday = make.DAY + timedelta(days=3)
    made = report_part_missing(world.session, visit_id=visit.id, ready_on=friday, actor=world.dispatcher, now=NOW)
    world.session.commit()
    release = day_bounds(friday, make.ZONE)[0]
    assert world.session.get_one(Visit, visit.id).release_at == release
    job = world.session.get_one(Job, visit.job_id)
    assert (job.next_step_due_at, job.state) == (release, JobState.PLANNED)
    repair(target, made)
    assert proposal(world.session, made)[visit.id].part is RepairPart.CUSTOMER


def test_without_a_day_for_the_part_somebody_asks_and_the_day_can_be_told_later(target: Engine, world: World) -> None:
    visit = of_ana(world)
    made = report_part_missing(world.session, visit_id=visit.id, ready_on=None, actor=world.dispatcher, now=NOW)
    world.session.commit()
    job = world.session.get_one(Job, visit.job_id)
    assert job.state is JobState.WAITING
    assert job.next_step == "Ask when the part comes, then agree a time with the customer"
    repair(target, made)
    assert proposal(world.session, made)[visit.id].part is RepairPart.YOU
    friday = make.DAY + timedelta(days=3)
    again = report_part_missing(world.session, visit_id=visit.id, ready_on=friday, actor=world.dispatcher, now=NOW)
    assert (again.id, again.state) == (made.id, DisruptionState.OPEN)
    with pytest.raises(Invalid, match="today or later"):
        report_part_missing(
            world.session, visit_id=visit.id, ready_on=make.DAY - timedelta(days=1), actor=world.dispatcher, now=NOW
        )


def test_longer_without_harm_follows_by_itself_and_the_booking_is_longer(target: Engine, world: World) -> None:
    visit, after = of_ana(world), booked(world, world.ana, world.shift, 5, 6)
    world.session.commit()
    made = report_longer(world.session, visit_id=visit.id, minutes=30, actor=world.dispatcher, now=NOW)
    assert made is not None
    world.session.commit()
    assert world.session.get_one(Visit, visit.id).duration_s == 9000
    assert repair(target, made) is DisruptionState.ACCEPTED
    row = world.session.scalars(select(Assignment).where(Assignment.visit_id == visit.id, live())).one()
    assert row.during == make.hours(1, 3.5)
    assert who_has(world.session, after.id) == world.ana.id


def test_longer_that_breaks_a_promise_is_an_alert_and_closing_it_takes_the_time_back(
    target: Engine, world: World
) -> None:
    visit = of_ana(world, promise=make.hours(1, 1.5))
    booked(world, world.ana, world.shift, 3.25, 4.25, promise=make.hours(3, 3.75))
    world.session.commit()
    made = report_longer(world.session, visit_id=visit.id, minutes=30, actor=world.dispatcher, now=NOW)
    again = report_longer(world.session, visit_id=visit.id, minutes=60, actor=world.dispatcher, now=NOW)
    assert made is not None
    assert again is not None
    assert (again.id, again.minutes) == (made.id, 60)
    world.session.commit()
    assert world.session.get_one(Visit, visit.id).duration_s == 10_800, "the later word counts"
    assert repair(target, made) is DisruptionState.PROPOSED
    parts = {item.part for item in proposal(world.session, made).values()}
    assert parts & {RepairPart.CUSTOMER, RepairPart.YOU}, "somebody must be asked"
    close_disruption(world.session, disruption_id=made.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert world.session.get_one(Visit, visit.id).duration_s == 7_200


def test_longer_while_at_it_moves_what_comes_after(target: Engine, world: World) -> None:
    visit = of_ana(world)
    row = world.session.scalars(select(Assignment).where(Assignment.visit_id == visit.id)).one()
    row.state, visit.state = AssignmentState.ON_SITE, VisitState.UNDER_WAY
    after = booked(world, world.ana, world.shift, 3.25, 4.25, promise=make.hours(3, 5))
    world.session.commit()
    made = report_longer(world.session, visit_id=visit.id, minutes=60, actor=world.dispatcher, now=NOW)
    assert made is not None
    world.session.commit()
    assert world.session.get_one(Visit, visit.id).duration_s == 7_200, "what has begun is as long as it is"
    assert repair(target, made) is DisruptionState.ACCEPTED, "the promise holds until five"
    moved = world.session.scalars(select(Assignment.during).where(Assignment.visit_id == after.id, live())).one()
    assert moved.lower >= make.MORNING + timedelta(hours=4)


def test_a_cancellation_frees_time_and_one_undo_gives_it_back(target: Engine, world: World) -> None:
    session = world.session
    waits = world.visit(duration_s=3600)
    visit = of_ana(world)
    made = report_cancelled(session, job_id=visit.job_id, reason="Sold", actor=world.dispatcher, now=NOW)
    assert made is not None
    session.commit()
    assert session.get_one(Job, visit.job_id).state is JobState.CANCELLED
    repair(target, made)
    assert {each: item.part for each, item in proposal(session, made).items()} == {waits.id: RepairPart.KEPT}
    accept(world, made)
    assert who_has(session, waits.id) == world.ana.id
    undo_last(session, actor=world.dispatcher, now=NOW)
    session.commit()
    assert who_has(session, waits.id) is None
    assert session.get_one(Disruption, made.id).state is DisruptionState.OPEN


def test_a_cancellation_of_what_nobody_has_is_no_situation(world: World) -> None:
    waits = world.visit()
    done = report_cancelled(world.session, job_id=waits.job_id, reason="Sold", actor=world.dispatcher, now=NOW)
    assert done is None
    assert world.session.scalars(select(Disruption)).all() == []


def test_what_is_over_or_has_nobody_cannot_fall_through(world: World) -> None:
    waits = world.visit()
    with pytest.raises(Conflict, match="Nobody is booked"):
        report_no_access(world.session, visit_id=waits.id, actor=world.dispatcher, now=NOW)
    over = world.visit(state=VisitState.DONE)
    with pytest.raises(Conflict, match="is over"):
        report_longer(world.session, visit_id=over.id, minutes=15, actor=world.dispatcher, now=NOW)
