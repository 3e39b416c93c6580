"""What must be finished first is served, finished early enough, and not too long before."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "predecessors"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield served visits that start before their predecessors are finished, or longer after that than they may."""
    for visit_id, pairs in plan.stops_by_visit.items():
        for before in problem.visit_by_id[visit_id].predecessors:
            earlier = plan.stops_by_visit.get(before.visit)
            if earlier is None:
                words = f"Visit {visit_id} waits for visit {before.visit}, which nobody serves."
                yield Violation(rule=RULE, message=words, visit=visit_id)
                continue
            end_s = max(stop.end_s for _, stop in earlier)
            ready_s = end_s + before.gap_s
            start_s = min(stop.start_s for _, stop in pairs)
            if start_s < ready_s:
                words = f"Visit {visit_id} starts {ready_s - start_s} s before visit {before.visit} allows it."
                yield Violation(rule=RULE, message=words, visit=visit_id)
            if before.max_gap_s is not None and start_s > end_s + before.max_gap_s:
                late_s = start_s - end_s - before.max_gap_s
                words = f"Visit {visit_id} starts {late_s} s later after visit {before.visit} than it may."
                yield Violation(rule=RULE, message=words, visit=visit_id)
