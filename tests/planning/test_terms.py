"""The terms a stop is explained with are those the solver optimised: summed up they give the plan's cost."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from dispatch.core.errors import Invalid
from dispatch.jobs.models import CustomerPerson, PersonLinkKind
from dispatch.matching import solve
from dispatch.planning.policy import read_rules, read_weights
from dispatch.planning.snapshot import Snapshot, active_policy, read_snapshot
from dispatch.planning.store import difference, figures
from dispatch.planning.terms import stop_terms
from tests import factories as make
from tests.planning.world import World, make_world


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def snapshot_of(world: World, **weights: object) -> Snapshot:
    policy = make.make_policy(world.session, weights=weights) if weights else active_policy(world.session)
    return read_snapshot(
        world.session, scope=[(world.territory.id, make.DAY)], policy=policy, now=make.MORNING - timedelta(hours=9)
    )


def test_terms_of_all_stops_add_up_to_the_plan_s_cost(world: World) -> None:
    rare = make.make_skill(world.session)
    make.make_proficiency(world.session, technician=world.ben, skill=rare, mean=4.5)
    world.ana.pace, world.ben.hourly_cost_factor = 1.3, 1.7
    for number in range(5):
        far = make.make_site(world.session, territory=world.territory, lat=52.40 + number / 40, lon=13.2, customer=None)
        job = make.make_job(world.session, site=far)
        visit = make.make_visit(world.session, job=job, needs={world.skill: 2 + number % 2})
        make.make_promise(world.session, visit=visit, during=make.hours(0, 1))
        kind = (PersonLinkKind.KNOWN, PersonLinkKind.PREFERRED)[number % 2]
        world.session.add(CustomerPerson(customer_id=job.customer_id, technician_id=world.ana.id, kind=kind))
    world.session.flush()
    snapshot = snapshot_of(world, scarcity_per_hour={str(rare.id): 900})
    plan = solve(snapshot.problem, step_limit=200, time_limit_s=30)
    assert plan.late > 0

    summed: dict[str, int] = {}
    for route in plan.routes:
        for stop in route.stops:
            terms = stop_terms(
                snapshot.problem,
                technician=route.technician,
                visit=stop.visit,
                slot=stop.slot,
                travel_s=stop.travel_s,
                waiting_s=stop.waiting_s,
                late_s=stop.late_s,
            )
            for name, value in terms.terms.items():
                summed[name] = summed.get(name, 0) + value
    cost = plan.cost.terms()
    for name in ("lateness", "second_visit", "duration", "continuity", "preference", "scarcity"):
        assert summed[name] == cost[name], name
    # Travel and waiting are rounded once for a route, and the way home belongs to no stop.
    price = {person.id: person.cost_percent for person in snapshot.problem.technicians}
    home = sum(route.home_travel_s * price[route.technician] / 100 for route in plan.routes)
    assert abs(summed["travel"] + home - cost["travel"]) <= 5
    assert abs(summed["waiting"] - cost["waiting"]) <= 5


def test_figures_and_difference_count_what_changes_for_people(world: World) -> None:
    kept, moved, new, dropped = (world.visit() for _ in range(4))
    for number, (visit, person) in enumerate(((kept, world.ana), (moved, world.ben), (dropped, world.ben))):
        shift = world.shift if person is world.ana else world.ben_shift
        during = make.hours(1 + number * 2, 2 + number * 2)
        make.make_assignment(world.session, visit=visit, technician=person, shift_id=shift.id, during=during)
    snapshot = snapshot_of(world)
    plan = solve(snapshot.problem, step_limit=0, time_limit_s=30)
    counted = figures(snapshot, plan)
    assert (counted.served, counted.unserved) == (4, 0)
    assert counted.cost == plan.cost.total
    assert counted.travel_s > 0
    change = difference(snapshot, plan)
    assert new.id in change.new
    assert len(change.kept + change.reassigned + change.retimed + change.new) == 4
    assert change.dropped == ()


@pytest.mark.parametrize(
    "weights, rules, says",
    [
        ({"latness_rate": 1}, {}, "latness_rate"),
        ({}, {"promise": "hard"}, "promise"),
        ({"lateness_rate": -5}, {}, "cannot be used"),
        ({"priority_penalty": [1, 2]}, {}, "cannot be used"),
    ],
)
def test_a_policy_with_a_typing_error_is_refused(
    weights: dict[str, object], rules: dict[str, object], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        read_weights(weights, read_rules(rules))
