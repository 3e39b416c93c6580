"""Use cases on the workforce: people, their weekly hours, their shifts, and the times they are away."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import apply_changes
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.units import Point
from dispatch.workforce.calendar import OtherHours, Pattern, WorkingTime, working_time
from dispatch.workforce.models import (
    Absence,
    Depot,
    Partner,
    PlaceKind,
    Shift,
    ShiftException,
    ShiftPattern,
    Technician,
    Territory,
    TerritoryMembership,
)

CHANGEABLE = frozenset({"name", "phone", "email", "home_lat", "home_lon", "start_area", "pace", "team_id"})
LONGEST_AHEAD_DAYS = 400


@dataclass(frozen=True, kw_only=True)
class WeeklyHours:
    """Working time on one weekday (0 is Monday) in the territory's wall time; None for a day off."""

    weekday: int
    starts_at: time
    ends_at: time
    break_s: int = 1800
    overtime_limit_s: int = 0
    start_kind: PlaceKind = PlaceKind.HOME
    end_kind: PlaceKind = PlaceKind.HOME


def add_technician(
    session: Session,
    *,
    name: str,
    territory_id: int,
    home: Point | None,
    from_day: date,
    partner_id: int | None = None,
    user_id: int | None = None,
    details: Mapping[str, Any] | None = None,
    actor: Actor,
    now: datetime,
) -> Technician:
    """Add a person who can be sent, working in a territory from a day on."""
    actor.require(Right.PERSON_EDIT, territory_id, what="territory")
    unknown = set(details or {}) - CHANGEABLE
    if unknown:
        raise Invalid(f"These fields cannot be set here: {', '.join(sorted(unknown))}.")
    if not name.strip():
        raise Invalid("A person needs a name.", field="name")
    technician = Technician(
        name=name.strip(),
        partner_id=partner_id,
        user_id=user_id,
        home_lat=home.lat if home else None,
        home_lon=home.lon if home else None,
        **(details or {}),
    )
    session.add(technician)
    session.flush()
    session.add(TerritoryMembership(technician_id=technician.id, territory_id=territory_id, during=Range(from_day)))
    session.flush()
    _note(session, "add", "technician", technician.id, now, actor, territory_id, after={"name": technician.name})
    return technician


def change_technician(
    session: Session, *, technician_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Technician:
    """Change a person's own fields; Conflict when somebody else was first."""
    technician = _get(session, technician_id, actor, now)
    apply_changes(session, technician, version=version, changes=changes, allowed=CHANGEABLE, actor=actor, now=now)
    session.flush()
    return technician


def note_contact(session: Session, *, technician_id: int, actor: Actor, now: datetime) -> Technician:
    """Note that somebody of the office has spoken with a technician just now; twice in a minute is once."""
    technician = _get(session, technician_id, actor, now)
    before = technician.last_contact_at
    if before is None or now - before >= timedelta(minutes=1):
        technician.last_contact_at = now
        session.flush()
        told = {"last_contact_at": None if before is None else before.isoformat()}
        after = {"last_contact_at": now.isoformat()}
        _note(session, "speak", "technician", technician.id, now, actor, None, before=told, after=after)
    return technician


def retire_technician(session: Session, *, technician_id: int, actor: Actor, now: datetime) -> Technician:
    """Let somebody leave: no shifts from now on. Work they still have must be given away first."""
    technician = _get(session, technician_id, actor, now)
    if technician.retired_at is not None:
        return technician
    technician.retired_at = now
    coming = session.scalars(
        select(Shift).where(
            Shift.technician_id == technician_id, func.lower(Shift.during) > now, Shift.cancelled.is_(False)
        )
    ).all()
    for shift in coming:
        shift.cancelled = True
    session.flush()
    _note(session, "retire", "technician", technician.id, now, actor, None, after={"shifts_cancelled": len(coming)})
    return technician


def set_pattern(
    session: Session,
    *,
    technician_id: int,
    territory_id: int,
    hours: Sequence[WeeklyHours],
    from_day: date,
    actor: Actor,
    now: datetime,
) -> None:
    """Give somebody weekly hours from a day on; what held before ends the day before. Shifts are made separately."""
    _get(session, technician_id, actor, now)
    if len({each.weekday for each in hours}) != len(hours):
        raise Invalid("Give each weekday once.", field="weekday")
    standing = session.scalars(select(ShiftPattern).where(ShiftPattern.technician_id == technician_id)).all()
    for pattern in standing:
        lower, upper = pattern.valid.lower, pattern.valid.upper
        if lower is not None and lower >= from_day:
            session.delete(pattern)
        elif upper is None or upper > from_day:
            pattern.valid = Range(lower, from_day)
    session.flush()
    for each in hours:
        session.add(
            ShiftPattern(technician_id=technician_id, territory_id=territory_id, valid=Range(from_day), **vars(each))
        )
    session.flush()
    days = sorted(each.weekday for each in hours)
    _note(session, "set_pattern", "technician", technician_id, now, actor, territory_id, after={"weekdays": days})


def make_shifts(
    session: Session, *, first: date, until: date, technician_ids: Sequence[int] | None = None, now: datetime
) -> int:
    """Make the missing shifts from weekly hours, from a day up to, not including, another; returns how many.

    Days with a shift are left alone, cancelled ones too, so it may run every night.
    """
    if not 0 < (until - first).days <= LONGEST_AHEAD_DAYS:
        raise Invalid(f"Shifts are made for 1 to {LONGEST_AHEAD_DAYS} days at a time.", field="until")
    technicians = _people_with_hours(session, technician_ids)
    zones = dict(session.execute(select(Territory.id, Territory.zone)).all())
    depots = {depot.territory_id: depot for depot in session.scalars(select(Depot).order_by(Depot.id.desc()))}
    made = 0
    for row, times in _not_made(session, first, until, list(technicians), zones):
        depot = depots.get(row.territory_id)
        start = _place(technicians[row.technician_id], row.start_kind, depot)
        end = _place(technicians[row.technician_id], row.end_kind, depot)
        if start is not None and end is not None:
            session.add(_shift(row, times, start, end))
            made += 1
    session.flush()
    return made


def shifts_to_come(session: Session, *, first: date, until: date) -> Iterator[tuple[int, int, WorkingTime]]:
    """Give what weekly hours will make into shifts and has not yet: technician, territory and working time."""
    zones = dict(session.execute(select(Territory.id, Territory.zone)).all())
    technicians = _people_with_hours(session, None)
    for row, times in _not_made(session, first, until, list(technicians), zones):
        yield row.technician_id, row.territory_id, times


def _not_made(
    session: Session, first: date, until: date, technician_ids: Sequence[int], zones: Mapping[int, str]
) -> Iterator[tuple[ShiftPattern, WorkingTime]]:
    """Give the working times of the days that have no shift, not even a cancelled one."""
    patterns = _patterns(session, technician_ids)
    exceptions: dict[int, list[OtherHours]] = defaultdict(list)
    for other in session.scalars(select(ShiftException).where(ShiftException.technician_id.in_(technician_ids))):
        hours = OtherHours(day=other.on_date, starts_at=other.starts_at, ends_at=other.ends_at)
        exceptions[other.technician_id].append(hours)
    there = set(
        session.execute(select(Shift.technician_id, Shift.on_date).where(Shift.on_date >= first, Shift.on_date < until))
    )
    for technician_id, rows in patterns.items():
        for offset in range((until - first).days):
            day = first + timedelta(days=offset)
            if (technician_id, day) in there:
                continue
            row = next((row for row, pattern in rows if pattern.holds_on(day)), rows[0][0])
            times = working_time(day, [each for _, each in rows], exceptions[technician_id], zones[row.territory_id])
            if times is not None:
                yield row, times


def add_absence(
    session: Session, *, technician_id: int, start: datetime, end: datetime, actor: Actor, now: datetime
) -> Absence:
    """Note that somebody is away. Freeing the work they have in that time is the caller's next step."""
    _require_absence(session, technician_id, actor, now)
    if end <= start:
        raise Invalid("An absence must end after it starts.", field="end")
    clash = session.scalar(
        select(Absence.during)
        .where(
            Absence.technician_id == technician_id,
            Absence.cancelled.is_(False),
            Absence.during.op("&&")(Range(start, end)),
        )
        .limit(1)
    )
    if clash is not None:
        raise Conflict(f"There is an absence from {clash.lower:%d %b %H:%M} to {clash.upper:%d %b %H:%M} UTC already.")
    absence = Absence(
        technician_id=technician_id, during=Range(start, end), reported_by_id=actor.user_id, reported_at=now
    )
    session.add(absence)
    session.flush()
    _note(session, "add", "absence", absence.id, now, actor, None, after={"technician_id": technician_id, "until": end})
    return absence


def cancel_absence(session: Session, *, absence_id: int, actor: Actor, now: datetime) -> Absence:
    """Take an absence back; the row stays."""
    absence = session.get(Absence, absence_id)
    if absence is None:
        raise NotFound("There is no such absence.")
    _require_absence(session, absence.technician_id, actor, now)
    if not absence.cancelled:
        absence.cancelled = True
        session.flush()
        _note(session, "cancel", "absence", absence.id, now, actor, None, after={"cancelled": True})
    return absence


def _get(session: Session, technician_id: int, actor: Actor, now: datetime) -> Technician:
    technician = session.scalar(
        select(Technician).where(Technician.id == technician_id).options(selectinload(Technician.memberships))
    )
    if technician is None:
        raise NotFound("There is no such person.")
    _require_over(technician.memberships, Right.PERSON_EDIT, actor, now)
    return technician


def _require_absence(session: Session, technician_id: int, actor: Actor, now: datetime) -> None:
    """Let people report their own absence, and those who look after a territory the person works in."""
    if actor.may(Right.ABSENCE_REPORT, technician_id=technician_id):
        return
    memberships = session.scalars(
        select(TerritoryMembership).where(TerritoryMembership.technician_id == technician_id)
    ).all()
    _require_over(memberships, Right.ABSENCE_REPORT, actor, now)


def _require_over(memberships: Sequence[TerritoryMembership], right: Right, actor: Actor, now: datetime) -> None:
    today = now.date()
    there = [each.territory_id for each in memberships if today in each.during]
    if actor.territories(right) is not None and not any(actor.may(right, territory_id) for territory_id in there):
        actor.require(right, -1, what="person")


def _people_with_hours(session: Session, technician_ids: Sequence[int] | None) -> dict[int, Technician]:
    query = (
        select(Technician)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Technician.retired_at.is_(None), Partner.retired_at.is_(None))
        .options(selectinload(Technician.partner))
        .order_by(Technician.id)
    )
    if technician_ids is not None:
        query = query.where(Technician.id.in_(technician_ids))
    return {person.id: person for person in session.scalars(query)}


def _patterns(session: Session, technician_ids: Sequence[int]) -> dict[int, list[tuple[ShiftPattern, Pattern]]]:
    found: dict[int, list[tuple[ShiftPattern, Pattern]]] = defaultdict(list)
    query = select(ShiftPattern).where(ShiftPattern.technician_id.in_(technician_ids)).order_by(ShiftPattern.id)
    for row in session.scalars(query):
        found[row.technician_id].append((row, _pattern(row)))
    return found


def _pattern(row: ShiftPattern) -> Pattern:
    if row.valid.lower is None:
        raise ValueError("a stored pattern always has a first day")
    return Pattern(
        weekday=row.weekday,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        break_s=row.break_s,
        from_day=row.valid.lower,
        until=row.valid.upper,
    )


def _place(person: Technician, kind: PlaceKind, depot: Depot | None) -> Point | None:
    """Return where a shift starts or ends; None where the place is not known, so that no shift is made up."""
    lat: float | None
    lon: float | None
    if kind is PlaceKind.DEPOT:
        lat, lon = (depot.lat, depot.lon) if depot else (None, None)
    elif kind is PlaceKind.PARTNER_YARD:
        lat, lon = (person.partner.yard_lat, person.partner.yard_lon) if person.partner else (None, None)
    else:
        lat, lon = person.home_lat, person.home_lon
    return Point(lat=lat, lon=lon) if lat is not None and lon is not None else None


def _shift(row: ShiftPattern, times: WorkingTime, start: Point, end: Point) -> Shift:
    return Shift(
        technician_id=row.technician_id,
        territory_id=row.territory_id,
        on_date=times.day,
        during=Range(times.start, times.end),
        start_kind=row.start_kind,
        start_lat=start.lat,
        start_lon=start.lon,
        end_kind=row.end_kind,
        end_lat=end.lat,
        end_lon=end.lon,
        break_s=times.break_s,
        break_from=times.break_from,
        break_until=times.break_until,
        overtime_limit_s=row.overtime_limit_s,
    )


def _note(
    session: Session,
    action: str,
    entity: str,
    entity_id: int,
    now: datetime,
    actor: Actor,
    territory_id: int | None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity=entity,
            entity_id=str(entity_id),
            territory_id=territory_id,
            before=before,
            after=after,
        ),
    )
