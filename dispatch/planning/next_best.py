"""Who else, and when: said together with the refusal of a time that is taken, and ready to be taken itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.models import CrewSlot
from dispatch.planning.candidates import CandidateRow, candidates_for
from dispatch.planning.holds import holds_on
from dispatch.planning.models import Assignment
from dispatch.planning.rows import live
from dispatch.planning.words import clock_words
from dispatch.workforce.models import Territory


@dataclass(frozen=True, kw_only=True)
class NextBest:
    """The next best place in a sentence; ``place`` is None when nobody else is free that day."""

    words: str
    place: CandidateRow | None


def next_best(
    session: Session, *, visit_id: int, territory_id: int, crew_slot_id: int, start: datetime, now: datetime
) -> NextBest | None:
    """Return the best place of that day other than where the visit is now; None when nobody can tell."""
    zone = session.scalar(select(Territory.zone).where(Territory.id == territory_id)) or "UTC"
    position = session.scalar(select(CrewSlot.position).where(CrewSlot.id == crew_slot_id)) or 1
    try:
        found = candidates_for(
            session,
            visit_id=visit_id,
            territory_id=territory_id,
            day=local_day(start, zone),
            now=now,
            crew_position=position,
        )
    except (Conflict, NotFound):
        return None
    held = session.execute(
        select(Assignment.technician_id, func.lower(Assignment.during)).where(
            Assignment.crew_slot_id == crew_slot_id, live()
        )
    ).first()
    now_at = None if held is None else tuple(held)
    holds = holds_on(session, found.ranked, visit_id, now)
    free = (row for row in found.ranked if row.technician_id not in holds)
    best = next((row for row in free if (row.technician_id, row.start_at) != now_at), None)
    if best is None:
        return NextBest(words="Nobody else is free that day.", place=None)
    return NextBest(words=f"Next best: {best.name}, {clock_words(best.start_at, zone)}.", place=best)
