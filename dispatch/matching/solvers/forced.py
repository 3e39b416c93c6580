"""Pins that no timetable can keep: they are kept as given all the same, on a shift of their own, and reported.

A dispatcher may know better, or may have pinned two visits to the same moment. Either way the plan shows what was asked
for, with the rules it breaks; the person's other visits go to somebody else.
"""

import numpy as np

from dispatch.matching import constraints
from dispatch.matching.objective import route_cost
from dispatch.matching.plan import Route, Stop, Violation
from dispatch.matching.problem import Pin
from dispatch.matching.solvers.clock import late_s, work_s
from dispatch.matching.solvers.kernels import refresh
from dispatch.matching.solvers.layout import GOAL, HOME, ORDER, PENALTY, State
from dispatch.matching.solvers.tables import Tables
from dispatch.matching.timetable import Served, stops_cost

RULE = "pins"


def close_shifts(tables: Tables, state: State) -> dict[int, list[int]]:
    """Take the shifts of unkeepable pins out of the search; gives the pinned slots of each, in their order.

    The person's other pins of that shift are kept in the same way. A pinned person without any shift can not be shown;
    that visit stays unassigned.
    """
    pins = {tables.scope.slot_index[pin.visit, pin.slot]: pin for pin in tables.scope.problem.pins}
    closed: dict[int, list[int]] = {}
    for row, pin in sorted(pins.items()):
        if pin.technician is None or state.route_of[row] >= 0 or tables.linked[row] or tables.place[row] < 0:
            continue
        shift = _shift_for(tables, pin)
        if shift is not None:
            closed.setdefault(shift, []).append(row)
    for shift, rows in closed.items():
        served = state.sequence[shift, : state.size[shift]].tolist()
        if any(tables.linked[row] for row in served):
            rows.clear()
            continue
        rows += [row for row in served if row in pins]
        state.route_of[served] = -1
        state.size[shift] = 0
        refresh(tables.data, state, shift)
        tables.data.allowed[:, shift] = False
        tables.data.allowed[rows, :] = False
        tables.data.slot[rows, PENALTY] = 0
        rows.sort(key=lambda row: (int(tables.data.slot[row, ORDER]), int(tables.pinned_start[row]), row))
    return {shift: rows for shift, rows in closed.items() if rows}


def forced_route(tables: Tables, shift: int, rows: list[int]) -> Route:
    """Write out the pinned stops at their times, though nobody could drive it."""
    scope, data = tables.scope, tables.data
    item, person = scope.shifts[shift], scope.technician(shift)
    t, place = item.start_s, int(data.shift[shift, HOME])
    timed = {scope.slot_index[pin.visit, pin.slot]: pin.start_s for pin in scope.problem.pins}
    stops: list[Stop] = []
    served: list[Served] = []
    for row in rows:
        seconds, metres = (max(0, value) for value in tables.ways.way(place, int(tables.place[row])))
        told = timed[row]
        start = max(t + seconds, int(tables.opens[row])) if told is None else told
        work = int(work_s(data, shift, row))
        late = max(0, int(late_s(data, row, start, work)))
        stops.append(
            Stop(
                visit=scope.slots[row].visit.id,
                slot=scope.slots[row].number,
                arrive_s=start if not stops else min(start, t + seconds),
                start_s=start,
                end_s=start + work,
                travel_s=seconds,
                travel_m=metres,
                travel_source=tables.ways.source,
                waiting_s=0 if not stops else max(0, start - t - seconds),
                late_s=late,
            )
        )
        served.append(Served(row, start, late, work))
        t, place = start + work, int(tables.place[row])
    # Pinned times may contradict the pinned order; the day is over when everything is.
    t = max(stop.end_s for stop in stops)
    goal = int(data.shift[shift, GOAL])
    home_s, home_m = (max(0, value) for value in tables.ways.way(place, goal)) if goal >= 0 else (0, 0)
    whole = route_cost(
        policy=scope.problem.policy,
        technician=person,
        shift=item,
        travel_s=home_s + sum(stop.travel_s for stop in stops),
        waiting_s=sum(stop.waiting_s for stop in stops),
        work_s=sum(stop.end_s - stop.start_s for stop in stops),
        depot_s=0,
        finish_s=t + home_s,
    )
    return Route(
        shift=item.id,
        technician=person.id,
        depart_s=stops[0].start_s - stops[0].travel_s,
        finish_s=t + home_s,
        stops=tuple(stops),
        home_travel_s=home_s,
        home_travel_m=home_m,
        home_source=tables.ways.source if goal >= 0 else "",
        cost=whole + stops_cost(tables, shift, served),
    )


def pin_violations(tables: Tables, state: State, closed: dict[int, list[int]]) -> tuple[Violation, ...]:
    """Report what pins break: people who may not serve the visit, and times that can not be kept."""
    scope = tables.scope
    found: list[Violation] = []
    for shift, rows in sorted(closed.items()):
        item, person = scope.shifts[shift], scope.technician(shift)
        for row in rows:
            visit = scope.slots[row].visit.id
            words = f"Visit {visit} stays pinned to {person.id}, but no timetable of that shift can keep it."
            found.append(Violation(rule=RULE, message=words, visit=visit, shift=item.id))
    for row in np.flatnonzero(tables.pinned).tolist():
        slot, shift = scope.slots[row], int(state.route_of[row])
        if shift < 0:
            if not any(row in rows for rows in closed.values()):
                words = f"The pin of visit {slot.visit.id} can not be kept."
                found.append(Violation(rule=RULE, message=words, visit=slot.visit.id))
            continue
        for rule in constraints.FORBIDDING:
            reason = rule.refusal(scope, row, shift)
            if reason is not None:
                person = scope.technician(shift)
                words = f"Visit {slot.visit.id} stays pinned to {person.id}: {reason.code.replace('_', ' ')}."
                found.append(Violation(rule=RULE, message=words, visit=slot.visit.id, shift=scope.shifts[shift].id))
    return tuple(found)


def _shift_for(tables: Tables, pin: Pin) -> int | None:
    """Choose the pinned person's shift: the one at the pinned time, else the first one."""
    scope = tables.scope
    own = [row for row, shift in enumerate(scope.shifts) if shift.technician == pin.technician]
    own.sort(key=lambda row: scope.shifts[row].start_s)
    start = pin.start_s
    if start is not None:
        around = [row for row in own if scope.shifts[row].start_s <= start <= scope.shifts[row].latest_s]
        own = around or own
    return own[0] if own else None
