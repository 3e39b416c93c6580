"""Short builders for outlooks: whole hours, one week, one territory unless said otherwise."""

from collections.abc import Mapping
from datetime import date, timedelta

from dispatch.coverage.outlook import HOUR_S, DemandClass, Need, Outlook, Person, SkillLevel

MONDAY = date(2026, 3, 2)
NORTH = 1
SOUTH = 2
GAS, WIRING, ROOFING, LIFT_CARD = 10, 11, 12, 19


def week(number: int = 0) -> date:
    return MONDAY + timedelta(weeks=number)


def need(skill: int, level: int = 3, *others: tuple[int, int]) -> Need:
    options = ((skill, level), *others)
    return Need(any_of=tuple(SkillLevel(skill=s, level=at) for s, at in options))


def work(
    hours: float,
    *needs: Need,
    territory: int = NORTH,
    monday: date = MONDAY,
    visit_s: int = HOUR_S,
    expected: float = 0,
) -> DemandClass:
    return DemandClass(
        needs=tuple(sorted(needs)),
        territory=territory,
        week=monday,
        booked_s=round(hours * HOUR_S),
        expected_s=round(expected * HOUR_S),
        visit_s=visit_s,
    )


def person(
    number: int,
    hours: float,
    levels: Mapping[int, int] | None = None,
    *,
    travel: Mapping[int, int] | None = None,
    held: Mapping[int, frozenset[date]] | None = None,
    weeks: int = 1,
) -> Person:
    return Person(
        id=number,
        levels=levels or {},
        held=held or {},
        travel_s={NORTH: 0} if travel is None else travel,
        hours_s={week(index): round(hours * HOUR_S) for index in range(weeks)},
    )


def outlook(people: list[Person], demand: list[DemandClass], **changes: int) -> Outlook:
    return Outlook(people=tuple(people), demand=tuple(demand), **changes)
