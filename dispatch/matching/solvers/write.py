"""The finished plan: routes, what is left out with reasons, costs that add up."""

from dataclasses import replace

from dispatch.matching.check import changes
from dispatch.matching.plan import Cost, Plan, Stats, Unassigned
from dispatch.matching.reasons import Reasoner
from dispatch.matching.solvers.forced import forced_route, pin_violations
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables
from dispatch.matching.timetable import routes_of, unserved_cost


def written(
    tables: Tables,
    state: State,
    *,
    closed: dict[int, list[int]] | None = None,
    seconds: float = 0.0,
    steps: int = 0,
    seed: int = 0,
    repeatable: bool = False,
    first_cost: int | None = None,
    ignored: tuple[str, ...] = (),
    solver: str = "ruin and recreate",
) -> Plan:
    """Write ``state`` out as a plan; ``closed`` are the shifts of `forced.close_shifts`."""
    closed = closed or {}
    forced = {row for rows in closed.values() for row in rows}
    routes = (*routes_of(tables, state), *(forced_route(tables, shift, rows) for shift, rows in closed.items()))
    routes = tuple(sorted(routes, key=lambda route: route.shift))
    left_out = [
        slot.visit
        for row, slot in enumerate(tables.scope.slots)
        if slot.number == 0 and state.route_of[row] < 0 and row not in forced
    ]
    reasoner = Reasoner(tables, state)
    unassigned = tuple(Unassigned(visit=visit.id, reasons=reasoner.reasons_for(visit)) for visit in left_out)
    plan = Plan(
        routes=routes,
        unassigned=unassigned,
        cost=Cost.summed([*(route.cost for route in routes), *(unserved_cost(tables, item) for item in left_out)]),
        violations=pin_violations(tables, state, closed),
        stats=Stats(
            seconds=round(seconds, 3),
            steps=steps,
            seed=seed,
            repeatable=repeatable,
            solver=solver,
            first_cost=first_cost,
            ignored=ignored,
        ),
    )
    return replace(plan, violations=(*plan.violations, *changes.violations(tables.scope.problem, plan)))
