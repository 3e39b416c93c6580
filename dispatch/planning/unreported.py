"""Visits that should have begun and of which nothing was heard: lateness that nobody has reported yet.

Silent while the promise still holds, and where a delay or an absence of the person is looked after already.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Promise, Visit
from dispatch.planning.models import UNSETTLED, Assignment, AssignmentState, Disruption, DisruptionKind
from dispatch.planning.promise_state import PromiseOutlook
from dispatch.planning.rows import live
from dispatch.planning.told import arrival, latest_promise, outlook_of
from dispatch.workforce.models import Shift, Technician, Territory

LATE_AFTER = timedelta(minutes=10)
SEEN_FOR = timedelta(hours=12)
MOST = 20
NOT_THERE = (AssignmentState.PLANNED, AssignmentState.ACCEPTED, AssignmentState.ON_THE_WAY)
OF_A_PERSON = (DisruptionKind.RUNNING_LATE, DisruptionKind.CANNOT_WORK, DisruptionKind.VEHICLE)
OVER = (PromiseOutlook.AT_RISK, PromiseOutlook.WILL_MISS)


@dataclass(frozen=True, kw_only=True)
class Unreported:
    """Somebody who should be with a customer by now."""

    technician_id: int
    technician: str
    phone: str | None
    visit_id: int
    title: str
    customer: str
    zone: str
    planned_at: datetime
    promised_to: datetime
    on_the_way: bool
    missed: bool


def unreported(session: Session, *, territories: Collection[int], now: datetime) -> list[Unreported]:
    """Return who should have begun and puts a promise at risk, the first such visit of each person; one statement."""
    known = exists().where(
        Disruption.technician_id == Assignment.technician_id,
        Disruption.kind.in_(OF_A_PERSON),
        Disruption.state.in_(UNSETTLED),
        Disruption.day == Shift.on_date,
    )
    rows = session.execute(
        select(
            Assignment.technician_id,
            Technician.name,
            Technician.phone,
            Assignment.visit_id,
            Assignment.during,
            Assignment.state,
            Assignment.travel_s,
            Assignment.travel_source,
            Job.title,
            Customer.name.label("customer"),
            Territory.zone,
            Promise.during.label("promise"),
            arrival().label("arrived_at"),
        )
        .join(Shift, Shift.id == Assignment.shift_id)
        .join(Technician, Technician.id == Assignment.technician_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .join(Promise, Promise.id == latest_promise())
        .where(
            live(),
            Visit.territory_id.in_(territories),
            Assignment.state.in_(NOT_THERE),
            func.lower(Assignment.during).between(now - SEEN_FOR, now - LATE_AFTER),
            ~known,
        )
        .order_by(func.lower(Assignment.during), Assignment.id)
    )
    found: dict[int, Unreported] = {}
    for row in rows:
        seen = outlook_of(row, now)
        if row.arrived_at is None and seen is not None and seen.state in OVER and row.technician_id not in found:
            found[row.technician_id] = _one(row, missed=seen.state is PromiseOutlook.WILL_MISS)
    return list(found.values())[:MOST]


def _one(row: Any, *, missed: bool) -> Unreported:
    return Unreported(
        technician_id=row.technician_id,
        technician=row.name,
        phone=row.phone,
        visit_id=row.visit_id,
        title=row.title,
        customer=row.customer,
        zone=row.zone,
        planned_at=row.during.lower,
        promised_to=row.promise.upper,
        on_the_way=row.state is AssignmentState.ON_THE_WAY,
        missed=missed,
    )
