"""Nobody goes where the customer does not want them, and somebody the customer insists on leads the crew."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "people"


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield stops of excluded people, and first crew slots without a required one."""
    for route in plan.routes:
        person = problem.technician_by_id[route.technician]
        who = person.name or person.id
        for stop in route.stops:
            visit = problem.visit_by_id[stop.visit]
            if person.id in visit.excluded:
                words = f"The customer does not want {who}."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)
            if stop.slot == 0 and visit.required and person.id not in visit.required:
                names = [
                    problem.technician_by_id[each].name or each for each in visit.required if _known(problem, each)
                ]
                words = f"The customer insists on {' or '.join(names) or 'somebody who is not there'}, not {who}."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)


def _known(problem: Problem, technician: str) -> bool:
    return technician in problem.technician_by_id
