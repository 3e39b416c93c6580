"""Loose ends: everything without an ending, with who sees to it and by when."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateTimeLocalField, SelectField, StringField
from wtforms.validators import Length, Optional

from dispatch.accounts.access import Right
from dispatch.accounts.choices import people_who_may
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid
from dispatch.planning.fix_digest import mended_for
from dispatch.planning.loose_ends import LooseEnd, get_loose_end, loose_ends, oldest_closed_today
from dispatch.planning.tying import CLOSED, HANDED, Which, close_end, hand_over, put_off
from dispatch.planning.unfit import UNFIT, UNSAFE
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, options
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _l


class TieForm(Form):
    """Who sees to it from now on, or when it comes back, or why it is closed."""

    owner_id = SelectField(_l("To whom"), coerce=int)
    due_at = DateTimeLocalField(_l("Until"), validators=[Optional()])
    reason = StringField(
        _l("Why it waits"), description=_l("Needed from the second time on"), validators=[Optional(), Length(max=300)]
    )
    why = StringField(_l("Why it is closed"), validators=[Optional(), Length(max=300)])
    customer_knows = BooleanField(_l("The customer asked for it, or knows already"))


A_DAY = timedelta(hours=24)
PAGES = {
    "job": ("jobs.show", "job_id"),
    UNFIT: ("jobs.show", "job_id"),
    UNSAFE: ("jobs.show", "job_id"),
    "draft": ("drafts.index", "territory"),
    "series": ("series.show", "series_id"),
    "disruption": ("disruptions.show", "disruption_id"),
    "partner": ("partners.show", "partner_id"),
    "call": ("outbox.call", "call_id"),
    "message": ("outbox.show", "message_id"),
    "certificate": ("people.show", "technician_id"),
    "cover": ("people.show", "technician_id"),
    "correction": ("corrections.show", "correction_id"),
    "answer": ("corrections.show", "correction_id"),
    "claims": ("approvals.index", ""),
    "contest": ("approvals.index", ""),
}
blueprint = Blueprint("loose_ends", __name__, url_prefix="/loose-ends")


@blueprint.get("")
@permission(Right.LOOSE_END_READ, own=True)
def index() -> Response:
    """Show what is open: one's own first, or everything in reach."""
    whose = request.args.get("whose", "mine")
    me, now = actor(), moment()
    listing = loose_ends(
        db(),
        actor=me,
        now=now,
        owner_id=me.user_id if whose != "all" else None,
        by_person=whose == "all",
        page=page_number(),
    )
    return page(
        "loose_ends/index.html",
        fragment="list",
        listing=listing,
        whose=whose,
        rows=[(row, _open(row), row.kind in HANDED, _tomorrow(row)) for row in listing.rows],
        may_tie=may_open("loose_ends.show"),
        me=me.user_id,
        mended=[] if me.user_id is None or whose == "all" else mended_for(db(), me.user_id, now=now, since=now - A_DAY),
        oldest=_oldest_today() if not listing.rows else None,
    )


@blueprint.route("/<kind>/<int:key_id>", methods=["GET", "POST"])
@permission(Right.LOOSE_END_EDIT, own=True)
def show(kind: str, key_id: int) -> Response:
    """Hand an open thing over, put it off, or close it with a reason."""
    which = Which(kind=kind, key_id=key_id, actor=actor(), now=moment())
    end = get_loose_end(db(), kind=kind, key_id=key_id, actor=actor(), now=moment())
    people = people_who_may(db(), Right.LOOSE_END_EDIT, territory_id=end.territory_id or 0, on=moment().date())
    later = clock.in_zone(max(end.due_at, moment()) + timedelta(days=1), end.zone).replace(tzinfo=None)
    form = TieForm(data={"owner_id": end.owner_id, "due_at": later.replace(second=0, microsecond=0)})
    form.owner_id.choices = options(people)
    if form.validate_on_submit():
        try:
            words = _tie(which, form, end, dict(people))
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            form.refuse(Invalid(refused.message))
        else:
            flash(words, "good")
            return redirect(url_for("loose_ends.index"), 303)
    return form_page("loose_ends/show.html", form, end=end, href=_open(end), may_close=kind in CLOSED)


def _tie(which: Which, form: TieForm, end: LooseEnd, people: dict[int, str]) -> str:
    what = request.form.get("what")
    if what == "hand":
        owner_id = form.owner_id.data
        hand_over(db(), which, owner_id=owner_id)
        return _("Handed to %(name)s.", name=people[owner_id])
    if what == "close":
        close_end(db(), which, reason=form.why.data or "", customer_knows=bool(form.customer_knows.data))
        return _("Closed, with the reason in its history.")
    due = form.due_at.data
    if due is None:
        raise Invalid(_("Say until when it waits."), field="due_at")
    put_off(db(), which, due_at=clock.instant(due.date(), due.time(), end.zone), reason=form.reason.data or "")
    return _("Put off. It comes back by itself.")


def _tomorrow(row: LooseEnd) -> str | None:
    """Return a day later as the form holds it, where one click puts a thing off; a second time needs a why."""
    if row.kind not in HANDED or row.put_off:
        return None
    later = clock.in_zone(max(row.due_at, moment()) + timedelta(days=1), row.zone)
    return later.strftime("%Y-%m-%dT%H:%M")


def _oldest_today() -> int | None:
    me = actor().user_id
    since = moment().replace(hour=0, minute=0, second=0, microsecond=0)
    oldest = None if me is None else oldest_closed_today(db(), owner_id=me, since=since, now=moment())
    return None if oldest is None else oldest.days


def _open(row: LooseEnd) -> str | None:
    """Return where the thing is done, if this person may go there."""
    endpoint, argument = PAGES.get(row.kind, ("", ""))
    if endpoint and may_open(endpoint):
        target: dict[str, Any] = {argument: row.target_id} if argument else {"_anchor": f"{row.kind.rstrip('s')}s"}
        return url_for(endpoint, **target)
    if row.kind in ("certificate", "contest", "cover") and may_open("my_skills.index"):
        return url_for("my_skills.index")
    return None
