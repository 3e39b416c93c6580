"""Use cases of coverage that pages call: ask for a count, keep its answer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core import queue
from dispatch.core.audit import Change, record
from dispatch.coverage.kept import READING, latest_run, write_lines
from dispatch.coverage.models import CoverageLine, CoverageRun
from dispatch.coverage.queries import changes_since
from dispatch.coverage.result import VERSION, Counted, lines_of, to_json

TASK = "coverage.count"
REFRESH = "coverage.refresh"
KEPT_DAYS = 35
READ_AT_ONCE = 2
_LOCK = 0xC07E7A6E
"""The advisory lock that stands for "the kept counts"; whoever dies with it lets it go with the connection."""
LONGEST_WAIT = "90s"
"""For another count to be stored: a large one takes seconds, and a silent holder is cut off after a minute."""


def request_count(session: Session, *, actor: Actor) -> bool:
    """Ask the worker to count coverage anew; False when that is waiting already."""
    actor.require(Right.COVERAGE_SOLVE)
    return queue.defer(session, TASK, once=TASK)


def store_coverage(
    session: Session, counted: Counted, *, based_on_seq: int, seconds: float, actor: Actor, now: datetime
) -> CoverageRun:
    """Keep a counted outlook for the pages, and of the older ones what `_clear` leaves.

    Counts may run beside each other, and the one that read first may end last: it is dropped, and what is returned is
    the kept one that read later.
    """
    newest = _newest_alone(session)
    if newest is not None and _reading(newest) > (based_on_seq, now):
        return newest
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
    write_lines(session, run.id, lines_of(counted))
    _clear(session, now)
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


def _clear(session: Session, now: datetime) -> None:
    """Leave the heads of the last count of each day for five weeks, and the lines of the newest two.

    A page may be reading the one before the newest, statement by statement.
    """
    day = func.date_trunc("day", CoverageRun.computed_at)
    ranked = (
        select(
            CoverageRun.id,
            func.row_number().over(order_by=READING).label("newest"),
            func.row_number().over(partition_by=day, order_by=READING).label("of_day"),
        )
        .where(CoverageRun.result["version"].as_integer() == VERSION)
        .subquery()
    )
    overtaken = select(ranked.c.id).where(ranked.c.newest > READ_AT_ONCE)
    old = CoverageRun.id.in_(overtaken.where(ranked.c.of_day > 1)) | (
        CoverageRun.computed_at < now - timedelta(days=KEPT_DAYS)
    )
    for gone in (delete(CoverageRun).where(old), delete(CoverageLine).where(CoverageLine.run_id.in_(overtaken))):
        session.execute(gone.execution_options(synchronize_session=False))


def confirm_coverage(session: Session, run_id: int, *, based_on_seq: int, now: datetime) -> CoverageRun | None:
    """Note that a count still holds: nothing it rests on changed. None where it is not the newest one any more."""
    newest = _newest_alone(session)
    if newest is None or newest.id != run_id:
        return None
    newest.based_on_seq, newest.computed_at = max(_reading(newest), (based_on_seq, now))
    return newest


def _newest_alone(session: Session) -> CoverageRun | None:
    """Let nobody else keep counts until this transaction ends, and return the newest one kept by then."""
    session.execute(select(func.set_config("lock_timeout", LONGEST_WAIT, True)))
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    newest = latest_run(session)
    if newest is not None:
        session.refresh(newest, ["based_on_seq", "computed_at"])
    return newest


def _reading(run: CoverageRun) -> tuple[int, datetime]:
    """How new the facts of a count are: how far the log was when they were read, and when that was."""
    return run.based_on_seq, run.computed_at


def refresh_due(session: Session) -> bool:
    """Say whether the log has changes since the last count; without any count there is nothing to refresh."""
    run = latest_run(session)
    return run is not None and changes_since(session, run.based_on_seq) > 0
