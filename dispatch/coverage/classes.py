"""Pure: pieces of work, booked or expected, added up to demand classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dispatch.coverage.outlook import CERTIFICATION, DemandClass, Need, SkillLevel
from dispatch.skills.needing import PLAIN, NeedRules


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


def still_expected(
    usual_s: Mapping[date, int], known_s: Mapping[date, int], shares: Mapping[date, float]
) -> dict[date, int]:
    """Give the work usual for each week that is not known yet, never below zero.

    `shares` is the part of a week that is still to come; a week that has begun expects only the rest.
    """
    return {
        week: max(0, round(usual * shares.get(week, 1.0)) - known_s.get(week, 0)) for week, usual in usual_s.items()
    }
