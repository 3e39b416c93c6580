"""What a dispatcher pinned stays: the person, the time, or both."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "pins"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield pinned crew slots with another person or another start."""
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
