"""Times that are being offered to customers: nobody else is booked in them, so nobody is proposed there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning.candidates import CandidateRow
from dispatch.planning.models import Offer, OfferState
from dispatch.planning.rows import among


def holds_on(session: Session, ranked: Sequence[CandidateRow], visit_id: int, now: datetime) -> dict[int, Any]:
    """Return by person the hold for another customer that lies where their best place is; one statement."""
    best = {row.technician_id: Range(row.start_at, row.end_at) for row in ranked}
    held = session.execute(
        select(Offer.technician_id, Offer.during, Offer.held_until, Customer.name.label("customer"))
        .join(Visit, Visit.id == Offer.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(
            Offer.state == OfferState.HELD,
            Offer.held_until > now,
            Offer.visit_id != visit_id,
            among(Offer.technician_id, best),
        )
        .order_by(Offer.held_until)
    )
    return {row.technician_id: row for row in held if row.during.overlaps(best[row.technician_id])}
