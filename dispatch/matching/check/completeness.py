"""Every visit is served by its whole crew or left out with a reason; nothing is dropped silently."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "completeness"


def unknown_names(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield what the plan names and the problem does not know."""
    for route in plan.routes:
        shift = problem.shift_by_id.get(route.shift)
        if shift is None:
            yield Violation(rule=RULE, message=f"There is no shift {route.shift}.", shift=route.shift)
        elif shift.technician != route.technician:
            words = f"Shift {route.shift} belongs to {shift.technician}, not to {route.technician}."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        elif route.depot is not None and shift.depot is None:
            words = f"Shift {route.shift} has no depot to go to."
            yield Violation(rule=RULE, message=words, shift=route.shift)
        for stop in route.stops:
            visit = problem.visit_by_id.get(stop.visit)
            if visit is None:
                yield Violation(rule=RULE, message=f"There is no visit {stop.visit}.", visit=stop.visit)
            elif not 0 <= stop.slot < len(visit.crew):
                words = f"Visit {stop.visit} has no place {stop.slot} in its crew."
                yield Violation(rule=RULE, message=words, visit=stop.visit)
            elif visit.point is None:
                words = f"Visit {stop.visit} has no place to go to, so nobody can serve it."
                yield Violation(rule=RULE, message=words, visit=stop.visit)
    for item in plan.unassigned:
        if item.visit not in problem.visit_by_id:
            yield Violation(rule=RULE, message=f"There is no visit {item.visit}.", visit=item.visit)


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield visits that are neither served nor explained, or half served."""
    served: dict[str, list[int]] = {}
    for route in plan.routes:
        for stop in route.stops:
            served.setdefault(stop.visit, []).append(stop.slot)
    reasons = {item.visit: item.reasons for item in plan.unassigned}
    for visit in problem.visits:
        slots = sorted(served.get(visit.id, ()))
        if visit.id in reasons:
            if slots:
                words = f"Visit {visit.id} is served and left out at once."
                yield Violation(rule=RULE, message=words, visit=visit.id)
            if not reasons[visit.id]:
                words = f"Visit {visit.id} is left out without a reason."
                yield Violation(rule=RULE, message=words, visit=visit.id)
        elif slots != list(range(len(visit.crew))):
            words = (
                f"Visit {visit.id} is neither served nor left out."
                if not slots
                else f"Visit {visit.id} has {len(slots)} of {len(visit.crew)} people."
            )
            yield Violation(rule=RULE, message=words, visit=visit.id)
