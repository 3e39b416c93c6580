"""Expected work: what history lets one expect of each skill, with bands and how far off such numbers have been."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from dispatch.accounts.access import Right
from dispatch.coverage.expectation import LEAST_WEEKS
from dispatch.coverage.forecast_queries import ForecastPage, forecast_page
from dispatch.coverage.outlook import HOUR_S, Row, RowKind
from dispatch.web.context import actor, db, moment
from dispatch.web.coverage import week_words, work_hours
from dispatch.web.filters import day
from dispatch.web.manager_tabs import manager_tabs
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.words import _, _n

blueprint = Blueprint("forecast", __name__, url_prefix="/forecast")


@blueprint.get("")
@permission(Right.COVERAGE_READ)
def index() -> Response:
    """Show what is expected of one skill in one territory, and choose another."""
    reach = actor().territories(Right.COVERAGE_READ)
    row = _row(request.args.get("row", ""))
    found = forecast_page(db(), reach=reach, territory=request.args.get("territory", type=int), row=row)
    return page(
        "coverage/forecast.html",
        pages=manager_tabs("forecast.index"),
        found=found,
        choices=[(_key(one), name) for one, name in found.rows] if found else [],
        chosen="" if found is None or found.row is None else _key(found.row),
        record=record_words(found) if found else "",
        drawn=drawing(found) if found and found.coming else None,
        week_words=week_words,
        now=moment(),
        coverage_url=url_for("coverage.index"),
    )


def _key(row: Row) -> str:
    return f"{row.kind.value}-{row.id}"


def _row(text: str) -> Row | None:
    """Read which row is meant; an address that names none leads nowhere."""
    if not text:
        return None
    kind, _sep, number = text.partition("-")
    if kind not in {each.value for each in RowKind} or not number.isdecimal() or len(number) > 9:
        abort(404)
    return Row(kind=RowKind(kind), id=int(number))


def record_words(found: ForecastPage) -> str:
    """Say how far off such numbers have been, or why none are drawn."""
    if found.history_weeks < LEAST_WEEKS:
        return _n(
            "There is %(num)s complete week of history. It takes eight before anything is expected; until then only"
            " booked and recurring work counts.",
            "There are %(num)s complete weeks of history. It takes eight before anything is expected; until then only"
            " booked and recurring work counts.",
            found.history_weeks,
        )
    record = found.record
    if record is None:
        return _("There is too little history to say how far off such numbers usually are.")
    return _(
        "Over the last %(weeks)s weeks such numbers were off by %(off)s %%, seen one to four weeks before; last year's"
        " or last week's number would have been off by %(naive)s %%. The inner band held %(inner)s %% of the weeks, the"
        " outer %(outer)s %%.",
        weeks=record.weeks,
        off=round(record.off_percent),
        naive=round(record.naive_percent),
        inner=round(record.inside50_percent),
        outer=round(record.inside80_percent),
    )


def drawing(found: ForecastPage) -> dict[str, Any]:
    """Give what the chart draws, in hours by number of the week, and its words."""
    start = found.past[0][0] if found.past else found.coming[0].week

    def place(week: Any) -> int:
        return int((week - start).days // 7)

    coming = [(place(each.week), each) for each in found.coming]
    last = found.coming[-1]
    highest = max([seconds for _week, seconds in found.past] + [each.high80_s for each in found.coming])
    return {
        "past": [(place(week), seconds / HOUR_S) for week, seconds in found.past],
        "mean": [(x, each.mean_s / HOUR_S) for x, each in coming],
        "outer": [(x, each.low80_s / HOUR_S, each.high80_s / HOUR_S) for x, each in coming],
        "inner": [(x, each.low50_s / HOUR_S, each.high50_s / HOUR_S) for x, each in coming],
        "x_words": (day(start, form="d MMM"), day(last.week + timedelta(days=6), form="d MMM")),
        "y_words": ("0", work_hours(highest)),
        "summary": _(
            "About %(mean)s are expected in the %(week)s; in four weeks of five it is between %(low)s and %(high)s.",
            mean=work_hours(last.mean_s),
            week=week_words(last.week),
            low=work_hours(last.low80_s),
            high=work_hours(last.high80_s),
        ),
    }
