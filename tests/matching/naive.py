"""Slow, plain twins of the kernels: one route timed and priced from the problem's own values, and exhaustive search."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dispatch.matching.levels import met, p_fix
from dispatch.matching.problem import Break, Point, Problem, Shift, Visit
from dispatch.units import great_circle_m


def travel_s(problem: Problem, start: Point, end: Point | None) -> int:
    assert end is not None
    metres = distance_m(start, end)
    return int(metres * problem.travel.detour_percent / 100 / (problem.travel.speed_kmh / 3.6) + 0.5)


distance_m = lru_cache(maxsize=100_000)(great_circle_m)


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


@dataclass(frozen=True)
class Day:
    """A route under way: where and when the person is free, breaks still to take, cost so far in hundredths."""

    clock: int
    here: Point
    rests: tuple[Break, ...]
    cost: int
    stops: int = 0


def leave_home(problem: Problem, shift: Shift) -> Day:
    person = problem.technician_by_id[shift.technician]
    rests = sorted(shift.breaks, key=lambda item: (item.earliest_s, item.latest_s, item.id))
    return Day(clock=shift.start_s, here=shift.start, rests=tuple(rests), cost=person.call_out_cost * 100)


def serve(problem: Problem, shift: Shift, day: Day, visit: Visit) -> Day | None:
    """The day after one visit more; None if no timetable allows it, whatever follows."""
    person, policy = problem.technician_by_id[shift.technician], problem.policy
    price, cost, rests = person.cost_percent, day.cost, list(day.rests)
    way = travel_s(problem, day.here, visit.point)
    work = (visit.duration_s * person.pace_percent + 50) // 100
    if shift.max_leg_s is not None and way > shift.max_leg_s:
        return None
    cost += way * price
    start, rested = _reach(visit, day.clock, way, work, rests)
    if start is None:
        return None
    if day.stops:
        cost += (start - day.clock - way - rested) * price * policy.waiting_percent // 100
    rate = policy.lateness_rate if visit.lateness_rate is None else visit.lateness_rate
    cost += lateness(visit, start, work) * rate * 100
    second = policy.second_visit_cost if visit.second_visit_cost is None else visit.second_visit_cost
    cost += int((1 - p_fix(policy, person, visit.crew[0].needs)) * second + 0.5) * 100
    cost += ((work * price + 50) // 100 - visit.duration_s) * 100
    cost -= policy.continuity_credit * 100 * (person.id in visit.known_faces)
    cost -= policy.preferred_credit * 100 * (person.id in visit.preferred)
    assert visit.point is not None
    return Day(clock=start + work, here=visit.point, rests=tuple(rests), cost=cost, stops=day.stops + 1)


def come_home(problem: Problem, shift: Shift, day: Day) -> int | None:
    """Cost of the day if it ends now; None if it can not end in time (a longer one may: its breaks lie elsewhere)."""
    person = problem.technician_by_id[shift.technician]
    finish, cost = day.clock, day.cost
    if shift.end is not None:
        way = travel_s(problem, day.here, shift.end)
        cost += way * person.cost_percent
        for rest in day.rests:
            if finish + way > rest.latest_s:
                begin = max(finish, rest.earliest_s)
                if begin > rest.latest_s:
                    return None
                way -= min(way, begin - finish)
                finish = begin + rest.duration_s
        finish += way
    if finish > shift.latest_s:
        return None
    return cost + max(0, finish - shift.end_s) * shift.overtime_percent


def route_cost(problem: Problem, shift: Shift, visits: Sequence[Visit]) -> int | None:
    """Cost of serving single visits in this order, in hundredths of a unit; None if no timetable allows it."""
    if not visits:
        return 0
    day: Day | None = leave_home(problem, shift)
    for visit in visits:
        day = serve(problem, shift, day, visit)
        if day is None:
            return None
    return come_home(problem, shift, day)


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


def may_serve(problem: Problem, shift: Shift, visit: Visit) -> bool:
    """Whether the person is qualified and welcome."""
    person = problem.technician_by_id[shift.technician]
    needs = (need for need in visit.crew[0].needs if need.must)
    return person.id not in visit.excluded and all(met(problem.policy, person, need) for need in needs)


def sets_served(problem: Problem, shift: Shift) -> dict[frozenset[str], int]:
    """Least cost of each set of visits that the shift can serve, over every order."""
    visits = [visit for visit in problem.visits if may_serve(problem, shift, visit)]
    best: dict[frozenset[str], int] = {frozenset(): 0}

    def go_on(day: Day, served: frozenset[str]) -> None:
        for visit in visits:
            longer = None if visit.id in served else serve(problem, shift, day, visit)
            if longer is not None:
                cost, now = come_home(problem, shift, longer), served | {visit.id}
                if cost is not None:
                    best[now] = min(cost, best.get(now, cost))
                go_on(longer, now)

    go_on(leave_home(problem, shift), frozenset())
    return best


def cheapest(problem: Problem) -> int:
    """Least cost over every way to give single visits to shifts in any order, in hundredths of a unit."""
    plans: dict[frozenset[str], int] = {frozenset(): 0}
    for shift in problem.shifts:
        routes, longer = sets_served(problem, shift), dict[frozenset[str], int]()
        for served, cost in plans.items():
            for more, added in routes.items():
                if not served & more:
                    both = served | more
                    longer[both] = min(cost + added, longer.get(both, cost + added))
        plans = longer
    return min(cost + left_out(problem, served) for served, cost in plans.items())


def left_out(problem: Problem, served: Collection[str]) -> int:
    return sum(problem.penalty(visit) * 100 for visit in problem.visits if visit.id not in served)
