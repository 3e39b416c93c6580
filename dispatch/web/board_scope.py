"""Which day and territories a page of the board is about, as its address says."""

from collections.abc import Sequence
from datetime import date

from flask import request

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Invalid, NotFound
from dispatch.jobs.models import Visit
from dispatch.web.context import actor, db, moment
from dispatch.workforce.choices import territories_in_reach
from dispatch.workforce.models import Territory


def asked_territories() -> tuple[Sequence[Territory], list[Territory]]:
    """Return the territories in reach and those asked for; they share the clock of the first."""
    reach = territories_in_reach(db(), actor().territories(Right.BOARD_READ))
    return reach, chosen_of(reach, request.values.get("territory", type=int))


def chosen_of(reach: Sequence[Territory], asked: int | None) -> list[Territory]:
    """Return the territory asked for, or all in reach that share the clock of the first."""
    chosen = [each for each in reach if asked is None or each.id == asked]
    if asked is not None and not chosen:
        raise NotFound("There is no such territory.")
    return [each for each in chosen if each.zone == chosen[0].zone]


def asked_day(territories: Sequence[Territory]) -> date:
    """Return the local day asked for, today where none is or it makes no sense."""
    try:
        day = date.fromisoformat(request.values.get("date", ""))
    except ValueError:
        return clock.local_day(moment(), territories[0].zone if territories else "UTC")
    if abs((day - moment().date()).days) > 3660:
        raise Invalid("Choose a day within ten years of today.", field="date")
    return day


def likely_day(found: Visit, zone: str) -> date:
    """Return the day a visit is promised or may start, today when neither is said or it has passed."""
    today = clock.local_day(moment(), zone)
    promise = next((each for each in reversed(found.promises) if each.state == "standing"), None)
    begin = promise.during.lower if promise else found.windows[0].during.lower if found.windows else None
    return today if begin is None else max(today, clock.local_day(begin, zone))
