"""Whoever is concerned hears of changed bookings: the technicians always, customers only where a promise breaks.

A promise that would break is no text: it is a call for somebody to make. While it holds, the customer is left in peace.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.jobs.models import Job, Promise, PromiseState, Visit
from dispatch.messages.calls import BadNews, call_first, withdraw_calls
from dispatch.messages.lifecycle import Topic
from dispatch.messages.models import CallKind
from dispatch.messages.service import HOLD_S, PUBLISH_HOLD_S, News, span, tell
from dispatch.planning.drafts import told_bookings
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState
from dispatch.workforce.models import Technician

STALE_AFTER = timedelta(minutes=15)  # a report that comes in later, from a phone without signal, is no news any more
ARRIVAL_SPREAD = timedelta(minutes=10)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatch.planning.changing import Changed, Entry, Placement


def tell_changes(session: Session, changed: "Sequence[Changed]", visits: "Mapping[int, Any]", entry: "Entry") -> None:
    """Hold a message for each technician concerned and have customers called whose promise would break."""
    if not changed:
        return
    news = _work_news(changed, visits, entry.now)
    if entry.entity == "absence":
        news += _absence_news(changed, visits, entry)
    if news:
        hold_s = PUBLISH_HOLD_S if entry.entity == "plan" or entry.action == "publish_draft" else HOLD_S
        tell(session, news, actor=entry.actor, now=entry.now, hold_s=hold_s)
    _watch_promises(session, changed, entry.now)


def tell_on_the_way(
    session: Session, assignment: Any, *, setting_out_at: datetime, actor: Actor, now: datetime
) -> None:
    """Tell the customer that somebody has set out, once a visit, with the window in which they should arrive."""
    if setting_out_at < now - STALE_AFTER:
        return
    row = session.execute(
        select(Job.customer_id, Job.owner_id, Visit.territory_id, Technician.name)
        .select_from(Visit)
        .join(Job, Job.id == Visit.job_id)
        .join(Technician, Technician.id == assignment.technician_id)
        .where(Visit.id == assignment.visit_id)
    ).one()
    arrive_at = max(setting_out_at, now) + timedelta(seconds=assignment.travel_s)
    news = News(
        topic=Topic.ON_THE_WAY,
        number=assignment.visit_id,
        visit_id=assignment.visit_id,
        customer_id=row.customer_id,
        owner_id=row.owner_id,
        territory_id=row.territory_id,
        after=span(Range(arrive_at, arrive_at + ARRIVAL_SPREAD)) | {"name": row.name},
    )
    tell(session, [news], actor=actor, now=now)


def driving() -> Select[Any]:
    """Select the technicians who are at the wheel now: nothing but what is urgent disturbs them."""
    return select(Assignment.technician_id).where(Assignment.state == AssignmentState.ON_THE_WAY)


def _work_news(changed: "Sequence[Changed]", visits: "Mapping[int, Any]", now: datetime) -> list[News]:
    sides: dict[tuple[int, int], list[Placement | None]] = defaultdict(lambda: [None, None])
    for item in changed:
        for side, placement in enumerate((item.before, item.after)):
            if placement is not None:
                sides[placement.technician_id, item.visit_id][side] = placement
    return [
        News(
            topic=Topic.WORK,
            number=visit_id,
            visit_id=visit_id,
            technician_id=technician_id,
            territory_id=visits[visit_id].territory_id,
            before=None if before is None else span(Range(before.start, before.end)),
            after=None if after is None else span(Range(after.start, after.end)),
        )
        for (technician_id, visit_id), (before, after) in sides.items()
        if any(each is not None and each.end > now for each in (before, after))
    ]


def _absence_news(changed: "Sequence[Changed]", visits: "Mapping[int, Any]", entry: "Entry") -> list[News]:
    """Wish whoever is away well instead of listing what was taken from them; an undo takes the wish back."""
    away = {
        (side.technician_id, visits[item.visit_id].territory_id)
        for item in changed
        for side in (item.before if entry.action != "undo" else item.after,)
        if side is not None
    }
    return [
        News(
            topic=Topic.ABSENCE,
            number=int(entry.entity_id or 0),
            technician_id=technician_id,
            territory_id=territory_id,
            after=None if entry.action == "undo" else {},
        )
        for technician_id, territory_id in sorted(away)
    ]


def _watch_promises(session: Session, changed: "Sequence[Changed]", now: datetime) -> None:
    starts = {item.visit_id: item.after.start for item in changed if item.after is not None}
    before = {item.visit_id: item.before.start for item in changed if item.before is not None}
    promises = session.execute(
        select(Promise.visit_id, Promise.during).where(
            Promise.visit_id.in_({item.visit_id for item in changed}), Promise.state == PromiseState.STANDING
        )
    ).all()
    stays = _rest_of_crew(session, {row.visit_id for row in promises} - starts.keys())
    starts, before = starts | stays, before | stays
    broken = {row.visit_id: row.during for row in promises if _late(starts.get(row.visit_id), row.during)}
    held = [row.visit_id for row in promises if row.visit_id not in broken]
    for visits, why in (
        ([each for each in held if each in starts], "The promise holds again"),
        ([each for each in held if each not in starts], "Nobody is booked any more"),
    ):
        if visits:
            withdraw_calls(session, visits, why=why, now=now)
    call_first(
        session,
        [
            BadNews(
                visit_id=visit_id,
                kind=CallKind.PROMISE_BROKEN,
                facts={"promise": span(during), "start": starts[visit_id].isoformat()},
                by=during.lower,
            )
            for visit_id, during in broken.items()
            if starts[visit_id] != before.get(visit_id)
        ],
        now=now,
    )


def _rest_of_crew(session: Session, visits: Collection[int]) -> dict[int, datetime]:
    """Return when the others start where only some were taken off: the customer expects them all the same."""
    if not visits:
        return {}
    told = told_bookings().c
    starts = (
        select(told.visit_id, func.min(func.lower(told.during)))
        .where(told.visit_id.in_(visits), told.state.not_in(RELEASED_STATES))
        .group_by(told.visit_id)
    )
    return dict(session.execute(starts).all())


def _late(start: datetime | None, promise: Any) -> bool:
    return start is not None and start > promise.upper
