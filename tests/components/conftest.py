"""An application that has templates and nothing else, so that a macro is tested alone."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask_wtf import CSRFProtect

from dispatch import frontend

Render = Callable[..., str]


@pytest.fixture
def bare_app() -> Flask:
    """Return a Flask application with our templates, static files and CSRF, without database or routes."""
    app = Flask("components", template_folder=str(frontend.ROOT / "templates"), static_folder=str(frontend.STATIC))
    app.config.update(SECRET_KEY="only for tests", TESTING=True)
    CSRFProtect(app)
    return app


@pytest.fixture
def render(bare_app: Flask) -> Iterator[Render]:
    """Return a function that renders template text inside a request."""
    from flask import render_template_string

    with bare_app.test_request_context("/jobs?q=boiler", headers={"Cookie": "theme=dark; density=compact"}):
        yield lambda text, **values: render_template_string(text, **values)
