"""A cost that no plan goes under, by as strong a relaxation as the size and the time allow.

``capacity``
    Always. Each slot goes to one shift that may serve it, or is left out at its penalty; a pair costs at least its
    price, its least lateness and its share of driving (`relaxed.Relaxed`), and takes work and the same share of driving
    from the time of the shift, overtime priced. Every plan gives such an assignment that is no dearer, so the least
    cost of (fractional) assignments is a bound. It is valued through its dual: at prices ``p >= 0`` for a second of
    each shift the bound is the sum over slots of ``min(penalty, least of cost + p * time)``, less what the time is sold
    for, and that holds for any prices, so the search for good prices (sub-gradient steps, then the duals of GLOP where
    the programme is small) can stop at any moment.
``columns``
    Small problems: `column_generation`.
``exact``
    Tiny ones, where times follow from the order of stops: the best order of every set of visits for every shift, and
    CP-SAT to choose among the sets. Its value is the cost of the best plan with timetables as the kernels make them.

Method: Lagrangian relaxation after Fisher (1981, doi 10.1287/mnsc.27.1.1), sub-gradient steps after Polyak (1969,
doi 10.1016/0041-5553(69)90061-5).
"""

import math
import time
from typing import NamedTuple

import numpy as np

from dispatch.matching.bounds import Bound
from dispatch.matching.objective import UNIT
from dispatch.matching.solvers.bound_kernels import ascend, capacity_value
from dispatch.matching.solvers.exact import best_cost, is_tiny
from dispatch.matching.solvers.relaxed import Real, Relaxed, relax
from dispatch.matching.solvers.tables import Tables

ASCENT_S = 2.0
CHUNK = 10
ASCENT_STEPS = 1_500
PROGRAMME_PAIRS = 40_000
PROGRAMME_FROM_S = 0.5


class Capacity(NamedTuple):
    """The capacity bound: its value in search cost, what each slot is worth, and the price of time of each shift."""

    value: float
    worth: Real  # [slot]
    price: Real  # [shift]


def lower_bound(tables: Tables, *, seconds: float, method: str | None = None) -> Bound:
    """Bound the cost of every plan from below within about ``seconds``; ``method`` None = the best that fits.

    The capacity bound is always finished (2-3 s for 500 shifts x 5,000 visits), the rest only refines it.
    """
    begun = time.monotonic()
    until = begun + seconds
    if method in (None, "exact") and is_tiny(tables):
        cost = best_cost(tables, seconds=seconds)
        if cost is not None:
            return _bound(cost, "exact", begun)
    relaxed = relax(tables)
    capacity = capacity_bound(relaxed, until=until if method == "capacity" else min(until, begun + ASCENT_S))
    value, used = capacity.value, "capacity"
    if method in (None, "columns") and time.monotonic() < until:
        from dispatch.matching.solvers.column_generation import columns_bound, is_small  # loads OR-Tools

        if method == "columns" or is_small(tables, relaxed):
            tighter = columns_bound(tables, relaxed, capacity.worth, until=until)
            if tighter > value:
                value, used = tighter, "columns"
    return _bound(value, used, begun)


def _bound(least: float, method: str, begun: float) -> Bound:
    """Round up what surely holds, since costs are whole numbers; sums of floats may be off in the last digits."""
    cost = math.ceil(least - 1e-10 * abs(least) - 1e-3)
    seconds = round(time.monotonic() - begun, 3)
    return Bound(value=-(-cost // UNIT), cost=cost, method=method, seconds=seconds)


def capacity_bound(relaxed: Relaxed, *, until: float) -> Capacity:
    """Find good prices for the time of each shift, until ``until`` on the monotonic clock at the latest."""
    slots, shifts = len(relaxed.penalty), len(relaxed.room)
    whole = relaxed.room + relaxed.extra
    # Leaving home is paid in proportion to the time used, which is never more than all of it.
    share = np.divide(np.maximum(relaxed.open_cost, 0.0), whole, out=np.zeros(shifts), where=whole > 0.0)
    cost = relaxed.cost + share[relaxed.shift] * relaxed.time
    constant = relaxed.constant + float(np.minimum(relaxed.open_cost, 0.0).sum())
    arrays = (relaxed.at, relaxed.shift, cost, relaxed.time, relaxed.penalty, relaxed.room, relaxed.extra, relaxed.rate)
    price, best_price, slope, used = (np.zeros(shifts) for _ in range(4))
    worth, best_worth = np.zeros(slots), np.zeros(slots)
    control = np.array([-math.inf, 1.0, 0.02, 0.0])
    for _ in range(ASCENT_STEPS // CHUNK):
        before = control[0]
        ascend(*arrays, CHUNK, control, price, best_price, slope, used, worth, best_worth)
        settled = control[1] < 1e-4 or (control[0] == before and not slope.any())
        if settled or time.monotonic() >= until:
            break
    found = Capacity(value=float(control[0]) + constant, worth=best_worth, price=best_price)
    left = until - time.monotonic()
    if not 0 < len(relaxed.shift) <= PROGRAMME_PAIRS or left < PROGRAMME_FROM_S:
        return found
    duals = _programme(relaxed, cost, seconds=left)
    if duals is None:
        return found
    value = float(capacity_value(*arrays, duals, used, worth)) + constant
    return Capacity(value=value, worth=worth, price=duals) if value > found.value else found


def _programme(relaxed: Relaxed, cost: Real, *, seconds: float) -> Real | None:
    """Solve the assignment as a linear programme; gives the price of time of each shift, None if there was no time."""
    from ortools.linear_solver import pywraplp  # takes a second to load; large problems never need it

    solver = pywraplp.Solver.CreateSolver("GLOP")
    solver.SetTimeLimit(max(1, int(1_000 * seconds)))
    slots, shifts = len(relaxed.penalty), len(relaxed.room)
    infinity = solver.infinity()
    served = [solver.Constraint(-infinity, 1.0) for _ in range(slots)]
    hours = [solver.Constraint(-infinity, float(room)) for room in relaxed.room]
    goal = solver.Objective()
    goal.SetMinimization()
    saved = cost - np.repeat(relaxed.penalty, np.diff(relaxed.at))  # against leaving the slot out
    for slot in range(slots):
        for k in range(int(relaxed.at[slot]), int(relaxed.at[slot + 1])):
            if saved[k] >= 0.0:
                continue
            part = solver.NumVar(0.0, infinity, "")
            goal.SetCoefficient(part, float(saved[k]))
            served[slot].SetCoefficient(part, 1.0)
            hours[relaxed.shift[k]].SetCoefficient(part, float(relaxed.time[k]))
    for shift in range(shifts):
        if relaxed.extra[shift] > 0.0:
            late = solver.NumVar(0.0, float(relaxed.extra[shift]), "")
            goal.SetCoefficient(late, float(relaxed.rate[shift]))
            hours[shift].SetCoefficient(late, -1.0)
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return None
    return np.array([max(0.0, -row.dual_value()) for row in hours])
