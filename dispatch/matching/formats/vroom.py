"""VROOM's JSON: its input read as a problem, a plan written as its solution, its solution read as a plan.

What is the same in both: skills are held or not, like certifications; time windows are hard and say when work may
start; a set-up falls away where the stop before is at the same place; a vehicle is a person with one shift. What
differs is told in ``docs/howto/exchange-vroom-files.md``. Nothing is left out silently: a field that can not be held is
refused by name, all of them at once.

The objective is VROOM's: first the priorities served, then the number of jobs, then what travel costs.
"""

import math
from datetime import UTC, datetime

from dispatch.matching.faults import Faults, Refused
from dispatch.matching.formats.entry import document
from dispatch.matching.formats.vroom_input import Document, Job, Place, Vehicle, parse
from dispatch.matching.formats.vroom_plan import read_solution
from dispatch.matching.formats.vroom_scales import Clock, Loads, Penalties, Rates
from dispatch.matching.formats.vroom_solution import Names, write
from dispatch.matching.limits import UNREACHABLE
from dispatch.matching.problem import (
    Break,
    Certification,
    CrewSlot,
    Matrix,
    Point,
    Policy,
    Problem,
    Shift,
    Technician,
    Travel,
    Visit,
    Window,
)
from dispatch.units import Metres, Seconds, great_circle_m

__all__ = ["Names", "read", "read_solution", "write"]

OPEN_PLACES = 1_000
"""Most places without a matrix where a vehicle may begin anywhere: that needs every way measured ahead."""
ANYWHERE = Point(lat=-1.0, lon=1.0)
"""Stands for the start of a vehicle that has none: every place is reached from here in no time."""
POLICY = Policy(second_visit_cost=0, waiting_percent=0)


def read(text: str | bytes) -> tuple[Problem, Names]:
    """Read a VROOM input.

    Parameters
    ----------
    text
        The JSON document. Without a matrix ways are the great circle times the usual detour.

    Returns
    -------
    tuple of Problem and Names
        Jobs become visits, vehicles become technicians with one shift each, all named by their number. Instants of the
        problem count in seconds from the midnight (UTC) before the first vehicle may start.

    Raises
    ------
    Refused
        With every fault of the document: where, which field, what stands there and what would be right.
    """
    given = parse(document(text))
    clock, rates, loads = Clock.of(given), Rates.of(given), Loads.of(given)
    for vehicle in given.vehicles:
        given.found += _break_faults(vehicle, clock).found
    travel = _travel(given)
    if given.found:
        raise Refused(given.found)
    penalties = Penalties.of(given, clock, rates)
    shifts = tuple(_shift(one, given, clock, loads) for one in given.vehicles)
    problem = Problem(
        start=datetime.fromtimestamp(clock.start_s, tz=UTC),
        horizon_s=max(shift.end_s for shift in shifts),
        technicians=tuple(_technician(one, rates) for one in given.vehicles),
        shifts=shifts,
        visits=tuple(_visit(one, given, clock, rates, loads, penalties) for one in given.jobs),
        policy=POLICY,
        travel=travel,
    )
    return problem, Names(
        jobs={str(job.id): job for job in given.jobs},
        vehicles={str(vehicle.id): vehicle for vehicle in given.vehicles},
        metres=given.table is None or given.table.travel_m is not None,
    )


def _visit(job: Job, given: Document, clock: Clock, rates: Rates, loads: Loads, penalties: Penalties) -> Visit:
    point = _point(given, job.place)
    planned_s = job.setup_s + job.service_s
    # VROOM pays for travel only; where hours have different prices, what ours adds for the work is taken off again.
    prices = {one.id: planned_s - (planned_s * rates.percent[one.id] + 50) // 100 for one in given.vehicles}
    return Visit(
        id=str(job.id),
        job=job.description,
        site=f"{point.lat},{point.lon}",
        point=point,
        duration_s=planned_s,
        setup_s=job.setup_s,
        windows=tuple(Window(start_s=clock.ours(since), end_s=clock.ours(until)) for since, until in job.windows),
        unserved_penalty=penalties.of_job(job),
        crew=(CrewSlot(certifications=tuple(str(skill) for skill in sorted(job.skills))),),
        parts=loads.of_job(job),
        person_cost={str(name): price for name, price in prices.items() if price},
    )


def _technician(vehicle: Vehicle, rates: Rates) -> Technician:
    return Technician(
        id=str(vehicle.id),
        name=vehicle.description,
        certifications=tuple(Certification(id=str(skill)) for skill in sorted(vehicle.skills)),
        cost_percent=rates.percent[vehicle.id],
        call_out_cost=rates.call_out[vehicle.id],
    )


def _shift(vehicle: Vehicle, given: Document, clock: Clock, loads: Loads) -> Shift:
    since, until = clock.spans[vehicle.id]
    return Shift(
        id=str(vehicle.id),
        technician=str(vehicle.id),
        start_s=clock.ours(since),
        end_s=clock.ours(until),
        start=_point(given, vehicle.start),
        end=None if vehicle.end is None else _point(given, vehicle.end),
        breaks=_breaks(vehicle, clock),
        max_drive_s=vehicle.max_travel_s,
        max_visits=vehicle.max_tasks,
        parts=loads.of_vehicle(vehicle),
    )


def _breaks(vehicle: Vehicle, clock: Clock) -> tuple[Break, ...]:
    """Give the breaks, their windows cut to the working time: the route can not be running outside of it."""
    since, until = clock.spans[vehicle.id]
    breaks = []
    for pause in vehicle.pauses:
        earliest, latest = pause.window or (since, until)
        breaks.append(
            Break(
                id=str(pause.id),
                earliest_s=clock.ours(max(earliest, since)),
                latest_s=clock.ours(min(latest, until)),
                duration_s=pause.service_s,
            )
        )
    return tuple(breaks)


def _break_faults(vehicle: Vehicle, clock: Clock) -> Faults:
    """Note breaks outside the working time, and those that leave no room for each other."""
    since, until = clock.spans[vehicle.id]
    faults = Faults(vehicle.path)
    free = since
    for pause in sorted(vehicle.pauses, key=lambda one: (max(since, (one.window or (since, until))[0]), str(one.id))):
        earliest, latest = pause.window or (since, until)
        if latest < since or earliest > until:
            faults.add(f"break {pause.id}", [earliest, latest], f"a window inside the working time {since} to {until}")
        elif min(latest, until) < free:
            faults.add(f"break {pause.id}", [earliest, latest], f"a window that leaves room for those before ({free})")
        free = max(free, earliest) + pause.service_s
    return faults


def _point(given: Document, place: Place | None) -> Point:
    """Give the place on earth, or for a row of a matrix a point that stands for it: only its ways count then."""
    if place is None:
        return ANYWHERE
    if given.table is not None and place.index is not None:
        return _row_point(place.index)
    lon, lat = place.location or (0.0, 0.0)
    return Point(lat=lat, lon=lon)


def _row_point(index: int) -> Point:
    return Point(lat=index / 1_000, lon=1.0)


def _travel(given: Document) -> Travel:
    """Give the ways; where a vehicle has no start they are a matrix with one more place, close to everything."""
    nowhere = next((one for one in given.vehicles if one.start is None), None)
    points: tuple[Point, ...]
    if given.table is not None:
        points = tuple(_row_point(index) for index in range(len(given.table.travel_s)))
        metres = given.table.travel_m or tuple((0,) * len(points) for _ in points)
        seconds, source = given.table.travel_s, "matrix"
    elif nowhere is None or given.found:
        return Travel()
    else:
        places = [job.place for job in given.jobs]
        places += [place for one in given.vehicles for place in (one.start, one.end) if place is not None]
        points = tuple(dict.fromkeys(_point(given, place) for place in places))
        if len(points) > OPEN_PLACES:
            faults = Faults(nowhere.path)
            faults.add("start", None, f"a start, or a matrix: there are more than {OPEN_PLACES} places")
            given.found += faults.found
            return Travel()
        seconds, metres = _measured(points)
        source = "great_circle"
    if nowhere is not None:
        points = (*points, ANYWHERE)
        seconds = (*((*row, UNREACHABLE) for row in seconds), (0,) * len(points))
        metres = (*((*row, UNREACHABLE) for row in metres), (0,) * len(points))
    return Travel(matrix=Matrix(points=points, travel_s=seconds, travel_m=metres, source=source))


def _measured(points: tuple[Point, ...]) -> tuple[tuple[tuple[Seconds, ...], ...], tuple[tuple[Metres, ...], ...]]:
    """Measure every way as `Travel` does without a matrix."""
    usual = Travel()
    road_m = [[great_circle_m(start, end) * usual.detour_percent / 100 for end in points] for start in points]
    seconds = tuple(tuple(math.floor(way * 3.6 / usual.speed_kmh + 0.5) for way in row) for row in road_m)
    return seconds, tuple(tuple(math.floor(way + 0.5) for way in row) for row in road_m)
