"""What the outbox, the frame and the pages of jobs show of messages and calls."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.jobs.models import Customer, Job, Site, Visit
from dispatch.jobs.queries import PAGE_SIZE, Listing
from dispatch.messages.models import OPEN_STATES, CallState, CallTask, Message, MessagePart, MessageState
from dispatch.messages.texts import Text, texts
from dispatch.workforce.models import Technician, Territory

Territories = Collection[int] | None


@dataclass(frozen=True, kw_only=True)
class Counter:
    """How the outbox stands: what waits and when the next of it goes, what is leaving, what could not be sent."""

    held: int
    sending: int
    failed: int
    next_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What one action did to the outbox: messages that wait now, that it took back, that have no address; and calls."""

    held: int
    withdrawn: int
    failed: int
    calls: int


@dataclass(frozen=True, kw_only=True)
class MessageRow:
    """One message as the outbox shows it."""

    message: Message
    text: Text
    zone: str
    owner: str | None
    recipient: str


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One call with everything its script needs."""

    call: CallTask
    job_id: int
    job: str
    customer: str
    contact: str
    phone: str | None
    zone: str
    territory_id: int
    owner: str


def counter(session: Session, *, territories: Territories) -> Counter:
    """Count what is on its way, in one statement."""
    row = session.execute(
        select(
            func.count().filter(Message.state == MessageState.HELD),
            func.count().filter(Message.state == MessageState.SENDING),
            func.count().filter(Message.state == MessageState.FAILED),
            func.min(Message.hold_until).filter(Message.state == MessageState.HELD),
        ).where(Message.state.in_((MessageState.HELD, MessageState.SENDING, MessageState.FAILED)), _near(territories))
    ).one()
    return Counter(held=row[0], sending=row[1], failed=row[2], next_at=row[3])


def outbox(
    session: Session, *, territories: Territories, states: Collection[MessageState], since: datetime, page: int = 1
) -> Listing[MessageRow]:
    """Return messages in some states with their texts: what waits or failed by when it is due, else the latest first.

    What is over (sent, recalled) is shown from ``since`` on.
    """
    over = Message.state.in_((MessageState.SENT, MessageState.RECALLED))
    wanted = [Message.state.in_(states), _near(territories), ~over | (Message.changed_at >= since)]
    total = session.scalar(select(func.count()).select_from(Message).where(*wanted)) or 0
    waiting = not {MessageState.SENT, MessageState.RECALLED} & set(states)
    order = (Message.hold_until, Message.id) if waiting else (Message.changed_at.desc(), Message.id.desc())
    query = _rows().where(*wanted).order_by(*order).limit(PAGE_SIZE).offset((max(page, 1) - 1) * PAGE_SIZE)
    return Listing(rows=_read(session, query), total=total, page=page)


def get_message(session: Session, message_id: int, *, territories: Territories) -> MessageRow:
    """Return one message with its text; raises NotFound."""
    rows = _read(session, _rows().where(Message.id == message_id, _near(territories)))
    if not rows:
        raise NotFound("There is no such message.")
    return rows[0]


def messages_about(session: Session, visit_ids: Collection[int]) -> list[MessageRow]:
    """Return what was, is or would have been said about some visits, and of these only, the latest first."""
    about = select(MessagePart.message_id).where(MessagePart.visit_id.in_(visit_ids))
    query = _rows().where(Message.id.in_(about)).order_by(Message.changed_at.desc(), Message.id.desc())
    return _read(session, query, about=visit_ids)


def effect_of(session: Session, moment: datetime, *, territories: Territories) -> Effect:
    """Return what the action of one moment did to the outbox."""
    calls = (
        select(func.count())
        .select_from(CallTask)
        .join(Visit, Visit.id == CallTask.visit_id)
        .where(CallTask.state == CallState.OPEN, CallTask.created_at == moment, _reach(territories))
        .scalar_subquery()
    )
    row = session.execute(
        select(
            func.count().filter(Message.state == MessageState.HELD),
            func.count().filter(Message.state == MessageState.RECALLED),
            func.count().filter(Message.state == MessageState.FAILED),
            calls,
        ).where(Message.changed_at == moment, _near(territories))
    ).one()
    return Effect(held=row[0], withdrawn=row[1], failed=row[2], calls=row[3])


def corrected(session: Session, moment: datetime) -> list[str]:
    """Return whom the action of one moment corrects: what they were sent of it before does not hold any more."""
    sent, said = aliased(Message), aliased(MessagePart)
    earlier = (
        select(said.id)
        .join(sent, sent.id == said.message_id)
        .where(
            sent.state.in_((MessageState.SENDING, MessageState.SENT)),
            said.subject == MessagePart.subject,
            sent.technician_id.is_not_distinct_from(Message.technician_id),
            sent.customer_id.is_not_distinct_from(Message.customer_id),
        )
    )
    name = func.coalesce(Technician.name, Customer.name)
    return list(
        session.scalars(
            select(name)
            .select_from(Message)
            .join(MessagePart, MessagePart.message_id == Message.id)
            .outerjoin(Technician, Technician.id == Message.technician_id)
            .outerjoin(Customer, Customer.id == Message.customer_id)
            .where(Message.changed_at == moment, Message.state.in_(OPEN_STATES), earlier.exists())
            .distinct()
            .order_by(name)
        )
    )


def messages_changed_at(session: Session, moment: datetime) -> list[MessageRow]:
    """Return the open messages that the action of one moment made or changed, by recipient."""
    query = _rows().where(Message.changed_at == moment, Message.state.in_(OPEN_STATES))
    return sorted(_read(session, query), key=lambda row: row.recipient)


def calls_about(session: Session, visit_ids: Collection[int]) -> list[CallRow]:
    """Return the calls that some visits asked for, the latest first."""
    query = _calls().where(CallTask.visit_id.in_(visit_ids)).order_by(CallTask.id.desc())
    return [_call_row(row) for row in session.execute(query).mappings()]


def get_call(session: Session, call_id: int, *, territories: Territories) -> CallRow:
    """Return one call; raises NotFound."""
    row = session.execute(_calls().where(CallTask.id == call_id, _reach(territories))).mappings().first()
    if row is None:
        raise NotFound("There is no such call.")
    return _call_row(row)


def _near(territories: Territories) -> ColumnElement[bool]:
    return literal(True) if territories is None else Message.territory_id.in_(territories)


def _reach(territories: Territories) -> ColumnElement[bool]:
    return literal(True) if territories is None else Visit.territory_id.in_(territories)


def _rows() -> Any:
    return (
        select(
            Message,
            Territory.zone,
            User.name.label("owner"),
            func.coalesce(Technician.name, Customer.name).label("recipient"),
        )
        .join(Territory, Territory.id == Message.territory_id)
        .outerjoin(User, User.id == Message.owner_id)
        .outerjoin(Technician, Technician.id == Message.technician_id)
        .outerjoin(Customer, Customer.id == Message.customer_id)
    )


def _read(session: Session, query: Any, *, about: Collection[int] | None = None) -> list[MessageRow]:
    found = session.execute(query).all()
    said = texts(session, [row[0] for row in found], about=about)
    return [
        MessageRow(message=row[0], text=said[row[0].id], zone=row.zone, owner=row.owner, recipient=row.recipient)
        for row in found
    ]


def _calls() -> Any:
    return (
        select(
            CallTask,
            Job.id.label("job_id"),
            Job.title.label("job"),
            Customer.name.label("customer"),
            func.coalesce(Customer.contact_name, Customer.name).label("contact"),
            Customer.phone,
            Territory.zone,
            Visit.territory_id,
            User.name.label("owner"),
        )
        .join(Visit, Visit.id == CallTask.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .join(User, User.id == CallTask.owner_id)
    )


def _call_row(row: Any) -> CallRow:
    values = dict(row)
    return CallRow(call=values.pop("CallTask"), **values)
