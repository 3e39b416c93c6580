"""The page of a plan: three columns counted alike, what is left out by reason, what to mend in the input."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.planning import plan_page
from dispatch.planning.models import PlanUnserved
from dispatch.planning.plan_input import input_problems
from dispatch.planning.plan_page import comparison, unserved_groups, unserved_of
from dispatch.planning.service import assign_visit
from tests import factories as make
from tests.conftest import statements
from tests.planning.test_publishing import NOW, propose
from tests.planning.world import EIGHT, World, make_world


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def left_out(world: World, plan_id: int, code: str, **changes: Any) -> int:
    visit = world.visit(**changes)
    reasons = [{"code": code, "params": {}}, {"code": "window_past", "params": {}}]
    world.session.add(PlanUnserved(plan_id=plan_id, visit_id=visit.id, reasons=reasons))
    world.session.flush()
    return visit.id


def test_columns_are_counted_alike_and_say_who_would_hear(world: World) -> None:
    stays, moves, comes, none = (world.visit() for _ in range(4))
    window = Range(EIGHT, EIGHT + timedelta(hours=2))
    for visit in (stays, moves, none):
        make.make_promise(world.session, visit=visit, during=window)
    for visit, person in ((stays, world.ana), (moves, world.ben)):
        assign_visit(
            world.session, visit_id=visit.id, technician_id=person.id, start=EIGHT, actor=world.dispatcher, now=NOW
        )
    plan = propose(
        world,
        {stays: (world.ana, EIGHT), moves: (world.ana, EIGHT + timedelta(hours=4)), comes: (world.ben, EIGHT)},
        unserved=[none],
    )
    versus = comparison(world.session, plan.id, NOW)
    now, then = versus["published"], versus["proposal"]
    assert (now["kept"], now["broken"], now["unserved"]) == (2, 1, 2)
    assert (then["kept"], then["broken"], then["unserved"]) == (1, 2, 1)
    assert (now["customers_told"], now["technicians_changed"]) == (0, 0)
    # The promise of one is broken now, the other without a promise gets a time; that nobody comes is no news.
    assert (then["customers_told"], then["technicians_changed"]) == (2, 2)


def test_groups_add_up_and_the_urgent_come_first(world: World) -> None:
    plan = propose(world, {world.visit(): (world.ana, EIGHT)})
    for _ in range(3):
        left_out(world, plan.id, "nobody_qualified")
    urgent = left_out(world, plan.id, "displaced", priority=1)
    plain = left_out(world, plan.id, "displaced")
    groups = unserved_groups(world.session, plan.id)
    assert [(each.code, each.total, each.urgent) for each in groups] == [
        ("displaced", 2, 1),
        ("nobody_qualified", 3, 0),
    ]
    assert [row.visit_id for row in unserved_of(world.session, plan.id, "displaced")] == [urgent, plain]


def test_a_long_group_is_shown_in_windows(world: World, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_page, "SHOWN", 2)
    plan = propose(world, {world.visit(): (world.ana, EIGHT)})
    made = [left_out(world, plan.id, "displaced") for _ in range(5)]
    with statements(engine) as sent:
        pages = [[row.visit_id for row in unserved_of(world.session, plan.id, "displaced", start=n)] for n in (0, 2, 4)]
    assert pages == [made[:2], made[2:4], made[4:]]
    assert sent.count == 3


def test_statements_do_not_grow_with_the_plan(world: World, engine: Engine) -> None:
    counts = []
    for size in (1, 6):
        people = [make.make_technician(world.session, territory=world.territory) for _ in range(size)]
        for person in people:
            make.make_shift(world.session, technician=person, territory=world.territory)
        plan = propose(world, {world.visit(): (person, EIGHT) for person in people})
        world.session.commit()
        with statements(engine) as sent:
            comparison(world.session, plan.id, NOW)
        counts.append(sent.count)
    assert counts[0] == counts[1]
    assert counts[1] <= 12


def test_problems_of_the_input_name_the_job_and_the_place(world: World) -> None:
    lost_site = make.make_site(world.session, territory=world.territory, lat=None, lon=None)
    lost = make.make_visit(world.session, job=make.make_job(world.session, site=lost_site, owner=world.user))
    late = world.visit()
    make.make_promise(world.session, visit=late, during=Range(NOW - timedelta(hours=9), NOW - timedelta(hours=8)))
    plan = propose(world, {world.visit(): (world.ana, EIGHT)})
    found = input_problems(world.session, plan.plan_request_id, NOW)
    assert [(each.visit_id, each.site_id) for each in found.without_place_named] == [(lost.id, lost_site.id)]
    assert [each.visit_id for each in found.promise_passed_named] == [late.id]
    assert (found.without_place, found.promise_passed, found.nobody_works, found.any) == (1, 1, (), True)


def test_a_day_on_which_nobody_works_is_a_problem_of_the_input(world: World) -> None:
    plan = propose(world, {world.visit(): (world.ana, EIGHT)})
    assert not input_problems(world.session, plan.plan_request_id, NOW).any
    for shift in (world.shift, world.ben_shift):
        world.session.merge(shift).cancelled = True
    world.session.flush()
    found = input_problems(world.session, plan.plan_request_id, NOW)
    assert found.nobody_works == ((world.territory.name, make.DAY),)
