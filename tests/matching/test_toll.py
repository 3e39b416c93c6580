"""Where visits may be left out, a hot search pays a toll for each route; nobody else ever sees it in a cost."""

import numpy as np
import pytest

from dispatch.matching import check, solve
from dispatch.matching.constraint import Scope
from dispatch.matching.objective import UNIT
from dispatch.matching.problem import Problem
from dispatch.matching.solve import ProgressUpdate
from dispatch.matching.solvers import engine
from dispatch.matching.solvers.construct import construct
from dispatch.matching.solvers.improve import Improver, total_cost
from dispatch.matching.solvers.memory import BEST, CURRENT
from dispatch.matching.solvers.tables import build, copy_state, empty_state
from tests.matching.build import at, problem, shift, technician, visit

TOLL = 500


def prizes(seed: int, visits: int = 30) -> Problem:
    """Ask for customers around the base of whom not all are worth the way."""
    rng = np.random.default_rng(seed)
    people = [technician(f"t{n}") for n in range(2)]
    stops = [
        visit(
            f"v{n}",
            place=at(float(rng.uniform(-12, 12)), float(rng.uniform(-12, 12))),
            minutes=10,
            optional=True,
            unserved_penalty=int(rng.integers(200, 4_000)),
        )
        for n in range(visits)
    ]
    return problem(*people, *(shift(f"t{n}") for n in range(2)), *stops)


@pytest.fixture
def improver() -> Improver:
    tables = build(Scope.of(prizes(1)))
    return Improver(tables=tables, state=construct(tables, empty_state(tables), at_any_cost=True), seed=1)


def test_each_route_in_use_pays_and_gets_it_back(improver: Improver) -> None:
    before, used = improver.state.cost.copy(), improver.state.size > 0
    assert used.any()
    improver.toll(TOLL)
    assert (improver.state.cost == before + np.where(used, TOLL * UNIT, 0)).all()
    improver.toll(0)
    assert (improver.state.cost == before).all()


def test_a_search_under_toll_keeps_count_and_its_best_plan_costs_what_it_costs(improver: Improver) -> None:
    improver.toll(TOLL)
    improver.run(2_000, improver.hot(), improver.cold())
    best = improver.best_state()
    used = int((best.size > 0).sum())
    assert improver.work.totals[BEST] == total_cost(improver.tables, best) + used * TOLL * UNIT
    assert improver.work.totals[CURRENT] == total_cost(improver.tables, improver.state)
    assert total_cost(improver.tables, copy_state(best)) == total_cost(improver.tables, best)


@pytest.mark.parametrize("stop_after", [None, 1, 3, 8])
def test_no_cost_told_has_a_toll_in_it_whenever_it_ends(
    monkeypatch: pytest.MonkeyPatch, stop_after: int | None
) -> None:
    told: list[ProgressUpdate] = []
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return stop_after is not None and asked > stop_after

    question = prizes(2)
    monkeypatch.setattr(engine, "REPORT_S", 0.0)
    plan = solve(question, time_limit_s=None, step_limit=6_000, seed=1, progress=told.append, should_stop=stop)
    assert check(question, plan) == ()  # every broken rule and every cost that does not add up
    costs = [update.cost for update in told]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == plan.cost.total <= costs[0]


def test_only_a_search_that_may_leave_visits_out_of_long_routes_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: list[int] = []
    toll = Improver.toll

    def noted(improver: Improver, more: int) -> None:
        paid.append(more)
        toll(improver, more)

    monkeypatch.setattr(Improver, "toll", noted)
    solve(prizes(3), time_limit_s=None, step_limit=3_000, seed=1)
    assert len(paid) == 2
    assert paid[0] > 0 == paid[1]
    paid.clear()
    must = problem(technician("t0"), shift("t0"), *(visit(f"v{n}", place=at(1.0 * n, 2.0)) for n in range(5)))
    for asked in (must, prizes(3, visits=6)):
        solve(asked, time_limit_s=None, step_limit=3_000, seed=1)
        assert paid == []
    assert 0 < engine.TOLL_UNTIL < 1
