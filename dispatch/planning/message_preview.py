"""What publishing would say to whom: tried out and taken back, so it cannot differ from what is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.errors import NotFound
from dispatch.messages.queries import messages_changed_at
from dispatch.planning.models import Plan
from dispatch.planning.publishing import publish_plan


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One message that would wait after publishing; without a channel somebody would have to call."""

    recipient: str
    to_customer: bool
    channel: str | None
    title: str
    body: str
    goes_at: datetime


def get_plan(session: Session, plan_id: int) -> Plan:
    """Return a plan; raises NotFound."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    return plan


class _TakenBack(Exception):
    """Ends the try."""


def messages_preview(session: Session, *, plan_id: int, actor: Actor, now: datetime) -> list[Preview]:
    """Return every message that publishing a plan now would leave in the outbox; see `messages_of`."""
    return messages_of(session, lambda: publish_plan(session, plan_id=plan_id, actor=actor, now=now), now)


def messages_of(session: Session, publish: Callable[[], object], now: datetime) -> list[Preview]:
    """Return every message that publishing now would leave in the outbox, by recipient; nothing is kept.

    Raises what publishing raises. It locks what publishing locks, for as long as the request lasts.
    """
    found: list[Preview] = []
    try:
        with session.begin_nested():
            publish()
            found += [
                Preview(
                    recipient=row.recipient,
                    to_customer=row.message.customer_id is not None,
                    channel=row.message.channel,
                    title=row.text.title,
                    body=row.text.body,
                    goes_at=row.message.hold_until,
                )
                for row in messages_changed_at(session, now)
            ]
            raise _TakenBack
    except _TakenBack:
        return found
