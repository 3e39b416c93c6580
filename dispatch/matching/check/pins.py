"""What a dispatcher pinned stays: the person, the time, the place among the first stops."""

from collections.abc import Iterator, Sequence

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import Problem

RULE = "pins"
LAST = 1 << 40  # later than any order


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield pinned crew slots with another person or another start, and stops that pushed in before them."""
    for pin in problem.pins:
        for route, stop in plan.stops_by_visit.get(pin.visit, ()):
            if stop.slot != pin.slot:
                continue
            if pin.technician is not None and route.technician != pin.technician:
                words = f"Visit {pin.visit} is pinned to {pin.technician}, not {route.technician}."
                yield Violation(rule=RULE, message=words, visit=pin.visit, shift=route.shift)
            if pin.start_s is not None and stop.start_s != pin.start_s:
                words = f"Visit {pin.visit} is pinned to another start, {abs(stop.start_s - pin.start_s)} s away."
                yield Violation(rule=RULE, message=words, visit=pin.visit, shift=route.shift)
    for route in plan.routes:
        yield from _order(problem, route)


def orders(problem: Problem, technician: str, work: Sequence[tuple[str, int]]) -> list[int]:
    """Return the pinned order of each (visit, crew slot) of a technician's day; `LAST` where there is none."""
    given = {
        (pin.visit, pin.slot): pin.order
        for pin in problem.pins
        if pin.order is not None and pin.technician == technician
    }
    return [given.get(key, LAST) for key in work]


def _order(problem: Problem, route: Route) -> Iterator[Violation]:
    """Yield the first stop that stands where one with a smaller order belongs."""
    found = orders(problem, route.technician, [(stop.visit, stop.slot) for stop in route.stops])
    for stop, order, right in zip(route.stops, found, sorted(found), strict=True):
        if order != right:
            words = f"Visit {stop.visit} comes before visits that are pinned to the start of the day."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
            return
