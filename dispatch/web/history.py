"""Changes of the log in words, for the timelines and lists that pages show."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from dispatch.accounts.access import Right
from dispatch.jobs.queries import HistoryRow
from dispatch.messages.models import CallState, MessageState
from dispatch.messages.queries import CallRow, MessageRow
from dispatch.planning.changelog import LogRow, Names
from dispatch.planning.job_page import ReportRow
from dispatch.planning.models import ReportKind
from dispatch.web.context import actor, db
from dispatch.web.filters import day, day_clock, iso, local_date, minutes, number, window
from dispatch.web.words import _, _l
from dispatch.workforce.choices import territories_in_reach

_REPORTS = {
    ReportKind.ACCEPTED: lambda: _("Accepted the visit"),
    ReportKind.DECLINED: lambda: _("Declined the visit:"),
    ReportKind.ON_THE_WAY: lambda: _("Set out"),
    ReportKind.ARRIVED: lambda: _("Arrived"),
    ReportKind.DONE: lambda: _("Done"),
    ReportKind.COULD_NOT_DO: lambda: _("Could not do it:"),
    ReportKind.NOTE: lambda: _("Note:"),
}
_MESSAGES = {
    MessageState.HELD: lambda name: _("Waits to be sent to %(name)s:", name=name),
    MessageState.SENDING: lambda name: _("Is being sent to %(name)s:", name=name),
    MessageState.SENT: lambda name: _("Told %(name)s:", name=name),
    MessageState.FAILED: lambda name: _("Could not tell %(name)s:", name=name),
    MessageState.RECALLED: lambda name: _("Not sent to %(name)s:", name=name),
}
ACTIONS = {
    "assign": _l("Booked"),
    "speak": _l("Spoken with"),
    "move": _l("Moved"),
    "unassign": _l("Taken off"),
    "pin": _l("Pinned"),
    "unpin": _l("Unpinned"),
    "publish": _l("Plan published"),
    "publish_draft": _l("Published"),
    "take_back": _l("Taken back before it was published"),
    "absence": _l("Absence noted"),
    "report_absence": _l("Absence noted"),
    "report_disruption": _l("Something happened to the day"),
    "repair": _l("Repair accepted"),
    "take_over": _l("Repair taken over"),
    "propose_again": _l("New proposal asked for"),
    "close_disruption": _l("Left as it is"),
    "change": _l("Changed"),
    "replace_needs": _l("Needs changed"),
    "add": _l("Added"),
    "remove": _l("Removed"),
    "book": _l("Job booked"),
    "follow_up": _l("Follow-up visit added"),
    "promise": _l("Promised"),
    "undo": _l("Taken back"),
    "redo": _l("Done again"),
    "recall": _l("Message recalled"),
    "send_now": _l("Message sent at once"),
    "call_told": _l("Told in a call"),
    "propose_fix": _l("Proposed"),
    "accept_fix": _l("Proposal accepted"),
    "return_fix": _l("Proposal returned"),
    "withdraw_fix": _l("Proposal withdrawn"),
    "merge": _l("Merged"),
    "retire": _l("Taken out of use"),
    "bring_back": _l("Taken into use again"),
    "relate": _l("Related"),
    "take_up": _l("Taken up"),
    "load": _l("Built-in catalogue added"),
    "import": _l("Imported"),
    "undo_import": _l("Import taken back"),
    "request_plan": _l("Plan asked for"),
    "stop_plan": _l("Planning stopped, the best so far kept"),
    "cancel_plan": _l("Planning called off"),
    "wait_and_see": _l("Waited to see"),
    "apply": _l("Put in force"),
    "restore": _l("Put back in force"),
    "begin": _l("Begun"),
    "pause": _l("Paused"),
    "resume": _l("Taken up again"),
    "coverage.solve": _l("Coverage counted"),
    "load_demo": _l("Demo organisation loaded"),
    "generate_workforce": _l("Workforce generated"),
    "record": _l("Noted"),
    "confirm": _l("Confirmed"),
    "return": _l("Given back"),
    "open": _l("Contested"),
    "settle": _l("Settled"),
    "put_off": _l("Put off"),
    "hand_over": _l("Handed on"),
    "close": _l("Closed"),
    "cancel": _l("Called off"),
    "end": _l("Ended"),
    "password": _l("Password changed"),
    "grant": _l("Role given"),
    "revoke": _l("Role taken away"),
    "deactivate": _l("Account closed"),
    "set_pattern": _l("Working days set"),
    "lift_windows": _l("Offered windows lifted"),
    "call_again": _l("To be called again"),
    "add_document": _l("Paper added"),
    "export": _l("Exported"),
    "report_accepted": _l("Accepted the visit"),
    "report_declined": _l("Declined the visit"),
    "report_on_the_way": _l("Set out"),
    "report_arrived": _l("Arrived"),
    "report_done": _l("Done"),
    "report_could_not_do": _l("Could not do it"),
    "report_note": _l("Note"),
}
ENTITIES = {
    "job": _l("Job"),
    "visit": _l("Visit"),
    "customer": _l("Customer"),
    "site": _l("Site"),
    "asset": _l("Equipment"),
    "job_series": _l("Recurring work"),
    "technician": _l("Person"),
    "absence": _l("Absence"),
    "disruption": _l("Disruption"),
    "plan": _l("Plan"),
    "plan_request": _l("Planning run"),
    "user": _l("Account"),
    "territory": _l("Territory"),
    "partner": _l("Partner"),
    "skill": _l("Skill"),
    "evidence": _l("Evidence"),
    "evidence_contest": _l("Contested fact"),
    "skill_wish": _l("Wish about a skill"),
    "claim_answer": _l("Answer to a claim"),
    "certification": _l("Certificate"),
    "certification_kind": _l("Kind of certificate"),
    "customer_person": _l("Wish about a person"),
    "agreement": _l("Agreement"),
    "import_batch": _l("Import"),
    "coverage_run": _l("Coverage"),
    "cover_task": _l("Step of a cover plan"),
    "catalogue": _l("Skills catalogue"),
    "organisation": _l("Organisation"),
    "message": _l("Message"),
    "audit": _l("Audit"),
    "model_constants": _l("Constants of the skills model"),
}
_FIELDS = {
    "job_type": _l("kind of work"),
    "agreed_with": _l("agreed with"),
    "starts_on": _l("from the week of"),
    "unmet_s": _l("cannot be served"),
}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[+-]\d\d:\d\d|Z)")
_STRETCH = re.compile(rf"\[({_INSTANT.pattern}), ?({_INSTANT.pattern})\)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_HIDDEN = frozenset({"subject", "visit_id", "site_id", "job_id", "version", "closed_at", "slots", "pins", "crew"})
_NAMED = {"technician_id": "people", "helper_id": "people", "owner_id": "users", "territory_id": "territories"}
_NOBODY = Names()


def timeline_items(
    rows: Iterable[HistoryRow],
    zone: str,
    reported: Iterable[ReportRow] = (),
    names: Names = _NOBODY,
    messages: Iterable[MessageRow] = (),
    calls: Iterable[CallRow] = (),
) -> list[dict[str, Any]]:
    """Return what the timeline component shows, newest first: changes, what was reported, what people were told."""
    told: list[tuple[datetime, str, str | None]] = [(row.at, sentence(row, names, zone), row.who) for row in rows]
    told += [(row.at, _reported(row), row.who) for row in reported]
    told += [(row.message.changed_at, _message(row), row.owner) for row in messages]
    told += [(row.call.closed_at or row.call.created_at, _call(row), row.owner) for row in calls]
    return [
        {"when": day_clock(at, zone), "at": iso(at), "what": what, "who": who, "past": False}
        for at, what, who in sorted(told, key=lambda item: item[0], reverse=True)
    ]


def _message(row: MessageRow) -> str:
    said = " ".join(row.text.body.split("\n\n")[1:-1])
    words = _MESSAGES[row.message.state](row.recipient)
    return f"{words} “{said}”" + (f" {row.message.problem}" if row.message.problem else "")


def _call(row: CallRow) -> str:
    if row.call.outcome is None:
        return str(_("To be called before anything is written: %(name)s", name=row.customer))
    if row.call.state is CallState.WITHDRAWN:
        return str(_("Call not needed any more: %(why)s", why=row.call.outcome))
    return str(_("Called %(name)s: %(outcome)s", name=row.customer, outcome=row.call.outcome))


def zone_of_reader() -> str:
    """Return the zone in which lists of changes show their times: that of the first territory in reach."""
    reach = territories_in_reach(db(), actor().territories(Right.AUDIT_READ))
    return reach[0].zone if reach else "UTC"


def sentence(row: HistoryRow, names: Names, zone: str) -> str:
    """Return what was done, from what to what, and why."""
    details = details_of(row, names, zone)
    reason = f" “{row.reason}”" if row.reason else ""
    return f"{action_words(row.action)}{': ' + details if details else ''}{reason}"


def action_words(action: str) -> str:
    """Return an action in words."""
    return str(ACTIONS.get(action) or action.replace("_", " ").capitalize())


def entity_words(entity: str) -> str:
    """Return a kind of thing in words."""
    return str(ENTITIES.get(entity) or entity.replace("_", " ").capitalize())


def thing_words(row: LogRow, names: Names) -> str:
    """Return what people call the thing that a line is about."""
    return names.things.get((row.entity, row.entity_id)) or f"{entity_words(row.entity)} {row.entity_id}"


def details_of(row: HistoryRow, names: Names, zone: str) -> str:
    """Return which fields became what; a booking reads as person and time."""
    before, after = row.before or {}, row.after or {}
    parts = []
    if "slots" in before or "slots" in after:
        was, now_is = _crew(before, names, zone), _crew(after, names, zone)
        parts.append(now_is if was == now_is else _("%(old)s → %(new)s", old=was, new=now_is))
    for key, value in after.items():
        unsaid = value in (None, "") and before.get(key) in (None, "")
        if key in _HIDDEN or unsaid or isinstance(value, (dict, list)):
            continue
        parts.append(_field(key, before.get(key), value, key in before, names, zone))
    return ", ".join(parts)


def _field(key: str, old: object, value: object, changed: bool, names: Names, zone: str) -> str:
    name = str(_FIELDS.get(key) or key.removesuffix("_id").removesuffix("_at").removesuffix("_s").replace("_", " "))
    new = _shown(key, value, names, zone)
    if changed and old not in (None, ""):
        return _("%(name)s from “%(old)s” to “%(new)s”", name=name, old=_shown(key, old, names, zone), new=new)
    return f"{name} “{new}”" if new else name


def _reported(row: ReportRow) -> str:
    words = _REPORTS[row.kind]()
    if row.fixed_first_time is not None:
        words += ": " + (_("fixed") if row.fixed_first_time else _("not fixed yet"))
    return " ".join(part for part in (words, row.reason, row.cause, row.note) if part)


def _crew(values: Mapping[str, Any], names: Names, zone: str) -> str:
    slots = [slot for slot in values.get("slots", ()) if slot]
    return " + ".join(
        f"{names.people.get(slot['technician_id'], '?')} {day_clock(datetime.fromisoformat(slot['start']), zone)}"
        for slot in slots
    ) or _("nobody")


def _shown(key: str, value: object, names: Names, zone: str) -> str:
    if value in (None, ""):
        return _("nothing")
    if key == "undoes":
        return action_words(str(value))
    if key in _NAMED:
        return getattr(names, _NAMED[key]).get(value, "")  # type: ignore[no-any-return]  # a mapping of names
    if key.endswith("_id"):
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        if key.endswith("_s"):
            return minutes(value) if abs(value) >= 60 else _("%(n)s s", n=f"{value:g}")
        return number(value) if isinstance(value, int) else f"{value:.9g}"
    return str(value) if key == "code" else _text(str(value), zone)


def _text(value: str, zone: str) -> str:
    """Return what stands in the log as people write it: instants, days, stretches of time, and words of our own."""
    if stretch := _STRETCH.fullmatch(value):
        start, end = (datetime.fromisoformat(each) for each in stretch.groups())
        return (
            f"{day(start, zone)} {window(start, end, zone)}"
            if local_date(start, zone) == local_date(end, zone)
            else (window(start, end, zone))
        )
    if _INSTANT.fullmatch(value):
        return day_clock(datetime.fromisoformat(value), zone)
    if _DAY.fullmatch(value):
        return day(date.fromisoformat(value), form="EEE d MMM y")
    return value.replace("_", " ") if _CODE.fullmatch(value) else value
