"""Somebody cannot work: the absence is noted without a reason, and what they had is given back with an owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning.changing import Changed, Entry, SlotChange, change_slots
from dispatch.planning.models import Assignment, Pin
from dispatch.planning.retries import sqlstate
from dispatch.planning.rows import live
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.workforce.models import Absence, Technician, TerritoryMembership


@dataclass(frozen=True, kw_only=True)
class AbsenceReported:
    """The absence, the bookings that were freed, and those under way that a person must settle."""

    absence_id: int
    freed: tuple[Changed, ...]
    under_way: tuple[int, ...]


def note_absence(
    session: Session, *, technician_id: int, start: datetime, end: datetime, actor: Actor, now: datetime
) -> Absence:
    """Note that somebody does not work for a while; what they have booked stays as it is."""
    if end <= start:
        raise Invalid("An absence must end after it starts.", field="end")
    territories: Sequence[int | None] = session.scalars(
        select(TerritoryMembership.territory_id).where(
            TerritoryMembership.technician_id == technician_id,
            TerritoryMembership.during.contains(start.date()),
        )
    ).all()
    if session.get(Technician, technician_id) is None:
        raise NotFound("There is no such person.")
    places = list(territories) or [None]
    if not any(actor.may(Right.ABSENCE_REPORT, place, technician_id=technician_id) for place in places):
        actor.require(Right.ABSENCE_REPORT, places[0], technician_id=technician_id, what="person")
    absence = Absence(
        technician_id=technician_id,
        during=Range(start, end),
        reported_by_id=actor.user_id,
        reported_at=now,
    )
    try:
        with session.begin_nested():
            session.add(absence)
    except IntegrityError as error:
        if sqlstate(error) == "23P01":
            raise Conflict("This person is noted as away for part of that time already.") from error
        raise
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="report_absence",
            entity="technician",
            entity_id=str(technician_id),
            after={"start": start.isoformat(), "end": end.isoformat()},
        ),
    )
    return absence


def report_absence(
    session: Session, *, technician_id: int, start: datetime, end: datetime, actor: Actor, now: datetime
) -> AbsenceReported:
    """Note an absence and free the future bookings in it; each job keeps its owner and gets a next step."""
    absence = note_absence(session, technician_id=technician_id, start=start, end=end, actor=actor, now=now)
    return free_bookings(session, absence, start=start, end=end, actor=actor, now=now)


def free_bookings(
    session: Session, absence: Absence, *, start: datetime, end: datetime, actor: Actor, now: datetime
) -> AbsenceReported:
    """Free what somebody has booked in a part of an absence; each job keeps its owner and gets a next step."""
    booked = session.execute(
        select(Assignment.id, Assignment.version, Assignment.visit_id, Assignment.crew_slot_id, Assignment.state).where(
            Assignment.technician_id == absence.technician_id,
            live(),
            Assignment.during.op("&&")(Range(start, end)),
            func.upper(Assignment.during) > now,
        )
    ).all()
    free = [row for row in booked if row.state not in LOCKED_STATES]
    session.execute(delete(Pin).where(Pin.crew_slot_id.in_([row.crew_slot_id for row in free])))
    changes = [
        SlotChange(visit_id=row.visit_id, crew_slot_id=row.crew_slot_id, to=None, expect=(row.id, row.version))
        for row in free
    ]
    entry = Entry(action="absence", actor=actor, now=now, entity="absence", entity_id=str(absence.id))
    freed = change_slots(session, changes, entry)
    return AbsenceReported(
        absence_id=absence.id,
        freed=tuple(freed),
        under_way=tuple(sorted(row.visit_id for row in booked if row.state in LOCKED_STATES)),
    )
