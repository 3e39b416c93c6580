"""Who can be sent, and when: technicians with what they can do, and their shifts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.matching.faults import Faults
from dispatch.matching.limits import LEVELS, MAX_COST, MAX_PERCENT, MAX_PIECES, MAX_TIME_S, MAX_VISITS
from dispatch.units import SECONDS_PER_DAY, Point, Seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Proficiency:
    """The estimated level of a person in one skill.

    Attributes
    ----------
    mean, sd
        Normal estimate on the continuous 1..5 scale.
    confirmed
        Whether at least one fact on this very skill is not the person's own claim.
    at_least
        Five probabilities of being at least level 1, 2, 3, 4, 5 where the estimate is not normal; empty =
        from mean and sd.
    """

    mean: float
    sd: float
    confirmed: bool = True
    at_least: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        faults = Faults("proficiency")
        faults.number("mean", self.mean, -10.0, 15.0)
        faults.number("sd", self.sd, 0.0, 10.0)
        if self.at_least and len(self.at_least) != len(LEVELS):
            faults.add("at_least", self.at_least, "five probabilities or none")
        for value in self.at_least:
            faults.number("at_least", value, 0.0, 1.0)
        faults.raise_any()

    def confidence(self, level: int) -> float:
        """Probability of being at least ``level``: P(theta >= level - 0.5)."""
        if self.at_least:
            return self.at_least[level - 1]
        margin = self.mean - (level - 0.5)
        if self.sd == 0.0:
            return 1.0 if margin >= 0.0 else 0.0
        return 0.5 * math.erfc(-margin / (self.sd * math.sqrt(2.0)))

    def success(self, level: int, *, slope: float, offset: float) -> float:
        """Give the expected chance to fix work of ``level`` at the first visit.

        The logistic of ``slope * (theta - level + offset)`` averaged over the normal estimate by the usual probit
        scaling (MacKay 1992, doi 10.1162/neco.1992.4.5.720).
        """
        spread = math.sqrt(1.0 + math.pi * (slope * self.sd) ** 2 / 8.0)
        return 1.0 / (1.0 + math.exp(-slope * (self.mean - level + offset) / spread))


@dataclass(frozen=True, kw_only=True, slots=True)
class Certification:
    """A permission held from ``valid_from_s`` until ``valid_until_s`` (None = open on that side), in problem seconds.

    It counts for a visit only if it is valid during the whole shift that serves the visit, so one that ends at noon
    does not count that day.
    """

    id: str
    valid_from_s: Seconds | None = None
    valid_until_s: Seconds | None = None

    def __post_init__(self) -> None:
        faults = Faults(f"certification {self.id}")
        faults.name("id", self.id)
        if self.valid_from_s is not None and self.valid_until_s is not None and self.valid_until_s < self.valid_from_s:
            faults.add("valid_until_s", self.valid_until_s, f"not before valid_from_s {self.valid_from_s}")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Technician:
    """A person who can be sent.

    Attributes
    ----------
    proficiencies
        Skill id to estimate. A skill that is missing counts as ``Policy.unknown``, which is never confirmed.
    territories
        Where the person may work, together with the shift's own territory; nothing named at all = everywhere.
    pace_percent
        Time this person needs for planned work, in percent of the plan.
    cost_percent
        Price of this person's time in percent of the usual hour.
    partner
        Company of a partner's technician, None for employees.
    call_out_cost
        Paid once per shift that serves at least one visit.
    min_rest_s
        Time between coming home and the rostered start of the person's next shift. A shift that leaves less ends early
        enough, its overtime first.
    """

    id: str
    name: str = ""
    proficiencies: Mapping[str, Proficiency] = field(default_factory=dict)
    certifications: tuple[Certification, ...] = ()
    territories: tuple[str, ...] = ()
    pace_percent: int = 100
    cost_percent: int = 100
    partner: str | None = None
    call_out_cost: int = 0
    min_rest_s: Seconds = 0

    def __post_init__(self) -> None:
        faults = Faults(f"technician {self.id}")
        faults.name("id", self.id)
        faults.whole("pace_percent", self.pace_percent, 10, 1_000)
        faults.whole("cost_percent", self.cost_percent, 0, MAX_PERCENT)
        faults.whole("call_out_cost", self.call_out_cost, 0, MAX_COST)
        faults.whole("min_rest_s", self.min_rest_s, 0, 7 * SECONDS_PER_DAY)
        faults.raise_any()

    def duration_s(self, planned_s: Seconds) -> Seconds:
        """Time this person needs for work planned at ``planned_s``, rounded half up."""
        return (planned_s * self.pace_percent + 50) // 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """A rest of ``duration_s`` that starts between ``earliest_s`` and ``latest_s`` (equal = fixed).

    It may interrupt a drive but never a visit, and is owed only if the route is still running after ``latest_s``.
    With ``from_departure`` both instants count from leaving the start place instead of from the problem's start: a rest
    after at most six hours of work has ``latest_s`` 21,600. No first leg may then be longer than ``latest_s``.
    """

    id: str
    earliest_s: Seconds
    latest_s: Seconds
    duration_s: Seconds
    from_departure: bool = False

    def __post_init__(self) -> None:
        faults = Faults(f"break {self.id}")
        faults.name("id", self.id)
        faults.whole("earliest_s", self.earliest_s, -MAX_TIME_S, MAX_TIME_S)
        if faults.whole("latest_s", self.latest_s, -MAX_TIME_S, MAX_TIME_S) and self.latest_s < self.earliest_s:
            faults.add("latest_s", self.latest_s, f"not before earliest_s {self.earliest_s}")
        faults.whole("duration_s", self.duration_s, 0, SECONDS_PER_DAY)
        if self.from_departure and self.earliest_s < 0:
            faults.add("earliest_s", self.earliest_s, "0 or more seconds after departure")
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Partner:
    """A company whose technicians help out; `Technician.partner` names it.

    Attributes
    ----------
    visits_a_day
        Most visits that its technicians take together on one day (the day, counted from the problem's start, in which
        their shifts start); None = no limit.
    """

    id: str
    visits_a_day: int | None = None

    def __post_init__(self) -> None:
        faults = Faults(f"partner {self.id}")
        faults.name("id", self.id)
        if self.visits_a_day is not None:
            faults.whole("visits_a_day", self.visits_a_day, 0, MAX_VISITS)
        faults.raise_any()


@dataclass(frozen=True, kw_only=True, slots=True)
class Shift:
    """One technician's working time on one day.

    Attributes
    ----------
    start, end
        Where the day begins and ends; ``end`` None = it ends at the last visit.
    overtime_limit_s
        How long after ``end_s`` the technician may arrive at ``end``.
    overtime_percent
        Price of a second of overtime in percent of a second of travel.
    max_leg_s
        Longest single drive between two visits or from the start place; None = no limit. The way home is not limited.
    max_drive_s
        Most driving of the whole shift, the way home included; None = no limit.
    max_length_s
        Longest time between leaving and coming home, waiting and breaks included; None = no limit. A day that waits
        leaves later.
    max_visits
        Most visits served; None = no limit.
    parts, tools
        What is on the van when the shift starts: pieces by kind of part, and tools.
    depot, depot_s
        Where parts and tools can be picked up once on the way, without limit, and the time that takes; None = nowhere.
    """

    id: str
    technician: str
    start_s: Seconds
    end_s: Seconds
    start: Point
    end: Point | None = None
    overtime_limit_s: Seconds = 0
    overtime_percent: int = 150
    breaks: tuple[Break, ...] = ()
    territory: str | None = None
    max_leg_s: Seconds | None = None
    max_drive_s: Seconds | None = None
    max_length_s: Seconds | None = None
    max_visits: int | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    depot: Point | None = None
    depot_s: Seconds = 0

    def __post_init__(self) -> None:
        faults = Faults(f"shift {self.id}")
        faults.name("id", self.id)
        times = faults.whole("start_s", self.start_s, -MAX_TIME_S, MAX_TIME_S)
        times = faults.whole("end_s", self.end_s, -MAX_TIME_S, MAX_TIME_S) and times
        if times and self.end_s < self.start_s:
            faults.add("end_s", self.end_s, f"not before start_s {self.start_s}")
        elif times and self.end_s - self.start_s > 2 * SECONDS_PER_DAY:
            faults.add("end_s", self.end_s, "a shift of at most two days")
        faults.whole("overtime_limit_s", self.overtime_limit_s, 0, SECONDS_PER_DAY)
        faults.whole("overtime_percent", self.overtime_percent, 0, MAX_PERCENT)
        limits = (("max_leg_s", self.max_leg_s), ("max_drive_s", self.max_drive_s), ("max_length_s", self.max_length_s))
        for name, limit in limits:
            if limit is not None:
                faults.whole(name, limit, 0, MAX_TIME_S)
        if self.max_visits is not None:
            faults.whole("max_visits", self.max_visits, 0, MAX_VISITS)
        faults.whole("depot_s", self.depot_s, 0, SECONDS_PER_DAY)
        for part, pieces in self.parts.items():
            faults.whole(f"parts.{part}", pieces, 0, MAX_PIECES)
        faults.unique("tools", self.tools)
        faults.unique("breaks", (item.id for item in self.breaks))
        free_s = self.start_s
        fixed = [item for item in self.breaks if not item.from_departure]
        for item in sorted(fixed, key=lambda one: (one.earliest_s, one.id)) if times else ():
            if item.earliest_s < self.start_s or item.latest_s > self.end_s:
                faults.add("breaks", item.id, f"a break inside the shift {self.start_s}..{self.end_s}")
            if item.latest_s < free_s:
                faults.add("breaks", item.id, f"a latest start that leaves room for the breaks before it ({free_s})")
            free_s = max(free_s, item.earliest_s) + item.duration_s
        faults.raise_any()

    @property
    def latest_s(self) -> Seconds:
        """Last moment at which the technician may arrive at the end place."""
        return self.end_s + self.overtime_limit_s
