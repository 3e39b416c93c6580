"""A job that is cancelled frees whoever was booked for it, tells them, and takes nothing half away."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Job, Visit
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.rows import live
from dispatch.planning.service import assign_visit, call_off_job, undo_last
from tests import factories as make
from tests.planning.world import EIGHT, World, make_world

NOW = make.MORNING


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def booked(world: World) -> Visit:
    visit = world.visit()
    assign_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    return visit


def live_ones(world: World, visit: Visit) -> list[Assignment]:
    return list(world.session.scalars(select(Assignment).where(Assignment.visit_id == visit.id, live())))


def test_nobody_drives_to_a_job_that_was_cancelled(world: World) -> None:
    visit = booked(world)
    world.session.commit()
    job = call_off_job(world.session, job_id=visit.job_id, reason="They moved away", actor=world.dispatcher, now=NOW)
    world.session.refresh(visit)
    assert (job.state, visit.state) == (JobState.CANCELLED, VisitState.CANCELLED)
    assert live_ones(world, visit) == []
    other = world.visit()
    assign_visit(
        world.session, visit_id=other.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    waiting = select(MessagePart.visit_id).join(Message).where(Message.state != MessageState.RECALLED)
    told = world.session.scalars(waiting.where(Message.technician_id == world.ana.id)).all()
    assert told == [other.id], "what was never told need not be taken back"


def test_cancelled_for_no_reason_everything_stays(world: World) -> None:
    visit = booked(world)
    with pytest.raises(Invalid):
        call_off_job(world.session, job_id=visit.job_id, reason=" ", actor=world.dispatcher, now=NOW)
    assert len(live_ones(world, visit)) == 1
    assert world.session.get_one(Job, visit.job_id).state is not JobState.CANCELLED


def test_who_is_on_the_way_is_called_off_first(world: World) -> None:
    visit = booked(world)
    row = live_ones(world, visit)[0]
    row.state, visit.state = AssignmentState.ON_THE_WAY, VisitState.UNDER_WAY
    world.session.flush()
    with pytest.raises(Conflict, match="on the way"):
        call_off_job(world.session, job_id=visit.job_id, reason="x", actor=world.dispatcher, now=NOW)
    assert len(live_ones(world, visit)) == 1


def test_a_cancelled_job_is_opened_again_not_booked_again_by_an_undo(world: World) -> None:
    visit = booked(world)
    world.session.commit()
    call_off_job(world.session, job_id=visit.job_id, reason="They moved away", actor=world.dispatcher, now=NOW)
    world.session.commit()
    with pytest.raises(Conflict):
        undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert live_ones(world, visit) == []
