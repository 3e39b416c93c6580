"""Partner companies: their people in reach and the papers they must keep valid."""

from datetime import timedelta

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given
from dispatch.web.pages import form_page
from dispatch.web.security import permission
from dispatch.workforce.partners import add_partner_document, partner_details

blueprint = Blueprint("partners", __name__, url_prefix="/partners")


class DocumentForm(Form):
    """A paper with its days."""

    kind = StringField("Which paper", validators=[DataRequired("Say which paper it is."), Length(max=120)])
    number = StringField("Number", validators=[Optional(), Length(max=80)])
    first = DateField("Valid from", validators=[InputRequired("Give the first day.")])
    last = DateField("Last day", validators=[InputRequired("Give the last day.")])


@blueprint.route("/<int:partner_id>", methods=["GET", "POST"])
@permission(Right.PERSON_EDIT)
def show(partner_id: int) -> Response:
    """Show a partner's papers and people, and take a new paper in."""
    today = moment().date()
    partner, people = partner_details(db(), partner_id, territories=actor().territories(Right.PERSON_EDIT), on=today)
    form = DocumentForm()
    if form.validate_on_submit():
        try:
            add_partner_document(
                db(),
                partner_id=partner_id,
                kind=given(form.kind.data),
                number=form.number.data or None,
                first=given(form.first.data),
                last=given(form.last.data),
                actor=actor(),
                now=moment(),
            )
        except (Invalid, Conflict) as refused:
            form.refuse(refused if isinstance(refused, Invalid) else Invalid(refused.message))
        else:
            flash("Recorded.", "good")
            return redirect(url_for("partners.show", partner_id=partner_id), 303)
    papers = [
        (paper, None if paper.valid.upper is None else (paper.valid.upper - timedelta(days=1) - today).days)
        for paper in sorted(partner.documents, key=lambda each: (each.kind, each.valid.lower or today))
    ]
    return form_page(
        "partners/show.html", form, partner=partner, people=people, papers=papers, one_day=timedelta(days=1)
    )
