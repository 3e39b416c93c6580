"""What was changed on later days and nobody was told of: looked at, published or taken back."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid
from dispatch.planning.draft_publishing import (
    Drafted,
    blocked,
    drafted,
    first_drafted,
    publish_draft,
    take_draft_back,
)
from dispatch.planning.message_preview import messages_of
from dispatch.planning.preview import Sides, changes_of
from dispatch.planning.retries import again_once
from dispatch.web.board_scope import asked_day, asked_territories
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import day as day_words
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.words import _, _n
from dispatch.workforce.models import Territory

blueprint = Blueprint("drafts", __name__, url_prefix="/board/draft")
MOST = 400


@blueprint.get("")
@permission(Right.BOARD_READ)
def index() -> Response:
    """Show what people believe and what is booked, who would hear of it, and what speaks against it by now."""
    chosen, day = _asked()
    everything = _waiting(chosen, day)
    waiting = everything[:MOST]
    sides = {each.visit_id: Sides(before=each.told, after=each.now) for each in waiting}
    changes, hears = changes_of(db(), sides)
    against = blocked(db(), sides, now=moment())
    if against:  # what does not fit is not ticked, so nobody hears of it
        _rest, hears = changes_of(db(), {visit_id: each for visit_id, each in sides.items() if visit_id not in against})
    return page(
        "board/draft.html",
        day=day,
        where=_where(day),
        changes=changes,
        hears=hears,
        calls=[each for each in changes if each.to_call and each.visit_id not in against],
        against=against,
        more=len(everything) - len(waiting),
        of={each.visit_id: each for each in waiting},
        may_publish=any(actor().may(Right.PLAN_PUBLISH, each.id) for each in chosen),
        may_edit=any(actor().may(Right.ASSIGNMENT_EDIT, each.id) for each in chosen),
        may_plan=any(actor().may(Right.PLAN_RUN, each.id) for each in chosen),
    )


@blueprint.get("/messages")
@permission(Right.PLAN_PUBLISH)
def messages() -> Response:
    """Show every message that publishing the draft of a day would send, before anybody publishes it."""
    chosen, day = _asked()
    waiting = _waiting(chosen, day)[:MOST]
    fit = {each.visit_id: each.version for each in waiting}
    for visit_id in blocked(db(), fit, now=moment()):
        del fit[visit_id]
    rows = (
        messages_of(db(), lambda: publish_draft(db(), seen=fit, actor=actor(), now=moment()), moment()) if fit else []
    )
    where = _where(day)
    return page(
        "outbox/preview.html",
        title=_("Messages of %(day)s", day=day_words(day)),
        crumbs=[
            (_("Board"), url_for("board.index", **where)),
            (_("Not published"), url_for("drafts.index", **where)),
        ],
        publish_url=url_for("drafts.index", **where),
        rows=rows,
    )


@blueprint.post("/publish")
@permission(Right.PLAN_PUBLISH)
def publish() -> Response:
    """Tell of the chosen changes."""
    return _done(
        publish_draft, lambda count: _n("%(num)s change is published.", "%(num)s changes are published.", count)
    )


@blueprint.post("/take-back")
@permission(Right.ASSIGNMENT_EDIT)
def take_back() -> Response:
    """Put the chosen bookings back to what people believe."""
    return _done(
        take_draft_back,
        lambda count: _n(
            "%(num)s change is taken back. Nobody knew of it.",
            "%(num)s changes are taken back. Nobody knew of them.",
            count,
        ),
    )


def _done(work: Callable[..., list[int]], words: Callable[[int], str]) -> Response:
    _chosen, day = _asked()
    try:
        visits = again_once(db(), lambda: work(db(), seen=_seen(), actor=actor(), now=moment()))
    except (Conflict, Invalid) as refused:
        flash(refused.message, "problem")
        return redirect(url_for("drafts.index", **_where(day)), 303)
    message: Any = {"text": f"{words(len(visits))} {told_words()}".strip(), "undo_url": url_for("steps.undo")}
    flash(message, "good")
    return redirect(url_for("board.index", **_where(day)), 303)


def _seen() -> Mapping[int, int]:
    """Return the chosen visits with the versions that were looked at."""
    found: dict[int, int] = {}
    for each in request.form.getlist("seen")[:MOST]:
        visit, _colon, version = each.partition(":")
        if not (visit.isascii() and visit.isdigit() and version.isascii() and version.isdigit() and len(each) < 24):
            raise Invalid(_("This is no change of the draft. Load the page again."))
        found[int(visit)] = int(version)
    if any(number >= 2**31 for pair in found.items() for number in pair):
        raise Invalid(_("This is no change of the draft. Load the page again."))
    return found


def _asked() -> tuple[list[Territory], date]:
    """Return the territories and the day of the address; without a day the first that something waits for."""
    _all, chosen = asked_territories()
    first = None if request.values.get("date") else first_drafted(db(), territories=[each.id for each in chosen])
    return chosen, asked_day(chosen) if first is None else clock.local_day(first, chosen[0].zone)


def _waiting(chosen: list[Territory], day: date) -> list[Drafted]:
    if not chosen:
        return []
    return drafted(db(), territories=[each.id for each in chosen], day=day, zone=chosen[0].zone)


def _where(day: date) -> dict[str, Any]:
    return {"date": day.isoformat(), "territory": request.values.get("territory") or None}
