"""What is wrong with the input of a run, where it can be mended: told while it works, not after."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session

from dispatch.core.clock import day_bounds
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Job, Promise, PromiseState, Site, Visit
from dispatch.planning.models import PlanScope
from dispatch.workforce.models import Shift, Territory

NAMED = 3
"""Jobs named of each kind; the number of all of them is told."""


@dataclass(frozen=True, kw_only=True)
class JobNamed:
    """A job with something that keeps it from being planned well, and the row that mends it."""

    job_id: int
    visit_id: int
    site_id: int
    title: str


@dataclass(frozen=True, kw_only=True)
class InputProblems:
    """What a run cannot plan well as things are; numbers count all, the rows name the first few."""

    without_place: int
    without_place_named: tuple[JobNamed, ...]
    promise_passed: int
    promise_passed_named: tuple[JobNamed, ...]
    nobody_works: tuple[tuple[str, date], ...]

    @property
    def any(self) -> bool:
        """Whether there is anything to mend."""
        return bool(self.without_place or self.promise_passed or self.nobody_works)


def input_problems(session: Session, request_id: int, now: datetime) -> InputProblems:
    """Look through what is open in the territories of a run."""
    cells = session.execute(
        select(PlanScope.day, Territory.id, Territory.name, Territory.zone, func.count(Shift.id).label("shifts"))
        .join(Territory, Territory.id == PlanScope.territory_id)
        .outerjoin(
            Shift, and_(Shift.territory_id == Territory.id, Shift.on_date == PlanScope.day, Shift.cancelled.is_(False))
        )
        .where(PlanScope.plan_request_id == request_id)
        .group_by(PlanScope.day, Territory.id, Territory.name, Territory.zone)
        .order_by(PlanScope.day, Territory.name)
    ).all()
    ends = max((day_bounds(cell.day, cell.zone)[1] for cell in cells), default=now)
    waiting = (
        select(
            Job.id.label("job_id"),
            Visit.id.label("visit_id"),
            Job.site_id,
            Job.title,
            func.count().over().label("total"),
        )
        .join(Visit, Visit.job_id == Job.id)
        .join(Site, Site.id == Job.site_id)
        .where(Visit.state == VisitState.OPEN, Visit.territory_id.in_([cell.id for cell in cells]))
        .where(func.coalesce(Visit.release_at, now) < ends)
        .order_by(Job.priority, Job.id)
        .limit(NAMED)
    )
    passed = waiting.join(Promise, and_(Promise.visit_id == Visit.id, Promise.state == PromiseState.STANDING))
    lost, lost_named = _named(session, waiting.where(Site.lat.is_(None)))
    late, late_named = _named(session, passed.where(func.upper(Promise.during) < now))
    return InputProblems(
        without_place=lost,
        without_place_named=lost_named,
        promise_passed=late,
        promise_passed_named=late_named,
        nobody_works=tuple((cell.name, cell.day) for cell in cells if not cell.shifts),
    )


def _named(session: Session, found: Select[*tuple[Any, ...]]) -> tuple[int, tuple[JobNamed, ...]]:
    rows = session.execute(found).all()
    named = tuple(
        JobNamed(job_id=row.job_id, visit_id=row.visit_id, site_id=row.site_id, title=row.title) for row in rows
    )
    return (rows[0].total if rows else 0), named
