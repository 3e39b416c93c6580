"""What can be typed instead of pressed: a booking for the visit that is selected on the board."""

from dataclasses import dataclass

from flask import request

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs import queries as job_queries
from dispatch.planning.assigning import PLANNABLE
from dispatch.planning.places import Answer
from dispatch.planning.typed_booking import Offer, offers, read
from dispatch.web import board_places
from dispatch.web.board_scope import asked_day
from dispatch.web.context import actor, db, moment
from dispatch.web.words import _

VERBS = ("book", "assign", "move", "give")


@dataclass(frozen=True, kw_only=True)
class Booking:
    """The bookings that a line could mean, for one visit; ``words`` say why there are none."""

    title: str
    visit_id: int | None
    answer: Answer | None
    offers: list[Offer]
    words: str | None = None


def typed_booking(text: str) -> Booking | None:
    """Return what a line that begins like an order to book means; None where it does not, or one may not book."""
    verb, _blank, rest = text.strip().partition(" ")
    if verb.casefold() not in (*VERBS, _("book")) or not actor().may(Right.ASSIGNMENT_EDIT):
        return None
    chosen = request.args.get("sel", type=int)
    if chosen is None:
        words = _("Select a job on the board first. Then type who and when, such as “book Ana 10:00” or “book best”.")
        return Booking(title=_("Book"), visit_id=None, answer=None, offers=[], words=words)
    try:
        job_id = job_queries.job_of_visit(db(), chosen)
        job = job_queries.job_details(db(), job_id, territories=actor().territories(Right.ASSIGNMENT_EDIT))
        visit = next(each for each in job.visits if each.id == chosen)
        day = asked_day([job.site.territory])
        if visit.state not in PLANNABLE:
            raise Conflict(_("The selected job has begun or ended, so it stays where it is."))
        answer = board_places.answer(visit.id, visit.territory_id, day, None)
        found = offers(db(), visit=visit, answer=answer, typed=read(rest), day=day, now=moment())
    except (Conflict, NotFound) as refused:
        return Booking(title=_("Book"), visit_id=None, answer=None, offers=[], words=refused.message)
    return Booking(
        title=_("Book “%(title)s”, %(customer)s", title=job.title, customer=job.customer.name),
        visit_id=visit.id,
        answer=answer,
        offers=found,
        words=None if found else _("Nobody of that day is called so, and there is no such place."),
    )
