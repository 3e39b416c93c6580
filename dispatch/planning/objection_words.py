"""What speaks against a placement, as sentences for a dispatcher: who, what, how much, never why somebody is away.

What the matcher gives as a reason as well is said in the same words; here stands what only a placement can break.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning import reason_words
from dispatch.planning.musts import Objection
from dispatch.planning.readings import Clock
from dispatch.planning.words import clock_words, holder_sentence, length_words, minutes_words, span_words


def sentences(
    session: Session, found: Sequence[Objection], technician_id: int, clock: Clock, zone: str, *, visit_id: int
) -> tuple[str, ...]:
    """Return one sentence for each objection, in order; names are read in a few statements, only when needed.

    Customers are named of the territory of the visit that is placed, ``visit_id``; others only as another visit.
    """
    if not found:
        return ()
    whom = {"technician": technician_id}
    reasons = [{"code": item.code, "params": {**item.params, **whom}} for item in found]
    shared = [reason for reason in reasons if reason["code"] not in _SENTENCES]
    names = reason_words.names_for(session, [{"params": whom}, *shared])
    about = _Placement(
        session=session,
        visit_id=visit_id,
        technician_id=technician_id,
        person=names.person(whom),
        customers=_customers(session, found, visit_id),
        clock=clock,
        zone=zone,
    )
    return tuple(
        _SENTENCES[item.code](about, item.params) if item.code in _SENTENCES else reason_words.sentence(reason, names)
        for item, reason in zip(found, reasons, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class _Placement:
    """Who is placed, and what else the sentences mention."""

    session: Session
    visit_id: int
    technician_id: int
    person: str
    customers: Mapping[int, str]
    clock: Clock
    zone: str

    def span(self, params: Mapping[str, Any]) -> str:
        return span_words(self.clock.instant(params["start_s"]), self.clock.instant(params["end_s"]), self.zone)

    def customer(self, params: Mapping[str, Any]) -> str:
        return self.customers.get(int(params["visit"]), "another visit")

    def holder(self, params: Mapping[str, Any]) -> str:
        start, end = self.clock.instant(params["start_s"]), self.clock.instant(params["end_s"])
        return (
            holder_sentence(self.session, self.technician_id, start, end, seen_from=self.visit_id)
            or f"{self.person} is booked from {self.span(params)}."
        )


def _customers(session: Session, found: Sequence[Objection], visit_id: int) -> dict[int, str]:
    visits = {int(item.params["visit"]) for item in found if "visit" in item.params}
    if not visits:
        return {}
    here = select(Visit.territory_id).where(Visit.id == visit_id).scalar_subquery()
    asked = (
        select(Visit.id, Customer.name)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_(visits), Visit.territory_id == here)
    )
    return dict(session.execute(asked).all())


_SENTENCES: Mapping[str, Callable[[_Placement, Mapping[str, Any]], str]] = {
    "double_booking": lambda n, p: n.holder(p),
    "outside_window": lambda n, p: f"The site can only be served with a start from {n.span(p)}.",
    "after_promise": lambda n, p: f"This starts {length_words(p['late_s'])} after what we promised the customer.",
    "before_promise": lambda n, p: f"This starts {length_words(p['early_s'])} before what we promised the customer.",
    "outside_shift": lambda n, p: f"{n.person} works from {n.span(p)}.",
    "away": lambda n, p: f"{n.person} is not available from {n.span(p)}.",
    "cannot_arrive": lambda n, p: (
        f"{n.person} would arrive {minutes_words(p['late_s'])} later: the way takes {minutes_words(p['travel_s'])}."
    ),
    "pinned": lambda n, p: "This is pinned to somebody or to a time. Unpin it first, then it can move.",
    "not_yet": lambda n, p: f"This can begin from {clock_words(n.clock.instant(p['start_s']), n.zone)} on.",
    "before_follower": lambda n, p: (
        f"{n.customer(p)} waits for this and starts at {clock_words(n.clock.instant(p['start_s']), n.zone)}."
    ),
    "breaks_promise": lambda n, p: (
        f"{n.customer(p)} would be served {length_words(p['late_s'])} after what we promised them."
    ),
    "delays_next": lambda n, p: f"{n.person} would be {minutes_words(p['late_s'])} late at {n.customer(p)} afterwards.",
    "late_home": lambda n, p: f"{n.person} would be back {minutes_words(p['late_s'])} after the end of the day.",
    "no_break": lambda n, p: f"{n.person} would have no room for a break of {minutes_words(p['duration_s'])}.",
}
