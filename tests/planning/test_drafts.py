"""Later days stay a draft until they are published: nobody is told, the booking holds all the same."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.audit import verify_chain
from dispatch.core.errors import Conflict, Forbidden, NotFound
from dispatch.jobs.models import CrewSlot, Visit
from dispatch.messages.models import CallState, CallTask, Message, MessageState
from dispatch.messages.texts import texts
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.draft_publishing import (
    Blocked,
    DraftChanged,
    blocked,
    drafted,
    publish_draft,
    publish_due,
    take_draft_back,
)
from dispatch.planning.models import Assignment, AssignmentState, Plan, PlanState, ReportKind
from dispatch.planning.preview import preview
from dispatch.planning.publishing import accept_change
from dispatch.planning.service import (
    assign_visit,
    call_off_job,
    place_visit,
    publish_plan,
    redo_last,
    report_absence,
    report_visit,
    unassign_visit,
    undo_last,
)
from dispatch.planning.technician_day import changes_since, my_day
from tests import factories as make
from tests.planning.test_publishing import propose
from tests.planning.test_telling import told_before
from tests.planning.world import EIGHT, World, actor_of, make_reachable_world

HOUR = timedelta(hours=1)
YESTERDAY = make.MORNING - timedelta(days=1)  # of the day that is planned
LATER = YESTERDAY + HOUR


@pytest.fixture
def world(session: Session) -> World:
    return make_reachable_world(session)


def place(world: World, visit: Visit, who: Any = None, start: datetime = EIGHT + HOUR, **more: Any) -> None:
    """Put a visit somewhere as the board does, whether somebody has it or not."""
    booked = row(world, visit)
    values = {"actor": world.dispatcher, "now": YESTERDAY, "draft": True, **more}
    place_visit(
        world.session,
        visit_id=visit.id,
        technician_id=(who or world.ana).id,
        start=start,
        assignment_id=None if booked is None else booked.id,
        **values,
    )


def ben_works_the_day_before(world: World) -> None:
    """Give Ben a shift on the day on which the drafts of the next one are made."""
    make.make_shift(
        world.session,
        technician=world.ben,
        territory=world.territory,
        on_date=make.DAY - timedelta(days=1),
        during=Range(YESTERDAY, YESTERDAY + 8 * HOUR),
    )


def row(world: World, visit: Visit) -> Any:
    live = Assignment.state.not_in([AssignmentState.CANCELLED, AssignmentState.DECLINED])
    query = select(Assignment.id, Assignment.technician_id, Assignment.during, Assignment.state)
    return world.session.execute(query.where(Assignment.visit_id == visit.id, live)).first()


def published(world: World, visit: Visit, who: Any = None, start: datetime = EIGHT + HOUR) -> None:
    """Book a visit and let everybody hear of it."""
    assign_visit(
        world.session,
        visit_id=visit.id,
        technician_id=(who or world.ana).id,
        start=start,
        actor=world.dispatcher,
        now=YESTERDAY - HOUR,
    )
    told_before(world)


def seen(world: World) -> dict[int, int]:
    found = drafted(world.session, territories=[world.territory.id], day=make.DAY, zone=make.ZONE)
    return {each.visit_id: each.version for each in found}


def publish(world: World, **more: Any) -> list[int]:
    values = {"seen": seen(world), "actor": world.dispatcher, "now": LATER, **more}
    return publish_draft(world.session, **values)


def held(world: World) -> dict[int | None, str]:
    """Return what waits to be told, by technician."""
    query = select(Message).where(Message.state == MessageState.HELD).execution_options(populate_existing=True)
    rows = world.session.scalars(query).all()
    said = texts(world.session, rows)
    return {each.technician_id: said[each.id].body for each in rows}


def shown(world: World, who: Any) -> list[tuple[int, datetime]]:
    """Return what a technician sees of the day."""
    stops = my_day(world.session, who.id, day=make.DAY, zone=make.ZONE, now=LATER).stops
    return [(stop.visit_id, stop.start) for stop in stops]


def drafts(world: World) -> int:
    return len(world.session.scalars(select(DraftChange.crew_slot_id)).all())


def test_a_booking_of_a_later_day_holds_and_nobody_hears_of_it(world: World) -> None:
    visit, other = world.visit(), world.visit()
    place(world, visit)
    assert row(world, visit).technician_id == world.ana.id
    with pytest.raises(Conflict, match="Ana Ruiz"):
        place(world, other)
    assert held(world) == {}
    assert shown(world, world.ana) == []
    world.session.commit()
    assert changes_since(world.session, world.ana.id, since=YESTERDAY - HOUR, now=LATER) == []


def test_published_it_is_told_and_shown(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    assert publish(world) == [visit.id]
    world.session.commit()
    assert list(held(world)) == [world.ana.id]
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    changes = changes_since(world.session, world.ana.id, since=YESTERDAY + HOUR / 2, now=LATER)
    assert [(each.kind.value, each.visit_id) for each in changes] == [("new", visit.id)]
    assert drafts(world) == 0
    assert verify_chain(world.session) is None


def test_today_is_told_at_once(world: World) -> None:
    visit = world.visit()
    place(world, visit, now=make.MORNING)
    assert list(held(world)) == [world.ana.id]
    assert drafts(world) == 0


def test_until_then_people_believe_what_they_were_told_last(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 2 * HOUR)
    place(world, visit, who=world.ben, start=EIGHT + 3 * HOUR)
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    assert shown(world, world.ben) == []
    assert held(world) == {}
    publish(world)
    assert shown(world, world.ana) == []
    assert shown(world, world.ben) == [(visit.id, EIGHT + 3 * HOUR)]
    said = held(world)
    assert set(said) == {world.ana.id, world.ben.id}


def test_another_time_for_the_same_person_is_shown_as_it_was(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 4 * HOUR)
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=YESTERDAY, draft=True)
    assert row(world, visit) is None
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    publish(world)
    assert shown(world, world.ana) == []


def test_back_to_what_people_believe_is_no_draft_any_more(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 4 * HOUR)
    assert drafts(world) == 1
    place(world, visit, start=EIGHT + HOUR)
    assert drafts(world) == 0


def test_a_customer_is_called_only_when_the_broken_promise_is_published(world: World) -> None:
    visit = world.visit()
    make.make_promise(world.session, visit=visit, during=Range(EIGHT, EIGHT + 2 * HOUR))
    published(world, visit)
    place(world, visit, start=EIGHT + 4 * HOUR, actor=world.manager, override_reason="agreed by the owner")
    calls = select(CallTask).where(CallTask.visit_id == visit.id, CallTask.state == CallState.OPEN)
    assert world.session.scalars(calls).all() == []
    publish(world)
    assert len(world.session.scalars(calls).all()) == 1


def test_an_undo_of_the_booking_leaves_no_trace_of_the_draft(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    world.session.commit()
    place(world, visit, who=world.ben)
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    assert (drafts(world), held(world)) == (0, {})
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    world.session.commit()
    redo_last(world.session, actor=world.dispatcher, now=LATER)
    assert (drafts(world), held(world)) == (1, {})


def test_an_undo_of_publishing_makes_it_a_draft_again_and_recalls_the_messages(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first)
    place(world, first, who=world.ben)
    place(world, second, start=EIGHT + 4 * HOUR)
    world.session.commit()
    publish(world)
    world.session.commit()
    assert set(held(world)) == {world.ana.id, world.ben.id}
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    world.session.commit()
    assert held(world) == {}
    assert drafts(world) == 2
    assert shown(world, world.ana) == [(first.id, EIGHT + HOUR)]
    redo_last(world.session, actor=world.dispatcher, now=LATER)
    assert drafts(world) == 0
    assert shown(world, world.ana) == [(second.id, EIGHT + 4 * HOUR)]


def test_taken_back_it_is_as_people_believe(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first)
    place(world, first, who=world.ben, start=EIGHT + 3 * HOUR)
    place(world, second, start=EIGHT + 5 * HOUR)
    assert take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER) == [first.id, second.id]
    assert (row(world, first).technician_id, row(world, first).during.lower) == (world.ana.id, EIGHT + HOUR)
    assert row(world, second) is None
    assert (drafts(world), held(world)) == (0, {})


def test_what_cannot_go_back_since_the_time_is_taken_stays_as_it_is(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first)
    place(world, first, who=world.ben)
    place(world, second)
    only = {first.id: seen(world)[first.id]}
    with pytest.raises(Conflict, match="Ana Ruiz"):
        take_draft_back(world.session, seen=only, actor=world.dispatcher, now=LATER)
    assert row(world, first).technician_id == world.ben.id
    assert drafts(world) == 2


def test_nobody_gets_work_back_for_a_time_they_do_not_work_any_more(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    make.make_absence(world.session, technician=world.ana, during=Range(EIGHT, EIGHT + 3 * HOUR))
    with pytest.raises(Blocked, match="Nothing was taken back"):
        take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER)
    assert row(world, visit).technician_id == world.ben.id
    assert drafts(world) == 1


def test_two_who_were_exchanged_go_back_together(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first, start=EIGHT + HOUR)
    published(world, second, who=world.ben, start=EIGHT + HOUR)
    place(world, first, start=EIGHT + 4 * HOUR)
    place(world, second, who=world.ana, start=EIGHT + HOUR)
    place(world, first, who=world.ben, start=EIGHT + HOUR)
    take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER)
    assert (row(world, first).technician_id, row(world, second).technician_id) == (world.ana.id, world.ben.id)
    assert (drafts(world), held(world)) == (0, {})


def test_what_changed_since_one_looked_is_not_published(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    looked = seen(world)
    place(world, visit, start=EIGHT + 4 * HOUR)
    with pytest.raises(DraftChanged):
        publish(world, seen=looked)
    publish(world)
    with pytest.raises(DraftChanged):
        publish(world, seen=looked)


def test_some_of_it_may_be_published_alone(world: World) -> None:
    first, second = world.visit(), world.visit()
    place(world, first)
    place(world, second, start=EIGHT + 4 * HOUR)
    publish(world, seen={second.id: seen(world)[second.id]})
    assert shown(world, world.ana) == [(second.id, EIGHT + 4 * HOUR)]
    assert list(seen(world)) == [first.id]


def test_what_does_not_fit_any_more_is_blocked_with_the_reason(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    assert blocked(world.session, [visit.id], now=LATER) == {}
    world.shift.cancelled = True
    world.session.flush()
    with pytest.raises(Blocked, match="no shift"):
        publish(world)
    assert drafts(world) == 1
    assert list(blocked(world.session, [visit.id], now=LATER)) == [visit.id]


def test_days_that_are_read_together_say_what_each_says_alone(world: World) -> None:
    fits, late, gone = world.visit(), world.visit(), world.visit()
    place(world, fits)
    place(world, late, start=EIGHT + 4 * HOUR)
    place(world, gone, who=world.ben, start=EIGHT + 2 * HOUR)
    make.make_promise(world.session, visit=late, during=Range(EIGHT, EIGHT + HOUR))
    world.ben_shift.cancelled = True
    world.session.flush()
    visits = [fits.id, late.id, gone.id]
    together = blocked(world.session, visits, now=LATER)
    alone: dict[int, Any] = {}
    for visit_id in visits:
        alone |= blocked(world.session, [visit_id], now=LATER)
    assert together == alone
    assert set(together) == {late.id, gone.id}


def test_what_was_overridden_when_it_was_booked_blocks_nothing(world: World) -> None:
    visit = world.visit()
    make.make_promise(world.session, visit=visit, during=Range(EIGHT, EIGHT + HOUR))
    place(world, visit, start=EIGHT + 4 * HOUR, actor=world.manager, override_reason="agreed on the phone")
    assert blocked(world.session, [visit.id], now=LATER) == {}
    assert publish(world) == [visit.id]


def test_whoever_is_told_at_once_for_another_reason_hears_from_what_they_believed(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    call_off_job(
        world.session, job_id=visit.job_id, reason="moved away", actor=world.dispatcher, now=LATER, customer_knows=True
    )
    assert set(held(world)) == {world.ana.id}, "Ben never knew"
    assert drafts(world) == 0


def test_an_absence_frees_a_draft_without_telling_who_never_knew(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    report_absence(
        world.session,
        technician_id=world.ana.id,
        start=make.MORNING,
        end=make.MORNING + timedelta(days=1),
        actor=actor_of(world.user, "dispatcher", "manager"),
        now=LATER,
    )
    assert row(world, visit) is None
    assert drafts(world) == 0
    assert "Hale" not in " ".join(held(world).values())


def test_a_day_that_has_begun_is_published_by_itself(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    assert publish_due(world.session, actor=SYSTEM, now=LATER) == []
    assert publish_due(world.session, actor=SYSTEM, now=make.MORNING) == [visit.id]
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    assert publish_due(world.session, actor=SYSTEM, now=make.MORNING) == []


@pytest.mark.parametrize(("kind", "state"), [(ReportKind.ACCEPTED, "planned"), (ReportKind.DECLINED, "planned")])
def test_an_answer_to_what_one_believes_does_not_touch_the_draft(world: World, kind: ReportKind, state: str) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 4 * HOUR)
    told = report_visit(
        world.session,
        report_id=uuid.uuid4(),
        visit_id=visit.id,
        technician_id=world.ana.id,
        kind=kind,
        happened_at=LATER,
        reason="cannot" if kind is ReportKind.DECLINED else None,
        actor=actor_of(world.user, "technician", technician=world.ana),
        now=LATER,
    )
    assert row(world, visit).state.value == state
    assert "hear of it" in told.message or "dispatcher" in told.message
    assert drafts(world) == 1


def test_who_may_not_publish_is_refused(world: World) -> None:
    place(world, world.visit())
    with pytest.raises((Forbidden, NotFound)):
        publish(world, actor=actor_of(world.user, "technician", technician=world.ana))
    assert drafts(world) == 1


def test_a_published_plan_tells_from_what_people_believe_and_publishes_what_it_keeps(world: World) -> None:
    moved, kept = world.visit(), world.visit()
    published(world, moved)
    place(world, moved, who=world.ben)
    place(world, kept, start=EIGHT + 4 * HOUR)
    plan = propose(world, {moved: (world.ana, EIGHT + HOUR), kept: (world.ana, EIGHT + 4 * HOUR)})
    looked = preview(world.session, plan.id)
    assert [each.visit_id for each in looked.changes] == [kept.id], "Ana believes she has the other one"
    publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=LATER)
    assert set(held(world)) == {world.ana.id}
    assert drafts(world) == 0
    assert shown(world, world.ana) == [(moved.id, EIGHT + HOUR), (kept.id, EIGHT + 4 * HOUR)]


def test_one_change_of_a_plan_is_taken_over_as_a_draft_by_the_rules_of_the_board(world: World) -> None:
    first, second = world.visit(), world.visit()
    plan = propose(world, {first: (world.ana, EIGHT + HOUR), second: (world.ben, EIGHT + HOUR)})
    accept_change(world.session, plan_id=plan.id, visit_id=second.id, actor=world.dispatcher, now=YESTERDAY)
    assert row(world, second).technician_id == world.ben.id
    assert row(world, first) is None
    assert (drafts(world), held(world)) == (1, {})
    assert world.session.get_one(Plan, plan.id).state is PlanState.PROPOSED
    with pytest.raises(Conflict, match="as the plan says"):
        accept_change(world.session, plan_id=plan.id, visit_id=second.id, actor=world.dispatcher, now=YESTERDAY)


def test_a_change_of_a_plan_that_needs_others_to_move_first_is_refused(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first)
    plan = propose(world, {first: (world.ben, EIGHT + HOUR), second: (world.ana, EIGHT + HOUR)})
    with pytest.raises(Conflict):
        accept_change(world.session, plan_id=plan.id, visit_id=second.id, actor=world.dispatcher, now=YESTERDAY)
    assert row(world, second) is None


def test_a_crew_is_told_whole_from_what_each_believes(world: World) -> None:
    visit = world.visit(crew=2)
    published(world, visit)
    slots = world.session.scalars(
        select(CrewSlot.id).where(CrewSlot.visit_id == visit.id).order_by(CrewSlot.position)
    ).all()
    place_visit(
        world.session,
        visit_id=visit.id,
        technician_id=world.ben.id,
        start=EIGHT + HOUR,
        crew_slot_id=slots[1],
        actor=world.dispatcher,
        now=YESTERDAY,
        draft=True,
    )
    assert (shown(world, world.ana), shown(world, world.ben)) == ([(visit.id, EIGHT + HOUR)], [])
    assert publish(world) == [visit.id]
    assert list(held(world)) == [world.ben.id], "nothing changes for Ana"


def test_what_goes_to_today_is_told_at_once_and_is_a_draft_no_more(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    ben_works_the_day_before(world)
    place(world, visit, who=world.ben, start=YESTERDAY + 3 * HOUR, now=YESTERDAY)
    assert list(held(world)) == [world.ben.id], "Ana never knew"
    assert drafts(world) == 0


def test_a_message_that_waits_says_what_was_published(world: World) -> None:
    visit = world.visit()
    assign_visit(
        world.session,
        visit_id=visit.id,
        technician_id=world.ana.id,
        start=EIGHT + HOUR,
        actor=world.dispatcher,
        now=YESTERDAY,
    )
    before = held(world)
    place(world, visit, who=world.ben, now=YESTERDAY + timedelta(seconds=5))
    assert held(world) == before
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]


def test_steps_are_walked_back_one_by_one(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    world.session.commit()
    publish(world)
    world.session.commit()
    place(world, visit, who=world.ben, now=LATER)
    world.session.commit()
    seen_by = []
    for _ in range(3):
        undo_last(world.session, actor=world.dispatcher, now=LATER)
        world.session.commit()
        seen_by.append((drafts(world), [bool(shown(world, who)) for who in (world.ana, world.ben)]))
    assert seen_by == [(0, [True, False]), (1, [False, False]), (0, [False, False])]
    assert row(world, visit) is None
    assert held(world) == {}
