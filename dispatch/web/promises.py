"""Promises kept and missed, and visits that fixed it at once: a month by territory, time of day and cause."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, request

from dispatch.accounts.access import Right
from dispatch.coverage.lateness import BETWEEN, MOVED, NO_CAUSE, PLANNED_LATE, SET_OUT, TRAVEL
from dispatch.coverage.outcomes import BANDS, Month, Report, month_of
from dispatch.coverage.suppression import LEAST_PEOPLE, Shown
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import day
from dispatch.web.manager_tabs import manager_tabs
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.words import _, _l

blueprint = Blueprint("promises", __name__, url_prefix="/promises")
CAUSES = {
    "skill": _l("a skill was lacking"),
    "parts": _l("a part was missing"),
    "tools": _l("a tool was missing"),
    "access": _l("no access"),
    "customer": _l("the customer could not"),
    "time": _l("not enough time"),
    "weather": _l("weather"),
    "other": _l("another cause"),
    "cannot_work": _l("somebody could not work that day"),
    "running_late": _l("running late was reported"),
    "emergency": _l("an emergency came between"),
    "vehicle": _l("trouble with a vehicle"),
    "no_access": _l("no access"),
    "part_missing": _l("a part was missing"),
    "longer": _l("visits before took longer"),
    TRAVEL: _l("the way there took longer"),
    SET_OUT: _l("set out late"),
    BETWEEN: _l("a long way or a pause before; setting out was not reported"),
    MOVED: _l("moved after it was promised"),
    PLANNED_LATE: _l("planned later than promised"),
    NO_CAUSE: _l("nothing is recorded about it"),
}


def _month() -> Month:
    text = request.args.get("month", "")
    try:
        chosen = date.fromisoformat(f"{text}-01") if text else None
    except ValueError:
        abort(404)
    reach = actor().territories(Right.COVERAGE_READ)
    found = month_of(db(), reach=reach, today=moment().date(), chosen=chosen)
    if found is None:
        abort(404)
    return found


@blueprint.get("")
@permission(Right.COVERAGE_READ)
def index() -> Response:
    """Show a complete month; groups of fewer than five people stay hidden, also by differences."""
    found = _month()
    return page(
        "coverage/promises.html",
        pages=manager_tabs("promises.index"),
        found=found,
        month=_value(found.first),
        months=[(_value(each), day(each, form="MMMM y")) for each in found.months],
        parts=[_part(title, one, found) for title, one in _reports(found)],
        agreed=found.agreed,
        late_start=found.agreed if found.agreed and found.agreed > found.first else None,
        least=LEAST_PEOPLE,
    )


@blueprint.get("/table.csv")
@permission(Right.COVERAGE_READ)
def table() -> Response:
    """Give the tables of the page for a spreadsheet; what is hidden there is empty here."""
    found = _month()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("measure", "table", "group", "visits", "not_kept_or_fixed"))
    for title, one in _reports(found):
        writer.writerows((title, *line) for line in _lines(one, found))
    answer = Response("\ufeff" + text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="promises-{_value(found.first)}.csv"'
    return answer


def _reports(found: Month) -> tuple[tuple[str, Report], ...]:
    return ((_("Promises"), found.promises), (_("Fixed at the first visit"), found.fixes))


def _lines(one: Report, found: Month) -> Iterator[tuple[str, str, int | str, int | str]]:
    if one.too_few:
        return
    yield _("Total"), "", one.visits, one.wrong
    for title, rows in _tables(one, found):
        for name, group in rows:
            yield title, name, group.visits if group else "", group.wrong if group else ""


def _tables(one: Report, found: Month) -> list[tuple[str, list[tuple[str, Any]]]]:
    places = dict(found.territories)
    return [
        (_("By territory"), _rows(one.by_territory, lambda place: places[place])),
        (_("By time of day"), _rows(one.by_time, _band)),
        (_("By cause"), _rows(one.by_cause, lambda cause: str(CAUSES.get(cause) or cause))),
    ]


def _rows(table: Shown[Any], words: Callable[[Any], str]) -> list[tuple[str, Any]]:
    return [(words(key), group) for key, group in table.rows]


def _band(number: int) -> str:
    start, end = BANDS[number]
    if start == 0:
        return _("before %(hour)s:00", hour=f"{end:02}")
    return _("from %(hour)s:00 on", hour=f"{start:02}") if end == 24 else f"{start:02}:00–{end:02}:00"


def _part(title: str, one: Report, found: Month) -> dict[str, Any]:
    """Give one measure as the page shows it, with its sentence."""
    promises = one is found.promises
    if one.too_few:
        words = ""
    elif promises:
        kept = one.visits - one.wrong
        words = _(
            "%(kept)s of %(all)s promises were kept: %(share)s.",
            kept=f"{kept:,}",
            all=f"{one.visits:,}",
            share=share(one),
        )
    else:
        fixed = one.visits - one.wrong
        words = _(
            "%(fixed)s of %(all)s visits fixed it at once: %(share)s.",
            fixed=f"{fixed:,}",
            all=f"{one.visits:,}",
            share=share(one),
        )
    return {
        "title": title,
        "words": words,
        "report": one,
        "promises": promises,
        "tables": _tables(one, found),
        "withheld": [table.withheld for table in (one.by_territory, one.by_time, one.by_cause)],
    }


def share(group: Any) -> str:
    """Return how many went well, in per cent with one digit."""
    return f"{100 * (group.visits - group.wrong) / group.visits:.1f} %" if group.visits else "–"


def _value(month: date) -> str:
    return f"{month:%Y-%m}"


@blueprint.record_once
def _register(state: Any) -> None:
    state.app.jinja_env.filters["kept_share"] = share
