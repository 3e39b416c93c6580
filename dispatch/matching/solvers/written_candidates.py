"""What one more stop does to a route, read off the route written out without it and with it.

Slower than the count in `asking`, and right by definition: the figures are those that a plan would show.
"""

from dispatch.matching.explain import Candidate, KnockOn
from dispatch.matching.plan import Cost, Route
from dispatch.matching.problem import Shift


def written_candidate(before: Route | None, after: Route, at: int, shift: Shift, p_fix: float) -> Candidate:
    """Make a candidate of the stop at place ``at`` of ``after``; ``before`` is None where the day was empty."""
    stop = after.stops[at]
    return Candidate(
        technician=shift.technician,
        shift=after.shift,
        position=at,
        after_visit=after.stops[at - 1].visit if at > 0 else None,
        travel_s=stop.travel_s,
        detour_s=_driving(after) - (_driving(before) if before else 0),
        arrive_s=stop.arrive_s,
        start_s=stop.start_s,
        end_s=stop.end_s,
        late_s=stop.late_s,
        p_fix=p_fix,
        knock_on=_knock_on(before, after) if before else (),
        overtime_s=max(0, after.finish_s - shift.end_s),
        cost=after.cost - (before.cost if before else Cost()),
    )


def _driving(route: Route) -> int:
    to_depot = 0 if route.depot is None else route.depot.travel_s
    return sum(stop.travel_s for stop in route.stops) + route.home_travel_s + to_depot


def _knock_on(before: Route, after: Route) -> tuple[KnockOn, ...]:
    now = {(stop.visit, stop.slot): stop for stop in after.stops}
    return tuple(
        KnockOn(
            visit=stop.visit,
            start_before_s=stop.start_s,
            start_after_s=now[stop.visit, stop.slot].start_s,
            late_before_s=stop.late_s,
            late_after_s=now[stop.visit, stop.slot].late_s,
        )
        for stop in before.stops
        if now[stop.visit, stop.slot].start_s != stop.start_s
    )
