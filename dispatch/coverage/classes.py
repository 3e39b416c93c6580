"""Pure: pieces of work, booked or expected, added up to demand classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dispatch.coverage.outlook import CERTIFICATION, DemandClass, Need, SkillLevel
from dispatch.skills.needing import PLAIN, NeedRules

MOST_CLASSES = 2000
"""Demand classes of one week; beyond them the rarest are counted in a stricter one of the same territory."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Work for one person: what they must have, where, in which week, how long, and how many visits it stands for."""

    needs: tuple[Need, ...]
    territory: int
    week: date
    seconds: int
    visits: float
    booked: bool


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def needs_from(
    skills: Iterable[tuple[int | None, int, int | None]], certifications: Iterable[int], rules: NeedRules = PLAIN
) -> tuple[Need, ...]:
    """Build sorted needs from rows of (any-of number, skill, must level) and kinds of certification.

    Equal any-of numbers are alternatives. A level that is only preferred binds nobody, so such rows are left out. The
    rules say what a need means besides, as planning reads it.
    """
    alternatives: dict[int, list[SkillLevel]] = {}
    single: dict[int, int] = {}
    for any_of, skill, level in skills:
        if level is None:
            continue
        if any_of is None:
            single[skill] = max(level, single.get(skill, 0))
        else:
            alternatives.setdefault(any_of, []).append(SkillLevel(skill=skill, level=level))
    groups = [[option] for option in single.items()]
    groups += [[(option.skill, option.level) for option in options] for options in alternatives.values()]
    needs = {
        Need(any_of=tuple(sorted(SkillLevel(skill=skill, level=level) for skill, level in group)))
        for group in rules.meant(groups)
    }
    needs |= {Need(any_of=(SkillLevel(skill=kind, level=CERTIFICATION),)) for kind in certifications}
    return tuple(sorted(needs))


def add_up(pieces: Iterable[Piece]) -> tuple[DemandClass, ...]:
    """Add equal pieces to classes; a class's visit length is the mean of its visits."""
    booked: dict[tuple[date, int, tuple[Need, ...]], int] = {}
    expected: dict[tuple[date, int, tuple[Need, ...]], int] = {}
    visits: dict[tuple[date, int, tuple[Need, ...]], float] = {}
    for piece in pieces:
        key = (piece.week, piece.territory, piece.needs)
        side = booked if piece.booked else expected
        side[key] = side.get(key, 0) + piece.seconds
        visits[key] = visits.get(key, 0.0) + piece.visits
    return tuple(
        DemandClass(
            needs=key[2],
            territory=key[1],
            week=key[0],
            booked_s=booked.get(key, 0),
            expected_s=expected.get(key, 0),
            visit_s=max(60, round((booked.get(key, 0) + expected.get(key, 0)) / count)) if count else 3600,
        )
        for key, count in sorted(visits.items(), key=lambda item: item[0])
    )


def merge_rare(demand: Iterable[DemandClass], most: int = MOST_CLASSES) -> tuple[tuple[DemandClass, ...], int]:
    """Keep at most so many classes a week by counting the rarest in a stricter one; returns what seconds were moved.

    Upwards: the work goes to the class of the same territory that asks for at least as much and for the least more, so
    that merging may show a gap too wide and never hides one. Where no class asks for as much, two become one that asks
    for what both do. A territory keeps at least one class, so more territories than the limit stay above it.
    """
    by_week: dict[date, list[DemandClass]] = {}
    asked = _Asked()
    for work in demand:
        by_week.setdefault(work.week, []).append(work)
    kept: list[DemandClass] = []
    moved_s = 0
    for _week, classes in sorted(by_week.items()):
        here: dict[int, list[DemandClass]] = {}
        for work in classes:
            here.setdefault(work.territory, []).append(work)
        over, merging = len(classes) - most, True
        while over > 0 and merging:
            merging = False
            for rare in sorted((work for group in here.values() for work in group), key=lambda w: (w.seconds, w.key)):
                # Two classes may be alike in everything, so they are told apart by what they are, not by what they say.
                others = [work for work in here[rare.territory] if work is not rare]
                if over <= 0 or not others or len(others) == len(here[rare.territory]):
                    continue
                target = asked.nearest(rare, others)
                joined = _joined(rare, target)
                twin = next((work for work in others if work is not target and work.needs == joined.needs), None)
                merged = joined if twin is None else _joined(joined, twin)
                rest = [work for work in others if work is not target and work is not twin]
                here[rare.territory] = [*rest, merged]
                over -= len(others) - len(rest)
                moved_s += rare.seconds
                merging = True
        kept += [work for group in here.values() for work in group]
    return tuple(sorted(kept, key=lambda work: work.key)), moved_s


class _Asked:
    """What classes ask for, looked up once: thousands are compared, and most have no skill in common."""

    def __init__(self) -> None:
        # The class itself is kept beside its facts, so that no other can come to have its identity.
        self._facts: dict[int, tuple[DemandClass, frozenset[int], int, int]] = {}

    def _of(self, work: DemandClass) -> tuple[DemandClass, frozenset[int], int, int]:
        found = self._facts.get(id(work))
        if found is None:
            skills = frozenset(option.skill for need in work.needs for option in need.any_of)
            found = self._facts[id(work)] = (work, skills, len(work.needs), _levels(work))
        return found

    def nearest(self, rare: DemandClass, others: Iterable[DemandClass]) -> DemandClass:
        """Return the class that asks for the least beyond a rare one; of those alike the larger, then by name."""
        _rare, skills, own, _levels_asked = self._of(rare)
        best: list[DemandClass] = []
        least: tuple[tuple[int, int, int], int] | None = None
        for work in others:
            _work, theirs, count, levels = self._of(work)
            apart = (own, count, levels) if skills.isdisjoint(theirs) else _asked_beyond(work, rare)
            beyond = (apart, -work.seconds)
            if least is None or beyond < least:
                best, least = [work], beyond
            elif beyond == least:
                best.append(work)
        return min(best, key=lambda work: work.key)


def _levels(work: DemandClass) -> int:
    return sum(option.level for need in work.needs for option in need.any_of[:1])


def _implies(strict: Need, mild: Need) -> bool:
    """Whether whoever meets the one meets the other."""
    return all(
        any(option.skill == other.skill and option.level >= other.level for other in mild.any_of)
        if option.level != CERTIFICATION
        else option in mild.any_of
        for option in strict.any_of
    )


def _asked_beyond(work: DemandClass, rare: DemandClass) -> tuple[int, int, int]:
    """How much more than the rare work asks for: needs of its own to be added to the other, new needs, levels."""
    lacking = sum(not any(_implies(need, own) for need in work.needs) for own in rare.needs)
    beyond = sum(not any(_implies(own, need) for own in rare.needs) for need in work.needs)
    return lacking, beyond, _levels(work)


def _joined(one: DemandClass, other: DemandClass) -> DemandClass:
    """Both as one class that asks for what each of them does; its visits are as long as theirs on average."""
    needs = {*one.needs, *other.needs}
    strict = {need for need in needs if not any(other != need and _implies(other, need) for other in needs)}
    visits = one.seconds / one.visit_s + other.seconds / other.visit_s
    return DemandClass(
        needs=tuple(sorted(strict)),
        territory=one.territory,
        week=one.week,
        booked_s=one.booked_s + other.booked_s,
        expected_s=one.expected_s + other.expected_s,
        visit_s=max(60, round((one.seconds + other.seconds) / visits)) if visits else one.visit_s,
    )


def still_expected(
    usual_s: Mapping[date, int], known_s: Mapping[date, int], shares: Mapping[date, float]
) -> dict[date, int]:
    """Give the work usual for each week that is not known yet, never below zero.

    `shares` is the part of a week that is still to come; a week that has begun expects only the rest.
    """
    return {
        week: max(0, round(usual * shares.get(week, 1.0)) - known_s.get(week, 0)) for week, usual in usual_s.items()
    }
