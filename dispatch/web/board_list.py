"""The day as lists: a page of people at a time for those without script and for phones, all of it for paper."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.jobs.queries import customer_phones
from dispatch.planning.board import Board, BoardBar, board_for
from dispatch.web.board_scope import asked_day, asked_territories
from dispatch.web.context import actor, db, moment
from dispatch.web.pages import page
from dispatch.web.security import permission

blueprint = Blueprint("board_list", __name__, url_prefix="/board")
LINES = 50  # of a table on one page: the board stays inside its budget of elements, whatever the day
Row = TypeVar("Row")


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


@blueprint.get("/print")
@permission(Right.BOARD_READ)
def paper() -> Response:
    """Show the whole day for paper: a sheet for each person, or one for each territory."""
    _, chosen = asked_territories()
    day = asked_day(chosen)
    board = board_for(db(), territories=chosen, day=day, now=moment(), reach=actor().territories(Right.BOARD_READ))
    by = "territory" if request.args.get("by") == "territory" else "person"
    where: dict[str, Any] = {"date": day.isoformat(), "territory": request.args.get("territory", type=int)}
    return page(
        "board/print.html",
        board=board,
        day=day,
        by=by,
        bars_of=bars_by_person(board),
        people={person.id: person for person in board.people},
        phones=customer_phones(db(), {bar.visit_id for bar in board.bars if not bar.elsewhere}),
        sheets=[(each.name, [bar for bar in board.bars if bar.territory_id == each.id]) for each in chosen],
        where=where,
        other=url_for("board_list.paper", by="person" if by == "territory" else "territory", **where),
    )
