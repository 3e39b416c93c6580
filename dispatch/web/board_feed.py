"""One reader of the change log for all boards of this process, however many people look at them.

It looks after each wake-up, at most four times a second, works out once for each scope what its boards must draw anew,
and keeps the last of it. Streams take from there; whoever is further behind reads for themselves.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dispatch.core import audit, clock
from dispatch.planning.board import Scope
from dispatch.planning.board_changes import delta_for, touched_since
from dispatch.web.board_json import delta_json
from dispatch.web.stream import SHORTEST_PAUSE_S, Hub

CHANNEL = "board"
KEPT = 200
FORGOTTEN_AFTER_S = 60.0
AGAIN_AFTER_S = 1.0


class News(NamedTuple):
    """What a stretch of the log, up to a position, means for boards of one scope."""

    to: int
    delta: dict[str, Any]


@dataclass
class _Strand:
    """The latest news of one scope; it reaches back to ``start``, None until the reader has looked."""

    asked_at: float
    start: int | None = None
    news: deque[News] = field(default_factory=deque)

    def add(self, news: News) -> None:
        self.news.append(news)
        while len(self.news) > KEPT:
            self.start = self.news.popleft().to


class Feed:
    """The reader's thread, which runs while somebody asks, and the news it keeps."""

    def __init__(self, hub: Hub, sessions: Callable[[], Session]) -> None:
        self._hub = hub
        self._sessions = sessions
        self._lock = threading.Lock()
        self._strands: dict[Scope, _Strand] = {}
        self._position: int | None = None
        self._thread: threading.Thread | None = None

    def since(self, scopes: Iterable[Scope], after: int) -> tuple[int, dict[Scope, list[dict[str, Any]]]] | None:
        """Return how far the reader has come and the news of each scope; None when it was not there at ``after``."""
        self.keep(scopes)
        with self._lock:
            found: dict[Scope, list[dict[str, Any]]] = {}
            for scope in scopes:
                strand = self._strands[scope]
                if self._position is None or strand.start is None or not strand.start <= after <= self._position:
                    return None
                found[scope] = [news.delta for news in strand.news if news.to > after]
            return self._position or after, found

    def keep(self, scopes: Iterable[Scope]) -> None:
        """Keep news of these scopes for a while; the first to ask starts the reader."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._strands, self._position = {}, None
            for scope in scopes:
                self._strands.setdefault(scope, _Strand(0.0)).asked_at = monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="board-feed", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        listener = self._hub.overhear("changes")
        try:
            while not listener.ended.is_set() and self._watched():
                started = monotonic()
                pause_s = SHORTEST_PAUSE_S
                try:
                    self._look()
                except SQLAlchemyError:
                    pause_s = AGAIN_AFTER_S
                    listener.wake()
                listener.ended.wait(max(0.0, pause_s - (monotonic() - started)))
                listener.doze(FORGOTTEN_AFTER_S / 2)
        finally:
            self._hub.leave(listener)

    def _watched(self) -> bool:
        """Forget what nobody asks for any more; False when nothing is left."""
        with self._lock:
            old = monotonic() - FORGOTTEN_AFTER_S
            self._strands = {scope: strand for scope, strand in self._strands.items() if strand.asked_at > old}
            if not self._strands:
                self._thread = None
            return bool(self._strands)

    def _look(self) -> None:
        with self._lock:
            scopes, position = list(self._strands), self._position
        news: dict[Scope, News] = {}
        with self._sessions() as session:
            if position is None:
                to = audit.position(session)
            else:
                touched = touched_since(session, position)
                to = touched.to
                for scope in scopes if to != position else ():
                    delta = delta_for(session, touched, scope, clock.now())
                    if delta is not None:
                        news[scope] = News(to, delta_json(delta))
        with self._lock:
            for scope, strand in self._strands.items():
                if strand.start is None:
                    strand.start = to
                elif scope in news:
                    strand.add(news[scope])
            self._position = to
        if to != position:
            self._hub.wake(CHANNEL)
