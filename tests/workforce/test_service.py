from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor, Grant
from dispatch.core.clock import instant
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.units import Point
from dispatch.workforce.models import Shift, ShiftException, Technician
from dispatch.workforce.service import (
    WeeklyHours,
    add_absence,
    add_technician,
    cancel_absence,
    change_technician,
    make_shifts,
    retire_technician,
    set_pattern,
)
from tests.factories import DAY, MORNING, ZONE, make_territory

HOME = Point(lat=52.5, lon=13.4)
MONDAY = DAY - timedelta(days=DAY.weekday())
FULL_WEEK = [WeeklyHours(weekday=day, starts_at=time(7), ends_at=time(15, 30)) for day in range(5)]


def somebody(session: Session, home: Point | None = HOME) -> Technician:
    territory = make_territory(session)
    return add_technician(
        session, name="Ada", territory_id=territory.id, home=home, from_day=DAY, actor=SYSTEM, now=MORNING
    )


def with_hours(session: Session, home: Point | None = HOME) -> Technician:
    person = somebody(session, home)
    territory_id = person_territory(session, person)
    set_pattern(
        session,
        technician_id=person.id,
        territory_id=territory_id,
        hours=FULL_WEEK,
        from_day=MONDAY,
        actor=SYSTEM,
        now=MORNING,
    )
    return person


def person_territory(session: Session, person: Technician) -> int:
    session.refresh(person, ["memberships"])
    return person.memberships[0].territory_id


def change(
    session: Session, person: Technician, version: int, changes: dict[str, object], actor: Actor = SYSTEM
) -> None:
    change_technician(session, technician_id=person.id, version=version, changes=changes, actor=actor, now=MORNING)


def days_with_shift(session: Session, person: Technician) -> list[date]:
    query = select(Shift.on_date).where(Shift.technician_id == person.id, Shift.cancelled.is_(False))
    return sorted(session.scalars(query))


def test_shifts_are_made_once_however_often_they_are_asked_for(session: Session) -> None:
    person = with_hours(session)
    until = MONDAY + timedelta(days=14)
    assert make_shifts(session, first=MONDAY, until=until, technician_ids=[person.id], now=MORNING) == 10
    assert make_shifts(session, first=MONDAY, until=until, technician_ids=[person.id], now=MORNING) == 0
    first = session.scalars(select(Shift).where(Shift.technician_id == person.id).order_by(Shift.on_date)).first()
    assert first is not None
    assert first.during.lower == instant(MONDAY, time(7), ZONE)
    assert (first.start_lat, first.start_lon, first.break_s) == (HOME.lat, HOME.lon, 1800)


def test_a_day_off_and_an_extra_day_change_what_is_made(session: Session) -> None:
    person = with_hours(session)
    saturday = MONDAY + timedelta(days=5)
    session.add(ShiftException(technician_id=person.id, on_date=MONDAY))
    session.add(ShiftException(technician_id=person.id, on_date=saturday, starts_at=time(9), ends_at=time(12)))
    session.flush()
    make_shifts(session, first=MONDAY, until=MONDAY + timedelta(days=7), technician_ids=[person.id], now=MORNING)
    assert days_with_shift(session, person) == [MONDAY + timedelta(days=day) for day in (1, 2, 3, 4, 5)]


def test_a_cancelled_shift_is_not_made_again(session: Session) -> None:
    person = with_hours(session)
    until = MONDAY + timedelta(days=7)
    make_shifts(session, first=MONDAY, until=until, technician_ids=[person.id], now=MORNING)
    shift = session.scalars(select(Shift).where(Shift.technician_id == person.id)).first()
    assert shift is not None
    shift.cancelled = True
    session.flush()
    assert make_shifts(session, first=MONDAY, until=until, technician_ids=[person.id], now=MORNING) == 0


def test_nobody_gets_a_shift_that_starts_at_an_unknown_place(session: Session) -> None:
    person = with_hours(session, home=None)
    until = MONDAY + timedelta(days=7)
    assert make_shifts(session, first=MONDAY, until=until, technician_ids=[person.id], now=MORNING) == 0


def test_new_weekly_hours_end_the_old_ones(session: Session) -> None:
    person = with_hours(session)
    change = MONDAY + timedelta(days=7)
    set_pattern(
        session,
        technician_id=person.id,
        territory_id=person_territory(session, person),
        hours=[WeeklyHours(weekday=5, starts_at=time(8), ends_at=time(14))],
        from_day=change,
        actor=SYSTEM,
        now=MORNING,
    )
    make_shifts(session, first=MONDAY, until=MONDAY + timedelta(days=14), technician_ids=[person.id], now=MORNING)
    expected = [MONDAY + timedelta(days=day) for day in range(5)] + [change + timedelta(days=5)]
    assert days_with_shift(session, person) == expected


def test_an_absence_is_noted_once_and_can_be_taken_back(session: Session) -> None:
    person = somebody(session)
    end = MORNING + timedelta(days=1)
    first = add_absence(session, technician_id=person.id, start=MORNING, end=end, actor=SYSTEM, now=MORNING)
    with pytest.raises(Conflict):
        add_absence(session, technician_id=person.id, start=MORNING, end=end, actor=SYSTEM, now=MORNING)
    cancel_absence(session, absence_id=first.id, actor=SYSTEM, now=MORNING)
    add_absence(session, technician_id=person.id, start=MORNING, end=end, actor=SYSTEM, now=MORNING)
    with pytest.raises(Invalid):
        add_absence(session, technician_id=person.id, start=end, end=end, actor=SYSTEM, now=MORNING)


def test_only_those_who_look_after_a_territory_may_change_its_people(session: Session) -> None:
    person = somebody(session)
    here = person_territory(session, person)
    end = MORNING + timedelta(days=1)
    elsewhere = Actor(user_id=None, name="x", grants=(Grant(role="dispatcher", territory_id=here + 1000),))
    technician = Actor(user_id=None, name="y", grants=(Grant(role="technician"),), technician_id=person.id + 1000)
    own = Actor(user_id=None, name="z", grants=(Grant(role="technician"),), technician_id=person.id)
    with pytest.raises(NotFound):
        change_technician(
            session, technician_id=person.id, version=1, changes={"name": "B"}, actor=elsewhere, now=MORNING
        )
    with pytest.raises(Forbidden):
        change_technician(session, technician_id=person.id, version=1, changes={"name": "B"}, actor=own, now=MORNING)
    with pytest.raises(NotFound):
        add_absence(session, technician_id=person.id, start=MORNING, end=end, actor=technician, now=MORNING)
    assert add_absence(session, technician_id=person.id, start=MORNING, end=end, actor=own, now=MORNING).id


def test_a_change_needs_the_version_that_was_read(session: Session) -> None:
    person = somebody(session)
    change(session, person, 1, {"phone": "1"})
    with pytest.raises(Conflict):
        change(session, person, 1, {"phone": "2"})
    with pytest.raises(Invalid):
        change(session, person, 2, {"id": 5})


def test_who_leaves_has_no_coming_shifts(session: Session) -> None:
    person = with_hours(session)
    make_shifts(session, first=MONDAY, until=MONDAY + timedelta(days=14), technician_ids=[person.id], now=MORNING)
    retire_technician(session, technician_id=person.id, actor=SYSTEM, now=MORNING)
    coming = select(func.count()).where(
        Shift.technician_id == person.id, func.lower(Shift.during) > MORNING, Shift.cancelled.is_(False)
    )
    assert session.scalar(coming) == 0
