"""A window told to a customer: it is kept as the promise, and confirmed in writing to those who want that."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.jobs.models import Job, Promise, PromiseState, Visit
from dispatch.jobs.service import Window, make_promise
from dispatch.messages.lifecycle import Topic
from dispatch.messages.service import News, Told, span, tell


def promise_window(
    session: Session,
    *,
    visit_id: int,
    window: Window,
    agreed_with: str | None,
    channel: str | None,
    actor: Actor,
    now: datetime,
) -> Told:
    """Promise a window and confirm it; the customer reads what they knew before and what holds now."""
    standing = session.scalar(
        select(Promise.during).where(Promise.visit_id == visit_id, Promise.state == PromiseState.STANDING)
    )
    promise = make_promise(
        session,
        visit_id=visit_id,
        start=window.start,
        end=window.end,
        agreed_with=agreed_with,
        channel=channel,
        actor=actor,
        now=now,
    )
    before = None if standing is None else span(standing)
    return confirm(session, promise, before=before, actor=actor, now=now)


def confirm_booking(session: Session, *, job_id: int, actor: Actor, now: datetime) -> Told:
    """Confirm what was promised when a job was booked."""
    promises = session.scalars(
        select(Promise)
        .join(Visit, Visit.id == Promise.visit_id)
        .where(Visit.job_id == job_id, Promise.state == PromiseState.STANDING)
    ).all()
    held = [confirm(session, promise, actor=actor, now=now).held for promise in promises]
    return Told(held=sum(held))


def withdraw_window(
    session: Session, *, visit_id: int, during: Mapping[str, Any] | None, said: bool, actor: Actor, now: datetime
) -> Told:
    """Confirm that nobody comes in a window any more, or only take back what waits about it until they were called.

    ``during`` is the window that the customer counted on, None where nothing was promised.
    """
    news = replace(_about(session, visit_id), before=during, unsaid=during is None or not said)
    return tell(session, [news], actor=actor, now=now)


def confirm(
    session: Session, promise: Promise, *, actor: Actor, now: datetime, before: dict[str, str] | None = None
) -> Told:
    """Confirm a promise in writing, unless the customer wants to be called."""
    news = replace(_about(session, promise.visit_id), before=before, after=span(promise.during))
    return tell(session, [news], actor=actor, now=now)


def _about(session: Session, visit_id: int) -> News:
    """Return news to the customer of a visit that says nothing yet."""
    row = session.execute(
        select(Job.customer_id, Job.owner_id, Visit.territory_id)
        .join(Job, Job.id == Visit.job_id)
        .where(Visit.id == visit_id)
    ).one()
    return News(
        topic=Topic.PROMISE,
        number=visit_id,
        visit_id=visit_id,
        customer_id=row.customer_id,
        territory_id=row.territory_id,
        owner_id=row.owner_id,
    )
