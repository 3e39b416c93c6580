"""Messages to people with their parts, and calls that somebody has to make before any text."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.core.db import Base, Choice, Id, Versioned, choice_check


class MessageState(StrEnum):
    """Where a message stands."""

    HELD = "held"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    RECALLED = "recalled"


# What is open may still change: news for the same person is merged into it.
OPEN_STATES = (MessageState.HELD, MessageState.FAILED)


class Channel(StrEnum):
    """A way a text can take."""

    MAIL = "mail"
    TEXT = "text"


class Kind(StrEnum):
    """What one part of a message is about."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    ABSENT = "absent"
    PROMISED = "promised"
    PROMISE_CHANGED = "promise_changed"
    PROMISE_WITHDRAWN = "promise_withdrawn"
    ON_THE_WAY = "on_the_way"
    CERTIFICATE_ENDS = "certificate_ends"


class Message(Base, Versioned):
    """What one person is told at once about one territory; one message of them is open at a time.

    What was sent or recalled never changes again (a trigger insists).
    """

    __tablename__ = "message"
    __table_args__ = (
        choice_check("state", MessageState),
        CheckConstraint("channel IN ('mail', 'text')", name="channel_known"),
        CheckConstraint("num_nonnulls(technician_id, customer_id) = 1", name="one_recipient"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name="lease_while_sending"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_when_sent"),
        CheckConstraint(
            "state NOT IN ('sending', 'sent')"
            " OR (attempt_id IS NOT NULL AND channel IS NOT NULL AND body IS NOT NULL AND title IS NOT NULL)",
            name="words_before_sending",
        ),
        CheckConstraint(
            "state <> 'failed' OR (owner_id IS NOT NULL AND due_at IS NOT NULL AND problem IS NOT NULL)",
            name="failed_has_owner_due",
        ),
        Index(
            "uq_message_open_technician",
            "technician_id",
            "territory_id",
            unique=True,
            postgresql_where=text("state IN ('held', 'failed')"),
        ),
        Index(
            "uq_message_open_customer",
            "customer_id",
            "territory_id",
            unique=True,
            postgresql_where=text("state IN ('held', 'failed')"),
        ),
        Index("ix_message_due", "hold_until", postgresql_where=text("state IN ('held', 'sending')")),
        Index("ix_message_state_changed_at", "state", "changed_at"),
    )

    id: Mapped[Id]
    key: Mapped[uuid.UUID] = mapped_column(unique=True, default=uuid.uuid4)
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    channel: Mapped[str | None]
    state: Mapped[MessageState] = mapped_column(Choice(MessageState), default=MessageState.HELD)
    urgent: Mapped[bool] = mapped_column(default=False, server_default="false")
    hold_until: Mapped[datetime]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    attempt_id: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    maybe_sent: Mapped[bool] = mapped_column(default=False, server_default="false")
    problem: Mapped[str | None]
    due_at: Mapped[datetime | None]
    title: Mapped[str | None]
    body: Mapped[str | None]
    sent_at: Mapped[datetime | None]


class MessagePart(Base):
    """One thing in a message: what the person knew of it, and what they are to know."""

    __tablename__ = "message_part"
    __table_args__ = (
        choice_check("kind", Kind),
        UniqueConstraint("message_id", "subject"),
        CheckConstraint("before IS DISTINCT FROM after", name="says_something"),
        Index("ix_message_part_subject", "subject"),
        Index("ix_message_part_visit_id", "visit_id"),
    )

    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    subject: Mapped[str]
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"))
    kind: Mapped[Kind] = mapped_column(Choice(Kind))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class CallKind(StrEnum):
    """Why somebody must be called before anything is written to them."""

    PROMISE_BROKEN = "promise_broken"
    SECOND_VISIT = "second_visit"
    CANCELLED = "cancelled"


class CallState(StrEnum):
    """Where a call stands."""

    OPEN = "open"
    TOLD = "told"
    WITHDRAWN = "withdrawn"


class CallTask(Base, Versioned):
    """Bad news somebody tells by voice: one open call a visit, with owner and due time."""

    __tablename__ = "call_task"
    __table_args__ = (
        choice_check("state", CallState),
        choice_check("kind", CallKind),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_when_closed"),
        CheckConstraint("state = 'open' OR outcome IS NOT NULL", name="closed_has_outcome"),
        Index("uq_call_task_open", "visit_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_call_task_visit_id", "visit_id"),
        Index("ix_call_task_open_due", "due_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[Id]
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    kind: Mapped[CallKind] = mapped_column(Choice(CallKind))
    facts: Mapped[dict[str, Any]]
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    due_at: Mapped[datetime]
    state: Mapped[CallState] = mapped_column(Choice(CallState), default=CallState.OPEN)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    outcome: Mapped[str | None]
