"""What rests on one person, what would break without them, and a plan to change that."""

from datetime import timedelta

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse
from wtforms import DateField, RadioField, SelectField
from wtforms.validators import InputRequired

from dispatch.accounts.access import Right
from dispatch.accounts.choices import people_who_may
from dispatch.core.errors import Invalid, NotFound
from dispatch.coverage import queries
from dispatch.coverage.dependence import (
    Dependence,
    Helper,
    Kind,
    find_dependence,
    helpers,
    next_absences,
    places_of_one,
    plan_cover,
    skills_of_one,
)
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import day
from dispatch.web.forms import Form, options
from dispatch.web.manager_tabs import manager_tabs
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _l, _n

blueprint = Blueprint("risks", __name__, url_prefix="/risks")
SHOWN = 20
IN_DAYS = 14


class CoverPlanForm(Form):
    """Who steps in, who sees to it, by when."""

    helper_id = RadioField(_l("Who steps in"), coerce=int, validators=[InputRequired(_l("Choose somebody."))])
    owner_id = SelectField(_l("Who sees to it"), coerce=int)
    due_on = DateField(_l("By when"), validators=[InputRequired(_l("Say by when."))])


@blueprint.get("")
@permission(Right.COVERAGE_READ)
def index() -> Response:
    """Show who is missed most, and which skills, sites and equipment rest on one person."""
    now = moment()
    counted = queries.coverage_page(db(), reach=actor().territories(Right.COVERAGE_READ), maps=False)
    risks = counted.risks if counted else ()
    every = request.args.get("all") == "1"
    first = SHOWN * (page_number() - 1)
    places, in_all = places_of_one(db(), counted, now=now, first=first, most=SHOWN) if counted else ((), 0)
    return page(
        "coverage/risks.html",
        pages=manager_tabs("risks.index"),
        counted=counted,
        risks=risks if every else risks[:SHOWN],
        risks_in_all=len(risks),
        away=next_absences(db(), {risk.person for risk in risks}, now),
        skills=skills_of_one(db(), counted, now=now) if counted else (),
        places=places,
        places_in_all=in_all,
        first=first,
        every=every,
        shown=SHOWN,
        now=now,
        what=what_words,
        may_plan=may_open("risks.cover"),
        may_open_people=may_open("people.show"),
    )


@blueprint.route("/cover/<subject>/<int:technician_id>", methods=["GET", "POST"])
@permission(Right.LOOSE_END_EDIT)
def cover(subject: str, technician_id: int) -> AnyResponse:
    """Choose who learns it or gets to know it; that becomes a loose end with owner and day."""
    me = actor()
    me.require(Right.COVERAGE_READ)
    counted = queries.coverage_page(db(), reach=me.territories(Right.COVERAGE_READ), maps=False)
    each = find_dependence(db(), counted, subject, technician_id, now=moment())
    able = helpers(db(), each, now=moment())
    owners = people_who_may(db(), Right.LOOSE_END_EDIT, territory_id=each.territory, on=moment().date())
    first = able[0].id if able else None
    form = CoverPlanForm(
        data={"helper_id": first, "owner_id": me.user_id, "due_on": moment().date() + timedelta(days=IN_DAYS)}
    )
    form.helper_id.choices = options((one.id, helper_words(each, one)) for one in able)
    form.owner_id.choices = options(owners)
    if able and form.validate_on_submit():
        chosen = next((one for one in able if one.id == form.helper_id.data), None)
        if chosen is None:
            raise NotFound(_("This person does not work there any more."))
        plan = {"helper": chosen, "owner_id": form.owner_id.data, "due_on": form.due_on.data}
        try:
            new = plan_cover(db(), each, **plan, actor=me, now=moment())
        except Invalid as refused:
            form.refuse(refused)
        else:
            words = (
                _("It is a loose end now, with owner and day.") if new else _("A plan for this is under way already.")
            )
            flash(words, "good" if new else "info")
            return redirect(url_for("risks.index"), 303)
    return form_page("coverage/cover.html", form, each=each, what=what_words(each), able=able)


def what_words(each: Dependence) -> str:
    """Name what rests on somebody."""
    if each.kind is Kind.SKILL:
        return _("%(name)s level %(n)s", name=each.name, n=each.level)
    return each.name


def helper_words(each: Dependence, one: Helper) -> str:
    """Name somebody who could step in, and where they stand."""
    if each.kind is Kind.SKILL:
        now = _("level %(n)s now", n=one.level) if one.level else _("not yet in this skill")
        shared = _n(
            "shares %(num)s skill with %(name)s",
            "shares %(num)s skills with %(name)s",
            one.shared,
            name=each.person_name,
        )
        where = f"{now}, {shared}"
    elif each.kind is Kind.PERMIT:
        held = one.held_until
        where = _("held it until %(day)s", day=day(held, form="d MMM y")) if held else _("never held it")
    else:
        where = _n(
            "%(num)s visit of the same kind of work in a year",
            "%(num)s visits of the same kind of work in a year",
            one.visits,
        )
    return f"{one.name}: {where}"
