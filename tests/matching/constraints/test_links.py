"""Crews start together with different people, followers wait, published visits cost changes, pins stay."""

import numpy as np
import pytest

from dispatch.matching import check, solve
from dispatch.matching.check import unforced
from dispatch.matching.constraint import Scope
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Pin, Predecessor, Published
from dispatch.matching.solvers.crews import place_unit, remove_unit
from dispatch.matching.solvers.kernels import put, refresh, take
from dispatch.matching.solvers.tables import build, empty_state
from dispatch.matching.solvers.write import written
from tests.matching.build import HOUR, at, codes, crew, problem, shift, technician, visit, who, window

TWO = (technician("a"), technician("b"))


def test_a_crew_starts_together_whatever_surrounds_it() -> None:
    asked = problem(
        *TWO,
        shift("a", since=8),
        shift("b", since=9),
        visit("pair", place=at(3), crew=crew((), ()), priority=4),
        *(visit(f"v{number}", place=at(number), minutes=45) for number in range(8)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=500)
    stops = plan.stops_by_visit["pair"]
    assert len({route.technician for route, _ in stops}) == 2
    assert len({stop.start_s for _, stop in stops}) == 1
    assert check(asked, plan) == ()


def test_a_crew_needs_as_many_people_as_slots() -> None:
    plan = solve(problem(*TWO, visit(crew=crew((), (), (), (), ()))), time_limit_s=None, step_limit=0)
    assert codes(plan) == {"v1": ["crew_too_small"]}


def test_followers_wait_for_the_end_and_the_gap() -> None:
    asked = problem(
        *TWO,
        visit("a-last", predecessors=(Predecessor(visit="b-middle", gap_s=600),)),
        visit("b-middle", predecessors=(Predecessor(visit="c-first"),)),
        visit("c-first", place=at(5)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=100)
    assert check(asked, plan) == ()
    ends = {name: pairs[0][1] for name, pairs in plan.stops_by_visit.items()}
    assert ends["b-middle"].start_s >= ends["c-first"].end_s
    assert ends["a-last"].start_s >= ends["b-middle"].end_s + 600


@pytest.mark.parametrize(("opens", "gap", "start"), [(14, 1, 12), (14, 0, 13), (15, 3, None), (10, 24, 8)])
def test_a_visit_comes_so_late_that_its_follower_is_not_too_late(opens: int, gap: int, start: int | None) -> None:
    second = visit(
        "second", windows=(window(opens, opens + 1),), predecessors=(Predecessor(visit="first", max_gap_s=gap * HOUR),)
    )
    third = visit("third", predecessors=(Predecessor(visit="second", max_gap_s=0),))
    asked = problem(*TWO, visit("first"), second, *((third,) if opens == 14 else ()))
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert check(asked, plan) == ()
    assert set(plan.stops_by_visit) == set(asked.visit_by_id)
    if start is not None:
        assert plan.stops_by_visit["first"][0][1].start_s == start * HOUR


def test_a_follower_that_can_only_come_too_late_stays_out() -> None:
    second = visit("second", windows=(window(14, 15),), predecessors=(Predecessor(visit="first", max_gap_s=HOUR),))
    asked = problem(*TWO, visit("first", windows=(window(8, 9),)), second)
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert check(asked, plan) == ()
    assert set(plan.stops_by_visit) == {"first"}


def test_a_predecessor_placed_after_its_follower_keeps_both_gaps() -> None:
    follower = Predecessor(visit="first", gap_s=1_800, max_gap_s=2 * HOUR)
    paced = (technician("a", pace_percent=50), technician("b", pace_percent=150))
    asked = problem(*paced, visit("first"), visit("second", predecessors=(follower,)))
    tables = build(Scope.of(asked))
    state = empty_state(tables)
    first, second = (asked.visit_by_id[name] for name in ("first", "second"))
    assert place_unit(tables, state, first, forced=True)
    assert place_unit(tables, state, second, forced=True)
    row = tables.scope.slot_index["second", 0]
    state.low[row] = state.high[row] = 13 * HOUR
    assert refresh(tables.data, state, int(state.route_of[row]))
    assert remove_unit(tables, state, first)
    assert place_unit(tables, state, first, forced=True)
    assert check(asked, written(tables, state)) == ()


def test_a_follower_keeps_its_gap_when_the_set_up_is_no_longer_shared() -> None:
    mall = {"site": "mall", "setup_s": 1_800}
    asked = problem(visit("a", **mall), visit("b", **mall), visit("c", predecessors=(Predecessor(visit="b"),)))
    tables = build(Scope.of(asked))
    state = empty_state(tables)
    assert put(tables.data, state, 0, 0, tables.scope.slot_index["a", 0])
    for name in ("b", "c"):
        assert place_unit(tables, state, asked.visit_by_id[name], forced=True)
    at = int(np.flatnonzero(state.sequence[0, :3] == tables.scope.slot_index["a", 0])[0])
    take(state, 0, at)
    assert refresh(tables.data, state, 0)
    left = written(tables, state)
    assert [item for item in check(asked, left) if item.rule == "predecessors"] == []


def test_who_waits_for_nothing_that_happens_stays_out_too() -> None:
    asked = problem(
        visit("first", windows=(window(1, 2),)), visit("second", predecessors=(Predecessor(visit="first"),))
    )
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert codes(plan)["second"] == ["predecessor_unserved"]


@pytest.mark.parametrize(
    ("told", "credit", "changes", "person"),
    [
        (Published(technician="a", start_s=8 * HOUR), 0, 0, "a"),
        (Published(technician="b", start_s=8 * HOUR), 0, 0, "b"),
        (Published(technician="b", start_s=8 * HOUR), 2_000, 1_200, "a"),
        (Published(technician="a", start_s=8 * HOUR + 900), 0, 0, "a"),
        (Published(technician="a", start_s=8 * HOUR + 901), 0, 1_800, "a"),
        (Published(technician="gone", start_s=12 * HOUR), 0, 3_000, "a"),
    ],
)
def test_changes_against_what_was_published(told: Published, credit: int, changes: int, person: str) -> None:
    asked = problem(
        *TWO,
        visit(published=(told,), preferred=("a",) if credit else ()),
        policy=Policy(second_visit_cost=0, preferred_credit=credit),
    )
    plan = solve(asked, time_limit_s=None, step_limit=20)
    assert (plan.cost.changes, who(plan)["v1"]) == (changes, [person])


def test_a_published_visit_that_is_dropped_costs_both_calls() -> None:
    told = Published(technician="a", start_s=8 * HOUR)
    plan = solve(problem(*TWO, visit(published=(told,), windows=(window(1, 2),))), time_limit_s=None, step_limit=0)
    assert plan.cost.changes == 3_000


@pytest.mark.parametrize(
    ("pin", "person", "start"),
    [
        (Pin(visit="v1", technician="b"), "b", 8),
        (Pin(visit="v1", start_s=11 * HOUR), "a", 11),
        (Pin(visit="v1", technician="b", start_s=10 * HOUR), "b", 10),
    ],
)
def test_pins_stay(pin: Pin, person: str, start: int) -> None:
    asked = problem(*TWO, visit(), pins=(pin,))
    plan = solve(asked, time_limit_s=None, step_limit=50)
    route, stop = plan.stops_by_visit["v1"][0]
    assert (route.technician, stop.start_s) == (person, start * HOUR)
    assert (plan.violations, check(asked, plan)) == ((), ())


def test_pins_that_contradict_each_other_are_kept_and_reported_and_the_rest_is_solved() -> None:
    asked = problem(
        *TWO,
        visit("x", place=at(2)),
        visit("y", place=at(4)),
        visit("z"),
        pins=(Pin(visit="x", technician="a", start_s=9 * HOUR), Pin(visit="y", technician="a", start_s=9 * HOUR)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=50)
    assert who(plan) == {"x": ["a"], "y": ["a"], "z": ["b"]}
    assert {stop.start_s for name in ("x", "y") for _, stop in plan.stops_by_visit[name]} == {9 * HOUR}
    assert {item.visit for item in plan.violations} == {"x", "y"}
    assert unforced(asked, plan) == ()


def test_a_pin_on_somebody_absent_leaves_the_visit_out_and_says_so() -> None:
    asked = problem(*TWO, visit(), pins=(Pin(visit="v1", technician="a"),), shifts=(shift("b"),))
    plan = solve(asked, time_limit_s=None, step_limit=0)
    assert codes(plan)["v1"][0] in {"nobody_qualified", "pin_conflict"}
    assert [item.visit for item in plan.violations] == ["v1"]


@pytest.mark.parametrize("hours", [(9, 9), (15, 9), (9, None), (None, 9)])
def test_pins_that_no_timetable_keeps_stay_in_their_pinned_order(hours: tuple[int | None, ...]) -> None:
    pins = tuple(
        Pin(visit=name, technician="a", order=order, start_s=None if hour is None else hour * HOUR)
        for name, order, hour in zip("yx", (0, 1), hours, strict=True)
    )
    asked = problem(
        *TWO, visit("x", place=at(2), minutes=600), visit("y", place=at(4), minutes=600), visit("z"), pins=pins
    )
    plan = solve(asked, time_limit_s=None, step_limit=20)
    assert [stop.visit for stop in plan.route_by_shift["a-day"].stops] == ["y", "x"]
    assert who(plan)["z"] == ["b"]
    assert {item.visit for item in plan.violations} == {"x", "y"}
    assert unforced(asked, plan) == ()


def test_a_crew_pinned_to_the_start_of_two_days_leads_both() -> None:
    pins = tuple(Pin(visit="pair", slot=slot, technician=name, order=0) for slot, name in enumerate("ab"))
    asked = problem(
        *TWO,
        visit("pair", place=at(3), crew=crew((), ())),
        *(visit(f"v{number}", priority=1) for number in range(4)),
        pins=(*pins, Pin(visit="v1", technician="a", order=1)),
    )
    plan = solve(asked, time_limit_s=None, step_limit=200)
    assert [route.stops[0].visit for route in plan.routes] == ["pair", "pair"]
    assert plan.route_by_shift["a-day"].stops[1].visit == "v1"
    assert (check(asked, plan), plan.violations) == ((), ())
