"""A hand-made day by the depot, with a shared set-up: what is kept, what each change breaks, and what it costs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dispatch.matching.check import check
from dispatch.matching.check.costs import count
from dispatch.matching.check.travel import way
from dispatch.matching.plan import DepotStop, Plan, Route
from dispatch.matching.problem import (
    Break,
    Matrix,
    Pin,
    Point,
    Policy,
    Problem,
    Shift,
    Technician,
    Travel,
    Visit,
)
from tests.matching.check.test_rules import priced, rest, stop, with_route, with_shift, with_stop, with_visit

HOME, SITE, STORE = Point(lat=52.5, lon=13.4), Point(lat=52.6, lon=13.4), Point(lat=52.5, lon=13.6)
WAY = ((0, 600, 300), (600, 0, 900), (300, 900, 0))  # to the store 300 s from home and 900 s from the site
MATRIX = Matrix(points=(HOME, SITE, STORE), travel_s=WAY, travel_m=WAY, source="table")


def shop(name: str, **changes: Any) -> Visit:
    return Visit(**({"id": name, "point": SITE, "site": "mall", "duration_s": 1_800, "setup_s": 600} | changes))


def asked(**policy: Any) -> Problem:
    """Two visits at one site; the second one also needs a pump and more filters than the van holds."""
    return Problem(
        start=datetime(2026, 3, 3, 6, tzinfo=UTC),
        technicians=(Technician(id="ana", pace_percent=150, cost_percent=200),),
        shifts=(
            Shift(
                id="day",
                technician="ana",
                start_s=0,
                end_s=7_200,
                start=HOME,
                end=HOME,
                overtime_limit_s=7_200,
                parts={"filter": 2},
                depot=STORE,
                depot_s=450,
            ),
        ),
        visits=(
            shop("one", parts={"filter": 2}),
            shop("two", parts={"filter": 1}, tools=("pump",)),
            shop("three", duration_s=1_000),
        ),
        policy=Policy(**policy),
        travel=Travel(matrix=MATRIX),
    )


def planned(problem: Problem) -> Plan:
    """Leave at 0; one at 600, back at the store at 4,200, two at 5,550, three right after it without a set-up."""
    route = Route(
        shift="day",
        technician="ana",
        depart_s=0,
        finish_s=8_850 + 600,
        stops=(
            stop("one", 600, 2_700, travel_s=600),
            stop("two", 5_550, 2_700, travel_s=900),
            stop("three", 8_250, 600),
        ),
        depot=depot(1, 4_200, 900),
        home_travel_s=600,
        home_travel_m=600,
        home_source="table",
    )
    return priced(problem, Plan(routes=(route,)))


def depot(before: int, arrive_s: int, travel_s: int, **changes: Any) -> DepotStop:
    given = {
        "before": before,
        "arrive_s": arrive_s,
        "leave_s": arrive_s + 450,
        "travel_s": travel_s,
        "travel_m": travel_s,
        "travel_source": "table",
    }
    return DepotStop(**(given | changes))


def test_the_day_by_the_depot_is_good() -> None:
    assert check(asked(), planned(asked())) == ()


def test_every_term_counted_by_hand() -> None:
    problem = asked(uneven_load_percent=50, long_overtime_percent=30)
    problem = with_visit(problem, "two", person_cost={"ana": -70, "ben": 9}, preferred=("ana",))
    cost = count(problem, planned(problem))
    driven, work, late = 600 + 900 + 900 + 600, 2_700 + 2_700 + 600, 9_450 - 7_200
    assert cost.travel == driven * 2
    assert cost.depot == 450 * 2
    assert cost.duration == work * 2 - (1_800 + 1_800 + 1_000)
    assert cost.overtime == late * 3 // 2
    uneven = (driven + work + 450) ** 2 * 50 // 7_200
    assert cost.fairness == (uneven + 50) // 100 + (late**2 * 30 // 3_600 + 50) // 100
    assert cost.preference == -70 - problem.policy.preferred_credit


@pytest.mark.parametrize(
    ("policy", "fairness"),
    [
        ({}, 0),
        ({"uneven_load_percent": 100}, 12_403),  # 9,450 * 9,450 / 7,200 = 12,403.1
        ({"uneven_load_percent": 1}, 124),
        ({"long_overtime_percent": 100}, 1_406),  # 2,250 * 2,250 / 3,600 = 1,406.25
        ({"long_overtime_percent": 200}, 2_813),  # 2,812.5
        ({"uneven_load_percent": 100, "long_overtime_percent": 200}, 12_403 + 2_813),
    ],
)
def test_fairness(policy: dict[str, int], fairness: int) -> None:
    problem = asked(**policy)
    assert count(problem, planned(problem)).fairness == fairness


def test_a_shift_of_no_length_is_fair_to_nobody_but_counts() -> None:
    problem = with_shift(asked(uneven_load_percent=100), "day", end_s=0)
    assert count(problem, planned(problem)).fairness == 9_450 * 9_450


def away(plan: Plan, **changes: Any) -> Plan:
    old = plan.routes[0].depot
    assert old is not None
    return with_route(plan, 0, depot=replace(old, **changes))


PLAN_BREAKS: dict[str, tuple[set[str], Callable[[Plan], Plan]]] = {
    "nothing picked up, nothing set up again": (
        {"parts", "shifts"},
        lambda p: with_route(with_stop(p, "two", travel_s=0, travel_m=0, waiting_s=2_250), 0, depot=None),
    ),
    "another way to the depot": ({"travel"}, lambda p: away(p, travel_m=700)),
    "another source": ({"travel"}, lambda p: away(p, travel_source="guess")),
    "there too early": ({"travel", "breaks"}, lambda p: away(p, arrive_s=4_199)),
    "gone too soon": ({"breaks"}, lambda p: away(p, leave_s=4_649)),
    "no time for the way on": ({"travel", "breaks"}, lambda p: away(p, arrive_s=4_201, leave_s=4_651)),
    "time for nothing": ({"breaks"}, lambda p: with_stop(p, "two", waiting_s=1)),
    "set up twice": (
        {"shifts"},
        lambda p: with_route(with_stop(p, "three", end_s=8_250 + 1_500), 0, finish_s=9_750 + 600),
    ),
}


@pytest.mark.parametrize("case", PLAN_BREAKS)
def test_a_spoilt_plan_breaks_the_rule_it_names(case: str) -> None:
    rules, change = PLAN_BREAKS[case]
    problem = asked()
    plan = priced(problem, change(planned(problem)))
    assert {found.rule for found in check(problem, plan)} == rules


PROBLEM_BREAKS: dict[str, tuple[set[str], Callable[[Problem], Problem]]] = {
    "no depot": ({"completeness"}, lambda p: with_shift(p, "day", depot=None)),
    "leg to the depot too long": ({"travel"}, lambda p: with_shift(p, "day", max_leg_s=899)),
    "longer at the depot": ({"breaks"}, lambda p: with_shift(p, "day", depot_s=451)),
    "too few before the depot": ({"parts"}, lambda p: with_shift(p, "day", parts={"filter": 1})),
    "tool needed before the depot": ({"parts"}, lambda p: with_visit(p, "one", tools=("pump",))),
    "the depot counts as driving": ({"longest_day"}, lambda p: with_shift(p, "day", max_drive_s=2_999)),
    "the depot counts as time away": ({"longest_day"}, lambda p: with_shift(p, "day", max_length_s=9_449)),
    "another site": ({"shifts"}, lambda p: with_visit(p, "three", site="other mall")),
    "no site": ({"shifts"}, lambda p: with_visit(p, "three", site=None, setup_s=0)),
}


@pytest.mark.parametrize("case", PROBLEM_BREAKS)
def test_a_stricter_problem_breaks_the_rule_it_names(case: str) -> None:
    rules, change = PROBLEM_BREAKS[case]
    problem = change(asked())
    assert {found.rule for found in check(problem, priced(problem, planned(asked())))} - {"costs"} == rules


KEPT: dict[str, Callable[[Problem], Problem]] = {
    "the longest leg": lambda p: with_shift(p, "day", max_leg_s=900),
    "most driving": lambda p: with_shift(p, "day", max_drive_s=3_000),
    "longest day": lambda p: with_shift(p, "day", max_length_s=9_450),
    "three visits, the depot is none": lambda p: with_shift(p, "day", max_visits=3),
    "parts without limit after the depot": lambda p: with_visit(p, "three", parts={"filter": 1_000, "belt": 1}),
    "the visit before sets up although it needs not": lambda p: with_visit(p, "two", setup_s=0),
    "a stop at the depot is not a stop before others": lambda p: replace(
        p, pins=(Pin(visit="one", technician="ana", order=0), Pin(visit="two", technician="ana", order=1))
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_just_kept(case: str) -> None:
    problem = KEPT[case](asked())
    assert check(problem, priced(problem, planned(problem))) == ()


def test_a_visit_that_takes_nothing_is_not_blamed_for_what_is_used_up() -> None:
    problem = with_shift(with_visit(asked(), "two", parts={"filter": 0}, tools=()), "day", parts={"filter": 1})
    plan = planned(problem)
    late = with_route(plan, 0, depot=depot(2, 4_200, 900))
    assert [found.visit for found in check(problem, late) if found.rule == "parts"] == ["one"]


def test_a_depot_stop_that_nobody_needs_only_costs_time() -> None:
    problem = with_visit(with_shift(asked(), "day", tools=("pump",)), "two", parts={})
    plan = planned(problem)
    assert check(problem, plan) == ()
    assert plan.cost.depot == 900


def test_the_depot_first_and_a_break_there() -> None:
    # Home to store 300, rest at 400 in the middle of the 450 s there, store to site 900.
    tea = Break(id="lunch", earliest_s=0, latest_s=5_000, duration_s=600)
    problem = with_shift(asked(), "day", breaks=(tea,), parts={})
    visits = tuple(item for item in problem.visits if item.id != "two")
    problem = replace(problem, visits=visits)
    route = Route(
        shift="day",
        technician="ana",
        depart_s=0,
        finish_s=4_950 + 600 + 600,
        stops=(stop("one", 2_250, 2_700, travel_s=900), stop("three", 4_950, 600)),
        depot=depot(0, 300, 300, leave_s=1_350),
        breaks=rest(400, 1_000),
        home_travel_s=600,
        home_travel_m=600,
        home_source="table",
    )
    plan = priced(problem, Plan(routes=(route,)))
    assert check(problem, plan) == ()
    late = with_route(plan, 0, breaks=rest(1_300, 1_900))  # 50 s at the depot, the rest of it on the way
    assert {found.rule for found in check(problem, priced(problem, late))} == {"breaks"}


@pytest.mark.parametrize(
    ("start", "end", "travel", "seconds", "metres"),
    [
        ((0, 3), (0, 4), Travel(plane=True, detour_percent=100, speed_kmh=360.0), 1_000, 100_000),
        ((0, 1), (3, 5), Travel(plane=True, detour_percent=100, speed_kmh=360.0), 5_000, 500_000),
        ((60, 1), (60, 2), Travel(plane=True, detour_percent=140, speed_kmh=36.0), 14_000, 140_000),
        ((1, 179), (1, -179), Travel(plane=True, detour_percent=100, speed_kmh=360.0), 358_000, 35_800_000),
    ],
)
def test_on_the_flat_map_a_degree_is_100_km_either_way(
    start: tuple[float, float], end: tuple[float, float], travel: Travel, seconds: int, metres: int
) -> None:
    here, there = (Point(lat=lat, lon=lon) for lat, lon in (start, end))
    assert way(travel, here, there) == way(travel, there, here) == (seconds, metres)
