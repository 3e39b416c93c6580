"""Customers, their sites and equipment: lists, pages, and the small fixes anybody may make who sees them."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, EmailField, FloatField, HiddenField, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import DataRequired, Email, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs import customers as service
from dispatch.jobs import queries
from dispatch.jobs.customers import SiteDraft
from dispatch.jobs.models import PersonLinkKind, Site
from dispatch.planning.in_touch import last_touch
from dispatch.planning.search import Kind, names_alike
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, whole
from dispatch.web.history import timeline_items
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import permission
from dispatch.workforce.choices import technician_choices, territory_choices

blueprint = Blueprint("customers", __name__, url_prefix="/customers")
CHANNELS = [("call", "A call"), ("mail", "Mail"), ("text", "A text message")]
LINKS = [
    (PersonLinkKind.PREFERRED.value, "Prefers"),
    (PersonLinkKind.REQUIRED.value, "Insists on"),
    (PersonLinkKind.EXCLUDED.value, "Does not want"),
]
SHORT, LONG = Length(max=200), Length(max=4000)


class CustomerForm(Form):
    """Who asks, and how they like to be reached."""

    version = HiddenField(default="1")
    name = StringField("Name", validators=[DataRequired("Give the customer's name."), SHORT])
    contact_name = StringField("Contact person", validators=[Optional(), SHORT])
    phone = TelField("Phone", validators=[Optional(), Length(max=40)])
    email = EmailField("Mail", validators=[Optional(), Email("This does not look like a mail address."), SHORT])
    preferred_channel = SelectField("They prefer", choices=options(CHANNELS))
    care_note = TextAreaField(
        "Care note", description="What one should know before talking to them", validators=[Optional(), LONG]
    )


class SiteForm(Form):
    """Where the work is, how to get in and what to look out for."""

    version = HiddenField(default="1")
    name = StringField("Name of the site", validators=[DataRequired("Give the site a name people use."), SHORT])
    address = StringField("Address", validators=[DataRequired("Give the address."), SHORT])
    territory_id = SelectField("Territory", coerce=int)
    lat = FloatField("Latitude", validators=[Optional(), NumberRange(-90, 90)])
    lon = FloatField("Longitude", validators=[Optional(), NumberRange(-180, 180)])
    gate_code = StringField("Gate code", validators=[Optional(), SHORT])
    parking = StringField("Parking", validators=[Optional(), SHORT])
    hazards = StringField("Hazards", validators=[Optional(), SHORT])


class NewCustomerForm(CustomerForm, SiteForm):
    """A customer together with the first site."""

    name = StringField("Name", validators=[DataRequired("Give the customer's name."), SHORT])
    site_name = StringField("Name of the site", default="Main site", validators=[DataRequired(), SHORT])


class AssetForm(Form):
    """Something that is looked after."""

    name = StringField("Name", validators=[DataRequired("Give the equipment a name."), SHORT])
    model = StringField("Model", validators=[Optional(), SHORT])
    serial = StringField("Serial number", validators=[Optional(), SHORT])
    purpose = StringField("What it does for the customer", validators=[Optional(), SHORT])
    installed_on = DateField("Installed on", validators=[Optional()])


class PersonLinkForm(Form):
    """A wish of the customer about one person."""

    kind = SelectField("The customer", choices=options(LINKS))
    technician_id = SelectField("Whom", coerce=int)
    note = StringField("Note", validators=[Optional(), SHORT])


@blueprint.get("")
@permission(Right.CUSTOMER_READ)
def index() -> Response:
    """Show customers by name."""
    text, reach = request.args.get("q", ""), actor().territories(Right.CUSTOMER_READ)
    listing = queries.customers(db(), territories=reach, text=text, page=page_number())
    return page(
        "customers/index.html",
        fragment="customer_list",
        listing=listing,
        q=text,
        alike=() if listing.rows else names_alike(db(), text, Kind.CUSTOMER, reach=reach, on=moment().date()),
        may_edit=actor().may(Right.CUSTOMER_EDIT),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def new() -> Response:
    """Add a customer with the first site."""
    form = NewCustomerForm()
    form.territory_id.choices = options(territory_choices(db(), reach=actor().territories(Right.CUSTOMER_EDIT)))
    if form.validate_on_submit():
        try:
            customer = service.add_customer(
                db(), **_customer_values(form), name=given(form.name.data), actor=actor(), now=moment()
            )
            draft = SiteDraft(customer_id=customer.id, **(_site_values(form) | {"name": given(form.site_name.data)}))
            site = service.add_site(db(), draft, actor=actor(), now=moment())
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash("Added. Book the first job right away, if there is one.", "good")
            return redirect(url_for("jobs.new", site_id=site.id), 303)
    return form_page("customers/new.html", form)


@blueprint.get("/<int:customer_id>")
@permission(Right.CUSTOMER_READ)
def show(customer_id: int) -> Response:
    """Show a customer: how to reach them, sites, wishes about people, jobs."""
    reach = actor().territories(Right.CUSTOMER_READ)
    customer = queries.customer_details(db(), customer_id, territories=reach)
    sites = [site for site in customer.sites if reach is None or site.territory_id in reach]
    zone = sites[0].territory.zone if sites else "UTC"
    return page(
        "customers/show.html",
        customer=customer,
        sites=sites,
        assets=queries.assets_at(db(), [site.id for site in sites]),
        series=queries.series_at(db(), [site.id for site in sites]),
        links=queries.people_of_customer(db(), customer_id),
        touch=last_touch(db(), customer_id),
        now=moment(),
        jobs=queries.jobs(db(), territories=reach, customer_id=customer_id),
        history_items=timeline_items(queries.history(db(), "customer", [customer_id], limit=20), zone),
        may_edit=_may_at_all(Right.CUSTOMER_EDIT, sites),
        may_see_access=_may_at_all(Right.SITE_ACCESS, sites),
    )


@blueprint.route("/<int:customer_id>/edit", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def edit(customer_id: int) -> Response:
    """Change a customer."""
    customer = queries.customer_details(db(), customer_id, territories=actor().territories(Right.CUSTOMER_EDIT))
    form = CustomerForm(obj=customer)
    back = url_for("customers.show", customer_id=customer_id)
    conflict = None
    if form.validate_on_submit():
        changes = _customer_values(form) | {"name": given(form.name.data)}
        try:
            service.change_customer(
                db(), customer_id=customer_id, version=_version(form), changes=changes, actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(customer.version)
        else:
            flash("Saved.", "good")
            return redirect(back, 303)
    return form_page("customers/edit.html", form, customer=customer, conflict=conflict, back=back)


@blueprint.route("/<int:customer_id>/sites/new", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def new_site(customer_id: int) -> Response:
    """Add a site to a customer."""
    reach = actor().territories(Right.CUSTOMER_EDIT)
    customer = queries.customer_details(db(), customer_id, territories=reach)
    form = SiteForm()
    form.territory_id.choices = options(territory_choices(db(), reach=reach))
    back = url_for("customers.show", customer_id=customer_id)
    if form.validate_on_submit():
        try:
            service.add_site(
                db(), SiteDraft(customer_id=customer_id, **_site_values(form)), actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash("Site added.", "good")
            return redirect(back, 303)
    return form_page("customers/site.html", form, title="New site", customer=customer, conflict=None, back=back)


@blueprint.route("/sites/<int:site_id>/edit", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def edit_site(site_id: int) -> Response:
    """Change a site: gate code, parking, hazards, the pin on the map."""
    reach = actor().territories(Right.CUSTOMER_EDIT)
    site = queries.site_details(db(), site_id, territories=reach)
    form = SiteForm(obj=site)
    form.territory_id.choices = options(territory_choices(db(), reach=reach))
    back = url_for("customers.show", customer_id=site.customer_id)
    conflict = None
    if form.validate_on_submit():
        try:
            service.change_site(
                db(), site_id=site_id, version=_version(form), changes=_site_values(form), actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(site.version)
        else:
            flash("Saved.", "good")
            return redirect(back, 303)
    return form_page("customers/site.html", form, title=site.name, customer=site.customer, conflict=conflict, back=back)


@blueprint.route("/sites/<int:site_id>/equipment/new", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def new_asset(site_id: int) -> Response:
    """Add a piece of equipment to a site."""
    site = queries.site_details(db(), site_id, territories=actor().territories(Right.CUSTOMER_EDIT))
    form = AssetForm()
    back = url_for("customers.show", customer_id=site.customer_id)
    if form.validate_on_submit():
        try:
            service.add_asset(
                db(),
                site_id=site_id,
                name=given(form.name.data),
                model=form.model.data or None,
                serial=form.serial.data or None,
                purpose=form.purpose.data or None,
                installed_on=form.installed_on.data,
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash("Equipment added.", "good")
            return redirect(back, 303)
    return form_page("customers/asset.html", form, site=site, back=back)


@blueprint.route("/<int:customer_id>/people", methods=["GET", "POST"])
@permission(Right.CUSTOMER_EDIT)
def link_person(customer_id: int) -> Response:
    """Record whom a customer prefers, insists on or does not want."""
    reach = actor().territories(Right.CUSTOMER_EDIT)
    customer = queries.customer_details(db(), customer_id, territories=reach)
    form = PersonLinkForm()
    form.technician_id.choices = options(technician_choices(db(), reach=reach, on=moment().date()))
    back = url_for("customers.show", customer_id=customer_id)
    if form.validate_on_submit():
        try:
            service.link_person(
                db(),
                customer_id=customer_id,
                technician_id=form.technician_id.data,
                kind=PersonLinkKind(form.kind.data),
                note=form.note.data or None,
                actor=actor(),
                now=moment(),
            )
        except (Invalid, Conflict) as refused:
            form.refuse(refused if isinstance(refused, Invalid) else Invalid(refused.message))
        else:
            flash("Noted. Planning keeps to it from the next run on.", "good")
            return redirect(back, 303)
    return form_page("customers/person.html", form, customer=customer, back=back)


@blueprint.post("/people/<int:link_id>/remove")
@permission(Right.CUSTOMER_EDIT)
def unlink_person(link_id: int) -> Response:
    """Forget a customer's wish about a person."""
    customer_id = queries.customer_of_link(db(), link_id)
    queries.customer_details(db(), customer_id, territories=actor().territories(Right.CUSTOMER_EDIT))
    service.unlink_person(db(), link_id=link_id, actor=actor(), now=moment())
    flash("Removed.", "good")
    return redirect(url_for("customers.show", customer_id=customer_id), 303)


def _may_at_all(right: Right, sites: Sequence[Site]) -> bool:
    """Say whether a right holds at every site shown: who dispatches in one place may only read in another."""
    return actor().may(right) and all(actor().may(right, site.territory_id) for site in sites)


def _version(form: Any) -> int:
    return whole(form.version.data) or abort(400)


def _customer_values(form: CustomerForm) -> dict[str, Any]:
    return {
        "contact_name": form.contact_name.data or None,
        "phone": form.phone.data or None,
        "email": form.email.data or None,
        "preferred_channel": form.preferred_channel.data,
        "care_note": form.care_note.data or None,
    }


def _site_values(form: SiteForm) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "address": form.address.data,
        "territory_id": form.territory_id.data,
        "lat": form.lat.data,
        "lon": form.lon.data,
        "gate_code": form.gate_code.data or None,
        "parking": form.parking.data or None,
        "hazards": form.hazards.data or None,
    }
