"""Steps that somebody took upon themselves so that work does not rest on one person or one certificate."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.core.db import Base, Choice, Id, Versioned, choice_check


class CoverKind(StrEnum):
    """What is to be done."""

    REMIND = "remind"
    RENEW = "renew"
    COVER = "cover"
    LEARN = "learn"


class CoverTask(Base, Versioned):
    """One step of a cover plan, with owner and due time; it is a loose end until it is done or closed.

    ``subject`` names what it is about (``certification-7``, ``visit-12``, ``skill-3-2``, ``site-9``), so that the same
    step is not taken twice.
    """

    __tablename__ = "cover_task"
    __table_args__ = (
        choice_check("kind", CoverKind),
        CheckConstraint("title <> '' AND next_step <> ''", name="says_what"),
        CheckConstraint("helper_id <> technician_id", name="somebody_else"),
        Index(
            "uq_cover_task_open",
            "kind",
            "technician_id",
            "subject",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_cover_task_owner_id", "owner_id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_cover_task_territory_id", "territory_id", postgresql_where=text("closed_at IS NULL")),
    )

    id: Mapped[Id]
    kind: Mapped[CoverKind] = mapped_column(Choice(CoverKind))
    technician_id: Mapped[int] = mapped_column(ForeignKey("technician.id"), index=True)
    helper_id: Mapped[int | None] = mapped_column(ForeignKey("technician.id"), index=True)
    certification_id: Mapped[int | None] = mapped_column(ForeignKey("certification.id"), index=True)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), index=True)
    subject: Mapped[str]
    title: Mapped[str]
    next_step: Mapped[str]
    territory_id: Mapped[int] = mapped_column(ForeignKey("territory.id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    due_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
