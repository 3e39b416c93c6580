"""Texts that can be translated: ``_`` now, ``_l`` when shown, ``_n`` for one or many."""

from typing import Any

from flask import Flask, g
from flask_babel import get_translations, gettext, lazy_gettext, ngettext


def _(text: str, **values: Any) -> str:
    """Return a text in the reader's language, with its places filled."""
    return str(gettext(text, **values))


def _n(one: str, many: str, number: int, **values: Any) -> str:
    """Return the text for one or for many."""
    return str(ngettext(one, many, number, **values))


def _l(text: str, **values: Any) -> Any:
    """Return a text that is translated when it is shown; for forms and tables made at start."""
    return lazy_gettext(text, **values)


def init_app(app: Flask) -> None:
    """Let templates look the reader's language up once for a page: the board asks for thousands of words."""
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # comes with the i18n extension
        lambda text: _of_reader().ugettext(text),
        lambda one, many, number: _of_reader().ungettext(one, many, number),
        newstyle=True,
    )


def _of_reader() -> Any:
    found = g.get("translations")
    if found is None:
        found = g.translations = get_translations()
    return found
