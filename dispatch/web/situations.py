"""A disruption in words, for its page, the alerts of the board and the list of loose ends."""

from collections.abc import Sequence
from datetime import date

from dispatch.core import clock
from dispatch.planning.disruption_page import LateSteps, Situation, alerts, late_steps
from dispatch.planning.draft_publishing import count_drafted
from dispatch.planning.models import FREES_TIME, DisruptionKind, DisruptionState, RepairPart
from dispatch.planning.unreported import Unreported, unreported
from dispatch.web.context import db, moment
from dispatch.web.words import _
from dispatch.workforce.models import Territory

MOST_ALERTS = 3


def unsettled(territories: Sequence[Territory], day: date) -> list[tuple[Situation, str, str, LateSteps | None]]:
    """Return what is unsettled on a day, newest first: what happened, how far it is, and what one click does."""
    found = alerts(db(), territories=[each.id for each in territories], day=day, now=moment())
    steps = late_steps(db(), found[:MOST_ALERTS], moment())
    return [(each, heading(each), state_words(each), steps.get(each.id)) for each in found]


def silent(territories: Sequence[Territory], day: date) -> list[Unreported]:
    """Return who should have begun and was not heard of; a day that is not today has none."""
    today = [each for each in territories if clock.local_day(moment(), each.zone) == day]
    return unreported(db(), territories=[each.id for each in today], now=moment()) if today else []


def unpublished(territories: Sequence[Territory], day: date) -> int:
    """Return how many visits of a later day nobody was told of yet."""
    if not territories or day <= clock.local_day(moment(), territories[0].zone):
        return 0
    return count_drafted(db(), territories=[each.id for each in territories], day=day, zone=territories[0].zone)


def heading(about: Situation) -> str:
    """Return what happened, in a few words."""
    who = about.technician or about.customer or ""
    job = _("%(title)s at %(who)s", title=about.title or "", who=about.customer or "")
    words = {
        DisruptionKind.CANNOT_WORK: _("%(who)s cannot work", who=who),
        DisruptionKind.VEHICLE: _("%(who)s has trouble with the vehicle", who=who),
        DisruptionKind.RUNNING_LATE: _("%(who)s is running %(n)s min late", who=who, n=about.minutes or 0),
        DisruptionKind.EMERGENCY: _("Emergency: %(job)s", job=job),
        DisruptionKind.NO_ACCESS: _("No access: %(job)s", job=job),
        DisruptionKind.PART_MISSING: _("A part is missing: %(job)s", job=job),
        DisruptionKind.LONGER: _("Takes %(n)s min longer: %(job)s", job=job, n=about.minutes or 0),
        DisruptionKind.NOT_DONE: _("Could not be done: %(job)s", job=job),
        DisruptionKind.CANCELLATION: _("Cancelled: %(job)s", job=job),
    }
    return words[about.kind]


def state_words(about: Situation) -> str:
    """Return how far it is, in one short sentence."""
    if about.state is DisruptionState.OPEN:
        return _("A proposal is being made.")
    if about.message:
        return about.message
    if about.kind in FREES_TIME:
        return _(
            "%(fit)s fit into the free time, %(ask)s need the customer.",
            fit=about.counts.get(RepairPart.KEPT, 0),
            ask=about.counts.get(RepairPart.CUSTOMER, 0) + about.counts.get(RepairPart.YOU, 0),
        )
    counted = [
        _("%(n)s kept", n=about.counts.get(RepairPart.KEPT, 0)),
        _("%(n)s need the customer", n=about.counts.get(RepairPart.CUSTOMER, 0)),
        _("%(n)s need you", n=about.counts.get(RepairPart.YOU, 0)),
    ]
    return ", ".join(counted) + "."
