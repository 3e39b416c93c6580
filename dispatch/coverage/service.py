"""Use cases of coverage that pages call: ask for a count, keep its answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core import queue
from dispatch.core.audit import Change, record
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.queries import changes_since, latest_run
from dispatch.coverage.result import Counted, to_json

TASK = "coverage.count"
REFRESH = "coverage.refresh"
KEPT_DAYS = 35


def request_count(session: Session, *, actor: Actor) -> bool:
    """Ask the worker to count coverage anew; False when that is waiting already."""
    actor.require(Right.COVERAGE_SOLVE)
    return queue.defer(session, TASK, once=TASK)


def store_coverage(
    session: Session, counted: Counted, *, based_on_seq: int, seconds: float, actor: Actor, now: datetime
) -> CoverageRun:
    """Keep a counted outlook for the pages: the last of each day, for five weeks."""
    run = CoverageRun(
        computed_at=now,
        based_on_seq=based_on_seq,
        starts_on=counted.weeks[0],
        weeks=len(counted.weeks),
        seconds=seconds,
        result=to_json(counted),
    )
    session.add(run)
    session.flush()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    same_day = CoverageRun.computed_at.between(midnight, now) & (CoverageRun.id != run.id)
    session.execute(
        delete(CoverageRun)
        .where(same_day | (CoverageRun.computed_at < now - timedelta(days=KEPT_DAYS)))
        .execution_options(synchronize_session=False)
    )
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="coverage.solve",
            entity="coverage_run",
            entity_id=str(run.id),
            after={"weeks": run.weeks, "starts_on": run.starts_on, "unmet_s": counted.unmet_s},
        ),
    )
    return run


def confirm_coverage(run: CoverageRun, *, based_on_seq: int, now: datetime) -> None:
    """Note that a count still holds: nothing it rests on changed."""
    run.based_on_seq, run.computed_at = based_on_seq, now


def refresh_due(session: Session) -> bool:
    """Say whether the log has changes since the last count; without any count there is nothing to refresh."""
    run = latest_run(session)
    return run is not None and changes_since(session, run.based_on_seq) > 0
