"""Who could be there soonest for a visit that cannot wait, and at about what price for others.

Each person has two honest arrivals: after what they have begun, whatever else has to give way, and where nobody has to.
The later one is taken where it is worth the wait. What really gives way is worked out afterwards, person by person.
"""

from dataclasses import dataclass, replace

from dispatch.matching.explain import Candidate, held_desk
from dispatch.matching.plan import Plan
from dispatch.matching.problem import Problem
from dispatch.matching.travel import ways_between
from dispatch.units import Seconds

MOST_PEOPLE = 3
WORTH_S = 1800
"""How much later somebody may come for each visit of others that need not give way then."""


@dataclass(frozen=True, kw_only=True)
class Chance:
    """A person and when they could serve the visit; the ``displaced`` visits of their own stand in the way."""

    technician: str
    shift: str
    start_s: Seconds
    end_s: Seconds
    displaced: tuple[str, ...]

    @property
    def weight_s(self) -> int:
        """What people are compared by."""
        return self.start_s + WORTH_S * len(self.displaced)


def soonest_people(problem: Problem, standing: Plan, visit: str, *, now_s: Seconds) -> list[Chance]:
    """Return the best few people, whoever arrives first in front."""
    chances: dict[str, Chance] = {}
    for plan in (_only_begun(problem, standing, now_s), standing):
        for each in held_desk(problem, plan).survey(visit).ranked:
            chance = Chance(
                technician=each.technician,
                shift=each.shift,
                start_s=each.start_s,
                end_s=each.end_s,
                displaced=_in_the_way(problem, standing, visit, each, now_s),
            )
            known = chances.get(each.technician)
            if known is None or (chance.weight_s, chance.start_s) < (known.weight_s, known.start_s):
                chances[each.technician] = chance
    best = sorted(chances.values(), key=lambda one: (one.weight_s, one.start_s, one.technician))[:MOST_PEOPLE]
    return sorted(best, key=lambda one: (one.start_s, len(one.displaced), one.technician))


def _only_begun(problem: Problem, standing: Plan, now_s: Seconds) -> Plan:
    """Return the plan without what may still move: what is pinned or begun stays."""
    pinned = {(pin.visit, pin.slot) for pin in problem.pins}
    routes = []
    for route in standing.routes:
        stops = tuple(stop for stop in route.stops if stop.start_s < now_s or (stop.visit, stop.slot) in pinned)
        if stops:
            finish_s = max(stop.end_s for stop in stops)
            routes.append(replace(route, stops=stops, depart_s=stops[0].start_s, finish_s=finish_s))
    return Plan(routes=tuple(routes))


def _in_the_way(problem: Problem, standing: Plan, visit: str, one: Candidate, now_s: Seconds) -> tuple[str, ...]:
    """Return the person's own visits that cannot begin as told, the ways there and on counted."""
    route, point = standing.route_by_shift.get(one.shift), problem.visit_by_id[visit].point
    if route is None or point is None:
        return ()
    pinned = {(pin.visit, pin.slot) for pin in problem.pins}
    places = {stop.visit: problem.visit_by_id[stop.visit].point for stop in route.stops}
    ways = ways_between([point, *(each for each in places.values() if each is not None)], problem.travel)
    number = {each: index for index, each in enumerate(ways.points)}
    later = problem.policy.retime_tolerance_s
    found = []
    for stop in route.stops:
        there = places[stop.visit]
        if there is None or stop.visit == visit or stop.start_s < now_s or (stop.visit, stop.slot) in pinned:
            continue
        if stop.start_s < one.start_s:
            stands = stop.end_s + max(0, ways.way(number[there], number[point])[0]) > one.start_s
        else:
            stands = one.end_s + max(0, ways.way(number[point], number[there])[0]) > stop.start_s + later
        if stands:
            found.append(stop.visit)
    return tuple(found)
