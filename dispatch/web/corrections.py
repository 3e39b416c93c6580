"""Proposals for fields that are not free: what is there, what should be, and one click to accept or return it."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from dispatch.core.errors import Conflict, Invalid
from dispatch.planning.corrections import (
    Shown,
    accept_correction,
    get_correction,
    mark_seen,
    return_correction,
    withdraw_correction,
)
from dispatch.web.context import actor, db, moment
from dispatch.web.fixes import label_of
from dispatch.web.forms import Form
from dispatch.web.pages import page
from dispatch.web.security import may_open, signed_in
from dispatch.web.words import _, _l

blueprint = Blueprint("corrections", __name__, url_prefix="/corrections")
REASONS = (
    _l("It is right as it stands."),
    _l("I could not confirm it. Please tell me how you know."),
    _l("Somebody has to see it on site first."),
)
PAGES = {
    "customer": ("customers.show", "customer_id"),
    "technician": ("people.show", "technician_id"),
    "job": ("jobs.show", "job_id"),
    "visit": ("board.visit", "visit_id"),
}


class ReturnForm(Form):
    """Why it stays as it is."""

    reason = StringField(
        _l("Another reason"), validators=[DataRequired(_l("Say why it stays as it is.")), Length(max=300)]
    )


@blueprint.get("/<int:correction_id>")
@signed_in
def show(correction_id: int) -> Response:
    """Show a proposal to who made it and to who answers it."""
    return _page(_shown(correction_id), ReturnForm())


@blueprint.post("/<int:correction_id>/accept")
@signed_in
def accept(correction_id: int) -> Response:
    """Write what was proposed; what changed meanwhile is shown first."""
    try:
        with db().begin_nested():
            accept_correction(
                db(), correction_id=correction_id, actor=actor(), now=moment(), was=request.form.get("was")
            )
    except Conflict as refused:
        flash(f"{refused.message} {_('Nothing was changed.')}", "problem")
        return redirect(url_for("corrections.show", correction_id=correction_id), 303)
    flash(_("Accepted and saved. Who proposed it sees that."), "good")
    return redirect(_next(), 303)


@blueprint.post("/<int:correction_id>/return")
@signed_in
def give_back(correction_id: int) -> Response:
    """Leave the field as it is, with the reason."""
    form = ReturnForm()
    if not form.validate_on_submit():
        return _page(_shown(correction_id), form)
    try:
        return_correction(db(), correction_id=correction_id, reason=form.reason.data or "", actor=actor(), now=moment())
    except Invalid as refused:
        form.refuse(refused)
        return _page(_shown(correction_id), form)
    flash(_("Returned. Who proposed it reads why."), "good")
    return redirect(_next(), 303)


@blueprint.post("/<int:correction_id>/withdraw")
@signed_in
def withdraw(correction_id: int) -> Response:
    """Take one's own proposal back."""
    withdraw_correction(db(), correction_id=correction_id, actor=actor(), now=moment())
    flash(_("Taken back."), "good")
    return redirect(_next(), 303)


@blueprint.post("/<int:correction_id>/seen")
@signed_in
def seen(correction_id: int) -> Response:
    """Put away an answer that one has read."""
    mark_seen(db(), correction_id=correction_id, actor=actor(), now=moment())
    flash(_("Put away."), "good")
    return redirect(_next(), 303)


def _shown(correction_id: int) -> Shown:
    return get_correction(db(), correction_id=correction_id, actor=actor(), now=moment())


def _page(shown: Shown, form: ReturnForm) -> Response:
    row = shown.correction
    endpoint, argument = PAGES.get(row.entity, ("", ""))
    target: dict[str, Any] = {argument: row.row_id}
    return page(
        "corrections/show.html",
        status=422 if form.errors else 200,
        shown=shown,
        row=row,
        label=label_of(shown.field),
        form=form,
        reasons=[str(reason) for reason in REASONS],
        mine=row.proposed_by_id == actor().user_id,
        href=url_for(endpoint, **target) if endpoint and may_open(endpoint) else None,
    )


def _next() -> str:
    return url_for("loose_ends.index") if may_open("loose_ends.index") else url_for("account.home")
