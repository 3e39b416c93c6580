"""What the generator knows while it writes the demo: places, people with their true levels, and the kinds of work."""

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property

from dispatch.core.clock import day_bounds
from dispatch.demo.rows import Book
from dispatch.demo.work import Work
from dispatch.workforce.calendar import WorkingTime

ZONE = "Europe/London"
WEEKS_BACK = 52
OUTCOMES_SINCE_WEEKS = 26  # since then the works agreement lets outcomes count
DAYS_AHEAD = 28
DETOUR = 1.4
SPEED_M_S = 40_000 / 3600
_METRES_NORTH = 111_195.0  # of a degree
_METRES_EAST = _METRES_NORTH * math.cos(math.radians(52.9))


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """A place."""

    lat: float
    lon: float


def travel(start: Spot, end: Spot) -> tuple[int, int]:
    """Return seconds and metres between two places as long as roads are not known; flat is good enough in one city."""
    metres = DETOUR * math.hypot((start.lon - end.lon) * _METRES_EAST, (start.lat - end.lat) * _METRES_NORTH)
    return round(metres / SPEED_M_S), round(metres)


@dataclass(kw_only=True)
class Area:
    """A territory with its people and what there is to look after."""

    id: int
    name: str
    centre: Spot
    radius_m: float
    owner_id: int
    depot: Spot
    people: list["Person"] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A site as the generator sees it."""

    id: int
    customer_id: int
    kind: str
    area_id: int
    spot: Spot
    contact: str


@dataclass(frozen=True, kw_only=True)
class Grasp:
    """What a person can do in one skill: the level others would give, and the true one."""

    level: int
    true: float
    since: date
    confirmed: bool = True


@dataclass(kw_only=True)
class Person:
    """A technician as the generator sees them; true levels are never written anywhere."""

    id: int
    name: str
    area: Area
    home: Spot
    start: Spot
    trade: str
    user_id: int
    manager_id: int
    pace: float
    grasps: dict[int, Grasp]
    papers: dict[int, tuple[date, date]]
    shifts: dict[date, tuple[int, WorkingTime]] = field(default_factory=dict)
    away: set[date] = field(default_factory=set)
    returns: list["Case"] = field(default_factory=list)

    def can(self, kind: "Kind", day: date) -> bool:
        """Say whether a dispatcher would send this person: level given by others, papers valid on the day."""
        return all(
            (grasp := self.grasps.get(skill)) is not None and grasp.confirmed and grasp.level >= level
            for skill, level in kind.musts
        ) and all(
            (paper := self.papers.get(needed)) is not None and paper[0] <= day < paper[1]
            for needed in kind.certificate_ids
        )


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A job type as loaded: its work and the row numbers of what it needs."""

    id: int
    work: Work
    needs: tuple[tuple[int, int | None, int | None], ...]
    certificate_ids: tuple[int, ...]

    @cached_property
    def musts(self) -> tuple[tuple[int, int], ...]:
        """Skills with the level somebody must have."""
        return tuple((skill, must) for skill, must, _ in self.needs if must is not None)


@dataclass(kw_only=True)
class Trip:
    """One visit with what was planned and, once it has happened, what did."""

    people: tuple[Person, ...]
    shift_ids: tuple[int, ...]
    legs: tuple[tuple[int, int], ...]
    promised: tuple[datetime, datetime] | None
    planned: tuple[datetime, datetime]
    leaves: datetime
    actual: tuple[datetime, datetime]
    fixed: bool = True
    cause: str | None = None
    declined: str | None = None


@dataclass(kw_only=True)
class Case:
    """A job in the making: written when it is known how it ended, or that it is still open."""

    kind: Kind
    place: Place
    asset_id: int | None
    created: datetime
    duration_s: int
    trips: list[Trip] = field(default_factory=list)
    release: datetime | None = None
    due: datetime | None = None
    promised: tuple[datetime, datetime] | None = None
    window: tuple[datetime, datetime, float | None] | None = None
    title: str | None = None
    waiting_for: str | None = None


@dataclass(kw_only=True)
class World:
    """Everything generated so far."""

    book: Book
    rng: random.Random
    now: datetime
    today: date
    weeks_back: int = WEEKS_BACK
    zone: str = ZONE
    skills: dict[str, int] = field(default_factory=dict)
    papers: dict[str, int] = field(default_factory=dict)
    paper_months: dict[int, int | None] = field(default_factory=dict)
    areas: list[Area] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    impossible: Kind | None = None
    staff: dict[str, list[int]] = field(default_factory=dict)
    # (territory, asset) -> sites that have one, with the asset's number
    assets: dict[tuple[int, str], list[tuple[Place, int]]] = field(default_factory=lambda: defaultdict(list))
    unwanted: set[tuple[int, int]] = field(default_factory=set)
    met: dict[tuple[int, int], list[date]] = field(default_factory=lambda: defaultdict(list))
    _day_starts: dict[date, datetime] = field(default_factory=dict)

    @property
    def first_day(self) -> date:
        """The first day of the history."""
        return self.today - timedelta(weeks=self.weeks_back)

    @property
    def last_day(self) -> date:
        """The last day for which shifts are made."""
        return self.today + timedelta(days=DAYS_AHEAD)

    def day_start(self, day: date) -> datetime:
        """Return when a local day begins."""
        found = self._day_starts.get(day)
        if found is None:
            found = self._day_starts[day] = day_bounds(day, self.zone)[0]
        return found

    @property
    def outcomes_since(self) -> date:
        """The day from which outcomes are noted as facts about people."""
        return self.today - timedelta(weeks=min(OUTCOMES_SINCE_WEEKS, self.weeks_back))

    def area(self, area_id: int) -> Area:
        """Return a territory by its number."""
        return next(area for area in self.areas if area.id == area_id)
