"""Texts that can be translated: ``_`` now, ``_l`` when shown, ``_n`` for one or many."""

from typing import Any

from flask import Flask, g, has_app_context
from flask_babel import get_translations, lazy_gettext


def _(text: str, **values: Any) -> str:
    """Return a text in the reader's language, with its places filled."""
    said: str = _of_reader().ugettext(text)
    return said % values if values else said


def _n(one: str, many: str, number: int, **values: Any) -> str:
    """Return the text for one or for many."""
    said: str = _of_reader().ungettext(one, many, number)
    return said % {"num": number, **values}


def _l(text: str, **values: Any) -> Any:
    """Return a text that is translated when it is shown; for forms and tables made at start."""
    return lazy_gettext(text, **values)


def init_app(app: Flask) -> None:
    """Let templates say things in the reader's language."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # comes with the i18n extension
        lambda text: _of_reader().ugettext(text),
        lambda one, many, number: _of_reader().ungettext(one, many, number),
        newstyle=True,
    )


def _of_reader() -> Any:
    """Look the reader's language up once for a page: a board or a map asks for thousands of words."""
    if not has_app_context():
        return get_translations()
    found = g.get("translations")
    if found is None:
        found = g.translations = get_translations()
    return found
