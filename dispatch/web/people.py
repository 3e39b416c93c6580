"""People who can be sent: the directory, a person's page, and what others may change or vouch for there."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import (
    DateTimeLocalField,
    EmailField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TelField,
)
from wtforms.validators import DataRequired, Email, InputRequired, Length, NumberRange, Optional

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.attachments import with_files
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning import people as queries
from dispatch.planning.disruptions import report_cannot_work
from dispatch.planning.search import Kind, names_alike
from dispatch.skills import documents, service
from dispatch.skills.choices import skill_choices
from dispatch.skills.estimate import likely_level, qualified_level
from dispatch.skills.own_contests import contests_of
from dispatch.skills.queries import documents_of, open_contests, proficiencies, skill_profile
from dispatch.skills.wishes import wishes_of
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, whole
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.pictures import picture_of
from dispatch.web.security import may_open, permission, wants_json
from dispatch.web.skill_words import effect, sureness
from dispatch.web.unfit_words import with_visits
from dispatch.web.words import _
from dispatch.workforce import service as workforce
from dispatch.workforce.choices import territory_choices
from dispatch.workforce.models import Technician

blueprint = Blueprint("people", __name__, url_prefix="/people")
DAYS_AHEAD = 14
LEVELS = [
    (1, "1 assists"),
    (2, "2 does standard work with checks"),
    (3, "3 does standard work alone"),
    (4, "4 solves unusual cases"),
    (5, "5 teaches and signs off others"),
]
OUTCOMES = [
    ("upheld", "The fact stands"),
    ("withdrawn", "The fact is withdrawn"),
    ("corrected", "The fact is replaced by my own assessment"),
]
OUTCOMES_OF_PAPERS = [
    ("upheld", "It stays given back"),
    ("withdrawn", "It counts after all: I confirm its dates"),
]


class PersonForm(Form):
    """How to reach somebody and how fast they work."""

    version = HiddenField(validators=[InputRequired()])
    name = StringField("Name", validators=[DataRequired("Give the name."), Length(max=120)])
    phone = TelField("Phone", validators=[Optional(), Length(max=40)])
    email = EmailField(
        "Mail", validators=[Optional(), Email("This does not look like a mail address."), Length(max=200)]
    )
    start_area = StringField(
        "Starts from", description="A part of town, never an address", validators=[Optional(), Length(max=120)]
    )
    pace_percent = IntegerField(
        "Time needed, in per cent of the plan",
        description="100 as planned, 120 a fifth longer",
        validators=[InputRequired(), NumberRange(20, 500)],
    )


class AbsenceForm(Form):
    """When somebody cannot work; why is nobody's business here."""

    start = DateTimeLocalField("From", validators=[InputRequired("Say from when.")])
    end = DateTimeLocalField("Until", validators=[InputRequired("Say until when.")])


class AssessForm(Form):
    """What a supervisor saw somebody do."""

    skill_id = SelectField("Skill", coerce=int)
    level = RadioField("Level", choices=options(LEVELS), coerce=int, validators=[InputRequired("Choose a level.")])
    remark = StringField("What you saw", validators=[Optional(), Length(max=300)])


class ReturnForm(Form):
    """Why a certificate cannot count."""

    version = HiddenField(validators=[InputRequired()])
    reason = StringField(
        "What is wrong with it", validators=[DataRequired("Say what is wrong with it."), Length(max=300)]
    )


class SettleForm(Form):
    """The answer to somebody who sees a fact differently."""

    outcome = RadioField("Your answer", choices=options(OUTCOMES), validators=[InputRequired("Choose an answer.")])
    level = SelectField("Right level, if you replace it", choices=options([("", "–"), *LEVELS]))
    answer = StringField("Why", validators=[DataRequired("Give the person a reason."), Length(max=300)])


@blueprint.get("")
@permission(Right.PERSON_READ)
def index() -> Response:
    """Show people by name; with a skill, those with facts in it and their level."""
    reach = actor().territories(Right.PERSON_READ)
    text, skill_id = request.args.get("q", ""), request.args.get("skill", type=int)
    territory_id = request.args.get("territory", type=int)
    listing = queries.people(
        db(),
        territories=reach,
        on=moment().date(),
        text=text,
        skill_id=skill_id,
        territory_id=territory_id,
        page=page_number(),
    )
    return page(
        "people/index.html",
        fragment="people_list",
        may_approve=may_open("approvals.index"),
        listing=listing,
        q=text,
        alike=names_alike(db(), text, Kind.PERSON, reach=reach, on=moment().date())
        if text and not listing.rows
        else [],
        skill_id=skill_id or "",
        territory_id=territory_id or "",
        skills=skill_choices(db()),
        territories=territory_choices(db(), reach=reach),
        skill=queries.skill_name(db(), skill_id),
        levels=_levels([row.id for row in listing.rows], skill_id),
    )


@blueprint.get("/<int:technician_id>")
@permission(Right.PERSON_READ)
def show(technician_id: int) -> Response:
    """Show a person: what they can do and how surely, what they hold, when they work, where they go next."""
    person = _person(technician_id, Right.PERSON_READ)
    today, zone = moment().date(), _zone(person)
    here = [each.territory_id for each in person.memberships if today in each.during]
    local_day = clock.local_day(moment(), zone)
    may = actor().may
    opened = whole(request.args.get("open"))
    explain = () if opened is None else (opened,)
    profile = skill_profile(db(), technician_id, actor=actor(), at=moment(), explain=explain)
    # What somebody sees differently is part of their evidence.
    contests = open_contests(db()) if profile.evidence_shown else []
    answered = contests_of(db(), technician_id) if profile.evidence_shown else []
    papers = documents_of(db(), technician_id, on=local_day)
    return page(
        "people/show.html",
        person=person,
        zone=zone,
        territories=[each.territory.name for each in person.memberships if today in each.during],
        profile=profile,
        opened=opened,
        sureness=sureness,
        effect=effect,
        documents=papers,
        photos=with_files(db(), documents.PHOTO_OF, [each.certification_id for each in papers]),
        shifts=queries.coming_shifts(
            db(), technician_id, since=local_day, until=local_day + timedelta(days=DAYS_AHEAD)
        ),
        visits=queries.coming_visits(
            db(), technician_id, since=moment(), territories=actor().territories(Right.ASSIGNMENT_READ)
        ),
        contests=[each for each in contests if each.technician_id == technician_id],
        answered=[each for each in answered if each.settled_at],
        wishes=wishes_of(db(), technician_id) if profile.evidence_shown else {},
        days_ahead=DAYS_AHEAD,
        may_edit=any(may(Right.PERSON_EDIT, each) for each in here),
        may_report=any(may(Right.ABSENCE_REPORT, each) for each in here),
        may_confirm=any(may(Right.SKILL_CONFIRM, each) for each in here),
        may_confirm_papers=any(may(Right.CERTIFICATE_CONFIRM, each) for each in here),
    )


@blueprint.route("/<int:technician_id>/edit", methods=["GET", "POST"])
@permission(Right.PERSON_EDIT)
def edit(technician_id: int) -> Response:
    """Change how to reach somebody and how fast they work."""
    person = _person(technician_id, Right.PERSON_EDIT)
    form = PersonForm(obj=person, data={"pace_percent": round(person.pace * 100)})
    conflict = None
    if form.validate_on_submit():
        changes = {
            "name": given(form.name.data),
            "phone": form.phone.data or None,
            "email": form.email.data or None,
            "start_area": form.start_area.data or None,
            "pace": given(form.pace_percent.data) / 100,
        }
        try:
            workforce.change_technician(
                db(), technician_id=technician_id, version=_version(form), changes=changes, actor=actor(), now=moment()
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict, form.version.data = refused.message, str(person.version)
        else:
            flash("Saved.", "good")
            return redirect(_page_of(technician_id), 303)
    return form_page("people/edit.html", form, person=person, conflict=conflict)


@blueprint.post("/<int:technician_id>/spoken")
@permission(Right.PERSON_EDIT)
def spoken(technician_id: int) -> Response:
    """Note that one has spoken with somebody just now."""
    person = workforce.note_contact(db(), technician_id=technician_id, actor=actor(), now=moment())
    words = _("Noted: you have spoken with %(name)s.", name=person.name)
    if wants_json():
        return jsonify({"message": words, "bars": []})
    flash(words, "good")
    return redirect(_page_of(technician_id), 303)


@blueprint.route("/<int:technician_id>/absence", methods=["GET", "POST"])
@permission(Right.ABSENCE_REPORT)
def absence(technician_id: int) -> Response:
    """Note that somebody cannot work; where visits are touched it leads to their repair."""
    person = _person(technician_id, Right.ABSENCE_REPORT)
    zone = _zone(person)
    begin = clock.in_zone(moment(), zone).replace(tzinfo=None, second=0, microsecond=0)
    form = AbsenceForm(data={"start": begin, "end": begin.replace(hour=23, minute=59)})
    if form.validate_on_submit():
        start, end = given(form.start.data), given(form.end.data)
        try:
            made = report_cannot_work(
                db(),
                technician_id=technician_id,
                since=clock.instant(start.date(), start.time(), zone),
                until=clock.instant(end.date(), end.time(), zone),
                actor=actor(),
                now=moment(),
            )
        except (Invalid, Conflict) as refused:
            form.refuse(refused if isinstance(refused, Invalid) else Invalid(refused.message))
        else:
            if made is None:
                flash("Noted. Nothing was booked in that time.", "good")
            elif may_open("disruptions.show"):
                return redirect(url_for("disruptions.show", disruption_id=made.id), 303)
            else:
                flash("Noted. Somebody looks after what was booked.", "good")
            return redirect(_page_of(technician_id), 303)
    return form_page("people/absence.html", form, person=person, zone=zone)


@blueprint.route("/<int:technician_id>/assess", methods=["GET", "POST"])
@permission(Right.SKILL_CONFIRM)
def assess(technician_id: int) -> Response:
    """Record what a supervisor saw somebody do; this is what confirms a claim."""
    person = _person(technician_id, Right.SKILL_CONFIRM)
    form = AssessForm(skill_id=request.args.get("skill", type=int))
    form.skill_id.choices = options(skill_choices(db()))
    if form.validate_on_submit():
        try:
            service.assess_skill(
                db(),
                technician_id=technician_id,
                skill_id=form.skill_id.data,
                level=float(form.level.data),
                remark=form.remark.data or "",
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash(with_visits("Recorded. Planning uses it from now on.", technician_id), "good")
            return redirect(_page_of(technician_id), 303)
    return form_page("people/assess.html", form, person=person)


@blueprint.post("/<int:technician_id>/certificates/<int:certification_id>/confirm")
@permission(Right.CERTIFICATE_CONFIRM)
def confirm_certificate(technician_id: int, certification_id: int) -> Response:
    """Vouch for a certificate somebody handed in."""
    _person(technician_id, Right.CERTIFICATE_CONFIRM)
    _must_hold(technician_id, certification_id)
    documents.confirm_certification(
        db(),
        certification_id=certification_id,
        version=request.form.get("version", 0, type=int),
        actor=actor(),
        now=moment(),
    )
    flash(with_visits("Confirmed. It counts from now on.", technician_id), "good")
    return redirect(_page_of(technician_id), 303)


@blueprint.get("/<int:technician_id>/certificates/<int:certification_id>/photo")
@permission(Right.CERTIFICATE_CONFIRM)
def certificate_photo(technician_id: int, certification_id: int) -> Response:
    """Show the photo of a certificate to whoever compares its dates."""
    _person(technician_id, Right.CERTIFICATE_CONFIRM)
    _must_hold(technician_id, certification_id)
    return picture_of(documents.PHOTO_OF, certification_id)


@blueprint.route("/<int:technician_id>/certificates/<int:certification_id>/return", methods=["GET", "POST"])
@permission(Right.CERTIFICATE_CONFIRM)
def return_certificate(technician_id: int, certification_id: int) -> Response:
    """Give a certificate back with a reason."""
    person = _person(technician_id, Right.CERTIFICATE_CONFIRM)
    _must_hold(technician_id, certification_id)
    form = ReturnForm(data={"version": request.args.get("version", "")})
    if form.validate_on_submit():
        try:
            documents.return_certification(
                db(),
                certification_id=certification_id,
                version=_version(form),
                reason=given(form.reason.data),
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        else:
            flash(with_visits("Given back. The person sees why.", technician_id), "good")
            return redirect(_page_of(technician_id), 303)
    return form_page("people/return.html", form, person=person)


@blueprint.route("/<int:technician_id>/contests/<int:contest_id>", methods=["GET", "POST"])
@permission(Right.SKILL_CONFIRM)
def settle(technician_id: int, contest_id: int) -> Response:
    """Answer somebody who sees a fact differently."""
    person = _person(technician_id, Right.SKILL_CONFIRM)
    contest = next((each for each in open_contests(db()) if each.contest_id == contest_id), None)
    if contest is None or contest.technician_id != technician_id:
        raise Conflict("This has been answered already.")
    form, paper = SettleForm(), None
    if contest.certification_id is not None:
        held = documents_of(db(), technician_id, on=moment().date())
        paper = next(one for one in held if one.certification_id == contest.certification_id)
        form.outcome.choices = options(OUTCOMES_OF_PAPERS)
        del form.level
    if form.validate_on_submit():
        level = form.level.data if paper is None else None
        try:
            service.settle_contest(
                db(),
                contest_id=contest_id,
                outcome=form.outcome.data,
                answer=given(form.answer.data),
                level=float(level) if level and form.outcome.data == "corrected" else None,
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            form.form_errors.append(refused.message)
        else:
            flash(with_visits("Answered. The person sees it on their skills page.", technician_id), "good")
            return redirect(_page_of(technician_id), 303)
    return form_page(
        "people/settle.html",
        form,
        person=person,
        contest=contest,
        paper=paper,
        photo=paper is not None and with_files(db(), documents.PHOTO_OF, [paper.certification_id]),
        zone=_zone(person),
    )


def _person(technician_id: int, right: Right) -> Technician:
    return queries.person_details(db(), technician_id, territories=actor().territories(right), on=moment().date())


def _must_hold(technician_id: int, certification_id: int) -> None:
    held = documents_of(db(), technician_id, on=moment().date())
    if certification_id not in {each.certification_id for each in held}:
        raise NotFound("There is no such document.")


def _zone(person: Technician) -> str:
    return next((each.territory.zone for each in person.memberships), "UTC")


def _page_of(technician_id: int) -> str:
    return url_for("people.show", technician_id=technician_id)


def _version(form: Any) -> int:
    return whole(form.version.data) or abort(400)


def _levels(people: list[int], skill_id: int | None) -> dict[int, tuple[int, int]]:
    """Return for each person the likeliest level in a skill and the level dispatch relies on."""
    if skill_id is None:
        return {}
    known = proficiencies(db(), people, [skill_id])
    return {
        person: (likely_level(estimates[skill_id]), qualified_level(estimates[skill_id]))
        for person, estimates in known.items()
        if skill_id in estimates
    }
