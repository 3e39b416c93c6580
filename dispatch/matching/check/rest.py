"""Between coming home and the rostered start of the person's next shift there is the rest the person is owed."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem, Shift

RULE = "rest"


def next_shift(problem: Problem, shift: Shift) -> Shift | None:
    """Return the same person's next shift on the roster, whether the plan uses it or not."""
    own = sorted(
        (item for item in problem.shifts if item.technician == shift.technician),
        key=lambda item: (item.start_s, item.end_s),
    )
    number = own.index(shift)
    return own[number + 1] if number + 1 < len(own) else None


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield routes that come home too late for the rest before the next shift."""
    for route in plan.routes:
        person = problem.technician_by_id[route.technician]
        following = next_shift(problem, problem.shift_by_id[route.shift]) if person.min_rest_s else None
        if following is None:
            continue
        rest_s = following.start_s - route.finish_s
        if rest_s < person.min_rest_s:
            words = (
                f"{person.name or person.id} has {rest_s} s of rest before shift {following.id}"
                f" instead of {person.min_rest_s} s."
            )
            yield Violation(rule=RULE, message=words, shift=route.shift)
