"""From routes as arrays to a plan: instants, ways with their source, breaks in their place, exact costs by cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dispatch.matching.constraints import breaks
from dispatch.matching.objective import UNIT, retime_cost, route_cost
from dispatch.matching.plan import BreakTaken, Cost, DepotStop, Route, Stop
from dispatch.matching.problem import Visit
from dispatch.matching.solvers.clock import DEPOT_STOP, NOT_LEFT, late_s, reach, setup_credit, work_after
from dispatch.matching.solvers.laying import last_start
from dispatch.matching.solvers.layout import (
    BREAK_EARLIEST,
    BREAK_FROM,
    BREAK_LATEST,
    BREAK_LENGTH,
    BREAK_RELATIVE,
    BREAK_TO,
    DEPOT,
    DEPOT_TIME,
    GOAL,
    HOME,
    LATE,
    LATE_RATE,
    LEAVE,
    ORIGIN,
    PAUSE,
    PLAIN,
    SETUP,
    SHIFT_START,
    SLOT,
    START,
    THERE,
    State,
)
from dispatch.matching.solvers.tables import Tables
from dispatch.units import Metres, Seconds


def routes_of(tables: Tables, state: State) -> tuple[Route, ...]:
    """All routes that serve something, in the order of their shifts."""
    return tuple(route_of(tables, state, int(shift)) for shift in np.flatnonzero(state.size))


@dataclass(kw_only=True)
class _Leg:
    """One drive of a route and the stop it leads to; ``slot`` None = the depot."""

    slot: int | None
    way: tuple[Seconds, Metres]
    work_s: Seconds
    start_s: Seconds
    rests: list[BreakTaken]
    arrive_s: Seconds


class Served(NamedTuple):
    """A stop as far as its price needs it."""

    slot: int
    start_s: Seconds
    late_s: Seconds
    work_s: Seconds


def route_of(tables: Tables, state: State, row: int) -> Route:
    """Write out the route of shift number ``row``, which must not be empty."""
    scope, data = tables.scope, tables.data
    shift, person = scope.shifts[row], scope.technician(row)
    legs, place, pause = _legs(tables, state, row)
    origin = int(state.routes[row, ORIGIN])
    if data.shift[row, LATE] and _plain(tables, state, row):
        _leave_late(tables, state, row, legs)
    first = legs[0]
    depart = _just_in_time(first.start_s, first.way[0], first.rests)
    taken = [rest for leg in legs for rest in leg.rests]
    home_s = home_m = 0
    t = legs[-1].start_s + legs[-1].work_s
    finish = t
    if data.shift[row, GOAL] >= 0:
        home_s, home_m = tables.ways.way(place, int(data.shift[row, GOAL]))
        rests, finish = _way_home(tables, row, t, home_s, pause, origin)
        taken += rests
    stops: list[Stop] = []
    served: list[Served] = []
    depot: DepotStop | None = None
    t, plain = depart, data.slot[:, PLAIN]
    for leg in legs:
        rested = sum(rest.end_s - rest.start_s for rest in leg.rests)
        if leg.slot is None:
            start, end = leg.start_s, leg.start_s + leg.work_s
            depot = DepotStop(
                before=len(stops),
                arrive_s=start,
                leave_s=end,
                travel_s=leg.way[0],
                travel_m=leg.way[1],
                travel_source=tables.ways.source,
            )
            t = end
            continue
        visit, number = scope.slots[leg.slot].visit, scope.slots[leg.slot].number
        end = leg.start_s + leg.work_s
        late = 0 if plain[leg.slot] else max(0, int(late_s(data, int(leg.slot), int(leg.start_s), int(leg.work_s))))
        waiting = 0 if leg is first else leg.start_s - t - leg.way[0] - rested
        stops.append(
            Stop(
                visit=visit.id,
                slot=number,
                arrive_s=leg.start_s if leg is first else leg.arrive_s,
                start_s=leg.start_s,
                end_s=end,
                travel_s=leg.way[0],
                travel_m=leg.way[1],
                travel_source=tables.ways.source,
                waiting_s=waiting,
                late_s=late,
            )
        )
        served.append(Served(leg.slot, leg.start_s, late, leg.work_s))
        t = end
    whole = route_cost(
        policy=scope.problem.policy,
        technician=person,
        shift=shift,
        travel_s=sum(leg.way[0] for leg in legs) + home_s,
        waiting_s=sum(stop.waiting_s for stop in stops),
        work_s=sum(leg.work_s for leg in legs if leg.slot is not None),
        depot_s=sum(leg.work_s for leg in legs if leg.slot is None),
        finish_s=finish,
    )
    return Route(
        shift=shift.id,
        technician=person.id,
        depart_s=depart,
        finish_s=finish,
        stops=tuple(stops),
        breaks=tuple(taken),
        depot=depot,
        home_travel_s=home_s,
        home_travel_m=home_m,
        home_source=tables.ways.source if data.shift[row, GOAL] >= 0 else "",
        cost=whole + stops_cost(tables, row, served),
    )


def _legs(tables: Tables, state: State, row: int) -> tuple[list[_Leg], int, int]:
    """Drive the route as early as possible; gives its legs, the last place and the next break."""
    if state.depot_at[row] < 0:
        return _legs_as_laid(tables, state, row)
    data = tables.data
    legs: list[_Leg] = []
    t, place, pause = int(data.shift[row, SHIFT_START]), int(data.shift[row, HOME]), int(data.shift[row, BREAK_FROM])
    left, before, depot = NOT_LEFT, -1, int(data.shift[row, DEPOT])
    since, depot_at = int(state.routes[row, ORIGIN]), int(state.depot_at[row])
    stops = state.sequence[row, : state.size[row]]
    for i, (slot, target) in enumerate(zip(stops.tolist(), tables.place[stops].tolist(), strict=True)):
        calls: list[tuple[int | None, int]] = [(slot, target)]
        if i == depot_at:
            calls.insert(0, (None, depot))
        for called, there in calls:
            way = tables.ways.way(place, there)
            if called is None:
                work, before = int(data.shift[row, DEPOT_TIME]), -1
            else:
                work = int(work_after(data, row, called, before))
            number = DEPOT_STOP if called is None else called
            start, until, taken = map(int, reach(data, state, row, t, way[0], number, work, pause, left))
            if called is None and left == NOT_LEFT:
                onward = tables.ways.way(depot, target)[0]
                start = max(start, int(state.low[slot]) - onward - work)
            rests, arrive = _rests(tables, row, t, way[0], range(pause, until), since)
            if left == NOT_LEFT:
                left = start - way[0] - taken
            legs.append(_Leg(slot=called, way=way, work_s=work, start_s=start, rests=rests, arrive_s=arrive))
            t, place, pause = start + work, there, until
        before = slot
    return legs, place, pause


def _legs_as_laid(tables: Tables, state: State, row: int) -> tuple[list[_Leg], int, int]:
    """Do the same for a route that does not pass the depot: when it is where, the kernels have noted stop by stop."""
    data, since = tables.data, int(state.routes[row, ORIGIN])
    t, pause = int(data.shift[row, SHIFT_START]), int(data.shift[row, BREAK_FROM])
    legs: list[_Leg] = []
    laid = state.stops[row, : state.size[row]]
    places = [int(data.shift[row, HOME]), *laid[:, THERE].tolist()]
    stops = laid[:, [SLOT, START, LEAVE, PAUSE]].tolist()
    for way, (slot, start, leave, until) in zip(tables.ways.ways_along(places), stops, strict=True):
        rests, arrive = _rests(tables, row, t, way[0], range(pause, until), since)
        legs.append(_Leg(slot=slot, way=way, work_s=leave - start, start_s=start, rests=rests, arrive_s=arrive))
        t, pause = leave, until
    return legs, places[-1], pause


def _plain(tables: Tables, state: State, row: int) -> bool:
    """Whether the times of a route follow from its order alone."""
    data = tables.data
    stops = state.sequence[row, : state.size[row]]
    return bool(data.slot[stops, PLAIN].all() and data.shift[row, BREAK_FROM] == data.shift[row, BREAK_TO])


def _leave_late(tables: Tables, state: State, row: int, legs: list[_Leg]) -> None:
    """Move starts as late as they can without finishing later; only where there are no breaks."""
    for leg, after in zip(reversed(legs[:-1]), reversed(legs[1:]), strict=True):
        start = after.start_s - after.way[0] - leg.work_s
        if leg.slot is not None:
            start = min(start, int(last_start(tables.data, state, row, leg.slot)))
        leg.start_s = max(leg.start_s, start)
    t = legs[0].start_s - legs[0].way[0]
    for leg in legs:
        leg.arrive_s = t + leg.way[0]
        if leg.slot is None:
            # Nobody waits at the depot: what is left to wait is waited for at the customer's.
            leg.start_s = leg.arrive_s
        t = leg.start_s + leg.work_s


def stops_cost(tables: Tables, row: int, served: Sequence[Served]) -> Cost:
    """Price stops of shift ``row``: what depends on who comes and when, the way there not counted."""
    worker, slots = int(tables.worker[row]), [each.slot for each in served]
    terms = {name: int(values[slots, worker].sum()) for name, values in tables.prices.items()}
    shared = [each for each in served if tables.data.slot[each.slot, SETUP] > 0]
    terms["duration"] -= sum(int(setup_credit(tables.data, row, each.slot, each.work_s)) // UNIT for each in shared)
    policy, told = tables.scope.problem.policy, tables.published_start[slots].tolist()
    terms["changes"] += sum(retime_cost(policy, each.start_s, at) for each, at in zip(served, told, strict=True))
    rates = tables.data.slot[slots, LATE_RATE].tolist()
    return Cost(lateness=sum(each.late_s * rate for each, rate in zip(served, rates, strict=True)), **terms)


def unserved_cost(tables: Tables, visit: Visit) -> Cost:
    """Price a visit left out: its penalty, and telling everybody who was told otherwise."""
    policy = tables.scope.problem.policy
    told = len(visit.published) * (policy.reassign_cost + policy.retime_cost)
    return Cost(unserved=tables.scope.problem.penalty(visit), changes=told)


def _rests(
    tables: Tables, row: int, t: Seconds, way: Seconds, numbers: range, origin: Seconds
) -> tuple[list[BreakTaken], Seconds]:
    """Place the breaks of one gap; gives them and the arrival: breaks after the drive do not delay it."""
    rests: list[BreakTaken] = []
    arrive = t + way
    for number in numbers:
        begin = max(t, _since(tables, number, origin) + int(tables.data.rest[number, BREAK_EARLIEST]))
        end = begin + int(tables.data.rest[number, BREAK_LENGTH])
        rests.append(BreakTaken(id=_break_id(tables, row, number), start_s=begin, end_s=end))
        driven = min(way, begin - t)
        if driven < way:
            arrive = end + way - driven
        t, way = end, way - driven
    return rests, arrive


def _way_home(
    tables: Tables, row: int, t: Seconds, way: Seconds, pause: int, origin: Seconds
) -> tuple[list[BreakTaken], Seconds]:
    """Place the breaks on the way home; one is owed only if the route still runs after its latest start."""
    rests: list[BreakTaken] = []
    for number in range(pause, int(tables.data.shift[row, BREAK_TO])):
        since = _since(tables, number, origin)
        if t + way <= since + tables.data.rest[number, BREAK_LATEST]:
            continue
        begin = max(t, since + int(tables.data.rest[number, BREAK_EARLIEST]))
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


def _since(tables: Tables, number: int, origin: Seconds) -> Seconds:
    """Instant from which a break counts: the departure, or the problem's start."""
    return origin if tables.data.rest[number, BREAK_RELATIVE] else 0


def _break_id(tables: Tables, row: int, number: int) -> str:
    shift = tables.scope.shifts[row]
    ordered = sorted(shift.breaks, key=lambda item: breaks.order(shift, item))
    return ordered[number - int(tables.data.shift[row, BREAK_FROM])].id
