"""Every break that is owed is taken in its time, never during a visit, and the clock adds up between visits."""

from collections.abc import Iterator
from itertools import pairwise

from dispatch.matching.plan import BreakTaken, Plan, Route, Violation
from dispatch.matching.problem import Break, Problem
from dispatch.units import Seconds

RULE = "breaks"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield breaks that are missing, misplaced or too short, and gaps that do not add up."""
    for route in plan.routes:
        yield from _breaks(problem, route)
        yield from _first_leg(problem, route)
        yield from _clock(problem, route)


def span(item: Break, depart_s: Seconds) -> tuple[Seconds, Seconds]:
    """Return the earliest and latest start of a break on a day that leaves the start place at ``depart_s``."""
    since_s = depart_s if item.from_departure else 0
    return since_s + item.earliest_s, since_s + item.latest_s


def _breaks(problem: Problem, route: Route) -> Iterator[Violation]:
    owed = {item.id: item for item in problem.shift_by_id[route.shift].breaks}
    for taken in route.breaks:
        item = owed.pop(taken.id, None)
        if item is None:
            words = f"Break {taken.id} is not one of the shift, or taken twice."
            yield Violation(rule=RULE, message=words, shift=route.shift)
            continue
        earliest_s, latest_s = span(item, route.depart_s)
        if not earliest_s <= taken.start_s <= latest_s:
            words = f"Break {taken.id} starts outside its time."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        if taken.end_s - taken.start_s != item.duration_s:
            words = f"Break {taken.id} lasts {taken.end_s - taken.start_s} s instead of {item.duration_s} s."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        for stop in route.stops:
            if taken.start_s < stop.end_s and stop.start_s < taken.end_s:
                words = f"Break {taken.id} falls into visit {stop.visit}."
                yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
    for item in owed.values():
        if route.finish_s > span(item, route.depart_s)[1]:
            yield Violation(rule=RULE, message=f"Break {item.id} is missing.", shift=route.shift)
    ordered = sorted(route.breaks, key=lambda each: each.start_s)
    for first, second in pairwise(ordered):
        if second.start_s < first.end_s:
            words = f"Breaks {first.id} and {second.id} overlap."
            yield Violation(rule=RULE, message=words, shift=route.shift)


def _first_leg(problem: Problem, route: Route) -> Iterator[Violation]:
    """Yield first drives, to the depot or to a visit, that last longer than a break may be put off."""
    by_depot = route.depot is not None and route.depot.before == 0
    driven_s = route.depot.travel_s if route.depot is not None and by_depot else route.stops[0].travel_s
    for item in problem.shift_by_id[route.shift].breaks:
        if item.from_departure and driven_s > item.latest_s:
            words = f"The first drive takes {driven_s} s; break {item.id} is owed after {item.latest_s} s."
            yield Violation(rule=RULE, message=words, shift=route.shift)


def _clock(problem: Problem, route: Route) -> Iterator[Violation]:
    """Between two visits there is driving, the depot, rest and waiting, and nothing else."""
    left_s = route.depart_s
    for number, stop in enumerate(route.stops):
        depot = route.depot if route.depot is not None and route.depot.before == number else None
        driven_s = stop.travel_s + (0 if depot is None else depot.travel_s)
        depot_s = 0 if depot is None else problem.shift_by_id[route.shift].depot_s
        rest_s = _rest(route.breaks, left_s, stop.start_s)
        gap_s = stop.start_s - left_s
        if gap_s != driven_s + depot_s + rest_s + stop.waiting_s:
            words = (
                f"Before visit {stop.visit} there are {gap_s} s, but {driven_s} s driving, {depot_s} s at the depot,"
                f" {rest_s} s rest and {stop.waiting_s} s waiting."
            )
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        if number == 0 and depot is None and stop.waiting_s:
            words = "People leave just in time for their first visit, so nobody waits there."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        if depot is not None:
            yield from _at_depot(route, left_s, stop.start_s, depot_s)
        left_s = stop.end_s
    home_s = route.finish_s - left_s
    if home_s != route.home_travel_s + _rest(route.breaks, left_s, route.finish_s):
        yield Violation(rule=RULE, message="The way home and the rest on it do not add up.", shift=route.shift)


def _at_depot(route: Route, left_s: Seconds, start_s: Seconds, depot_s: Seconds) -> Iterator[Violation]:
    """Yield a depot stop that takes another time than it should, or that lies outside the gap between its visits."""
    depot = route.depot
    if depot is None:
        return
    stay_s = depot.leave_s - depot.arrive_s - _rest(route.breaks, depot.arrive_s, depot.leave_s)
    if stay_s != depot_s:
        words = f"The stop at the depot takes {depot_s} s, the plan gives {stay_s} s."
        yield Violation(rule=RULE, message=words, shift=route.shift)
    before_s = depot.arrive_s - left_s - _rest(route.breaks, left_s, depot.arrive_s)
    after_s = start_s - depot.leave_s - _rest(route.breaks, depot.leave_s, start_s)
    number = depot.before
    if before_s < depot.travel_s or after_s < route.stops[number].travel_s:
        words = "The drives to and from the depot do not fit into the time before and after it."
        yield Violation(rule=RULE, message=words, shift=route.shift)


def _rest(breaks: tuple[BreakTaken, ...], since_s: Seconds, until_s: Seconds) -> Seconds:
    return sum(max(0, min(item.end_s, until_s) - max(item.start_s, since_s)) for item in breaks)
