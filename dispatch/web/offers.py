"""Times held for one customer of a repair: book what they choose, look anew, hold longer, or keep that none suits."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response
from wtforms import DateTimeLocalField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from dispatch.accounts.access import Right
from dispatch.accounts.choices import people_who_may
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning.accepting import book_offer, none_suits
from dispatch.planning.disruption_page import RepairLine, Situation, disruption_page
from dispatch.planning.offering import hold_longer, look_for_times
from dispatch.planning.retries import again_once
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options
from dispatch.web.pages import form_page
from dispatch.web.security import permission
from dispatch.web.words import _, _l

blueprint = Blueprint("offers", __name__, url_prefix="/disruptions/<int:disruption_id>/visits/<int:visit_id>")


class AgainForm(Form):
    """What they said, who rings again, and by when."""

    note = StringField(
        _l("What they said"),
        description=_l("Whoever rings again reads it: which days suit, what matters to them"),
        validators=[
            DataRequired(_l("Say in a few words what they said, so that whoever calls knows.")),
            Length(max=300),
        ],
    )
    owner_id = SelectField(_l("Who rings again"), coerce=int)
    due_at = DateTimeLocalField(_l("By"), validators=[InputRequired(_l("Say by when they are called again."))])


@blueprint.post("/offers/<int:offer_id>")
@permission(Right.ASSIGNMENT_EDIT)
def take(disruption_id: int, visit_id: int, offer_id: int) -> Response:
    """Book the time a customer chose; the window is their promise, and that they agreed stands in the history."""
    try:
        again_once(
            db(),
            lambda: book_offer(
                db(), disruption_id=disruption_id, visit_id=visit_id, offer_id=offer_id, actor=actor(), now=moment()
            ),
        )
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(_("Booked, and promised to the customer."), "good")
    return _back(disruption_id)


@blueprint.post("/times")
@permission(Right.ASSIGNMENT_EDIT)
def look(disruption_id: int, visit_id: int) -> Response:
    """Look for three times anew and hold them."""
    _line(disruption_id, visit_id)
    try:
        made = again_once(db(), lambda: look_for_times(db(), visit_id=visit_id, actor=actor(), now=moment()))
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        if not made:
            flash(_("Nobody has a sure time for this on the next days. “Other people and days” says why."), "problem")
    return _back(disruption_id)


@blueprint.post("/hold")
@permission(Right.ASSIGNMENT_EDIT)
def hold(disruption_id: int, visit_id: int) -> Response:
    """Hold the times ten minutes more, once."""
    _line(disruption_id, visit_id)
    try:
        again_once(db(), lambda: hold_longer(db(), visit_id=visit_id, actor=actor(), now=moment()))
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(_("Held ten minutes more."), "good")
    return _back(disruption_id)


@blueprint.route("/none-suits", methods=["GET", "POST"])
@permission(Right.ASSIGNMENT_EDIT)
def none(disruption_id: int, visit_id: int) -> Response:
    """Keep what the customer said, who rings them again and by when; the times are free for others."""
    about, line = _line(disruption_id, visit_id)
    soon = clock.in_zone(moment() + timedelta(hours=1), about.zone).replace(tzinfo=None, second=0, microsecond=0)
    form = AgainForm(data={"owner_id": actor().user_id, "due_at": soon})
    people = people_who_may(db(), Right.ASSIGNMENT_EDIT, territory_id=about.territory_id, on=moment().date())
    form.owner_id.choices = options(people)
    if form.validate_on_submit():
        due = given(form.due_at.data)
        try:
            again_once(
                db(),
                lambda: none_suits(
                    db(),
                    disruption_id=disruption_id,
                    visit_id=visit_id,
                    note=given(form.note.data),
                    owner_id=form.owner_id.data,
                    due_at=clock.instant(due.date(), due.time(), about.zone),
                    actor=actor(),
                    now=moment(),
                ),
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            form.refuse(Invalid(refused.message))
        else:
            flash(_("Kept. The call stands among the loose ends, with what they said."), "good")
            return _back(disruption_id)
    return form_page("disruptions/none_suits.html", form, about=about, line=line)


def _line(disruption_id: int, visit_id: int) -> tuple[Situation, RepairLine]:
    """Return a line of a repair within reach."""
    reach = actor().territories(Right.ASSIGNMENT_EDIT)
    found = disruption_page(db(), disruption_id, territories=reach, now=moment())
    line = next((each for each in found.lines if each.visit_id == visit_id), None)
    if line is None:
        raise NotFound(_("There is no such line."))
    return found.about, line


def _back(disruption_id: int) -> Response:
    return redirect(url_for("disruptions.show", disruption_id=disruption_id), 303)
