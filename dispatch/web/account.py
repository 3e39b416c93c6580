"""One's own account: where to start, colours, name and telephone."""

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField, TelField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from dispatch.accounts import service
from dispatch.accounts.access import ROLES
from dispatch.accounts.queries import get_user
from dispatch.core.errors import Conflict, Invalid
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form
from dispatch.web.navigation import first_page
from dispatch.web.pages import page
from dispatch.web.security import public, safe_target, signed_in
from dispatch.web.words import _, _l
from dispatch.workforce.models import Territory

blueprint = Blueprint("account", __name__)
A_YEAR = 365 * 24 * 3600
CHOICES = {"theme": ("system", "light", "dark"), "density": ("comfortable", "compact")}


class ContactForm(Form):
    """Name and telephone number."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Enter your name.")), Length(max=120)])
    phone = TelField(_l("Telephone"), validators=[Optional(), Length(max=40)])
    version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


@blueprint.get("/")
@signed_in
def home() -> Response:
    """Go to the first page of one's roles."""
    return redirect(url_for(first_page()), 303)


@blueprint.route("/me", methods=["GET", "POST"])
@signed_in
def show() -> Response:
    """Show and change one's own name and telephone number, with the roles one has."""
    me = actor()
    assert me.user_id is not None
    user = get_user(db(), me.user_id)
    form = ContactForm(data={"name": user.name, "phone": user.phone, "version": user.version})
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                service.change_contact(
                    db(),
                    user_id=user.id,
                    name=str(form.name.data),
                    phone=form.phone.data,
                    version=int(form.version.data or 0),
                    actor=me,
                    now=moment(),
                )
            except Invalid as error:
                form.refuse(error)
            except Conflict as error:
                form.form_errors.append(error.message)
                form.version.raw_data = [str(user.version)]
                form.version.data, status = user.version, 409
            else:
                flash(_("Saved."), "good")
                return redirect(url_for("account.show"), 303)
    territories = {row.id: row.name for row in db().execute(select(Territory.id, Territory.name))}
    roles = [
        (grant.role, territories.get(grant.territory_id, "") if grant.territory_id else _("everywhere"), grant.ends_on)
        for grant in sorted(me.grants, key=lambda grant: ROLES.index(grant.role))
    ]
    return page("account/show.html", form=form, user=user, roles=roles, status=status)


@blueprint.post("/me/theme")
@public
def set_theme() -> Response:
    """Keep a choice of colours or row height in a cookie: it belongs to the screen, not to the person."""
    answer = redirect(safe_target(request.form.get("next")) or url_for("account.home"), 303)
    for name, allowed in CHOICES.items():
        value = request.form.get(name)
        if value is None:
            continue
        if value not in allowed:
            raise Invalid(_("There is no such choice."), field=name)
        answer.set_cookie(name, value, max_age=A_YEAR, path="/", samesite="Lax")
    return answer
