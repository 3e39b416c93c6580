"""A day lies inside its shift and the overtime allowed, and work takes the time this person needs for it."""

from collections.abc import Iterator
from itertools import pairwise

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import Problem

RULE = "shifts"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield routes that leave too early, end too late, or misstate how long work takes."""
    for route in plan.routes:
        shift = problem.shift_by_id[route.shift]
        if route.depart_s < shift.start_s:
            words = f"The route leaves {shift.start_s - route.depart_s} s before the shift begins."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        latest_s = shift.end_s + shift.overtime_limit_s
        if route.finish_s > latest_s:
            words = f"The route ends {route.finish_s - latest_s} s after the latest end."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        yield from _work(problem, route)
    yield from _two_places(plan)


def _work(problem: Problem, route: Route) -> Iterator[Violation]:
    pace = problem.technician_by_id[route.technician].pace_percent
    for stop in route.stops:
        planned_s = problem.visit_by_id[stop.visit].duration_s
        own_s = int(planned_s * pace / 100 + 0.5)
        if stop.end_s - stop.start_s != own_s:
            words = f"Visit {stop.visit} takes this person {own_s} s, the plan gives {stop.end_s - stop.start_s} s."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)


def _two_places(plan: Plan) -> Iterator[Violation]:
    """Yield people whose routes overlap: nobody is in two places."""
    by_person: dict[str, list[Route]] = {}
    for route in plan.routes:
        by_person.setdefault(route.technician, []).append(route)
    for person, routes in by_person.items():
        routes.sort(key=lambda route: route.depart_s)
        for first, second in pairwise(routes):
            if second.depart_s < first.finish_s:
                words = f"{person} would still be out on shift {first.shift} when shift {second.shift} leaves."
                yield Violation(rule=RULE, message=words, shift=second.shift)
