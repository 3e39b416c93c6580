"""What a customer was told last and when somebody arrived there: parts that queries about visits share."""

from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, func, select

from dispatch.jobs.models import Promise, PromiseState, Visit
from dispatch.planning.models import ReportKind, VisitReport
from dispatch.planning.promise_state import Outlook, outlook


def latest_promise() -> ScalarSelect[Any]:
    """Return the id of a visit's latest promise that was not replaced or withdrawn."""
    return (
        select(func.max(Promise.id))
        .where(Promise.visit_id == Visit.id, Promise.state.not_in((PromiseState.REPLACED, PromiseState.WITHDRAWN)))
        .correlate(Visit)
        .scalar_subquery()
    )


def arrival() -> ScalarSelect[Any]:
    """Return when somebody last reported to have arrived at a visit."""
    return (
        select(func.max(VisitReport.happened_at))
        .where(VisitReport.visit_id == Visit.id, VisitReport.kind == ReportKind.ARRIVED)
        .correlate(Visit)
        .scalar_subquery()
    )


def outlook_of(row: Any, now: datetime) -> Outlook | None:
    """Return how the promise of a booking stands, None when nothing was promised.

    ``row`` carries ``promise``, ``during``, ``travel_s``, ``travel_source`` and ``arrived_at``.
    """
    if row.promise is None:
        return None
    return outlook(
        row.promise.upper,
        planned_at=row.during.lower,
        travel_s=row.travel_s,
        source=row.travel_source,
        arrived_at=row.arrived_at,
        now=now,
    )
