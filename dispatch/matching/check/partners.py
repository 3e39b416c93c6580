"""A partner's technicians together take no more visits on a day than agreed."""

from collections.abc import Iterator, Mapping

from dispatch.matching.plan import Plan, Route, Stop, Violation
from dispatch.matching.problem import Problem, Shift
from dispatch.units import SECONDS_PER_DAY

RULE = "partners"


def group(problem: Problem, shift: Shift) -> tuple[str, int] | None:
    """Return the partner and the day that a shift belongs to, None for employees."""
    partner = problem.technician_by_id[shift.technician].partner
    return None if partner is None else (partner, shift.start_s // SECONDS_PER_DAY)


def taken(problem: Problem, plan: Plan) -> Mapping[tuple[str, int], list[tuple[Route, Stop]]]:
    """Return the stops of each partner and day; a crew of two people of the partner counts as two."""
    found: dict[tuple[str, int], list[tuple[Route, Stop]]] = {}
    for route in plan.routes:
        key = group(problem, problem.shift_by_id[route.shift])
        if key is not None:
            found.setdefault(key, []).extend((route, stop) for stop in route.stops)
    return found


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield the days on which a partner has too many visits, naming one that is not pinned if there is one."""
    agreed = {item.id: item.visits_a_day for item in problem.partners}
    pinned = {pin.visit for pin in problem.pins}
    for (partner, day), stops in taken(problem, plan).items():
        most = agreed.get(partner)
        if most is None or len(stops) <= most:
            continue
        route, stop = min(stops, key=lambda item: (item[1].visit in pinned, -item[1].start_s, item[1].visit))
        words = f"{partner} has {len(stops)} visits on day {day + 1}; {most} were agreed."
        yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
