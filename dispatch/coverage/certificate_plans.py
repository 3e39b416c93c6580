"""What a manager does about certificates that end: plan the renewal, cover the visits it blocks.

Reminding the holder is in `certificate_reminders`, with the reminders that go out by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.errors import Forbidden, NotFound
from dispatch.coverage.certificates import Expiry, expiring_certificates
from dispatch.jobs.models import CertificationNeed, Customer, Job, Visit
from dispatch.messages.lifecycle import Topic, subject_of
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.planning.cover_models import CoverKind
from dispatch.planning.cover_tasks import Step, open_steps, take_steps
from dispatch.planning.drafts import told_bookings
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.models import Certification, DocumentState
from dispatch.workforce.models import Absence, Shift, Technician, Territory, TerritoryMembership

WITHIN_DAYS = 90
RENEW_BEFORE = timedelta(days=14)
NAMED = 3
"""People named who could take a visit over; candidates of the visit itself show everybody."""


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """A visit its technician may not do any more then, and who else holds the certificate and works there that day."""

    certification_id: int
    visit_id: int
    job_id: int
    title: str
    customer: str
    start: datetime
    territory_id: int
    zone: str
    owner_id: int | None
    others: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """A certificate that ends, the visits that blocks, and what is under way: steps with the day they were taken.

    A reminder that waits or was sent counts as a step, whether a manager asked for it or it went out by itself.
    """

    expiry: Expiry
    blocked: tuple[Blocked, ...]
    under_way: tuple[tuple[CoverKind, datetime], ...]


def ending_certificates(session: Session, *, reach: Collection[int] | None, today: date) -> tuple[Ending, ...]:
    """List what ends within ninety days or ended in the last thirty; five statements."""
    found = expiring_certificates(session, reach=reach, today=today, within_days=WITHIN_DAYS)
    visits = blocked_visits(session, [expiry.id for expiry in found], today=today)
    subjects = {subject_of_step(expiry): expiry.id for expiry in found}
    subjects |= {f"visit-{visit.visit_id}": visit.certification_id for visit in visits}
    steps: dict[int, dict[CoverKind, datetime]] = {}
    for (kind, _who, subject), at in open_steps(session, subjects.keys()).items():
        mine = steps.setdefault(subjects[subject], {})
        mine[kind] = min(at, mine.get(kind, at))
    for number, at in _last_reminders(session, [expiry.id for expiry in found]).items():
        mine = steps.setdefault(number, {})
        mine[CoverKind.REMIND] = max(at, mine.get(CoverKind.REMIND, at))
    return tuple(
        Ending(
            expiry=expiry,
            blocked=tuple(visit for visit in visits if visit.certification_id == expiry.id),
            under_way=tuple(sorted(steps.get(expiry.id, {}).items())),
        )
        for expiry in found
    )


def _last_reminders(session: Session, ids: Collection[int]) -> dict[int, datetime]:
    """Return when the last reminder about each certificate was written that waits or was sent."""
    numbers = {subject_of(Topic.CERTIFICATE, number): number for number in ids}
    rows = session.execute(
        select(MessagePart.subject, func.max(Message.created_at))
        .join(Message, Message.id == MessagePart.message_id)
        .where(
            MessagePart.subject.in_(numbers),
            Message.state.in_((MessageState.HELD, MessageState.SENDING, MessageState.SENT)),
        )
        .group_by(MessagePart.subject)
    )
    return {numbers[subject]: at for subject, at in rows}


def blocked_visits(
    session: Session, ids: Collection[int], *, today: date, as_told: bool = False
) -> tuple[Blocked, ...]:
    """Visits given to the holders of these certificates after the last day that need them, soonest first.

    With ``as_told`` they are those that the holders know of: what is drafted is told when it is published.
    """
    given = told_bookings() if as_told else Assignment.__table__
    booking = given.c
    after = func.greatest(func.upper(Certification.valid), today)
    rows = session.execute(
        select(
            Certification.id.label("certification_id"),
            Certification.kind_id,
            Certification.technician_id,
            Visit.id.label("visit_id"),
            Job.id.label("job_id"),
            Job.title,
            Customer.name.label("customer"),
            func.min(func.lower(booking.during)).label("start"),
            Visit.territory_id,
            Territory.zone,
            func.coalesce(Job.owner_id, Territory.owner_id).label("owner_id"),
        )
        .join(given, booking.technician_id == Certification.technician_id)
        .join(
            CertificationNeed,
            and_(
                CertificationNeed.crew_slot_id == booking.crew_slot_id,
                CertificationNeed.kind_id == Certification.kind_id,
            ),
        )
        .join(Visit, Visit.id == booking.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(
            Certification.id.in_(ids),
            booking.state.not_in(RELEASED_STATES),
            func.lower(booking.during) >= after,
        )
        .group_by(Certification.id, Visit.id, Job.id, Customer.name, Territory.zone, Territory.owner_id)
        .order_by(func.min(func.lower(booking.during)), Visit.id)
    ).all()
    others = _others(session, {row.visit_id for row in rows}, {row.kind_id for row in rows})
    return tuple(
        Blocked(
            certification_id=row.certification_id,
            visit_id=row.visit_id,
            job_id=row.job_id,
            title=row.title,
            customer=row.customer,
            start=row.start,
            territory_id=row.territory_id,
            zone=row.zone,
            owner_id=row.owner_id,
            others=tuple(
                (number, name)
                for number, name in others.get((row.visit_id, row.kind_id), ())
                if number != row.technician_id
            )[:NAMED],
        )
        for row in rows
    )


def _others(
    session: Session, visits: Collection[int], kinds: Collection[int]
) -> dict[tuple[int, int], list[tuple[int, str]]]:
    """Who holds each kind on the day of each visit, works in its territory at that hour and is not away; by name."""
    away = (
        select(Absence.id)
        .where(
            Absence.technician_id == Technician.id,
            Absence.cancelled.is_(False),
            Absence.during.op("&&")(Assignment.during),
        )
        .correlate(Technician, Assignment)
        .exists()
    )
    day = Shift.on_date
    found = session.execute(
        select(Visit.id, Certification.kind_id, Technician.id, Technician.name)
        .join(Assignment, and_(Assignment.visit_id == Visit.id, Assignment.state.not_in(RELEASED_STATES)))
        .join(Shift, and_(Shift.during.op("&&")(Assignment.during), Shift.cancelled.is_(False)))
        .join(Technician, and_(Technician.id == Shift.technician_id, Technician.retired_at.is_(None)))
        .join(
            TerritoryMembership,
            and_(
                TerritoryMembership.technician_id == Technician.id,
                TerritoryMembership.territory_id == Visit.territory_id,
                TerritoryMembership.during.contains(day),
            ),
        )
        .join(
            Certification,
            and_(
                Certification.technician_id == Technician.id,
                Certification.kind_id.in_(kinds),
                Certification.state == DocumentState.CONFIRMED,
                Certification.valid.contains(day),
            ),
        )
        .where(Visit.id.in_(visits), ~away)
        .distinct()
        .order_by(Technician.name, Technician.id)
    )
    others: dict[tuple[int, int], list[tuple[int, str]]] = {}
    for visit, kind, number, name in found:
        others.setdefault((visit, kind), []).append((number, name))
    return others


# ---- what is done about them ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Done:
    """How many steps are new, and whose certificates could not be acted on (nobody to remind, nothing blocked)."""

    steps: int
    left: tuple[str, ...]


def plan_renewals(session: Session, ids: Collection[int], *, actor: Actor, now: datetime) -> Done:
    """Take the renewal of each upon oneself, two weeks before the last day or tomorrow."""
    chosen = chosen_certificates(session, ids, actor, now)
    places = places_in_reach(session, chosen, actor, now)
    steps = [
        Step(
            kind=CoverKind.RENEW,
            technician_id=expiry.technician_id,
            certification_id=expiry.id,
            subject=subject_of_step(expiry),
            title=f"Renew: {expiry.kind}",
            next_step=f"Agree the day with {expiry.technician} and book it; the last day is {expiry.last_day:%d %b %Y}",
            territory_id=places[expiry.technician_id],
            owner_id=_me(actor),
            due_at=max(now + timedelta(days=1), _noon(expiry.last_day) - RENEW_BEFORE),
        )
        for expiry in chosen
        if expiry.technician_id in places
    ]
    left = tuple(expiry.technician for expiry in chosen if expiry.technician_id not in places)
    return Done(steps=take_steps(session, steps, actor=actor, now=now), left=left)


def cover_visits(session: Session, ids: Collection[int], *, actor: Actor, now: datetime) -> Done:
    """Make a loose end of each visit that an expiry blocks, for who answers for the job, with who else could go."""
    chosen = {expiry.id: expiry for expiry in chosen_certificates(session, ids, actor, now)}
    visits = blocked_visits(session, chosen.keys(), today=now.date())
    owners = {visit.owner_id for visit in visits if visit.owner_id is not None}
    active = set(session.scalars(select(User.id).where(User.active, User.id.in_(owners))))
    me = _me(actor)
    steps = [
        Step(
            kind=CoverKind.COVER,
            technician_id=chosen[visit.certification_id].technician_id,
            helper_id=visit.others[0][0] if visit.others else None,
            certification_id=visit.certification_id,
            visit_id=visit.visit_id,
            subject=f"visit-{visit.visit_id}",
            title=f"Give to somebody else: {visit.title}",
            next_step=_cover_words(chosen[visit.certification_id], visit.others),
            territory_id=visit.territory_id,
            owner_id=next((owner for owner in active if owner == visit.owner_id), me),
            due_at=max(now + timedelta(hours=1), visit.start - timedelta(days=1)),
        )
        for visit in visits
    ]
    covered = {visit.certification_id for visit in visits}
    left = tuple(expiry.technician for expiry in chosen.values() if expiry.id not in covered)
    return Done(steps=take_steps(session, steps, actor=actor, now=now), left=left)


def _cover_words(expiry: Expiry, others: Sequence[tuple[int, str]]) -> str:
    why = f"{expiry.kind} of {expiry.technician} ends on {expiry.last_day:%d %b}"
    if not others:
        return f"{why} and nobody else there holds it that day: move the visit or ask a partner"
    return f"{why}; {', '.join(name for _, name in others)} could take it"


def chosen_certificates(session: Session, ids: Collection[int], actor: Actor, now: datetime) -> tuple[Expiry, ...]:
    """Return the certificates asked for; raises NotFound where one is not on the list of the actor."""
    reach = actor.territories(Right.COVERAGE_READ)
    found = expiring_certificates(session, reach=reach, today=now.date(), within_days=WITHIN_DAYS)
    chosen = tuple(expiry for expiry in found if expiry.id in ids)
    if len(chosen) < len(set(ids)):
        raise NotFound(
            "One of these certificates was renewed meanwhile, or is not within your reach. Nothing was done."
        )
    return chosen


def places_in_reach(session: Session, chosen: Iterable[Expiry], actor: Actor, now: datetime) -> dict[int, int]:
    """Give the territory by which each holder is within the actor's reach; who has none is left out."""
    reach = actor.territories(Right.LOOSE_END_EDIT)
    asked = (
        select(TerritoryMembership.technician_id, func.min(TerritoryMembership.territory_id))
        .where(
            TerritoryMembership.technician_id.in_([expiry.technician_id for expiry in chosen]),
            func.coalesce(func.upper(TerritoryMembership.during) > now.date(), True),
        )
        .group_by(TerritoryMembership.technician_id)
    )
    if reach is not None:
        asked = asked.where(TerritoryMembership.territory_id.in_(reach))
    return dict(session.execute(asked).all())


def subject_of_step(expiry: Expiry) -> str:
    """Return the name under which a step about a certificate is open once."""
    return f"certification-{expiry.id}"


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def _me(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("Only a person can take this upon themselves.")
    return actor.user_id
