"""Coverage: where we are short, on whom it rests, and which certificates end; all from the stored count."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, redirect, request, url_for
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.wrappers import Response as AnyResponse

from dispatch.accounts.access import Right
from dispatch.coverage import queries, service
from dispatch.coverage.cell_plans import find_remedy, take_remedy, taken
from dispatch.coverage.expectation import LEAST_WEEKS
from dispatch.coverage.flow import Cell
from dispatch.coverage.kept import latest_run
from dispatch.coverage.outlook import CERTIFICATION, HOUR_S, Row, RowKind
from dispatch.coverage.queries import CellPage, HeatMap, NamedCell
from dispatch.coverage.remedies import MOST_CELLS, Remedy, RemedyKind
from dispatch.coverage.result import Counted
from dispatch.web.context import actor, db, moment
from dispatch.web.filters import day, minutes
from dispatch.web.manager_tabs import manager_tabs
from dispatch.web.pages import page
from dispatch.web.security import may_open, permission
from dispatch.web.words import _, _n

blueprint = Blueprint("coverage", __name__, url_prefix="/coverage")

STEPS = (0.75, 1.0, 1.15, 1.5)
"""Hours that can be given for each hour needed: below the first is very short, from the last on ample."""
MOST_PERCENT = 500
SHOWN = 10
COLUMNS = (
    "skill",
    "kind",
    "territory",
    "week",
    "level",
    "needed_h",
    "booked_h",
    "can_give_h",
    "missing_h",
    "percent",
    "people",
    "rests_on",
    "price_s_per_h",
)


class DayConverter(BaseConverter):
    """A calendar day in an address, as in 2026-03-02."""

    part_isolating = True
    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Return the day; what is none leads nowhere."""
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValidationError from error

    def to_url(self, value: date) -> str:
        """Return the text for an address."""
        return value.isoformat()


@blueprint.record_once
def _register(state: object) -> None:
    app: Flask = state.app  # type: ignore[attr-defined]  # Flask's set-up state carries the application
    app.url_map.converters["day"] = DayConverter
    app.jinja_env.filters["work_hours"] = work_hours


@blueprint.get("")
@permission(Right.COVERAGE_READ)
def index() -> Response:
    """Show where we are short in the next four weeks, the table behind it, and what it rests on."""
    reach = actor().territories(Right.COVERAGE_READ)
    chosen = request.args.get("territory", type=int)
    number = request.args.get("page", 1, type=int)
    found = queries.coverage_page(db(), reach=reach, chosen=chosen, number=number)
    if chosen is not None and found is not None and not found.shown:
        abort(404)
    after = request.args.get("after", type=int)
    return page(
        "coverage/index.html",
        fragment="answer",
        found=found,
        chosen=chosen,
        counting=after is not None and (found is None or found.run_id == after),
        after=after,
        now=moment(),
        worst=[(*shortage_words(weeks), cell_url(weeks[0].cell)) for weeks in found.worst] if found else [],
        pages=manager_tabs("coverage.index"),
        expectation=expectation_words(found.counted) if found else "",
        may_count=actor().may(Right.COVERAGE_SOLVE),
        maps=[_map(each, found.counted.weeks) for each in found.maps] if found else [],
        table=request.args.get("view") == "table",
        first=found.first if found else 0,
        at_once=found.at_once if found else 0,
        table_heads=[_("Skill"), *((day(week, form="d MMM"), "end") for week in found.counted.weeks)] if found else [],
        week_heads=[day(week, form="d MMM") for week in found.counted.weeks] if found else [],
        week_words=week_words,
        places=dict(found.territories) if found else {},
        whole=reach is None,
        shown_at_most=SHOWN,
        may_open_people=may_open("people.show"),
    )


@blueprint.post("/count")
@permission(Right.COVERAGE_SOLVE)
def count() -> AnyResponse:
    """Ask for a fresh count; the page shows it as soon as it is there."""
    before = latest_run(db())
    if service.request_count(db(), actor=actor()):
        flash(_("Counting. It takes some seconds."), "good")
    else:
        flash(_("A count is waiting already. It takes some seconds."), "good")
    chosen = request.form.get("territory", type=int)
    return redirect(url_for("coverage.index", territory=chosen, after=before.id if before else 0), 303)


@blueprint.get("/table.csv")
@permission(Right.COVERAGE_READ)
def table() -> Response:
    """Give every number of the table, or of that of one territory, for a spreadsheet."""
    reach = actor().territories(Right.COVERAGE_READ)
    found = queries.coverage_table(db(), reach=reach, chosen=request.args.get("territory", type=int))
    if found is None:
        abort(404)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_lines(found.cells))
    answer = Response("\ufeff" + text.getvalue(), mimetype="text/csv")
    name = f"coverage-{found.starts_on:%Y-%m-%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get("/<any(skill, certification, anybody):kind>/<int:number>/<int:territory>/<day:week>")
@permission(Right.COVERAGE_READ)
def cell(kind: str, number: int, territory: int, week: date) -> Response:
    """Open one cell: the hours, who can do the work, and the visits that ask for it."""
    found = _cell(kind, number, territory, week)
    under_way = taken(db(), found)
    return page(
        "coverage/cell.html",
        found=found,
        cell=found.named.cell,
        summary=cell_words(found.named),
        week_end=week + timedelta(days=6),
        percent=percent_words(found.named.cell),
        level=level_words(found.named.cell),
        remedies=[
            (each, remedy_words(each.remedy, found.named), under_way.get((each.remedy.kind.value, each.remedy.person)))
            for each in found.remedies
        ],
        most_cells=MOST_CELLS,
        now=moment(),
        may_take=may_open("coverage.take"),
        may_open_people=may_open("people.show"),
    )


@blueprint.post("/<any(skill, certification, anybody):kind>/<int:number>/<int:territory>/<day:week>/take")
@permission(Right.LOOSE_END_EDIT)
def take(kind: str, number: int, territory: int, week: date) -> AnyResponse:
    """Take up what would help in a cell."""
    actor().require(Right.COVERAGE_READ, territory)
    found = _cell(kind, number, territory, week)
    chosen = find_remedy(found, request.form.get("what", ""), request.form.get("person", 0, type=int))
    words = remedy_words(chosen.remedy, found.named)
    if take_remedy(db(), found, chosen, what=words, actor=actor(), now=moment()):
        flash(_("It is among your loose ends now."), "good")
    else:
        flash(_("This is under way already."), "info")
    return redirect(cell_url(found.named.cell), 303)


def _cell(kind: str, number: int, territory: int, week: date) -> CellPage:
    found = queries.cell_page(
        db(),
        reach=actor().territories(Right.COVERAGE_READ),
        row=Row(kind=RowKind(kind), id=number),
        territory=territory,
        week=week,
        now=moment(),
    )
    if found is None:
        abort(404)
    return found


# ---- words ---------------------------------------------------------------------------------------------------------


def step(found: Cell) -> int:
    """Return the colour step of a cell, 1 short to 5 ample."""
    ratio = found.ratio or 0.0
    if found.missing_s:
        # Rounding must not lift a cell that misses something into "enough".
        ratio = min(ratio, 0.999)
    return 1 + sum(ratio >= limit for limit in STEPS)


def percent(found: Cell) -> int:
    """Return hours that can be given in per cent of hours needed, cut at 500, and below 100 when any are missing."""
    share = round(100 * (found.ratio or 0.0))
    return min(share, 99) if found.missing_s else min(share, MOST_PERCENT)


def percent_words(found: Cell) -> str:
    """Return the number printed in a cell."""
    share = percent(found)
    return f"{share}%+" if share == MOST_PERCENT else f"{share}%"


def work_hours(seconds: int) -> str:
    """Return an amount of work: from ten hours on in whole hours, below in steps of five minutes."""
    if abs(seconds) >= 10 * HOUR_S:
        return _("%(n)s h", n=f"{round(seconds / HOUR_S):,}")
    return minutes(max(round(seconds / 300) * 300, 300 if seconds > 0 else 0))


def week_words(monday: date) -> str:
    """Name a week by its first day."""
    return _("week of %(day)s", day=day(monday, form="d MMM"))


def level_words(found: Cell) -> str:
    """Name what is asked of people."""
    if found.row.kind is RowKind.SKILL:
        return _("up to level %(n)s", n=found.level)
    return _("certificate") if found.level == CERTIFICATION else _("no special skill")


def who_words(named: NamedCell) -> str:
    """Say in a sentence how many people stand behind a cell."""
    found = named.cell
    if not found.people and found.missing_s == found.needed_s:
        return _("Nobody with hours there is qualified for it.")
    if not found.people:
        return _("Nobody with hours there has all that this work asks for.")
    if named.rests_on is not None:
        return _("Most of it only %(name)s can do.", name=named.rests_on)
    if found.nobody_s:
        return _("For %(hours)s of it nobody with hours there has all it asks for.", hours=work_hours(found.nobody_s))
    return _n("%(num)s person can do some of it.", "%(num)s people can do some or all of it.", found.people)


def cell_words(named: NamedCell) -> str:
    """Say a whole cell in words, for those who do not see its colour."""
    found = named.cell
    where = _("%(name)s, %(place)s, %(week)s", name=named.name, place=named.territory, week=week_words(found.week))
    needed = work_hours(found.needed_s)
    if found.missing_s:
        said = _("%(missing)s of %(needed)s cannot be served.", missing=work_hours(found.missing_s), needed=needed)
    else:
        said = _("%(can)s can be given, %(needed)s needed.", can=work_hours(found.can_give_s), needed=needed)
    return f"{where}: {percent_words(found)}. {said} {who_words(named)}"


def remedy_words(remedy: Remedy, named: NamedCell) -> str:
    """Say what to do with somebody, and what it is worth."""
    said = {
        RemedyKind.TRAIN: _("learns %(what)s", what=_learnt(named)),
        RemedyKind.MOVE: _("works in %(place)s this week", place=named.territory),
        RemedyKind.PARTNER: _("is asked for a day (partner)"),
        RemedyKind.OVERTIME: _("works four hours longer"),
    }[remedy.kind]
    return _("%(what)s; %(hours)s more can be served.", what=said, hours=work_hours(remedy.gained_s))


def _learnt(named: NamedCell) -> str:
    if named.cell.row.kind is RowKind.SKILL:
        return _("%(name)s up to level %(level)s", name=named.name, level=named.cell.level)
    return named.name


def shortage_words(weeks: tuple[NamedCell, ...]) -> tuple[str, str]:
    """Return one of the worst five as a headline and the sentence under it."""
    first = weeks[0]
    head = _("%(name)s in %(place)s", name=first.name, place=first.territory)
    alone = next((named for named in weeks if named.rests_on is not None), None)
    fewest = alone or min(weeks, key=lambda named: named.cell.people)
    missing_s = sum(named.cell.missing_s for named in weeks)
    if missing_s:
        each = "; ".join(_missing_words(named.cell) for named in weeks)
        lead = _("%(hours)s cannot be served: %(each)s.", hours=work_hours(missing_s), each=each)
    else:
        lead = _(
            "All can be served; tightest in the %(week)s with %(share)s of the hours needed.",
            week=week_words(first.cell.week),
            share=percent_words(first.cell),
        )
    return head, f"{lead} {who_words(fewest)}"


def _missing_words(found: Cell) -> str:
    needed, week = work_hours(found.needed_s), week_words(found.week)
    if found.missing_s == found.needed_s:
        return _("all %(needed)s in the %(week)s", needed=needed, week=week)
    missing = work_hours(found.missing_s)
    return _("%(missing)s of %(needed)s in the %(week)s", missing=missing, needed=needed, week=week)


def expectation_words(counted: Counted) -> str:
    """Say what the demand rests on: bookings, what history adds, and how far off that has been."""
    if counted.history_weeks < LEAST_WEEKS:
        return _n(
            "Only booked and recurring work is counted: with %(num)s complete week of history nothing more can be"
            " expected yet; it takes eight.",
            "Only booked and recurring work is counted: with %(num)s complete weeks of history nothing more can be"
            " expected yet; it takes eight.",
            counted.history_weeks,
        )
    added = _(
        "To the booked %(booked)s of the coming quarter come %(recurring)s of recurring work whose jobs are not made"
        " yet, and %(expected)s that history lets us expect on top.",
        booked=work_hours(counted.booked_s),
        recurring=work_hours(counted.recurring_s),
        expected=work_hours(counted.expected_s),
    )
    if counted.by_territory is None or counted.by_kind is None:
        return added + " " + _("There is too little history to say how far off that usually is.")
    return (
        added
        + " "
        + _(
            "Over the last %(weeks)s weeks such an estimate was off by %(off)s %% per territory and week, and by"
            " %(kind)s %% per kind of work; last year's or last week's number would have been off by %(naive)s %%.",
            weeks=counted.by_territory.weeks,
            off=round(counted.by_territory.off_percent),
            kind=round(counted.by_kind.off_percent),
            naive=round(counted.by_territory.naive_percent),
        )
    )


def _map(found: HeatMap, weeks: tuple[date, ...]) -> dict[str, Any]:
    """Give what the map and the table of a territory show, which is the same."""
    return {
        "territory": found.territory,
        "name": found.name,
        "total": len(found.lines),
        "summary": map_words(found),
        "rows": [(row.name, [_square(row.cells.get(week)) for week in weeks]) for row in found.rows],
    }


def _square(named: NamedCell | None) -> tuple[int, str, str, str, bool] | None:
    if named is None:
        return None
    found = named.cell
    return step(found), percent_words(found), cell_url(found), cell_words(named), named.rests_on is not None


def cell_url(found: Cell) -> str:
    """Give the address of a cell; put together by hand, because a map asks for hundreds."""
    where = (found.row.kind.value, str(found.row.id), str(found.territory), found.week.isoformat())
    return "/".join((url_for("coverage.index"), *where))


def map_words(found: HeatMap) -> str:
    """Say the map of a territory in a sentence."""
    if not found.lines:
        return _("Nothing is needed there.")
    worst = found.lines[0]
    if not worst.missing_s:
        return _n(
            "%(num)s row, and nothing is short.", "%(num)s rows, and nothing is short in any week.", len(found.lines)
        )
    return _(
        "%(short)s of %(all)s rows are short in some week, most of all %(name)s with %(hours)s missing.",
        short=found.short,
        all=len(found.lines),
        name=worst.name,
        hours=work_hours(worst.missing_s),
    )


def _lines(cells: Iterable[NamedCell]) -> Iterator[list[str | int]]:
    for named in cells:
        counted = named.cell
        yield [
            _plain(named.name),
            counted.row.kind.value,
            _plain(named.territory),
            counted.week.isoformat(),
            counted.level,
            *(
                f"{seconds / HOUR_S:.2f}"
                for seconds in (counted.needed_s, counted.booked_s, counted.can_give_s, counted.missing_s)
            ),
            percent(counted),
            counted.people,
            _plain(named.rests_on or ""),
            counted.price_s,
        ]


def _plain(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", *"＝＋－＠") else text
