"""Recombine routes seen during the search: which set of them, at most one a shift, covers the work at least cost.

Set partitioning by CP-SAT, started from the best plan. It pays on districts (a few hundred visits, up to some thousand
routes) and finds nothing on large ones within the time, hence the limits.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ortools.linear_solver import pywraplp
from ortools.sat.python import cp_model

from dispatch.matching.constraint import Whole
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables

MOST_COLUMNS = 3_000
RELAXATION_MS = 2_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One route of the pool: a shift with its stops in order, and its search cost."""

    shift: int
    stops: tuple[int, ...]
    cost: int


def recombine(
    tables: Tables,
    best: State,
    columns: list[Column],
    *,
    seconds: float,
    seed: int,
    repeatable: bool,
    workers: int = 1,
    should_stop: Callable[[], bool] | None = None,
) -> list[Column] | None:
    """Choose routes; None if nothing better than ``best`` was proven within ``seconds``.

    With ``repeatable`` the limit counts CP-SAT's deterministic time instead of the clock. ``should_stop`` is asked
    about twenty times a second.
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
    if not others:
        return None
    chosen = incumbent + promising(tables, incumbent + others)[: MOST_COLUMNS - len(incumbent)]
    chosen = list({(column.shift, column.stops): column for column in chosen}.values())
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
    solver.parameters.num_workers = workers
    solver.parameters.random_seed = seed % 1_000_000
    if repeatable:
        solver.parameters.max_deterministic_time = seconds
    else:
        solver.parameters.max_time_in_seconds = seconds
    status = _solve(solver, model, should_stop)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    now = sum(column.cost for column in incumbent)
    now += sum(int(penalty[slot]) for slot in by_slot if best.route_of[slot] < 0 and not tables.linked[slot])
    if solver.objective_value >= now:
        return None
    return [column for index, column in enumerate(chosen) if solver.boolean_value(use[index])]


def promising(tables: Tables, columns: list[Column]) -> list[Column]:
    """Order routes by what the linear relaxation says they could still save: smallest reduced cost first.

    The relaxation over the pool is no bound of the problem; it only tells which routes fit together.
    """
    solver = pywraplp.Solver.CreateSolver("GLOP")
    solver.SetTimeLimit(RELAXATION_MS)
    objective = solver.Objective()
    objective.SetMinimization()
    slots = {
        slot: solver.Constraint(1.0, 1.0) for slot in sorted({slot for column in columns for slot in column.stops})
    }
    shifts = {shift: solver.Constraint(0.0, 1.0) for shift in sorted({column.shift for column in columns})}
    for slot, row in slots.items():
        if not tables.linked[slot]:
            left_out = solver.NumVar(0.0, 1.0, "")
            objective.SetCoefficient(left_out, float(tables.penalty[slot]))
            row.SetCoefficient(left_out, 1.0)
    variables = []
    for column in columns:
        use = solver.NumVar(0.0, solver.infinity(), "")
        objective.SetCoefficient(use, float(column.cost))
        shifts[column.shift].SetCoefficient(use, 1.0)
        for slot in column.stops:
            slots[slot].SetCoefficient(use, 1.0)
        variables.append(use)
    if solver.Solve() != pywraplp.Solver.OPTIMAL:
        return columns[::-1]
    reduced = np.array([use.reduced_cost() for use in variables])
    return [columns[index] for index in np.argsort(reduced, kind="stable")]


def _solve(solver: cp_model.CpSolver, model: cp_model.CpModel, should_stop: Callable[[], bool] | None) -> int:
    """Solve, ending early when asked to; CP-SAT lets go of the interpreter while it works."""
    if should_stop is None:
        return int(solver.solve(model))
    done: list[int] = []
    task = threading.Thread(target=lambda: done.append(int(solver.solve(model))))
    task.start()
    while task.is_alive():
        task.join(0.05)
        if task.is_alive() and should_stop():
            solver.stop_search()
    return done[0]
