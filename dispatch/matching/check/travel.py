"""Ways take the time they take, in order, and no leg is longer than the shift allows."""

import math
from collections.abc import Iterator

from dispatch.matching.plan import Plan, Route, Violation
from dispatch.matching.problem import UNREACHABLE, Point, Problem, Travel
from dispatch.units import Metres, Seconds, great_circle_m

RULE = "travel"
GREAT_CIRCLE = "great_circle"
ROUNDING = 1  # two ways to the same sine may round a metre or a second apart


def way(travel: Travel, start: Point, end: Point) -> tuple[Seconds, Metres]:
    """Return seconds and metres between two places, (-1, -1) where there is no way."""
    if travel.matrix is not None:
        row, column = travel.matrix.points.index(start), travel.matrix.points.index(end)
        seconds, metres = travel.matrix.travel_s[row][column], travel.matrix.travel_m[row][column]
        return (UNREACHABLE, UNREACHABLE) if seconds == UNREACHABLE else (seconds, metres)
    road_m = great_circle_m(start, end) * travel.detour_percent / 100
    return math.floor(road_m * 3.6 / travel.speed_kmh + 0.5), math.floor(road_m + 0.5)


def violations(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield legs whose time, distance or source is misstated, that do not exist, or that are too long."""
    for route in plan.routes:
        yield from _legs(problem, route)


def _legs(problem: Problem, route: Route) -> Iterator[Violation]:
    shift = problem.shift_by_id[route.shift]
    source = problem.travel.matrix.source if problem.travel.matrix is not None else GREAT_CIRCLE
    here, left_s = shift.start, route.depart_s
    for stop in route.stops:
        point = problem.visit_by_id[stop.visit].point
        if point is None:
            continue  # told by completeness
        seconds, metres = way(problem.travel, here, point)
        name = f"to visit {stop.visit}"
        yield from _leg(route, name, (seconds, metres), (stop.travel_s, stop.travel_m), stop.visit)
        if stop.travel_source != source:
            words = f"The way {name} comes from {source}, the plan says {stop.travel_source}."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        if shift.max_leg_s is not None and seconds > shift.max_leg_s:
            words = f"The way {name} takes {seconds} s; at most {shift.max_leg_s} s are allowed."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        if stop.arrive_s < left_s + stop.travel_s:
            words = f"The plan arrives at visit {stop.visit} {left_s + stop.travel_s - stop.arrive_s} s too early."
            yield Violation(rule=RULE, message=words, visit=stop.visit, shift=route.shift)
        here, left_s = point, stop.end_s
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
