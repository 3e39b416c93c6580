"""The technician's day on a phone: the next visit first, then the rest; and the run of one visit."""

import uuid
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from dispatch.accounts.access import Right
from dispatch.accounts.service import mark_looked
from dispatch.core.clock import day_bounds, local_day
from dispatch.core.errors import Invalid
from dispatch.planning.disruptions import end_of_work, report_cannot_work, report_late
from dispatch.planning.explaining import why_you
from dispatch.planning.models import DisruptionKind, ReportKind
from dispatch.planning.reporting import report_visit
from dispatch.planning.technician_day import (
    Stop,
    changes_since,
    crew_of,
    my_day,
    my_visit,
    reports_of,
    skills_asked,
    zone_of,
)
from dispatch.planning.visit_trouble import report_could_not_do
from dispatch.web.context import actor, db, moment, technician_id
from dispatch.web.forms import Form, options, plausible, whole
from dispatch.web.identity import last_looked_at
from dispatch.web.pages import page
from dispatch.web.security import permission, repeatable
from dispatch.web.words import _, _l

blueprint = Blueprint("my_day", __name__, url_prefix="/my")

QUICK = {kind.value: kind for kind in (ReportKind.ACCEPTED, ReportKind.ON_THE_WAY, ReportKind.ARRIVED)}
CAUSES = [
    ("", _l("Nothing of this, or I do not know")),
    ("skill", _l("I would need to know more for this")),
    ("parts", _l("A part was missing")),
    ("tools", _l("A tool was missing")),
    ("access", _l("No way in")),
    ("customer", _l("The customer wanted it otherwise")),
    ("time", _l("Not enough time")),
    ("weather", _l("Weather")),
    ("other", _l("Something else")),
]
COULD_NOT = [
    (_l("Nobody was there"), _l("Say below whether you called"), DisruptionKind.NO_ACCESS),
    (_l("No way in"), _l("Gate, key or code"), DisruptionKind.NO_ACCESS),
    (_l("A part is missing"), _l("Which one, below"), DisruptionKind.PART_MISSING),
    (_l("A tool is missing"), _l("Which one, below"), DisruptionKind.NOT_DONE),
    (_l("Not safe"), _l("You did right to stop"), DisruptionKind.NOT_DONE),
    (_l("The customer asked for another time"), _l("When, below"), DisruptionKind.NO_ACCESS),
    (_l("It needs somebody with another skill"), _l("Which one, below"), DisruptionKind.NOT_DONE),
    (_l("Not enough time left today"), "", DisruptionKind.NOT_DONE),
    (_l("Weather"), "", DisruptionKind.NOT_DONE),
    (_l("Something else"), _l("A few words below"), DisruptionKind.NOT_DONE),
]
DECLINE = [
    (_l("I can not be there at that time"), ""),
    (_l("I do not have the tools or parts"), ""),
    (_l("I do not know this work well enough"), _l("Thank you for saying so")),
    (_l("Too far from where I am then"), ""),
    (_l("Something else"), _l("A few words below")),
]


class ReportForm(Form):
    """The number of a report, made with the page, so that sending twice counts once."""

    report_id = HiddenField(validators=[InputRequired()])

    def number(self) -> uuid.UUID:
        """Return the report's number; refuses what is none."""
        try:
            return uuid.UUID(str(self.report_id.data))
        except ValueError as error:
            raise Invalid(_("Load the page again and repeat the step.")) from error


class DoneForm(ReportForm):
    """The close-out: was it fixed, why not, which skill, anything else."""

    fixed = RadioField(
        _l("Is it fixed with this visit?"),
        choices=options([("yes", _l("Yes, it is fixed")), ("no", _l("No, it needs another visit"))]),
        validators=[InputRequired(_l("Say whether it is fixed."))],
    )
    cause = SelectField(_l("If not: what was in the way?"), choices=options(CAUSES))
    skill_id = SelectField(_l("Which skill did it take?"), coerce=lambda value: int(value) if value else None)
    note = TextAreaField(
        _l("Anything that would help this customer or the next colleague?"), validators=[Optional(), Length(max=2000)]
    )


class ReasonForm(ReportForm):
    """Why something was not possible: a tile, and a few words where they help."""

    reason = RadioField(_l("What happened?"), validators=[InputRequired(_l("Choose what fits best."))])
    words = StringField(_l("In your words"), validators=[Optional(), Length(max=300)])
    ready_on = DateField(_l("If a part is missing: when does it come?"), validators=[Optional()])

    def told(self) -> str:
        """Return the reason as it is kept."""
        more = (self.words.data or "").strip()
        return f"{self.reason.data}: {more}" if more else str(self.reason.data)


class NoteForm(ReportForm):
    """Words about a visit."""

    note = TextAreaField(_l("Note"), validators=[InputRequired(_l("Write a few words.")), Length(max=2000)])


@blueprint.get("/day")
@permission(Right.DAY_READ, own=True)
def index() -> Response:
    """Show the day: next visit, the rest, what changed since one last looked."""
    me, now = technician_id(), moment()
    zone = zone_of(db(), me, now.date())
    today = local_day(now, zone)
    day = _asked_day() or today
    mine = my_day(db(), me, day=day, zone=zone, now=now)
    since = last_looked_at() or day_bounds(today, zone)[0]
    next_stop = mine.next_stop if day == today else None
    return page(
        "my/day.html",
        fragment="day",
        mine=mine,
        today=today,
        next_stop=next_stop,
        rest=[stop for stop in mine.stops if stop is not next_stop],
        why=why_me(next_stop) if next_stop else [],
        changes=changes_since(db(), me, since=since, now=now),
        report_id=uuid.uuid4(),
        uuid=uuid.uuid4,
        one_day=timedelta(days=1),
        now=now,
    )


@blueprint.post("/day/seen")
@permission(Right.DAY_READ, own=True)
def seen() -> Response:
    """Note that one has read what changed."""
    me = actor()
    assert me.user_id is not None
    mark_looked(db(), user_id=me.user_id, now=moment())
    return redirect(url_for("my_day.index"), 303)


@blueprint.post("/day/late")
@permission(Right.DAY_READ, own=True)
def late() -> Response:
    """Say that one needs longer; where every promise holds nobody is disturbed."""
    minutes_late = request.form.get("minutes", 0, type=int)
    made = report_late(db(), technician_id=technician_id(), minutes=minutes_late, actor=actor(), now=moment())
    flash(_("Thank you. We look after what comes next.") if made else _("Thank you. Nothing comes after."), "good")
    return redirect(url_for("my_day.index"), 303)


@blueprint.post("/day/cannot-work")
@permission(Right.DAY_READ, own=True)
def cannot_work() -> Response:
    """Say that one cannot work today; nobody asks why."""
    me, now = technician_id(), moment()
    zone = zone_of(db(), me, now.date())
    until = end_of_work(db(), me, local_day(now, zone), zone)
    made = report_cannot_work(db(), technician_id=me, until=until, actor=actor(), now=now)
    jobs = made.facts.get("visits", 0) if made is not None else 0
    flash(_("Get well. Your %(n)s jobs are looked after.", n=jobs) if jobs > 1 else _get_well(jobs), "good")
    return redirect(url_for("my_day.index"), 303)


def _get_well(jobs: int) -> str:
    return _("Get well. Your job is looked after.") if jobs else _("Get well. Nothing was booked for you.")


@blueprint.get("/jobs/<int:visit_id>")
@permission(Right.DAY_READ, own=True)
def show(visit_id: int) -> Response:
    """Show a visit of one's own with everything to know there."""
    stop = _stop(visit_id)
    return page(
        "my/job.html",
        stop=stop,
        why=why_me(stop),
        asked=skills_asked(db(), stop.assignment_id),
        crew=crew_of(db(), visit_id, besides=technician_id()),
        reports=reports_of(db(), visit_id, technician_id()),
        form=NoteForm(formdata=None),
        report_id=uuid.uuid4(),
        uuid=uuid.uuid4,
    )


@blueprint.post("/jobs/<int:visit_id>/report")
@permission(Right.DAY_READ, own=True)
@repeatable
def report(visit_id: int) -> Response:
    """Take one tap: accepted, on my way, arrived."""
    kind = QUICK.get(request.form.get("kind", ""))
    if kind is None:
        raise Invalid(_("There is no such step."))
    form = ReportForm()
    _keep(form, visit_id, kind)
    if kind is ReportKind.ACCEPTED:
        return redirect(url_for("my_day.index"), 303)
    return redirect(url_for("my_day.show", visit_id=visit_id), 303)


@blueprint.post("/jobs/<int:visit_id>/note")
@permission(Right.DAY_READ, own=True)
@repeatable
def note(visit_id: int) -> Response:
    """Keep a note about a visit."""
    form = NoteForm()
    if not form.validate():
        raise Invalid(_("Write a few words before you send the note."))
    _keep(form, visit_id, ReportKind.NOTE, note=form.note.data)
    return redirect(url_for("my_day.show", visit_id=visit_id), 303)


@blueprint.route("/jobs/<int:visit_id>/done", methods=["GET", "POST"])
@permission(Right.DAY_READ, own=True)
@repeatable
def done(visit_id: int) -> Response:
    """Close a visit out."""
    stop = _stop(visit_id)
    asked = skills_asked(db(), stop.assignment_id)
    form = DoneForm()
    form.skill_id.choices = options([("", _("All of them, or I can not say")), *asked])
    if form.is_submitted() and form.validate():
        fixed = form.fixed.data == "yes"
        _keep(
            form,
            visit_id,
            ReportKind.DONE,
            fixed_first_time=fixed,
            cause=None if fixed else (form.cause.data or None),
            skill_id=form.skill_id.data,
            note=form.note.data or None,
        )
        return redirect(url_for("my_day.index"), 303)
    _number(form)
    return page("my/done.html", stop=stop, form=form, status=422 if form.is_submitted() else 200)


@blueprint.route("/jobs/<int:visit_id>/could-not-do", methods=["GET", "POST"])
@permission(Right.DAY_READ, own=True)
@repeatable
def could_not_do(visit_id: int) -> Response:
    """Say that the work could not be done, and why."""
    form, stop = _reason_form(visit_id, [title for title, _hint, _kind in COULD_NOT])
    if form.is_submitted() and form.validate():
        kinds = {str(title): kind for title, _hint, kind in COULD_NOT}
        told = report_could_not_do(
            db(),
            report_id=form.number(),
            visit_id=visit_id,
            technician_id=technician_id(),
            happened_at=moment(),
            reason=form.told(),
            trouble=kinds[str(form.reason.data)],
            ready_on=form.ready_on.data,
            based_on_version=whole(request.form.get("version")),
            actor=actor(),
            now=moment(),
        )
        flash(told.message, "problem" if told.overtaken else "good")
        return redirect(url_for("my_day.index"), 303)
    return _reason_page(form, stop, [(title, hint) for title, hint, _kind in COULD_NOT], declining=False)


@blueprint.route("/jobs/<int:visit_id>/decline", methods=["GET", "POST"])
@permission(Right.DAY_READ, own=True)
@repeatable
def decline(visit_id: int) -> Response:
    """Give a visit back, with the reason."""
    form, stop = _reason_form(visit_id, [title for title, _hint in DECLINE])
    if form.is_submitted() and form.validate():
        _keep(form, visit_id, ReportKind.DECLINED, reason=form.told())
        return redirect(url_for("my_day.index"), 303)
    return _reason_page(form, stop, DECLINE, declining=True)


def _reason_form(visit_id: int, titles: list[Any]) -> tuple[ReasonForm, Stop]:
    stop = _stop(visit_id)
    form = ReasonForm()
    form.reason.choices = options((str(title), title) for title in titles)
    return form, stop


def _reason_page(form: ReasonForm, stop: Stop, tiles: list[tuple[Any, Any]], *, declining: bool) -> Response:
    _number(form)
    if declining:
        form.reason.label.text = _("What is in the way?")
    return page(
        "my/reason.html",
        stop=stop,
        form=form,
        declining=declining,
        tiles=[(str(title), title, hint) for title, hint in tiles],
        status=422 if form.is_submitted() else 200,
    )


def _keep(form: ReportForm, visit_id: int, kind: ReportKind, **details: Any) -> None:
    """Keep a report of the technician who acts, and say what became of it."""
    told = report_visit(
        db(),
        report_id=form.number(),
        visit_id=visit_id,
        technician_id=technician_id(),
        kind=kind,
        happened_at=moment(),
        based_on_version=whole(request.form.get("version")),
        actor=actor(),
        now=moment(),
        **details,
    )
    flash(told.message, "problem" if told.overtaken else "good")


def _number(form: ReportForm) -> None:
    """Give a form that is shown its report number; one that was refused keeps the one it has."""
    if not form.report_id.data:
        form.report_id.data = str(uuid.uuid4())


def _stop(visit_id: int) -> Stop:
    return my_visit(db(), technician_id(), visit_id, now=moment())


def _asked_day() -> date | None:
    try:
        day = date.fromisoformat(request.args["day"])
    except (KeyError, ValueError):
        return None
    return day if plausible(day) else None


def why_me(stop: Stop) -> list[str]:
    """Return why this person was chosen, as their dispatcher reads it."""
    found = list(why_you(db(), technician_id(), stop))
    return found or [_("Your dispatcher chose you for this visit. Ask them if you wonder why.")]
