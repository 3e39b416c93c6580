"""Brute force over every place in every route, to see whether an unserved visit could simply be added.

A slow twin of what the solver does fast. Nothing is moved to another route or into another order; later stops may
shift in time. Stops of crews keep their time, since others wait for it. Visits for a crew are not single insertions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from dispatch.matching.check.certifications import holds
from dispatch.matching.check.promise_windows import lateness
from dispatch.matching.check.skills import counts_as
from dispatch.matching.check.territory import inside
from dispatch.matching.check.travel import way
from dispatch.matching.plan import Plan, Stop
from dispatch.matching.problem import UNREACHABLE, Break, Pin, Problem, Shift, Technician, Visit
from dispatch.units import Seconds


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """A place where an unserved visit fits: before the stop number ``position`` of the shift's route."""

    visit: str
    shift: str
    position: int
    start_s: Seconds


def feasible_insertions(problem: Problem, plan: Plan) -> Iterator[Insertion]:
    """Yield every place where a visit for one person, that the plan leaves out, would fit without breaking a rule."""
    for item in plan.unassigned:
        visit = problem.visit_by_id[item.visit]
        if len(visit.crew) > 1 or visit.point is None or not _predecessors_served(visit, plan):
            continue
        for shift in problem.shifts:
            if may_serve(problem, visit, shift):
                yield from _places(problem, plan, visit, shift)


def may_serve(problem: Problem, visit: Visit, shift: Shift) -> bool:
    """Tell whether the person of a shift may serve a visit at all, time left aside."""
    person: Technician = problem.technician_by_id[shift.technician]
    pinned_to = [pin.technician for pin in problem.pins if pin.visit == visit.id and pin.technician is not None]
    if pinned_to:
        return person.id in pinned_to
    return (
        all(
            any(counts_as(problem.policy, person, each) for each in need.any_of)
            for need in visit.crew[0].needs
            if need.must
        )
        and all(holds(person, certification, shift) for certification in visit.crew[0].certifications)
        and person.id not in visit.excluded
        and (not visit.required or person.id in visit.required)
        and inside(person, shift, visit)
    )


def _predecessors_served(visit: Visit, plan: Plan) -> bool:
    return all(before.visit in plan.stops_by_visit for before in visit.predecessors)


def _places(problem: Problem, plan: Plan, visit: Visit, shift: Shift) -> Iterator[Insertion]:
    route = plan.route_by_shift.get(shift.id)
    stops = route.stops if route is not None else ()
    order = [problem.visit_by_id[stop.visit] for stop in stops]
    for position in range(len(stops) + 1):
        trial = [*order[:position], visit, *order[position:]]
        slots = [*(stop.slot for stop in stops[:position]), 0, *(stop.slot for stop in stops[position:])]
        starts = timetable(problem, shift, trial, slots, _fixed_times(problem, stops), plan)
        if starts is not None:
            yield Insertion(visit=visit.id, shift=shift.id, position=position, start_s=starts[position])


def _fixed_times(problem: Problem, stops: Sequence[Stop]) -> dict[str, Seconds]:
    """Start times that may not move: crews wait for each other."""
    return {stop.visit: stop.start_s for stop in stops if len(problem.visit_by_id[stop.visit].crew) > 1}


def timetable(
    problem: Problem,
    shift: Shift,
    visits: Sequence[Visit],
    slots: Sequence[int],
    fixed: dict[str, Seconds],
    plan: Plan,
) -> list[Seconds] | None:
    """Return the earliest starts of visits in this order, or None where no timetable keeps every rule.

    Every way to lay the breaks into the gaps is tried; ``len(visits) + 1`` stands for "not owed, home before that".
    """
    gaps = range(len(visits) + 2)
    rests = sorted(shift.breaks, key=lambda item: (item.earliest_s, item.latest_s, item.id))
    for laid in product(gaps, repeat=len(rests)):
        if list(laid) == sorted(laid):
            starts = _drive(problem, shift, visits, slots, fixed, plan, list(zip(rests, laid, strict=True)))
            if starts is not None:
                return starts
    return None


def _drive(
    problem: Problem,
    shift: Shift,
    visits: Sequence[Visit],
    slots: Sequence[int],
    fixed: dict[str, Seconds],
    plan: Plan,
    rests: list[tuple[Break, int]],
) -> list[Seconds] | None:
    person = problem.technician_by_id[shift.technician]
    clock, here = shift.start_s, shift.start
    starts: list[Seconds] = []
    for number, (visit, slot) in enumerate(zip(visits, slots, strict=True)):
        if visit.point is None:
            return None
        seconds, _ = way(problem.travel, here, visit.point)
        too_long = shift.max_leg_s is not None and seconds > shift.max_leg_s
        if seconds == UNREACHABLE or too_long:
            return None
        ready = _arrive(clock, seconds, [rest for rest, gap in rests if gap == number])
        work_s = (visit.duration_s * person.pace_percent + 50) // 100
        start = None if ready is None else _earliest_start(problem, visit, slot, ready, work_s, fixed, plan)
        if start is None:
            return None
        starts.append(start)
        clock, here = start + work_s, visit.point
    home_s = 0 if shift.end is None else way(problem.travel, here, shift.end)[0]
    finish = (
        None if home_s == UNREACHABLE else _arrive(clock, home_s, [rest for rest, gap in rests if gap == len(visits)])
    )
    if finish is None or finish > shift.end_s + shift.overtime_limit_s:
        return None
    if any(gap == len(visits) + 1 and finish > rest.latest_s for rest, gap in rests):
        return None
    return starts if _successors_wait(problem, visits, starts, person, plan) else None


def _arrive(clock: Seconds, driving: Seconds, rests: list[Break]) -> Seconds | None:
    """Return when the drive and the rests of one gap are over, each rest taken as soon as it may be."""
    left = driving
    for rest in rests:
        begin = max(clock, rest.earliest_s)
        if begin > rest.latest_s:
            return None
        left -= min(left, begin - clock)
        clock = begin + rest.duration_s
    return clock + left


def _earliest_start(
    problem: Problem, visit: Visit, slot: int, ready: Seconds, work_s: Seconds, fixed: dict[str, Seconds], plan: Plan
) -> Seconds | None:
    pins: list[Pin] = [
        pin for pin in problem.pins if (pin.visit, pin.slot) == (visit.id, slot) and pin.start_s is not None
    ]
    told = pins[0].start_s if pins else fixed.get(visit.id)
    if told is not None:
        return told if ready <= told else None
    if visit.release_s is not None:
        ready = max(ready, visit.release_s)
    for before in visit.predecessors:
        earlier = plan.stops_by_visit.get(before.visit, ())
        ready = max([ready, *(stop.end_s + before.gap_s for _, stop in earlier)])
    candidates = [ready, *(window.start_s for window in visit.windows if window.start_s > ready)]
    allowed = [start for start in candidates if lateness(visit, start, start + work_s) is not None]
    return min(allowed, default=None)


def _successors_wait(
    problem: Problem, visits: Sequence[Visit], starts: list[Seconds], person: Technician, plan: Plan
) -> bool:
    """Tell whether whoever waits for one of these visits elsewhere still starts late enough."""
    here = {
        visit.id: start + (visit.duration_s * person.pace_percent + 50) // 100
        for visit, start in zip(visits, starts, strict=True)
    }
    own = dict(zip((visit.id for visit in visits), starts, strict=True))
    for later in problem.visits:
        for before in later.predecessors:
            if before.visit not in here:
                continue
            begun = own.get(later.id)
            if begun is None and later.id in plan.stops_by_visit:
                begun = min(stop.start_s for _, stop in plan.stops_by_visit[later.id])
            if begun is not None and begun < here[before.visit] + before.gap_s:
                return False
    return True
