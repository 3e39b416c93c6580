"""What a change of needs, levels or certificates did to visits that are booked already, in one sentence."""

from collections.abc import Sequence

from dispatch.planning.unfit import Unfit, list_unfit
from dispatch.web.context import db, moment
from dispatch.web.words import _


def unfit_words(found: Sequence[Unfit]) -> str:
    """Say how many bookings do not fit any more and what the first one lacks; empty when all fit."""
    if not found:
        return ""
    first = found[0]
    if len(found) == 1:
        return _(
            "A booked visit does not fit any more and stands among the loose ends: %(name)s lacks %(missing)s.",
            name=first.technician,
            missing=first.missing,
        )
    return _(
        "%(n)s booked visits do not fit any more and stand among the loose ends. The next: %(name)s lacks %(missing)s.",
        n=len(found),
        name=first.technician,
        missing=first.missing,
    )


def with_visits(said: str, technician_id: int) -> str:
    """Return what was done, followed by what it means for the visits that this person is booked for."""
    return f"{said} {unfit_words(list_unfit(db(), technician_id=technician_id, now=moment()))}".strip()
