"""VROOM's solution file read as a plan: to count it again, to explain it, or to start from it."""

from dataclasses import dataclass, replace

from dispatch.matching.check.costs import count, count_route
from dispatch.matching.check.travel import GREAT_CIRCLE, way
from dispatch.matching.faults import Fault, Faults, Refused
from dispatch.matching.formats.entry import Entry, document
from dispatch.matching.formats.vroom_input import LARGEST, LARGEST_ID
from dispatch.matching.plan import BreakTaken, Plan, Route, Stop, Unassigned
from dispatch.matching.problem import Problem, Shift, Visit
from dispatch.units import Seconds

STEP_TAKEN = (
    *("type", "id", "job", "description", "location", "location_index", "arrival", "duration", "setup", "service"),
    *("waiting_time", "load", "distance", "violations"),
)
ROUTE_TAKEN = (
    *("vehicle", "description", "cost", "setup", "service", "duration", "waiting_time", "priority", "distance"),
    *("steps", "violations", "geometry", "delivery", "pickup", "amount"),
)
ANSWER_TAKEN = ("code", "error", "summary", "unassigned", "routes")
KINDS = ("start", "job", "break", "end")


def read_solution(text: str | bytes, problem: Problem) -> Plan:
    """Read a VROOM solution as a plan of ``problem``.

    Times, breaks and durations of ways are taken as the solution states them, distances and costs are counted by our
    rules. A route leaves just in time for its first job. Jobs that no route serves count as left out.

    Raises
    ------
    Refused
        Where it is no solution of this input: unknown vehicles or jobs, missing times, steps of another kind.
    """
    found: list[Fault] = []
    top = Entry("solution", document(text), found, taken=ANSWER_TAKEN, refused={})
    if top.raw.get("code", 0) != 0:
        top.fault("code", top.raw["code"], "0, the mark of a solution")
    given = [_route(f"routes[{number}]", one, problem, found) for number, one in enumerate(top.list_of("routes"))]
    routes = tuple(route for route in given if route is not None)
    faults = Faults("solution")
    faults.unique("routes.vehicle", (route.shift for route in routes))
    faults.unique("job", (stop.visit for route in routes for stop in route.stops))
    found += faults.found
    if found:
        raise Refused(found)
    served = {stop.visit for route in routes for stop in route.stops}
    plan = Plan(
        routes=tuple(replace(route, cost=count_route(problem, route)) for route in routes),
        unassigned=tuple(Unassigned(visit=visit.id) for visit in problem.visits if visit.id not in served),
    )
    return replace(plan, cost=count(problem, plan))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One step in problem seconds; ``driven_s`` is all driving of the route until there."""

    kind: str
    visit: Visit | None
    rest: str
    arrive_s: Seconds
    start_s: Seconds
    end_s: Seconds
    driven_s: Seconds


def _route(path: str, raw: object, problem: Problem, found: list[Fault]) -> Route | None:
    """Give the route without its cost; None where it serves nothing or is wrong."""
    entry = Entry(path, raw, found, taken=ROUTE_TAKEN, refused={})
    name = str(entry.needed_whole("vehicle", 0, LARGEST_ID))
    shift = problem.shift_by_id.get(name)
    if shift is None:
        entry.fault("vehicle", entry.raw.get("vehicle"), "the id of a vehicle of the input")
        return None
    before = len(found)
    steps = [_step(f"{path}.steps[{number}]", one, problem, found) for number, one in enumerate(entry.list_of("steps"))]
    ends = [step for step in steps if step.kind == "end"]
    if shift.end is not None and (len(ends) != 1 or steps[-1] is not ends[0]):
        entry.fault("steps", f"{len(ends)} ends", "one end, as the last step")
    jobs = [step for step in steps if step.visit is not None]
    if len(found) > before or not jobs:
        return None
    rests = tuple(
        BreakTaken(id=step.rest, start_s=step.start_s, end_s=step.end_s) for step in steps if step.kind == "break"
    )
    stops = _stops(problem, shift, steps, rests)
    last = problem.visit_by_id[stops[-1].visit].point
    home = shift.end is not None and last is not None
    return Route(
        shift=shift.id,
        technician=shift.technician,
        depart_s=_just_in_time(stops[0], rests),
        finish_s=ends[0].arrive_s if home else stops[-1].end_s,
        stops=stops,
        breaks=rests,
        home_travel_s=max(0, ends[0].driven_s - jobs[-1].driven_s) if home else 0,
        home_travel_m=max(0, way(problem.travel, last, shift.end)[1]) if home and last and shift.end else 0,
        home_source=_source(problem) if home else "",
    )


def _step(path: str, raw: object, problem: Problem, found: list[Fault]) -> _Step:
    entry = Entry(path, raw, found, taken=STEP_TAKEN, refused={})
    kind = entry.raw.get("type")
    if kind not in KINDS:
        entry.fault("type", kind, f"one of {', '.join(KINDS)}")
    visit, rest = None, ""
    if kind in ("job", "break"):
        rest = str(entry.needed_whole("id", 0, LARGEST_ID))
        visit = problem.visit_by_id.get(rest) if kind == "job" else None
        if kind == "job" and visit is None:
            entry.fault("id", entry.raw.get("id"), "the id of a job of the input")
    arrive_s = entry.needed_whole("arrival", 0, LARGEST) - int(problem.start.timestamp())
    start_s = arrive_s + entry.whole("waiting_time", 0, 0, LARGEST)
    return _Step(
        kind=str(kind),
        visit=visit,
        rest=rest,
        arrive_s=arrive_s,
        start_s=start_s,
        end_s=start_s + entry.whole("setup", 0, 0, LARGEST) + entry.whole("service", 0, 0, LARGEST),
        driven_s=entry.needed_whole("duration", 0, LARGEST),
    )


def _stops(problem: Problem, shift: Shift, steps: list[_Step], rests: tuple[BreakTaken, ...]) -> tuple[Stop, ...]:
    stops: list[Stop] = []
    paused: list[_Step] = []
    here, driven_s = shift.start, 0
    for step in steps:
        if step.kind == "break":
            paused.append(step)
        if step.visit is None or step.visit.point is None:
            continue
        travel_s = max(0, step.driven_s - driven_s)
        waiting_s = 0
        # VROOM arrives after a break that is taken at the place itself, we before it.
        arrive_s = min([step.arrive_s, *(rest.arrive_s for rest in paused if rest.driven_s == step.driven_s)])
        if stops:
            free_s = stops[-1].end_s
            rest_s = sum(rest.end_s - rest.start_s for rest in rests if free_s <= rest.start_s < step.start_s)
            waiting_s = max(0, step.start_s - free_s - travel_s - rest_s)
        stops.append(
            Stop(
                visit=step.visit.id,
                arrive_s=arrive_s if stops else step.start_s,
                start_s=step.start_s,
                end_s=step.end_s,
                travel_s=travel_s,
                travel_m=max(0, way(problem.travel, here, step.visit.point)[1]),
                travel_source=_source(problem),
                waiting_s=waiting_s,
            )
        )
        here, driven_s, paused = step.visit.point, step.driven_s, []
    return tuple(stops)


def _just_in_time(first: Stop, rests: tuple[BreakTaken, ...]) -> Seconds:
    """Give the latest departure for the first job that leaves room for the breaks on the way there."""
    depart_s = first.start_s - first.travel_s
    for rest in sorted(rests, key=lambda one: -one.start_s):
        if rest.end_s <= first.start_s and rest.end_s > depart_s:
            depart_s -= rest.end_s - rest.start_s
    return depart_s


def _source(problem: Problem) -> str:
    return GREAT_CIRCLE if problem.travel.matrix is None else problem.travel.matrix.source
