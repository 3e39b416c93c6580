"""Holders hear of a certificate that ends 60, 30 and 7 days before its last day, and whenever a manager asks for it.

Each mark is told once, whether or not the message left: a message that fails is a loose end already. Whoever handed in
the next paper hears nothing more by itself, since it is the manager's turn.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor
from dispatch.accounts.models import User
from dispatch.core.clock import local_day
from dispatch.coverage.certificate_plans import (
    Blocked,
    Done,
    blocked_visits,
    chosen_certificates,
    places_in_reach,
    subject_of_step,
)
from dispatch.coverage.certificates import Expiry
from dispatch.messages.contacts import contacts
from dispatch.messages.lifecycle import Topic, subject_of
from dispatch.messages.models import Message, MessagePart, MessageState
from dispatch.messages.service import News, tell
from dispatch.planning.cover_models import CoverKind
from dispatch.planning.cover_tasks import Step, open_steps, take_steps
from dispatch.skills.certifications import REMINDER_DAYS, passed_mark
from dispatch.skills.models import Certification, DocumentState
from dispatch.skills.queries import Document, expiring_certifications
from dispatch.workforce.models import Technician, Territory, TerritoryMembership

ANSWER_WITHIN = timedelta(days=3)
NAMED = 5
"""Visits named in one reminder; more are counted."""


def remind_due(session: Session, *, actor: Actor, now: datetime) -> int:
    """Tell every holder of what ends and was not told yet for its mark; return how many reminders that were."""
    due: dict[int, tuple[Document, int, date]] = {}
    for zone, territories in _by_zone(session).items():
        on = local_day(now, zone)
        found = expiring_certifications(session, on=on, within_days=max(REMINDER_DAYS), territory_ids=territories)
        places = _places(session, [one.technician_id for one in found], territories, on)
        for one in found:
            if one.days_left is not None and one.days_left >= 0 and one.reminder is not None:
                due.setdefault(one.certification_id, (one, places[one.technician_id], on))
    told, followed = _told(session, due), _followed(session, due)
    left = {
        key: (one, place)
        for key, (one, place, _on) in due.items()
        if key not in followed and told.get(key, max(REMINDER_DAYS) + 1) > (one.reminder or 0)
    }
    if not left:
        return 0
    blocked: dict[int, list[Blocked]] = defaultdict(list)
    for visit in blocked_visits(session, list(left), today=now.date(), as_told=True):
        blocked[visit.certification_id].append(visit)
    news = [
        _news(
            key,
            technician_id=one.technician_id,
            territory_id=place,
            after=_paper(one.kind, one.number, one.valid_to, mark=one.reminder, blocked=blocked[key]),
        )
        for key, (one, place) in sorted(left.items())
    ]
    tell(session, news, actor=actor, now=now)
    return len(news)


def remind_holders(session: Session, ids: Collection[int], *, actor: Actor, now: datetime) -> Done:
    """Remind each holder because a manager asks for it: a message that waits in the outbox, and a loose end of theirs.

    The message is the one that goes out by itself at 60, 30 and 7 days, and counts as that: what was asked for is not
    said again at the same mark. Whoever has one waiting, or was sent one today, gets no other. Who can neither be
    written to nor sign in is named, so that somebody calls them.
    """
    found = chosen_certificates(session, ids, actor, now)
    places = places_in_reach(session, found, actor, now)
    chosen = {expiry.id: expiry for expiry in found if expiry.technician_id in places}
    holders = {expiry.technician_id for expiry in chosen.values()}
    written = {who for who, contact in contacts(session, Message.technician_id, holders).items() if contact.channel}
    asked = select(Technician.id, User.id).join(User, User.id == Technician.user_id).where(User.active)
    boxes: dict[int, int] = dict(session.execute(asked.where(Technician.id.in_(holders))).all())
    heard = _reminded(session, chosen, places, now)
    blocked: dict[int, list[Blocked]] = defaultdict(list)
    for visit in blocked_visits(session, list(chosen), today=now.date(), as_told=True):
        blocked[visit.certification_id].append(visit)
    news = [
        _news(
            key,
            technician_id=expiry.technician_id,
            territory_id=places[expiry.technician_id],
            after={
                **_paper(
                    expiry.kind,
                    expiry.number,
                    expiry.last_day,
                    mark=passed_mark(expiry.days_left) or expiry.days_left,
                    blocked=blocked[key],
                ),
                "asked_at": now.isoformat(),
                "asked_by": actor.name,
                "over": expiry.days_left < 0,
            },
        )
        for key, expiry in sorted(chosen.items())
        if expiry.technician_id in written and key not in heard
    ]
    tell(session, news, actor=actor, now=now)
    steps = [
        Step(
            kind=CoverKind.REMIND,
            technician_id=expiry.technician_id,
            certification_id=key,
            subject=subject_of_step(expiry),
            title=f"Your certificate ends: {expiry.kind}",
            next_step=f"Book its renewal, then add the new one; the last day is {expiry.last_day:%d %b %Y}",
            territory_id=places[expiry.technician_id],
            owner_id=boxes[expiry.technician_id],
            due_at=now + ANSWER_WITHIN,
        )
        for key, expiry in chosen.items()
        if expiry.technician_id in boxes
    ]
    begun = {subject for _kind, _who, subject in open_steps(session, {step.subject for step in steps})}
    take_steps(session, steps, actor=actor, now=now)
    fresh = {each.number for each in news}
    fresh |= {key for key, e in chosen.items() if e.technician_id in boxes and subject_of_step(e) not in begun}
    reached = written | boxes.keys()
    return Done(
        steps=len({chosen[key].technician_id for key in fresh}),
        left=tuple(e.technician for e in found if e.id not in chosen or e.technician_id not in reached),
    )


def _reminded(
    session: Session, chosen: Mapping[int, Expiry], places: Mapping[int, int], now: datetime
) -> frozenset[int]:
    """Return the certificates whose holder has a reminder waiting, or was sent one today as the place counts days."""
    zones: dict[int, str] = dict(
        session.execute(select(Territory.id, Territory.zone).where(Territory.id.in_(places.values()))).all()
    )
    numbers = {subject_of(Topic.CERTIFICATE, key): key for key in chosen}
    rows = session.execute(
        select(MessagePart.subject, Message.state, Message.sent_at)
        .join(Message, Message.id == MessagePart.message_id)
        .where(
            MessagePart.subject.in_(numbers),
            Message.state.in_((MessageState.HELD, MessageState.SENDING, MessageState.SENT)),
        )
    )
    heard = set()
    for subject, state, sent_at in rows:
        key = numbers[subject]
        zone = zones[places[chosen[key].technician_id]]
        if state is not MessageState.SENT or (sent_at and local_day(sent_at, zone) == local_day(now, zone)):
            heard.add(key)
    return frozenset(heard)


def _paper(
    kind: str, number: str | None, last_day: date | None, *, mark: int | None, blocked: Sequence[Blocked]
) -> dict[str, Any]:
    return {
        "mark": mark,
        "name": kind,
        "number": number,
        "until": str(last_day),
        "visits": [[visit.title, visit.customer, visit.start.isoformat()] for visit in blocked[:NAMED]],
        "more": max(0, len(blocked) - NAMED),
    }


def _news(number: int, *, technician_id: int, territory_id: int, after: Mapping[str, Any]) -> News:
    return News(
        topic=Topic.CERTIFICATE,
        number=number,
        territory_id=territory_id,
        technician_id=technician_id,
        after=after,
    )


def _by_zone(session: Session) -> dict[str, list[int]]:
    zones: dict[str, list[int]] = defaultdict(list)
    for territory_id, zone in session.execute(
        select(Territory.id, Territory.zone).where(Territory.retired_at.is_(None)).order_by(Territory.id)
    ):
        zones[zone].append(territory_id)
    return zones


def _places(session: Session, ids: Collection[int], territories: Collection[int], on: date) -> dict[int, int]:
    """Return the first of some territories each person works in that day."""
    rows = session.execute(
        select(TerritoryMembership.technician_id, func.min(TerritoryMembership.territory_id).label("place"))
        .where(
            TerritoryMembership.technician_id.in_(ids),
            TerritoryMembership.territory_id.in_(territories),
            TerritoryMembership.during.contains(on),
        )
        .group_by(TerritoryMembership.technician_id)
    )
    return {row.technician_id: row.place for row in rows}


def _told(session: Session, ids: Collection[int]) -> dict[int, int]:
    """Return the tightest mark each certificate was told about."""
    subjects = {subject_of(Topic.CERTIFICATE, number): number for number in ids}
    rows = session.execute(select(MessagePart.subject, MessagePart.after).where(MessagePart.subject.in_(subjects)))
    told: dict[int, int] = {}
    for subject, after in rows:
        key = subjects[subject]
        told[key] = min(told.get(key, after["mark"]), after["mark"])
    return told


def _followed(session: Session, ids: Collection[int]) -> frozenset[int]:
    """Return the certificates whose holder handed in a later one of the kind that waits for its confirmation."""
    later = aliased(Certification)
    return frozenset(
        session.scalars(
            select(Certification.id)
            .join(
                later,
                and_(
                    later.technician_id == Certification.technician_id,
                    later.kind_id == Certification.kind_id,
                    later.state == DocumentState.CLAIMED,
                    func.coalesce(func.upper(later.valid), date.max) > func.upper(Certification.valid),
                ),
            )
            .where(Certification.id.in_(ids))
        )
    )
