"""Sending what is due: each message is claimed, handed to the transport, and noted as sent, in this order.

A claim writes who tries and until when, and freezes the words, before anything leaves. Two workers never claim the same
message. Where one is killed in between, nobody can know whether the message left: after its lease it is tried again,
says that it may be the second, and carries the same key.
"""

import logging
import smtplib
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dispatch.messages.lifecycle import kind_of
from dispatch.messages.models import OPEN_STATES, Message, MessagePart, MessageState
from dispatch.messages.service import SETTLE_WITHIN, UNDONE, ask_for_sending
from dispatch.messages.texts import texts
from dispatch.messages.transports import Letter, Refused, Transport

log = logging.getLogger("dispatch.messages")
LEASE = timedelta(seconds=60)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
Sessions = Callable[[], AbstractContextManager[Session]]
TRANSIENT = (OSError, smtplib.SMTPException)


def send_due(
    sessions: Sessions, transport: Transport, clock: Callable[[], datetime], *, driving: Select[Any] | None = None
) -> int:
    """Send everything that is due and return how much was; holds no connection while a message leaves.

    ``driving`` selects the technicians who are at the wheel: what is not urgent waits until they have arrived.
    """
    sent = 0
    with sessions() as session:
        take_back_lost(session, now=clock())
        session.commit()
    while True:
        with sessions() as session:
            letter = claim_next(session, now=clock(), driving=driving)
            session.commit()
        if letter is None:
            return sent
        problem, final = _try(transport, letter)
        with sessions() as session:
            if problem is None:
                sent += note_sent(session, letter, now=clock())
            else:
                note_failed(session, letter, problem, final=final, now=clock())
            session.commit()


def claim_next(session: Session, *, now: datetime, driving: Select[Any] | None = None) -> Letter | None:
    """Claim the message that is due longest, None when nothing is; its words are frozen from here on."""
    free: ColumnElement[bool] = true()
    if driving is not None:
        free = or_(Message.urgent, Message.technician_id.is_(None), Message.technician_id.not_in(driving))
    while True:
        message = session.scalars(
            select(Message)
            .where(Message.state == MessageState.HELD, Message.hold_until <= now, free)
            .order_by(Message.hold_until, Message.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if message is None:
            return None
        text = texts(session, [message])[message.id]
        channel = text.contact.channel
        message.changed_at = now
        if channel is None:
            _fail(message, text.contact.problem(), now)
            session.flush()
            continue
        message.state, message.channel = MessageState.SENDING, channel.value
        message.title, message.body = text.title, text.body
        message.attempt_id, message.attempts, message.lease_until = uuid.uuid4(), message.attempts + 1, now + LEASE
        session.flush()
        return Letter(
            message_id=message.id,
            attempt_id=message.attempt_id,
            key=message.key,
            attempt=message.attempts,
            channel=channel.value,
            address=text.contact.address(channel) or "",
            title=text.title,
            body=text.body,
        )


def note_sent(session: Session, letter: Letter, *, now: datetime) -> bool:
    """Note that a letter left; False when the attempt was given up for lost meanwhile."""
    message = _mine(session, letter)
    if message is None:
        log.warning("message %d left after its attempt was given up", letter.message_id)
        return False
    message.state, message.lease_until = MessageState.SENT, None
    message.sent_at = message.changed_at = now
    message.problem = message.due_at = None
    return True


def note_failed(session: Session, letter: Letter, problem: str, *, final: bool, now: datetime) -> None:
    """Note that a letter did not leave: it waits longer each time, and after the last somebody has to see to it."""
    message = _mine(session, letter)
    if message is not None:
        _give_back(session, message, problem, final=final, now=now)


def take_back_lost(session: Session, *, now: datetime) -> int:
    """Take back what a worker that is gone was sending; returns how many messages."""
    lost = session.scalars(
        select(Message)
        .where(Message.state == MessageState.SENDING, Message.lease_until < now)
        .order_by(Message.id)
        .with_for_update(skip_locked=True)
    ).all()
    for message in lost:
        message.maybe_sent = True
        _give_back(session, message, "The sending was interrupted; it may have left.", final=False, now=now)
    return len(lost)


def _try(transport: Transport, letter: Letter) -> tuple[str | None, bool]:
    """Hand a letter over; returns what went wrong and whether trying again cannot help."""
    try:
        transport(letter)
    except Refused as refused:
        return str(refused), True
    except TRANSIENT as error:
        log.warning("message %d did not leave: %s", letter.message_id, type(error).__name__)
        return "The mail server could not be reached. Call them, or try again.", False
    return None, False


def _mine(session: Session, letter: Letter) -> Message | None:
    return session.scalars(
        select(Message)
        .where(
            Message.id == letter.message_id,
            Message.state == MessageState.SENDING,
            Message.attempt_id == letter.attempt_id,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()


def _give_back(session: Session, message: Message, problem: str, *, final: bool, now: datetime) -> None:
    """Let a message wait for its next try, or fail; where newer news waits for the same person, it goes with that."""
    try:
        with session.begin_nested():
            _rest(session, message, problem, final=final, now=now)
    except IntegrityError:  # newer news was saved in this very moment; now it can be seen
        with session.begin_nested():
            _rest(session, message, problem, final=final, now=now)


def _rest(session: Session, message: Message, problem: str, *, final: bool, now: datetime) -> None:
    mine = Message.technician_id if message.technician_id is not None else Message.customer_id
    newer = session.scalars(
        select(Message)
        .where(
            mine == getattr(message, mine.key),
            Message.territory_id == message.territory_id,
            Message.state.in_(OPEN_STATES),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if newer is not None:
        _hand_over(session, message, newer, now)
    elif final or message.attempts > len(PAUSES):
        _fail(message, problem, now)
    else:
        message.state, message.problem = MessageState.HELD, problem
        message.hold_until = now + PAUSES[message.attempts - 1]
    message.changed_at, message.lease_until, message.title, message.body = now, None, None, None
    session.flush()
    if message.state is MessageState.HELD:
        ask_for_sending(session, message.hold_until, now)


def _hand_over(session: Session, old: Message, newer: Message, now: datetime) -> None:
    """Let a newer message say what did not leave; where that may have left all the same, as a correction of it."""
    both: dict[int, dict[str, MessagePart]] = {old.id: {}, newer.id: {}}
    for part in session.scalars(select(MessagePart).where(MessagePart.message_id.in_(both))):
        both[part.message_id][part.subject] = part
    earlier, later = both[old.id], both[newer.id]
    undone = {
        subject
        for subject, part in later.items()
        if not old.maybe_sent and subject in earlier and earlier[subject].before == part.after
    }
    newer.maybe_sent, newer.changed_at = newer.maybe_sent or old.maybe_sent, now
    old.state, old.problem = MessageState.RECALLED, "Went on with a newer message"
    if undone == earlier.keys() | later.keys():
        newer.state, newer.problem = MessageState.RECALLED, UNDONE
        return
    for subject, part in earlier.items():
        if subject not in later:
            values = {"visit_id": part.visit_id, "kind": part.kind, "before": part.before, "after": part.after}
            session.add(MessagePart(message_id=newer.id, subject=subject, **values))
        elif subject in undone:
            session.delete(later[subject])
        elif not old.maybe_sent:
            later[subject].before = part.before
            later[subject].kind = kind_of(subject, part.before, later[subject].after)


def _fail(message: Message, problem: str, now: datetime) -> None:
    message.state, message.problem, message.due_at = MessageState.FAILED, problem, now + SETTLE_WITHIN
