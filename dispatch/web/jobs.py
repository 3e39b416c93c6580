"""Jobs: the list, a job's page, booking one, and the changes a dispatcher makes to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.accounts.choices import people_who_may
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs import queries, service
from dispatch.jobs.lifecycle import CLOSED_STATES, IN_WORDS, JobState
from dispatch.jobs.models import Job, Visit
from dispatch.jobs.needs import Need
from dispatch.jobs.service import JobDraft, Window
from dispatch.jobs.understanding import understand
from dispatch.messages.promising import confirm_booking, promise_window
from dispatch.messages.queries import calls_about, messages_about
from dispatch.planning.changelog import names_in
from dispatch.planning.disruptions import report_emergency
from dispatch.planning.job_page import commitments, faces_at, last_change, reports, told_for
from dispatch.planning.rechecking import unfit
from dispatch.planning.service import open_again
from dispatch.planning.unfit import change_needs
from dispatch.planning.visit_trouble import report_cancelled
from dispatch.skills.choices import certification_choices, skill_choices
from dispatch.skills.reading import Sureness
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, plausible, whole
from dispatch.web.history import timeline_items
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import may_open, permission
from dispatch.web.unfit_words import unfit_words
from dispatch.web.words import _l

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")
URGENT = "1"
PRIORITIES = [("", "As usual for this work"), (URGENT, "1 Urgent"), ("2", "2 High"), ("3", "3 Normal"), ("4", "4 Low")]
CHANNELS = [("call", "On the phone"), ("mail", "By mail"), ("text", "By text message")]
NEED_ROWS = 4
STANDARD_LEVEL = 3
SURENESS = {Sureness.SURE: _l("sure"), Sureness.LIKELY: _l("likely"), Sureness.CHECK: _l("check")}
NeedRow = tuple[int | None, int | None, int | None]  # skill, must level, preferred level


class BookJobForm(Form):
    """What a caller says; the rest comes from the kind of work."""

    site_id = HiddenField(validators=[InputRequired()])
    job_type_id = SelectField("Kind of work", coerce=int)
    title = StringField(
        "What is to be done", validators=[DataRequired("Say in a few words what is to be done."), Length(max=200)]
    )
    purpose = StringField(
        "What are they trying to get done",
        description="For example: keep three surgery rooms open on Monday",
        validators=[Optional(), Length(max=300)],
    )
    description = TextAreaField("Anything else", validators=[Optional(), Length(max=4000)])
    priority = SelectField("Priority", choices=options(PRIORITIES))
    duration_min = IntegerField(
        "Minutes on site", description="Empty: as usual for this work", validators=[Optional(), NumberRange(1, 1440)]
    )
    window_start = DateTimeLocalField("Can start from", validators=[Optional()])
    window_end = DateTimeLocalField("Must start by", validators=[Optional()])
    promise_start = DateTimeLocalField("Promised from", validators=[Optional()])
    promise_end = DateTimeLocalField("Promised to", validators=[Optional()])
    agreed_with = StringField("Agreed with", validators=[Optional(), Length(max=120)])
    channel = SelectField("Told", choices=options(CHANNELS))


class ChangeJobForm(Form):
    """The words and times of a job."""

    version = HiddenField(validators=[InputRequired()])
    title = StringField(
        "What is to be done", validators=[DataRequired("Say in a few words what is to be done."), Length(max=200)]
    )
    purpose = StringField("What are they trying to get done", validators=[Optional(), Length(max=300)])
    description = TextAreaField("Anything else", validators=[Optional(), Length(max=4000)])
    priority = SelectField("Priority", choices=options(PRIORITIES[1:]), coerce=int)
    release_at = DateTimeLocalField("Not before", validators=[Optional()])
    due_at = DateTimeLocalField("At the latest", validators=[Optional()])
    duration_min = IntegerField("Minutes on site", validators=[InputRequired(), NumberRange(1, 1440)])


class NextStepForm(Form):
    """What happens next, by when, and who sees to it."""

    next_step = StringField("Next step", validators=[DataRequired("Say what happens next."), Length(max=200)])
    due_at = DateTimeLocalField("By", validators=[InputRequired("Say by when.")])
    owner_id = SelectField("Who sees to it", coerce=int)
    waiting = BooleanField("It waits for somebody else")


class PromiseForm(Form):
    """The window a customer is told."""

    promise_start = DateTimeLocalField("From", validators=[InputRequired("Say from when.")])
    promise_end = DateTimeLocalField("To", validators=[InputRequired("Say until when.")])
    agreed_with = StringField("Agreed with", validators=[Optional(), Length(max=120)])
    channel = RadioField("Told", choices=options(CHANNELS), default="call")


class CancelJobForm(Form):
    """Why a job is not done."""

    reason = StringField("Why", validators=[DataRequired("Say why, so that the customer and the team know.")])
    customer_knows = BooleanField("The customer asked for it, or knows already")


class NeedsForm(Form):
    """What the crew of a visit must know; one row for each skill."""

    certifications = SelectMultipleField("Certificates", coerce=int)


@blueprint.get("")
@permission(Right.JOB_READ)
def index() -> Response:
    """Show jobs by what is due next."""
    text, chosen = request.args.get("q", ""), request.args.get("state", "")
    states = [chosen] if chosen in set(JobState) else [each for each in JobState if each not in CLOSED_STATES]
    listing = queries.jobs(
        db(),
        territories=actor().territories(Right.JOB_READ),
        text=text,
        states=[] if chosen == "all" else [JobState(each) for each in states],
        page=page_number(),
    )
    return page(
        "jobs/index.html",
        fragment="job_list",
        listing=listing,
        q=text,
        state=chosen,
        states=[
            ("", "Everything open"),
            ("all", "Everything"),
            *((s.value, IN_WORDS[s].capitalize()) for s in JobState),
        ],
    )


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def new() -> Response:
    """Book a job: choose the site, then say what is to be done."""
    reach = actor().territories(Right.JOB_EDIT)
    site_id = request.values.get("site_id", type=int)
    if site_id is None:
        text = request.args.get("q", "")
        customer_id = request.args.get("customer", type=int)
        sites = queries.sites_to_choose(db(), territories=reach, text=text, customer_id=customer_id)
        return page("jobs/choose_site.html", fragment="site_list", sites=sites, q=text, kept=_kept())
    site = queries.site_details(db(), site_id, territories=reach)
    usual = {"site_id": site.id, "job_type_id": queries.last_kind_at(db(), site.id)}
    form = BookJobForm(data=usual | ({"priority": URGENT} if _kept() else {}))
    form.job_type_id.choices = options([(each.id, each.name) for each in queries.job_types(db())])
    if form.validate_on_submit():
        try:
            job = service.book_job(db(), _draft(form, site.id, site.territory.zone), actor=actor(), now=moment())
            confirm_booking(db(), job_id=job.id, actor=actor(), now=moment())
        except Invalid as refused:
            form.refuse(refused)
        else:
            return redirect(_after_booking(job), 303)
    return form_page("jobs/new.html", form, site=site, kept=_kept())


def _kept() -> dict[str, str]:
    """Return what the steps of a new job hand on: whether it cannot wait."""
    return {"emergency": "1"} if request.args.get("emergency") == "1" and may_open("disruptions.emergency") else {}


def _after_booking(job: Job) -> str:
    """Lead to the job, or for one that cannot wait to the search for somebody."""
    if not _kept():
        flash("Booked. Next: assign a technician.", "good")
        return url_for("jobs.show", job_id=job.id)
    made = report_emergency(db(), visit_id=job.visits[0].id, actor=actor(), now=moment())
    return url_for("disruptions.show", disruption_id=made.id)


@blueprint.get("/<int:job_id>")
@permission(Right.JOB_READ)
def show(job_id: int) -> Response:
    """Show a job: purpose, promise, needs, people, next step and history."""
    job = _job(job_id, Right.JOB_READ)
    zone = job.site.territory.zone
    changes = queries.history_of_job(db(), job)
    visit_ids = [visit.id for visit in job.visits]
    may_read_messages = actor().may(Right.MESSAGE_READ, job.site.territory_id)
    current = _open_visit(job) or (job.visits[-1] if job.visits else None)
    return page(
        "jobs/show.html",
        current=current,
        told=told_for(db(), current.id, now=moment()) if current else None,
        waited=(moment() - job.created_at).days,
        faces=faces_at(db(), job.site_id, job.job_type_id),
        unfit=unfit(db(), visit_ids, now=moment()),
        position=last_change(db(), job),
        job=job,
        zone=zone,
        closed=job.state in CLOSED_STATES,
        commitments=commitments(db(), visit_ids),
        may_edit=actor().may(Right.JOB_EDIT, job.site.territory_id),
        may_hurry=actor().may(Right.ASSIGNMENT_EDIT, job.site.territory_id),
        may_see_access=actor().may(Right.SITE_ACCESS, job.site.territory_id),
        owner=queries.owner_name(db(), job.owner_id),
        history_items=timeline_items(
            changes,
            zone,
            reports(db(), visit_ids),
            names_in(db(), changes),
            messages_about(db(), visit_ids) if may_read_messages else (),
            calls_about(db(), visit_ids) if may_read_messages else (),
        ),
    )


@blueprint.get("/<int:job_id>/changes")
@permission(Right.JOB_READ)
def changes(job_id: int) -> Response:
    """Answer up to where the log tells of this job and what its page shows; the page asks while it is looked at."""
    job = _job(job_id, Right.JOB_READ)
    return jsonify({"to": last_change(db(), job)})


@blueprint.route("/<int:job_id>/edit", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def edit(job_id: int) -> Response:
    """Change what a job says, when it may be done and how long it takes."""
    job = _job(job_id, Right.JOB_EDIT)
    zone, visit = job.site.territory.zone, _open_visit(job)
    form = ChangeJobForm(
        data={
            "version": job.version,
            "title": job.title,
            "purpose": job.purpose,
            "description": job.description,
            "priority": job.priority,
            "release_at": _local(job.release_at, zone),
            "due_at": _local(job.due_at, zone),
            "duration_min": round((visit or job.visits[-1]).duration_s / 60),
        }
    )
    conflict = None
    if form.validate_on_submit():
        try:
            _save(job, visit, form, zone)
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict = refused.message
            form.version.data = str(job.version)
        else:
            flash("Saved.", "good")
            return redirect(url_for("jobs.show", job_id=job.id), 303)
    return form_page("jobs/edit.html", form, job=job, zone=zone, conflict=conflict)


@blueprint.route("/<int:job_id>/next-step", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def next_step(job_id: int) -> Response:
    """Say what happens next with a job."""
    job = _job(job_id, Right.JOB_EDIT)
    zone = job.site.territory.zone
    proposed = " ".join(request.args.get("step", "").split())[:200]
    form = NextStepForm(
        data={
            "next_step": proposed or job.next_step,
            "due_at": _local(job.next_step_due_at, zone),
            "owner_id": job.owner_id,
            "waiting": bool(proposed) or job.state == JobState.WAITING,
        }
    )
    form.owner_id.choices = options(
        people_who_may(db(), Right.JOB_EDIT, territory_id=job.site.territory_id, on=moment().date())
    )
    if form.validate_on_submit():
        try:
            service.set_next_step(
                db(),
                job_id=job.id,
                next_step=given(form.next_step.data),
                due_at=_instant(given(form.due_at.data), zone),
                owner_id=form.owner_id.data,
                waiting=form.waiting.data,
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash("Saved.", "good")
            return redirect(url_for("jobs.show", job_id=job.id), 303)
    return form_page("jobs/next_step.html", form, job=job, zone=zone)


@blueprint.route("/<int:job_id>/promise", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def promise(job_id: int) -> Response:
    """Tell the customer a window, or another one than before."""
    job = _job(job_id, Right.JOB_EDIT)
    zone, visit = job.site.territory.zone, _open_visit(job)
    if visit is None:
        raise Conflict("No visit of this job is open. Open the job again first.")
    standing = next((each for each in visit.promises if each.state == "standing"), None)
    form = PromiseForm(
        data={
            "promise_start": _local(_proposed("start") or (standing.during.lower if standing else None), zone),
            "promise_end": _local(_proposed("end") or (standing.during.upper if standing else None), zone),
            "agreed_with": job.customer.contact_name,
            "channel": job.customer.preferred_channel,
        }
    )
    if form.validate_on_submit():
        try:
            start, end = (_instant(given(each.data), zone) for each in (form.promise_start, form.promise_end))
            if end <= start:
                raise Invalid("A window must end after it starts.", field="promise_end")
            promise_window(
                db(),
                visit_id=visit.id,
                window=Window(start=start, end=end),
                agreed_with=form.agreed_with.data or None,
                channel=form.channel.data,
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash(
                f"Promised. The old promise, if there was one, is kept in the history. {told_words()}".strip(), "good"
            )
            return redirect(url_for("jobs.show", job_id=job.id), 303)
    return form_page("jobs/promise.html", form, job=job, zone=zone, standing=standing)


@blueprint.route("/<int:job_id>/needs", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def needs(job_id: int) -> Response:
    """Say what the crew must know and hold."""
    job = _job(job_id, Right.JOB_EDIT)
    visit = _open_visit(job)
    if visit is None:
        raise Conflict("No visit of this job is open. Open the job again first.")
    first = visit.slots[0]
    skills = skill_choices(db(), also=[need.skill_id for need in first.needs])
    form = NeedsForm(data={"certifications": [each.kind_id for each in first.certifications]})
    form.certifications.choices = options(certification_choices(db()))
    rows: list[NeedRow] = [(need.skill_id, need.must_level, need.preferred_level) for need in first.needs]
    if form.validate_on_submit():
        try:
            rows, wanted = _needs_from(request.form.getlist, {skill_id for skill_id, _ in skills})
            unfit = change_needs(
                db(),
                visit_id=visit.id,
                needs=wanted,
                certification_ids=form.certifications.data or [],
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash(f"Saved. {unfit_words(unfit)}".strip(), "good")
            return redirect(url_for("jobs.show", job_id=job.id), 303)
    suggested = understand(db(), f"{job.title} {job.description}")
    if not form.is_submitted():
        rows += _added({one.skill_id for one in suggested} - {row[0] for row in rows})
    blank = [(None, None, None)] * max(1, NEED_ROWS - len(rows))
    there = {row[0] for row in rows}
    return form_page(
        "jobs/needs.html",
        form,
        job=job,
        rows=[*rows, *blank],
        skills=skills,
        suggested=[one for one in suggested if one.skill_id not in there],
        added=[row[0] for row in rows if row[0] in {one.skill_id for one in suggested}],
        sureness=SURENESS,
    )


def _added(offered: set[int]) -> list[NeedRow]:
    """Return the suggestions that were chosen, each at the level that does standard work alone."""
    chosen = dict.fromkeys(whole(each) for each in request.args.getlist("add"))
    return [(skill, STANDARD_LEVEL, None) for skill in chosen if skill in offered]


@blueprint.route("/<int:job_id>/cancel", methods=["GET", "POST"])
@permission(Right.JOB_EDIT)
def cancel(job_id: int) -> Response:
    """Cancel a job with a reason."""
    job = _job(job_id, Right.JOB_EDIT)
    form = CancelJobForm()
    if form.validate_on_submit():
        try:
            freed = report_cancelled(
                db(),
                job_id=job.id,
                reason=given(form.reason.data),
                customer_knows=bool(form.customer_knows.data),
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            words = f"Cancelled. {told_words()}".strip()
            undo: Any = {"text": words, "undo_url": url_for("jobs.reopen", job_id=job.id), "fields": {}}
            flash(undo, "good")
            if freed is not None and may_open("disruptions.show"):
                return redirect(url_for("disruptions.show", disruption_id=freed.id), 303)
            return redirect(url_for("jobs.show", job_id=job.id), 303)
    return form_page("jobs/cancel.html", form, job=job)


@blueprint.post("/<int:job_id>/reopen")
@permission(Right.JOB_EDIT)
def reopen(job_id: int) -> Response:
    """Open a closed job again with a follow-up visit."""
    job = _job(job_id, Right.JOB_EDIT)
    open_again(db(), job_id=job.id, actor=actor(), now=moment())
    flash("Open again, with a new visit.", "good")
    return redirect(url_for("jobs.show", job_id=job.id), 303)


def _job(job_id: int, right: Right) -> Job:
    return queries.job_details(db(), job_id, territories=actor().territories(right))


def _open_visit(job: Job) -> Visit | None:
    return next((visit for visit in reversed(job.visits) if visit.state in ("open", "planned", "under_way")), None)


def _draft(form: BookJobForm, site_id: int, zone: str) -> JobDraft:
    return JobDraft(
        site_id=site_id,
        job_type_id=form.job_type_id.data,
        title=given(form.title.data),
        purpose=form.purpose.data or "",
        description=form.description.data or "",
        priority=int(form.priority.data) if form.priority.data else None,
        duration_s=form.duration_min.data * 60 if form.duration_min.data else None,
        windows=_windows(form.window_start.data, form.window_end.data, zone, "window_end"),
        promise=next(iter(_windows(form.promise_start.data, form.promise_end.data, zone, "promise_end")), None),
        agreed_with=form.agreed_with.data or None,
        channel=form.channel.data,
    )


def _windows(start: datetime | None, end: datetime | None, zone: str, field: str) -> Sequence[Window]:
    if start is None and end is None:
        return ()
    if start is None or end is None:
        raise Invalid("Give both times, or neither.", field=field)
    if end <= start:
        raise Invalid("This must be later than the time before it.", field=field)
    return (Window(start=_instant(start, zone), end=_instant(end, zone)),)


def _save(job: Job, visit: Visit | None, form: ChangeJobForm, zone: str) -> None:
    changes = {
        "title": form.title.data,
        "purpose": form.purpose.data or "",
        "description": form.description.data or "",
        "priority": form.priority.data,
        "release_at": _instant(form.release_at.data, zone) if form.release_at.data else None,
        "due_at": _instant(form.due_at.data, zone) if form.due_at.data else None,
    }
    kept = {key: value for key, value in changes.items() if not _same_minute(getattr(job, key), value)}
    version = whole(form.version.data)
    if version is None:
        abort(400)
    service.change_job(db(), job_id=job.id, version=version, changes=kept, actor=actor(), now=moment())
    minutes = given(form.duration_min.data)
    if visit is not None and minutes != round(visit.duration_s / 60):
        service.change_visit(
            db(),
            visit_id=visit.id,
            version=visit.version,
            changes={"duration_s": minutes * 60},
            actor=actor(),
            now=moment(),
        )


def _needs_from(values: Any, known: set[int]) -> tuple[list[NeedRow], list[Need]]:
    rows: list[NeedRow] = []
    wanted: list[Need] = []
    for skill, must, prefer in zip(values("skill_id"), values("must_level"), values("preferred_level"), strict=False):
        if not skill:
            continue
        row = (whole(skill), whole(must), whole(prefer))
        rows.append(row)
        if row[0] not in known:
            raise Invalid("Choose each skill from the list.")
        if row[1] is None and row[2] is None:
            raise Invalid("Give each skill the level it must have, or the level you wish for.")
        if row[0] in {each.skill_id for each in wanted}:
            raise Invalid("The same skill stands there twice.")
        wanted.append(Need(skill_id=row[0] or 0, must_level=row[1], preferred_level=row[2]))
    return rows, wanted


def _same_minute(before: object, after: object) -> bool:
    """Tell whether a form gave back what it showed: it shows minutes, the row may hold seconds."""
    if isinstance(before, datetime) and isinstance(after, datetime):
        return before.replace(second=0, microsecond=0) == after.replace(second=0, microsecond=0)
    return before == after


def _proposed(name: str) -> datetime | None:
    """Return a time that a link proposes for a field."""
    try:
        found = datetime.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return found if found.tzinfo and plausible(found) else None


def _instant(local: datetime, zone: str) -> datetime:
    return clock.instant(local.date(), local.time(), zone)


def _local(instant: datetime | None, zone: str) -> datetime | None:
    return None if instant is None else clock.in_zone(instant, zone).replace(tzinfo=None)
