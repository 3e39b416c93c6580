"""The best plan of a tiny problem, exactly: every order of every set of visits, and CP-SAT to choose the sets."""

import numpy as np

from dispatch.matching.constraint import Whole
from dispatch.matching.objective import UNIT
from dispatch.matching.solvers.bound_kernels import every_order
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.relaxed import rounding
from dispatch.matching.solvers.tables import Tables, empty_state

MOST_SLOTS = 7
MOST_SHIFTS = 3


def is_tiny(tables: Tables) -> bool:
    """Whether every plan can be looked at, and a route's cost follows from its stops and their order alone."""
    scope = tables.scope
    return (
        len(scope.slots) <= MOST_SLOTS
        and len(scope.shifts) <= MOST_SHIFTS
        and not scope.problem.pins
        and not tables.linked.any()
    )


def best_cost(tables: Tables, *, seconds: float) -> float | None:
    """Give the least cost, in search cost and less what rounding may take off; None if ``seconds`` were not enough.

    Rules that tie routes together (partners' capacity, links between people, a cap on changes) are left out, so with
    them it is a bound only.
    """
    costs = sets_of_routes(tables)
    slots = len(tables.scope.slots)
    penalty = penalties(tables)
    choices = [np.flatnonzero(np.isfinite(row)) for row in costs]
    if all(len(sets) <= 1 for sets in choices):
        return float(penalty.sum())
    from ortools.sat.python import cp_model  # takes a second to load; engines that never come here do not

    model = cp_model.CpModel()
    serving: list[list[cp_model.IntVar]] = [[] for _ in range(slots)]
    terms = []
    for shift, (row, sets) in enumerate(zip(costs, choices, strict=True)):
        slack = _rounding(tables, shift)
        own = []
        for bits in sets.tolist():
            if bits:
                use = model.new_bool_var("")
                own.append(use)
                terms.append(use * (int(row[bits]) - slack))
                for slot in range(slots):
                    if bits >> slot & 1:
                        serving[slot].append(use)
        model.add_at_most_one(own)
    for slot, uses in enumerate(serving):
        left_out = model.new_bool_var("")
        model.add_exactly_one([*uses, left_out])
        terms.append(left_out * int(penalty[slot]))
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = seconds
    return float(solver.objective_value) if solver.solve(model) == cp_model.OPTIMAL else None


def _rounding(tables: Tables, shift: int) -> int:
    """Search cost that rounding to whole units may take off the terms of one route, at most."""
    policy, price = tables.scope.problem.policy, tables.scope.technician(shift).cost_percent
    parts = int(price * policy.waiting_percent % 10_000 not in (0, 5_000))
    parts += (policy.uneven_load_percent > 0) + (policy.long_overtime_percent > 0)
    return rounding(tables.scope.shifts[shift], price) + parts * (UNIT // 2)


def sets_of_routes(tables: Tables) -> np.ndarray:
    """Least cost of each set of slots on each shift, infinity where no timetable allows it  # [shift, bits of set]."""
    slots, shifts = len(tables.scope.slots), len(tables.scope.shifts)
    costs = np.full((shifts, 1 << slots), np.inf)
    costs[:, 0] = 0.0
    state: State = empty_state(tables)
    for shift in range(shifts):
        able = np.flatnonzero(tables.data.allowed[:, shift])
        best = np.full(1 << len(able), np.inf)
        every_order(tables.data, state, shift, able, np.zeros(len(able) + 1, dtype=np.int64), best)
        for bits in np.flatnonzero(np.isfinite(best)).tolist():
            whole = sum(1 << int(slot) for place, slot in enumerate(able) if bits >> place & 1)
            costs[shift, whole] = best[bits]
    return costs


def penalties(tables: Tables) -> Whole:
    """Cost of leaving each slot out, pins not weighed  # [slot]."""
    problem, policy = tables.scope.problem, tables.scope.problem.policy
    told = policy.reassign_cost + policy.retime_cost
    each = [problem.penalty(slot.visit) + told * len(slot.visit.published) for slot in tables.scope.slots]
    return np.array(each, dtype=np.int64) * UNIT
