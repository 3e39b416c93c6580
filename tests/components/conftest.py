"""An application that has templates and nothing else, so that macros and scripts are tested alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask_babel import Babel
from flask_wtf import CSRFProtect
from playwright.sync_api import Browser, Page

from dispatch import frontend
from dispatch.web import shortcuts
from dispatch.web.identity import Preferences

from .board_day import add_board
from .gallery import add_gallery, serving

Render = Callable[..., str]


@pytest.fixture
def bare_app() -> Flask:
    """Return a Flask application with our templates, static files and CSRF, without database or routes."""
    app = Flask("components", template_folder=str(frontend.ROOT / "templates"), static_folder=str(frontend.STATIC))
    app.config.update(SECRET_KEY="only for tests", TESTING=True)
    CSRFProtect(app)
    Babel(app)
    shortcuts.init_app(app, lambda: Preferences(density="compact"))
    return app


@pytest.fixture
def render(bare_app: Flask) -> Iterator[Render]:
    """Return a function that renders template text inside a request."""
    from flask import render_template_string

    with bare_app.test_request_context("/jobs?q=boiler", headers={"Cookie": "theme=dark"}):
        yield lambda text, **values: render_template_string(text, **values)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Serve the gallery and a made board under the real content policy; yield the address."""
    frontend.install()
    frontend.build()
    app = Flask("site", template_folder=str(frontend.ROOT / "templates"), static_folder=str(frontend.STATIC))
    app.config.update(SECRET_KEY="only for tests", TESTING=True)
    CSRFProtect(app)
    Babel(app)
    shortcuts.init_app(app, Preferences)
    add_gallery(app)
    add_board(app)
    with serving(app) as url:
        yield url


@contextmanager
def visiting(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """Open a page in a browser of its own; anything the page complains about fails the test."""
    complaints: list[str] = []
    own = browser.new_context(**context)
    page = own.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.goto(url)
    try:
        yield page
        # A refused move is an answer with an error status, which Chromium reports of its own accord.
        assert [one for one in complaints if "status of 409" not in one] == []
    finally:
        own.close()
