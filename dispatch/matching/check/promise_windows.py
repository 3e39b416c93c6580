"""Work starts in a window that allows it, never before its release, and lateness is stated as it is."""

from collections.abc import Iterator

from dispatch.matching.plan import Plan, Violation
from dispatch.matching.problem import Problem, Visit, Window
from dispatch.units import Seconds

RULE = "promise_windows"


def late_by(window: Window, start_s: Seconds, end_s: Seconds) -> Seconds | None:
    """Return by how many seconds a start misses a window, None where the window does not allow it."""
    if start_s < window.start_s:
        return None
    if not window.hard:
        return max(0, start_s - window.end_s)
    return 0 if (end_s if window.whole_visit else start_s) <= window.end_s else None


def lateness(visit: Visit, start_s: Seconds, end_s: Seconds) -> Seconds | None:
    """Return the lateness that counts for a start, None where no window allows it."""
    found = [late_by(window, start_s, end_s) for window in visit.windows]
    allowed = [late for late in found if late is not None]
    if visit.windows and not allowed:
        return None
    against_windows = min(allowed, default=0)
    return against_windows if visit.due_s is None else max(against_windows, start_s - visit.due_s)


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield stops that no window allows, that start before the release, or whose lateness is misstated."""
    timed = {(pin.visit, pin.slot) for pin in problem.pins if pin.start_s is not None}
    for route in plan.routes:
        for stop in route.stops:
            visit = problem.visit_by_id[stop.visit]
            late = lateness(visit, stop.start_s, stop.end_s)
            if late is None:
                words = f"Visit {visit.id} starts outside every window that allows it."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)
            elif stop.late_s != late and (stop.visit, stop.slot) not in timed:
                words = f"Visit {visit.id} is {late} s late, the plan says {stop.late_s} s."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)
            if visit.release_s is not None and stop.start_s < visit.release_s:
                words = f"Visit {visit.id} starts {visit.release_s - stop.start_s} s too early."
                yield Violation(rule=RULE, message=words, visit=visit.id, shift=route.shift)
