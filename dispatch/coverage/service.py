"""Use cases of coverage: count it, keep the answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import perf_counter

from sqlalchemy import delete
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.coverage.flow import build_weeks, solve_flow
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.result import Counted, class_prices, summed_risk, summed_sole, to_json
from dispatch.coverage.risk import absence_risks, sole_holders
from dispatch.coverage.snapshot import Snapshot, read_snapshot

KEPT_DAYS = 35


def count(snapshot: Snapshot) -> Counted:
    """Solve an outlook and everything the pages ask of it; needs no database."""
    outlook = snapshot.outlook
    models = build_weeks(outlook)
    flow = solve_flow(outlook, models=models)
    return Counted(
        weeks=snapshot.weeks,
        cells=flow.cells,
        risks=tuple(summed_risk(risk) for risk in absence_risks(outlook, models) if risk.lost_s > 0),
        soles=tuple(summed_sole(sole, flow) for sole in sole_holders(outlook)),
        prices=class_prices(flow),
        booked_s=snapshot.booked_s,
        expected_s=snapshot.expectation.expected_s,
        unmet_s=flow.total_unmet_s,
        later_s=snapshot.later_s,
        history_weeks=snapshot.expectation.history_weeks,
        by_territory=snapshot.expectation.by_territory,
        by_kind=snapshot.expectation.by_kind,
        without_hours=snapshot.territories_without_hours,
    )


def store_coverage(
    session: Session, snapshot: Snapshot, counted: Counted, *, seconds: float, actor: Actor, now: datetime
) -> CoverageRun:
    """Keep a counted outlook for the pages; answers older than five weeks go."""
    run = CoverageRun(
        computed_at=now,
        based_on_seq=snapshot.based_on_seq,
        starts_on=snapshot.weeks[0],
        weeks=len(snapshot.weeks),
        seconds=seconds,
        result=to_json(counted),
    )
    session.add(run)
    session.execute(delete(CoverageRun).where(CoverageRun.computed_at < now - timedelta(days=KEPT_DAYS)))
    session.flush()
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


def solve_coverage(session: Session, *, actor: Actor, now: datetime) -> CoverageRun:
    """Read, solve and keep the coverage of the next four weeks; about a second for sixty people."""
    actor.require(Right.COVERAGE_SOLVE)
    started = perf_counter()
    snapshot = read_snapshot(session, now=now)
    counted = count(snapshot)
    return store_coverage(session, snapshot, counted, seconds=perf_counter() - started, actor=actor, now=now)
