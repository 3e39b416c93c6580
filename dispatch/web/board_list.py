"""The day as lists: a page of people at a time for those without script and for phones, all of it for paper."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import clock
from dispatch.core.errors import Conflict
from dispatch.jobs.queries import reached_at
from dispatch.planning.board import Board, BoardBar, BoardPerson, board_for, scope_of
from dispatch.planning.board_order import Group, Order, arranged
from dispatch.planning.board_week import DAYS, week_for
from dispatch.web import board_places
from dispatch.web.board_scope import asked_day, asked_territories
from dispatch.web.context import actor, db, moment
from dispatch.web.pages import page
from dispatch.web.security import permission
from dispatch.web.situations import unpublished
from dispatch.web.words import _, _l
from dispatch.workforce.models import Territory

blueprint = Blueprint("board_list", __name__, url_prefix="/board")
LINES = 50  # of a table on one page: the board stays inside its budget of elements, whatever the day
Row = TypeVar("Row")
GROUPS = {
    Group.NONE: _l("Nothing"),
    Group.TERRITORY: _l("Territory"),
    Group.TEAM: _l("Team"),
    Group.SKILL: _l("Skill"),
    Group.PARTNER: _l("Partner"),
}
ORDERS = {
    Order.NAME: _l("Name"),
    Order.LOAD: _l("Fullest first"),
    Order.FREE: _l("Most free time first"),
    Order.NEAR: _l("Nearest to the selected job"),
}
WITHOUT = {
    Group.TERRITORY: _l("Work elsewhere"),
    Group.TEAM: _l("In no team"),
    Group.SKILL: _l("No skill recorded"),
    Group.PARTNER: _l("Our own people"),
}


@dataclass(frozen=True, kw_only=True)
class Listed(Generic[Row]):
    """Some rows of many. All numbers count rows from 1; ``earlier`` and ``later`` are in the pages before and after."""

    rows: Sequence[Row]
    first: int
    total: int
    earlier: int | None
    later: int | None

    @property
    def last(self) -> int:
        """The number of the last row."""
        return self.first + len(self.rows) - 1


def cut(rows: Sequence[Row], lines: Iterable[int], asked: int) -> Listed[Row]:
    """Return the page that holds row ``asked``; ``lines`` says how much room each row takes."""
    starts, room = [0], LINES
    for index, needed in enumerate(lines):
        if needed > room and index > starts[-1]:
            starts.append(index)
            room = LINES
        room -= needed
    here = max((number for number, start in enumerate(starts) if start < asked), default=0)
    begin, *ends = starts[here : here + 2]
    end = ends[0] if ends else len(rows)
    return Listed(
        rows=rows[begin:end],
        first=begin + 1,
        total=len(rows),
        earlier=starts[here - 1] + 1 if here else None,
        later=end + 1 if ends else None,
    )


def bars_by_person(board: Board) -> dict[int, list[BoardBar]]:
    """Return the visits of everybody on a board."""
    found: dict[int, list[BoardBar]] = {person.id: [] for person in board.people}
    for bar in board.bars:
        found[bar.technician_id].append(bar)
    return found


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """People in the order asked for: ``groups`` with their headings, and the same people in one row."""

    group: Group
    order: Order
    groups: Sequence[tuple[str, Sequence[BoardPerson]]]

    @property
    def people(self) -> list[BoardPerson]:
        """Everybody, from top to bottom."""
        return [person for _heading, people in self.groups for person in people]

    @property
    def heading_of(self) -> dict[int, str]:
        """The heading that each person stands under; empty where people are not grouped."""
        return {person.id: heading for heading, people in self.groups if heading for person in people}


def usual_group(territories: Sequence[Territory]) -> Group:
    """Return how people are grouped where nobody chose: several territories are read one by one."""
    return Group.TERRITORY if len(territories) > 1 else Group.NONE


def arrangement(board: Board, territories: Sequence[Territory]) -> Arrangement:
    """Return the people of a board as the address asks for; what makes no sense there is as usual."""
    return arranged_as_asked(board.people, territories, lambda: _ways(board))


def arranged_as_asked(
    everybody: Sequence[BoardPerson], territories: Sequence[Territory], ways_now: Callable[[], Mapping[int, int]]
) -> Arrangement:
    """Return people as the address asks for; ``ways_now`` tells how near they are, should that be asked."""
    group, order = usual_group(territories), Order.NAME
    with suppress(ValueError):
        group = Group(request.args.get("group", group))
    with suppress(ValueError):
        order = Order(request.args.get("sort", order))
    ways = ways_now() if order is Order.NEAR else {}
    groups = arranged(everybody, group, order, ways)
    without = _(WITHOUT[group]) if group in WITHOUT else ""
    return Arrangement(group=group, order=order, groups=[(name or without, people) for name, people in groups])


def _ways(board: Board) -> dict[int, int]:
    """Return how far everybody's day is from the selected visit; nothing where none is selected or can be taken."""
    chosen = request.args.get("sel", type=int)
    known = {bar.visit_id: bar.territory_id for bar in board.bars}
    known |= {item.visit_id: item.territory_id for item in board.queue}
    if chosen is None or not known.get(chosen):
        return {}
    try:
        answer = board_places.answer(chosen, known[chosen], board.day, None)
    except Conflict:
        return {}
    return {row.technician_id: row.place.travel_s for row in answer.rows if row.place is not None}


@blueprint.get("/week")
@permission(Right.BOARD_READ)
def week() -> Response:
    """Show a week of the same people, day by day; each day opens."""
    _all, chosen = asked_territories()
    day = asked_day(chosen)
    found = week_for(db(), scope_of(chosen, day, actor().territories(Right.BOARD_READ)))
    people = arranged_as_asked(found.people, chosen, dict)
    kept = {name: request.args.get(name) for name in ("territory", "group", "sort", "sel")}
    return page(
        "board/week.html",
        week=found,
        arranged=people,
        groups=GROUPS,
        orders={order: words for order, words in ORDERS.items() if order is not Order.NEAR},
        listed=cut(people.people, [1] * len(people.people), request.args.get("people", 1, int)),
        day=day,
        today=clock.local_day(moment(), chosen[0].zone if chosen else "UTC"),
        before=day - timedelta(days=DAYS),
        after=day + timedelta(days=DAYS),
        kept=kept,
    )


@blueprint.get("/print")
@permission(Right.BOARD_READ)
def paper() -> Response:
    """Show the whole day for paper: a sheet for each person, or one for each territory."""
    _, chosen = asked_territories()
    day = asked_day(chosen)
    board = board_for(db(), territories=chosen, day=day, now=moment(), reach=actor().territories(Right.BOARD_READ))
    by = "territory" if request.args.get("by") == "territory" else "person"
    kept = ("territory", "group", "sort", "sel")
    where: dict[str, Any] = {"date": day.isoformat()} | {name: request.args.get(name) for name in kept}
    return page(
        "board/print.html",
        board=board,
        day=day,
        by=by,
        bars_of=bars_by_person(board),
        people={person.id: person for person in board.people},
        arranged=arrangement(board, chosen),
        waiting=unpublished(chosen, day),
        places=reached_at(db(), {bar.visit_id for bar in board.bars if not bar.elsewhere}),
        sheets=[(each.name, [bar for bar in board.bars if bar.territory_id == each.id]) for each in chosen],
        where=where,
        other=url_for("board_list.paper", by="person" if by == "territory" else "territory", **where),
    )
