"""Select a visit and the board answers: a verdict for every row, and the best places with numbers to take them by.

A place carries all that booking needs to do the same again: person, start, and which bookings make room.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import CrewSlot, Customer, Job, Visit
from dispatch.planning.candidates import CandidateRow, candidates_for
from dispatch.planning.holds import holds_on
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.planning.words import clock_words, length_words, minutes_words
from dispatch.workforce.models import Shift, Technician

MOST_NUMBERED = 9


class Fit(StrEnum):
    """How a row of the board answers."""

    FITS = "fits"
    COSTS = "costs"
    BLOCKED = "blocked"


@dataclass(frozen=True, kw_only=True)
class RowVerdict:
    """What one person means for the visit; ``place`` is None where they cannot."""

    technician_id: int
    name: str
    fit: Fit
    words: str
    place: CandidateRow | None


@dataclass(frozen=True, kw_only=True)
class Crew:
    """The place in the crew that is asked about, and the booking that holds it."""

    slot_id: int
    position: int
    size: int
    assignment_id: int | None
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Verdicts for all rows, and the numbered places, best first."""

    crew: Crew
    zone: str
    rows: tuple[RowVerdict, ...]
    numbered: tuple[CandidateRow, ...]


def answer_for(
    session: Session,
    *,
    visit_id: int,
    territory_id: int,
    day: date,
    now: datetime,
    shown_in: Collection[int] = (),
    assignment_id: int | None = None,
    scarcity: Mapping[int, int] | None = None,
) -> Answer:
    """Ask the desk about one place in the crew: that of a booking, or the first one that nobody has.

    Everybody with a shift that day in the territories ``shown_in`` gets a verdict, whether or not they may come.
    """
    crew = crew_of(session, visit_id, assignment_id)
    listing = candidates_for(
        session,
        visit_id=visit_id,
        territory_id=territory_id,
        day=day,
        now=now,
        crew_position=crew.position,
        scarcity=scarcity,
    )
    holds = holds_on(session, listing.ranked, visit_id, now)
    rows = [_verdict(row, holds.get(row.technician_id), listing.zone) for row in listing.ranked]
    rows += [
        RowVerdict(technician_id=row.technician_id, name=row.name, fit=Fit.BLOCKED, words=row.words, place=None)
        for row in listing.excluded
    ]
    known = {row.technician_id for row in rows}
    rows += [
        RowVerdict(
            technician_id=other.id,
            name=other.name,
            fit=Fit.BLOCKED,
            words=f"{other.name} works in another territory.",
            place=None,
        )
        for other in _others(session, shown_in, day, known)
    ]
    held = _held(session, crew)
    numbered = [
        row for row in listing.ranked if (row.technician_id, row.start_at) != held and row.technician_id not in holds
    ][:MOST_NUMBERED]
    return Answer(crew=crew, zone=listing.zone, rows=tuple(rows), numbered=tuple(numbered))


def _verdict(row: CandidateRow, hold: Any, zone: str) -> RowVerdict:
    """Say what a person means; a time that is being offered to another customer is no place until they have chosen."""
    if hold is None:
        return RowVerdict(
            technician_id=row.technician_id, name=row.name, fit=_fit(row), words=words_of(row, zone), place=row
        )
    return RowVerdict(
        technician_id=row.technician_id,
        name=row.name,
        fit=Fit.COSTS,
        words=f"the best time, {clock_words(row.start_at, zone)}, is being offered to {hold.customer};"
        f" it is held until {clock_words(hold.held_until, zone)}",
        place=None,
    )


def crew_of(session: Session, visit_id: int, assignment_id: int | None = None) -> Crew:
    """Return the place of a booking in the crew, or else the first free one, or else the first."""
    slots = session.execute(
        select(CrewSlot.id, CrewSlot.position, Assignment.id.label("assignment_id"), Assignment.version)
        .outerjoin(Assignment, (Assignment.crew_slot_id == CrewSlot.id) & live())
        .where(CrewSlot.visit_id == visit_id)
        .order_by(CrewSlot.position)
    ).all()
    chosen = next(
        (row for row in slots if assignment_id is not None and row.assignment_id == assignment_id),
        next((row for row in slots if row.assignment_id is None), slots[0]),
    )
    return Crew(
        slot_id=chosen.id,
        position=chosen.position,
        size=len(slots),
        assignment_id=chosen.assignment_id,
        version=chosen.version,
    )


def customers_of(session: Session, visit_ids: Collection[int]) -> dict[int, str]:
    """Return the names of the customers of some visits."""
    asked = (
        select(Visit.id, Customer.name)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_(visit_ids))
    )
    return dict(session.execute(asked).all())


def pushing_of(row: CandidateRow) -> tuple[int, ...]:
    """Return the bookings that make room for a place."""
    return tuple(each.assignment_id for each in row.knock_on)


def words_of(row: CandidateRow, zone: str) -> str:
    """Say what a place means: when, how near, how much to spare, and what it does to others."""
    near = f"{minutes_words(row.travel_s)} from {row.after or 'where the day starts'}" if row.travel_s else "next door"
    parts = [f"arrives {clock_words(row.arrive_at, zone)}", near]
    if row.arrive_at < row.start_at:
        parts.insert(1, f"starts {clock_words(row.start_at, zone)}")
    if row.promise is not None:
        spare = row.promise.margin_s
        parts.append(f"{length_words(spare)} to spare" if spare >= 0 else f"{length_words(-spare)} after the promise")
    elif row.late_s:
        parts.append(f"{length_words(row.late_s)} late")
    parts += knock_on_words(row, zone)
    if row.overtime_s:
        parts.append(f"{minutes_words(row.overtime_s)} overtime that day")
    return ", ".join(parts)


def knock_on_words(row: CandidateRow, zone: str) -> list[str]:
    """Say who else starts later, and whether a promise to them breaks."""
    return [
        f"{each.title} starts {minutes_words(each.delay_s)} later, at {clock_words(each.start_at, zone)}"
        + (" and too late for them" if each.newly_late else "")
        for each in row.knock_on
    ]


def _fit(row: CandidateRow) -> Fit:
    short = row.promise is not None and row.promise.margin_s < 0
    return Fit.COSTS if row.late_s or row.overtime_s or row.knock_on or short else Fit.FITS


def _others(session: Session, territories: Collection[int], day: date, known: Collection[int]) -> Sequence[Any]:
    if not territories:
        return []
    works = select(Shift.technician_id).where(
        Shift.territory_id.in_(territories), Shift.on_date == day, ~Shift.cancelled
    )
    found = session.execute(select(Technician.id, Technician.name).where(Technician.id.in_(works)))
    return [row for row in found if row.id not in known]


def _held(session: Session, crew: Crew) -> tuple[int, datetime] | None:
    if crew.assignment_id is None:
        return None
    row = session.execute(
        select(Assignment.technician_id, func.lower(Assignment.during).label("start")).where(
            Assignment.id == crew.assignment_id
        )
    ).one()
    return row.technician_id, row.start
