"""A job that is cancelled frees whoever was booked for it, tells them, and takes nothing half away."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.jobs.service import Window
from dispatch.messages.calls import BadNews, call_first, note_told
from dispatch.messages.models import CallKind, CallState, CallTask, Message, MessagePart, MessageState
from dispatch.messages.promising import promise_window
from dispatch.messages.texts import texts
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.rows import live
from dispatch.planning.service import assign_visit, call_off_job, open_again, undo_last
from tests import factories as make
from tests.planning.test_telling import told_before as sent
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


class TestTheCustomer:
    """Who is left without their appointment hears it from a person first; who asked for it gets it in writing."""

    @pytest.fixture
    def visit(self, world: World) -> Visit:
        customer = world.session.get_one(Customer, world.site.customer_id)
        customer.preferred_channel, customer.phone = "text", "+49 3"
        visit = booked(world)
        window = Window(start=EIGHT, end=EIGHT + timedelta(hours=2))
        promise_window(
            world.session,
            visit_id=visit.id,
            window=window,
            agreed_with=None,
            channel="call",
            actor=world.dispatcher,
            now=NOW,
        )
        return visit

    def cancel(self, world: World, visit: Visit, **more: Any) -> None:
        call_off_job(
            world.session, job_id=visit.job_id, reason="No boiler to be had", actor=world.dispatcher, now=NOW, **more
        )

    def calls(self, world: World) -> list[CallTask]:
        return list(world.session.scalars(select(CallTask).execution_options(populate_existing=True)))

    def texts(self, world: World) -> list[tuple[str, str]]:
        query = select(Message).where(Message.customer_id.is_not(None)).order_by(Message.id)
        rows = world.session.scalars(query.execution_options(populate_existing=True)).all()
        said = texts(world.session, rows)
        return [(row.state.value, said[row.id].body) for row in rows]

    def test_called_off_by_us_is_a_call_before_any_text(self, world: World, visit: Visit) -> None:
        self.cancel(world, visit)
        (call,) = self.calls(world)
        assert (call.kind, call.state, call.visit_id) == (CallKind.CANCELLED, CallState.OPEN, visit.id)
        assert call.owner_id == world.user.id
        assert call.due_at <= EIGHT, "before they would wait"
        assert call.facts["reason"] == "No boiler to be had"
        assert [state for state, _ in self.texts(world)] == ["recalled"], "the confirmation is not sent any more"

    def test_after_the_call_it_is_confirmed_in_writing_to_who_was_told(self, world: World, visit: Visit) -> None:
        sent(world)
        self.cancel(world, visit)
        assert [state for state, _ in self.texts(world)] == ["sent"]
        (call,) = self.calls(world)
        note_told(world.session, call_id=call.id, version=None, outcome="They know", actor=world.dispatcher, now=NOW)
        state, body = self.texts(world)[-1]
        assert state == "held"
        assert "We will not come" in body

    def test_in_that_call_no_time_can_be_agreed_on(self, world: World, visit: Visit) -> None:
        self.cancel(world, visit)
        with pytest.raises(Invalid, match="Open it again"):
            note_told(
                world.session,
                call_id=self.calls(world)[0].id,
                version=None,
                outcome="Tomorrow",
                window=Window(start=EIGHT, end=EIGHT + timedelta(hours=2)),
                actor=world.dispatcher,
                now=NOW,
            )

    def test_who_asked_for_it_is_not_called_but_gets_it_in_writing(self, world: World, visit: Visit) -> None:
        sent(world)
        broken = BadNews(visit_id=visit.id, kind=CallKind.PROMISE_BROKEN, facts={})
        call_first(world.session, [broken], now=NOW)
        self.cancel(world, visit, customer_knows=True)
        assert [call.state for call in self.calls(world)] == [CallState.WITHDRAWN], "no call about a time is needed"
        assert "We will not come" in self.texts(world)[-1][1]

    def test_opened_again_nobody_has_to_be_told(self, world: World, visit: Visit) -> None:
        sent(world)
        self.cancel(world, visit)
        open_again(world.session, job_id=visit.job_id, actor=world.dispatcher, now=NOW)
        assert [call.state for call in self.calls(world)] == [CallState.WITHDRAWN]
        assert [state for state, _ in self.texts(world)] == ["sent"]

    def test_what_nobody_was_promised_is_called_about_once(self, world: World) -> None:
        visit = world.visit()
        make.make_visit(world.session, job=world.session.get_one(Job, visit.job_id), sequence=2)
        self.cancel(world, visit)
        assert [call.visit_id for call in self.calls(world)] == [visit.id]
