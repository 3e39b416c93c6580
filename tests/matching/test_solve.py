"""Budgets, progress, stopping, repeatability, warm starts, and the awkward inputs a plan must survive."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dispatch.matching import Plan, Problem, ProgressUpdate, baseline, check, solve
from dispatch.matching.check import feasible_insertions
from dispatch.matching.constraint import Scope
from dispatch.matching.plan import Unassigned
from dispatch.matching.problem import UNREACHABLE, Break, Matrix, Partner, Pin, Point, Predecessor, Published, Travel
from dispatch.matching.solvers import engine
from dispatch.matching.solvers import tables as tables_module
from dispatch.matching.solvers.construct import construct
from dispatch.matching.solvers.improve import Improver
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import build
from dispatch.matching.travel import ways_between
from dispatch.units import great_circle_m
from tests.matching.build import (
    BASE,
    at,
    codes,
    crew,
    need,
    problem,
    shift,
    table,
    technician,
    visit,
    who,
    window,
)

ROOT = Path(__file__).parents[2]


def town(people: int = 4, visits: int = 24) -> Problem:
    """A day with a little of everything, the same every time."""
    return problem(
        *(technician(f"t{n}", skills={"gas": 2 + n % 3, "oil": 4 - n % 3}) for n in range(people)),
        *(shift(f"t{n}", since=8 + n % 2, end=at(n, -n)) for n in range(people)),
        *(
            visit(
                f"v{n:02d}",
                place=at((n * 7) % 11 - 5, (n * 5) % 13 - 6),
                minutes=30 + 15 * (n % 4),
                priority=1 + n % 5,
                needs=(need("gas", 2),) if n % 3 else (),
                windows=(window(9 + n % 4, 11 + n % 4, hard=bool(n % 2)),) if n % 4 else (),
            )
            for n in range(visits)
        ),
        visit("pair", place=at(2, 2), crew=crew((need("oil", 2),), ())),
    )


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_senseless_time_limits_are_refused(limit: float) -> None:
    with pytest.raises(ValueError, match="time_limit_s"):
        solve(problem(), time_limit_s=limit)


@pytest.mark.parametrize("arguments", [{"step_limit": -1}, {"step_limit": None}])
def test_there_must_be_some_limit(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        solve(problem(), time_limit_s=None, **arguments)


@pytest.mark.parametrize(
    "asked",
    [
        problem(),
        Problem(start=problem().start),
        problem(visit()),
        replace(problem(visit()), shifts=(), technicians=()),
        replace(problem(visit("v1"), visit("v2", crew=crew((), ()))), shifts=()),
        problem(visit(place=None)),
        problem(*(visit(f"v{n}", minutes=0) for n in range(30))),
    ],
    ids=["no visits", "nothing at all", "one", "nobody", "all absent", "no place", "no duration"],
)
def test_there_is_always_a_plan(asked: Problem) -> None:
    plan = solve(asked, time_limit_s=None, step_limit=30)
    assert check(asked, plan) == ()
    assert len(plan.stops_by_visit) + len(plan.unassigned) == len(asked.visits)


def test_absence_and_missing_places_are_reasons() -> None:
    assert codes(solve(replace(problem(visit()), shifts=()), time_limit_s=None, step_limit=0)) == {
        "v1": ["no_capacity"]
    }
    assert codes(solve(problem(visit(place=None)), time_limit_s=None, step_limit=0)) == {"v1": ["no_location"]}


def test_the_same_seed_and_steps_give_the_same_plan() -> None:
    asked = town()
    plans = [solve(asked, time_limit_s=None, step_limit=6_000, seed=7) for _ in range(3)]
    assert len({plan.fingerprint() for plan in plans}) == 1
    assert plans[0].stats.repeatable
    assert check(asked, plans[0]) == ()


def tied_town() -> Problem:
    """A small day with a depot, set-up to share, links, breaks from departure, fairness and a cap on changes."""
    asked = town(people=3, visits=8)
    rest = Break(id="rest", earliest_s=3_600, latest_s=10_800, duration_s=1_200, from_departure=True)
    v0, v1, v2, v3, *others = asked.visits
    return replace(
        asked,
        shifts=tuple(
            replace(item, depot=at(1, 1), depot_s=300, parts={"hose": 1}, breaks=(rest,), max_drive_s=9_000)
            for item in asked.shifts
        ),
        visits=(
            replace(v0, parts={"hose": 2}, site="mall", setup_s=600),
            replace(v1, site="mall", setup_s=300, same_person_as=("v00",)),
            replace(v2, other_person_than=("v00",), published=(Published(technician="t1", start_s=36_000),)),
            replace(v3, predecessors=(Predecessor(visit="v00", max_gap_s=14_400),)),
            *others,
        ),
        policy=replace(asked.policy, uneven_load_percent=50, long_overtime_percent=50, max_changes=1),
    )


@pytest.mark.parametrize("asked", [town(people=3, visits=8), tied_town()], ids=["plain", "with everything"])
def test_plain_python_gives_the_plan_of_the_compiled_kernels(asked: Problem) -> None:
    script = (
        "import sys; from dispatch.matching import Problem, solve;"
        "from dispatch.matching.solvers import jit; print(jit.COMPILED);"
        "asked = Problem.from_json(sys.stdin.read());"
        "print(solve(asked, time_limit_s=None, step_limit=40, seed=3).fingerprint())"
    )
    # A module that is None in sys.modules can not be imported: this is what a machine without Numba sees.
    bare = "import sys; sys.modules['numba'] = None;" + script
    answer = subprocess.run(
        [sys.executable, "-c", bare], input=asked.to_json(), capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert answer.stdout.split() == ["False", solve(asked, time_limit_s=None, step_limit=40, seed=3).fingerprint()]


def test_searching_improves_on_the_first_plan_and_on_the_yardstick() -> None:
    asked = town()
    plan = solve(asked, time_limit_s=None, step_limit=3_000)
    assert plan.stats.first_cost is not None
    assert plan.cost.total < plan.stats.first_cost
    greedy = baseline(asked)
    assert plan.cost.total < greedy.cost.total
    assert check(asked, greedy) == ()
    assert list(feasible_insertions(asked, plan)) == []


def test_progress_starts_with_the_first_plan_and_ends_with_the_last() -> None:
    told: list[ProgressUpdate] = []
    plan = solve(town(), time_limit_s=None, step_limit=800, progress=told.append)
    assert (told[0].phase, told[-1].phase) == ("construct", "finish")
    assert told[-1].unserved == len(plan.unassigned)
    assert told[-1].late == plan.late
    assert abs(told[-1].cost - plan.cost.total) <= 3 * len(plan.routes)
    assert [item.elapsed_s for item in told] == sorted(item.elapsed_s for item in told)


def test_of_a_step_and_a_time_limit_the_first_one_reached_ends_the_search() -> None:
    assert solve(town(), time_limit_s=60.0, step_limit=0).stats.steps == 0
    assert solve(town(), time_limit_s=60.0, step_limit=500).stats.steps == 500
    assert solve(town(), time_limit_s=0.5, step_limit=10**9).stats.steps < 10**9


@pytest.mark.parametrize("budget", [{"step_limit": 0}, {"time_limit_s": 1e-6}])
def test_no_search_is_set_up_where_there_is_none(budget: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting it up takes as long as the first plan of 5,000 visits does."""
    asked = town()
    monkeypatch.setattr(engine, "Improver", lambda **_: pytest.fail("a search is set up"))
    plan = solve(asked, seed=1, **budget)
    assert check(asked, plan) == ()
    assert plan.stats.steps == 0


def test_a_caller_can_stop_the_search() -> None:
    asked, asks = town(), []

    def enough() -> bool:
        asks.append(1)
        return len(asks) >= 3

    plan = solve(asked, time_limit_s=None, step_limit=10**9, should_stop=enough)
    assert plan.stats.steps < 10_000
    assert not plan.stats.repeatable
    assert check(asked, plan) == ()


def test_the_clock_ends_the_search() -> None:
    plan = solve(town(), time_limit_s=0.4)
    # Other work on the machine may delay the end, but not by the factor that a missed limit would show.
    assert 0.1 < plan.stats.seconds < 4.0
    assert not plan.stats.repeatable


def test_a_warm_start_is_kept_and_what_vanished_is_listed() -> None:
    asked = town()
    before = solve(asked, time_limit_s=None, step_limit=3_000)
    again = solve(asked, time_limit_s=None, step_limit=0, warm_start=before)
    assert again.cost.total <= before.cost.total
    gone = replace(asked, technicians=asked.technicians[1:], shifts=asked.shifts[1:], visits=asked.visits[1:])
    rest = solve(gone, time_limit_s=None, step_limit=0, warm_start=before)
    assert set(rest.stats.ignored) >= {"shift t0-day"}
    assert check(gone, rest) == ()


def test_priorities_decide_who_is_left_out() -> None:
    visits = [visit(f"v{n}", minutes=200, priority=n) for n in (1, 2, 3, 4)]
    plan = solve(problem(*visits), time_limit_s=None, step_limit=200)
    assert set(who(plan)) == {"v1", "v2"}
    reason = plan.unassigned[0].reasons[0]
    assert (reason.code, reason.params["people"]) == ("displaced", 1)


def test_an_optional_visit_is_left_out_where_it_does_not_pay() -> None:
    far = visit(place=at(40), optional=True, unserved_penalty=9_000)
    assert codes(solve(problem(far), time_limit_s=None, step_limit=20)) == {"v1": ["not_worth_it"]}
    near = replace(far, unserved_penalty=11_000)
    assert who(solve(problem(near), time_limit_s=None, step_limit=20)) == {"v1": ["t1"]}


def test_a_day_that_pays_only_when_it_is_full_is_begun() -> None:
    far = [visit(f"v{n}", place=at(40, 0.1 * n), minutes=20, optional=True, unserved_penalty=1_500) for n in range(14)]
    for count, served in ((6, 0), (14, 14)):  # the way there and back is worth about seven of them
        plan = solve(problem(*far[:count]), time_limit_s=None, step_limit=2_000)
        assert len(who(plan)) == served, count
        # From what is given nothing is added at a loss; there the search begins the day by itself.
        assert len(who(solve(problem(*far[:count]), time_limit_s=None, step_limit=2_000, warm_start=Plan()))) == served


def test_a_search_that_starts_with_what_does_not_pay_never_tells_of_a_dearer_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = problem(
        *(visit(f"v{n}", place=at(40, 0.1 * n), minutes=20, optional=True, unserved_penalty=1_500) for n in range(6))
    )
    tables = build(Scope.of(far))
    assert (construct(tables).route_of < 0).all()
    assert (construct(tables, at_any_cost=True).route_of >= 0).all()
    monkeypatch.setattr(engine, "REPORT_S", 0.0)
    told: list[ProgressUpdate] = []
    plan = solve(far, time_limit_s=None, step_limit=1, progress=told.append)
    assert {update.cost for update in told} == {9_000} == {plan.cost.total}


def test_several_searches_go_on_from_one_plan_unless_their_routes_are_recombined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    adopted: list[int] = []
    adopt = Improver.adopt

    def noted(improver: Improver, state: State) -> None:
        adopt(improver, state)
        adopted.append(improver.best_cost)

    monkeypatch.setattr(Improver, "adopt", noted)
    assert check(town(), solve(town(), time_limit_s=2.9, threads=2)) == ()
    assert len(adopted) >= 10  # several times as many where nothing else runs
    adopted.clear()
    monkeypatch.setattr(engine, "RECOMBINE_FROM_S", 0.0)
    assert check(town(), solve(town(), time_limit_s=1.0, threads=2)) == ()
    assert len(adopted) <= 5  # by recombining, and for the best plan at the end of the cycle


def test_a_visit_that_others_wait_for_is_served_by_way_of_the_depot() -> None:
    """Its start is fixed when it is placed, and no start that the ways alone allow leaves time for the detour."""
    asked = problem(
        shift(depot=at(10), depot_s=300),
        visit("first", place=at(0, 5), tools=("pump",)),
        visit("then", predecessors=(Predecessor(visit="first"),)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert who(plan) == {"first": ["t1"], "then": ["t1"]}
    assert check(asked, plan) == ()


@pytest.mark.parametrize(
    ("most", "others", "expected"), [(2, 0, "ab"), (1, 0, "ac"), (2, 1, "ac"), (1, 1, "cd"), (0, 0, "cd")]
)
def test_a_crew_takes_no_more_people_of_a_partner_than_its_day_has_left(most: int, others: int, expected: str) -> None:
    """The partner's people are near and each alone would be free: only together they are too many."""
    asked = problem(
        *(technician(name, partner="acme") for name in "abx"),
        *(technician(name) for name in "cd"),
        shift("a"),
        shift("b", start=at(1), end=at(1)),
        *(shift(name, start=at(9 + number), end=at(9 + number)) for number, name in enumerate("cd")),
        shift("x", start=at(-9), end=at(-9)),
        visit("crew", crew=crew((), ())),
        *(visit(f"other{n}", place=at(-9), required=("x",)) for n in range(others)),
        partners=(Partner(id="acme", visits_a_day=most),),
    )
    asked = replace(asked, pins=tuple(Pin(visit=f"other{n}", technician="x") for n in range(others)))
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert sorted(who(plan)["crew"]) == list(expected)
    assert check(asked, plan) == ()


def test_a_given_matrix_is_used_and_named() -> None:
    asked = problem(visit("v1", place=at(1)), visit("v2", place=at(2)), travel=table((BASE, at(1), at(2)), seconds=700))
    plan = solve(asked, time_limit_s=None, step_limit=20)
    assert plan.cost.travel == 2_100
    assert {stop.travel_source for stop in plan.routes[0].stops} == {"table"}
    assert check(asked, plan) == ()


def test_ways_that_do_not_exist_are_not_driven() -> None:
    points = (BASE, at(1), at(2))
    ways = ((0, 600, UNREACHABLE), (600, 0, 600), (600, 600, 0))
    asked = problem(
        visit("v1", place=at(1)),
        visit("v2", place=at(2)),
        travel=Travel(matrix=Matrix(points=points, travel_s=ways, travel_m=ways)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=20)
    assert [stop.visit for stop in plan.routes[0].stops] == ["v1", "v2"]
    alone = solve(replace(asked, visits=asked.visits[1:]), time_limit_s=None, step_limit=0)
    assert codes(alone) == {"v2": ["nobody_then"]}


def test_the_date_line_and_the_poles_are_crossed_the_short_way() -> None:
    east, west = Point(lat=0.0, lon=179.9), Point(lat=0.0, lon=-179.9)
    pole, over = Point(lat=89.9, lon=10.0), Point(lat=89.9, lon=-170.0)
    ways = ways_between((east, west, pole, over), Travel())
    for start, end, metres in ((east, west, 22_239), (pole, over, 22_239)):
        seconds, road = ways.way(ways.points.index(start), ways.points.index(end))
        assert road == pytest.approx(metres * 1.4, abs=5)
        assert seconds == pytest.approx(road * 3.6 / 40, abs=1)
        assert great_circle_m(start, end) == pytest.approx(metres, abs=5)


def test_places_near_each_other_have_numbers_near_each_other() -> None:
    """Four towns of nine places each, named in no order: each town is one stretch of numbers."""
    towns = [(x, y) for x in (0, 80) for y in (0, 80)]
    points = [at(x + dx, y + dy) for dx in range(3) for x, y in towns for dy in range(3)]
    numbered = ways_between(points, Travel()).points
    assert sorted(numbered, key=lambda point: (point.lat, point.lon)) == sorted(
        points, key=lambda point: (point.lat, point.lon)
    )
    for first in range(0, 36, 9):
        town = numbered[first : first + 9]
        assert max(great_circle_m(one, other) for one in town for other in town) < 10_000
    assert ways_between(reversed(points), Travel()).points == numbered


def test_ways_worked_out_on_the_fly_give_the_same_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = town()
    kept = solve(asked, time_limit_s=None, step_limit=300)
    monkeypatch.setattr("dispatch.matching.travel.MATRIX_PLACES", 3)
    assert len(ways_between([at(n) for n in range(5)], Travel()).seconds) == 0
    assert solve(asked, time_limit_s=None, step_limit=300).fingerprint() == kept.fingerprint()


def test_a_long_day_of_short_visits_stays_within_the_room_for_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "CAPACITY", 5)
    plan = solve(problem(*(visit(f"v{n}", minutes=1) for n in range(9))), time_limit_s=None, step_limit=100)
    assert len(plan.routes[0].stops) == 5


def test_loading_the_library_loads_no_solver() -> None:
    script = (
        "import sys, dispatch.matching; print([m for m in ('numpy', 'numba', 'ortools', 'scipy') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True, env=dict(os.environ)
    )
    assert answer.stdout.strip() == "[]"


def test_a_plan_that_contradicts_itself_is_refused() -> None:
    plan = solve(problem(visit()), time_limit_s=None, step_limit=0)
    with pytest.raises(ValueError, match="unassigned"):
        Plan(routes=plan.routes, unassigned=(Unassigned(visit="v1"),))
