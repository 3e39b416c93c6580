"""The last solved coverage, kept so that a page shows it at once."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

from dispatch.core.db import Base, Id


class CoverageRun(Base):
    """One solved outlook: hours qualified people can give against hours customers will need."""

    __tablename__ = "coverage_run"
    __table_args__ = (
        CheckConstraint("weeks BETWEEN 1 AND 52", name="weeks_plausible"),
        Index("ix_coverage_run_computed_at", "computed_at"),
    )

    id: Mapped[Id]
    computed_at: Mapped[datetime]
    based_on_seq: Mapped[int]
    starts_on: Mapped[date]
    weeks: Mapped[int]
    seconds: Mapped[float]
    result: Mapped[dict[str, Any]]
