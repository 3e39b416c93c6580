"""Ways take the time they take, in order, by the depot where the plan passes it, and no leg is longer than allowed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import UNREACHABLE, Point, Problem, Shift, Travel
from dispatch.units import Metres, Seconds, great_circle_m

RULE = "travel"
GREAT_CIRCLE = "great_circle"
PLANE = "plane"
METRES_PER_DEGREE = 100_000  # on the flat map
ROUNDING = 1  # two ways to the same sine may round a metre or a second apart


def way(travel: Travel, start: Point, end: Point) -> tuple[Seconds, Metres]:
    """Return seconds and metres between two places, (-1, -1) where there is no way."""
    if travel.matrix is not None:
        row, column = travel.matrix.points.index(start), travel.matrix.points.index(end)
        seconds, metres = travel.matrix.travel_s[row][column], travel.matrix.travel_m[row][column]
        return (UNREACHABLE, UNREACHABLE) if seconds == UNREACHABLE else (seconds, metres)
    if travel.plane:
        direct_m = math.hypot(end.lat - start.lat, end.lon - start.lon) * METRES_PER_DEGREE
    else:
        direct_m = great_circle_m(start, end)
    road_m = direct_m * travel.detour_percent / 100
    return math.floor(road_m * 3.6 / travel.speed_kmh + 0.5), math.floor(road_m + 0.5)


def source(travel: Travel) -> str:
    """Return where ways come from, as every stop states it."""
    if travel.matrix is not None:
        return travel.matrix.source
    return PLANE if travel.plane else GREAT_CIRCLE


@dataclass(frozen=True, kw_only=True)
class Leg:
    """One way of a route as the plan states it, up to arriving at ``point``, which is left at ``leave_s``."""

    name: str
    visit: str | None
    point: Point
    arrive_s: Seconds
    leave_s: Seconds
    travel_s: Seconds
    travel_m: Metres
    source: str


def legs(problem: Problem, shift: Shift, route: Route) -> Iterator[Leg]:
    """Yield the ways of a route in order, the depot's among them and the way home left aside."""
    for number, stop in enumerate(route.stops):
        if route.depot is not None and route.depot.before == number and shift.depot is not None:
            yield Leg(
                name="to the depot",
                visit=None,
                point=shift.depot,
                arrive_s=route.depot.arrive_s,
                leave_s=route.depot.leave_s,
                travel_s=route.depot.travel_s,
                travel_m=route.depot.travel_m,
                source=route.depot.travel_source,
            )
        point = problem.visit_by_id[stop.visit].point
        if point is None:
            continue  # told by completeness
        yield Leg(
            name=f"to visit {stop.visit}",
            visit=stop.visit,
            point=point,
            arrive_s=stop.arrive_s,
            leave_s=stop.end_s,
            travel_s=stop.travel_s,
            travel_m=stop.travel_m,
            source=stop.travel_source,
        )


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield legs whose time, distance or source is misstated, that do not exist, or that are too long."""
    for route in plan.routes:
        yield from _legs(problem, route)


def _legs(problem: Problem, route: Route) -> Iterator[Violation]:
    shift = problem.shift_by_id[route.shift]
    known = source(problem.travel)
    here, left_s = shift.start, route.depart_s
    for leg in legs(problem, shift, route):
        seconds, metres = way(problem.travel, here, leg.point)
        yield from _leg(route, leg.name, (seconds, metres), (leg.travel_s, leg.travel_m), leg.visit)
        if leg.source != known:
            words = f"The way {leg.name} comes from {known}, the plan says {leg.source}."
            yield Violation(rule=RULE, message=words, visit=leg.visit, shift=route.shift)
        if shift.max_leg_s is not None and seconds > shift.max_leg_s:
            words = f"The way {leg.name} takes {seconds} s; at most {shift.max_leg_s} s are allowed."
            yield Violation(rule=RULE, message=words, visit=leg.visit, shift=route.shift)
        if leg.arrive_s < left_s + leg.travel_s:
            early_s = left_s + leg.travel_s - leg.arrive_s
            words = f"On the way {leg.name} the plan arrives {early_s} s too early."
            yield Violation(rule=RULE, message=words, visit=leg.visit, shift=route.shift)
        here, left_s = leg.point, leg.leave_s
    if shift.end is not None:
        home = (route.home_travel_s, route.home_travel_m)
        yield from _leg(route, "home", way(problem.travel, here, shift.end), home, None)
    if route.finish_s < left_s + route.home_travel_s:
        yield Violation(rule=RULE, message="The plan is home sooner than the way takes.", shift=route.shift)


def _leg(
    route: Route, name: str, true: tuple[Seconds, Metres], stated: tuple[Seconds, Metres], visit: str | None
) -> Iterator[Violation]:
    if true[0] == UNREACHABLE:
        yield Violation(rule=RULE, message=f"There is no way {name}.", visit=visit, shift=route.shift)
    elif abs(true[0] - stated[0]) > ROUNDING or abs(true[1] - stated[1]) > ROUNDING:
        words = f"The way {name} takes {true[0]} s and {true[1]} m; the plan says {stated[0]} s and {stated[1]} m."
        yield Violation(rule=RULE, message=words, visit=visit, shift=route.shift)
