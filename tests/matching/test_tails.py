"""Two routes swap their rests where that saves driving, and nowhere else."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dispatch.matching.constraint import Scope
from dispatch.matching.objective import UNIT
from dispatch.matching.problem import Partner, Problem
from dispatch.matching.solvers.improve import Improver, total_cost
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import build, empty_state
from dispatch.matching.solvers.tails import swap_tails
from tests.matching.build import at, need, problem, shift, technician, visit, window
from tests.matching.test_kernels import assert_counted, assert_sound

CROSSED = (["a0", "a1", "b2", "b3"], ["b0", "b1", "a2", "a3"])
STRAIGHT = (["a0", "a1", "a2", "a3"], ["b0", "b1", "b2", "b3"])


def roads(**changes: Any) -> Problem:
    """Two roads to the north and to the south of the base, four customers on each."""
    stops: dict[str, dict[str, Any]] = {
        f"{road}{n}": {"place": at(sign * 4.0 * (n + 1), 1.0 + n), "minutes": 20}
        for road, sign in (("a", 1), ("b", -1))
        for n in range(4)
    }
    for name, change in changes.pop("visits", {}).items():
        stops[name] |= change
    partner = "acme" if "partners" in changes else None
    people = [technician("t1", skills={"gas": 4}, partner=partner), technician("t2", partner=partner)]
    shifts = [shift("t1", **changes.pop("first", {})), shift("t2", **changes.pop("second", {}))]
    return problem(*people, *shifts, *(visit(name, **how) for name, how in stops.items()), **changes)


def planned(asked: Problem, routes: tuple[list[str], ...], seed: int = 0) -> Improver:
    """A search that stands at these routes."""
    tables = build(Scope.of(asked))
    state = empty_state(tables)
    rows = {slot.visit.id: row for row, slot in enumerate(tables.scope.slots)}
    for number, names in enumerate(routes):
        state.size[number] = len(names)
        state.sequence[number, : len(names)] = [rows[name] for name in names]
        state.route_of[[rows[name] for name in names]] = number
        assert refresh(tables.data, state, number)
    return Improver(tables=tables, state=state, seed=seed)


def named(improver: Improver, state: State) -> tuple[list[str], ...]:
    slots = improver.tables.scope.slots
    return tuple([slots[row].visit.id for row in state.sequence[r, : state.size[r]]] for r in range(len(state.size)))


def swap(improver: Improver, after: str, dearest: float = 0.0) -> int:
    names = [slot.visit.id for slot in improver.tables.scope.slots]
    work = improver.work
    touched = int(swap_tails(improver.tables.data, improver.state, work, names.index(after), dearest))
    work.is_touched[:] = False
    return touched


def test_crossed_routes_are_uncrossed_in_one_move() -> None:
    improver = planned(roads(), CROSSED)
    before, version = total_cost(improver.tables, improver.state), improver.work.version.copy()
    assert swap(improver, "a1") == 2
    assert (improver.work.version != version).all()
    assert named(improver, improver.state) == STRAIGHT
    assert total_cost(improver.tables, improver.state) < before
    assert_sound(improver)


def test_a_rest_that_passes_the_depot_goes_to_a_van_that_need_not() -> None:
    """The way to the depot leaves the other van no time to begin this rest so late; this one has the valve on board."""
    late = {"a1": {"minutes": 150}, "a3": {"parts": {"valve": 1}, "windows": (window(8, 12, hard=True),)}}
    asked = roads(visits=late, first={"parts": {"valve": 1}}, second={"depot": at(15, 4), "depot_s": 6_000})
    improver = planned(asked, CROSSED)
    assert improver.state.depot_at.tolist() == [-1, 3]
    swap(improver, "a1", dearest=1e12)
    assert named(improver, improver.state) == STRAIGHT
    assert improver.state.depot_at.tolist() == [-1, -1]
    assert_sound(improver)


HINDRANCES: dict[str, dict[str, Any]] = {
    "the other person lacks a skill": {"visits": {"b3": {"needs": (need("gas"),)}}},
    "a customer refuses the other person": {"visits": {"a3": {"excluded": ("t1",)}}},
    "a visit is tied to another": {"visits": {"a3": {"other_person_than": ("b0",)}}},
    "the van is empty": {"visits": {"a2": {"parts": {"valve": 1}}}, "second": {"parts": {"valve": 1}}},
    "the day ends elsewhere": {"second": {"end": at(0, 1)}},
    "a partner's day is counted": {"partners": (Partner(id="acme", visits_a_day=9),)},
    "there is no time": {"visits": {"b3": {"windows": (window(8, 10.25, hard=True),)}, "b1": {"minutes": 70}}},
}


@pytest.mark.parametrize("why", HINDRANCES)
def test_nothing_is_swapped_against_a_rule(why: str) -> None:
    improver = planned(roads(**HINDRANCES[why]), CROSSED)
    swap(improver, "a1", dearest=1e12)
    assert named(improver, improver.state) != STRAIGHT
    assert_sound(improver)


def test_no_route_gets_more_visits_than_it_may() -> None:
    improver = planned(roads(first={"max_visits": 4}, second={"max_visits": 4}), (["a0", "a1", "b3"], CROSSED[1]))
    for name in CROSSED[1]:
        swap(improver, name, dearest=1e12)
        assert improver.state.size.max() <= 4


@pytest.mark.parametrize("dearer", [{}, {"visits": {"a3": {"person_cost": {"t1": 90_000}}}}])
def test_what_is_not_worth_it_leaves_no_trace(dearer: dict[str, Any]) -> None:
    """Neither where driving says so, nor where only who comes makes it too dear."""
    improver = planned(roads(**dearer), CROSSED)
    before = [array.copy() for array in improver.state]
    version = improver.work.version.copy()
    for name in ("a1",) if dearer else (*CROSSED[0], *CROSSED[1]):
        assert swap(improver, name, dearest=0.0 if dearer else -1e9) == 0
    for mine, theirs in zip(improver.state[:3], before[:3], strict=True):
        assert (mine == theirs).all()
    assert (improver.work.version == version).all()


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_swap_by_driving_is_the_one_done(seed: int) -> None:
    """A slow twin tries every near stop by laying both routes out anew."""
    rng = np.random.default_rng(seed)
    names = [f"v{n}" for n in range(10)]
    asked = problem(
        *(technician(f"t{n}") for n in range(3)),
        *(shift(f"t{n}", since=0, until=24) for n in range(3)),
        *(visit(name, place=at(*rng.uniform(-9, 9, 2)), minutes=5) for name in names),
    )
    cuts = [0, *sorted(rng.choice(np.arange(1, 10), 2, replace=False).tolist()), 10]
    routes = tuple(names[first:last] for first, last in pairwise(cuts))
    for name in names:
        improver = planned(asked, routes, seed)
        before = total_cost(improver.tables, improver.state)
        mine = next(route for route in routes if name in route)
        head = mine[: mine.index(name) + 1]
        costs = []
        for other in routes:
            for at_stop in range(len(other)) if other is not mine else ():
                made = {id(mine): head + other[at_stop:], id(other): other[:at_stop] + mine[len(head) :]}
                laid = planned(asked, tuple(made.get(id(route), route) for route in routes))
                costs.append(total_cost(laid.tables, laid.state))
        assert swap(improver, name, dearest=1e9 * UNIT) == 2
        assert total_cost(improver.tables, improver.state) == min(costs)
        improver = planned(asked, routes, seed)
        assert swap(improver, name, dearest=min(costs) - before) == 0
        assert swap(improver, name, dearest=min(costs) - before + 1) == 2


def test_a_search_that_swaps_keeps_count() -> None:
    improver = planned(roads(), CROSSED)
    improver.run(50, 10.0, 1.0)
    assert_sound(improver)
    assert_counted(improver)
    assert sorted(named(improver, improver.best_state())) == [[], ["a0", "a1", "a2", "a3", "b3", "b2", "b1", "b0"]]
