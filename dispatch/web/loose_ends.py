"""Loose ends: everything without an ending, with who sees to it and by when."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.planning.loose_ends import LooseEnd, loose_ends
from dispatch.web.context import actor, db, moment
from dispatch.web.pages import page, page_number
from dispatch.web.security import may_open, permission

blueprint = Blueprint("loose_ends", __name__, url_prefix="/loose-ends")


@blueprint.get("")
@permission(Right.LOOSE_END_READ, own=True)
def index() -> Response:
    """Show what is open: one's own first, or everything in reach."""
    whose = request.args.get("whose", "mine")
    listing = loose_ends(
        db(),
        actor=actor(),
        now=moment(),
        owner_id=actor().user_id if whose != "all" else None,
        page=page_number(),
    )
    return page(
        "loose_ends/index.html",
        fragment="list",
        listing=listing,
        whose=whose,
        rows=[(row, _open(row)) for row in listing.rows],
    )


def _open(row: LooseEnd) -> str | None:
    """Return where the thing is done, if this person may go there."""
    if row.kind == "job":
        return url_for("jobs.show", job_id=row.target_id) if may_open("jobs.show") else None
    if row.kind == "series":
        return url_for("series.show", series_id=row.target_id) if may_open("series.show") else None
    if row.kind == "disruption":
        return url_for("disruptions.show", disruption_id=row.target_id) if may_open("disruptions.show") else None
    if row.kind == "partner":
        return url_for("partners.show", partner_id=row.target_id) if may_open("partners.show") else None
    if row.kind == "call":
        return url_for("outbox.call", call_id=row.target_id) if may_open("outbox.call") else None
    if row.kind == "message":
        return url_for("outbox.show", message_id=row.target_id) if may_open("outbox.show") else None
    if row.kind == "certificate" and may_open("people.show"):
        return url_for("people.show", technician_id=row.target_id)
    if row.kind in ("certificate", "contest") and may_open("my_skills.index"):
        return url_for("my_skills.index")
    return None
