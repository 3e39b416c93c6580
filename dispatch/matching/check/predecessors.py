"""What must be finished first is served, and finished early enough."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "predecessors"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield served visits that start before their predecessors are finished."""
    for visit_id, pairs in plan.stops_by_visit.items():
        for before in problem.visit_by_id[visit_id].predecessors:
            earlier = plan.stops_by_visit.get(before.visit)
            if earlier is None:
                words = f"Visit {visit_id} waits for visit {before.visit}, which nobody serves."
                yield Violation(rule=RULE, message=words, visit=visit_id)
                continue
            ready_s = max(stop.end_s for _, stop in earlier) + before.gap_s
            start_s = min(stop.start_s for _, stop in pairs)
            if start_s < ready_s:
                words = f"Visit {visit_id} starts {ready_s - start_s} s before visit {before.visit} allows it."
                yield Violation(rule=RULE, message=words, visit=visit_id)
