"""The question: who can work when and where, what is asked, and what things cost.

Every value is frozen and checks itself when it is made; a malformed one raises `Refused` (a ``ValueError``) with all
its faults. Instants are whole seconds since ``Problem.start``, durations whole seconds, costs whole numbers worth one
second of a technician's paid travel. Factors are whole percent, so that every cost can be counted again exactly.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from dispatch.matching.codec import decode, encode
from dispatch.matching.demand import CrewSlot, Pin, Predecessor, Published, SkillLevel, SkillNeed, Visit, Window
from dispatch.matching.faults import Fault, Faults, Refused
from dispatch.matching.limits import (
    LEVELS,
    MAX_COST,
    MAX_CREW,
    MAX_DURATION_S,
    MAX_PAIRS,
    MAX_PERCENT,
    MAX_RATE,
    MAX_SHIFTS,
    MAX_TIME_S,
    MAX_VISITS,
    UNREACHABLE,
)
from dispatch.matching.policy import Policy
from dispatch.matching.supply import Break, Certification, Partner, Proficiency, Shift, Technician
from dispatch.units import SECONDS_PER_DAY, Metres, Point, Seconds

SCHEMA_VERSION = 1
DEFAULT_POLICY = Policy()

__all__ = [
    "LEVELS",
    "MAX_COST",
    "MAX_CREW",
    "MAX_DURATION_S",
    "MAX_PERCENT",
    "MAX_RATE",
    "MAX_PAIRS",
    "MAX_SHIFTS",
    "MAX_TIME_S",
    "MAX_VISITS",
    "SCHEMA_VERSION",
    "UNREACHABLE",
    "Break",
    "Certification",
    "CrewSlot",
    "Fault",
    "Matrix",
    "Partner",
    "Pin",
    "Point",
    "Policy",
    "Predecessor",
    "Problem",
    "Proficiency",
    "Published",
    "Refused",
    "Shift",
    "SkillLevel",
    "SkillNeed",
    "Technician",
    "Travel",
    "Visit",
    "Window",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Matrix:
    """Travel measured elsewhere, between ``points`` in order: rows are from, columns are to.

    ``UNREACHABLE`` (-1) in ``travel_s`` forbids the way. ``source`` is shown with every stop.
    """

    points: tuple[Point, ...]
    travel_s: tuple[tuple[Seconds, ...], ...]
    travel_m: tuple[tuple[Metres, ...], ...]
    source: str = "matrix"

    def __post_init__(self) -> None:
        faults = Faults("travel matrix")
        size = len(self.points)
        for name, rows in (("travel_s", self.travel_s), ("travel_m", self.travel_m)):
            if len(rows) != size or any(len(row) != size for row in rows):
                faults.add(name, f"{len(rows)} rows", f"a square of {size} x {size}, one row per point")
                continue
            for index, row in enumerate(rows):
                for value in row:
                    if not UNREACHABLE <= value <= MAX_TIME_S:
                        faults.whole(f"{name}[{index}]", value, UNREACHABLE, MAX_TIME_S)
        if len(set(self.points)) != size:
            faults.add("points", size, "each point only once")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Travel:
    """How ways are measured: great circle times ``detour_percent`` at ``speed_kmh``, or a given matrix.

    With ``plane`` the points lie on a flat map instead, where a degree of either kind is 100 km.
    """

    speed_kmh: float = 40.0
    detour_percent: int = 140
    plane: bool = False
    matrix: Matrix | None = None

    def __post_init__(self) -> None:
        faults = Faults("travel")
        faults.number("speed_kmh", self.speed_kmh, 1.0, 1_000.0)
        faults.whole("detour_percent", self.detour_percent, 100, 1_000)
        if self.plane and self.matrix is not None:
            faults.add("plane", self.plane, "either a plane or a matrix")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One question to the matcher.

    Attributes
    ----------
    start
        The aware instant that second 0 stands for.
    horizon_s
        Length of the time covered; shifts and windows may reach beyond it.
    """

    start: datetime
    horizon_s: Seconds = SECONDS_PER_DAY
    technicians: tuple[Technician, ...] = ()
    shifts: tuple[Shift, ...] = ()
    visits: tuple[Visit, ...] = ()
    partners: tuple[Partner, ...] = ()
    pins: tuple[Pin, ...] = ()
    policy: Policy = DEFAULT_POLICY
    travel: Travel = Travel()
    name: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        faults = Faults("problem")
        if self.start.tzinfo is None or self.start.utcoffset() is None:
            faults.add("start", self.start.isoformat(), "an instant with a time zone")
        if self.schema_version != SCHEMA_VERSION:
            faults.add("schema_version", self.schema_version, f"{SCHEMA_VERSION}")
        faults.whole("horizon_s", self.horizon_s, 0, MAX_TIME_S)
        faults.whole("number of visits", len(self.visits), 0, MAX_VISITS)
        faults.whole("number of shifts", len(self.shifts), 0, MAX_SHIFTS)
        places = sum(len(item.crew) for item in self.visits)
        faults.whole("number of places in crews times shifts", places * len(self.shifts), 0, MAX_PAIRS)
        faults.unique("technicians.id", (item.id for item in self.technicians))
        faults.unique("shifts.id", (item.id for item in self.shifts))
        faults.unique("visits.id", (item.id for item in self.visits))
        faults.unique("partners.id", (item.id for item in self.partners))
        parts = (_shift_faults, _visit_faults, _pin_faults, _place_faults, _leave_late_faults)
        found = [*faults.found, *(fault for part in parts for fault in part(self))]
        if found:
            raise Refused(found)

    @cached_property
    def technician_by_id(self) -> Mapping[str, Technician]:
        """Technicians by id."""
        return {item.id: item for item in self.technicians}

    @cached_property
    def shift_by_id(self) -> Mapping[str, Shift]:
        """Shifts by id."""
        return {item.id: item for item in self.shifts}

    @cached_property
    def visit_by_id(self) -> Mapping[str, Visit]:
        """Visits by id."""
        return {item.id: item for item in self.visits}

    def penalty(self, visit: Visit) -> int:
        """Cost of leaving ``visit`` out: its own, or from priority and whole days of age."""
        if visit.unserved_penalty is not None:
            return visit.unserved_penalty
        return self.policy.unserved_cost(visit.priority, visit.age_s)

    def to_json(self) -> str:
        """Write the problem as one JSON document, described by ``docs/reference/problem.schema.json``."""
        return json.dumps(encode(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Problem":
        """Read a document written by `to_json`; raises `Refused` with every fault of every element."""
        return decode(cls, text)

    def as_dict(self) -> dict[str, Any]:
        """Give the problem as plain JSON values."""
        return dict(encode(self))


def _shift_faults(problem: Problem) -> list[Fault]:
    """Shifts of nobody, and shifts of one person that overlap."""
    found: list[Fault] = []
    before: dict[str, Shift] = {}
    for shift in sorted(problem.shifts, key=lambda item: (item.start_s, item.id)):
        faults = Faults(f"shift {shift.id}")
        if shift.technician not in problem.technician_by_id:
            faults.add("technician", shift.technician, "the id of a technician of the problem")
        earlier = before.get(shift.technician)
        if earlier is not None and shift.start_s < earlier.end_s:
            faults.add(
                "start_s", shift.start_s, f"not before shift {earlier.id} of the same person ends ({earlier.end_s})"
            )
        if earlier is None or shift.end_s > earlier.end_s:
            before[shift.technician] = shift
        found += faults.found
    return found


def _visit_faults(problem: Problem) -> list[Fault]:
    """Predecessors that do not exist or go round in a circle; a stranger among the people named just never matches."""
    found: list[Fault] = []
    waiting: dict[str, set[str]] = {}
    for visit in problem.visits:
        faults = Faults(f"visit {visit.id}")
        for before in visit.predecessors:
            if before.visit not in problem.visit_by_id:
                faults.add("predecessors", before.visit, "the id of a visit of the problem")
        for name in ("same_person_as", "other_person_than"):
            for other in getattr(visit, name):
                if other not in problem.visit_by_id or other == visit.id:
                    faults.add(name, other, "the id of another visit of the problem")
        waiting[visit.id] = {before.visit for before in visit.predecessors if before.visit in problem.visit_by_id}
        found += faults.found
    after: dict[str, list[str]] = {}
    for later, earlier in waiting.items():
        for name in earlier:
            after.setdefault(name, []).append(later)
    ready = [name for name, earlier in waiting.items() if not earlier]
    while ready:
        name = ready.pop()
        del waiting[name]
        for later in after.get(name, ()):
            waiting[later].discard(name)
            if not waiting[later]:
                ready.append(later)
    for name in sorted(waiting):
        faults = Faults(f"visit {name}")
        faults.add("predecessors", sorted(waiting[name]), "an order without a circle")
        found += faults.found
    return found


def _pin_faults(problem: Problem) -> list[Fault]:
    """Pins on nothing, or twice on the same crew slot. A pin to an absent person is legal: it is kept and reported."""
    found: list[Fault] = []
    seen: set[tuple[str, int]] = set()
    for pin in problem.pins:
        faults = Faults(f"pin of visit {pin.visit}")
        visit = problem.visit_by_id.get(pin.visit)
        if visit is None:
            faults.add("visit", pin.visit, "the id of a visit of the problem")
        else:
            faults.whole("slot", pin.slot, 0, len(visit.crew) - 1)
        if (pin.visit, pin.slot) in seen:
            faults.add("slot", pin.slot, "at most one pin for each crew slot")
        if pin.technician is not None and pin.technician not in problem.technician_by_id:
            faults.add("technician", pin.technician, "the id of a technician of the problem")
        seen.add((pin.visit, pin.slot))
        found += faults.found
    return found


def _place_faults(problem: Problem) -> list[Fault]:
    """Places that a given matrix does not know, which happens when the matrix is stale."""
    if problem.travel.matrix is None:
        return []
    known = set(problem.travel.matrix.points)
    used = [(f"visit {item.id}", "point", item.point) for item in problem.visits]
    used += [(f"shift {item.id}", "start", item.start) for item in problem.shifts]
    used += [(f"shift {item.id}", "end", item.end) for item in problem.shifts]
    used += [(f"shift {item.id}", "depot", item.depot) for item in problem.shifts]
    found: list[Fault] = []
    for element, name, point in used:
        if point is not None and point not in known:
            faults = Faults(element)
            faults.add(name, point, "a point of the travel matrix")
            found += faults.found
    return found


def _leave_late_faults(problem: Problem) -> list[Fault]:
    """Everything whose times do not follow from the order of the stops alone, which leaving late needs."""
    if not problem.policy.leave_late:
        return []
    found: list[Fault] = []
    for visit in problem.visits:
        faults = Faults(f"visit {visit.id}")
        if len(visit.windows) > 1 or any(not window.hard for window in visit.windows):
            faults.add("windows", len(visit.windows), "one hard window at most while the policy leaves late")
        linked = bool(visit.predecessors) or len(visit.crew) > 1
        for name, given in (("due_s", visit.due_s is not None), ("published", visit.published), ("crew", linked)):
            if given:
                faults.add(name, getattr(visit, name), "none while the policy leaves late")
        found += faults.found
    for shift in problem.shifts:
        faults = Faults(f"shift {shift.id}")
        if shift.breaks:
            faults.add("breaks", len(shift.breaks), "none while the policy leaves late")
        found += faults.found
    return found
