"""What a visit needs is on the van, or was picked up at the depot before."""

from collections.abc import Iterator, Sequence

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem, Shift, Visit

RULE = "parts"


def lacking(shift: Shift, work: Sequence[tuple[Visit, int]], depot_before: int | None) -> Iterator[tuple[str, str]]:
    """Yield visit and thing for everything that is not on the van when it is needed.

    Only the first crew slot brings parts and tools. At the depot all that is still needed is picked up, so nothing is
    missing from stop number ``depot_before`` on.
    """
    left = dict(shift.parts)
    for number, (visit, slot) in enumerate(work):
        if depot_before is not None and number >= depot_before:
            return
        if slot != 0:
            continue
        for tool in visit.tools:
            if tool not in shift.tools:
                yield visit.id, tool
        for part, pieces in visit.parts.items():
            left[part] = left.get(part, 0) - pieces
            if pieces and left[part] < 0:
                yield visit.id, part


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield visits for which a tool or some pieces are missing; a depot stop that nobody needs only costs time."""
    for route in plan.routes:
        work = [(problem.visit_by_id[stop.visit], stop.slot) for stop in route.stops]
        before = None if route.depot is None else route.depot.before
        for visit, thing in lacking(problem.shift_by_id[route.shift], work, before):
            words = f"Visit {visit} needs {thing}, which is not on the van by then."
            yield Violation(rule=RULE, message=words, visit=visit, shift=route.shift)
