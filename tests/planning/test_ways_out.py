"""What would have to change: every change that is told brings about what it says."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy.orm import Session

from dispatch.jobs.models import CustomerPerson, Job, PersonLinkKind
from dispatch.matching import Plan, Problem, changes, solve
from dispatch.matching.explain import Effect, Remedy
from dispatch.matching.solvers.obstacles import written_plan
from dispatch.matching.solvers.remedies import rigid_visits, trial
from dispatch.planning import desks
from dispatch.planning.candidates import CandidateList, CandidateRow, candidates_on
from dispatch.planning.desks import PreparedDay, day_for, not_of
from dispatch.planning.explaining import with_off_shift
from dispatch.planning.service import assign_visit, move_assignment
from dispatch.planning.snapshot import Snapshot
from dispatch.planning.ways_out import StepKind, WayOut, remedies_for, ways_out
from tests import factories as make
from tests.matching.random_days import day
from tests.planning.world import EIGHT, World, make_world

NOW = make.MORNING
BEFORE_ALL = -86_400


def prepared(problem: Problem, plan: Plan) -> PreparedDay:
    """Lay a generated day out as one that was read from the database."""
    snapshot = cast(Snapshot, SimpleNamespace(problem=problem))
    return PreparedDay(territory_id=0, day=make.DAY, snapshot=snapshot, plan=plan, read_at=NOW)


def of_one_territory(problem: Problem) -> Problem:
    """Let all visits belong to the territory that asks; the places of a generated day are names."""
    return replace(problem, visits=tuple(replace(visit, territory="0") for visit in problem.visits))


def applied(asked: PreparedDay, visit: Any, remedy: Remedy) -> PreparedDay:
    """Make the changes for good: the facts are otherwise, and what is given away is booked with whoever takes it."""
    problem = asked.snapshot.problem
    made = trial(asked.problem_for(visit), asked.plan, remedy.changes, rigid_visits(problem) | not_of(problem, 0))
    assert made is not None
    return prepared(changes.applied(problem, remedy.changes), written_plan(made, asked.plan))


@pytest.mark.slow
def test_two_hundred_pairs_do_what_is_said_when_they_are_applied() -> None:
    chosen = random.Random(11)
    told = 0
    for number in range(200):
        problem = of_one_territory(day(number))
        asked = prepared(problem, solve(problem, time_limit_s=None, step_limit=10))
        visit: Any = chosen.choice(problem.visits).id
        person = chosen.choice(problem.technicians).id
        found = remedies_for(asked, visit_id=visit, technician=person, slot=0, now_s=BEFORE_ALL)
        assert len(found) <= 3
        for remedy in found:
            assert not {type(change) for change in remedy.changes} & {changes.Prefer, changes.AddShift}
            again = applied(asked, visit, remedy).desk.survey(visit)
            [stated] = remedy.candidates
            mine = next(one for one in again.ranked if one.technician == person)
            assert (mine.start_s, mine.cost.total) == (stated.start_s, stated.cost.total), (number, remedy)
            if remedy.effect is Effect.CHEAPEST:
                assert again.ranked[0].cost.total == mine.cost.total
        told += bool(found)
    assert told > 90


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def asked(world: World, visit_id: int) -> tuple[PreparedDay, CandidateList]:
    desks.forget()
    found = day_for(world.session, territory_id=world.territory.id, day=make.DAY, now=NOW, visit_id=visit_id)
    listing = candidates_on(world.session, found, visit_id=visit_id, now=NOW)
    return found, with_off_shift(world.session, listing, territory_id=world.territory.id)


def ways(world: World, visit_id: int, technician_id: int) -> tuple[WayOut, ...]:
    return ways_out(world.session, *asked(world, visit_id), technician_id=technician_id, now=NOW)


def ranked(world: World, visit_id: int, technician_id: int) -> CandidateRow:
    return next(row for row in asked(world, visit_id)[1].ranked if row.technician_id == technician_id)


def test_a_certificate_that_is_renewed_does_what_was_said(world: World) -> None:
    permit = make.make_certification_kind(world.session, name="Gas permit")
    job = make.make_job(world.session, site=world.site, owner=world.user)
    visit = make.make_visit(world.session, job=job, needs={world.skill: 3}, certifications=(permit,))
    make.make_certification(world.session, technician=world.ben, kind=permit)
    [way] = ways(world, visit.id, world.ana.id)
    [step] = way.steps
    assert (step.kind, step.words) == (
        StepKind.NEXT_STEP,
        "Ana Ruiz renews “Gas permit”, and it is confirmed for that day",
    )
    assert "Ben Oduya" in way.result
    make.make_certification(world.session, technician=world.ana, kind=permit)
    row = ranked(world, visit.id, world.ana.id)
    assert (row.start_at, row.total_s) == (way.start_at, way.total_s)


def test_a_visit_that_is_handed_over_makes_the_room_that_was_said(world: World) -> None:
    other = world.visit(window=make.hours(1, 1.2))
    job = make.make_job(world.session, site=world.site, owner=world.user)
    rare = make.make_skill(world.session, name="Heat pumps")
    make.make_proficiency(world.session, technician=world.ana, skill=rare, mean=4.0)
    visit = make.make_visit(world.session, job=job, needs={rare: 3}, window=make.hours(1, 1.2))
    booking = assign_visit(
        world.session, visit_id=other.id, technician_id=world.ana.id, start=EIGHT, actor=world.dispatcher, now=NOW
    )
    found = ways(world, visit.id, world.ana.id)
    way = next(one for one in found if one.steps[0].kind is StepKind.HAND_OVER)
    [step] = way.steps
    assert (step.visit_id, step.technician_id) == (other.id, world.ben.id)
    assert step.words == f"“{world.session.get_one(Job, other.job_id).title}” at Hale Dental goes to Ben Oduya"
    move_assignment(
        world.session,
        assignment_id=booking.id,
        technician_id=world.ben.id,
        start=ranked(world, other.id, world.ben.id).start_at,
        actor=world.dispatcher,
        now=NOW,
    )
    row = ranked(world, visit.id, world.ana.id)
    assert (row.start_at, row.total_s) == (way.start_at, way.total_s)


def test_whom_the_customer_refuses_needs_the_customer(world: World) -> None:
    visit = world.visit()
    refused = CustomerPerson(
        customer_id=world.site.customer_id, technician_id=world.ben.id, kind=PersonLinkKind.EXCLUDED
    )
    world.session.add(refused)
    world.session.flush()
    [way] = ways(world, visit.id, world.ben.id)
    assert [(step.kind, step.words) for step in way.steps] == [
        (StepKind.CUSTOMER, "Hale Dental takes Ben Oduya after all")
    ]


def test_nobody_is_asked_to_work_when_they_are_away(world: World) -> None:
    make.make_absence(world.session, technician=world.ben)
    off = make.make_technician(world.session, territory=world.territory, name="Olga Off")
    visit = world.visit()
    assert ways(world, visit.id, world.ben.id) == ()
    assert ways(world, visit.id, off.id) == ()


def test_nothing_is_said_of_who_is_first_already(world: World) -> None:
    visit = world.visit()
    _, listing = asked(world, visit.id)
    assert ways(world, visit.id, listing.ranked[0].technician_id) == ()
