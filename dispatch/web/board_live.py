"""The board as it changes: a stream of what must be drawn anew, and the same for those who can have no stream.

A page names its views (``2026-11-23`` or ``2026-11-23.4`` for one territory) and the position of the change log that
it knows; one stream serves all tabs of a browser. Rights are read anew for each look.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify, render_template, request
from werkzeug.wrappers import Response

from dispatch.accounts.access import Right
from dispatch.core import audit
from dispatch.core.errors import Invalid, NotFound
from dispatch.planning.board import Scope, read_queue, scope_of
from dispatch.planning.board_changes import Touched, delta_for, touched_since
from dispatch.web import context
from dispatch.web import stream as streams
from dispatch.web.board_feed import CHANNEL, Feed
from dispatch.web.board_json import delta_json, for_reader
from dispatch.web.board_scope import asked_day, asked_territories, chosen_of
from dispatch.web.context import actor, db, moment
from dispatch.web.security import permission
from dispatch.workforce.choices import territories_in_reach
from dispatch.workforce.models import Territory

blueprint = Blueprint("board_live", __name__, url_prefix="/board")
MOST_VIEWS = 8
MOST_CARDS = 100
HIGHEST = 2**31 - 1
_KEY = "dispatch_board_feed"


@dataclass(frozen=True, kw_only=True)
class View:
    """What one tab shows, under the name that it gave itself."""

    name: str
    day: date
    territories: tuple[Territory, ...]

    def scope(self) -> Scope:
        """Return what may be seen of it at this moment."""
        return scope_of(self.territories, self.day, actor().territories(Right.BOARD_READ))


class Follower:
    """One browser that follows the log from a position on."""

    def __init__(self, feed: Feed, views: list[View], position: int | None) -> None:
        self.feed, self.views, self.position = feed, views, position

    def read(self) -> Iterator[streams.Event]:
        """Give what is new for its views; from where the reader of this process was not there yet, read for itself."""
        if self.position is None:
            self.position = audit.position(db())
        scopes = {view.name: view.scope() for view in self.views}
        found = self.feed.since(scopes.values(), self.position)
        if found is None:
            answer = _news(scopes, self.position)
        else:
            to, deltas = found
            answer = _answer(to, {name: deltas[scope] for name, scope in scopes.items()})
        self.position = answer["to"]
        if answer["views"]:
            yield streams.Event(data=answer, id=self.position)

    def beat(self) -> streams.Event:
        """Show that the stream is alive, how late it is, and from where to resume."""
        self.feed.keep([view.scope() for view in self.views])
        return streams.Event(name="beat", data={"now": _now(), "to": self.position}, id=self.position)


def feed() -> Feed:
    """Return the reader of the current application."""
    found: Feed = current_app.extensions[_KEY]
    return found


@blueprint.record_once
def _init(state: Any) -> None:
    app: Flask = state.app
    services: context.Services = app.extensions[context.EXTENSION]
    app.extensions[_KEY] = Feed(streams.hub_of(app), services.sessions)


@blueprint.get("/stream")
@permission(Right.BOARD_READ)
def stream() -> Response:
    """Send what changes on the boards that a browser shows."""
    views = _views()
    follower = Follower(feed(), views, _position(request.headers.get("Last-Event-ID") or request.args.get("since")))
    return streams.stream(
        follower.read,
        right=Right.BOARD_READ,
        channel=CHANNEL,
        territories={territory.id for view in views for territory in view.territories},
        beat=follower.beat,
    )


@blueprint.get("/changes")
@permission(Right.BOARD_READ)
def changes() -> Response:
    """Answer once what a stream would have sent since a position."""
    position = _position(request.args.get("since"))
    return jsonify(_news({view.name: view.scope() for view in _views()}, -1 if position is None else position))


@blueprint.get("/cards")
@permission(Right.BOARD_READ)
def cards() -> Response:
    """Show some cards of the queue, as the board's page shows them."""
    _, chosen = asked_territories()
    day = asked_day(chosen)
    visits = request.args.getlist("visit", type=int)[:MOST_CARDS]
    scope = scope_of(chosen, day, actor().territories(Right.BOARD_READ))
    queue = read_queue(db(), scope, moment(), visits)
    return Response(
        render_template(
            "board/cards.html",
            queue=queue,
            zone=scope.zone,
            where={"date": day.isoformat(), "territory": request.args.get("territory") or None},
            may_edit=any(actor().may(Right.ASSIGNMENT_EDIT, each.id) for each in chosen),
        ),
        mimetype="text/html",
    )


def _news(scopes: dict[str, Scope], after: int) -> dict[str, Any]:
    touched = touched_since(db(), after) if after >= 0 else _everything(audit.position(db()))
    deltas = {name: delta_for(db(), touched, scope, moment()) for name, scope in scopes.items()}
    return _answer(touched.to, {name: [delta_json(delta)] for name, delta in deltas.items() if delta is not None})


def _everything(to: int) -> Touched:
    return Touched(after=to, to=to, whole=True, territory_of={}, holders_of={})


def _answer(to: int, deltas: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    user_id = actor().user_id
    views = {name: [for_reader(delta, user_id) for delta in each] for name, each in deltas.items() if each}
    return {"to": to, "now": _now(), "views": views}


def _now() -> str:
    return moment().isoformat(timespec="seconds")


def _position(text: str | None) -> int | None:
    """Return a position as a page gave it; what is no position is one that the log never had."""
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST)) else -1
    return number if number <= HIGHEST else -1


def _views() -> list[View]:
    names = list(dict.fromkeys(request.args.getlist("view")))
    if not 0 < len(names) <= MOST_VIEWS:
        raise Invalid(f"Name between one and {MOST_VIEWS} views.", field="view")
    reach = territories_in_reach(db(), actor().territories(Right.BOARD_READ))
    return [_view(name, reach) for name in names]


def _view(name: str, reach: Sequence[Territory]) -> View:
    day, _, territory = name.partition(".")
    if territory and not (territory.isascii() and territory.isdigit()):
        raise NotFound("There is no such territory.")
    try:
        on = date.fromisoformat(day)
    except ValueError as error:
        raise Invalid(f"{day!r} is no day; write it as 2026-11-23.", field="view") from error
    if abs((on - moment().date()).days) > 3660:
        raise Invalid("Choose a day within ten years of today.", field="view")
    return View(name=name, day=on, territories=tuple(chosen_of(reach, int(territory) if territory else None)))
