"""Certificates that end: what each would stop, and reminding, renewing and covering for many at once."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from dispatch.accounts.access import Right
from dispatch.core.errors import Conflict
from dispatch.coverage.certificate_plans import (
    WITHIN_DAYS,
    Ending,
    cover_visits,
    ending_certificates,
    plan_renewals,
)
from dispatch.coverage.certificate_reminders import remind_holders
from dispatch.coverage.certificates import Expiry
from dispatch.planning.cover_models import CoverKind
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import day
from dispatch.web.forms import whole
from dispatch.web.manager_tabs import manager_tabs
from dispatch.web.pages import page
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _n

blueprint = Blueprint("certificates", __name__, url_prefix="/certificates")
GROUPS = ((-1000, -1), (0, 30), (31, 60), (61, WITHIN_DAYS))
MOST_AT_ONCE = 500
_DO = {"remind": remind_holders, "renew": plan_renewals, "cover": cover_visits}


@blueprint.get("")
@permission(Right.COVERAGE_READ)
def index() -> Response:
    """Show what ends within ninety days, with the visits each would block."""
    found = ending_certificates(db(), reach=actor().territories(Right.COVERAGE_READ), today=moment().date())
    groups = [_group(number, found) for number in range(len(GROUPS))]
    return page(
        "coverage/certificates.html",
        pages=manager_tabs("certificates.index"),
        groups=[group for group in groups if group["endings"]],
        found=found,
        marks=_marks(found),
        summary=summary_words(groups),
        ticked=whole(request.args.get("ticked")),
        urgency=urgency,
        under_way=under_way_words,
        may_act=may_open("certificates.act"),
        may_open_people=may_open("people.show"),
    )


@blueprint.post("/act")
@permission(Right.LOOSE_END_EDIT)
def act() -> AnyResponse:
    """Remind, plan the renewal of, or cover for the ticked certificates."""
    ids = {number for number in map(whole, request.form.getlist("certificate")) if number is not None}
    what = request.form.get("what", "")
    if what not in _DO:
        raise Conflict(_("Choose to remind, to renew or to cover."))
    if not ids:
        flash(_("Nothing is ticked. Tick the certificates that are meant, then press again."), "problem")
        return redirect(url_for("certificates.index"), 303)
    if len(ids) > MOST_AT_ONCE:
        raise Conflict(_("At most %(n)s certificates at once.", n=MOST_AT_ONCE))
    done = _DO[what](db(), ids, actor=actor(), now=moment())
    flash(_done_words(what, done.steps, done.left), "good" if done.steps else "info")
    return redirect(url_for("certificates.index"), 303)


def _done_words(what: str, steps: int, left: tuple[str, ...]) -> str:
    names = ", ".join(dict.fromkeys(left))
    if what == "remind":
        said = _n("%(num)s person is reminded.", "%(num)s people are reminded.", steps)
        rest = _("No way to write to them, so call: %(names)s.", names=names)
    elif what == "renew":
        said = _n("%(num)s renewal waits in your loose ends.", "%(num)s renewals wait in your loose ends.", steps)
        rest = _("In no territory of yours: %(names)s.", names=names)
    else:
        said = _n("%(num)s visit is a loose end now.", "%(num)s visits are loose ends now.", steps)
        rest = _("Nothing booked is blocked for %(names)s.", names=names)
    if not steps:
        said = _("Nothing new: what could be done is under way.")
    return f"{said} {rest}" if left else said


def _group(number: int, found: tuple[Ending, ...]) -> dict[str, Any]:
    first, last = GROUPS[number]
    endings = [ending for ending in found if first <= ending.expiry.days_left <= last]
    title = _("Lapsed") if last < 0 else _("In %(first)s to %(last)s days", first=first, last=last)
    return {
        "number": number,
        "title": title,
        "endings": endings,
        "blocked": sum(len(ending.blocked) for ending in endings),
    }


def summary_words(groups: list[dict[str, Any]]) -> str:
    """Say in a sentence how many end when, and what that blocks."""
    parts = [f"{len(group['endings'])} {group['title'].lower()}" for group in groups if group["endings"]]
    blocked = sum(group["blocked"] for group in groups)
    if not parts:
        return _("No certificate ends within ninety days without a successor.")
    visits = _n("%(num)s booked visit would be blocked.", "%(num)s booked visits would be blocked.", blocked)
    return "; ".join(parts) + ". " + (visits if blocked else _("No booked visit would be blocked."))


def _marks(found: tuple[Ending, ...]) -> list[tuple[int, int, bool]]:
    """Place each on the line of ninety days: day, how many stand on it already, whether it blocks visits."""
    seen: dict[int, int] = {}
    marks = []
    for ending in found:
        at = 3 * (max(0, ending.expiry.days_left) // 3)
        marks.append((at, seen.get(at, 0), bool(ending.blocked)))
        seen[at] = seen.get(at, 0) + 1
    return marks


def urgency(expiry: Expiry) -> tuple[str, str]:
    """Return the state of a certificate and how long it still holds, in words."""
    if expiry.days_left < 0:
        ago = _n("Lapsed yesterday", "Lapsed %(num)s days ago", -expiry.days_left)
        return "lapsed", ago
    if expiry.days_left == 0:
        return "expiring", _("Last day today")
    return "expiring", _n("%(num)s day left", "%(num)s days left", expiry.days_left)


def under_way_words(ending: Ending) -> str:
    """Say what is being done about it."""
    said = {
        CoverKind.REMIND: _("reminded"),
        CoverKind.RENEW: _("renewal planned"),
        CoverKind.COVER: _("visits being given on"),
        CoverKind.LEARN: _("somebody is learning it"),
    }
    return ", ".join(f"{said[kind]} {day(at)}" for kind, at in ending.under_way) or _("nothing yet")
