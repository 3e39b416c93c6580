"""Taking back: the key and button of every page, and the list of one's own steps."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict
from dispatch.planning.changelog import names_in, own_steps
from dispatch.planning.retries import again_once
from dispatch.planning.service import Undone, redo_last, undo_last, undo_step
from dispatch.web.context import actor, db, moment
from dispatch.web.history import action_words, details_of, thing_words, zone_of_reader
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import page, page_number
from dispatch.web.security import permission, safe_target, wants_json
from dispatch.web.words import _

blueprint = Blueprint("steps", __name__, url_prefix="/steps")


@blueprint.get("")
@permission(Right.AUDIT_READ, own=True)
def index() -> Response:
    """Show one's own steps, the latest first, each with the way back."""
    listing = own_steps(db(), actor=actor(), page=page_number())
    names = names_in(db(), listing.rows)
    zone = zone_of_reader()
    return page(
        "steps/index.html",
        listing=listing,
        zone=zone,
        rows=[
            (
                row,
                action_words(row.action if row.undoes is None else row.undoes),
                thing_words(row, names),
                details_of(row, names, zone),
            )
            for row in listing.rows
        ],
    )


@blueprint.post("/undo")
@permission(Right.AUDIT_READ, own=True)
def undo() -> Response:
    """Take back one's last step."""
    return _told(lambda: undo_last(db(), actor=actor(), now=moment()))


@blueprint.post("/redo")
@permission(Right.AUDIT_READ, own=True)
def redo() -> Response:
    """Do again what one took back last."""
    return _told(lambda: redo_last(db(), actor=actor(), now=moment()))


@blueprint.post("/<int:seq>/undo")
@permission(Right.AUDIT_READ, own=True)
def undo_one(seq: int) -> Response:
    """Take back one step of the list, or do again what was taken back."""
    return _told(lambda: undo_step(db(), seq=seq, actor=actor(), now=moment()))


def _told(walk: Callable[[], Undone]) -> Response:
    back = safe_target(request.form.get("back")) or url_for("steps.index")
    try:
        undone = again_once(db(), walk)
    except Conflict as refused:
        if wants_json():
            raise
        flash(refused.message, "problem")
        return redirect(back, 303)
    what = action_words(undone.action).lower()
    again = undone.action == "undo"
    words = _("Done again.") if again else _("Taken back: %(what)s.", what=what)
    words = " ".join(filter(None, (words, _corrected_words(undone), told_words())))
    if wants_json():
        return jsonify({"message": words, "bars": []})
    message: Any = {
        "text": words,
        "undo_url": url_for("steps.undo" if again else "steps.redo"),
        "undo_label": None if again else _("Do again"),
        "shortcut": "mod+z" if again else "mod+shift+z mod+y",
        "fields": {"back": back},
    }
    flash(message, "good")
    return redirect(back, 303)


def _corrected_words(undone: Undone) -> str:
    """Say that what was sent is not called back, and who gets a correction instead."""
    if not undone.corrected:
        return ""
    names = ", ".join(undone.corrected)
    return _("%(names)s had heard of it: what was sent cannot be called back, so a correction follows.", names=names)
