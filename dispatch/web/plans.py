"""Planning runs: start one, watch it improve, compare what it proposes, publish it."""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectMultipleField
from wtforms.validators import InputRequired, NumberRange

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.config import settings
from dispatch.core.errors import Conflict, Invalid
from dispatch.planning import plan_list
from dispatch.planning.models import PlanState
from dispatch.planning.plan_input import input_problems
from dispatch.planning.plan_page import SHOWN, comparison, unserved_groups, unserved_of
from dispatch.planning.preview import Kind, Only, preview, published_over
from dispatch.planning.publishing import ChangedSince, accept_change, publish_plan
from dispatch.planning.reason_words import left_out_words
from dispatch.planning.requesting import LONGEST_S, cancel_plan, request_plan, stop_plan
from dispatch.planning.retries import again_once
from dispatch.planning.solving import CHANNEL
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, plausible
from dispatch.web.history import action_words
from dispatch.web.outbox_state import told_words
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.plan_words import KINDS, ONLY, chart_of, compare_rows, point, progress_words, published_words
from dispatch.web.security import permission
from dispatch.web.stream import Event, stream
from dispatch.web.words import _
from dispatch.workforce.choices import territories_in_reach

blueprint = Blueprint("plans", __name__, url_prefix="/plans")
MOST_DAYS = 14
OPEN = (PlanState.PROPOSED, PlanState.DRAFT)
CHOICE = TypeVar("CHOICE", bound=StrEnum)


class StartForm(Form):
    """What is planned, and for how long the planner may think."""

    territories = SelectMultipleField("Territories", coerce=int, validators=[InputRequired("Choose at least one.")])
    first_day = DateField("First day", validators=[InputRequired("Say which day.")])
    days = IntegerField("Days", validators=[InputRequired(), NumberRange(1, MOST_DAYS)], default=1)
    seconds = IntegerField("Seconds to think", validators=[InputRequired(), NumberRange(1, 600)])


@blueprint.route("", methods=["GET"])
@permission(Right.PLAN_READ)
def index() -> Response:
    """Show the latest runs."""
    return page(
        "plans/index.html",
        runs=plan_list.runs(db(), territories=actor().territories(Right.PLAN_READ)),
        may_plan=actor().may(Right.PLAN_RUN),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@permission(Right.PLAN_RUN)
def new() -> Response:
    """Start a run for several territories or days."""
    territories = territories_in_reach(db(), actor().territories(Right.PLAN_RUN))
    zone = territories[0].zone if territories else "UTC"
    form = StartForm(
        data={
            "territories": [each.id for each in territories],
            "first_day": clock.local_day(moment(), zone) + timedelta(days=1),
            "days": 1,
            "seconds": round(settings().plan_time_limit_s),
        }
    )
    form.territories.choices = options([(each.id, each.name) for each in territories])
    if form.validate_on_submit():
        first = given(form.first_day.data)
        scope = [
            (territory_id, first + timedelta(days=number))
            for territory_id in form.territories.data or []
            for number in range(given(form.days.data))
        ]
        try:
            made = request_plan(
                db(), scope=scope, time_limit_s=float(given(form.seconds.data)), actor=actor(), now=moment()
            )
        except (Invalid, Conflict) as refused:
            form.refuse(Invalid(refused.message))
        else:
            return redirect(url_for("plans.run", request_id=made.id), 303)
    return form_page("plans/new.html", form)


@blueprint.post("")
@permission(Right.PLAN_RUN)
def start() -> Response:
    """Plan the day that the board shows."""
    territories = territories_in_reach(db(), actor().territories(Right.PLAN_RUN))
    asked = request.form.get("territory", type=int)
    try:
        day = date.fromisoformat(request.form.get("date", ""))
    except ValueError:
        raise Invalid("Say which day to plan.", field="date") from None
    if not plausible(day):
        raise Invalid("Say which day to plan.", field="date")
    scope = [(each.id, day) for each in territories if asked in (None, each.id)]
    made = request_plan(db(), scope=scope, actor=actor(), now=moment())
    return redirect(url_for("plans.run", request_id=made.id), 303)


@blueprint.get("/<int:request_id>/run")
@permission(Right.PLAN_READ)
def run(request_id: int) -> Response:
    """Show a run: its progress while it works, what it proposes when it is done."""
    found = _run(request_id)
    state, progress, message = plan_list.progress_of(db(), request_id)
    plan_id = found.plan_id
    versus = None if plan_id is None else comparison(db(), plan_id, moment())
    groups = [] if plan_id is None else unserved_groups(db(), plan_id)
    chosen = next((each for each in groups if each.code == request.args.get("left_out")), None)
    start = (page_number() - 1) * SHOWN
    gains = chart_of(progress)
    published = found.plan_state is PlanState.PUBLISHED
    return page(
        "plans/run.html",
        run=found,
        words=progress_words(state, progress, message, found.time_limit_s),
        gains=gains,
        theirs=None if plan_id is None or published else published_over(db(), request_id, found.requested_at),
        gains_line=[(line["elapsed_s"], line["cost"]) for line in gains],
        versus=versus,
        rows=compare_rows(versus) if versus else [],
        groups=groups,
        chosen=chosen,
        left_out=unserved_of(db(), given(plan_id), chosen.code, start=start) if chosen else [],
        start=start,
        window=SHOWN,
        left_out_words=left_out_words,
        problems=input_problems(db(), request_id, moment()) if found.active or versus else None,
        may_run=all(actor().may(Right.PLAN_RUN, each) for each in found.territory_ids),
        may_publish=all(actor().may(Right.PLAN_PUBLISH, each) for each in found.territory_ids),
        first_day=found.scope[0][1] if found.scope else None,
    )


@blueprint.get("/<int:request_id>/events")
@permission(Right.PLAN_READ)
def events(request_id: int) -> Response:
    """Stream a run's progress until it ends."""
    found = _run(request_id)
    limit = found.time_limit_s
    first = True

    def read() -> Iterable[Event]:
        nonlocal first
        state, progress, message = plan_list.progress_of(db(), request_id)
        words = progress_words(state, progress, message, limit)
        if first:
            words["history"] = [point(each) for each in progress]
            first = False
        if words["done"]:
            words["next_url"] = f"/plans/{request_id}/run"
        yield Event(data=words, name="progress", last=bool(words["done"]))

    return stream(
        read, right=Right.PLAN_READ, channel=CHANNEL, payload=str(request_id), territories=found.territory_ids
    )


@blueprint.get("/<int:request_id>/progress")
@permission(Right.PLAN_READ)
def progress(request_id: int) -> Response:
    """Answer a run's progress to pages that cannot have a stream."""
    found = _run(request_id)
    state, points, message = plan_list.progress_of(db(), request_id)
    words = progress_words(state, points, message, found.time_limit_s)
    return jsonify(words | ({"next_url": url_for("plans.run", request_id=request_id)} if words["done"] else {}))


@blueprint.post("/<int:request_id>/stop")
@permission(Right.PLAN_RUN)
def stop(request_id: int) -> Response:
    """Stop a run and use the best plan it has."""
    stop_plan(db(), request_id=request_id, actor=actor(), now=moment())
    flash("Stopping. The best plan so far is used.", "good")
    return redirect(url_for("plans.run", request_id=request_id), 303)


@blueprint.post("/<int:request_id>/cancel")
@permission(Right.PLAN_RUN)
def cancel(request_id: int) -> Response:
    """Call a run off."""
    cancel_plan(db(), request_id=request_id, actor=actor(), now=moment())
    flash("Called off. Nothing was changed.", "good")
    return redirect(url_for("plans.run", request_id=request_id), 303)


@blueprint.post("/<int:request_id>/again")
@permission(Right.PLAN_RUN)
def again(request_id: int) -> Response:
    """Plan the same days anew with what is known now; ``longer`` gives the planner three times as long."""
    found = _run(request_id)
    seconds = found.time_limit_s * (3 if "longer" in request.form else 1)
    made = request_plan(db(), scope=found.cells, time_limit_s=min(LONGEST_S, seconds), actor=actor(), now=moment())
    return redirect(url_for("plans.run", request_id=made.id), 303)


@blueprint.get("/<int:request_id>/publish")
@permission(Right.PLAN_PUBLISH)
def review(request_id: int) -> Response:
    """Show what publishing would do: each change, who hears of it, and what changed since the run."""
    found = _run(request_id)
    plan_id = _open_plan(found)
    looked = preview(db(), plan_id)
    only, kind = _asked(Only, "only") or Only.ALL, _asked(Kind, "kind")
    chosen = looked.shown(only, kind)
    start = (page_number() - 1) * SHOWN
    return page(
        "plans/publish.html",
        run=found,
        looked=looked,
        rows=compare_rows(comparison(db(), plan_id, moment()), ("published", "proposal")),
        only=only.value,
        kind=None if kind is None else kind.value,
        kinds=[(each.value, KINDS[each], len(looked.shown(only, each))) for each in Kind],
        filters=[(each.value, ONLY[each], len(looked.shown(each))) for each in Only],
        total=len(chosen),
        changes=chosen[start : start + SHOWN],
        start=start,
        window=SHOWN,
        left=" ".join(str(each.visit_id) for each in looked.meanwhile),
        action_words=action_words,
        may_run=all(actor().may(Right.PLAN_RUN, each) for each in found.territory_ids),
    )


@blueprint.post("/<int:request_id>/publish")
@permission(Right.PLAN_PUBLISH)
def publish(request_id: int) -> Response:
    """Make a proposal what people follow; what was seen to have changed stays, and with more of it nothing happens."""
    found = _run(request_id)
    plan_id = _open_plan(found)
    agreed = {int(each) for each in request.form.get("left", "").split() if each.isascii() and each.isdigit()}
    try:
        report = publish_plan(db(), plan_id=plan_id, actor=actor(), now=moment(), agreed=agreed)
    except ChangedSince as changed:
        flash(changed.message, "problem")
        return redirect(url_for("plans.review", request_id=request_id), 303)
    message: Any = {"text": published_words(report), "undo_url": url_for("steps.undo"), "fields": {}}
    flash(message, "good" if report.complete else "problem")
    return redirect(url_for("plans.run", request_id=request_id), 303)


@blueprint.post("/<int:request_id>/accept")
@permission(Right.PLAN_PUBLISH)
def accept(request_id: int) -> Response:
    """Take over what a proposal makes of one visit; the rest of it stays a proposal."""
    plan_id = _open_plan(_run(request_id))
    visit_id = request.form.get("visit", type=int)
    if visit_id is None or not 0 < visit_id < 2**31:
        raise Invalid("Say which visit.")
    try:
        again_once(db(), lambda: accept_change(db(), plan_id=plan_id, visit_id=visit_id, actor=actor(), now=moment()))
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        words = f"{_('Taken over. The rest of the plan is as it was.')} {told_words()}".strip()
        message: Any = {"text": words, "undo_url": url_for("steps.undo")}
        flash(message, "good")
    return redirect(url_for("plans.review", request_id=request_id, _anchor="changes"), 303)


def _open_plan(found: plan_list.RunRow) -> int:
    if found.plan_id is None:
        raise Conflict("This run has no plan to publish.")
    if found.plan_state not in OPEN:
        raise Conflict("This plan was published or set aside already. Plan these days again to change them.")
    return found.plan_id


def _asked(choices: type[CHOICE], name: str) -> CHOICE | None:
    """Return what the address asks for, None where it asks for nothing there is."""
    return next((each for each in choices if each.value == request.args.get(name)), None)


def _run(request_id: int) -> plan_list.RunRow:
    return plan_list.run_details(db(), request_id, territories=actor().territories(Right.PLAN_READ))
