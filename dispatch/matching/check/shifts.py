"""A day lies inside its shift and the overtime allowed, and work takes the time this person needs for it."""

from collections.abc import Iterator
from itertools import pairwise

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import Problem, Technician, Visit
from dispatch.units import Seconds

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


def shares_setup(earlier: Visit | None, visit: Visit) -> bool:
    """Tell whether a person who comes straight from ``earlier`` has set up already; None = from elsewhere."""
    return earlier is not None and visit.site is not None and earlier.site == visit.site


def own_s(person: Technician, visit: Visit, *, shared: bool) -> Seconds:
    """Return the time a person needs for a visit, rounded half up."""
    planned_s = visit.duration_s - (visit.setup_s if shared else 0)
    return (planned_s * person.pace_percent + 50) // 100


def work_of(problem: Problem, route: Route) -> list[Seconds]:
    """Return the time this person needs at each stop; after the depot nobody has set up."""
    person, earlier = problem.technician_by_id[route.technician], None
    needed: list[Seconds] = []
    for number, stop in enumerate(route.stops):
        visit = problem.visit_by_id[stop.visit]
        if route.depot is not None and route.depot.before == number:
            earlier = None
        needed.append(own_s(person, visit, shared=shares_setup(earlier, visit)))
        earlier = visit
    return needed


def _work(problem: Problem, route: Route) -> Iterator[Violation]:
    for stop, needed_s in zip(route.stops, work_of(problem, route), strict=True):
        if stop.end_s - stop.start_s != needed_s:
            words = f"Visit {stop.visit} takes this person {needed_s} s, the plan gives {stop.end_s - stop.start_s} s."
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
