"""Recombine routes seen during the search: which set of them, at most one a shift, covers the work at least cost.

Set partitioning by CP-SAT, started from the best plan. It pays on districts (a few hundred visits, up to some thousand
routes) and finds nothing on large ones within the time, hence the limits.
"""

from dataclasses import dataclass

import numpy as np
from ortools.sat.python import cp_model

from dispatch.matching.constraint import Whole
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables

MOST_COLUMNS = 3_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One route of the pool: a shift with its stops in order, and its search cost."""

    shift: int
    stops: tuple[int, ...]
    cost: int


def recombine(
    tables: Tables, best: State, columns: list[Column], *, seconds: float, seed: int, repeatable: bool
) -> list[Column] | None:
    """Choose routes; None if nothing better than ``best`` was proven within ``seconds``.

    With ``repeatable`` the limit counts CP-SAT's deterministic time instead of the clock.
    """
    incumbent = [
        Column(
            shift=int(shift),
            stops=tuple(best.sequence[shift, : best.size[shift]].tolist()),
            cost=int(best.cost[shift]),
        )
        for shift in np.flatnonzero(best.size)
    ]
    known = {(column.shift, column.stops) for column in incumbent}
    others = [column for column in columns if (column.shift, column.stops) not in known]
    chosen = incumbent + others[-(MOST_COLUMNS - len(incumbent)) :]
    if len(chosen) == len(incumbent):
        return None
    model = cp_model.CpModel()
    use = [model.new_bool_var("") for _ in chosen]
    by_shift: dict[int, list[int]] = {}
    by_slot: dict[int, list[int]] = {}
    for index, column in enumerate(chosen):
        by_shift.setdefault(column.shift, []).append(index)
        for slot in column.stops:
            by_slot.setdefault(slot, []).append(index)
    for indices in by_shift.values():
        model.add_at_most_one(use[index] for index in indices)
    penalty: Whole = tables.penalty
    terms = [use[index] * column.cost for index, column in enumerate(chosen)]
    for slot, indices in sorted(by_slot.items()):
        if tables.linked[slot]:
            model.add_exactly_one(use[index] for index in indices)
            continue
        left_out = model.new_bool_var("")
        model.add_exactly_one([*(use[index] for index in indices), left_out])
        model.add_hint(left_out, best.route_of[slot] < 0)
        terms.append(left_out * int(penalty[slot]))
    for index, variable in enumerate(use):
        model.add_hint(variable, index < len(incumbent))
    model.minimize(sum(terms))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 1_000_000
    if repeatable:
        solver.parameters.max_deterministic_time = seconds
    else:
        solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    now = sum(column.cost for column in incumbent)
    now += sum(int(penalty[slot]) for slot in by_slot if best.route_of[slot] < 0 and not tables.linked[slot])
    if solver.objective_value >= now:
        return None
    return [column for index, column in enumerate(chosen) if solver.boolean_value(use[index])]
