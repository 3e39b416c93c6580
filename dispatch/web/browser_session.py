"""Flask's session, kept in the database: the cookie holds a random token and nothing else.

Loaded when first asked for, so that static files and health pages touch no database, and saved in a transaction of
its own after the view's.
"""

from collections.abc import Iterator
from typing import Any

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dispatch.accounts import sessions
from dispatch.core import clock
from dispatch.web.context import EXTENSION, Services

USER = "user"
KEEP = "keep"


class BrowserSession(SessionMixin):
    """The values of one browser."""

    def __init__(self, services: Services, token: str | None) -> None:
        self._services = services
        self.token = token
        self.modified = False
        self.accessed = False
        self.renew = False
        self.ended = False
        self.broken = False
        self.stored: sessions.StoredSession | None = None
        self._data: dict[str, Any] | None = None

    @property
    def loaded(self) -> bool:
        """Whether anything was asked of it."""
        return self._data is not None

    @property
    def data(self) -> dict[str, Any]:
        """The values; the first access reads them."""
        self.accessed = True
        if self._data is None:
            self._data = {}
            if self.token is not None:
                self._read(self.token)
        return self._data

    def _read(self, token: str) -> None:
        try:
            with self._services.sessions() as session:
                self.stored = sessions.find(session, token, now=clock.now())
        except SQLAlchemyError:
            # The page that says so asks again: from then on it gets an empty session that is not saved.
            self.broken = True
            raise
        if self.stored is not None:
            self._data = self.stored.data

    @property
    def user_id(self) -> int | None:
        """The person signed in, None for a visitor."""
        value = self.data.get(USER)
        return value if isinstance(value, int) else None

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value
        self.modified = True

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        self.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return True

    def sign_in(self, user_id: int, *, keep: bool) -> None:
        """Take a new token for a person: one planted before signing in is worth nothing."""
        self[USER] = user_id
        self[KEEP] = keep
        self.renew = True

    def sign_out(self) -> None:
        """Forget everything and the token with it."""
        self.data.clear()
        self.modified = True
        self.renew = True
        self.ended = True


class DatabaseSessions(SessionInterface):
    """Reads and writes :class:`BrowserSession`."""

    def open_session(self, app: Flask, request: Request) -> BrowserSession:
        """Return the session of the cookie; nothing is read yet."""
        token = request.cookies.get(self.get_cookie_name(app))
        if token is not None and not 20 <= len(token) <= 100:
            token = None
        return BrowserSession(app.extensions[EXTENSION], token)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed and hand the cookie out; a database that is away costs the message, not the answer."""
        assert isinstance(session, BrowserSession)
        if session.broken or not session.loaded:
            return
        try:
            with session._services.sessions() as database, database.begin():
                self._save(app, session, response, database)
        except SQLAlchemyError:
            app.logger.exception("The browser's session could not be saved")

    def _save(self, app: Flask, session: BrowserSession, response: Response, database: Session) -> None:
        now = clock.now()
        old = session.token if session.stored is not None else None
        if session.renew and old is not None:
            sessions.revoke(database, old)
        if not len(session):
            if session.token is not None and (session.modified or session.stored is None):
                self._forget(app, response)
            return
        seen = session.stored.seen_at if session.stored is not None else None
        worn = session.user_id is not None and (seen is None or now - seen >= sessions.TOUCH)
        if not (session.modified or session.renew or worn):
            return
        fresh = old is None or session.renew
        if fresh:
            session.token = sessions.new_token()
            sessions.clear_expired(database, now=now)
        assert session.token is not None
        keep = bool(session.get(KEEP))
        saved = sessions.save(
            database,
            session.token,
            data=session.data,
            user_id=session.user_id,
            keep=keep,
            user_agent=response_agent(),
            now=now,
            fresh=fresh,
        )
        if not saved:
            self._forget(app, response)
            return
        response.set_cookie(
            self.get_cookie_name(app),
            session.token,
            max_age=sessions.KEPT if keep else None,
            path="/",
            secure=bool(app.config["SESSION_COOKIE_SECURE"]),
            httponly=True,
            samesite="Lax",
        )

    def _forget(self, app: Flask, response: Response) -> None:
        response.delete_cookie(
            self.get_cookie_name(app),
            path="/",
            secure=bool(app.config["SESSION_COOKIE_SECURE"]),
            httponly=True,
            samesite="Lax",
        )


def response_agent() -> str | None:
    """Return what the browser calls itself, for the list of one's own devices."""
    return request.user_agent.string or None
