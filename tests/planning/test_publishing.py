from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.core.errors import Conflict, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CrewSlot, Job, Visit
from dispatch.matching import solve
from dispatch.matching.plan import Plan as Answer
from dispatch.matching.plan import Route, Stop, Unassigned
from dispatch.planning.leases import release_leases, take_leases
from dispatch.planning.models import Assignment, AssignmentState, Plan, PlanRequest, PlanState, RequestState
from dispatch.planning.service import (
    PublishReport,
    assign_visit,
    move_assignment,
    publish_plan,
    redo_last,
    request_plan,
    unassign_visit,
    undo_last,
)
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.planning.store import store_plan
from dispatch.workforce.models import Technician
from tests import factories as make
from tests.conftest import statements
from tests.planning.world import EIGHT, World, actor_of, make_world

NOW = make.MORNING - timedelta(hours=1)
Spots = Mapping[Visit, tuple[Technician, datetime]]


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def propose(world: World, spots: Spots, *, unserved: Sequence[Visit] = (), request_id: int | None = None) -> Plan:
    """Store a proposal that puts visits exactly here; a solved request without a solver."""
    session = world.session
    scope = [(world.territory.id, make.DAY)]
    if request_id is None:
        request_id = request_plan(session, scope=scope, actor=SYSTEM, now=NOW).id
    take_leases(session, request_id=request_id, scope=scope)
    request = session.get_one(PlanRequest, request_id, populate_existing=True)
    snapshot = read_snapshot(session, scope=scope, policy=active_policy(session), now=NOW)
    shifts = {shift.technician: shift.id for shift in snapshot.problem.shifts}
    stops: dict[str, list[Stop]] = {}
    for visit, (person, start) in sorted(spots.items(), key=lambda item: item[1][1]):
        begin = snapshot.clock.seconds(start)
        stops.setdefault(str(person.id), []).append(
            Stop(
                visit=str(visit.id),
                arrive_s=begin,
                start_s=begin,
                end_s=begin + visit.duration_s,
                travel_s=600,
                travel_m=6000,
                travel_source="great_circle",
            )
        )
    answer = Answer(
        routes=tuple(
            Route(shift=shifts[who], technician=who, depart_s=0, finish_s=86_400, stops=tuple(items))
            for who, items in stops.items()
        ),
        unassigned=tuple(Unassigned(visit=str(visit.id)) for visit in unserved),
    )
    plan = store_plan(session, request=request, snapshot=snapshot, answer=answer, baseline=None, violations=(), now=NOW)
    request.state = RequestState.SOLVED
    session.flush()
    release_leases(session, request_id=request_id)
    return plan


def where(world: World) -> dict[int, tuple[int, datetime]]:
    world.session.expire_all()
    rows = world.session.scalars(select(Assignment).where(Assignment.state != AssignmentState.CANCELLED))
    return {row.visit_id: (row.technician_id, row.during.lower) for row in rows}


def publish(world: World, plan: Plan, actor: Actor | None = None) -> PublishReport:
    report = publish_plan(world.session, plan_id=plan.id, actor=actor or world.dispatcher, now=NOW)
    world.session.commit()
    return report


def test_a_proposal_becomes_committed(world: World) -> None:
    first, second = world.visit(), world.visit()
    later = EIGHT + timedelta(hours=2)
    plan = propose(world, {first: (world.ana, EIGHT), second: (world.ben, later)})

    report = publish(world, plan)

    assert (report.assigned, report.complete) == ((first.id, second.id), True)
    assert where(world) == {first.id: (world.ana.id, EIGHT), second.id: (world.ben.id, later)}
    assert world.session.get_one(Visit, first.id).state is VisitState.PLANNED
    assert world.session.get_one(Job, first.job_id).state is JobState.PLANNED
    stored = world.session.get_one(Plan, plan.id)
    assert (stored.state, stored.published_by_id) == (PlanState.PUBLISHED, world.user.id)
    with pytest.raises(Conflict, match="is published"):
        publish(world, plan)


def test_two_people_swap_their_visits_in_one_go(world: World) -> None:
    first, second = world.visit(), world.visit()
    for visit, person in ((first, world.ana), (second, world.ben)):
        assign_visit(
            world.session, visit_id=visit.id, technician_id=person.id, start=EIGHT, actor=world.dispatcher, now=NOW
        )
    report = publish(world, propose(world, {first: (world.ben, EIGHT), second: (world.ana, EIGHT)}))
    assert report.moved == (first.id, second.id)
    assert where(world) == {first.id: (world.ben.id, EIGHT), second.id: (world.ana.id, EIGHT)}


def test_one_person_s_visits_change_their_order(world: World) -> None:
    first, second = world.visit(), world.visit()
    later = EIGHT + timedelta(hours=1)
    for visit, start in ((first, EIGHT), (second, later)):
        assign_visit(
            world.session,
            visit_id=visit.id,
            technician_id=world.ana.id,
            start=start,
            actor=world.dispatcher,
            now=NOW,
            override_reason="Same street",
        )
    publish(world, propose(world, {first: (world.ana, later), second: (world.ana, EIGHT)}))
    assert where(world) == {first.id: (world.ana.id, later), second.id: (world.ana.id, EIGHT)}


def test_what_changed_meanwhile_is_reported_and_left_alone(world: World) -> None:
    moved, cancelled, started, fine = (world.visit() for _ in range(4))
    made = {
        visit: assign_visit(
            world.session,
            visit_id=visit.id,
            technician_id=world.ana.id,
            start=EIGHT + timedelta(hours=number * 1.5),
            actor=world.dispatcher,
            now=NOW,
        )
        for number, visit in enumerate((moved, started))
    }
    plan = propose(
        world,
        {
            moved: (world.ben, EIGHT),
            cancelled: (world.ben, EIGHT + timedelta(hours=2)),
            started: (world.ben, EIGHT + timedelta(hours=4)),
            fine: (world.ana, EIGHT + timedelta(hours=4)),
        },
    )
    elsewhere = EIGHT + timedelta(hours=3)
    move_assignment(world.session, assignment_id=made[moved].id, start=elsewhere, actor=world.dispatcher, now=NOW)
    world.session.get_one(Visit, cancelled.id, populate_existing=True).state = VisitState.CANCELLED
    on_site = world.session.get_one(Assignment, made[started].id, populate_existing=True)
    on_site.state = AssignmentState.ON_SITE
    world.session.flush()

    report = publish(world, plan)

    assert report.changed == (moved.id, cancelled.id, started.id)
    assert report.assigned == (fine.id,)
    assert where(world)[moved.id] == (world.ana.id, elsewhere)
    assert where(world)[started.id][0] == world.ana.id
    assert cancelled.id not in where(world)


def test_a_time_taken_meanwhile_is_reported_and_pushes_nobody_out(world: World) -> None:
    """A new booking takes the time of the first visit; the second was to move into the time the first leaves."""
    first, second, urgent = world.visit(), world.visit(), world.visit()
    assign_visit(
        world.session, visit_id=second.id, technician_id=world.ben.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    plan = propose(world, {first: (world.ana, EIGHT), second: (world.ana, EIGHT + timedelta(hours=3))})
    assign_visit(
        world.session, visit_id=urgent.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    report = publish(world, plan)
    assert (report.taken, report.moved) == ((first.id,), (second.id,))
    assert where(world)[urgent.id] == (world.ana.id, EIGHT)
    assert first.id not in where(world)


def test_a_visit_left_behind_keeps_its_place_and_others_give_way(world: World) -> None:
    """The first visit cannot be moved any more, so the second, meant for its place, stays where it is too."""
    first, second = world.visit(), world.visit()
    made = assign_visit(
        world.session, visit_id=first.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    plan = propose(world, {first: (world.ben, EIGHT), second: (world.ana, EIGHT)})
    world.session.get_one(Assignment, made.id, populate_existing=True).state = AssignmentState.ON_THE_WAY
    world.session.flush()
    report = publish(world, plan)
    assert (report.changed, report.taken) == ((first.id,), (second.id,))
    assert where(world) == {first.id: (world.ana.id, EIGHT)}


def test_a_visit_the_plan_leaves_out_is_freed_with_a_next_step(world: World) -> None:
    kept, dropped = world.visit(), world.visit()
    for visit, person in ((kept, world.ana), (dropped, world.ben)):
        assign_visit(
            world.session, visit_id=visit.id, technician_id=person.id, start=EIGHT, actor=world.dispatcher, now=NOW
        )
    report = publish(world, propose(world, {kept: (world.ana, EIGHT)}, unserved=[dropped]))
    assert (report.kept, report.freed) == ((kept.id,), (dropped.id,))
    job = world.session.get_one(Job, dropped.job_id)
    assert (job.state, job.next_step) == (JobState.OPEN, "Find a time and a technician")
    assert job.owner_id is not None


def test_a_crew_is_published_whole(world: World) -> None:
    visit = world.visit(crew=2)
    slots = list(world.session.scalars(select(CrewSlot.id).where(CrewSlot.visit_id == visit.id).order_by(CrewSlot.id)))
    scope = [(world.territory.id, make.DAY)]
    request_id = request_plan(world.session, scope=scope, actor=SYSTEM, now=NOW).id
    snapshot = read_snapshot(world.session, scope=scope, policy=active_policy(world.session), now=NOW)
    answer = solve(snapshot.problem, step_limit=50, time_limit_s=20)
    take_leases(world.session, request_id=request_id, scope=scope)
    request = world.session.get_one(PlanRequest, request_id)
    plan = store_plan(
        world.session, request=request, snapshot=snapshot, answer=answer, baseline=None, violations=(), now=NOW
    )
    request.state = RequestState.SOLVED
    assert publish(world, plan).assigned == (visit.id,)
    rows = world.session.scalars(select(Assignment).where(Assignment.visit_id == visit.id)).all()
    assert {row.crew_slot_id for row in rows} == set(slots)
    assert len({row.during for row in rows}) == 1
    assert {row.technician_id for row in rows} == {world.ana.id, world.ben.id}


def test_a_plan_overtaken_by_a_later_run_is_refused(world: World) -> None:
    visit = world.visit()
    early = propose(world, {visit: (world.ana, EIGHT)})
    late = propose(world, {visit: (world.ben, EIGHT)})
    with pytest.raises(Conflict, match="A later run covers the same day"):
        publish(world, early)
    publish(world, late)
    assert world.session.get_one(Plan, early.id, populate_existing=True).state is PlanState.SUPERSEDED
    assert where(world) == {visit.id: (world.ben.id, EIGHT)}


def test_a_later_run_that_failed_is_no_obstacle(world: World) -> None:
    visit = world.visit()
    plan = propose(world, {visit: (world.ana, EIGHT)})
    later = propose(world, {visit: (world.ben, EIGHT)})
    request = world.session.get_one(PlanRequest, later.plan_request_id, populate_existing=True)
    request.state = RequestState.FAILED
    world.session.flush()
    assert publish(world, plan).assigned == (visit.id,)


def test_publishing_can_be_undone_and_done_again(world: World) -> None:
    stays, moves, comes = (world.visit() for _ in range(3))
    for visit, person in ((stays, world.ana), (moves, world.ben)):
        assign_visit(
            world.session, visit_id=visit.id, technician_id=person.id, start=EIGHT, actor=world.dispatcher, now=NOW
        )
    world.session.commit()
    before = where(world)
    later = EIGHT + timedelta(hours=3)
    plan = propose(world, {stays: (world.ana, EIGHT), moves: (world.ana, later), comes: (world.ben, later)})
    publish(world, plan)
    after = where(world)
    assert after != before

    undone = undo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert (undone.action, undone.visit_ids) == ("publish", tuple(sorted((moves.id, comes.id))))
    assert where(world) == before
    assert world.session.get_one(Plan, plan.id).state is PlanState.PROPOSED

    redo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert where(world) == after
    assert world.session.get_one(Plan, plan.id).state is PlanState.PUBLISHED


def test_publishing_undone_after_somebody_moved_on_is_refused(world: World) -> None:
    visit = world.visit()
    publish(world, propose(world, {visit: (world.ana, EIGHT)}))
    other = actor_of(make.make_user(world.session), "dispatcher")
    unassign_visit(world.session, visit_id=visit.id, actor=other, now=NOW)
    world.session.commit()
    with pytest.raises(Conflict, match="changed the same booking just now"):
        undo_last(world.session, actor=world.dispatcher, now=NOW)


def test_history_of_each_visit_tells_of_the_publishing(world: World) -> None:
    visit = world.visit()
    publish(world, propose(world, {visit: (world.ana, EIGHT)}))
    events = world.session.scalars(select(AuditEvent).where(AuditEvent.action == "publish").order_by(AuditEvent.seq))
    found = {event.entity: event for event in events}
    assert found["visit"].entity_id == str(visit.id)
    assert found["visit"].inverse is None
    assert found["plan"].inverse is not None
    assert found["plan"].after == {**dict.fromkeys(("moved", "kept", "freed", "changed", "taken"), 0), "assigned": 1}


def test_only_who_may_publish_there_may(world: World) -> None:
    plan = propose(world, {world.visit(): (world.ana, EIGHT)})
    elsewhere = make.make_territory(world.session)
    stranger = Actor(user_id=world.user.id, name="X", grants=(Grant(role="dispatcher", territory_id=elsewhere.id),))
    with pytest.raises(NotFound):
        publish(world, plan, stranger)
    with pytest.raises(NotFound):
        publish_plan(world.session, plan_id=10**8, actor=world.dispatcher, now=NOW)


def test_statements_do_not_grow_with_the_plan(world: World, engine: Engine) -> None:
    counts = []
    for size in (1, 6):
        people = [make.make_technician(world.session, territory=world.territory) for _ in range(size)]
        for person in people:
            make.make_shift(world.session, technician=person, territory=world.territory)
        plan = propose(world, {world.visit(): (person, EIGHT) for person in people})
        with statements(engine) as sent:
            publish_plan(world.session, plan_id=plan.id, actor=world.dispatcher, now=NOW)
        world.session.commit()
        counts.append(sent.count)
    assert counts[1] - counts[0] <= 2
    assert counts[1] <= 40
