"""Start from an earlier plan: what is still possible keeps its place, what vanished is listed."""

from dispatch.matching.plan import Plan, Route
from dispatch.matching.solvers.kernels import put, refresh
from dispatch.matching.solvers.layout import State
from dispatch.matching.solvers.tables import Tables, empty_state


def restore(tables: Tables, plan: Plan | None) -> tuple[State, tuple[str, ...]]:
    """Give a state with the stops of ``plan`` that are still feasible, and the names of its parts that are not known.

    Linked visits are not taken over: they are placed anew as a unit.
    """
    state = empty_state(tables)
    if plan is None:
        return state, ()
    ignored: list[str] = []
    for route in sorted(plan.routes, key=lambda item: item.shift):
        if route.shift not in tables.scope.shift_index:
            ignored.append(f"shift {route.shift}")
            continue
        ignored += _restore_route(tables, state, route)
    ignored += [f"visit {item.visit}" for item in plan.unassigned if item.visit not in tables.scope.problem.visit_by_id]
    return state, tuple(ignored)


def load(tables: Tables, plan: Plan) -> tuple[State, set[int]]:
    """Give ``plan`` as it is, crews at their times, and the shifts whose route keeps to no timetable of ours.

    Those routes are left empty: somebody overrode a rule there, and nothing can be told about adding to them.
    """
    state = empty_state(tables)
    broken: set[int] = set()
    for route in plan.routes:
        shift = tables.scope.shift_index[route.shift]
        rows = [tables.scope.slot_index[stop.visit, stop.slot] for stop in route.stops]
        for row, stop in zip(rows, route.stops, strict=True):
            if tables.linked[row]:
                state.low[row] = state.high[row] = stop.start_s
                state.fixed[row] = 1
        fits = len(rows) <= state.sequence.shape[1]
        if fits:
            state.sequence[shift, : len(rows)] = rows
            state.size[shift] = len(rows)
        if not fits or not refresh(tables.data, state, shift):
            broken.add(shift)
            state.size[shift] = 0
            refresh(tables.data, state, shift)
        else:
            state.route_of[rows] = shift
    return state, broken


def _restore_route(tables: Tables, state: State, route: Route) -> list[str]:
    ignored: list[str] = []
    shift = tables.scope.shift_index[route.shift]
    for stop in route.stops:
        row = tables.scope.slot_index.get((stop.visit, stop.slot))
        if row is None:
            ignored.append(f"visit {stop.visit}")
            continue
        room = state.size[shift] < state.sequence.shape[1]
        if tables.linked[row] or state.route_of[row] >= 0 or not tables.data.allowed[row, shift] or not room:
            continue
        put(tables.data, state, shift, int(state.size[shift]), row)
    return ignored
