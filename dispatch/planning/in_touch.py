"""When somebody was last in touch with a customer, whichever way: told, written to, agreed with, or at their door."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, cast, literal, select, union_all
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Promise, Visit
from dispatch.messages.models import CallState, CallTask, Message, MessageState
from dispatch.planning.models import ReportKind, VisitReport


@dataclass(frozen=True, kw_only=True)
class Touch:
    """The latest time somebody was in touch, and how: noted, call, message, agreed or visit."""

    at: datetime
    how: str


def last_touch(session: Session, customer_id: int) -> Touch | None:
    """Return the latest of all ways of being in touch with a customer; None when there was none. One statement."""
    calls = _way("call", CallTask.closed_at).where(CallTask.state == CallState.TOLD)
    agreed = _way("agreed", Promise.made_at)
    visits = _way("visit", VisitReport.happened_at).where(VisitReport.kind == ReportKind.ARRIVED)
    found = union_all(
        _way("noted", Customer.last_contact_at).where(Customer.id == customer_id),
        _way("message", Message.sent_at).where(Message.customer_id == customer_id, Message.state == MessageState.SENT),
        *(
            each.join(Visit, Visit.id == told.visit_id)
            .join(Job, Job.id == Visit.job_id)
            .where(Job.customer_id == customer_id)
            for each, told in ((calls, CallTask), (agreed, Promise), (visits, VisitReport))
        ),
    ).subquery()
    row = session.execute(select(found).where(found.c.at.is_not(None)).order_by(found.c.at.desc()).limit(1)).first()
    return None if row is None else Touch(at=row.at, how=row.how)


def _way(how: str, at: Any) -> Select[Any]:
    return select(at.label("at"), cast(literal(how), Text).label("how"))
