"""Who hears of changed bookings: technicians always, customers when somebody sets out or a promise breaks."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict
from dispatch.jobs.models import Customer, Visit
from dispatch.messages.calls import BadNews, call_first, note_told
from dispatch.messages.models import CallKind, CallState, CallTask, Message, MessageState
from dispatch.messages.texts import texts
from dispatch.planning.message_preview import messages_preview
from dispatch.planning.models import Assignment, ReportKind
from dispatch.planning.service import (
    assign_visit,
    move_assignment,
    publish_plan,
    report_absence,
    report_visit,
    unassign_visit,
    undo_last,
)
from tests import factories as make
from tests.planning.test_publishing import propose
from tests.planning.world import EIGHT, World, make_reachable_world

NOW = make.MORNING
HOUR = timedelta(hours=1)


@pytest.fixture
def world(session: Session) -> World:
    return make_reachable_world(session)


def book(world: World, visit: Visit, start: Any = EIGHT + HOUR, **more: Any) -> Assignment:
    values = {"technician_id": world.ana.id, "actor": world.dispatcher, "now": NOW, **more}
    return assign_visit(world.session, visit_id=visit.id, start=start, **values)


def told(world: World) -> dict[int | None, tuple[str, str]]:
    """Return state and words of each technician's message, the latest."""
    rows = world.session.scalars(select(Message).order_by(Message.id).execution_options(populate_existing=True)).all()
    said = texts(world.session, rows)
    return {row.technician_id: (row.state.value, said[row.id].body) for row in rows}


def calls(world: World) -> list[CallTask]:
    query = select(CallTask).order_by(CallTask.id).execution_options(populate_existing=True)
    return list(world.session.scalars(query))


def test_who_gets_work_and_who_loses_it_hear_of_it(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    assert "New: " in told(world)[world.ana.id][1]
    move_assignment(world.session, assignment_id=made.id, technician_id=world.ben.id, actor=world.dispatcher, now=NOW)
    words = told(world)
    assert words[world.ana.id][0] == "recalled"  # she never heard of it, so there is nothing to take back
    assert words[world.ben.id][0] == "held"
    unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    assert {state for state, _ in told(world).values()} == {"recalled"}


def test_undo_withdraws_without_knowing_of_messages(world: World) -> None:
    book(world, world.visit())
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert told(world)[world.ana.id][0] == "recalled"


def test_what_was_sent_is_corrected_by_an_undo_and_said_so(world: World) -> None:
    book(world, world.visit())
    told_before(world)
    world.session.commit()
    undone = undo_last(world.session, actor=world.dispatcher, now=NOW + HOUR / 60)
    assert undone.corrected == (world.ana.name,)
    rows = world.session.scalars(select(Message).order_by(Message.id)).all()
    assert [row.state for row in rows] == [MessageState.SENT, MessageState.HELD]
    assert "Not yours any more: " in told(world)[world.ana.id][1]


def test_what_was_never_sent_needs_no_correction(world: World) -> None:
    book(world, world.visit())
    world.session.commit()
    assert undo_last(world.session, actor=world.dispatcher, now=NOW).corrected == ()


def test_what_a_customer_was_called_about_is_not_taken_back(world: World) -> None:
    visit = world.visit()
    make.make_promise(world.session, visit=visit)
    book(world, visit, EIGHT + 4 * HOUR, override_reason="The part comes at noon")
    world.session.commit()
    (call,) = calls(world)
    note_told(
        world.session, call_id=call.id, version=None, outcome="Noon it is", actor=world.dispatcher, now=NOW + HOUR
    )
    with pytest.raises(Conflict, match="Ines Weber told Hale Dental a time"):
        undo_last(world.session, actor=world.dispatcher, now=NOW + HOUR)


def test_who_cannot_work_is_wished_well_and_an_undo_takes_it_back(world: World) -> None:
    for hour in (1, 2):
        book(world, world.visit(), EIGHT + hour * HOUR)
        told_before(world)
    world.session.commit()
    report_absence(
        world.session,
        technician_id=world.ana.id,
        start=NOW,
        end=NOW + 10 * HOUR,
        actor=world.dispatcher,
        now=NOW,
    )
    world.session.commit()
    state, body = told(world)[world.ana.id]
    assert state == "held"
    assert "Get well. Your 2 jobs are looked after." in body
    assert "Not yours any more" not in body
    undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert told(world)[world.ana.id][0] == "recalled"


def told_before(world: World) -> None:
    """Let everything that waits have been sent."""
    world.session.flush()
    for row in world.session.scalars(select(Message).where(Message.state == MessageState.HELD)).all():
        row.state, row.attempt_id, row.lease_until = MessageState.SENDING, uuid.uuid4(), NOW
        row.title = row.body = "said"
        world.session.flush()
        row.state, row.lease_until, row.sent_at = MessageState.SENT, None, NOW
    world.session.flush()


def test_the_preview_says_what_publishing_sends_and_keeps_nothing(world: World) -> None:
    visit, other = world.visit(), world.visit()
    plan = propose(world, {visit: (world.ana, EIGHT), other: (world.ben, EIGHT)})
    world.session.commit()
    shown = messages_preview(world.session, plan_id=plan.id, actor=world.dispatcher, now=NOW)
    assert [(each.recipient, each.channel) for each in shown] == [("Ana Ruiz", "text"), ("Ben Oduya", "text")]
    assert {each.goes_at for each in shown} == {NOW + timedelta(seconds=60)}
    assert told(world) == {}
    assert world.session.scalars(select(Assignment)).all() == []
    publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=NOW)
    assert {body for _, body in told(world).values()} == {each.body for each in shown}


class TestPromises:
    @pytest.fixture
    def visit(self, world: World) -> Visit:
        made = world.visit()
        make.make_promise(world.session, visit=made)  # from nine to eleven, UTC
        return made

    def test_while_it_holds_the_customer_is_left_in_peace(self, world: World, visit: Visit) -> None:
        made = book(world, visit, EIGHT + HOUR)
        move_assignment(world.session, assignment_id=made.id, start=EIGHT + 2 * HOUR, actor=world.dispatcher, now=NOW)
        assert calls(world) == []
        assert list(told(world)) == [world.ana.id]

    def test_breaking_it_is_one_call_with_the_newest_time_and_no_text(self, world: World, visit: Visit) -> None:
        made = book(world, visit, EIGHT + HOUR)
        for hour in (4, 5):
            move_assignment(
                world.session,
                assignment_id=made.id,
                start=EIGHT + hour * HOUR,
                actor=world.dispatcher,
                now=NOW,
                override_reason="The part comes at noon",
            )
        (call,) = calls(world)
        assert (call.kind, call.state) == (CallKind.PROMISE_BROKEN, CallState.OPEN)
        assert call.facts["start"] == (EIGHT + 5 * HOUR).isoformat()
        assert list(told(world)) == [world.ana.id]

    @pytest.mark.parametrize(
        "now, by, expected",
        [
            (NOW, None, NOW + timedelta(minutes=30)),
            (NOW, NOW + timedelta(minutes=10), NOW + timedelta(minutes=10)),
            (NOW + 14 * HOUR, None, NOW + 23 * HOUR),  # at ten in the evening: at seven the next morning
            (
                NOW + 14 * HOUR,
                NOW + 23 * HOUR,
                NOW + 14.5 * HOUR,
            ),  # it begins at seven itself
        ],
    )
    def test_nobody_is_to_be_called_at_night_unless_it_cannot_wait(
        self, world: World, visit: Visit, now: datetime, by: datetime | None, expected: datetime
    ) -> None:
        call_first(world.session, [BadNews(visit_id=visit.id, kind=CallKind.CANCELLED, facts={}, by=by)], now=now)
        assert [call.due_at for call in calls(world)] == [expected]

    def test_taken_back_the_call_is_not_needed(self, world: World, visit: Visit) -> None:
        book(world, visit, EIGHT + 4 * HOUR, override_reason="The part comes at noon")
        assert [call.state for call in calls(world)] == [CallState.OPEN]
        unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
        assert [call.state for call in calls(world)] == [CallState.WITHDRAWN]


class TestReports:
    def report(self, world: World, visit: Visit, kind: ReportKind, **more: Any) -> None:
        report_visit(
            world.session,
            report_id=uuid.uuid4(),
            visit_id=visit.id,
            technician_id=world.ana.id,
            kind=kind,
            happened_at=more.pop("happened_at", NOW),
            actor=world.dispatcher,
            now=NOW,
            **more,
        )

    @pytest.mark.parametrize("minutes_ago, told_of", [(0, 1), (14, 1), (16, 0)])
    def test_the_customer_hears_once_that_somebody_set_out(self, world: World, minutes_ago: int, told_of: int) -> None:
        customer = world.session.get_one(Customer, world.site.customer_id)
        customer.preferred_channel, customer.phone = "text", "+49 3"
        visit = world.visit()
        book(world, visit)
        for _ in range(2):
            self.report(world, visit, ReportKind.ON_THE_WAY, happened_at=NOW - timedelta(minutes=minutes_ago))
        rows = world.session.scalars(select(Message).where(Message.customer_id == customer.id)).all()
        assert len(rows) == told_of
        if rows:
            body = texts(world.session, rows)[rows[0].id].body
            assert "Ana Ruiz is on the way to you" in body

    @pytest.mark.parametrize(
        "kind, more",
        [
            (ReportKind.COULD_NOT_DO, {"reason": "No access"}),
            (ReportKind.DONE, {"fixed_first_time": False, "cause": "parts"}),
        ],
    )
    def test_a_second_visit_is_a_call_first(self, world: World, kind: ReportKind, more: dict[str, Any]) -> None:
        visit = world.visit()
        book(world, visit)
        self.report(world, visit, kind, **more)
        (call,) = calls(world)
        assert (call.kind, call.visit_id) == (CallKind.SECOND_VISIT, visit.id)
        assert call.facts["reason"] in more.values()
