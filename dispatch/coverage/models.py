"""The last solved coverage, kept so that a page shows it at once."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from dispatch.core.db import Base, Choice, Id, choice_check
from dispatch.coverage.outlook import RowKind


class CoverageRun(Base):
    """One solved outlook: hours qualified people can give against hours customers will need.

    ``result`` holds what speaks of all weeks or all territories together; the table itself is kept in lines.
    """

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


class CoverageLine(Base):
    """One row of the table in one territory: its weeks, what would help in them, and what history draws.

    The sums over all weeks are what lines are found and put in order by; ``expected_s`` is NULL without history.
    """

    __tablename__ = "coverage_line"
    __table_args__ = (choice_check("kind", RowKind),)

    run_id: Mapped[int] = mapped_column(ForeignKey("coverage_run.id", ondelete="CASCADE"), primary_key=True)
    territory_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[RowKind] = mapped_column(Choice(RowKind), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    needed_s: Mapped[int] = mapped_column(BigInteger)
    missing_s: Mapped[int] = mapped_column(BigInteger)
    expected_s: Mapped[int | None] = mapped_column(BigInteger)
    cells: Mapped[list[Any]]
    remedies: Mapped[list[Any]]
    outlines: Mapped[list[Any]]
