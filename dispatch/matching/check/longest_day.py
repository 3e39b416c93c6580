"""No day drives longer, lasts longer or serves more visits than its shift allows."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import Problem
from dispatch.units import Seconds

RULE = "longest_day"


def driven_s(route: Route) -> Seconds:
    """Return all driving of a route: to each visit, to the depot and home."""
    to_depot_s = 0 if route.depot is None else route.depot.travel_s
    return sum(stop.travel_s for stop in route.stops) + to_depot_s + route.home_travel_s


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield routes beyond the most driving, the greatest length or the most visits of their shift."""
    for route in plan.routes:
        shift = problem.shift_by_id[route.shift]
        measured = (
            ("drives {} s, at most {} s are allowed.", driven_s(route), shift.max_drive_s),
            ("lasts {} s, at most {} s are allowed.", route.finish_s - route.depart_s, shift.max_length_s),
            ("serves {} visits, at most {} are allowed.", len(route.stops), shift.max_visits),
        )
        for words, value, limit in measured:
            if limit is not None and value > limit:
                message = f"The route {words.format(value, limit)}"
                yield Violation(rule=RULE, message=message, shift=route.shift)
