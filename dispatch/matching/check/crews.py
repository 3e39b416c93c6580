"""The people of a crew are different people and start together."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "crews"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield visits whose crew starts at different times or names a person twice."""
    for visit_id, pairs in plan.stops_by_visit.items():
        if len({stop.start_s for _, stop in pairs}) > 1:
            yield Violation(rule=RULE, message=f"The crew of visit {visit_id} does not start together.", visit=visit_id)
        if len({route.technician for route, _ in pairs}) < len(pairs):
            words = f"Visit {visit_id} has the same person twice in its crew."
            yield Violation(rule=RULE, message=words, visit=visit_id)
