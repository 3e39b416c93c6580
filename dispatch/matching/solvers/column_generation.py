"""The bound of a linear programme over whole routes: tight where people's days are short.

Every route of a shift is a column; slots are covered once or left out at their penalty, a shift drives one route at
most. GLOP solves the programme over the routes found so far, its duals tell what each slot is worth, and labels
(`label_kernels.least_routes`) find routes that are worth more than they cost. Routes here may be better than real ones:
times ignore what ties visits to each other, breaks and waiting cost no more than they must, and a slot may come twice.

The bound does not wait for the programme to end: for any worths ``w`` (no more than the penalty) the sum of ``w`` plus,
for each shift, the least of ``cost of a route - worth of its slots`` (0 at most) is never above the cost of a plan,
since a plan leaves home with one route a shift and leaves the rest out (Farley 1990, doi 10.1287/opre.38.5.922). Worths
are taken between those of the best bound so far and the duals, which calms them down (Wentges 1997, doi
10.1016/S0969-6016(97)00001-4).
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from ortools.linear_solver import pywraplp

from dispatch.matching.constraint import FAR, Whole
from dispatch.matching.objective import UNIT
from dispatch.matching.solvers.label_kernels import (
    BITS,
    MEMORY,
    NODE,
    PARENT,
    least_routes,
    ways_of_day,
)
from dispatch.matching.solvers.relaxed import ROUNDED_WAYS_S, Real, Relaxed, rounding
from dispatch.matching.solvers.tables import Tables

MOST_SLOTS = 250
MOST_SHIFTS = 60
LABELS = 200_000
QUEUE = 256
"""Steps of time in which labels wait for their turn."""

REMEMBERED = (6, 12)
"""Nearest nodes that keep a label from coming back to a node: first few, for speed, then more, for a tighter bound."""

CALM = 0.7
"""Share of the best worths so far in those that are tried next."""

ROUTES_A_SHIFT = 8
ROUTES_AT_LEAST = 5
ENOUGH = 1e-4
"""The programme is solved when bound and value are this share apart."""


class Day(NamedTuple):
    """One shift as a graph of the slots it may serve."""

    row: int
    site: Whole  # [column]
    slots: Whole  # [node]
    ways: Whole  # [node or home or goal, node or home or goal], FAR = none
    works: Whole  # [node]
    back: Whole  # [node] least time from there to the end place, whichever way
    price: Real  # [node]
    apart: Whole  # [node, node] shorter way of the two between them, least to itself
    near: Whole  # [node, word] bits of the nodes that are near
    rests: Whole  # [break, earliest latest length]
    terms: Real  # cost of leaving home, of a second of waiting, of a second of overtime


class Route(NamedTuple):
    """A column: the shift, its slots (one may come twice) and its cost."""

    shift: int
    slots: tuple[int, ...]
    cost: float


def is_small(tables: Tables, relaxed: Relaxed) -> bool:
    """Whether routes can be generated in seconds."""
    return len(relaxed.shift) > 0 and len(tables.scope.slots) <= MOST_SLOTS and len(tables.scope.shifts) <= MOST_SHIFTS


def columns_bound(tables: Tables, relaxed: Relaxed, worth: Real, *, until: float) -> float:
    """Give the best bound, in search cost, that is reached before ``until`` on the monotonic clock.

    ``worth`` is where to begin, such as those of the capacity bound.
    """
    master = Master(relaxed=relaxed, pricing=Pricing(tables, relaxed))
    return master.run(worth, until)


@dataclass(kw_only=True)
class Master:
    """The programme over the routes found so far, and the best bound."""

    relaxed: Relaxed
    pricing: "Pricing"
    best: float = field(init=False, default=-math.inf)
    center: Real = field(init=False)
    solver: pywraplp.Solver = field(init=False)
    known: set[tuple[int, tuple[int, ...]]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.solver = pywraplp.Solver.CreateSolver("GLOP")
        infinity = self.solver.infinity()
        self.solver.Objective().SetMinimization()
        self.covered = []
        for penalty in self.relaxed.penalty:
            row = self.solver.Constraint(1.0, 1.0)
            left_out = self.solver.NumVar(0.0, infinity, "")
            row.SetCoefficient(left_out, 1.0)
            self.solver.Objective().SetCoefficient(left_out, float(penalty))
            self.covered.append(row)
        self.driven = [self.solver.Constraint(-infinity, infinity if loose else 1.0) for loose in self.relaxed.loose]
        for slot, shift, k in self.pricing.free:
            self.add([Route(shift=shift, slots=(slot,), cost=float(self.relaxed.price[k]))])

    def run(self, worth: Real, until: float) -> float:
        """Generate routes until bound and programme meet or time is up."""
        self.center = np.minimum(worth, self.relaxed.penalty)
        for remembered in REMEMBERED:
            self.pricing.remember(remembered)
            self._settle(until)
        return self.best

    def _settle(self, until: float) -> None:
        """Routes come from fast labels while those find any; then exact ones give a bound and the routes missed."""
        duals, value = self._solve(until)
        if self.best == -math.inf:
            duals = self.center  # the duals without any route say nothing
        calm, exact = CALM, True
        while duals is not None and time.monotonic() < until:
            trial = np.minimum(calm * self.center + (1.0 - calm) * duals, self.relaxed.penalty)
            bound, routes = self.pricing.value(trial, until, exact=exact)
            if bound > self.best:
                self.best, self.center = bound, trial
            if value - self.best <= ENOUGH * max(1.0, abs(self.best)):
                return
            added = self.add(routes)
            if added < ROUTES_AT_LEAST and not exact:
                exact = True
                continue
            exact = False
            if added:
                calm = CALM
            elif calm == 0.0:
                return
            else:
                calm = 0.0 if calm < 0.1 else calm / 2.0
            duals, value = self._solve(until)

    def _solve(self, until: float) -> tuple[Real | None, float]:
        """Duals of the slots and value of the programme, None if there was no time."""
        self.solver.SetTimeLimit(max(1, int(1_000 * (until - time.monotonic()))))
        if self.solver.Solve() != pywraplp.Solver.OPTIMAL:
            return None, math.inf
        value = self.solver.Objective().Value() + self.pricing.constant
        return np.array([row.dual_value() for row in self.covered]), value

    def add(self, routes: Iterable[Route]) -> int:
        """Take up routes that are new; gives how many."""
        added = 0
        for route in routes:
            key = (route.shift, route.slots)
            if key in self.known:
                continue
            self.known.add(key)
            added += 1
            use = self.solver.NumVar(0.0, self.solver.infinity(), "")
            self.solver.Objective().SetCoefficient(use, route.cost)
            self.driven[route.shift].SetCoefficient(use, 1.0)
            for slot in set(route.slots):
                self.covered[slot].SetCoefficient(use, float(route.slots.count(slot)))
        return added


class Pricing:
    """Finds the routes that are worth more than they cost."""

    def __init__(self, tables: Tables, relaxed: Relaxed) -> None:
        self.relaxed = relaxed
        slot_of = np.repeat(np.arange(len(relaxed.penalty)), np.diff(relaxed.at))
        self.days: list[Day] = []
        self.free: list[tuple[int, int, int]] = []  # slot, shift and pair where time does not count
        waiting = _waiting_is_known(tables)
        for row in range(len(relaxed.room)):
            pairs = np.flatnonzero(relaxed.shift == row)
            if relaxed.loose[row]:
                self.free += [(int(slot_of[k]), row, int(k)) for k in pairs]
            elif len(pairs):
                self.days.append(_day(tables, relaxed, row, slot_of[pairs], pairs, waiting=waiting))
        most = max((len(day.slots) for day in self.days), default=1)
        words = most // BITS + 1
        self.labels = np.zeros((LABELS, MEMORY + words), dtype=np.int64)
        self.costs = np.zeros(LABELS)
        self.head, self.ending = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
        self.queue = np.zeros(QUEUE, dtype=np.int64)
        self.least = np.zeros(most)
        loose_open = np.minimum(relaxed.open_cost[relaxed.loose], 0.0).sum()
        self.constant = relaxed.constant + float(loose_open)

    def remember(self, count: int) -> None:
        """Let labels remember nodes while they are among the ``count`` nearest."""
        for day in self.days:
            day.near[:] = 0
            for node, others in enumerate(np.argsort(day.apart, axis=1, kind="stable")[:, : count + 1]):
                for other in others.tolist():
                    day.near[node, other // BITS] |= np.int64(1) << np.int64(other % BITS)

    def value(self, worth: Real, until: float, *, exact: bool) -> tuple[float, list[Route]]:
        """Give the bound at these worths, minus infinity if it was not ``exact`` or not finished, and good routes."""
        total = float(worth.sum()) + self.constant
        total += sum(min(0.0, float(self.relaxed.price[k]) - float(worth[slot])) for slot, _, k in self.free)
        found: list[Route] = []
        for day in self.days:
            if time.monotonic() >= until:
                return -math.inf, found
            price = day.price - worth[day.slots]
            nodes = len(day.slots)
            least, ending = self.least[:nodes], self.ending[:nodes]
            for careful in (True, False) if exact else (False,):
                count = least_routes(
                    day.site,
                    self.relaxed.when,
                    self.relaxed.window,
                    day.rests,
                    day.slots,
                    day.ways,
                    day.works,
                    day.back,
                    price,
                    day.near,
                    day.terms,
                    careful,
                    self.labels,
                    self.costs,
                    self.head,
                    self.queue,
                    least,
                    ending,
                )
                if careful and count >= 0:
                    total += min(0.0, float(least.min()))
                    break
                total = -math.inf  # careless, or too many labels: no bound from these worths, only routes
            for node in np.argsort(least)[:ROUTES_A_SHIFT]:
                if least[node] < -1e-3:
                    slots = self._slots(day, int(ending[node]))
                    found.append(Route(shift=day.row, slots=slots, cost=float(least[node] + worth[list(slots)].sum())))
        return total, found

    def _slots(self, day: Day, label: int) -> tuple[int, ...]:
        """Read a route back from its last label."""
        found: list[int] = []
        while label >= 0:
            found.append(int(day.slots[self.labels[label, NODE]]))
            label = int(self.labels[label, PARENT])
        return tuple(reversed(found))


def _day(
    tables: Tables, relaxed: Relaxed, row: int, slots: Whole, pairs: npt.NDArray[np.int64], *, waiting: bool
) -> Day:
    shift, person, policy = tables.scope.shifts[row], tables.scope.technician(row), tables.scope.problem.policy
    site = relaxed.site[row]
    nodes = len(slots)
    ways = np.full((nodes + 2, nodes + 2), FAR, dtype=np.int64)
    ways_of_day(tables.data, site, tables.place[slots], ways)
    visits = relaxed.when[slots, -1]
    apart = np.minimum(ways[:nodes, :nodes], ways[:nodes, :nodes].T)
    apart[np.diag_indices(nodes)] = -1  # a node always remembers itself
    ways[:nodes, :nodes][visits[:, None] == visits[None, :]] = FAR  # nobody is twice in one crew
    rests = [(item.earliest_s, item.latest_s, item.duration_s) for item in relaxed.rests[row]]
    wait_price, open_cost = 0.0, float(person.call_out_cost * UNIT - rounding(shift, person.cost_percent))
    if waiting and len(rests) == len(shift.breaks) and shift.depot is None and shift.max_length_s is None:
        wait_price = person.cost_percent * policy.waiting_percent / 100.0
        if person.cost_percent * policy.waiting_percent % 10_000 not in (0, 5_000):
            open_cost -= UNIT // 2
    return Day(
        row=row,
        site=site,
        slots=slots,
        ways=ways,
        works=relaxed.work[pairs],
        back=_back(tables, ways),
        price=relaxed.price[pairs],
        apart=apart,
        near=np.zeros((nodes, nodes // BITS + 1), dtype=np.int64),
        rests=np.array(rests, dtype=np.int64).reshape(len(rests), 3),
        terms=np.array([open_cost, wait_price, float(shift.overtime_percent)]),
    )


def _back(tables: Tables, ways: Whole) -> Whole:
    """Least time from each node to the end place; in a given matrix a detour may be shorter than the direct way."""
    direct, nodes = ways[:-2, -1], len(ways) - 2
    shortest: Whole = np.minimum(direct, ways[:nodes, :nodes].min(axis=1))
    if tables.scope.problem.travel.matrix is None:
        shortest = np.maximum(shortest, direct - ROUNDED_WAYS_S)
    return shortest


def _waiting_is_known(tables: Tables) -> bool:
    """Whether every stop starts as early as it can, so that waiting follows from the order of stops."""
    problem = tables.scope.problem
    shared = any(visit.setup_s for visit in problem.visits)
    return not (problem.policy.leave_late or problem.pins or tables.linked.any() or shared)
