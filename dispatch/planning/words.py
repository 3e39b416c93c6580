"""Sentences about times and people that several use cases say."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning.models import Assignment, Offer, OfferState
from dispatch.planning.rows import live
from dispatch.workforce.models import Technician, Territory


def span_words(start: datetime, end: datetime, zone: str) -> str:
    """Return a time of day from-to in the territory's clock; no seconds, no date."""
    here = ZoneInfo(zone)
    return f"{start.astimezone(here):%H:%M} to {end.astimezone(here):%H:%M}"


def clock_words(moment: datetime, zone: str) -> str:
    """Return a time of day in the territory's clock."""
    return f"{moment.astimezone(ZoneInfo(zone)):%H:%M}"


def minutes_words(seconds: float) -> str:
    """Return a length of time in whole minutes, at least one."""
    return f"{max(1, round(seconds / 60))} min"


def length_words(seconds: float) -> str:
    """Return a length of time as people say it: minutes up to two hours, then hours, then days."""
    if seconds < 2 * 3_600:
        return minutes_words(seconds)
    return f"{round(seconds / 3_600)} h" if seconds < 48 * 3_600 else f"{round(seconds / 86_400)} days"


def holder_sentence(
    session: Session, technician_id: int, start: datetime, end: datetime, *, seen_from: int, besides: int | None = None
) -> str | None:
    """Say who has booked a person's time and from when to when, None when nobody has.

    For what is told only where it lies in the territory of the visit ``seen_from``: who places that one may not see
    the customers of others.
    """
    here = select(Visit.territory_id).where(Visit.id == seen_from).scalar_subquery()
    found = session.execute(
        select(
            Technician.name.label("person"),
            User.name.label("holder"),
            Job.title,
            Customer.name.label("customer"),
            Assignment.during,
            (Territory.id == here).label("is_here"),
            Territory.zone,
        )
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(User, User.id == Assignment.decided_by_id)
        .where(
            Assignment.technician_id == technician_id,
            live(),
            Assignment.during.op("&&")(Range(start, end)),
            *([] if besides is None else [Assignment.crew_slot_id != besides]),
        )
        .order_by(Assignment.decided_at.desc())
        .limit(1)
    ).first()
    if found is None:
        return None
    when = span_words(found.during.lower, found.during.upper, found.zone)
    by = f" by {found.holder}" if found.holder else ""
    what = f"for {found.title} at {found.customer}" if found.is_here else "in another territory"
    return f"{found.person} is booked{by} {what} from {when}."


def crew_sentence(session: Session, crew_slot_id: int) -> str:
    """Say who has a place in a crew now, by whom it was given and for when: somebody else just changed it."""
    found = session.execute(
        select(Technician.name.label("person"), User.name.label("holder"), Assignment.during, Territory.zone)
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(User, User.id == Assignment.decided_by_id)
        .where(Assignment.crew_slot_id == crew_slot_id, live())
    ).first()
    look = "Look at it again before you change it."
    if found is None:
        return f"Somebody took this visit off in the meantime; nobody has it now. {look}"
    when = span_words(found.during.lower, found.during.upper, found.zone)
    by = f", booked by {found.holder}" if found.holder else ""
    return f"This visit changed in the meantime: {found.person} has it{by}, from {when}. {look}"


def hold_sentence(session: Session, wanted: Sequence[tuple[int, int, datetime, datetime]]) -> str:
    """Say for whom a time is held and until when, where some visits (visit, technician, start, end) meet a hold."""
    found = session.execute(
        select(
            Technician.name.label("person"),
            User.name.label("holder"),
            Customer.name.label("customer"),
            Offer.held_until,
            Territory.zone,
        )
        .join(Technician, Technician.id == Offer.technician_id)
        .join(Visit, Visit.id == Offer.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .outerjoin(User, User.id == Offer.made_by_id)
        .where(
            Offer.state == OfferState.HELD,
            or_(
                *(
                    (Offer.technician_id == who) & (Offer.visit_id != visit) & Offer.during.op("&&")(Range(start, end))
                    for visit, who, start, end in wanted
                )
            ),
        )
        .order_by(Offer.held_until.desc())
        .limit(1)
    ).first()
    if found is None:
        return "This time was held for another customer a moment ago. Nothing was changed; try again."
    until = clock_words(found.held_until, found.zone)
    by = found.holder or "A colleague"
    return (
        f"{by} is offering this time of {found.person} to {found.customer}; it is held until {until}."
        " Nothing was changed. Wait, or choose another place."
    )
