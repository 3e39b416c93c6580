"""Texts that can be translated: ``_`` now, ``_l`` when shown, ``_n`` for one or many."""

from typing import Any

from flask_babel import gettext, lazy_gettext, ngettext


def _(text: str, **values: Any) -> str:
    """Return a text in the reader's language, with its places filled."""
    return str(gettext(text, **values))


def _n(one: str, many: str, number: int, **values: Any) -> str:
    """Return the text for one or for many."""
    return str(ngettext(one, many, number, **values))


def _l(text: str, **values: Any) -> Any:
    """Return a text that is translated when it is shown; for forms and tables made at start."""
    return lazy_gettext(text, **values)
