"""Facts of an organisation that the matcher can name: partners' limits and papers, rest, set-up, scarce skills."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict, Invalid
from dispatch.planning.assigning import judge
from dispatch.planning.candidates import candidates_for
from dispatch.planning.explaining import groups_of
from dispatch.planning.models import AssignmentState
from dispatch.planning.policy import read_rules, read_weights
from dispatch.planning.snapshot import Snapshot, active_policy, read_snapshot
from dispatch.workforce.models import Partner, PartnerDocument, Territory
from tests import factories as make
from tests.planning.world import World, make_world

HOUR = 3_600
NEXT_DAY = make.DAY + timedelta(days=1)


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def read(world: World, *days: date, **changes: Any) -> Snapshot:
    world.session.flush()
    scope = [(world.territory.id, day) for day in days or (make.DAY,)]
    values = {"scope": scope, "policy": active_policy(world.session), "now": make.MORNING - timedelta(hours=9)}
    return read_snapshot(world.session, **(values | changes))


def hire(world: World, **changes: Any) -> Partner:
    """Let Ana work for a partner."""
    partner = make.make_partner(world.session, **changes)
    world.ana.partner_id = partner.id
    return partner


def paper(world: World, partner: Partner, first: date, end: date, **changes: Any) -> None:
    values = {"partner_id": partner.id, "kind": "insurance", "valid": Range(first, end)}
    world.session.add(PartnerDocument(**(values | changes)))


def elsewhere(world: World) -> Territory:
    return make.make_territory(world.session, zone=world.territory.zone)


def test_a_partner_takes_so_many_visits_a_day(world: World) -> None:
    partner = hire(world, daily_capacity=3)
    assert [(item.id, item.visits_a_day) for item in read(world).problem.partners] == [(str(partner.id), 3)]


def test_no_limit_is_told_for_a_partner_without_one(world: World) -> None:
    hire(world)
    assert read(world).problem.partners == ()


@pytest.mark.parametrize("state, left", [(AssignmentState.PLANNED, 2), (AssignmentState.CANCELLED, 3)])
def test_what_a_partner_has_in_another_territory_that_day_is_taken_off(
    world: World, state: AssignmentState, left: int
) -> None:
    partner = hire(world, daily_capacity=3)
    far = elsewhere(world)
    colleague = make.make_technician(world.session, territory=far, partner_id=partner.id)
    shift = make.make_shift(world.session, technician=colleague, territory=far)
    visit = make.make_visit(world.session, job=make.make_job(world.session, site=world.site))
    make.make_assignment(world.session, visit=visit, technician=colleague, shift=shift, state=state)
    assert [item.visits_a_day for item in read(world).problem.partners] == [left]
    both = [(world.territory.id, make.DAY), (far.id, make.DAY)]
    assert [item.visits_a_day for item in read(world, scope=both).problem.partners] == [3], "it is part of the plan now"


@pytest.mark.parametrize(
    "papers, works",
    [
        ([], True),
        ([(-30, 30, True)], True),
        ([(-30, -1, True)], False),
        ([(-30, -1, True), (-1, 300, True)], True),
        ([(-30, -1, True), (2, 300, True)], False),
        ([(-30, 0, True)], False),
        ([(-30, 1, True)], True),
        ([(-30, -1, False)], True),
    ],
)
def test_nobody_is_planned_whose_company_lacks_a_paper_that_day(
    world: World, papers: list[tuple[int, int, bool]], works: bool
) -> None:
    """Days are counted from the day planned; the second is the first on which the paper is not valid any more."""
    partner = hire(world)
    for first, end, required in papers:
        paper(world, partner, make.DAY + timedelta(days=first), make.DAY + timedelta(days=end), required=required)
    found = read(world)
    assert (str(world.ana.id) in {shift.technician for shift in found.problem.shifts}) is works
    assert (world.ana.id in found.without_papers) is not works
    assert str(world.ben.id) in {shift.technician for shift in found.problem.shifts}


def test_a_lapsed_paper_is_named_to_who_asks_and_who_assigns(world: World) -> None:
    partner = hire(world)
    paper(world, partner, make.DAY - timedelta(days=30), make.DAY)
    visit = world.visit()
    world.session.flush()
    now = make.MORNING - timedelta(hours=9)
    found = candidates_for(world.session, visit_id=visit.id, territory_id=world.territory.id, day=make.DAY, now=now)
    assert [row.name for row in found.ranked] == ["Ben Oduya"]
    assert [(row.name, row.code) for row in found.excluded] == [("Ana Ruiz", "without_papers")]
    assert "lacks a paper" in found.excluded[0].words
    assert [(each.number, each.words) for each in groups_of(found.excluded)] == [
        (1, "works for a partner whose papers have lapsed")
    ]
    (slot,) = read(world).slots[visit.id]
    with pytest.raises(Conflict, match="paper"):
        judge(world.session, visit=visit, crew_slot_id=slot, technician_id=world.ana.id, start=make.MORNING, now=now)


def test_who_is_out_already_finishes_the_day_without_the_paper(world: World) -> None:
    partner = hire(world)
    paper(world, partner, make.DAY - timedelta(days=30), make.DAY)
    make.make_assignment(
        world.session, visit=world.visit(), technician=world.ana, shift=world.shift, state=AssignmentState.ON_SITE
    )
    assert str(world.ana.id) in {shift.technician for shift in read(world).problem.shifts}


@pytest.mark.parametrize(
    "next_start_h, end_h, overtime_h",
    [
        (24, 8, 2),  # eleven hours of rest leave until 13: nothing changes
        (20, 8, 1),  # home after 9 hours at the latest
        (19, 8, 0),
        (18, 7, 0),
    ],
)
def test_a_day_ends_early_enough_for_the_rest_before_the_next_one(
    world: World, next_start_h: float, end_h: float, overtime_h: float
) -> None:
    world.shift.overtime_limit_s = 2 * HOUR
    far = elsewhere(world)
    during = make.hours(next_start_h, next_start_h + 2)
    make.make_shift(world.session, technician=world.ana, territory=far, on_date=NEXT_DAY, during=during)
    found = read(world)
    shift = next(item for item in found.problem.shifts if item.technician == str(world.ana.id))
    morning_s = found.clock.seconds(make.MORNING)
    assert (shift.end_s - morning_s, shift.overtime_limit_s) == (end_h * HOUR, overtime_h * HOUR)
    assert all(person.min_rest_s == 11 * HOUR for person in found.problem.technicians)


def test_a_day_in_two_parts_needs_no_rest_between_them(world: World) -> None:
    make.make_shift(world.session, technician=world.ana, territory=world.territory, during=make.hours(9, 11))
    found = read(world)
    assert sum(shift.technician == str(world.ana.id) for shift in found.problem.shifts) == 2
    assert found.problem.technician_by_id[str(world.ana.id)].min_rest_s == 0


def test_a_cancelled_shift_asks_for_no_rest(world: World) -> None:
    world.shift.overtime_limit_s = 2 * HOUR
    make.make_shift(
        world.session,
        technician=world.ana,
        territory=world.territory,
        on_date=NEXT_DAY,
        during=make.hours(19, 21),
        cancelled=True,
    )
    assert max(shift.overtime_limit_s for shift in read(world).problem.shifts) == 2 * HOUR


def test_set_up_is_a_part_of_the_work_that_is_saved_at_the_same_site(world: World) -> None:
    world.visit(duration_s=HOUR, setup_s=600)
    (visit,) = read(world).problem.visits
    assert (visit.duration_s, visit.setup_s) == (HOUR + 600, 600)


def test_prices_of_scarce_skills_come_from_outside_and_the_policy_outranks_them(world: World) -> None:
    assert read(world).problem.policy.scarcity_per_hour == {}
    assert read(world, scarcity={world.skill.id: 900}).problem.policy.scarcity_per_hour == {str(world.skill.id): 900}
    stored = make.make_policy(world.session, weights={"scarcity_per_hour": {"7": 100}})
    priced = read(world, policy=stored, scarcity={world.skill.id: 900})
    assert priced.problem.policy.scarcity_per_hour == {"7": 100}


def test_a_policy_may_ask_for_fairness_and_few_changes_but_not_for_leaving_late() -> None:
    names = {"uneven_load_percent": 20, "long_overtime_percent": 30, "max_changes": 5}
    weights = read_weights(names, read_rules({"min_rest_s": 0}))
    assert (weights.uneven_load_percent, weights.long_overtime_percent, weights.max_changes) == (20, 30, 5)
    with pytest.raises(Invalid, match="leave_late"):
        read_weights({"leave_late": True}, read_rules({}))


@pytest.mark.parametrize(
    "since",
    [
        {"due_at": make.MORNING - timedelta(days=5)},
        {"promise": make.hours(-4, -2)},
        {"due_at": make.MORNING + timedelta(hours=1)},
    ],
    ids=["a target long ago", "a promise before the day begins", "a target this morning"],
)
def test_who_waits_longest_is_served_late_rather_than_left_out(world: World, since: dict[str, Any]) -> None:
    """A visit left out is late as well, until what is planned ends; else it paid to leave out the worst of them."""
    promised = since.pop("promise", None)
    late, fresh = world.visit(**since), world.visit()
    if promised is not None:
        make.make_promise(world.session, visit=late, during=promised)
    found = read(world).problem
    visit = found.visit_by_id[str(late.id)]
    assert visit.due_s is not None
    assert visit.lateness_rate is not None
    last_start = max(shift.end_s for shift in found.shifts)
    latest = visit.lateness_rate * (last_start - visit.due_s)
    assert latest > 0
    assert found.penalty(visit) - latest > found.penalty(found.visit_by_id[str(fresh.id)]) - HOUR
    assert found.visit_by_id[str(fresh.id)].unserved_penalty is None
