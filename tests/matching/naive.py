"""Slow, plain twins of the kernels: one route timed and priced from the problem's own values, and exhaustive search."""

from collections.abc import Iterator, Sequence
from itertools import permutations, product

from dispatch.matching.levels import p_fix
from dispatch.matching.problem import Break, Problem, Shift, Visit
from dispatch.units import great_circle_m


def travel_s(problem: Problem, start: object, end: object) -> int:
    metres = great_circle_m(start, end)  # type: ignore[arg-type]  # points; the twin does without the library's types
    return int(metres * problem.travel.detour_percent / 100 / (problem.travel.speed_kmh / 3.6) + 0.5)


def first_start(visit: Visit, ready: int, work: int) -> int | None:
    if visit.release_s is not None:
        ready = max(ready, visit.release_s)
    if not visit.windows:
        return ready
    starts = []
    for window in visit.windows:
        start = max(ready, window.start_s)
        finish = start + work if window.whole_visit else start
        if not window.hard or finish <= window.end_s:
            starts.append(start)
    return min(starts, default=None)


def lateness(visit: Visit, start: int, work: int) -> int:
    late = []
    for window in visit.windows:
        if start < window.start_s:
            continue
        if (start + work if window.whole_visit else start) <= window.end_s:
            late.append(0)
        elif not window.hard:
            late.append(start - window.end_s)
    due = 0 if visit.due_s is None else max(0, start - visit.due_s)
    return max(min(late, default=0), due)


def route_cost(problem: Problem, shift: Shift, visits: Sequence[Visit]) -> int | None:
    """Cost of serving single visits in this order, in hundredths of a unit; None if no timetable allows it."""
    if not visits:
        return 0
    person, policy = problem.technician_by_id[shift.technician], problem.policy
    price = person.cost_percent
    rests = sorted(shift.breaks, key=lambda item: (item.earliest_s, item.latest_s, item.id))
    clock, here, cost = shift.start_s, shift.start, person.call_out_cost * 100
    for number, visit in enumerate(visits):
        way = travel_s(problem, here, visit.point)
        work = (visit.duration_s * person.pace_percent + 50) // 100
        if shift.max_leg_s is not None and way > shift.max_leg_s:
            return None
        cost += way * price
        start, rested = _reach(visit, clock, way, work, rests)
        if start is None:
            return None
        if number:
            cost += (start - clock - way - rested) * price * policy.waiting_percent // 100
        rate = policy.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
        cost += lateness(visit, start, work) * rate * 100
        second = policy.second_visit_cost if visit.second_visit_cost is None else visit.second_visit_cost
        cost += int((1 - p_fix(policy, person, visit.crew[0].needs)) * second + 0.5) * 100
        cost += ((work * price + 50) // 100 - visit.duration_s) * 100
        cost -= policy.continuity_credit * 100 * (person.id in visit.known_faces)
        cost -= policy.preferred_credit * 100 * (person.id in visit.preferred)
        clock, here = start + work, visit.point  # type: ignore[assignment]  # visits here have a place
    finish = clock
    if shift.end is not None:
        way = travel_s(problem, here, shift.end)
        cost += way * price
        for rest in rests:
            if clock + way > rest.latest_s:
                begin = max(clock, rest.earliest_s)
                if begin > rest.latest_s:
                    return None
                way -= min(way, begin - clock)
                clock = begin + rest.duration_s
        finish = clock + way
    if finish > shift.latest_s:
        return None
    return cost + max(0, finish - shift.end_s) * shift.overtime_percent


def _reach(visit: Visit, clock: int, way: int, work: int, rests: list[Break]) -> tuple[int | None, int]:
    """Start of a visit and rest taken on the way; rests that were taken leave the list."""
    start, rested = first_start(visit, clock + way, work), 0
    while start is not None and rests:
        rest = rests[0]
        begin = max(clock, rest.earliest_s)
        driven = min(way, begin - clock)
        later = first_start(visit, begin + rest.duration_s + way - driven, work)
        in_time = begin <= rest.latest_s
        if not (in_time and later == start):
            if start + work <= rest.latest_s:
                break
            if not in_time:
                return None, rested
        start, clock, way = later, begin + rest.duration_s, way - driven
        rested += rest.duration_s
        rests.pop(0)
    return start, rested


def cheapest(problem: Problem) -> int:
    """Least cost over every way to give single visits to shifts in any order, in hundredths of a unit."""
    best = sum(problem.penalty(visit) * 100 for visit in problem.visits)
    for chosen in product(range(-1, len(problem.shifts)), repeat=len(problem.visits)):
        cost = sum(problem.penalty(v) * 100 for v, shift in zip(problem.visits, chosen, strict=True) if shift < 0)
        for number, shift in enumerate(problem.shifts):
            own = [visit for visit, taken in zip(problem.visits, chosen, strict=True) if taken == number]
            routes = [route_cost(problem, shift, order) for order in _orders(own)]
            cost += min((one for one in routes if one is not None), default=1 << 60)
        best = min(best, cost)
    return best


def _orders(visits: list[Visit]) -> Iterator[tuple[Visit, ...]]:
    return permutations(visits)
