"""Planning runs: start one, watch it improve, compare what it proposes, publish it."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectMultipleField
from wtforms.validators import InputRequired, NumberRange

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.config import settings
from dispatch.core.errors import Conflict, Invalid
from dispatch.planning import plan_list
from dispatch.planning.models import RequestState
from dispatch.planning.plan_page import comparison, unserved_of
from dispatch.planning.publishing import PublishReport, publish_plan
from dispatch.planning.requesting import cancel_plan, request_plan, stop_plan
from dispatch.planning.solving import CHANNEL
from dispatch.web.context import actor, db, moment
from dispatch.web.forms import Form, given, options, plausible
from dispatch.web.pages import form_page, page
from dispatch.web.security import permission
from dispatch.web.stream import Event, stream
from dispatch.workforce.choices import territories_in_reach

blueprint = Blueprint("plans", __name__, url_prefix="/plans")
MOST_DAYS = 14
PHASES = {
    "construct": "First plan",
    "improve": "Improving",
    "recombine": "Combining the best routes",
    "finish": "Explaining what is left out",
}
STATES = {
    RequestState.QUEUED: "Waiting for a free worker",
    RequestState.RUNNING: "Reading the day",
    RequestState.SOLVED: "Ready",
    RequestState.FAILED: "Failed",
    RequestState.CANCELLED: "Called off",
}


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
        states=STATES,
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
    versus = comparison(db(), found.plan_id) if found.plan_id is not None else None
    return page(
        "plans/run.html",
        run=found,
        words=progress_words(state, progress, message, found.time_limit_s),
        states=STATES,
        versus=versus,
        rows=compare_rows(versus) if versus else [],
        unserved=unserved_of(db(), found.plan_id) if found.plan_id is not None else [],
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
            words["history"] = [_point(each) for each in progress]
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


@blueprint.post("/<int:request_id>/publish")
@permission(Right.PLAN_PUBLISH)
def publish(request_id: int) -> Response:
    """Make a proposal what people follow; what changed meanwhile stays and is named."""
    found = _run(request_id)
    if found.plan_id is None:
        raise Conflict("This run has no plan to publish.")
    report = publish_plan(db(), plan_id=found.plan_id, actor=actor(), now=moment())
    message: Any = {"text": published_words(report), "undo_url": url_for("steps.undo"), "fields": {}}
    flash(message, "good" if report.complete else "problem")
    return redirect(url_for("plans.run", request_id=request_id), 303)


def progress_words(
    state: RequestState, points: list[Mapping[str, Any]], message: str | None, limit_s: float
) -> dict[str, Any]:
    """Return a run's progress as the page's fields, numbers and one sentence."""
    latest = points[-1] if points else None
    done = state not in (RequestState.QUEUED, RequestState.RUNNING)
    phase = STATES[state] if done or latest is None else PHASES.get(str(latest.get("phase")), "Improving")
    words: dict[str, Any] = {"phase": phase, "expected_s": limit_s, "done": done, "message": message or ""}
    if latest is not None:
        words |= _point(latest) | {
            "cost_words": f"{round(latest['cost'] / 60):,} min",
            "bound_words": bound_words(latest),
            "elapsed_words": f"{latest['elapsed_s']:.0f} s",
            "summary": (
                f"{phase}. {latest['unserved']} visits without anybody, {latest['late']} late,"
                f" after {latest['elapsed_s']:.0f} seconds."
            ),
        }
    return words


def bound_words(update: Mapping[str, Any]) -> str:
    """Say what no plan can cost less than, and how much there may be left to gain at most."""
    bound = update.get("bound")
    if bound is None:
        return "not known yet"
    return f"{round(bound / 60):,} min, so at most {update['gap_percent']:.1f} % are left to gain"


def compare_rows(versus: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the rows of the comparison: for each figure the published, proposed and baseline value with its words."""
    rows = []
    for key, label, unit, good in FIGURES:
        cells = []
        for column in ("published", "proposal", "baseline"):
            figures = versus.get(column)
            value = None if figures is None else figures.get(key)
            cells.append({"value": value, "unit": unit, "good": good})
        rows.append((label, cells))
    return rows


FIGURES = (
    ("served", "Visits served", "number", "up"),
    ("unserved", "Visits nobody has", "number", "down"),
    ("late", "Visits that start late", "number", "down"),
    ("late_s", "Lateness together", "minutes", "down"),
    ("travel_s", "Driving", "minutes", "down"),
    ("overtime_s", "Overtime", "minutes", "down"),
    ("waiting_s", "Waiting", "minutes", "down"),
    ("cost", "Everything together, in driving time", "minutes", "down"),
)


def published_words(report: PublishReport) -> str:
    """Return what publishing did, in one or two sentences."""
    parts = [
        f"{len(visits)} {words}"
        for visits, words in (
            (report.assigned, "newly assigned"),
            (report.moved, "moved"),
            (report.kept, "unchanged"),
            (report.freed, "taken off"),
        )
        if visits
    ]
    told = f"Published: {', '.join(parts) if parts else 'nothing to change'}."
    if report.complete:
        return told
    left = len(report.changed) + len(report.taken)
    what = "visit was" if left == 1 else "visits were"
    return f"{told} {left} {what} changed by somebody meanwhile and stay as they are."


def _run(request_id: int) -> plan_list.RunRow:
    return plan_list.run_details(db(), request_id, territories=actor().territories(Right.PLAN_READ))


def _point(update: Mapping[str, Any]) -> dict[str, Any]:
    return {name: update.get(name) for name in ("elapsed_s", "unserved", "late", "cost", "bound")} | {
        "at_risk": update.get("late")
    }
