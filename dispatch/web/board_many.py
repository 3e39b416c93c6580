"""Several cards of the queue at once: a proposal of the best places, booked as one step."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.coverage.queries import prices_of_scope
from dispatch.planning.assign_all import MOST, Line, propose_all
from dispatch.planning.assigning import Wanted, place_all
from dispatch.planning.board import read_queue, scope_of
from dispatch.web.board_scope import asked_day, asked_territories
from dispatch.web.context import actor, db, moment
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.words import _, _n

blueprint = Blueprint("board_many", __name__, url_prefix="/board/together")


@blueprint.get("")
@permission(Right.ASSIGNMENT_EDIT)
def proposal() -> Response:
    """Show where the chosen visits would go; nothing is booked by looking."""
    _all, chosen = asked_territories()
    day = asked_day(chosen)
    asked = request.args.getlist("visit", type=int)[: MOST + 1]
    scope = scope_of(chosen, day, actor().territories(Right.ASSIGNMENT_EDIT))
    # Read from the queue: what is out of reach or has somebody by now is not in it, and the most urgent comes first.
    queue = read_queue(db(), scope, moment(), asked) if asked else []
    waiting = [item.visit_id for item in queue]
    cells = sorted({(each.id, day) for each in chosen})
    lines: list[Line] = []
    if waiting:
        prices = {cell[0]: prices_of_scope(db(), [cell]) for cell in cells}
        lines = propose_all(db(), visit_ids=waiting, day=day, now=moment(), scarcity=prices)
    return page(
        "board/together.html",
        day=day,
        lines=lines,
        job_of={item.visit_id: item.job_id for item in queue},
        booked=[line for line in lines if line.place is not None],
        too_many=len(asked) > MOST,
        most=MOST,
        gone=len(asked[:MOST]) - len(waiting[:MOST]),
        where={"date": day.isoformat(), "territory": request.args.get("territory")},
    )


@blueprint.post("")
@permission(Right.ASSIGNMENT_EDIT)
def book() -> Response:
    """Book what was proposed and looked at, as one step."""
    wanted = [_read(each) for each in request.form.getlist("place")][:MOST]
    where: dict[str, Any] = {"date": request.form.get("date"), "territory": request.form.get("territory") or None}
    try:
        with db().begin_nested():
            booked = place_all(db(), wanted=wanted, actor=actor(), now=moment(), draft=True)
    except Conflict as refused:
        words = _("Nothing was booked. %(why)s The proposal below is made anew.", why=refused.message)
        flash(words, "problem")
        return redirect(url_for("board_many.proposal", visit=[each.visit_id for each in wanted], **where), 303)
    words = _n("%(num)s visit is booked.", "%(num)s visits are booked.", len(booked))
    message: Any = {"text": f"{words} {told_words()}".strip(), "undo_url": url_for("steps.undo")}
    flash(message, "good")
    return redirect(url_for("board.index", **where), 303)


def _read(text: str) -> Wanted:
    visit, _comma, rest = text.partition(",")
    technician, _comma, start = rest.partition(",")
    try:
        at = datetime.fromisoformat(start)
        numbers = int(visit), int(technician)
    except ValueError as error:
        raise Invalid(_("This is no place of the proposal. Load it again.")) from error
    if at.tzinfo is None or not all(0 < number < 2**31 for number in numbers):
        raise Invalid(_("This is no place of the proposal. Load it again."))
    return Wanted(visit_id=numbers[0], technician_id=numbers[1], start=at)
