"""Changes of the log in words, for the timelines that pages show."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _

from dispatch.jobs.queries import HistoryRow
from dispatch.planning.job_page import ReportRow
from dispatch.planning.models import ReportKind
from dispatch.web.filters import day_clock, iso

_REPORTS = {
    ReportKind.ACCEPTED: lambda: _("Accepted the visit"),
    ReportKind.DECLINED: lambda: _("Declined the visit:"),
    ReportKind.ON_THE_WAY: lambda: _("Set out"),
    ReportKind.ARRIVED: lambda: _("Arrived"),
    ReportKind.DONE: lambda: _("Done"),
    ReportKind.COULD_NOT_DO: lambda: _("Could not do it:"),
    ReportKind.NOTE: lambda: _("Note:"),
}
_HIDDEN = frozenset({"visit_id", "site_id", "job_id", "version", "closed_at"})


def timeline_items(rows: Iterable[HistoryRow], zone: str, reported: Iterable[ReportRow] = ()) -> list[dict[str, Any]]:
    """Return what the timeline component shows for changes and for what technicians reported, newest first."""
    told = [(row.at, _words(row), row.who) for row in rows] + [(row.at, _reported(row), row.who) for row in reported]
    return [
        {"when": day_clock(at, zone), "at": iso(at), "what": what, "who": who, "past": False}
        for at, what, who in sorted(told, key=lambda item: item[0], reverse=True)
    ]


def _reported(row: ReportRow) -> str:
    words = _REPORTS[row.kind]()
    if row.fixed_first_time is not None:
        words += ": " + (_("fixed") if row.fixed_first_time else _("not fixed yet"))
    return " ".join(part for part in (words, row.reason, row.cause, row.note) if part)


def _words(row: HistoryRow) -> str:
    action = row.action.replace("_", " ").capitalize()
    details = _details(row.before or {}, row.after or {})
    reason = f" “{row.reason}”" if row.reason else ""
    return f"{action}{': ' + details if details else ''}{reason}"


def _details(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    parts = []
    for key, value in after.items():
        if key in _HIDDEN or isinstance(value, (dict, list)):
            continue
        name = key.removesuffix("_id").removesuffix("_at").replace("_", " ")
        old = before.get(key)
        if key.endswith("_id"):
            parts.append(name)
        elif old not in (None, ""):
            parts.append(_("%(name)s from “%(old)s” to “%(new)s”", name=name, old=old, new=_shown(value)))
        else:
            parts.append(f"{name} “{_shown(value)}”")
    return ", ".join(parts)


def _shown(value: object) -> str:
    return _("nothing") if value in (None, "") else str(value)
