"""People work in their own territories and in the one of their shift; naming none means everywhere."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem, Shift, Technician, Visit

RULE = "territory"


def inside(technician: Technician, shift: Shift, visit: Visit) -> bool:
    """Tell whether a visit lies where this person works on this shift."""
    named = {*technician.territories, *([] if shift.territory is None else [shift.territory])}
    return not named or visit.territory is None or visit.territory in named


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield stops outside the technician's territories."""
    for route in plan.routes:
        person, shift = problem.technician_by_id[route.technician], problem.shift_by_id[route.shift]
        for stop in route.stops:
            visit = problem.visit_by_id[stop.visit]
            if not inside(person, shift, visit):
                words = f"{person.name or person.id} does not work in {visit.territory}."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)
