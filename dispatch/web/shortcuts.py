"""Keys on pages: what an element answers to, what scripts ask for, and how a key is written for people."""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from flask import Flask

from dispatch.accounts.shortcuts import BY_NAME, TABLE, keys_of, parts_of, shown
from dispatch.web.identity import Preferences, preferences
from dispatch.web.words import _

_SPOKEN = {"mod": "Control", "shift": "Shift", "enter": "Enter"}


class Line(NamedTuple):
    """One shortcut as people read it."""

    name: str
    words: str
    keys: list[str]


def attributes(mine: Preferences, *names: str) -> dict[str, str]:
    """Return what makes an element answer to shortcuts, or to single keys such as ``1``."""
    keys = [key for name in names for key in (keys_of(name, mine.keys) if name in BY_NAME else (name,))]
    told = [_spoken(key) for key in keys if mine.single_keys or len(key) > 1]
    return {"data-shortcut": " ".join(keys)} | ({"aria-keyshortcuts": " ".join(told)} if told else {})


def scripted(mine: Preferences) -> str:
    """Return the keys that scripts handle themselves, as the page tells them: JSON of name to key."""
    own = [each.name for each in BY_NAME.values() if each.scripted and each.key]
    return json.dumps({name: keys_of(name, mine.keys)[0] for name in own})


def listed(chosen: Mapping[str, str]) -> list[tuple[str, list[Line]]]:
    """Return the whole table under its headings."""
    return [
        (
            _(heading),
            [Line(each.name, _(each.words), [shown(key) for key in keys_of(each.name, chosen)]) for each in group],
        )
        for heading, group in TABLE.items()
    ]


def _spoken(key: str) -> str:
    return "+".join(_SPOKEN.get(part, part.upper() if len(part) == 1 else part) for part in parts_of(key))


def init_app(app: Flask, mine: Callable[[], Preferences] = preferences) -> None:
    """Let every page write down the keys of whoever reads it."""
    app.jinja_env.globals["keys"] = lambda *names: attributes(mine(), *names)
    app.context_processor(lambda: {"preferences": mine(), "scripted_keys": scripted(mine())})
