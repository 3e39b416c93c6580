"""Every certification a crew slot asks for is valid from the start of the shift to its end."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem, Shift, Technician

RULE = "certifications"


def holds(technician: Technician, certification: str, shift: Shift) -> bool:
    """Tell whether one document covers the whole shift."""
    for document in technician.certifications:
        begins = document.valid_from_s is None or document.valid_from_s <= shift.start_s
        lasts = document.valid_until_s is None or document.valid_until_s >= shift.end_s
        if document.id == certification and begins and lasts:
            return True
    return False


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield stops whose technician lacks a certification that day."""
    for route in plan.routes:
        person, shift = problem.technician_by_id[route.technician], problem.shift_by_id[route.shift]
        for stop in route.stops:
            for certification in problem.visit_by_id[stop.visit].crew[stop.slot].certifications:
                if not holds(person, certification, shift):
                    yield Violation(
                        rule=RULE,
                        message=f"{person.name or person.id} holds no {certification} that is valid that day.",
                        visit=stop.visit,
                        shift=route.shift,
                    )
