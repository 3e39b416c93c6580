"""The account of a repair: only what changed is written anew, and two plans are compared visit by visit."""

from dataclasses import fields, replace

import numpy as np

from dispatch.matching.constraint import Whole
from dispatch.matching.plan import Cost, Plan, Reason, ReasonCode, Route, Unassigned
from dispatch.matching.problem import Problem, Visit
from dispatch.matching.reasons import Reasoner
from dispatch.matching.replan import Appointment, Lost, Moved, Repair, Served
from dispatch.matching.solvers.crews import slots_of
from dispatch.matching.solvers.forced import forced_route, pin_violations
from dispatch.matching.solvers.insertion import price_everywhere
from dispatch.matching.solvers.kernels import best_place, put, refresh, take
from dispatch.matching.solvers.laying import IMPOSSIBLE
from dispatch.matching.solvers.layout import COST_PERCENT, LATE_RATE, OVERTIME_PERCENT, WAITING_PERCENT
from dispatch.matching.solvers.standing import Standing
from dispatch.matching.timetable import route_of, unserved_cost


def written(standing: Standing, closed: dict[int, list[int]], *, proven: bool) -> Repair:
    """Write out what changed; a route that came out as it was is the old object.

    ``closed`` are the shifts of `forced.close_shifts`.
    """
    tables, state = standing.tables, standing.state
    scope, before = tables.scope, standing.plan
    routes: list[Route] = []
    touched: list[str] = []
    repriced: list[str] = []
    for shift, item in enumerate(scope.shifts):
        old = standing.route_of_shift.get(shift)
        if shift not in closed and not state.size[shift]:
            touched += [item.id] if old is not None else []
            continue
        if old is not None and shift not in closed and _is_as_before(standing, shift, old):
            routes.append(old)
            continue
        rows = closed.get(shift)
        new = route_of(tables, state, shift) if rows is None else forced_route(tables, shift, rows)
        if old == new:
            new = old
        elif old is not None and replace(new, cost=old.cost) == old:
            repriced.append(item.id)
        else:
            touched.append(item.id)
        routes.append(new)
    served = {stop.visit for route in routes for stop in route.stops}
    left_out = sorted((visit for visit in scope.problem.visits if visit.id not in served), key=lambda item: item.id)
    plan = Plan(
        routes=tuple(routes),
        unassigned=_unassigned(standing, left_out),
        cost=_summed([*(route.cost for route in routes), *(unserved_cost(tables, item) for item in left_out)]),
        violations=pin_violations(tables, state, closed),
    )
    return account(scope.problem, before, plan, touched=tuple(touched), repriced=tuple(repriced), proven=proven)


def _summed(costs: list[Cost]) -> Cost:
    """Add up term by term; adding hundreds of values one to the other would take longer than finding the repair."""
    return Cost(**{term.name: sum(getattr(cost, term.name) for cost in costs) for term in fields(Cost)})


def _is_as_before(standing: Standing, shift: int, old: Route) -> bool:
    """Whether writing a route anew would give ``old``, told without writing it; False where that is not sure.

    The kernels' price is exact in hundredths, so an old route at the same times whose terms add up to that price has
    the same drives and the same terms. Breaks must still be what they were.
    """
    tables, state = standing.tables, standing.state
    rows = standing.stops(shift)
    item, person = tables.scope.shifts[shift], tables.scope.technician(shift)
    if rows != standing.sequence[shift] or item.id != old.shift or person.id != old.technician:
        return False
    if len(tables.ways.metres) or old.depot is not None or not tables.data.slot[rows, LATE_RATE].all():
        return False
    times = [(stop.start_s, stop.end_s) for stop in old.stops]
    size = len(rows)
    if times != list(zip(state.start[shift, :size].tolist(), state.leave[shift, :size].tolist(), strict=True)):
        return False
    rests = {rest.id: rest for rest in item.breaks}
    for taken in old.breaks:
        rest = rests.get(taken.id)
        if rest is None or taken.end_s - taken.start_s != rest.duration_s:
            return False
        if rest.from_departure or not rest.earliest_s <= taken.start_s <= rest.latest_s:
            return False
    if sum(rest.latest_s < old.finish_s for rest in item.breaks) != len(old.breaks):
        return False
    price = int(tables.data.shift[shift, COST_PERCENT])
    driven = sum(stop.travel_s for stop in old.stops) + old.home_travel_s
    waited = sum(stop.waiting_s * price * int(tables.data.policy[WAITING_PERCENT]) // 100 for stop in old.stops)
    overtime = max(0, old.finish_s - item.end_s) * int(tables.data.shift[shift, OVERTIME_PERCENT])
    timed = old.cost.travel + old.cost.waiting + old.cost.overtime
    return (old.cost.total - timed) * 100 + driven * price + waited + overtime == int(state.cost[shift])


def _unassigned(standing: Standing, left_out: list[Visit]) -> tuple[Unassigned, ...]:
    """Give reasons; one that still holds for a visit that was left out before is not worked out anew."""
    reasoner = Reasoner(standing.tables, standing.state)
    before = {item.visit: item.reasons for item in standing.plan.unassigned}
    prices, places = np.zeros((2, len(standing.sequence)), dtype=np.int64)
    found: list[Unassigned] = []
    for visit in left_out:
        reasons = _still_displaced(standing, reasoner, visit, before.get(visit.id, ()), (prices, places))
        found.append(Unassigned(visit=visit.id, reasons=reasons or reasoner.reasons_for(visit)))
    return tuple(found)


def _still_displaced(
    standing: Standing, reasoner: Reasoner, visit: Visit, reasons: tuple[Reason, ...], scratch: tuple[Whole, Whole]
) -> tuple[Reason, ...]:
    """Give the old reason if the visit it names still has the time that this one would need; empty if not."""
    tables, state = standing.tables, standing.state
    row = slots_of(tables, visit)[0]
    if len(reasons) != 1 or reasons[0].code is not ReasonCode.DISPLACED or "visit" not in reasons[0].params:
        return ()
    other = tables.scope.slot_index.get((str(reasons[0].params["visit"]), 0), -1)
    shift = int(state.route_of[other]) if other >= 0 else -1
    if tables.linked[row] or tables.pinned[row] or visit.optional or shift < 0 or state.fixed[other]:
        return ()
    if tables.scope.technician(shift).id != reasons[0].params.get("technician"):
        return ()
    at = standing.stops(shift).index(other)
    take(state, shift, at)
    fits = refresh(tables.data, state, shift)
    fits = fits and best_place(tables.data, state, shift, row, IMPOSSIBLE)[0] < IMPOSSIBLE
    put(tables.data, state, shift, at, other)
    if not fits:
        return ()
    prices, places = scratch
    price_everywhere(tables.data, reasoner.empty, row, prices, places)
    people = len(np.unique(tables.worker[prices < IMPOSSIBLE]))
    return (replace(reasons[0], params={**reasons[0].params, "people": people}),)


def account(
    problem: Problem, before: Plan, after: Plan, *, touched: tuple[str, ...], repriced: tuple[str, ...], proven: bool
) -> Repair:
    """Say what two plans do differently, visit by visit, from the plans alone."""
    kept: list[str] = []
    moved: list[Moved] = []
    new: list[Served] = []
    lost: list[Lost] = []
    reasons = {item.visit: item.reasons for item in after.unassigned}
    tolerance_s = problem.policy.retime_tolerance_s
    same = {route.shift for route in after.routes if route is before.route_by_shift.get(route.shift)}
    old, now = before.stops_by_visit, after.stops_by_visit
    for visit in sorted(problem.visits, key=lambda item: item.id):
        stops = now.get(visit.id, ())
        # Most visits lie in routes that are the very objects of before: nothing to compare.
        if stops and len(stops) == len(old.get(visit.id, ())) and all(route.shift in same for route, _ in stops):
            kept.append(visit.id)
            continue
        was, will = _appointments(before, visit.id), _appointments(after, visit.id)
        if was and not will:
            lost.append(Lost(visit=visit.id, before=was, reasons=reasons.get(visit.id, ())))
        elif will and not was:
            new.append(Served(visit=visit.id, after=will))
        elif was and _alike(was, will, tolerance_s):
            kept.append(visit.id)
        elif was:
            moved.append(Moved(visit=visit.id, before=was, after=will))
    return Repair(
        plan=after,
        kept=tuple(kept),
        moved=tuple(moved),
        lost=tuple(lost),
        new=tuple(new),
        touched=touched,
        told=_told(problem, before, after),
        repriced=repriced,
        proven=proven,
    )


def _appointments(plan: Plan, visit: str) -> tuple[Appointment, ...]:
    stops = plan.stops_by_visit.get(visit, ())
    return tuple(Appointment(technician=route.technician, start_s=stop.start_s) for route, stop in stops)


def _alike(was: tuple[Appointment, ...], will: tuple[Appointment, ...], tolerance_s: int) -> bool:
    """Whether the same people come, at about the same time."""
    return len(was) == len(will) and all(
        one.technician == other.technician and abs(one.start_s - other.start_s) <= tolerance_s
        for one, other in zip(was, will, strict=True)
    )


def _told(problem: Problem, before: Plan, after: Plan) -> tuple[str, ...]:
    """People with a shift whose days differ by more than starts within the tolerance."""
    same = {route.shift for route in after.routes if route is before.route_by_shift.get(route.shift)}
    was, will = _days(before, same), _days(after, same)
    tolerance_s = problem.policy.retime_tolerance_s
    people = (was.keys() | will.keys()) & {shift.technician for shift in problem.shifts}
    return tuple(
        person for person in sorted(people) if not _same_day(was.get(person, []), will.get(person, []), tolerance_s)
    )


def _days(plan: Plan, but: set[str]) -> dict[str, list[tuple[str, int, int]]]:
    """Visit, crew slot and start of each person's stops in order of time, some shifts left out."""
    days: dict[str, list[tuple[str, int, int]]] = {}
    for route in sorted(plan.routes, key=lambda item: item.depart_s):
        if route.shift not in but:
            day = days.setdefault(route.technician, [])
            day += [(stop.visit, stop.slot, stop.start_s) for stop in route.stops]
    return days


def _same_day(was: list[tuple[str, int, int]], will: list[tuple[str, int, int]], tolerance_s: int) -> bool:
    return len(was) == len(will) and all(
        one[:2] == other[:2] and abs(one[2] - other[2]) <= tolerance_s for one, other in zip(was, will, strict=True)
    )
