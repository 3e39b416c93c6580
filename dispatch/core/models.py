"""Tables every feature uses: the change log, attachments and imports."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.core.db import Base, Choice, Id, Instant, choice_check


class AuditHead(Base):
    """The single row that hands out sequence numbers; locked for the end of each writing transaction."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    seq: Mapped[int]
    hash: Mapped[str]


class AuditEvent(Base):
    """One change, append-only: who, what, from, to, why, and the command that would take it back."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_entity_entity_id", "entity", "entity_id", "seq"),
        Index("ix_audit_event_actor_id", "actor_id", "seq"),
        Index("ix_audit_event_at", "at"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    channel: Mapped[str]
    action: Mapped[str]
    entity: Mapped[str]
    entity_id: Mapped[str]
    entity_version: Mapped[int | None]
    territory_id: Mapped[int | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    inverse: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    undoes_seq: Mapped[int | None] = mapped_column(unique=True)
    prev: Mapped[str]
    hash: Mapped[str]


class Attachment(Base):
    """A file kept in the data folder under its random id; the name is only shown."""

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint("size_bytes >= 0", name="size_not_negative"),
        CheckConstraint("length(sha256) = 64", name="sha256_length"),
        Index("ix_attachment_entity_entity_id", "entity", "entity_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    entity: Mapped[str]
    entity_id: Mapped[str]
    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    uploaded_at: Mapped[datetime] = mapped_column(Instant(), server_default=func.now())


class ImportState(StrEnum):
    """How an import ended."""

    CHECKED = "checked"
    DONE = "done"
    UNDONE = "undone"


class ImportBatch(Base):
    """One file that was read: counts and the rows that were refused, each with line, column, value and remedy."""

    __tablename__ = "import_batch"
    __table_args__ = (choice_check("state", ImportState),)

    id: Mapped[Id]
    kind: Mapped[str]
    source: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[str]
    state: Mapped[ImportState] = mapped_column(Choice(ImportState))
    rows_read: Mapped[int]
    rows_new: Mapped[int]
    rows_changed: Mapped[int]
    rows_same: Mapped[int]
    faults: Mapped[list[Any]] = mapped_column(JSONB(), server_default=text("'[]'"))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))


class ImportUpload(Base):
    """A file that waits between the steps of an import, with what its person chose; emptied when it was imported."""

    __tablename__ = "import_upload"
    __table_args__ = (CheckConstraint("octet_length(data) <= 8388608", name="size_bounded"),)

    id: Mapped[Id]
    kind: Mapped[str]
    file_name: Mapped[str]
    data: Mapped[bytes]
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB(), default=dict, server_default=text("'{}'"))
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)


class OutsideId(Base):
    """Which row of ours a row of an outside source became, so that importing twice changes nothing."""

    __tablename__ = "outside_id"
    __table_args__ = (
        UniqueConstraint("source", "entity", "outside_id", name="uq_outside_id_source_entity_outside_id"),
        Index("ix_outside_id_entity_entity_id", "entity", "entity_id"),
    )

    id: Mapped[Id]
    source: Mapped[str]
    entity: Mapped[str]
    outside_id: Mapped[str]
    entity_id: Mapped[int]
    row_hash: Mapped[str]
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)
