"""From routes as arrays to a plan: instants, ways with their source, breaks in their place, exact costs by cause."""

import numpy as np

from dispatch.matching.objective import retime_cost, route_cost
from dispatch.matching.plan import BreakTaken, Cost, Route, Stop
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.kernels import late_s, work_s
from dispatch.matching.solvers.layout import (
    BREAK_EARLIEST,
    BREAK_FROM,
    BREAK_LATEST,
    BREAK_LENGTH,
    BREAK_TO,
    GOAL,
    HOME,
    LATE_RATE,
    State,
)
from dispatch.matching.solvers.tables import Tables
from dispatch.units import Seconds


def routes_of(tables: Tables, state: State) -> tuple[Route, ...]:
    """All routes that serve something, in the order of their shifts."""
    return tuple(route_of(tables, state, int(shift)) for shift in np.flatnonzero(state.size))


def route_of(tables: Tables, state: State, row: int) -> Route:
    """Write out the route of shift number ``row``, which must not be empty."""
    scope, data = tables.scope, tables.data
    shift, person = scope.shifts[row], scope.technician(row)
    stops: list[Stop] = []
    taken: list[BreakTaken] = []
    costs: list[Cost] = []
    t, place, pause = shift.start_s, int(data.shift[row, HOME]), int(data.shift[row, BREAK_FROM])
    depart = t
    driven = 0
    for i in range(int(state.size[row])):
        slot = int(state.sequence[row, i])
        start, until = int(state.start[row, i]), int(state.pause[row, i])
        seconds, metres = tables.ways.way(place, int(tables.place[slot]))
        rests, arrive = _rests(tables, row, t, seconds, range(pause, until))
        taken += rests
        if i == 0:
            depart, arrive = _just_in_time(start, seconds, rests), start
        waiting = 0 if i == 0 else start - t - seconds - sum(rest.end_s - rest.start_s for rest in rests)
        late = max(0, int(late_s(data, slot, start, work_s(data, row, slot))))
        visit, number = scope.slots[slot].visit, scope.slots[slot].number
        stops.append(
            Stop(
                visit=visit.id,
                slot=number,
                arrive_s=arrive,
                start_s=start,
                end_s=int(state.leave[row, i]),
                travel_s=seconds,
                travel_m=metres,
                travel_source=tables.ways.source,
                waiting_s=waiting,
                late_s=late,
            )
        )
        costs.append(stop_cost(tables, row, slot, start, late))
        driven += seconds
        t, place, pause = int(state.leave[row, i]), int(tables.place[slot]), until
    home_s = home_m = 0
    finish = t
    if data.shift[row, GOAL] >= 0:
        home_s, home_m = tables.ways.way(place, int(data.shift[row, GOAL]))
        rests, finish = _way_home(tables, row, t, home_s, pause)
        taken += rests
    whole = route_cost(
        policy=scope.problem.policy,
        technician=person,
        shift=shift,
        travel_s=driven + home_s,
        waiting_s=sum(stop.waiting_s for stop in stops),
        finish_s=finish,
    )
    return Route(
        shift=shift.id,
        technician=person.id,
        depart_s=depart,
        finish_s=finish,
        stops=tuple(stops),
        breaks=tuple(taken),
        home_travel_s=home_s,
        home_travel_m=home_m,
        home_source=tables.ways.source if data.shift[row, GOAL] >= 0 else "",
        cost=Cost.summed([whole, *costs]),
    )


def stop_cost(tables: Tables, row: int, slot: int, start_s: Seconds, late: Seconds) -> Cost:
    """Price one stop of shift ``row``: what depends on who comes and when, the way there not counted."""
    worker = int(tables.worker[row])
    by_pair = {name: int(values[slot, worker]) for name, values in tables.prices.items()}
    told = int(tables.published_start[slot])
    by_pair["changes"] += retime_cost(tables.scope.problem.policy, start_s, told)
    return Cost(lateness=late * int(tables.data.slot[slot, LATE_RATE]), **by_pair)


def unserved_cost(tables: Tables, visit: Visit) -> Cost:
    """Price a visit left out: its penalty, and telling everybody who was told otherwise."""
    policy = tables.scope.problem.policy
    told = len(visit.published) * (policy.reassign_cost + policy.retime_cost)
    return Cost(unserved=tables.scope.problem.penalty(visit), changes=told)


def _rests(tables: Tables, row: int, t: Seconds, way: Seconds, numbers: range) -> tuple[list[BreakTaken], Seconds]:
    """Place the breaks of one gap; gives them and the arrival: breaks after the drive do not delay it."""
    rests: list[BreakTaken] = []
    arrive = t + way
    for number in numbers:
        begin = max(t, int(tables.data.rest[number, BREAK_EARLIEST]))
        end = begin + int(tables.data.rest[number, BREAK_LENGTH])
        rests.append(BreakTaken(id=_break_id(tables, row, number), start_s=begin, end_s=end))
        driven = min(way, begin - t)
        if driven < way:
            arrive = end + way - driven
        t, way = end, way - driven
    return rests, arrive


def _way_home(tables: Tables, row: int, t: Seconds, way: Seconds, pause: int) -> tuple[list[BreakTaken], Seconds]:
    """Place the breaks on the way home; one is owed only if the route still runs after its latest start."""
    rests: list[BreakTaken] = []
    for number in range(pause, int(tables.data.shift[row, BREAK_TO])):
        if t + way <= tables.data.rest[number, BREAK_LATEST]:
            continue
        begin = max(t, int(tables.data.rest[number, BREAK_EARLIEST]))
        way -= min(way, begin - t)
        t = begin + int(tables.data.rest[number, BREAK_LENGTH])
        rests.append(BreakTaken(id=_break_id(tables, row, number), start_s=begin, end_s=t))
    return rests, t + way


def _just_in_time(start: Seconds, way: Seconds, rests: list[BreakTaken]) -> Seconds:
    """Latest departure for the first stop that still leaves room for the breaks on the way there."""
    depart = start - way
    for rest in reversed(rests):
        if rest.end_s > depart:
            depart -= rest.end_s - rest.start_s
    return depart


def _break_id(tables: Tables, row: int, number: int) -> str:
    ordered = sorted(tables.scope.shifts[row].breaks, key=lambda one: (one.earliest_s, one.latest_s, one.id))
    return ordered[number - int(tables.data.shift[row, BREAK_FROM])].id
