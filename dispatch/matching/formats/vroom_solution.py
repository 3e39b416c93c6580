"""A plan written as VROOM's solution file: times on its clock, sums of every route, loads step by step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dispatch.matching.formats.vroom_input import USUAL_PER_HOUR, Job, Place, Vehicle
from dispatch.matching.formats.vroom_scales import amount
from dispatch.matching.plan import Plan, Route
from dispatch.matching.problem import Problem
from dispatch.units import Seconds

SUMMED = ("cost", "setup", "service", "duration", "waiting_time", "priority")


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a solution repeats of its input.

    Attributes
    ----------
    jobs, vehicles
        By the id of the visit, and of the shift.
    metres
        Whether distances are known.
    """

    jobs: Mapping[str, Job]
    vehicles: Mapping[str, Vehicle]
    metres: bool

    @property
    def amounts(self) -> int:
        """How many kinds of amounts there are."""
        return max((len(job.delivery or job.pickup) for job in self.jobs.values()), default=0)

    def summed(self, amounts: Iterable[tuple[int, ...]]) -> list[int]:
        """Add amounts up, kind by kind."""
        totals = [0] * self.amounts
        for one in amounts:
            totals = [total + amount(one, k) for k, total in enumerate(totals)]
        return totals


def write(problem: Problem, plan: Plan, names: Names) -> dict[str, Any]:
    """Write a plan as VROOM's solution.

    Parameters
    ----------
    problem, names
        As `read` gave them.
    plan
        A plan of that problem.

    Returns
    -------
    dict
        Plain JSON values: ``code``, ``summary``, ``unassigned`` and ``routes`` with their ``steps``. ``cost`` is what
        VROOM counts, travel and fixed costs; ``distance`` and ``load`` are there where the input tells them.
    """
    epoch = int(problem.start.timestamp())
    routes = [_Writer(route, names, epoch).written() for route in plan.routes]
    unassigned = [
        {"id": job.id, "type": "job", **_described(job.description), **job.place.shown()}
        for job in (names.jobs[item.visit] for item in plan.unassigned)
    ]
    summary = {name: sum(route[name] for route in routes) for name in SUMMED}
    summary |= {"routes": len(routes), "unassigned": len(unassigned), "violations": []}
    if names.metres:
        summary["distance"] = sum(route["distance"] for route in routes)
    for name in ("delivery", "pickup") if names.amounts else ():
        summary[name] = names.summed(tuple(route[name]) for route in routes)
    return {"code": 0, "summary": summary, "unassigned": unassigned, "routes": routes}


class _Writer:
    """Walks along one route and notes its steps; ``time_s`` is when the vehicle is free again, in problem seconds."""

    def __init__(self, route: Route, names: Names, epoch: int) -> None:
        self.route, self.names, self.epoch = route, names, epoch
        self.vehicle = names.vehicles[route.shift]
        self.jobs = [names.jobs[stop.visit] for stop in route.stops]
        self.rests = sorted(route.breaks, key=lambda rest: rest.start_s)
        # A break before the first drive belongs to the route, so that the route begins with it.
        self.time_s = min([route.depart_s, *(rest.start_s for rest in self.rests[:1])])
        self.driven_s = self.driven_m = 0
        self.load = names.summed(job.delivery for job in self.jobs)
        self.steps: list[dict[str, Any]] = []

    def written(self) -> dict[str, Any]:
        """Give the route with its steps and sums."""
        if self.vehicle.start is not None:
            self.step("start", self.vehicle.start, arrive_s=self.time_s)
        for stop, job in zip(self.route.stops, self.jobs, strict=True):
            arrive_s = self.travelled(stop.travel_s, stop.travel_m, before_s=stop.start_s)
            self.load = [load - amount(job.delivery, k) + amount(job.pickup, k) for k, load in enumerate(self.load)]
            named = {"id": job.id, "job": job.id, **_described(job.description)}
            setup_s = stop.end_s - stop.start_s - job.service_s
            times = {"setup": setup_s, "service": job.service_s, "waiting_time": stop.start_s - arrive_s}
            self.step("job", job.place, arrive_s=arrive_s, **named, **times)
            self.time_s = stop.end_s
        arrive_s = self.travelled(self.route.home_travel_s, self.route.home_travel_m, before_s=None)
        if self.vehicle.end is not None:
            self.step("end", self.vehicle.end, arrive_s=arrive_s)
        return self.summed()

    def travelled(self, way_s: Seconds, way_m: int, *, before_s: Seconds | None) -> Seconds:
        """Drive to the next place with the breaks that end by ``before_s``, and give the arrival there."""
        left_s = way_s
        while self.rests and (before_s is None or self.rests[0].end_s <= before_s):
            rest = self.rests.pop(0)
            on_the_way = min(left_s, rest.start_s - self.time_s)
            left_s -= on_the_way
            self.driven_s += on_the_way
            arrive_s = self.time_s + on_the_way
            paused = {"service": rest.end_s - rest.start_s, "waiting_time": rest.start_s - arrive_s}
            self.step("break", None, arrive_s=arrive_s, id=int(rest.id), **paused)
            self.time_s = rest.end_s
        self.driven_s += left_s
        self.driven_m += way_m
        return self.time_s + left_s

    def step(self, kind: str, place: Place | None, *, arrive_s: Seconds, **more: Any) -> None:
        """Note one step."""
        fields: dict[str, Any] = {"type": kind, **({} if place is None else place.shown())}
        fields |= {"setup": 0, "service": 0, "waiting_time": 0, **more}
        fields |= {"arrival": arrive_s + self.epoch, "duration": self.driven_s, "violations": []}
        if self.names.metres:
            fields["distance"] = self.driven_m
        if self.names.amounts:
            fields["load"] = list(self.load)
        self.steps.append(fields)

    def summed(self) -> dict[str, Any]:
        """Add the steps up."""
        hourly = (self.driven_s * self.vehicle.per_hour + USUAL_PER_HOUR // 2) // USUAL_PER_HOUR
        fields: dict[str, Any] = {
            "vehicle": self.vehicle.id,
            **_described(self.vehicle.description),
            "cost": self.vehicle.fixed + hourly,
            **{name: sum(step[name] for step in self.steps) for name in ("setup", "service", "waiting_time")},
            "duration": self.driven_s,
            "priority": sum(job.priority for job in self.jobs),
            "violations": [],
            "steps": self.steps,
        }
        if self.names.metres:
            fields["distance"] = self.driven_m
        if self.names.amounts:
            fields["delivery"] = self.names.summed(job.delivery for job in self.jobs)
            fields["pickup"] = self.names.summed(job.pickup for job in self.jobs)
        return fields


def _described(text: str) -> dict[str, str]:
    return {"description": text} if text else {}
