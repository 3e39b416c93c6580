"""Changes of the log in words, for the timelines that pages show."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _

from dispatch.jobs.queries import HistoryRow
from dispatch.web.filters import day_clock, iso

_HIDDEN = frozenset({"visit_id", "site_id", "job_id", "version", "closed_at"})


def timeline_items(rows: Iterable[HistoryRow], zone: str) -> list[dict[str, Any]]:
    """Return what the timeline component shows for changes."""
    return [
        {
            "when": day_clock(row.at, zone),
            "at": iso(row.at),
            "what": _words(row),
            "who": row.who,
            "past": False,
        }
        for row in rows
    ]


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
