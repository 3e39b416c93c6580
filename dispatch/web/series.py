"""Recurring work: begin it at a site, see what it made, change, pause and end it."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs import queries
from dispatch.jobs import series as service
from dispatch.jobs.models import JobSeries
from dispatch.jobs.recurrence import Unit
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, whole
from dispatch.web.pages import form_page
from dispatch.web.security import permission
from dispatch.web.words import _

blueprint = Blueprint("series", __name__, url_prefix="/series")
UNITS = [(Unit.DAY, "days"), (Unit.WEEK, "weeks"), (Unit.MONTH, "months"), (Unit.YEAR, "years")]


class SeriesForm(Form):
    """What is done, how often, and how far ahead its jobs are made."""

    version = HiddenField(default="1")
    title = StringField(
        "What is to be done", validators=[DataRequired("Say in a few words what is to be done."), Length(max=200)]
    )
    description = TextAreaField("Anything else", validators=[Optional(), Length(max=4000)])
    every = IntegerField("Every", default=1, validators=[InputRequired("Say how often."), NumberRange(1, 365)])
    unit = SelectField("Counted in", choices=options(UNITS), default=Unit.YEAR.value)
    next_on = DateField("Next on", validators=[Optional()])
    last_on = DateField("Not after", validators=[Optional()])
    from_completion = BooleanField("Count from the day the last one was done")
    tolerance_days = IntegerField(
        "Days before or after that will do",
        default=service.TOLERANCE_DAYS,
        validators=[InputRequired(), NumberRange(0, 60)],
    )
    ahead_days = IntegerField(
        "Make the job so many days ahead", default=service.AHEAD_DAYS, validators=[InputRequired(), NumberRange(1, 180)]
    )


class NewSeriesForm(SeriesForm):
    """The same with the kind of work and the equipment, which stay."""

    job_type_id = SelectField("Kind of work", coerce=int)
    asset_id = SelectField("Equipment", coerce=lambda text: int(text) if text else None)
    next_on = DateField("First on", validators=[InputRequired("Say on which day it begins.")])


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def new() -> Response:
    """Begin recurring work at a site."""
    site = queries.site_details(
        db(), request.values.get("site_id", 0, type=int), territories=actor().territories(Right.JOB_EDIT)
    )
    form = NewSeriesForm()
    form.job_type_id.choices = options([(each.id, each.name) for each in queries.job_types(db())])
    equipment = [(each.id, each.name) for each in queries.assets_at(db(), [site.id])]
    form.asset_id.choices = options([("", _("None in particular")), *equipment])
    if form.validate_on_submit():
        values = _values(form)
        draft = service.SeriesDraft(
            site_id=site.id,
            job_type_id=form.job_type_id.data,
            asset_id=form.asset_id.data,
            first_on=given(values.pop("next_on")),
            **values,
        )
        try:
            series = service.begin_series(db(), draft, actor=actor(), now=moment())
        except Invalid as refused:
            form.refuse(Invalid(refused.message, field="next_on") if refused.field == "first_on" else refused)
        else:
            flash("It comes again from now on by itself.", "good")
            return redirect(url_for("series.show", series_id=series.id), 303)
    return form_page("series/new.html", form, site=site)


@blueprint.get("/<int:series_id>")
@permission(Right.JOB_READ)
def show(series_id: int) -> Response:
    """Show recurring work with the jobs it made; who may book there changes it in the same place."""
    series = _reached(series_id)
    return _shown(series, SeriesForm(obj=series))


@blueprint.post("/<int:series_id>")
@permission(Right.JOB_EDIT)
def change(series_id: int) -> Response:
    """Change what is done and when."""
    series, form, conflict = _reached(series_id), SeriesForm(), None
    if form.validate_on_submit():
        version = whole(form.version.data) or 0
        try:
            service.change_series(
                db(), series_id=series_id, version=version, changes=_values(form), actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            series = _reached(series_id)
            conflict, form.version.data = refused.message, str(series.version)
        else:
            return _back(series_id, "Saved. Jobs made already stay as they are.")
    return _shown(series, form, conflict)


@blueprint.post("/<int:series_id>/pause")
@permission(Right.JOB_EDIT)
def pause(series_id: int) -> Response:
    """Make no more jobs for now."""
    service.pause_series(db(), series_id=_reached(series_id).id, actor=actor(), now=moment())
    return _back(series_id, "Paused. Jobs made already stay.")


@blueprint.post("/<int:series_id>/resume")
@permission(Right.JOB_EDIT)
def resume(series_id: int) -> Response:
    """Go on."""
    service.resume_series(db(), series_id=_reached(series_id).id, actor=actor(), now=moment())
    return _back(series_id, "It goes on. What fell into the pause is not made up for.")


@blueprint.post("/<int:series_id>/end")
@permission(Right.JOB_EDIT)
def end(series_id: int) -> Response:
    """End it for good."""
    service.end_series(db(), series_id=_reached(series_id).id, actor=actor(), now=moment())
    return _back(series_id, "Ended. Jobs made already stay; cancel those that are not wanted any more.")


def _reached(series_id: int) -> JobSeries:
    """Return a series of a site in reach; elsewhere it does not exist."""
    series = service.get_series(db(), series_id)
    queries.site_details(db(), series.site_id, territories=actor().territories(Right.JOB_READ))
    return series


def _shown(series: JobSeries, form: SeriesForm, conflict: str | None = None) -> Response:
    return form_page(
        "series/show.html",
        form,
        series=series,
        jobs=queries.jobs_of_series(db(), series.id),
        conflict=conflict,
        may_edit=actor().may(Right.JOB_EDIT, series.site.territory_id) and series.ended_at is None,
    )


def _back(series_id: int, words: str) -> Response:
    flash(words, "good")
    return redirect(url_for("series.show", series_id=series_id), 303)


def _values(form: SeriesForm) -> dict[str, Any]:
    return {
        "title": given(form.title.data),
        "description": form.description.data or "",
        "every": given(form.every.data),
        "unit": Unit(form.unit.data),
        "next_on": form.next_on.data,
        "last_on": form.last_on.data,
        "from_completion": form.from_completion.data,
        "tolerance_days": given(form.tolerance_days.data),
        "ahead_days": given(form.ahead_days.data),
    }
