"""The answer: routes with their stops, visits left out with reasons, and the cost split by what causes it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from dispatch.matching.codec import decode, encode
from dispatch.matching.faults import Faults
from dispatch.units import Metres, Seconds

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What something costs, by cause; whole numbers worth one second of paid travel, credits are negative.

    Every product with a percentage or a price per hour is rounded half up once, where it is defined here.

    Attributes
    ----------
    travel
        Per route: all driving, the way home included, times ``cost_percent``.
    waiting
        Per route: idle time between visits times ``cost_percent`` and ``waiting_percent``; none before the first visit.
    overtime
        Per route: arrival at the end place after the shift's end, times ``overtime_percent``.
    call_out
        Per route: ``call_out_cost``.
    depot
        Per route: the time at the depot stop times ``cost_percent``.
    fairness
        Per route: ``uneven_load_percent`` of the square of its driving, work and depot time over the shift's length,
        and ``long_overtime_percent`` of the square of its overtime over an hour, each rounded half up.
    lateness
        Per visit, at its first crew slot: ``late_s`` times the lateness rate. ``late_s`` is the larger of the start
        against the windows and the start against ``due_s``.
    second_visit
        Per stop: (1 - p_fix) times the cost of a second visit. p_fix is the product over the needs, must or wished, of
        the best success among the alternatives; 1 without needs.
    duration
        Per stop: this person's time for the work, a shared set-up taken off, times ``cost_percent``, less the planned
        time.
    continuity, preference
        Per stop: minus the credit if the person is a known face, or preferred. ``person_cost`` counts as preference.
    scarcity
        Per stop: for each priced skill that the person is qualified in at ``scarcity_level`` and that no need of the
        crew slot names, the price for the planned time.
    changes
        Per published crew slot: ``reassign_cost`` for another technician, ``retime_cost`` for a start moved by more
        than the tolerance, both if it is not served.
    unserved
        Per visit left out: its penalty.
    """

    travel: int = 0
    waiting: int = 0
    overtime: int = 0
    call_out: int = 0
    depot: int = 0
    fairness: int = 0
    lateness: int = 0
    second_visit: int = 0
    duration: int = 0
    continuity: int = 0
    preference: int = 0
    scarcity: int = 0
    changes: int = 0
    unserved: int = 0

    @property
    def total(self) -> int:
        """The sum of all terms: the objective."""
        return sum(self.terms().values())

    def terms(self) -> dict[str, int]:
        """Terms by name, in the order of the fields."""
        return dict(zip(self.__slots__, self._values(), strict=True))

    def _values(self) -> tuple[int, ...]:
        return tuple([getattr(self, name) for name in self.__slots__])

    def __add__(self, other: "Cost") -> "Cost":
        return Cost.summed((self, other))

    def __sub__(self, other: "Cost") -> "Cost":
        theirs = other.terms()
        return Cost(**{name: value - theirs[name] for name, value in self.terms().items()})

    @classmethod
    def summed(cls, costs: Iterable["Cost"]) -> "Cost":
        """Sum of many costs, term by term."""
        columns = zip(*(cost._values() for cost in costs), strict=True)
        return cls(**dict(zip(cls.__slots__, map(sum, columns), strict=False)))  # of nothing there are no columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """One crew slot of one visit in a route; ``travel_*`` is the way from the stop before or the start place.

    Arrival is when the person is there, breaks on the way included; ``waiting_s`` is the time since the end of the stop
    before (or since departure) that is neither driving nor break. It is 0 at the first stop: people leave just in time.
    """

    visit: str
    slot: int = 0
    arrive_s: Seconds
    start_s: Seconds
    end_s: Seconds
    travel_s: Seconds
    travel_m: Metres
    travel_source: str
    waiting_s: Seconds = 0
    late_s: Seconds = 0

    def __post_init__(self) -> None:
        faults = Faults(f"stop at visit {self.visit}")
        if not self.arrive_s <= self.start_s <= self.end_s:
            faults.add("start_s", self.start_s, f"arrival {self.arrive_s} <= start <= end {self.end_s}")
        for name, value in (("travel_s", self.travel_s), ("travel_m", self.travel_m), ("waiting_s", self.waiting_s)):
            if value < 0:
                faults.add(name, value, "0 or more")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class BreakTaken:
    """A break of the shift with its place in time."""

    id: str
    start_s: Seconds
    end_s: Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class DepotStop:
    """The stop at the depot before stop number ``before`` of the route; the travel is from the stop before it."""

    before: int
    arrive_s: Seconds
    leave_s: Seconds
    travel_s: Seconds
    travel_m: Metres
    travel_source: str

    def __post_init__(self) -> None:
        faults = Faults("depot stop")
        if self.leave_s < self.arrive_s:
            faults.add("leave_s", self.leave_s, f"not before arrive_s {self.arrive_s}")
        for name, value in (("before", self.before), ("travel_s", self.travel_s), ("travel_m", self.travel_m)):
            if value < 0:
                faults.add(name, value, "0 or more")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One shift with its stops in order.

    Attributes
    ----------
    depart_s, finish_s
        Leaving the start place, and arriving at the end place (or the end of the last visit where there is none).
    depot
        Where parts and tools are picked up, None = nowhere. The ``travel_*`` of the stop after it are from there.
    home_travel_s, home_travel_m, home_source
        The way from the last stop to the end place.
    cost
        What this route adds to the plan.
    """

    shift: str
    technician: str
    depart_s: Seconds
    finish_s: Seconds
    stops: tuple[Stop, ...]
    breaks: tuple[BreakTaken, ...] = ()
    depot: DepotStop | None = None
    home_travel_s: Seconds = 0
    home_travel_m: Metres = 0
    home_source: str = ""
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        faults = Faults(f"route of shift {self.shift}")
        if not self.stops:
            faults.add("stops", (), "at least one stop; a shift that is not used has no route")
        if self.depot is not None and not self.depot.before < len(self.stops):
            faults.add("depot", self.depot.before, f"a stop number below {len(self.stops)}")
        if self.finish_s < self.depart_s:
            faults.add("finish_s", self.finish_s, f"not before depart_s {self.depart_s}")
        faults.raise_any()


class ReasonCode(StrEnum):
    """Why a visit was left out, or why one person can not serve it."""

    NO_LOCATION = "no_location"
    NO_CAPACITY = "no_capacity"
    NOBODY_QUALIFIED = "nobody_qualified"
    NOT_QUALIFIED = "not_qualified"
    NOT_CONFIRMED = "not_confirmed"
    NOT_CERTIFIED = "not_certified"
    NOT_EQUIPPED = "not_equipped"
    EXCLUDED = "excluded"
    NOT_REQUIRED = "not_required"
    OTHER_TERRITORY = "other_territory"
    NO_SHIFT = "no_shift"
    CREW_TOO_SMALL = "crew_too_small"
    WINDOW_PAST = "window_past"
    WINDOW_TOO_SHORT = "window_too_short"
    NOBODY_THEN = "nobody_then"
    TOO_FAR = "too_far"
    UNREACHABLE = "unreachable"
    DISPLACED = "displaced"
    PREDECESSOR_UNSERVED = "predecessor_unserved"
    PIN_CONFLICT = "pin_conflict"
    PINNED_ELSEWHERE = "pinned_elsewhere"
    SAME_CREW = "same_crew"
    NOT_THEN = "not_then"
    ROUTE_BROKEN = "route_broken"
    NOT_WORTH_IT = "not_worth_it"
    LINKED = "linked"
    PARTNER_FULL = "partner_full"
    MOST_VISITS = "most_visits"
    MOST_DRIVING = "most_driving"
    LONGEST_DAY = "longest_day"
    PARTS_USED_UP = "parts_used_up"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One reason as data: a code and the facts that belong to it, such as a skill, a level and a confidence.

    Screens make the sentence; ``params`` name elements of the problem by id, instants and durations in seconds.
    """

    code: ReasonCode
    params: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unassigned:
    """A visit that the plan does not serve, and why."""

    visit: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A rule that a plan breaks, in words for a dispatcher; ``visit`` and ``shift`` name who is concerned."""

    rule: str
    message: str
    visit: str | None = None
    shift: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stats:
    """How the plan came about.

    Attributes
    ----------
    seconds, steps, seed
        Wall time used, search steps done, and the seed.
    repeatable
        Whether a step budget, not the clock, ended the search: then the same input and seed give the same plan.
    first_cost
        Cost of the first plan, before any improvement.
    bound
        No plan can cost less; None while no bound is known.
    ignored
        Parts of a warm start that the problem no longer knows.
    """

    seconds: float = 0.0
    steps: int = 0
    seed: int = 0
    repeatable: bool = False
    solver: str = ""
    first_cost: int | None = None
    bound: int | None = None
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The answer to one problem: every visit is either in the routes, with all its crew slots, or unassigned."""

    routes: tuple[Route, ...] = ()
    unassigned: tuple[Unassigned, ...] = ()
    cost: Cost = Cost()
    violations: tuple[Violation, ...] = ()
    stats: Stats = Stats()
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        faults = Faults("plan")
        if self.schema_version != SCHEMA_VERSION:
            faults.add("schema_version", self.schema_version, f"{SCHEMA_VERSION}")
        faults.unique("routes.shift", (route.shift for route in self.routes))
        faults.unique("stops", (f"{stop.visit}/{stop.slot}" for route in self.routes for stop in route.stops))
        served = {stop.visit for route in self.routes for stop in route.stops}
        for item in self.unassigned:
            if item.visit in served:
                faults.add("unassigned", item.visit, "a visit that no route serves")
        faults.unique("unassigned.visit", (item.visit for item in self.unassigned))
        faults.raise_any()

    @cached_property
    def route_by_shift(self) -> Mapping[str, Route]:
        """Routes by shift id; shifts that are not used are missing."""
        return {route.shift: route for route in self.routes}

    @cached_property
    def stops_by_visit(self) -> Mapping[str, tuple[tuple[Route, Stop], ...]]:
        """For each served visit its stops with their routes, by crew slot."""
        found: dict[str, list[tuple[Route, Stop]]] = {}
        for route in self.routes:
            for stop in route.stops:
                found.setdefault(stop.visit, []).append((route, stop))
        return {visit: tuple(sorted(pairs, key=lambda pair: pair[1].slot)) for visit, pairs in found.items()}

    def fingerprint(self) -> str:
        """Digest of everything but the statistics: equal for equal plans, whatever time they took."""
        told = {name: value for name, value in self.as_dict().items() if name != "stats"}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @property
    def late(self) -> int:
        """How many stops start late."""
        return sum(stop.late_s > 0 for route in self.routes for stop in route.stops)

    def to_json(self) -> str:
        """Write the plan as one JSON document, described by ``docs/reference/plan.schema.json``."""
        return json.dumps(encode(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Plan":
        """Read a document written by `to_json`; raises `Refused` with every fault."""
        return decode(cls, text)

    def as_dict(self) -> dict[str, Any]:
        """Give the plan as plain JSON values."""
        return dict(encode(self))
