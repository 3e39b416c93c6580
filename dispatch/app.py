"""Makes the web application: settings, doors, error pages, and one transaction around every view."""

import gc
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request, session
from flask_babel import Babel
from flask_compress import Compress
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

from dispatch import models, web
from dispatch.core.config import Settings
from dispatch.core.config import settings as settings_of_process
from dispatch.core.db import APP_ROLE, make_engine, make_sessions, psycopg_url
from dispatch.core.serving import SPARE_THREADS
from dispatch.matching import never_compile
from dispatch.planning.retries import LOST_RACES, sqlstate
from dispatch.web import (
    context,
    errors,
    filters,
    mail,
    navigation,
    security,
    shortcuts,
    sign_in,
    stream,
    templates,
    words,
)
from dispatch.web.browser_session import DatabaseSessions
from dispatch.web.json_format import StrictJSON

log = logging.getLogger("dispatch.web")
ROOT = Path(__file__).resolve().parent.parent
TRIES = 3
_MOST_BODY = 4 * 1024 * 1024
_COMPRESSED = ("application/json", "text/css", "text/javascript", "image/svg+xml")
"""Kinds of answers that are sent compressed. Pages are not: they hold the token of their forms beside words from the
address, and their compressed length would tell an eavesdropper when such words come close to it (BREACH, 2013)."""


class Web(Flask):
    """Flask, with every view in one transaction that ends inside the view's call."""

    json_provider_class = StrictJSON

    def dispatch_request(self) -> Response:
        """Run the view and commit; a late refusal of the database reaches the error pages like any other.

        Reading again after a deadlock or a lost serialization is harmless, so that is done here. A view that changes
        something and has no effect outside the database asks for it with ``@repeatable``.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return self._in_transaction()
            except DBAPIError as error:
                if sqlstate(error) not in LOST_RACES or attempt == TRIES or not self._repeatable():
                    raise
                log.info("Trying %s again after %s", request.endpoint, sqlstate(error))
                session.pop("_flashes", None)  # what the lost try said did not happen
        raise AssertionError("the last try returns or raises")

    def _in_transaction(self) -> Response:
        try:
            response = self.make_response(super().dispatch_request())
            opened = context.opened_session()
            if opened is not None:
                if response.status_code < 400:
                    opened.commit()
                else:
                    opened.rollback()
        except BaseException:
            opened = context.opened_session()
            if opened is not None:
                opened.rollback()
            raise
        return response

    def _repeatable(self) -> bool:
        view = self.view_functions.get(request.endpoint or "")
        return request.method in ("GET", "HEAD") or getattr(view, "repeatable", False)

    def send_static_file(self, filename: str) -> Response:
        """Return a static file; a whole one is read at once, since only then it is compressed."""
        response = super().send_static_file(filename)
        if response.status_code == 200 and response.mimetype in _COMPRESSED:
            response.direct_passthrough = False
            response.make_sequence()
        return response

    def url_for(self, /, endpoint: str, *, _external: bool | None = None, **values: Any) -> str:
        """Return an address; one for outside starts with the configured host, never with one a request named."""
        values.pop("_scheme", None)
        path = super().url_for(endpoint, _external=False, **values)
        if not _external:
            return path
        public_url: str = self.extensions[context.EXTENSION].settings.public_url
        return public_url.rstrip("/") + urlsplit(path)._replace(scheme="", netloc="").geturl()


def serve() -> Web:
    """Return the application of a web process: what a person would wait for is either loaded here or never compiled."""
    never_compile()
    app = create_app()
    prepare(app)
    return app


def prepare(app: Web) -> None:
    """Load what the first pages need, and set what stays for good aside from the search for garbage.

    That search looks at everything that was made since the start, which takes a tenth of a second and more, and the
    first person's page would set it off.
    """
    templates.load_templates(app, app.extensions[context.EXTENSION].settings.data_dir)
    gc.collect()
    gc.freeze()


def create_app(settings: Settings | None = None, *, engine: Engine | None = None, **config: Any) -> Web:
    """Return the application; refuses to start with a weak key or without a database."""
    settings = settings or settings_of_process()
    if engine is None:
        if settings.database_url is None:
            raise ValueError("No database: set DATABASE_URL or start with `dispatch serve`.")
        engine = make_engine(
            settings.database_url, role=APP_ROLE, pool_size=SPARE_THREADS, max_overflow=8, pool_timeout=10
        )
    models.Base.registry.configure()  # all tables are known before the first query
    app = Web("dispatch", root_path=str(ROOT), static_folder="static", template_folder="templates")
    secure = settings.secure_cookies
    app.config.update(
        SECRET_KEY=settings.checked_secret_key(),
        SESSION_COOKIE_NAME="__Host-session" if secure else "session",
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=_MOST_BODY,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=2000,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_HEADERS=["X-CSRFToken"],
        BABEL_DEFAULT_LOCALE="en_GB",
        BABEL_DEFAULT_TIMEZONE="UTC",
        TEMPLATES_AUTO_RELOAD=False,
        PROPAGATE_EXCEPTIONS=False,
        COMPRESS_MIMETYPES=_COMPRESSED,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_STREAMS=False,
    )
    app.config.update(config)
    if settings.proxies:
        # Only then: without a proxy anybody could claim any address and step around the slowing of wrong passwords.
        behind = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)
        app.wsgi_app = behind  # type: ignore[method-assign]  # as Flask's own pages wrap an application
    app.extensions[context.EXTENSION] = context.Services(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        listen_url=psycopg_url(engine.url.render_as_string(hide_password=False)),
    )
    app.session_interface = DatabaseSessions()
    # The guard stands before everything a library adds: who may not call a view learns nothing else about it.
    app.before_request(security.guard)
    app.after_request(security.add_headers)
    app.teardown_appcontext(context.close_session)
    CSRFProtect(app)
    Babel(app)
    Compress(app)
    words.init_app(app)
    mail.init_app(app, settings)
    sign_in.configure(app, mail_sender=settings.mail_sender)
    sign_in.init_app(app)
    filters.init_app(app)
    errors.init_app(app)
    navigation.init_app(app)
    shortcuts.init_app(app)
    stream.init_app(app)
    web.register(app)
    return app
