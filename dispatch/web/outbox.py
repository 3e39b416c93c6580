"""The outbox: what people are about to be told, were told, or could not be told; and calls that come first."""

from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import DateTimeLocalField, HiddenField, StringField
from wtforms.validators import DataRequired, Length, Optional

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Conflict, Invalid
from dispatch.jobs.service import Window
from dispatch.messages.calls import note_told
from dispatch.messages.models import MessageState
from dispatch.messages.queries import CallRow, get_call, get_message, outbox
from dispatch.messages.service import recall_message, send_now
from dispatch.messages.words import when_words, widened
from dispatch.planning.message_preview import get_plan, messages_preview
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import clock as clock_words
from dispatch.web.filters import day_clock
from dispatch.web.forms import Form, given, whole
from dispatch.web.pages import form_page, page, page_number
from dispatch.web.security import permission, safe_target
from dispatch.web.words import _, _l

blueprint = Blueprint("outbox", __name__, url_prefix="/outbox")
SHOWN_FOR = timedelta(hours=24)
OFFERED = timedelta(hours=2)
STATES = {
    "waiting": (_l("Waiting"), (MessageState.HELD, MessageState.SENDING)),
    "failed": (_l("Could not be sent"), (MessageState.FAILED,)),
    "sent": (_l("Sent in the last 24 hours"), (MessageState.SENT,)),
    "recalled": (_l("Recalled in the last 24 hours"), (MessageState.RECALLED,)),
}


class CallForm(Form):
    """What was agreed in a call, and the new window if there is one."""

    version = HiddenField()
    outcome = StringField(
        "What was agreed",
        description="One line is enough; it stands in the history of the job",
        validators=[DataRequired("Say in a few words what was agreed."), Length(max=300)],
    )
    promise_start = DateTimeLocalField("New window from", validators=[Optional()])
    promise_end = DateTimeLocalField("New window to", validators=[Optional()])


@blueprint.get("")
@permission(Right.MESSAGE_READ)
def index() -> Response:
    """Show the messages of one state with their words."""
    state = request.args.get("state", "waiting")
    state = state if state in STATES else "waiting"
    reach = actor().territories(Right.MESSAGE_READ)
    listing = outbox(db(), territories=reach, states=STATES[state][1], since=moment() - SHOWN_FOR, page=page_number())
    return page(
        "outbox/index.html",
        fragment="list",
        listing=listing,
        state=state,
        states=STATES,
        editable={row.message.id: actor().may(Right.MESSAGE_EDIT, row.message.territory_id) for row in listing.rows},
    )


@blueprint.get("/count")
@permission(Right.MESSAGE_READ)
def count() -> Response:
    """Answer the counter of the frame anew."""
    return page("outbox/counter.html")


@blueprint.get("/<int:message_id>")
@permission(Right.MESSAGE_READ)
def show(message_id: int) -> Response:
    """Show one message."""
    row = get_message(db(), message_id, territories=actor().territories(Right.MESSAGE_READ))
    return page("outbox/show.html", row=row, editable=actor().may(Right.MESSAGE_EDIT, row.message.territory_id))


@blueprint.post("/<int:message_id>/recall")
@permission(Right.MESSAGE_EDIT)
def recall(message_id: int) -> Response:
    """Keep a message from being sent."""
    return _changed(
        lambda: recall_message(db(), message_id=message_id, version=_version(), actor=actor(), now=moment()),
        _("Recalled. Nobody is told; the change itself stands."),
    )


@blueprint.post("/<int:message_id>/send")
@permission(Right.MESSAGE_EDIT)
def send(message_id: int) -> Response:
    """Send a message without waiting, or try again."""
    return _changed(
        lambda: send_now(db(), message_id=message_id, version=_version(), actor=actor(), now=moment()),
        _("It goes out now."),
    )


@blueprint.get("/plans/<int:plan_id>")
@permission(Right.PLAN_PUBLISH)
def preview(plan_id: int) -> Response:
    """Show every message that publishing a plan would send, before anybody publishes it."""
    rows = messages_preview(db(), plan_id=plan_id, actor=actor(), now=moment())
    request_id = get_plan(db(), plan_id).plan_request_id
    return page(
        "outbox/preview.html",
        title=_("Messages of this plan"),
        crumbs=[(_("Plans"), url_for("plans.index")), (_("The run"), url_for("plans.run", request_id=request_id))],
        publish_url=url_for("plans.review", request_id=request_id),
        rows=rows,
    )


@blueprint.route("/calls/<int:call_id>", methods=["GET", "POST"])
@permission(Right.MESSAGE_EDIT)
def call(call_id: int) -> Response:
    """Show what to say in a call, and note what was agreed."""
    row = get_call(db(), call_id, territories=actor().territories(Right.MESSAGE_EDIT))
    form = CallForm(data={"version": row.call.version})
    conflict = None
    if form.validate_on_submit():
        try:
            note_told(
                db(),
                call_id=call_id,
                version=whole(form.version.data),
                outcome=given(form.outcome.data),
                window=_window(form, row.zone),
                actor=actor(),
                now=moment(),
            )
        except Invalid as refused:
            form.refuse(refused)
        except Conflict as refused:
            conflict = refused.message
            form.version.data = str(row.call.version)
        else:
            flash(_("Kept. What was agreed stands in the history; a new window is confirmed in writing."), "good")
            return redirect(url_for("jobs.show", job_id=row.job_id), 303)
    return form_page("outbox/call.html", form, conflict=conflict, row=row, script=script(row))


def script(row: CallRow) -> list[str]:
    """Return the sentences to say, one by one."""
    facts, zone = row.call.facts, row.zone
    said = [_("Hello %(name)s, this is %(caller)s of Extramile.", name=row.contact, caller=actor().name)]
    promised = facts.get("promise")
    window = _span_words(promised, zone) if promised else None
    if row.call.kind == "promise_broken":
        said.append(_("I am sorry: we will not be with you %(window)s, as we promised.", window=window))
        # Where none of the times suited nothing can be offered yet.
        said.append(
            _(
                "As it looks, we could come %(when)s. Does that work, or is another time better?",
                when=_offer_words(datetime.fromisoformat(facts["start"]), zone),
            )
            if facts.get("start")
            else _("When would it suit you? I will see who can come then.")
        )
    elif row.call.kind == "second_visit":
        said.append(_("We could not finish %(job)s at the first visit, and I am sorry about that.", job=row.job))
        said.append(_("We would like to come once more. When would it suit you?"))
    else:
        said.append(_("I am sorry: we have to call off %(job)s.", job=row.job))
        said.append(_("May I say why, and what we can offer instead?"))
    return said


def _changed(change: Callable[[], object], words: str) -> Response:
    back = safe_target(request.form.get("back")) or url_for("outbox.index")
    try:
        with db().begin_nested():
            change()
    except Conflict as refused:
        flash(refused.message, "problem")
    else:
        flash(words, "good")
    return redirect(back, 303)


def _version() -> int | None:
    return request.form.get("version", type=int)


def _window(form: CallForm, zone: str) -> Window | None:
    start, end = form.promise_start.data, form.promise_end.data
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Invalid("Give both times, or neither.", field="promise_end")
    if end <= start:
        raise Invalid("This must be later than the time before it.", field="promise_end")
    return Window(
        start=clock.instant(start.date(), start.time(), zone), end=clock.instant(end.date(), end.time(), zone)
    )


def _offer_words(start: datetime, zone: str) -> str:
    """Return a window to offer around a planned time: nobody is promised a minute."""
    low, _high = widened(start, start)
    return when_words(low, low + OFFERED, zone)


def _span_words(values: dict[str, str], zone: str) -> str:
    start, end = (datetime.fromisoformat(values[name]) for name in ("start", "end"))
    return _("%(start)s to %(end)s", start=day_clock(start, zone), end=clock_words(end, zone))
