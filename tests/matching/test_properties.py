"""What holds for every problem: rules kept, costs that add up, nothing left out that would fit, best when tiny."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.matching import Plan, Problem, ProgressUpdate, candidates, check, solve, why_unassigned
from dispatch.matching.check import feasible_insertions, unforced
from dispatch.matching.constraint import Scope
from dispatch.matching.objective import UNIT
from dispatch.matching.plan import Cost
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Point
from dispatch.matching.solvers.construct import construct
from dispatch.matching.solvers.improve import total_cost
from dispatch.matching.solvers.kernels import insertion, put
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.tables import build, empty_state
from tests.matching import naive
from tests.matching.strategies import pinned, problems

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
everything = st.one_of(problems(), problems(extras=True))
PRICED = Policy(waiting_percent=50, second_visit_cost=3_600)


@relaxed
@given(everything, st.integers(1, 9))
def test_every_plan_keeps_every_rule_and_leaves_out_nothing_that_fits(problem: Problem, seed: int) -> None:
    plan = solve(problem, time_limit_s=None, step_limit=60, seed=seed)
    assert check(problem, plan) == ()
    # Visits that wait for each other keep their times, as crews do; the checker would move them together.
    linked = {item.id for item in problem.visits if item.predecessors}
    linked |= {before.visit for item in problem.visits for before in item.predecessors}
    rigid = {route.shift for name in linked for route, _ in plan.stops_by_visit.get(name, ())}
    optional = {item.id for item in problem.visits if item.optional}
    fitting = [item for item in feasible_insertions(problem, plan) if item.visit not in optional]
    assert [item for item in fitting if item.shift not in rigid and item.visit not in linked] == []
    assert plan.stats.first_cost is not None
    assert plan.cost.total <= plan.stats.first_cost + len(plan.routes) + 1  # rounding of the terms of a route
    assert {item.visit for item in plan.unassigned} | set(plan.stops_by_visit) == set(problem.visit_by_id)
    assert all(item.reasons for item in plan.unassigned)


@relaxed
@given(pinned())
def test_pins_break_no_rule_that_they_do_not_outrank(problem: Problem) -> None:
    plan = solve(problem, time_limit_s=None, step_limit=30)
    assert unforced(problem, plan) == ()
    for pin in problem.pins:
        told = {item.visit for item in plan.violations} | {item.visit for item in plan.unassigned}
        for route, stop in plan.stops_by_visit.get(pin.visit, ()):
            if stop.slot == pin.slot and pin.visit not in told:
                assert pin.technician in (None, route.technician)
                assert pin.start_s in (None, stop.start_s)


@relaxed
@given(problems(most_visits=5, crews=False, links=False), st.data())
def test_the_kernel_times_and_prices_routes_like_its_plain_twin(problem: Problem, data: st.DataObject) -> None:
    problem = replace(problem, policy=PRICED)
    tables, state = build(Scope.of(problem)), empty_state(build(Scope.of(problem)))
    scope, orders = tables.scope, [[] for _ in problem.shifts]
    for row in data.draw(st.permutations(range(len(scope.slots)))):
        shift = data.draw(st.integers(0, len(scope.shifts) - 1))
        order = orders[shift]
        at = data.draw(st.integers(0, len(order)))
        longer = [*order[:at], scope.slots[row].visit, *order[at:]]
        before = naive.route_cost(problem, scope.shifts[shift], order)
        after = naive.route_cost(problem, scope.shifts[shift], longer)
        price = int(insertion(tables.data, state, shift, at, row, IMPOSSIBLE))
        if after is None:
            assert price == IMPOSSIBLE
            continue
        assert before is not None
        assert price == after - before
        assert put(tables.data, state, shift, at, row)
        assert state.cost[shift] == after
        orders[shift] = longer


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problems(most_visits=4, crews=False, links=False))
def test_tiny_problems_are_solved_to_the_optimum(problem: Problem) -> None:
    # Optional: a visit that is not is served even where that costs more than its penalty.
    free = tuple(replace(visit, crew=(replace(visit.crew[0], needs=()),), optional=True) for visit in problem.visits)
    problem = replace(problem, visits=free, shifts=problem.shifts[:2], policy=PRICED)
    plan = solve(problem, time_limit_s=None, step_limit=600)
    best = naive.cheapest(problem)
    assert abs(plan.cost.total - best / UNIT) <= 2 * len(plan.routes) + 1  # each term of a route is rounded


@relaxed
@given(st.one_of(problems(most_visits=6), problems(most_visits=6, extras=True)), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(problem: Problem, random: object) -> None:
    def shuffled(items: tuple[object, ...]) -> tuple[object, ...]:
        mixed = list(items)
        random.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random
        return tuple(mixed)

    mixed = replace(
        problem,
        technicians=shuffled(problem.technicians),  # type: ignore[arg-type]
        shifts=shuffled(problem.shifts),  # type: ignore[arg-type]
        visits=shuffled(problem.visits),  # type: ignore[arg-type]
    )
    one = solve(problem, time_limit_s=None, step_limit=40)
    two = solve(mixed, time_limit_s=None, step_limit=40)
    assert one.fingerprint() == two.fingerprint()


@relaxed
@given(problems(most_visits=5))
def test_a_week_later_or_mirrored_costs_the_same(problem: Problem) -> None:
    def mirrored(point: Point | None) -> Point | None:
        return None if point is None else Point(lat=point.lat, lon=-point.lon)

    other = replace(
        problem,
        shifts=tuple(
            replace(item, start=mirrored(item.start), end=mirrored(item.end))  # type: ignore[arg-type]
            for item in problem.shifts
        ),
        visits=tuple(replace(item, point=mirrored(item.point)) for item in problem.visits),
    )
    first, second = (solve(item, time_limit_s=None, step_limit=0) for item in (problem, other))
    assert first.cost == second.cost


@relaxed
@given(st.one_of(problems(most_visits=6, links=False), problems(most_visits=6, links=False, extras=True)))
def test_what_is_said_about_candidates_is_true(problem: Problem) -> None:
    plan = solve(problem, time_limit_s=None, step_limit=20)
    for visit in problem.visits:
        found = candidates(problem, plan, visit.id)
        assert found.scope == len(problem.technicians)
        assert sum(found.excluded_by.values()) == len(found.excluded)
        assert [item.cost.total for item in found.ranked] == sorted(item.cost.total for item in found.ranked)
        for item in found.ranked:
            assert sum(item.cost.terms().values()) == item.cost.total
    for item in plan.unassigned:
        assert why_unassigned(problem, plan, item.visit).reasons == item.reasons
        wanted = problem.visit_by_id[item.visit]
        if len(wanted.crew) == 1:
            assert candidates(problem, plan, item.visit).ranked == ()


@relaxed
@given(everything)
def test_documents_come_back_equal(problem: Problem) -> None:
    assert Problem.from_json(problem.to_json()) == problem
    plan = solve(problem, time_limit_s=None, step_limit=0)
    assert Plan.from_json(plan.to_json()) == plan


def test_costs_of_routes_and_visits_left_out_are_the_cost_of_the_plan() -> None:
    assert Cost.summed([Cost(travel=1, lateness=2), Cost(travel=3, continuity=-1)]) == Cost(
        travel=4, lateness=2, continuity=-1
    )


@relaxed
@given(everything)
def test_every_slot_is_in_one_route_or_in_none(problem: Problem) -> None:
    tables = build(Scope.of(problem))
    state = construct(tables)
    for shift, size in enumerate(state.size):
        assert (state.route_of[state.sequence[shift, :size]] == shift).all()
    assert int((state.route_of >= 0).sum()) == int(state.size.sum())
    served = int(state.cost.sum()) + int(tables.penalty[state.route_of < 0].sum())
    assert total_cost(tables, state) == served


@relaxed
@given(problems(extras=True), st.integers(1, 9), st.randoms(use_true_random=False))
def test_everything_at_once_is_planned_within_the_rules(problem: Problem, seed: int, random: object) -> None:
    told: list[ProgressUpdate] = []
    plan = solve(problem, time_limit_s=None, step_limit=60, seed=seed, progress=told.append)
    # A cap on changes that could not be kept is told, not hidden.
    broken = [item for item in check(problem, plan) if item.rule != "changes"]
    assert broken == []
    assert {item.rule for item in plan.violations} == {item.rule for item in check(problem, plan)}
    assert all(late.cost <= early.cost for early, late in pairwise(told[:-1]))
    assert abs(told[-1].cost - plan.cost.total) <= 4 * len(plan.routes) + 1  # terms are rounded by route
    again = solve(problem, time_limit_s=None, step_limit=0, seed=seed, warm_start=plan)
    assert [item for item in check(problem, again) if item.rule != "changes"] == []
    mixed = list(problem.visits)
    random.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random
    other = replace(problem, visits=tuple(mixed), shifts=problem.shifts[::-1], technicians=problem.technicians[::-1])
    assert solve(other, time_limit_s=None, step_limit=60, seed=seed).fingerprint() == plan.fingerprint()
