"""Live updates: one listening connection per process wakes every open stream; each stream reads what it may see.

The database's notification is an empty wake-up. What is sent is read anew, with the rights of that moment, at most
four times a second; rights taken away end a stream within five seconds.
"""

import contextlib
import json
import logging
import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

import psycopg
from flask import Flask, Response, current_app, jsonify, stream_with_context

from dispatch.accounts import sessions
from dispatch.accounts.access import Right
from dispatch.accounts.models import User
from dispatch.accounts.queries import actor_for
from dispatch.core.serving import draining
from dispatch.web import context
from dispatch.web.identity import find_person
from dispatch.web.security import browser_session

log = logging.getLogger("dispatch.web")

CHANNELS = ("changes", "plan_progress")
CHECK_EVERY_S = 4.0
SHORTEST_PAUSE_S = 0.25
STREAMS_A_PERSON = 5
POLL_EVERY_S = 10
_KEY = "dispatch_streams"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One message to a browser: a name, data that becomes one line of JSON, and where to resume after a gap."""

    data: Any
    name: str = "message"
    id: int | None = None
    last: bool = False

    def text(self) -> str:
        """Return the message as it is sent; JSON holds no line break, so nothing in it can start another field."""
        lines = [f"id: {self.id}"] if self.id is not None else []
        if self.name != "message":
            lines.append(f"event: {self.name}")
        lines.append(f"data: {json.dumps(self.data, separators=(',', ':'), allow_nan=False)}")
        return "\n".join(lines) + "\n\n"


Read = Callable[[], Iterable[Event]]
Beat = Callable[[], Event]


class _Need(NamedTuple):
    """What a person must still hold for a stream to go on."""

    right: Right
    territories: tuple[int, ...]


@dataclass(eq=False)
class Listener:
    """One open stream: woken through its queue, ended by its flag."""

    user_id: int
    channel: str
    payload: str | None
    woken: queue.SimpleQueue[None] = field(default_factory=queue.SimpleQueue)
    ended: threading.Event = field(default_factory=threading.Event)
    replaced: bool = False

    def wake(self) -> None:
        """Let the stream look again; many wakes before it looks count as one."""
        if self.woken.empty():
            self.woken.put(None)

    def doze(self, most_s: float) -> bool:
        """Wait to be woken; False when nothing woke it in so many seconds."""
        try:
            self.woken.get(timeout=most_s)
        except queue.Empty:
            return False
        return True

    def end(self) -> None:
        """Let the stream finish."""
        self.ended.set()
        self.woken.put(None)


class Hub:
    """Hands the notifications of one connection to all streams of this process."""

    def __init__(self, url: str, limit: int) -> None:
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._limit = limit
        self._lock = threading.Lock()
        self._open: deque[Listener] = deque()
        self._within: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def join(self, user_id: int, channel: str, payload: str | None) -> Listener | None:
        """Open a stream; None when this process holds as many as it may. A person's sixth ends the first."""
        with self._lock:
            own = [each for each in self._open if each.user_id == user_id]
            if len(own) >= STREAMS_A_PERSON:
                self._open.remove(own[0])
                own[0].replaced = True
                own[0].end()
            if len(self._open) >= self._limit:
                return None
            listener = Listener(user_id, channel, payload)
            self._open.append(listener)
            if self._thread is None or not self._thread.is_alive():
                self._closing.clear()
                self._thread = threading.Thread(target=self._listen, name="listen", daemon=True)
                self._thread.start()
            return listener

    def leave(self, listener: Listener) -> None:
        """Close a stream."""
        with self._lock:
            for place in (self._open, self._within):
                with contextlib.suppress(ValueError):
                    place.remove(listener)

    def overhear(self, channel: str) -> Listener:
        """Let a part of this process itself be woken as streams are; it takes nobody's place."""
        listener = Listener(0, channel, None)
        with self._lock:
            self._within.append(listener)
        return listener

    def close(self) -> None:
        """End all streams and the listening connection; for the end of a process or a test."""
        self._closing.set()
        with self._lock:
            for listener in (*self._open, *self._within):
                listener.end()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def __len__(self) -> int:
        with self._lock:
            return len(self._open)

    def _listen(self) -> None:
        pause_s = 0.2
        while not self._closing.is_set():
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    for channel in CHANNELS:
                        connection.execute(f"LISTEN {channel}")
                    pause_s = 0.2
                    self.wake(None)  # whatever happened while nobody listened
                    self._follow(connection)
            except psycopg.Error:
                log.warning("Live updates lost the database; trying again")
                self._closing.wait(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        while not self._closing.is_set():
            for notice in connection.notifies(timeout=1.0, stop_after=100):
                self.wake(notice.channel, notice.payload)

    def wake(self, channel: str | None, payload: str = "") -> None:
        """Let the streams of a channel look again; without a channel all of them."""
        with self._lock:
            listeners = [*self._open, *self._within]
        for listener in listeners:
            if channel is None or (
                listener.channel == channel and (listener.payload is None or listener.payload == payload)
            ):
                listener.wake()


def hub() -> Hub:
    """Return the hub of the current application."""
    return hub_of(current_app)


def hub_of(app: Flask) -> Hub:
    """Return the hub of an application."""
    found: Hub = app.extensions[_KEY]
    return found


def init_app(app: Flask) -> None:
    """Make the hub; it connects when the first stream opens."""
    services: context.Services = app.extensions[context.EXTENSION]
    app.extensions[_KEY] = Hub(services.listen_url, services.settings.web_streams)


def stream(
    read: Read,
    *,
    right: Right,
    channel: str = "changes",
    payload: str | None = None,
    territories: Collection[int] = (),
    beat: Beat | None = None,
) -> Response:
    """Answer with events: ``read`` is called at once and after each wake-up; an event marked ``last`` ends it.

    It ends as well when the right no longer reaches all of ``territories``. Where nothing happens ``beat`` gives the
    event that shows a page that the stream is alive; without it a comment keeps the connection open. Above the limit
    the answer is 503 and names the pause after which a page should ask in the ordinary way.
    """
    actor = context.actor()
    assert actor.user_id is not None
    listener = hub().join(actor.user_id, channel, payload)
    if listener is None:
        answer = jsonify({"error": "Live updates are full; this page asks every ten seconds.", "poll_s": POLL_EVERY_S})
        answer.status_code = 503
        answer.headers["Retry-After"] = str(POLL_EVERY_S)
        return answer
    open_streams = hub()
    body = stream_with_context(
        _events(open_streams, listener, read, beat, _Need(right, tuple(territories)), browser_session().token)
    )
    response = Response(body, mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(lambda: open_streams.leave(listener))
    return response


def _events(
    open_streams: Hub, listener: Listener, read: Read, beat: Beat | None, need: _Need, token: str | None
) -> Iterator[str]:
    try:
        # After a restart the browsers of a whole office must not all come back in the same second.
        yield f"retry: {2000 + random.randrange(3000)}\n\n"  # noqa: S311 - no secret is drawn
        yield from _follow(listener, read, beat, need, token)
        if listener.replaced:
            yield Event(name="replaced", data={}).text()
    finally:
        open_streams.leave(listener)
        context.start_afresh()


def _follow(listener: Listener, read: Read, beat: Beat | None, need: _Need, token: str | None) -> Iterator[str]:
    checked = 0.0
    look = True
    while not listener.ended.is_set() and not draining.is_set():
        started = monotonic()
        context.start_afresh()
        if started - checked >= CHECK_EVERY_S:
            if not _still_permitted(token, need):
                return
            checked = started
        sent = False
        if look:
            for event in read():
                sent = True
                yield event.text()
                if event.last:
                    return
        context.start_afresh()  # no connection is held while waiting
        if not sent:
            yield ":\n\n" if beat is None else beat().text()
        listener.ended.wait(max(0.0, SHORTEST_PAUSE_S - (monotonic() - started)))
        look = listener.doze(CHECK_EVERY_S)


def _still_permitted(token: str | None, need: _Need) -> bool:
    """Read session, person and grants anew."""
    now = context.moment()
    stored = sessions.find(context.db(), token, now=now) if token else None
    if stored is None or stored.user_id is None:
        return False
    found = find_person(User.id == stored.user_id)
    if found is None or not found[0].active or stored.data.get("_user_id") != found[0].fs_uniquifier:
        return False
    actor = actor_for(found[0], today=now.date(), channel="web", technician_id=found[1])
    context.remember_actor(actor)
    return actor.may(need.right) and all(actor.may(need.right, each) for each in need.territories)
