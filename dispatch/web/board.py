"""The dispatch board: one day of one's territories, and every move on it through one service."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, jsonify, make_response, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateTimeLocalField, HiddenField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from dispatch.accounts.access import Right
from dispatch.core import audit, clock
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs import queries as job_queries
from dispatch.jobs.models import Job, Visit
from dispatch.planning.assigning import (
    PLANNABLE,
    CannotPlace,
    Placed,
    Taken,
    pin_visit,
    place_visit,
    unassign_visit,
    unpin_visit,
)
from dispatch.planning.board import Board, board_for
from dispatch.planning.job_page import Commitment, commitments, is_pinned
from dispatch.planning.places import Answer, customers_of, pushing_of, words_of
from dispatch.planning.plan_list import latest_runs
from dispatch.web import board_places
from dispatch.web.board_json import bar_json, board_json, person_json, queued_json
from dispatch.web.board_list import GROUPS, ORDERS, arrangement, bars_by_person, cut
from dispatch.web.board_scope import asked_day, asked_territories, likely_day
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, plausible, whole
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import page
from dispatch.web.security import may_open, permission, wants_json
from dispatch.web.situations import MOST_ALERTS, silent, unpublished, unsettled
from dispatch.workforce.choices import technician_choices

blueprint = Blueprint("board", __name__, url_prefix="/board")
RUNS_SHOWN = 3
QUEUE_SHOWN = 60
QUEUE_MOST = 100  # what the page has room for; the list of jobs has the rest
IN_THE_ADDRESS = ("date", "territory", "queue", "zoom", "group", "sort", "sel", "map", "view")


class MoveForm(Form):
    """Who goes and when; a reason only where a rule speaks against it."""

    visit_id = HiddenField(validators=[InputRequired()])
    assignment_id = HiddenField()
    version = HiddenField()
    technician_id = SelectField("Who goes", coerce=int)
    starts_at = DateTimeLocalField("Starts", validators=[InputRequired("Say when the work starts.")])
    override_reason = StringField(
        "Why it should be so all the same",
        description="Kept in the history, and shown to whoever asks",
        validators=[Optional(), Length(max=300)],
    )


@blueprint.get("")
@permission(Right.BOARD_READ)
def index() -> Response:
    """Show the day: what threatens promises, who has what, and what nobody has yet."""
    territories, chosen = asked_territories()
    day = asked_day(chosen)
    reach = actor().territories(Right.BOARD_READ)
    board = board_for(db(), territories=chosen, day=day, now=moment(), reach=reach)
    names = {person.id: person.name for person in board.people}
    limit = QUEUE_MOST if request.args.get("queue") == "all" else QUEUE_SHOWN
    bars_of = bars_by_person(board)
    people = arrangement(board, chosen)
    show = request.args.get("show", "")
    shown = _shown(board, show)
    return page(
        "board/index.html",
        board=board,
        day=day,
        today=clock.local_day(moment(), board.zone),
        yesterday=day - timedelta(days=1),
        tomorrow=day + timedelta(days=1),
        counts=board.counts(),
        most_alerts=MOST_ALERTS,
        situations=unsettled(chosen, day),
        silent=silent(chosen, day),
        unpublished=unpublished(chosen, day),
        bars_of=bars_of,
        arranged=people,
        groups=GROUPS,
        orders=ORDERS,
        listed=cut(
            people.people,
            [max(1, len(bars_of[person.id])) for person in people.people],
            request.args.get("people", 1, int),
        ),
        names=names,
        queue=board.queue[:limit],
        limit=limit,
        queue_most=QUEUE_MOST,
        who=actor().user_id,
        territories=territories,
        territory_choices=[(each.id, each.name) for each in territories],
        chosen=chosen[0].id if len(chosen) == 1 and len(territories) > 1 else "",
        shown=cut(shown, [1] * len(shown), request.args.get("row", 1, int)) if shown else None,
        show=show,
        kept={name: value for name, value in request.args.items() if name in IN_THE_ADDRESS},
        runs=latest_runs(
            db(),
            [(each.id, day) for each in chosen],
            territories=actor().territories(Right.PLAN_READ),
            limit=RUNS_SHOWN,
        ),
        may_plan=any(actor().may(Right.PLAN_RUN, each.id) for each in chosen),
        may_edit=any(actor().may(Right.ASSIGNMENT_EDIT, each.id) for each in chosen),
        may_hurry=may_open("jobs.new") and may_open("disruptions.emergency"),
    )


@blueprint.get("/data")
@permission(Right.BOARD_READ)
def data() -> Response:
    """Answer the day as the grid reads it; from its position on, the stream tells what changes."""
    _, chosen = asked_territories()
    reach = actor().territories(Right.BOARD_READ)
    position = audit.position(db())  # read first: what comes between is told twice rather than never
    board = board_for(db(), territories=chosen, day=asked_day(chosen), now=moment(), reach=reach)
    return jsonify(board_json(board, chosen, moment(), position))


@blueprint.get("/visits/<int:visit_id>")
@permission(Right.BOARD_READ)
def visit(visit_id: int) -> Response:
    """Show one visit with its form to book, move, pin or free it."""
    return _visit_page(visit_id, None)


@blueprint.post("/visits/<int:visit_id>/book")
@permission(Right.ASSIGNMENT_EDIT)
def book(visit_id: int) -> Response:
    """Take a numbered place; where it was just taken by somebody else, the visit is shown with its places made anew."""
    technician_id, start = request.form.get("technician_id", type=int), _iso(request.form.get("start", ""))
    if technician_id is None or start is None:
        raise Invalid("Say who goes and when it starts.")
    try:
        with db().begin_nested():
            placed = place_visit(
                db(),
                visit_id=visit_id,
                technician_id=technician_id,
                start=start,
                **_taken_place(visit_id),
                actor=actor(),
                now=moment(),
                draft=True,
            )
    except Conflict as refused:
        flash(f"{refused.message} Nothing was changed. The places below are made anew.", "problem")
        return redirect(url_for("board.visit", visit_id=visit_id, **_kept()), 303)
    _undoable(_booked_words(placed))
    return redirect(_back(), 303)


@blueprint.get("/visits/<int:visit_id>/verdicts")
@permission(Right.BOARD_READ)
def verdicts(visit_id: int) -> Response:
    """Answer for each row of the board whether its person could take a visit, and name the best places."""
    job, found = _visit(visit_id)
    day = asked_day([job.site.territory])
    answer = board_places.answer(visit_id, found.territory_id, day, request.args.get("assignment_id", type=int))
    return jsonify(board_places.answer_json(visit_id, answer))


@blueprint.post("/move")
@permission(Right.ASSIGNMENT_EDIT)
def move() -> Response:
    """Book or move a visit: the same service for drag, keyboard and form."""
    if wants_json():
        return _move_by_script()
    visit_id = request.form.get("visit_id", type=int) or abort(400)
    return _visit_page(visit_id, MoveForm())


@blueprint.post("/visits/<int:visit_id>/unassign")
@permission(Right.ASSIGNMENT_EDIT)
def unassign(visit_id: int) -> Response:
    """Take the crew off a visit; it waits in the queue again."""
    unassign_visit(db(), visit_id=visit_id, actor=actor(), now=moment(), draft=True)
    _undoable("Taken off. The visit waits in the queue.")
    return redirect(_back(), 303)


@blueprint.post("/visits/<int:visit_id>/pin")
@permission(Right.ASSIGNMENT_EDIT)
def pin(visit_id: int) -> Response:
    """Keep a booking as it is when the day is planned."""
    pin_visit(db(), visit_id=visit_id, actor=actor(), now=moment())
    flash("Pinned. Planning leaves it as it is.", "good")
    return redirect(_back(), 303)


@blueprint.post("/visits/<int:visit_id>/unpin")
@permission(Right.ASSIGNMENT_EDIT)
def unpin(visit_id: int) -> Response:
    """Let planning decide about a booking again."""
    unpin_visit(db(), visit_id=visit_id, actor=actor(), now=moment())
    flash("Unpinned.", "good")
    return redirect(_back(), 303)


def _visit_page(visit_id: int, form: MoveForm | None) -> Response:
    job, found = _visit(visit_id)
    crew = commitments(db(), [visit_id])
    zone = job.site.territory.zone
    reach = actor().territories(Right.ASSIGNMENT_EDIT)
    refused: CannotPlace | None = None
    may_edit = actor().may(Right.ASSIGNMENT_EDIT, found.territory_id)
    places = _places(job, found, zone) if may_edit and form is None else None
    form = form or MoveForm(data=_shown_booking(found, crew, zone) | _first_of(places, crew, zone))
    form.technician_id.choices = options(technician_choices(db(), reach=reach, on=moment().date()))
    if form.validate_on_submit():
        try:
            placed = place_visit(
                db(),
                visit_id=visit_id,
                technician_id=given(form.technician_id.data),
                start=clock.instant(given(form.starts_at.data).date(), given(form.starts_at.data).time(), zone),
                assignment_id=whole(form.assignment_id.data),
                version=whole(form.version.data),
                override_reason=form.override_reason.data or None,
                actor=actor(),
                now=moment(),
                draft=True,
            )
        except CannotPlace as error:
            refused = error
            _ask_why(form, refused)
        except Invalid as error:
            form.refuse(Invalid(error.message, field="starts_at" if error.field == "start" else error.field))
        except Conflict as error:
            form.refuse(Invalid(error.message))
        else:
            _undoable(_booked_words(placed))
            return redirect(_back(), 303)
        job, found = _visit(visit_id)  # what was taken back is read anew
    return page(
        "board/visit.html",
        fragment="panel",
        status=409 if refused else 422 if form.errors else 200,
        visit=found,
        job=job,
        zone=zone,
        crew=crew,
        form=form,
        refused=refused,
        pinned=is_pinned(db(), visit_id),
        may_edit=may_edit,
        places=places or (_places(job, found, zone) if may_edit else None),
        words_of=words_of,
        pushing_of=pushing_of,
    )


def _ask_why(form: MoveForm, refused: CannotPlace) -> None:
    """Ask for the reason that overruling takes; who was asked already and gave none is told so."""
    if not refused.may_override:
        return
    form.override_reason.flags.optional = False
    if "override_reason" in request.form and not form.override_reason.data:
        form.refuse(Invalid("Say why, then it is done all the same.", field="override_reason"))


def _places(job: Job, found: Visit, zone: str) -> Answer | None:
    """Return the numbered places of a visit that may still be planned; None where nobody can tell."""
    if found.state not in PLANNABLE:
        return None
    day = asked_day([job.site.territory]) if request.values.get("date") else likely_day(found, zone)
    try:
        return board_places.answer(found.id, found.territory_id, day, request.values.get("assignment_id", type=int))
    except Conflict:
        return None


def _first_of(places: Answer | None, crew: Sequence[Any], zone: str) -> dict[str, Any]:
    """Return the best place as what the form proposes for a visit that nobody has."""
    if crew or places is None or not places.numbered:
        return {}
    best = places.numbered[0]
    return {"technician_id": best.technician_id, "starts_at": _typed(best.start_at, zone)}


def _typed(start: datetime, zone: str) -> datetime:
    """Return a start as people type it, in whole minutes; never before the way there allows."""
    return clock.in_zone(start + timedelta(seconds=-start.timestamp() % 60), zone).replace(tzinfo=None)


def _move_by_script() -> Response:
    visit_id, technician_id = request.form.get("visit_id", type=int), request.form.get("technician_id", type=int)
    start = _iso(request.form.get("start", ""))
    if visit_id is None or technician_id is None or start is None:
        raise Invalid("Say which visit, who goes and when it starts.")
    before = commitments(db(), [visit_id])
    try:
        with db().begin_nested():
            placed = place_visit(
                db(),
                visit_id=visit_id,
                technician_id=technician_id,
                start=start,
                assignment_id=request.form.get("assignment_id", type=int),
                version=request.form.get("version", type=int),
                crew_slot_id=request.form.get("crew_slot_id", type=int),
                pushing=board_places.asked_pushing(),
                actor=actor(),
                now=moment(),
                draft=True,
            )
    except (CannotPlace, Taken) as refused:
        may_override = isinstance(refused, CannotPlace) and refused.may_override
        more = " Open the visit to do it all the same, with a reason." if may_override else ""
        instead = board_places.instead_json(refused.instead, _zone())
        return make_response(jsonify({"error": refused.message + more, "instead": instead}), 409)
    return jsonify(
        _changed_day(visit_id, start, before) | {"message": f"{_booked_words(placed)} {told_words()}".strip()}
    )


def _taken_place(visit_id: int) -> dict[str, Any]:
    """Return which booking or place in the crew a form is about; without either the first member of the crew."""
    assignment_id, slot = request.form.get("assignment_id", type=int), request.form.get("crew_slot_id", type=int)
    version = request.form.get("version", type=int)
    if assignment_id is None and slot is None:
        crew = [each for each in commitments(db(), [visit_id]) if each.position == 1]
        assignment_id, version = (crew[0].assignment_id, crew[0].version) if crew else (None, None)
    return {
        "assignment_id": assignment_id,
        "version": version,
        "crew_slot_id": slot,
        "pushing": board_places.asked_pushing(),
    }


def _booked_words(placed: Placed) -> str:
    names = customers_of(db(), [each.booking.visit_id for each in placed.pushed]) if placed.pushed else {}
    return board_places.booked_words(placed.pushed, _zone(), names)


def _zone() -> str:
    _, chosen = asked_territories()
    return chosen[0].zone if chosen else "UTC"


def _changed_day(visit_id: int, start: datetime, before: Sequence[Commitment]) -> dict[str, Any]:
    """Return what the grid must redraw: the days of those who have the visit now, and of those who had it before."""
    _, chosen = asked_territories()
    reach = actor().territories(Right.BOARD_READ)
    board = board_for(db(), territories=chosen, day=clock.local_day(start, _zone()), now=moment(), reach=reach)
    now_booked = [bar for bar in board.bars if bar.visit_id == visit_id]
    people = {bar.technician_id for bar in now_booked} | {each.technician_id for each in before}
    gone = {each.assignment_id for each in before} - {bar.assignment_id for bar in now_booked}
    return {
        "removed": sorted(gone),
        "bars": [bar_json(bar) for bar in board.bars if bar.technician_id in people],
        "technicians": [person_json(person) for person in board.people if person.id in people],
        "queue": [queued_json(item) for item in board.queue],
        "undo": {"url": url_for("steps.undo")},
    }


def _visit(visit_id: int) -> tuple[Job, Visit]:
    """Return a visit with its job, if it lies in reach."""
    job_id = job_queries.job_of_visit(db(), visit_id)
    job = job_queries.job_details(db(), job_id, territories=actor().territories(Right.BOARD_READ))
    return job, next(each for each in job.visits if each.id == visit_id)


def _shown_booking(found: Visit, crew: Sequence[Commitment], zone: str) -> dict[str, Any]:
    if crew:
        first = crew[0]
        return {
            "visit_id": found.id,
            "assignment_id": first.assignment_id,
            "version": first.version,
            "technician_id": first.technician_id,
            "starts_at": _typed(first.start_at, zone),
        }
    promise = next((each for each in reversed(found.promises) if each.state == "standing"), None)
    begin = promise.during.lower if promise else found.windows[0].during.lower if found.windows else moment()
    soonest = max(given(begin), moment() + timedelta(minutes=15))
    rounded = soonest + (datetime.min.replace(tzinfo=UTC) - soonest) % timedelta(minutes=5)
    return {"visit_id": found.id, "starts_at": clock.in_zone(rounded, zone).replace(tzinfo=None)}


def _shown(board: Board, show: str) -> list[Any]:
    """Return the bars of one promise state, what somebody clicked on in the strip."""
    return [bar for bar in board.bars if bar.outlook is not None and bar.outlook.state.value == show]


def _undoable(words: str) -> None:
    words = f"{words} {told_words()}".strip()
    message: Any = {"text": words, "undo_url": url_for("steps.undo"), "fields": {"back": _back()}}
    flash(message, "good")


def _back() -> str:
    """Return the board as it was shown: only its own filters are taken from the form."""
    return url_for("board.index", **_kept())


def _kept() -> dict[str, Any]:
    return {name: request.values[name] for name in ("date", "territory") if request.values.get(name)}


def _iso(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo and plausible(found) else None
