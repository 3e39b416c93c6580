"""The whole count: read, solve, keep. Loaded by the worker; pages only ask for it."""

from __future__ import annotations

from datetime import datetime
from time import perf_counter

from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.coverage.flow import build_weeks, solve_flow
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.remedies import remedies
from dispatch.coverage.result import Counted, class_prices, summed_risk, summed_sole, summed_stress
from dispatch.coverage.risk import absence_risks, pair_risks, sole_holders, stress_test
from dispatch.coverage.service import store_coverage
from dispatch.coverage.snapshot import Snapshot, read_snapshot


def count(snapshot: Snapshot) -> Counted:
    """Solve an outlook and everything the pages ask of it; needs no database."""
    outlook = snapshot.outlook
    models = build_weeks(outlook)
    flow = solve_flow(outlook, models=models)
    risks = absence_risks(outlook, models)
    ways_s = snapshot.staff.ways_s
    return Counted(
        weeks=snapshot.weeks,
        cells=flow.cells,
        risks=tuple(summed_risk(risk) for risk in risks if risk.lost_s > 0),
        pairs=pair_risks(outlook, risks, models),
        stress=summed_stress(stress_test(outlook, snapshot.away, models)),
        remedies=remedies(
            outlook,
            flow.cells,
            models,
            partners=snapshot.staff.partners,
            travel_s=lambda person, territory: ways_s.get((person, territory)),
        ),
        soles=tuple(summed_sole(sole, flow) for sole in sole_holders(outlook)),
        prices=class_prices(flow),
        booked_s=snapshot.booked_s,
        expected_s=snapshot.expectation.expected_s,
        recurring_s=snapshot.expectation.recurring_s,
        unmet_s=flow.total_unmet_s,
        later_s=snapshot.later_s,
        history_weeks=snapshot.expectation.history_weeks,
        by_territory=snapshot.expectation.by_territory,
        by_kind=snapshot.expectation.by_kind,
        by_row=snapshot.expectation.by_row,
        outlines=snapshot.expectation.outlines,
        without_hours=snapshot.territories_without_hours,
    )


def solve_coverage(session: Session, *, actor: Actor, now: datetime) -> CoverageRun:
    """Read, solve and keep the coverage of the next four weeks; about a second for sixty people."""
    actor.require(Right.COVERAGE_SOLVE)
    started = perf_counter()
    snapshot = read_snapshot(session, now=now)
    counted = count(snapshot)
    return store_coverage(
        session,
        counted,
        based_on_seq=snapshot.based_on_seq,
        seconds=perf_counter() - started,
        actor=actor,
        now=now,
    )
