"""The state of the outbox in words: for the frame of every staff page, and beside what somebody just did."""

from datetime import timedelta
from typing import Any

from flask import url_for

from dispatch.accounts.access import Right
from dispatch.messages.queries import Counter, counter, effect_of
from dispatch.planning.drafts import drafted_at
from dispatch.web.context import actor, db, moment
from dispatch.web.words import _

SOON = timedelta(minutes=2)


def outbox_words(state: Counter) -> str:
    """Return the state of the outbox in words."""
    if not state.held and not state.sending and not state.failed:
        return _("nothing waits")
    words = []
    if state.held:
        words.append(_("%(n)s waiting", n=state.held))
    if state.sending:
        words.append(_("%(n)s leaving", n=state.sending))
    if state.failed:
        words.append(_("%(n)s not sent", n=state.failed))
    return ", ".join(words)


def told_words() -> str:
    """Say what the action of this request did to the outbox, for the message beside it; empty when nothing."""
    effect = effect_of(db(), moment(), territories=actor().territories(Right.MESSAGE_READ))
    words = []
    if effect.withdrawn:
        words.append(_("Messages recalled: %(n)s.", n=effect.withdrawn))
    if effect.held:
        words.append(_("Messages waiting to be sent: %(n)s.", n=effect.held))
    if effect.failed:
        words.append(_("Nobody could be written to: %(n)s, see loose ends.", n=effect.failed))
    if effect.calls:
        words.append(_("Customers to call before anything is written: %(n)s, see loose ends.", n=effect.calls))
    if drafted_at(db(), moment(), actor()):
        words.append(_("Nobody is told until that day is published."))
    return " ".join(words)


def frame() -> dict[str, Any]:
    """Return what the counter of every staff page shows; asked for only where it is drawn."""
    state = counter(db(), territories=actor().territories(Right.MESSAGE_READ))
    wait = None if state.next_at is None else state.next_at - moment()
    return {
        "url": url_for("outbox.index"),
        "waiting": state.held + state.sending,
        "failed": state.failed,
        "words": outbox_words(state),
        "again_s": None if wait is None or wait > SOON else max(2, round(wait.total_seconds()) + 4),
    }
