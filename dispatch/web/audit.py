"""The audit: who changed what, from what to what, why and through which door; and whether the log is whole."""

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.audit import Change, position, record, verify_chain
from dispatch.core.witness import check_copies
from dispatch.planning.changelog import Asked, LogRow, Names, audit_lines, names_in
from dispatch.web.context import actor, db, moment, services
from dispatch.web.forms import plausible, whole
from dispatch.web.history import ENTITIES, action_words, details_of, entity_words, thing_words, zone_of_reader
from dispatch.web.pages import page, page_number
from dispatch.web.security import may_open, permission
from dispatch.web.sheets import Row, csv_answer
from dispatch.web.words import _, _l

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
MOST_EXPORTED = 50_000
CHECKED_AT_ONCE = 20_000  # lines; `dispatch audit` reads them all
CHANNELS = {
    "web": _l("on a page"),
    "api": _l("through the interface"),
    "cli": _l("on the command line"),
    "system": _l("by itself"),
    "worker": _l("by itself"),
    "import": _l("by an import"),
}
COLUMNS = ("number", "when", "who", "what", "thing", "from", "to", "why", "through")
PAGES = {
    "job": ("jobs.show", "job_id"),
    "visit": ("board.visit", "visit_id"),
    "customer": ("customers.show", "customer_id"),
    "technician": ("people.show", "technician_id"),
    "partner": ("partners.show", "partner_id"),
    "disruption": ("disruptions.show", "disruption_id"),
    "plan_request": ("plans.run", "request_id"),
}


@blueprint.get("")
@permission(Right.AUDIT_READ, own=True)
def index() -> Response:
    """Show lines of the log; what is asked for stands in the address."""
    zone = zone_of_reader()
    asked = _asked(zone)
    listing = audit_lines(db(), asked, actor=actor(), page=page_number())
    names = names_in(db(), listing.rows)
    return page(
        "audit/index.html",
        fragment="lines",
        listing=listing,
        zone=zone,
        asked=_filters(),
        about=names.things.get((asked.entity, str(asked.entity_id))),
        kinds=[("", _("Everything")), *((kind, str(words)) for kind, words in ENTITIES.items())],
        rows=[_shown(row, names, zone) for row in listing.rows],
        may_export=actor().may(Right.EXPORT),
        may_check=may_open("audit.check"),
        copies=check_copies(db(), services().settings.data_dir) if may_open("audit.check") else None,
        now=moment(),
    )


@blueprint.post("/export")
@permission(Right.AUDIT_READ, own=True)
def export() -> Response:
    """Give the lines asked for to a spreadsheet; reading so much at once is a line of the log itself."""
    actor().require(Right.EXPORT)
    zone = zone_of_reader()
    listing = audit_lines(db(), _asked(zone), actor=actor(), size=MOST_EXPORTED)
    names = names_in(db(), listing.rows)
    rows: list[Row] = [COLUMNS, *(_line(row, names) for row in listing.rows)]
    if listing.total > MOST_EXPORTED:
        rows.append([_("%(n)s more lines are older. Ask for them by their days.", n=listing.total - MOST_EXPORTED)])
    record(
        db(),
        Change(
            at=moment(),
            actor_id=actor().user_id,
            action="export",
            entity="audit",
            entity_id="log",
            after={"lines": len(listing.rows), **_filters()},
        ),
    )
    return csv_answer(f"audit-{moment():%Y-%m-%d}", rows)


@blueprint.post("/check")
@permission(Right.HEALTH_READ)
def check() -> Response:
    """Read the log again and say whether anybody tampered with it."""
    last = position(db())
    after = max(0, last - CHECKED_AT_ONCE)
    broken = verify_chain(db(), after=after)
    if broken is None:
        broken = check_copies(db(), services().settings.data_dir).broken
    if broken is not None:
        what = _("The log is not whole: line %(n)s is missing or was changed.", n=broken)
        flash(f"{what} {_('Tell who answers for the data.')}", "problem")
    elif after:
        what = _("Lines %(first)s to %(last)s are whole.", first=after + 1, last=last)
        flash(f"{what} {_('The command “dispatch audit” reads the older ones too.')}", "good")
    else:
        flash(_("The log is whole: %(n)s lines, none missing, none changed.", n=last), "good")
    return redirect(url_for("audit.index"), 303)


def _asked(zone: str) -> Asked:
    """Read what is asked for; what makes no sense asks for nothing, and the page shows the filter empty."""
    values = _filters()
    since, until = _day(values["from"]), _day(values["to"])
    return Asked(
        entity=values["entity"],
        entity_id=whole(values["id"]),
        who=values["who"],
        since=None if since is None else clock.instant(since, time(), zone),
        until=None if until is None else clock.instant(until + timedelta(days=1), time(), zone),
    )


def _filters() -> dict[str, str]:
    found = {name: request.values.get(name, "").strip()[:200] for name in ("entity", "id", "who", "from", "to")}
    return (
        found
        | {name: "" for name in ("from", "to") if _day(found[name]) is None}
        | ({} if whole(found["id"]) and found["entity"] else {"id": ""})
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if plausible(found) else None


def _shown(row: LogRow, names: Names, zone: str) -> dict[str, Any]:
    endpoint, argument = PAGES.get(row.entity, ("", ""))
    target: dict[str, Any] = {argument: row.entity_id}
    return {
        "row": row,
        "what": action_words(row.action),
        "thing": thing_words(row, names),
        "kind": entity_words(row.entity),
        "href": url_for(endpoint, **target) if endpoint and may_open(endpoint) else None,
        "details": details_of(row, names, zone),
        "channel": CHANNELS.get(row.channel, row.channel),
    }


def _line(row: LogRow, names: Names) -> Row:
    before = "; ".join(f"{key}: {value}" for key, value in (row.before or {}).items())
    after = "; ".join(f"{key}: {value}" for key, value in (row.after or {}).items())
    at: datetime = row.at
    return row.seq, at.isoformat(), row.who, row.action, thing_words(row, names), before, after, row.reason, row.channel
