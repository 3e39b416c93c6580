"""The times that go with a proposal: three for each customer who must be asked, none of them promised twice.

They are looked for in the day as the proposal would leave it, so that accepting it never takes what a customer was
offered, and on the days after it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import ServiceError
from dispatch.jobs.models import Job, Promise, PromiseState, Visit
from dispatch.matching.plan import Plan
from dispatch.planning.accepting import new_start
from dispatch.planning.desks import PreparedDay
from dispatch.planning.models import FREES_TIME, Disruption, DisruptionKind, RepairItem, RepairPart
from dispatch.planning.offering import Aside, Free, days_ahead, find_free, hold_times, last_person, release_times
from dispatch.planning.proposals import cells_of
from dispatch.planning.snapshot import Snapshot

MOST_LINES = 12


def find_times(
    session: Session, disruption: Disruption, *, snapshot: Snapshot | None, answer: Plan | None, now: datetime
) -> list[tuple[int, list[Free]]]:
    """Return up to three times for each customer of a proposal, none of them twice; takes seconds and locks nothing."""
    items = _who_is_asked(session, disruption)
    if not items:
        return []
    narrow = disruption.kind in FREES_TIME
    days = [] if narrow or snapshot is None or answer is None else _as_proposed(disruption, snapshot, answer, now)
    last = max((each.day for each in days), default=None)
    asked = [item.visit_id for item in items]
    found: list[tuple[int, list[Free]]] = []
    aside: Aside = {}
    for item in items:
        visit = session.get_one(Visit, item.visit_id)
        waits = visit.release_at if visit.release_at is not None and visit.release_at > now else None
        try:
            more = days_ahead(session, territory_id=disruption.territory_id, now=now, not_before=waits, first=last)
            free = find_free(
                session,
                visit_id=item.visit_id,
                days=[*days, *more],
                now=now,
                prefers=last_person(session, item.visit_id),
                spare=disruption.freed if narrow else (),
                freed=asked,
                aside=aside,
            )
        except ServiceError:
            continue
        found.append((item.visit_id, free))
    return found


def hold_found(
    session: Session, disruption: Disruption, found: Sequence[tuple[int, Sequence[Free]]], *, now: datetime
) -> None:
    """Hold what was found for those who are still to be asked; whoever holds times locks the people they are with.

    The caller has locked the disruption, as whoever accepts it does first: the other way round each of the two would
    wait for the other.
    """
    waits = RepairItem.disruption_id == disruption.id, ~RepairItem.booked
    asked = set(session.scalars(select(RepairItem.visit_id).where(*waits)))
    release_times(session, [visit_id for visit_id, _ in found if visit_id in asked])
    for visit_id, free in found:
        if visit_id in asked:
            hold_times(session, visit_id=visit_id, free=free, made_by_id=disruption.owner_id, now=now)


def _who_is_asked(session: Session, disruption: Disruption) -> Sequence[RepairItem]:
    """Return the lines whose customer needs another time; nobody is offered others for a time that is good news."""
    rows: Sequence[Any] = session.execute(
        select(RepairItem, Promise.during)
        .join(Visit, Visit.id == RepairItem.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(
            RepairItem.disruption_id == disruption.id,
            RepairItem.part != RepairPart.KEPT,
            ~RepairItem.booked,
        )
        .order_by(RepairItem.position)
    ).all()
    found = []
    for item, promise in rows:
        start = new_start(item)
        sooner = promise is not None and start is not None and start < promise.lower
        part_is_due = (
            disruption.kind is DisruptionKind.PART_MISSING
            and item.visit_id == disruption.visit_id
            and "ready_on" not in disruption.facts
        )
        emergency = disruption.kind is DisruptionKind.EMERGENCY and item.visit_id == disruption.visit_id
        if not sooner and not part_is_due and not emergency:
            found.append(item)
    return found[:MOST_LINES]


def _as_proposed(disruption: Disruption, snapshot: Snapshot, answer: Plan, now: datetime) -> list[PreparedDay]:
    return [
        PreparedDay(territory_id=territory_id, day=day, snapshot=snapshot, plan=answer, read_at=now)
        for territory_id, day in cells_of(disruption)[:2]
        if territory_id == disruption.territory_id
    ]
