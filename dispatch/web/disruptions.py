"""Something happened to the day: what, who is affected, what is proposed, and accepting it in one step."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning import people
from dispatch.planning.accepting import Accepted, accept_repair, book_agreed, tell_late
from dispatch.planning.disruption_page import DisruptionPage, Situation, disruption_page, late_steps
from dispatch.planning.disruptions import (
    close_disruption,
    end_of_work,
    propose_again,
    report_cannot_work,
    report_emergency,
    report_late,
    take_over,
    wait_and_see,
)
from dispatch.planning.models import FREES_TIME, DisruptionKind, DisruptionState, RepairPart
from dispatch.planning.repairing import TIME_LIMIT_S, payload
from dispatch.planning.retries import again_once
from dispatch.planning.solving import CHANNEL
from dispatch.planning.technician_day import zone_of
from dispatch.web.board_scope import asked_day, asked_territories
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import clock as clock_words
from dispatch.web.filters import day as day_words
from dispatch.web.filters import day_clock
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.situations import MOST_ALERTS, heading, silent, unpublished, unsettled
from dispatch.web.stream import Event, stream
from dispatch.web.words import _, _l

MERITS = {
    "soonest": _l("soonest"),
    "known_face": _l("knows you"),
    "cheapest": _l("fits best for us"),
    "narrow": _l("surest time"),
    "nearby": _l("already near"),
}
LATE = (15, 30, 60)
blueprint = Blueprint("disruptions", __name__, url_prefix="/disruptions")


@blueprint.get("/alerts")
@permission(Right.BOARD_READ)
def alerts() -> Response:
    """Answer what is unsettled on the day that a board shows; a board asks now and then."""
    _all, chosen = asked_territories()
    return page(
        "disruptions/alerts.html",
        situations=unsettled(chosen, asked_day(chosen)),
        most_alerts=MOST_ALERTS,
        may_edit=any(actor().may(Right.ASSIGNMENT_EDIT, each.id) for each in chosen),
        silent=silent(chosen, asked_day(chosen)),
        unpublished=unpublished(chosen, asked_day(chosen)),
        day=asked_day(chosen),
        where={"date": asked_day(chosen).isoformat(), "territory": request.args.get("territory") or None},
    )


@blueprint.get("/cannot-work")
@permission(Right.ABSENCE_REPORT)
def cannot_work() -> Response:
    """Ask until when somebody cannot work; nobody is asked why."""
    person = _person()
    zone = zone_of(db(), person.id, moment().date())
    return page(
        "disruptions/cannot_work.html",
        person=person,
        until=[(name, words, _end_words(_until(name, person.id, zone), zone)) for name, words in _untils()],
        zone=zone,
        vehicle=request.args.get("kind") == DisruptionKind.VEHICLE.value,
        late=LATE,
    )


@blueprint.post("/cannot-work")
@permission(Right.ABSENCE_REPORT)
def report() -> Response:
    """Note that somebody cannot work and ask for a repair of their day."""
    person = _person()
    if "late" in request.form:
        return _report_late(person)
    zone = zone_of(db(), person.id, moment().date())
    name = request.form.get("until", "")
    if name not in dict(_untils()):
        raise Invalid(_("Say until when."), field="until")
    vehicle = request.form.get("kind") == DisruptionKind.VEHICLE.value
    made = report_cannot_work(
        db(),
        technician_id=person.id,
        until=_until(name, person.id, zone),
        kind=DisruptionKind.VEHICLE if vehicle else DisruptionKind.CANNOT_WORK,
        actor=actor(),
        now=moment(),
    )
    if made is None:
        flash(_("Noted. Nothing was booked for %(name)s in that time.", name=person.name), "good")
        return redirect(url_for("board.index"), 303)
    return redirect(url_for("disruptions.show", disruption_id=made.id), 303)


def _report_late(person: Any) -> Response:
    minutes = request.form.get("late", type=int)
    if minutes not in LATE:
        raise Invalid(_("Say how late it gets."), field="late")
    made = report_late(db(), technician_id=person.id, minutes=minutes, actor=actor(), now=moment())
    if made is None:
        flash(_("Noted. Nothing comes after it today."), "good")
        return redirect(url_for("board.index"), 303)
    return redirect(url_for("disruptions.show", disruption_id=made.id), 303)


@blueprint.post("/emergency/<int:visit_id>")
@permission(Right.ASSIGNMENT_EDIT)
def emergency(visit_id: int) -> Response:
    """Look for a place today for a visit that cannot wait."""
    made = report_emergency(db(), visit_id=visit_id, actor=actor(), now=moment())
    return redirect(url_for("disruptions.show", disruption_id=made.id), 303)


@blueprint.get("/<int:disruption_id>")
@permission(Right.PLAN_READ)
def show(disruption_id: int) -> Response:
    """Show what happened and what is proposed."""
    found = _page(disruption_id)
    about = found.about
    return page(
        "disruptions/show.html",
        fragment="proposal",
        found=found,
        about=about,
        heading=heading(about),
        kept=found.part(RepairPart.KEPT),
        customer=found.part(RepairPart.CUSTOMER),
        you=found.part(RepairPart.YOU),
        words=_progress(about),
        may_edit=all(actor().may(Right.ASSIGNMENT_EDIT, each) for each in about.territory_ids),
        mine=about.repairer_id in (None, actor().user_id),
        where={"date": about.day.isoformat()},
        script=_script,
        frees=about.kind in FREES_TIME,
        ready_on=about.ready_on,
        looking=_looking(about),
        steps=late_steps(db(), [about], moment()).get(about.id),
        until=None if about.until is None else _end_words(about.until, about.zone),
        read_out=_read_out,
        merits=MERITS,
    )


def _looking(about: Situation) -> bool:
    """Tell whether times to offer are still being looked for; for an emergency that is so once somebody was taken."""
    taken = about.kind is DisruptionKind.EMERGENCY and about.state is DisruptionState.ACCEPTED
    return (about.state is DisruptionState.PROPOSED or taken) and about.offered_at is None and not about.message


@blueprint.get("/<int:disruption_id>/events")
@permission(Right.PLAN_READ)
def events(disruption_id: int) -> Response:
    """Stream how far a proposal is until it is there."""
    territories = _page(disruption_id).about.territory_ids

    def read() -> Iterable[Event]:
        words = _progress(_page(disruption_id).about)
        yield Event(data=words, name="progress", last=bool(words["done"]))

    return stream(read, right=Right.PLAN_READ, channel=CHANNEL, payload=payload(disruption_id), territories=territories)


@blueprint.get("/<int:disruption_id>/progress")
@permission(Right.PLAN_READ)
def progress(disruption_id: int) -> Response:
    """Answer how far a proposal is to pages that cannot have a stream."""
    return jsonify(_progress(_page(disruption_id).about))


@blueprint.post("/<int:disruption_id>/accept")
@permission(Right.ASSIGNMENT_EDIT)
def accept(disruption_id: int) -> Response:
    """Accept what keeps the promises, all of it, or one of several people; one step that can be taken back as one."""
    choice = request.form.get("choice", type=int)
    try:
        done = again_once(
            db(),
            lambda: accept_repair(
                db(),
                disruption_id=disruption_id,
                attempt=request.form.get("attempt", 0, type=int),
                late_too=request.form.get("late_too") == "yes",
                choice=None if choice is None else choice - 1,
                actor=actor(),
                now=moment(),
            ),
        )
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        undo: Any = {"text": _accepted_words(done), "undo_url": url_for("steps.undo"), "fields": {}}
        flash(undo, "problem" if done.changed else "good")
    return _back_to(disruption_id)


@blueprint.post("/<int:disruption_id>/visits/<int:visit_id>/agreed")
@permission(Right.ASSIGNMENT_EDIT)
def agreed(disruption_id: int, visit_id: int) -> Response:
    """Book the proposed time that a customer agreed to."""
    try:
        again_once(
            db(), lambda: book_agreed(db(), disruption_id=disruption_id, visit_id=visit_id, actor=actor(), now=moment())
        )
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(_("Booked, and promised to the customer."), "good")
    return _back_to(disruption_id)


@blueprint.post("/<int:disruption_id>/visits/<int:visit_id>/tell")
@permission(Right.ASSIGNMENT_EDIT)
def tell(disruption_id: int, visit_id: int) -> Response:
    """Tell a customer that somebody comes later, with the new window; one click from the alert."""
    try:
        written = again_once(
            db(), lambda: tell_late(db(), disruption_id=disruption_id, visit_id=visit_id, actor=actor(), now=moment())
        )
    except Conflict as refused:
        flash(refused.message, "problem")
        return _back_to(disruption_id)
    if written:
        flash(_("It is told in a moment; until then the outbox can recall it."), "good")
        return redirect(url_for("board.index"), 303)
    flash(_("They want to be called. The call is yours to make now; the words stand here."), "good")
    return _back_to(disruption_id)


@blueprint.post("/<int:disruption_id>/wait")
@permission(Right.ASSIGNMENT_EDIT)
def wait(disruption_id: int) -> Response:
    """Leave it alone for a quarter of an hour."""
    try:
        again_once(db(), lambda: wait_and_see(db(), disruption_id=disruption_id, actor=actor(), now=moment()))
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(_("It comes back in 15 minutes, if it is still so."), "good")
    return redirect(url_for("board.index"), 303)


@blueprint.post("/<int:disruption_id>/take-over")
@permission(Right.ASSIGNMENT_EDIT)
def take(disruption_id: int) -> Response:
    """Repair it oneself from now on."""
    take_over(db(), disruption_id=disruption_id, actor=actor(), now=moment())
    flash(_("You are repairing this now."), "good")
    return _back_to(disruption_id)


@blueprint.post("/<int:disruption_id>/again")
@permission(Right.ASSIGNMENT_EDIT)
def again(disruption_id: int) -> Response:
    """Ask for a new proposal on the day as it is now."""
    propose_again(db(), disruption_id=disruption_id, actor=actor(), now=moment())
    return _back_to(disruption_id)


@blueprint.post("/<int:disruption_id>/close")
@permission(Right.ASSIGNMENT_EDIT)
def close(disruption_id: int) -> Response:
    """Leave the plan as it is."""
    close_disruption(db(), disruption_id=disruption_id, actor=actor(), now=moment())
    flash(_("Closed. The plan stays as it is."), "good")
    return redirect(url_for("board.index"), 303)


def _progress(about: Situation) -> dict[str, Any]:
    """Return how far a proposal is, as the fields of the page."""
    done = about.state is not DisruptionState.OPEN
    phase = _("Ready") if done else about.message or _("Waiting for a free worker")
    words = {"phase": phase, "done": done, "expected_s": TIME_LIMIT_S, "summary": phase}
    return words | ({"next_url": url_for("disruptions.show", disruption_id=about.id)} if done else {})


def _accepted_words(done: Accepted) -> str:
    parts = [_("%(n)s booked", n=len(done.booked))]
    if done.to_call:
        parts.append(_("%(n)s to call", n=len(done.to_call)))
    if done.changed:
        parts.append(_("%(n)s left alone, since that day changed meanwhile", n=len(done.changed)))
    return ", ".join(parts) + "."


def _read_out(time: Any, about: Situation) -> str:
    """Return the sentence to read aloud for a time: a window, never a minute."""
    start, end = time.window
    return _(
        "%(who)s can be with you on %(day)s between %(start)s and %(end)s.",
        who=time.technician,
        day=day_words(start, about.zone),
        start=clock_words(start, about.zone),
        end=clock_words(end, about.zone),
    )


def _script(line: Any, about: Situation) -> str:
    """Return the words to begin the call with: what happened, then what can be had, then a question."""
    said = [_what_happened(line, about)]
    if line.window is None:
        said.append(_("Which day would suit you instead? I will ring back with a sure time."))
    else:
        start, end = (clock_words(each, about.zone) for each in line.window)
        said.append(
            _("%(who)s could be with you between %(start)s and %(end)s.", who=line.now[0][0], start=start, end=end)
        )
        said.append(_("Is that all right, or is another time better?"))
    return " ".join(said)


def _what_happened(line: Any, about: Situation) -> str:
    words = {
        DisruptionKind.NO_ACCESS: _("We were to be with you today and could not get in."),
        DisruptionKind.PART_MISSING: _("I am sorry: a part we need for you is not here yet."),
        DisruptionKind.NOT_DONE: _("I am sorry: we could not do the work at this visit."),
    }
    if line.visit_id == about.visit_id and about.kind in words:
        return words[about.kind]
    if line.is_early:
        return _("Good news: somebody has time for you sooner than we told you.")
    return _("I am sorry: we cannot come at the time we told you.")


def _page(disruption_id: int) -> DisruptionPage:
    return disruption_page(db(), disruption_id, territories=actor().territories(Right.PLAN_READ), now=moment())


def _back_to(disruption_id: int) -> Response:
    return redirect(url_for("disruptions.show", disruption_id=disruption_id), 303)


def _person() -> Any:
    technician_id = request.values.get("technician", type=int)
    if technician_id is None:
        raise NotFound(_("There is no such person."))
    return people.person_details(
        db(), technician_id, territories=actor().territories(Right.ABSENCE_REPORT), on=moment().date()
    )


def _untils() -> list[tuple[str, str]]:
    return [
        ("hours", _("For two hours")),
        ("today", _("Today")),
        ("tomorrow", _("Today and tomorrow")),
    ]


def _end_words(end: datetime, zone: str) -> str:
    """Return until when, as people say it: nobody speaks of zero hours of the next day."""
    if clock.in_zone(end, zone).time() == time():
        return _("until the end of %(day)s", day=day_words(end - timedelta(minutes=1), zone))
    return _("until %(time)s", time=day_clock(end, zone))


def _until(name: str, technician_id: int, zone: str) -> datetime:
    now = moment()
    if name == "hours":
        return now.replace(second=0, microsecond=0) + timedelta(hours=2)
    last = clock.local_day(now, zone) + timedelta(days=0 if name == "today" else 1)
    return end_of_work(db(), technician_id, last, zone)
