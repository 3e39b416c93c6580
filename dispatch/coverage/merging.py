"""Pure: the rarest demand classes of a week, counted in stricter ones of the same territory.

A large organisation has ten times the classes that a week may have, so what each asks for is kept as plain numbers and
found by skill: comparing every class with every other took longer than all reading beside it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from dispatch.coverage.outlook import CERTIFICATION, DemandClass, Need

MOST_CLASSES = 20_000
"""Demand classes of one week; beyond them the rarest are counted in a stricter one of the same territory."""

PlainNeed: TypeAlias = tuple[tuple[int, int], ...]
PlainNeeds: TypeAlias = tuple[PlainNeed, ...]
"""Needs as (skill, level) of each option; they sort as the needs themselves do."""
Rank: TypeAlias = tuple[int, int, int, PlainNeeds, int]


def merge_rare(demand: Iterable[DemandClass], most: int = MOST_CLASSES) -> tuple[tuple[DemandClass, ...], int]:
    """Keep at most so many classes a week by counting the rarest in a stricter one; returns what seconds were moved.

    Upwards: the work goes to the class of the same territory that asks for at least as much and for the least more, so
    that merging may show a gap too wide and never hides one. Where no class asks for as much, two become one that asks
    for what both do. A territory keeps at least one class, so more territories than the limit stay above it.
    """
    by_week: dict[date, list[DemandClass]] = {}
    for work in demand:
        by_week.setdefault(work.week, []).append(work)
    known: dict[PlainNeed, Need] = {}
    plain: dict[tuple[Need, ...], PlainNeeds] = {}
    kept: list[DemandClass] = []
    moved_s = 0
    for week, classes in sorted(by_week.items()):
        if len(classes) <= most:
            kept += classes
            continue
        places: dict[int, _Place] = {}
        for work in classes:
            needs = plain.get(work.needs)
            if needs is None:
                needs = plain[work.needs] = tuple(_plain(need, known) for need in work.needs)
            places.setdefault(work.territory, _Place(work.territory)).add(_entry(work, needs))
        moved_s += _merge_week(places, len(classes) - most)
        for place in places.values():
            kept += [entry.stored(week, place.territory, known) for entry in place.entries.values()]
    return tuple(sorted(kept, key=lambda work: work.key)), moved_s


def _merge_week(places: dict[int, _Place], over: int) -> int:
    """Merge the rarest of all places, over and over, until so many classes fewer are left; return the moved seconds."""
    moved_s, merging = 0, True
    while over > 0 and merging:
        merging = False
        everything = [(entry, place) for place in places.values() for entry in place.entries.values()]
        everything.sort(key=lambda found: (found[0].seconds, found[1].territory, found[0].needs))
        for rare, place in everything:
            if over <= 0:
                break
            if len(place.entries) < 2 or place.entries.get(rare.number) is not rare:
                continue
            before = len(place.entries)
            place.merge(rare)
            over -= before - len(place.entries)
            moved_s += rare.seconds
            merging = True
    return moved_s


@dataclass(slots=True, kw_only=True)
class _Entry:
    """A class while it is merged; `work` is what it was read as, None once it stands for several.

    `number` tells classes apart that are alike in everything, in the order in which they came.
    """

    needs: PlainNeeds
    skills: frozenset[int]
    levels: int
    booked_s: int
    expected_s: int
    visit_s: int
    work: DemandClass | None
    number: int = 0

    @property
    def seconds(self) -> int:
        return self.booked_s + self.expected_s

    @property
    def rank(self) -> Rank:
        """What is asked of work that has none of these skills: least comes first; then the larger, then by name."""
        return (len(self.needs), self.levels, -self.seconds, self.needs, self.number)

    def stored(self, week: date, territory: int, known: dict[PlainNeed, Need]) -> DemandClass:
        return self.work or DemandClass(
            needs=tuple(known[need] for need in self.needs),
            territory=territory,
            week=week,
            booked_s=self.booked_s,
            expected_s=self.expected_s,
            visit_s=self.visit_s,
        )


class _Place:
    """The classes of one territory in one week, found by number, by skill, by needs, and in order of what they ask."""

    def __init__(self, territory: int) -> None:
        self.territory = territory
        self.entries: dict[int, _Entry] = {}
        self._by_skill: dict[int, dict[int, _Entry]] = {}
        self._by_needs: dict[PlainNeeds, dict[int, _Entry]] = {}
        self._ranked: list[Rank] = []
        self._next = 0

    def add(self, entry: _Entry) -> None:
        entry.number, self._next = self._next, self._next + 1
        self.entries[entry.number] = entry
        self._by_needs.setdefault(entry.needs, {})[entry.number] = entry
        for skill in entry.skills:
            self._by_skill.setdefault(skill, {})[entry.number] = entry
        insort(self._ranked, entry.rank)

    def remove(self, entry: _Entry) -> None:
        del self.entries[entry.number]
        del self._by_needs[entry.needs][entry.number]
        for skill in entry.skills:
            del self._by_skill[skill][entry.number]
        del self._ranked[bisect_left(self._ranked, entry.rank)]

    def merge(self, rare: _Entry) -> None:
        """Count a rare class in the nearest other, and both in a third where that asks for the same as they then do."""
        target = self.nearest(rare)
        self.remove(rare)
        self.remove(target)
        joined = _joined(rare, target)
        twin = next(iter(self._by_needs.get(joined.needs, {}).values()), None)
        if twin is not None:
            self.remove(twin)
            joined = _joined(joined, twin)
        self.add(joined)

    def nearest(self, rare: _Entry) -> _Entry:
        """Return the class that asks for the least beyond a rare one; of those alike the larger, then by name."""
        found = [
            (_asked_beyond(entry, rare), -entry.seconds, entry.needs, entry.number)
            for entry in self._sharing(rare)
            if entry is not rare
        ]
        for count, levels, seconds, needs, number in self._ranked:
            entry = self.entries[number]
            if entry is not rare and rare.skills.isdisjoint(entry.skills):
                found.append(((len(rare.needs), count, levels), seconds, needs, number))
                break
        return self.entries[min(found)[-1]]

    def _sharing(self, rare: _Entry) -> Iterator[_Entry]:
        """Give the classes that name any of the skills."""
        found: dict[int, _Entry] = {}
        for skill in rare.skills:
            found |= self._by_skill[skill]
        return iter(found.values())


def _entry(work: DemandClass, needs: PlainNeeds) -> _Entry:
    return _Entry(
        needs=needs,
        skills=frozenset(skill for need in needs for skill, _level in need),
        levels=sum(need[0][1] for need in needs),
        booked_s=work.booked_s,
        expected_s=work.expected_s,
        visit_s=work.visit_s,
        work=work,
    )


def _plain(need: Need, known: dict[PlainNeed, Need]) -> PlainNeed:
    told = tuple((option.skill, option.level) for option in need.any_of)
    known.setdefault(told, need)
    return told


def _implies(strict: PlainNeed, mild: PlainNeed) -> bool:
    """Whether whoever meets the one meets the other."""
    for skill, level in strict:
        if level == CERTIFICATION:
            if (skill, level) not in mild:
                return False
        elif not any(skill == other and level >= least > CERTIFICATION for other, least in mild):
            # A skill and a kind of certification may have the same number.
            return False
    return True


def _asked_beyond(work: _Entry, rare: _Entry) -> tuple[int, int, int]:
    """How much more than the rare work asks for: needs of its own to be added to the other, new needs, levels."""
    lacking = sum(not any(_implies(need, own) for need in work.needs) for own in rare.needs)
    beyond = sum(not any(_implies(own, need) for own in rare.needs) for need in work.needs)
    return lacking, beyond, work.levels


def _joined(one: _Entry, other: _Entry) -> _Entry:
    """Both as one class that asks for what each of them does; its visits are as long as theirs on average."""
    both = {*one.needs, *other.needs}
    needs = tuple(sorted(need for need in both if not any(o != need and _implies(o, need) for o in both)))
    seconds = one.seconds + other.seconds
    visits = one.seconds / one.visit_s + other.seconds / other.visit_s
    return _Entry(
        needs=needs,
        skills=frozenset(skill for need in needs for skill, _level in need),
        levels=sum(need[0][1] for need in needs),
        booked_s=one.booked_s + other.booked_s,
        expected_s=one.expected_s + other.expected_s,
        visit_s=max(60, round(seconds / visits)) if visits else one.visit_s,
        work=None,
    )
