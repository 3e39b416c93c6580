"""The question that coverage answers: who has which hours, and which work is expected where, week by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

HOUR_S = 3600
CERTIFICATION = 0
"""The level that stands for "held on the date": certifications have no levels."""

MAX_LEVEL = 5
MAX_WEEK_S = 7 * 24 * HOUR_S
MAX_OVERHEAD = 5.0
"""Travel may cost at most four times the work itself; beyond that a person counts as unable to serve the place."""

DEFAULT_UNMET_PRICE_S = 4 * HOUR_S
"""What an hour of work that nobody can do is worth, in seconds of paid travel."""


class RowKind(StrEnum):
    """What a row of the table is about."""

    ANYBODY = "anybody"
    CERTIFICATION = "certification"
    SKILL = "skill"


@dataclass(frozen=True, kw_only=True, order=True)
class Row:
    """A row of the table; skills and kinds of certification are numbered apart."""

    kind: RowKind
    id: int = 0


ANYBODY = Row(kind=RowKind.ANYBODY)


@dataclass(frozen=True, kw_only=True, order=True)
class SkillLevel:
    """A skill with the least level asked for; at level 0 it is a kind of certification, valid in the week."""

    skill: int
    level: int

    def __post_init__(self) -> None:
        if not CERTIFICATION <= self.level <= MAX_LEVEL:
            raise ValueError(f"skill {self.skill}: level {self.level} is not between 0 and {MAX_LEVEL}")


@dataclass(frozen=True, kw_only=True, order=True)
class Need:
    """One must-have of a piece of work: any of its options will do, the first one names it in tables."""

    any_of: tuple[SkillLevel, ...]

    def __post_init__(self) -> None:
        if not self.any_of:
            raise ValueError("a need without options: name at least one skill")

    @property
    def row(self) -> Row:
        """The row in which tables show this need."""
        first = self.any_of[0]
        kind = RowKind.CERTIFICATION if first.level == CERTIFICATION else RowKind.SKILL
        return Row(kind=kind, id=first.skill)


@dataclass(frozen=True, kw_only=True)
class DemandClass:
    """Work of one week in one territory that asks for the same set of needs.

    Attributes
    ----------
    booked_s, expected_s
        Seconds of work at the site: already asked for, and expected from history on top of it.
    visit_s
        Usual length of one visit, seconds; travel to each visit is spread over it.
    """

    needs: tuple[Need, ...]
    territory: int
    week: date
    booked_s: int
    expected_s: int = 0
    visit_s: int = HOUR_S

    def __post_init__(self) -> None:
        faults = []
        if self.week.isoweekday() != 1:
            faults.append(f"week {self.week} does not start on a Monday")
        if self.booked_s < 0 or self.expected_s < 0:
            faults.append(f"seconds of work must not be negative: booked {self.booked_s}, expected {self.expected_s}")
        if self.visit_s <= 0:
            faults.append(f"visit_s {self.visit_s} must be more than 0")
        if list(self.needs) != sorted(set(self.needs)):
            faults.append("needs must be sorted and without repeats, so that equal classes are equal")
        if faults:
            raise ValueError(f"demand in territory {self.territory}: " + "; ".join(faults))

    @property
    def seconds(self) -> int:
        """All work of the class, booked and expected."""
        return self.booked_s + self.expected_s

    @property
    def key(self) -> tuple[date, int, tuple[Need, ...]]:
        """What makes the class this class; also the order in which classes are solved."""
        return (self.week, self.territory, self.needs)


@dataclass(frozen=True, kw_only=True)
class Person:
    """What one technician can give.

    Attributes
    ----------
    levels
        Skill to the highest level for which the person counts as qualified; skills without any are left out.
    held
        Certification to the weeks (Mondays) in which it is valid on every working day.
    travel_s
        Territory to the seconds of travel that one visit there costs this person; territories not named are not served.
    hours_s
        Week (Monday) to seconds the person can work, breaks and absences already taken off.
    """

    id: int
    levels: Mapping[int, int] = field(default_factory=dict)
    held: Mapping[int, frozenset[date]] = field(default_factory=dict)
    travel_s: Mapping[int, int] = field(default_factory=dict)
    hours_s: Mapping[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        faults = [f"hours_s of {week} is {s}" for week, s in self.hours_s.items() if not 0 <= s <= MAX_WEEK_S]
        faults += [f"travel_s to territory {t} is {s}" for t, s in self.travel_s.items() if s < 0]
        faults += [
            f"level {level} in skill {skill}" for skill, level in self.levels.items() if not 1 <= level <= MAX_LEVEL
        ]
        if faults:
            raise ValueError(f"person {self.id}: out of range: " + "; ".join(faults))

    def meets(self, need: Need, week: date) -> bool:
        """Whether the person satisfies one need in a week."""
        return any(
            week in self.held.get(option.skill, frozenset())
            if option.level == CERTIFICATION
            else self.levels.get(option.skill, 0) >= option.level
            for option in need.any_of
        )

    def overhead(self, demand: DemandClass) -> float | None:
        """Give the hours of this person that one hour of work costs, travel included, or None if out of reach."""
        travel_s = self.travel_s.get(demand.territory)
        if travel_s is None:
            return None
        factor = 1.0 + travel_s / demand.visit_s
        return factor if factor <= MAX_OVERHEAD else None


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """People and work of some weeks, and what an hour of unmet work is worth (seconds of paid travel)."""

    people: tuple[Person, ...]
    demand: tuple[DemandClass, ...]
    unmet_price_s: int = DEFAULT_UNMET_PRICE_S

    def __post_init__(self) -> None:
        ids = [person.id for person in self.people]
        keys = [work.key for work in self.demand]
        faults = []
        if len(set(ids)) < len(ids):
            faults.append(f"people named twice: {sorted({i for i in ids if ids.count(i) > 1})}")
        if len(set(keys)) < len(keys):
            faults.append("the same needs, territory and week appear in two demand classes: add them up first")
        if self.unmet_price_s <= 0:
            faults.append(f"unmet_price_s {self.unmet_price_s} must be more than 0")
        if faults:
            raise ValueError("outlook: " + "; ".join(faults))

    @property
    def weeks(self) -> tuple[date, ...]:
        """Every week with work or hours, in order."""
        named = {work.week for work in self.demand}
        named.update(week for person in self.people for week in person.hours_s)
        return tuple(sorted(named))
