"""Counts a finished plan again from nothing, one file per rule.

Written from the rules and not from the solver: of this project it imports problem, plan and units only. A rule is a
function ``violations(problem, plan)`` that yields `Violation` with the words a dispatcher reads.
"""

from collections.abc import Callable, Iterator

from dispatch.matching.check import (
    breaks,
    certifications,
    changes,
    completeness,
    costs,
    crews,
    links,
    longest_day,
    partners,
    parts,
    people,
    pins,
    predecessors,
    promise_windows,
    rest,
    shifts,
    skills,
    territory,
    travel,
)
from dispatch.matching.check.insertions import Insertion, feasible_insertions
from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem

__all__ = ["RULES", "Insertion", "check", "feasible_insertions", "unforced"]

RULES: dict[str, Callable[[Problem, Plan], Iterator[Violation]]] = {
    "completeness": completeness.violations,
    "pins": pins.violations,
    "skills": skills.violations,
    "certifications": certifications.violations,
    "parts": parts.violations,
    "people": people.violations,
    "territory": territory.violations,
    "crews": crews.violations,
    "links": links.violations,
    "travel": travel.violations,
    "promise_windows": promise_windows.violations,
    "predecessors": predecessors.violations,
    "shifts": shifts.violations,
    "rest": rest.violations,
    "longest_day": longest_day.violations,
    "breaks": breaks.violations,
    "partners": partners.violations,
    "changes": changes.violations,
    "costs": costs.violations,
}


def check(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Return everything the plan breaks or miscounts, in the order of the rules; empty for a good plan.

    A plan that names things the problem does not know is only told that: nothing else can be counted then.
    """
    unknown = tuple(completeness.unknown_names(problem, plan))
    if unknown:
        return unknown
    return tuple(violation for rule in RULES.values() for violation in rule(problem, plan))


def unforced(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Return what is broken although no pin asks for it: a solver must leave this empty.

    A pin outranks the rules about its own visit and about the shift that has to serve it.
    """
    pinned = {pin.visit for pin in problem.pins}
    forced_shifts = {route.shift for route in plan.routes if any(stop.visit in pinned for stop in route.stops)}
    return tuple(
        violation
        for violation in check(problem, plan)
        if violation.rule in ("completeness", "costs")
        or not (violation.visit in pinned or (violation.visit is None and violation.shift in forced_shifts))
    )
