"""One's own account: where to start, colours, name and telephone."""

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import BooleanField, IntegerField, StringField, TelField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from dispatch.accounts import service
from dispatch.accounts.access import ROLES
from dispatch.accounts.models import Density
from dispatch.accounts.queries import get_user
from dispatch.accounts.shortcuts import BY_NAME, CHOOSABLE
from dispatch.core.errors import Conflict, Invalid
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form
from dispatch.web.identity import preferences
from dispatch.web.navigation import first_page
from dispatch.web.pages import page
from dispatch.web.security import public, safe_target, signed_in
from dispatch.web.shortcuts import listed
from dispatch.web.words import _, _l
from dispatch.workforce.models import Territory

blueprint = Blueprint("account", __name__)
A_YEAR = 365 * 24 * 3600
THEMES = ("system", "light", "dark")


class ContactForm(Form):
    """Name and telephone number."""

    name = StringField(_l("Name"), validators=[InputRequired(_l("Enter your name.")), Length(max=120)])
    phone = TelField(_l("Telephone"), validators=[Optional(), Length(max=40)])
    version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


class KeysForm(Form):
    """Keys of one's own; the fields of the table of shortcuts are added below."""

    single_keys = BooleanField(_l("Single keys do something while no field has the focus"))


for _name in CHOOSABLE:
    setattr(
        KeysForm, f"key_{_name}", StringField(_l(BY_NAME[_name].words), [InputRequired(_l("Type one letter or sign."))])
    )


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


@blueprint.route("/me/keys", methods=["GET", "POST"])
@signed_in
def keys() -> Response:
    """Show all keys, and let everybody choose their own or switch single ones off."""
    mine = preferences()
    now = {f"key_{name}": mine.keys.get(name, usual) for name, usual in CHOOSABLE.items()}
    form = KeysForm(data={"single_keys": mine.single_keys} | now)
    usual = bool(request.form.get("usual"))
    if form.is_submitted() and (form.validate() or usual):
        wanted = {} if usual else {name: str(form[f"key_{name}"].data) for name in CHOOSABLE}
        try:
            service.choose_keys(db(), single_keys=bool(form.single_keys.data), keys=wanted, actor=actor())
        except Invalid as error:
            form.refuse(Invalid(error.message, field=f"key_{error.field}"))
        else:
            flash(_("Saved."), "good")
            return redirect(url_for("account.keys"), 303)
    status = 422 if form.errors else 200
    return page("account/keys.html", "table", status=status, form=form, groups=listed(mine.keys), choosable=CHOOSABLE)


@blueprint.post("/me/theme")
@public
def set_theme() -> Response:
    """Keep a choice of colours in a cookie, since it belongs to the screen, and of rows with the person."""
    answer = redirect(safe_target(request.form.get("next")) or url_for("account.home"), 303)
    theme, density = request.form.get("theme"), request.form.get("density")
    if theme not in (None, *THEMES) or density not in (None, *Density):
        raise Invalid(_("There is no such choice."), field="theme" if density is None else "density")
    if theme is not None:
        answer.set_cookie("theme", theme, max_age=A_YEAR, path="/", samesite="Lax")
    if density is not None:
        service.choose_density(db(), density=Density(density), actor=actor())
    return answer
