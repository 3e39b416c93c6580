"""Brute force over every place in every route, to see whether an unserved visit could simply be added.

A slow twin of what the solver does fast. Nothing is moved to another route or into another order; later stops may
shift in time. Stops of crews keep their time, since others wait for it. Visits for a crew are not single insertions.

It never claims a place that breaks a rule, and so overlooks some. It does not consider:

- another time for a depot stop, or adding or leaving out one: a visit whose parts are not on the van by then is not
  added, and a depot stop stays between the same two visits, with the new visit on either side of it;
- leaving later than just in time for the first visit, which may shorten a day that waits;
- breaks counted from departure that fall on the first drive;
- serving, moving or leaving out other visits, so that somebody is the same or another person, a partner has room, or
  fewer published visits change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from dispatch.matching.check import links
from dispatch.matching.check.breaks import span
from dispatch.matching.check.changes import changed, kept, may_serve
from dispatch.matching.check.partners import group, taken
from dispatch.matching.check.parts import lacking
from dispatch.matching.check.pins import orders
from dispatch.matching.check.promise_windows import lateness
from dispatch.matching.check.rest import next_shift
from dispatch.matching.check.shifts import own_s, shares_setup
from dispatch.matching.check.travel import way
from dispatch.matching.plan import Plan, Route, Stop
from dispatch.matching.problem import UNREACHABLE, Break, Pin, Point, Problem, Shift, Visit
from dispatch.units import Seconds


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """A place where an unserved visit fits: before the stop number ``position`` of the shift's route."""

    visit: str
    shift: str
    position: int
    start_s: Seconds


@dataclass(frozen=True, kw_only=True)
class Day:
    """A route to be tried: visits with their crew slots in order, and the stop before which it passes the depot."""

    shift: Shift
    visits: Sequence[Visit]
    slots: Sequence[int]
    depot_before: int | None = None


def feasible_insertions(problem: Problem, plan: Plan) -> Iterator[Insertion]:
    """Yield every place where a visit for one person, that the plan leaves out, would fit without breaking a rule."""
    full = _full_shifts(problem, plan)
    ties: dict[str, list[tuple[str, str]]] = {}
    for kind, first, second in links.pairs(problem):
        ties.setdefault(first, []).append((kind, second))
        ties.setdefault(second, []).append((kind, first))
    for item in plan.unassigned:
        visit = problem.visit_by_id[item.visit]
        if len(visit.crew) > 1 or visit.point is None or not _predecessors_served(visit, plan):
            continue
        for shift in problem.shifts:
            if (
                shift.id not in full
                and may_serve(problem, visit, shift)
                and _links_allow(plan, ties.get(visit.id, ()), shift)
            ):
                yield from _places(problem, plan, visit, shift)


def _full_shifts(problem: Problem, plan: Plan) -> set[str]:
    """Shifts that can take no further visit, by their own limit or their partner's."""
    agreed = {item.id: item.visits_a_day for item in problem.partners}
    used = taken(problem, plan)
    full = set()
    for shift in problem.shifts:
        route, key = plan.route_by_shift.get(shift.id), group(problem, shift)
        if shift.max_visits is not None and (0 if route is None else len(route.stops)) >= shift.max_visits:
            full.add(shift.id)
        most = None if key is None else agreed.get(key[0])
        if most is not None and key is not None and len(used.get(key, ())) >= most:
            full.add(shift.id)
    return full


def _links_allow(plan: Plan, ties: Sequence[tuple[str, str]], shift: Shift) -> bool:
    for kind, other in ties:
        crew = {stop.slot: route.technician for route, stop in plan.stops_by_visit.get(other, ())}
        if kind == links.SAME and crew and crew.get(0) != shift.technician:
            return False
        if kind == links.OTHER and shift.technician in crew.values():
            return False
    return True


def _predecessors_served(visit: Visit, plan: Plan) -> bool:
    return all(before.visit in plan.stops_by_visit for before in visit.predecessors)


def _places(problem: Problem, plan: Plan, visit: Visit, shift: Shift) -> Iterator[Insertion]:
    route = plan.route_by_shift.get(shift.id)
    stops = route.stops if route is not None else ()
    order = [problem.visit_by_id[stop.visit] for stop in stops]
    depot = None if route is None or route.depot is None else route.depot.before
    fixed = _fixed_times(problem, stops)
    for position in range(len(stops) + 1):
        trial = [*order[:position], visit, *order[position:]]
        slots = [*(stop.slot for stop in stops[:position]), 0, *(stop.slot for stop in stops[position:])]
        for before in _depots(depot, position):
            day = Day(shift=shift, visits=trial, slots=slots, depot_before=before)
            starts = timetable(problem, day, fixed, plan)
            if starts is not None and _few_changes(problem, plan, day, starts):
                yield Insertion(visit=visit.id, shift=shift.id, position=position, start_s=starts[position])
                break


def _depots(before: int | None, position: int) -> list[int | None]:
    """Where the depot stop is after an insertion: beside the same stops, on either side of the new one."""
    if before is None:
        return [None]
    return [each for each, fits in ((before, position >= before), (before + 1, position <= before)) if fits]


def _fixed_times(problem: Problem, stops: Sequence[Stop]) -> dict[str, Seconds]:
    """Start times that may not move: crews wait for each other."""
    return {stop.visit: stop.start_s for stop in stops if len(problem.visit_by_id[stop.visit].crew) > 1}


def _few_changes(problem: Problem, plan: Plan, day: Day, starts: Sequence[Seconds]) -> bool:
    """Tell whether the plan changes no more of what was published than before, or than it may."""
    most = problem.policy.max_changes
    if most is None:
        return True
    before = changed(problem, plan)
    after = set(before)
    for visit, slot, start_s in zip(day.visits, day.slots, starts, strict=True):
        for told in visit.published:
            if told.slot == slot:
                after.discard((visit.id, slot))
                if not kept(problem.policy, told, day.shift.technician, start_s):
                    after.add((visit.id, slot))
    return len(after) <= max(most, len(before))


def timetable(problem: Problem, day: Day, fixed: Mapping[str, Seconds], plan: Plan) -> list[Seconds] | None:
    """Return the earliest starts of visits in this order, or None where no timetable keeps every rule.

    Every way to lay the breaks into the gaps is tried; the last gap stands for "not owed, home before that".
    """
    shift, work = day.shift, list(zip(day.visits, day.slots, strict=True))
    pinned = orders(problem, shift.technician, [(visit.id, slot) for visit, slot in work])
    if pinned != sorted(pinned) or any(lacking(shift, work, day.depot_before)):
        return None
    # A gap before every visit and the depot, one on the way home, and one after it.
    gaps = range(len(day.visits) + (day.depot_before is not None) + 2)
    rests = sorted(shift.breaks, key=lambda item: (*span(item, shift.start_s), item.id))
    for laid in product(gaps, repeat=len(rests)):
        if list(laid) == sorted(laid):
            starts = _Drive(problem, day, fixed, plan, list(zip(rests, laid, strict=True))).starts()
            if starts is not None:
                return starts
    return None


class _Drive:
    """One way to lay the breaks of a day into its gaps."""

    def __init__(
        self,
        problem: Problem,
        day: Day,
        fixed: Mapping[str, Seconds],
        plan: Plan,
        rests: list[tuple[Break, int]],
    ) -> None:
        self.problem, self.day, self.fixed, self.plan, self.rests = problem, day, fixed, plan, rests
        self.person = problem.technician_by_id[day.shift.technician]
        self.clock, self.here = day.shift.start_s, day.shift.start
        self.depart: Seconds | None = None  # not known before the first visit
        self.driven = self.gap = 0

    def starts(self) -> list[Seconds] | None:
        """Return the earliest start of each visit, None where a rule does not allow the day."""
        shift, earlier = self.day.shift, None
        starts: list[Seconds] = []
        works: list[Seconds] = []
        for number, (visit, slot) in enumerate(zip(self.day.visits, self.day.slots, strict=True)):
            if number == self.day.depot_before:
                arrived = None if shift.depot is None else self._arrive(shift.depot)
                if arrived is None:
                    return None
                self.clock, earlier = arrived + shift.depot_s, None
            ready = None if visit.point is None else self._arrive(visit.point)
            if ready is None:
                return None
            work_s = own_s(self.person, visit, shared=shares_setup(earlier, visit))
            start = self._earliest_start(visit, slot, ready, work_s)
            if start is None or (self.depart is None and not self._leave(start)):
                return None
            starts.append(start)
            works.append(work_s)
            self.clock, earlier = start + work_s, visit
        return starts if self._home() and self._others_wait(starts, works) else None

    def _arrive(self, there: Point, *, home: bool = False) -> Seconds | None:
        """Drive to the next place with the rests of this gap, each taken as soon as it may be."""
        left, _ = way(self.problem.travel, self.here, there)
        most = None if home else self.day.shift.max_leg_s
        if left == UNREACHABLE or (most is not None and left > most):
            return None
        self.driven += left
        clock = self.clock
        for rest, gap in self.rests:
            if gap != self.gap:
                continue
            if rest.from_departure and self.depart is None:
                return None
            earliest_s, latest_s = span(rest, self.depart or 0)
            begin = max(clock, earliest_s)
            if begin > latest_s:
                return None
            left -= min(left, begin - clock)
            clock = begin + rest.duration_s
        self.gap += 1
        self.here = there
        return clock + left

    def _leave(self, start: Seconds) -> bool:
        """Leave just in time for the first visit, or with the shift where a rest comes before it."""
        shift = self.day.shift
        rested = any(gap < self.gap for _, gap in self.rests)
        relative = [item.latest_s for item in shift.breaks if item.from_departure]
        if rested and relative:
            return False
        at_depot_s = shift.depot_s if self.day.depot_before == 0 else 0
        self.depart = shift.start_s if rested else start - self.driven - at_depot_s
        return all(self.driven <= latest_s for latest_s in relative)

    def _home(self) -> bool:
        """Come home in time, without too much driving in too long a day, and with every break that is owed."""
        shift, depart = self.day.shift, self.depart
        finish = self.clock
        # Without an end place the day is over where it is; only a break that is not owed may come after.
        if shift.end is not None:
            arrived = self._arrive(shift.end, home=True)
            if arrived is None:
                return False
            finish = arrived
        elif any(gap == self.gap for _, gap in self.rests):
            return False
        else:
            self.gap += 1
        following = next_shift(self.problem, shift)
        latest = shift.end_s + shift.overtime_limit_s
        if following is not None:
            latest = min(latest, following.start_s - self.person.min_rest_s)
        most_driven, longest = shift.max_drive_s, shift.max_length_s
        return (
            depart is not None
            and finish <= latest
            and (most_driven is None or self.driven <= most_driven)
            and (longest is None or finish - depart <= longest)
            and not any(gap == self.gap and finish > span(rest, depart)[1] for rest, gap in self.rests)
        )

    def _earliest_start(self, visit: Visit, slot: int, ready: Seconds, work_s: Seconds) -> Seconds | None:
        pins: list[Pin] = [
            pin for pin in self.problem.pins if (pin.visit, pin.slot) == (visit.id, slot) and pin.start_s is not None
        ]
        told = pins[0].start_s if pins else self.fixed.get(visit.id)
        if told is not None:
            return told if ready <= told else None
        if visit.release_s is not None:
            ready = max(ready, visit.release_s)
        for before in visit.predecessors:
            earlier = self._stops(before.visit)
            ready = max([ready, *(stop.end_s + before.gap_s for _, stop in earlier)])
        candidates = [ready, *(window.start_s for window in visit.windows if window.start_s > ready)]
        allowed = [start for start in candidates if lateness(visit, start, start + work_s) is not None]
        return min(allowed, default=None)

    def _others_wait(self, starts: Sequence[Seconds], works: Sequence[Seconds]) -> bool:
        """Tell whether visits with an order between them, here or elsewhere, still keep their gaps."""
        here = {visit.id: start for visit, start in zip(self.day.visits, starts, strict=True)}
        ends = {
            (visit.id, slot): start + work_s
            for visit, slot, start, work_s in zip(self.day.visits, self.day.slots, starts, works, strict=True)
        }
        for later in self.problem.visits:
            for before in later.predecessors:
                if later.id not in here and before.visit not in here:
                    continue
                begun = [here.get(later.id, stop.start_s) for _, stop in self._stops(later.id)]
                done = {(before.visit, stop.slot): stop.end_s for _, stop in self._stops(before.visit)}
                done |= {key: end_s for key, end_s in ends.items() if key[0] == before.visit}
                begun += [here[later.id]] if later.id in here else []
                if begun and done:
                    gap_s = min(begun) - max(done.values())
                    if gap_s < before.gap_s or (before.max_gap_s is not None and gap_s > before.max_gap_s):
                        return False
        return True

    def _stops(self, visit: str) -> Sequence[tuple[Route, Stop]]:
        return self.plan.stops_by_visit.get(visit, ())
