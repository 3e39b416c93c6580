"""Visits that ask for the same person get the same one, and visits that ask for different people share nobody."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

RULE = "links"
SAME, OTHER = "same", "other"


def pairs(problem: Problem) -> Iterator[tuple[str, str, str]]:
    """Yield each kind of link and its two visits once, whichever of them names the other."""
    seen: set[tuple[str, str, str]] = set()
    for visit in problem.visits:
        for kind, names in ((SAME, visit.same_person_as), (OTHER, visit.other_person_than)):
            for name in names:
                pair = (kind, *sorted((visit.id, name)))
                if pair not in seen:
                    seen.add(pair)  # type: ignore[arg-type]  # sorted gives two names
                    yield kind, visit.id, name


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield links between two served visits that are not kept; a visit left out ties nobody."""
    pinned = {pin.visit for pin in problem.pins}
    for kind, first, second in pairs(problem):
        if first not in plan.stops_by_visit or second not in plan.stops_by_visit:
            continue
        here, there = (
            {stop.slot: route.technician for route, stop in plan.stops_by_visit[name]} for name in (first, second)
        )
        blamed = second if first in pinned else first
        if kind == SAME and here.get(0) != there.get(0):
            words = f"Visits {first} and {second} need the same person, not {here.get(0)} and {there.get(0)}."
            yield Violation(rule=RULE, message=words, visit=blamed)
        common = sorted(set(here.values()) & set(there.values()))
        if kind == OTHER and common:
            words = f"Visits {first} and {second} need different people, and {' and '.join(common)} would do both."
            yield Violation(rule=RULE, message=words, visit=blamed)
