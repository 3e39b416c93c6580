"""Every break that is owed is taken in its time, never during a visit, and the clock adds up between visits."""

from collections.abc import Iterator
from itertools import pairwise

from dispatch.matching.plan import BreakTaken, Plan, Route, Violation
from dispatch.matching.problem import Problem
from dispatch.units import Seconds

RULE = "breaks"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield breaks that are missing, misplaced or too short, and gaps that do not add up."""
    for route in plan.routes:
        yield from _breaks(problem, route)
        yield from _clock(route)


def _breaks(problem: Problem, route: Route) -> Iterator[Violation]:
    owed = {item.id: item for item in problem.shift_by_id[route.shift].breaks}
    for taken in route.breaks:
        item = owed.pop(taken.id, None)
        if item is None:
            words = f"Break {taken.id} is not one of the shift, or taken twice."
            yield Violation(rule=RULE, message=words, shift=route.shift)
            continue
        if not item.earliest_s <= taken.start_s <= item.latest_s:
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
        if route.finish_s > item.latest_s:
            yield Violation(rule=RULE, message=f"Break {item.id} is missing.", shift=route.shift)
    ordered = sorted(route.breaks, key=lambda each: each.start_s)
    for first, second in pairwise(ordered):
        if second.start_s < first.end_s:
            words = f"Breaks {first.id} and {second.id} overlap."
            yield Violation(rule=RULE, message=words, shift=route.shift)


def _clock(route: Route) -> Iterator[Violation]:
    """Between two visits there is driving, rest and waiting, and nothing else."""
    left_s = route.depart_s
    for number, stop in enumerate(route.stops):
        rest_s = _rest(route.breaks, left_s, stop.start_s)
        gap_s = stop.start_s - left_s
        if gap_s != stop.travel_s + rest_s + stop.waiting_s:
            words = (
                f"Before visit {stop.visit} there are {gap_s} s, but {stop.travel_s} s driving,"
                f" {rest_s} s rest and {stop.waiting_s} s waiting."
            )
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        if number == 0 and stop.waiting_s:
            words = "People leave just in time for their first visit, so nobody waits there."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        left_s = stop.end_s
    home_s = route.finish_s - left_s
    if home_s != route.home_travel_s + _rest(route.breaks, left_s, route.finish_s):
        yield Violation(rule=RULE, message="The way home and the rest on it do not add up.", shift=route.shift)


def _rest(breaks: tuple[BreakTaken, ...], since_s: Seconds, until_s: Seconds) -> Seconds:
    return sum(max(0, min(item.end_s, until_s) - max(item.start_s, since_s)) for item in breaks)
