"""What is asked: visits with their needs, windows and people, and what a dispatcher pinned."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.matching.faults import Faults
from dispatch.matching.limits import (
    LEVELS,
    MAX_COST,
    MAX_CREW,
    MAX_DURATION_S,
    MAX_PIECES,
    MAX_RATE,
    MAX_TIME_S,
    MAX_VISITS,
)
from dispatch.units import Point, Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class SkillLevel:
    """A skill at a level 1..5."""

    skill: str
    level: int

    def __post_init__(self) -> None:
        faults = Faults(f"skill {self.skill}")
        faults.name("skill", self.skill)
        faults.whole("level", self.level, LEVELS[0], LEVELS[-1])
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class SkillNeed:
    """One need, met by any one of its alternatives; ``must`` forbids who lacks it, otherwise it only lowers p_fix."""

    any_of: tuple[SkillLevel, ...]
    must: bool = True

    def __post_init__(self) -> None:
        faults = Faults("skill need")
        if not self.any_of:
            faults.add("any_of", self.any_of, "at least one skill with a level")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class CrewSlot:
    """What one member of the crew must bring: all ``needs`` and all ``certifications``."""

    needs: tuple[SkillNeed, ...] = ()
    certifications: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """When work may start: ``start_s <= start <= end_s``.

    A hard window never lets work start later; a priced one does, at the visit's lateness rate for each second after
    ``end_s``. Work never starts before the earliest window. Of several windows the cheapest for the start counts.
    With ``whole_visit`` the work must also be finished by ``end_s`` (site hours); only hard windows can ask that.
    """

    start_s: Seconds
    end_s: Seconds
    hard: bool = True
    whole_visit: bool = False

    def __post_init__(self) -> None:
        faults = Faults("window")
        times = faults.whole("start_s", self.start_s, -MAX_TIME_S, MAX_TIME_S)
        times = faults.whole("end_s", self.end_s, -MAX_TIME_S, MAX_TIME_S) and times
        if times and self.end_s < self.start_s:
            faults.add("end_s", self.end_s, f"not before start_s {self.start_s}")
        if self.whole_visit and not self.hard:
            faults.add("whole_visit", self.whole_visit, "false for a priced window")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What people were told: this technician starts this crew slot at ``start_s``. A different plan costs changes."""

    technician: str
    start_s: Seconds
    slot: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Predecessor:
    """Another visit that must be served and finished ``gap_s`` before this one starts, ``max_gap_s`` at most."""

    visit: str
    gap_s: Seconds = 0
    max_gap_s: Seconds | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """One trip to a site for a job, by one or more technicians who start together.

    Attributes
    ----------
    point
        Where; None = not known, then the visit stays unassigned and says so.
    windows
        When work may start; empty = any time.
    release_s, due_s
        Work never starts before ``release_s``; each second after ``due_s`` costs the lateness rate.
    lateness_rate
        Cost of one late second; None = the policy's.
    priority, age_s
        1 (highest) .. 5, and how long the job waits already; both raise the penalty of not serving it.
    unserved_penalty
        Cost of not serving the visit; None = from priority and age by the policy.
    optional
        Whether the visit may be left out where serving it costs more than its penalty.
    second_visit_cost
        Cost of having to come again; None = the policy's. Charged as (1 - p_fix) of each crew member.
    preferred, required, excluded
        Technicians the customer likes, insists on (for the first crew slot), or refuses.
    known_faces
        Technicians who know the customer or the asset.
    person_cost
        What it costs more (or, below 0, less) if this technician comes, by technician id; for each crew slot.
    setup_s
        The part of ``duration_s`` that is saved where the person's stop before is at the same ``site``.
    parts, tools
        What the first crew slot must bring: pieces by kind of part, used up, and tools, brought back. What is not on
        the van is picked up at the shift's depot before.
    same_person_as, other_person_than
        Other visits that must have the same technician in their first crew slot, or nobody in common.
    """

    id: str
    job: str = ""
    site: str | None = None
    territory: str | None = None
    point: Point | None
    duration_s: Seconds
    windows: tuple[Window, ...] = ()
    release_s: Seconds | None = None
    due_s: Seconds | None = None
    lateness_rate: int | None = None
    priority: int = 3
    age_s: Seconds = 0
    unserved_penalty: int | None = None
    optional: bool = False
    second_visit_cost: int | None = None
    crew: tuple[CrewSlot, ...] = (CrewSlot(),)
    preferred: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    known_faces: tuple[str, ...] = ()
    person_cost: Mapping[str, int] = field(default_factory=dict)
    setup_s: Seconds = 0
    parts: Mapping[str, int] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    same_person_as: tuple[str, ...] = ()
    other_person_than: tuple[str, ...] = ()
    predecessors: tuple[Predecessor, ...] = ()
    published: tuple[Published, ...] = ()

    def __post_init__(self) -> None:
        faults = Faults(f"visit {self.id}")
        faults.name("id", self.id)
        faults.whole("duration_s", self.duration_s, 0, MAX_DURATION_S)
        for name, instant in (("release_s", self.release_s), ("due_s", self.due_s)):
            if instant is not None:
                faults.whole(name, instant, -MAX_TIME_S, MAX_TIME_S)
        for name, cost in (("unserved_penalty", self.unserved_penalty), ("second_visit_cost", self.second_visit_cost)):
            if cost is not None:
                faults.whole(name, cost, 0, MAX_COST)
        if self.lateness_rate is not None:
            faults.whole("lateness_rate", self.lateness_rate, 0, MAX_RATE)
        faults.whole("priority", self.priority, 1, 5)
        faults.whole("age_s", self.age_s, 0, MAX_TIME_S)
        if not 1 <= len(self.crew) <= MAX_CREW:
            faults.add("crew", len(self.crew), f"between 1 and {MAX_CREW} crew slots")
        faults.unique("predecessors", (item.visit for item in self.predecessors))
        for before in self.predecessors:
            faults.whole("predecessors.gap_s", before.gap_s, 0, MAX_TIME_S)
            if before.max_gap_s is not None:
                faults.whole("predecessors.max_gap_s", before.max_gap_s, before.gap_s, MAX_TIME_S)
        faults.unique("published.slot", (str(item.slot) for item in self.published))
        for told in self.published:
            faults.whole("published.slot", told.slot, 0, len(self.crew) - 1)
            faults.whole("published.start_s", told.start_s, -MAX_TIME_S, MAX_TIME_S)
        faults.whole("setup_s", self.setup_s, 0, self.duration_s)
        if self.setup_s and self.site is None:
            faults.add("setup_s", self.setup_s, "0 for a visit without a site")
        for person, cost in self.person_cost.items():
            faults.whole(f"person_cost.{person}", cost, -MAX_COST, MAX_COST)
        for part, pieces in self.parts.items():
            faults.whole(f"parts.{part}", pieces, 0, MAX_PIECES)
        faults.unique("tools", self.tools)
        for other in sorted(set(self.same_person_as) & set(self.other_person_than)):
            faults.add("other_person_than", other, "a visit that does not also need the same person")
        for person in sorted(set(self.required) & set(self.excluded)):
            faults.add("excluded", person, "a technician who is not also required")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """A dispatcher's "keep this": the crew slot of a visit stays with a technician, or starts at a time, or both.

    A pin outranks every rule about who may serve; what it breaks is reported, not repaired. With ``order`` (which needs
    a technician) it is among the first stops of that person's shift: those come before all others, smaller orders first
    and with nothing in between. Work that is done or under way is pinned like that.
    """

    visit: str
    slot: int = 0
    technician: str | None = None
    start_s: Seconds | None = None
    order: int | None = None

    def __post_init__(self) -> None:
        faults = Faults(f"pin of visit {self.visit}")
        if self.technician is None and self.start_s is None:
            faults.add("technician", None, "a technician, a start_s or both")
        if self.order is not None:
            faults.whole("order", self.order, 0, MAX_VISITS)
            if self.technician is None:
                faults.add("order", self.order, "a pin to a technician")
        if self.start_s is not None:
            faults.whole("start_s", self.start_s, -MAX_TIME_S, MAX_TIME_S)
        faults.raise_any()
