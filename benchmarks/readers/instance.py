"""What a reader gives: a problem for the matcher, and how to recount its plans from the file they came from.

The objective of a family (distances cut to tenths, working time in doubles) lives here, not in the product. A
`Recount` knows the file and nothing of the matcher: it gets bare orders of stops, so it judges a peer's routes as well.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from dispatch.matching.plan import Plan
from dispatch.matching.problem import Matrix, Point, Policy, Problem, Proficiency, Refused, Shift, Travel

START = datetime(2030, 1, 7, tzinfo=UTC)
"""Second 0 of every instance; the files know no calendar."""

SCALES = (1_000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
TOLERANCE = 1e-6
"""Slack when times are counted in doubles, in units of the file."""

PLAIN = Policy(
    min_confidence=0.5,
    unknown=Proficiency(mean=0.0, sd=0.0, confirmed=True),
    waiting_percent=0,
    second_visit_cost=0,
    continuity_credit=0,
    preferred_credit=0,
)
"""Nothing has a price but travel and what an instance names; levels are exact, so a confidence is 0 or 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trip:
    """One shift's visits in order; the depot is called at before visit number ``depot_before``, None = never."""

    shift: str
    visits: tuple[str, ...]
    depot_before: int | None = None


class Recount(Protocol):
    """Counts trips again, from the file alone."""

    def objective(self, trips: Sequence[Trip]) -> float:
        """Give what the family minimises, in the unit in which its best known values are printed."""

    def faults(self, trips: Sequence[Trip]) -> list[str]:
        """Say every rule of the family that the trips break; empty = feasible."""

    def details(self, trips: Sequence[Trip]) -> dict[str, Any]:
        """Give further figures worth a place in the result, such as the number of vehicles."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The same question for the peers, and who recounts; it is put into words only when a peer is asked."""

    ask: Callable[[], Mapping[str, Any]]
    recount: Recount

    @cached_property
    def model(self) -> Mapping[str, Any]:
        """The question as plain JSON values, as `benchmarks.peers` describes them."""
        return self.ask()


def _nothing(plan: Plan) -> dict[str, Any]:
    """No further figures."""
    del plan
    return {}


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One file of a family.

    Attributes
    ----------
    objective, faults
        What the family minimises, and every rule a plan breaks; both recounted from the file.
    best_known
        Best published objective, None = none at hand.
    cost_unit, cost_offset
        A plan's cost divided by ``cost_unit`` plus ``cost_offset`` is about its objective: for traces of the search.
    call_out
        What a vehicle used costs on top of the objective: traces contain it.
    details
        Further figures for the result.
    contest
        The question for the peers; None = they have no way to ask it.
    peer_unit
        A peer's cost times this is its objective.
    """

    name: str
    problem: Problem
    best_known: float | None
    objective: Callable[[Plan], float]
    faults: Callable[[Plan], list[str]]
    cost_unit: float = 1.0
    cost_offset: float = 0.0
    call_out: float = 0.0
    details: Callable[[Plan], dict[str, Any]] = field(default=_nothing)
    contest: Contest | None = None
    peer_unit: float = 1.0


def recounted(
    *,
    name: str,
    problem: Problem,
    best_known: float | None,
    recount: Recount,
    cost_unit: float = 1.0,
    cost_offset: float = 0.0,
    ask: Callable[[], Mapping[str, Any]] | None = None,
    peer_unit: float = 1.0,
) -> Instance:
    """Make the instance whose plans ``recount`` judges."""
    return Instance(
        name=name,
        problem=problem,
        best_known=best_known,
        objective=lambda plan: recount.objective(trips_of(plan)),
        faults=lambda plan: recount.faults(trips_of(plan)),
        details=lambda plan: recount.details(trips_of(plan)),
        cost_unit=cost_unit,
        cost_offset=cost_offset,
        contest=None if ask is None else Contest(ask=ask, recount=recount),
        peer_unit=peer_unit,
    )


def trips_of(plan: Plan) -> list[Trip]:
    """Strip a plan to the orders of its stops."""
    return [
        Trip(
            shift=route.shift,
            visits=tuple(stop.visit for stop in route.stops),
            depot_before=None if route.depot is None else route.depot.before,
        )
        for route in plan.routes
    ]


def unknown_or_twice(trips: Sequence[Trip], shifts: Mapping[str, Any], visits: Mapping[str, Any]) -> list[str]:
    """Say which shifts and visits the file does not know or which come twice."""
    found = [f"there is no {trip.shift}" for trip in trips if trip.shift not in shifts]
    used = [trip.shift for trip in trips]
    found += [f"{shift} goes out twice" for shift in sorted({item for item in used if used.count(item) > 1})]
    seen: set[str] = set()
    for visit in (visit for trip in trips for visit in trip.visits):
        if visit not in visits:
            found.append(f"there is no customer {visit}")
        elif visit in seen:
            found.append(f"customer {visit} is served twice")
        seen.add(visit)
    return found


def finest_scale(span: float) -> int:
    """Give the most whole seconds that a unit of time of the file can stand for.

    The matcher counts whole seconds; sets in double precision are stretched, as far as a shift of ``span`` units of
    time may still be that long.
    """
    for scale in SCALES:
        try:
            Shift(id="span", technician="span", start_s=0, end_s=math.floor(span * scale), start=place(0))
        except Refused:
            continue
        return scale
    raise ValueError(f"a shift of {span:g} seconds is too long for the matcher")


def place(number: int) -> Point:
    """Give the artificial point that stands for place ``number`` of a matrix."""
    return Point(lat=1.0 + number * 1e-3, lon=1.0)


def given_travel(ways: Sequence[Sequence[int]]) -> Travel:
    """Travel between `place` 0, 1, ...: ``ways`` are the seconds  # [from, to]; metres are the same numbers."""
    rows = tuple(tuple(row) for row in ways)
    points = tuple(place(number) for number in range(len(rows)))
    return Travel(matrix=Matrix(points=points, travel_s=rows, travel_m=rows, source="file"))
