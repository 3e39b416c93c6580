"""Holders hear of a certificate that ends 60, 30 and 7 days before its last day, with the visits that would cost them.

Each mark is told once, whether or not the message left: a message that fails is a loose end already. Whoever handed in
the next paper hears nothing more, since it is the manager's turn.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor
from dispatch.core.clock import local_day
from dispatch.coverage.certificate_plans import Blocked, blocked_visits
from dispatch.messages.lifecycle import Topic, subject_of
from dispatch.messages.models import MessagePart
from dispatch.messages.service import News, tell
from dispatch.skills.certifications import REMINDER_DAYS
from dispatch.skills.models import Certification, DocumentState
from dispatch.skills.queries import Document, expiring_certifications
from dispatch.workforce.models import Territory, TerritoryMembership

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
    for visit in blocked_visits(session, list(left), today=now.date()):
        blocked[visit.certification_id].append(visit)
    news = [_news(one, place, blocked[key]) for key, (one, place) in sorted(left.items())]
    tell(session, news, actor=actor, now=now)
    return len(news)


def _news(one: Document, territory_id: int, blocked: list[Blocked]) -> News:
    paper: dict[str, Any] = {
        "mark": one.reminder,
        "name": one.kind,
        "number": one.number,
        "until": str(one.valid_to),
        "visits": [[visit.title, visit.customer, visit.start.isoformat()] for visit in blocked[:NAMED]],
        "more": max(0, len(blocked) - NAMED),
    }
    return News(
        topic=Topic.CERTIFICATE,
        number=one.certification_id,
        territory_id=territory_id,
        technician_id=one.technician_id,
        after=paper,
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
