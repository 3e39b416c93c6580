"""What people believe of bookings that were changed without telling them yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB, Range
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.core.db import Base


class DraftChange(Base):
    """A crew slot of a later day that was changed by hand and not published: who has it as far as people know.

    The booking itself is committed, so that no time is given away twice; here is what was told last, None for nobody.
    ``told`` can be restored as it is, ``assignment_id`` and ``during`` are the same for readers in SQL. ``overridden``
    are the objections that whoever booked knew and overrode.
    """

    __tablename__ = "draft_change"
    __table_args__ = (
        ForeignKeyConstraint(
            ["crew_slot_id", "visit_id"],
            ["crew_slot.id", "crew_slot.visit_id"],
            name="fk_draft_change_slot_of_visit",
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "(told IS NULL) = (during IS NULL) AND (told IS NULL) = (assignment_id IS NULL)", name="told_whole"
        ),
        Index("ix_draft_change_visit_id", "visit_id"),
    )

    crew_slot_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    visit_id: Mapped[int]
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id"), index=True)
    during: Mapped[Range[datetime] | None]
    told: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    overridden: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"), default=list)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    made_at: Mapped[datetime]
