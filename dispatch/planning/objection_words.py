"""What speaks against a placement, as sentences for a dispatcher: who, what, how much, never why somebody is away."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, Visit
from dispatch.planning.musts import Objection
from dispatch.planning.readings import Clock
from dispatch.planning.words import holder_sentence, minutes_words, span_words
from dispatch.skills.models import CertificationKind, Skill
from dispatch.workforce.models import Technician


def sentences(
    session: Session, found: Sequence[Objection], technician_id: int, clock: Clock, zone: str
) -> tuple[str, ...]:
    """Return one sentence for each objection, in order; names are read in a few statements, only when needed."""
    if not found:
        return ()
    names = _Names(session, found, technician_id, clock, zone)
    return tuple(_SENTENCES[item.code](names, item.params) for item in found)


class _Names:
    """Names of the people, skills and customers that the sentences mention."""

    def __init__(
        self, session: Session, found: Sequence[Objection], technician_id: int, clock: Clock, zone: str
    ) -> None:
        self.session, self.technician_id, self.clock, self.zone = session, technician_id, clock, zone
        self.person = session.scalar(select(Technician.name).where(Technician.id == technician_id)) or "This person"
        self.skills = self._read(Skill, "skill", found)
        self.permits = self._read(CertificationKind, "certification", found)
        visits = {int(item.params["visit"]) for item in found if "visit" in item.params}
        self.customers: dict[int, str] = (
            dict(
                session.execute(
                    select(Visit.id, Customer.name)
                    .join(Job, Job.id == Visit.job_id)
                    .join(Customer, Customer.id == Job.customer_id)
                    .where(Visit.id.in_(visits))
                ).all()
            )
            if visits
            else {}
        )

    def _read(self, kind: Any, name: str, found: Sequence[Objection]) -> dict[str, str]:
        ids = {int(item.params[name]) for item in found if name in item.params}
        if not ids:
            return {}
        return {
            str(row.id): row.name for row in self.session.execute(select(kind.id, kind.name).where(kind.id.in_(ids)))
        }

    def span(self, params: Mapping[str, Any]) -> str:
        return span_words(self.clock.instant(params["start_s"]), self.clock.instant(params["end_s"]), self.zone)

    def customer(self, params: Mapping[str, Any]) -> str:
        return self.customers.get(int(params.get("visit", 0)), "the visit before")

    def holder(self, params: Mapping[str, Any]) -> str:
        start, end = self.clock.instant(params["start_s"]), self.clock.instant(params["end_s"])
        return (
            holder_sentence(self.session, self.technician_id, start, end)
            or f"{self.person} is booked from {self.span(params)}."
        )


_SENTENCES: Mapping[str, Callable[[_Names, Mapping[str, Any]], str]] = {
    "double_booking": lambda n, p: n.holder(p),
    "not_certified": lambda n, p: (
        f"{n.person} has no valid {n.permits.get(str(p['certification']), 'certification')} on that day."
    ),
    "not_qualified": lambda n, p: (
        f"{n.person} is not known well enough at {n.skills.get(str(p['skill']), 'the skill')} level {p['level']}:"
        f" we are {round(p['confidence'] * 100)} % sure."
    ),
    "not_confirmed": lambda n, p: (
        f"Nobody but {n.person} has confirmed {n.skills.get(str(p['skill']), 'the skill')} level {p['level']} yet."
    ),
    "excluded": lambda n, p: f"The customer asked not to be served by {n.person}.",
    "not_required": lambda n, p: f"The customer insists on somebody else than {n.person}.",
    "other_territory": lambda n, p: f"{n.person} does not work in this territory.",
    "outside_window": lambda n, p: f"The site can only be served with a start from {n.span(p)}.",
    "after_promise": lambda n, p: f"This starts {minutes_words(p['late_s'])} after what we promised the customer.",
    "before_promise": lambda n, p: f"This starts {minutes_words(p['early_s'])} before what we promised the customer.",
    "outside_shift": lambda n, p: f"{n.person} works from {n.span(p)}.",
    "away": lambda n, p: f"{n.person} is not available from {n.span(p)}.",
    "unreachable": lambda n, p: f"There is no way to this place for {n.person}.",
    "cannot_arrive": lambda n, p: (
        f"{n.person} would arrive {minutes_words(p['late_s'])} later: the way takes {minutes_words(p['travel_s'])}."
    ),
    "delays_next": lambda n, p: f"{n.person} would be {minutes_words(p['late_s'])} late at {n.customer(p)} afterwards.",
    "late_home": lambda n, p: f"{n.person} would be back {minutes_words(p['late_s'])} after the end of the day.",
    "no_break": lambda n, p: f"{n.person} would have no room for a break of {minutes_words(p['duration_s'])}.",
}
