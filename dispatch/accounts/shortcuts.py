"""All keys of the product in one table (pure): pages, handlers, the list under ``?`` and the docs read it.

A key of one sign belongs to whoever uses it: everybody may choose another one or switch them all off. Keys held
together with Control, digits for numbered things and the keys inside the grid are the same for everybody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dispatch.core.errors import Invalid


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """What keys do; ``key`` is the one sign that can be chosen, ``held`` are the same for everybody.

    ``scripted`` keys are handled where something has the focus, not by an element of the page that carries them.
    """

    name: str
    words: str
    key: str | None = None
    held: tuple[str, ...] = ()
    scripted: bool = False


TABLE: Mapping[str, tuple[Shortcut, ...]] = {
    "On every page": (
        Shortcut(name="search", words="Search, or say what to do", key="/", held=("mod+k",)),
        Shortcut(name="new_job", words="New job", key="n"),
        Shortcut(name="undo", words="Undo my last step", held=("mod+z",)),
        Shortcut(name="redo", words="Do it again", held=("mod+shift+z", "mod+y")),
        Shortcut(name="help", words="All keys", key="?"),
        Shortcut(name="next", words="Next in the list or queue", key="j", scripted=True),
        Shortcut(name="previous", words="Previous in the list or queue", key="k", scripted=True),
        Shortcut(name="accept", words="Accept the proposal", key="y"),
        Shortcut(name="submit", words="Publish, or stop and use the best", held=("mod+enter",)),
    ),
    "On the board": (
        Shortcut(name="day_before", words="Day before", key="["),
        Shortcut(name="today", words="Today", key="t"),
        Shortcut(name="day_after", words="Day after", key="]"),
        Shortcut(name="map", words="Map", key="m"),
        Shortcut(name="list", words="The day as a list", key="l"),
        Shortcut(name="emergency", words="Emergency job", key="x"),
        Shortcut(name="best", words="Book the best place of the selected job", key="a"),
        Shortcut(name="place", words="Book a numbered place", held=tuple("123456789")),
        Shortcut(name="candidates", words="Who fits the selected job?", key="c"),
        Shortcut(name="explain", words="Why not somebody?", key="e"),
        Shortcut(name="trouble", words="Something happened at the selected job", key="r"),
        Shortcut(name="pin", words="Pin or unpin the selected job", key="p"),
        Shortcut(name="zoom_in", words="Closer", key="+", scripted=True),
        Shortcut(name="zoom_out", words="Further away", key="-", scripted=True),
        Shortcut(name="call", words="Call somebody: in the grid whoever has the focus", key=".", scripted=True),
        Shortcut(name="cannot_work", words="In the grid: this person cannot work", key="s", scripted=True),
    ),
    "In the grid of the board": (
        Shortcut(name="rows", words="Next or previous person", held=("↑", "↓"), scripted=True),
        Shortcut(name="cells", words="Next or previous visit or free time", held=("←", "→"), scripted=True),
        Shortcut(name="edges", words="First or last of the day; with Control of the board", held=("home", "end")),
        Shortcut(name="pages", words="Ten people up or down", held=("pageup", "pagedown"), scripted=True),
        Shortcut(name="open", words="Open", held=("enter",), scripted=True),
        Shortcut(
            name="pick", words="Pick a visit up: then ←→ 15 minutes (Shift 5, Control 60), ↑↓ person", held=("space",)
        ),
        Shortcut(name="drop", words="Put down a visit that is picked up", held=("enter",), scripted=True),
        Shortcut(name="back", words="Put back what is picked up; let go of what is selected", held=("escape",)),
    ),
}

BY_NAME: Mapping[str, Shortcut] = {each.name: each for group in TABLE.values() for each in group}
CHOOSABLE: Mapping[str, str] = {each.name: each.key for each in BY_NAME.values() if each.key is not None}
# Signs that some element answers to already: digits take numbered places, and space and Enter press what has the focus.
_PRINTED = {"mod": "Ctrl", "escape": "Esc", "pageup": "Page up", "pagedown": "Page down"}
TAKEN = frozenset("0123456789 ")


def keys_of(name: str, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys that do something for somebody who chose others for some of them."""
    shortcut = BY_NAME[name]
    own = () if shortcut.key is None else (chosen.get(name, shortcut.key),)
    return own + shortcut.held


def parts_of(key: str) -> list[str]:
    """Return the keys that are held together; plus alone is a key of its own."""
    return key.split("+") if len(key) > 1 else [key]


def shown(key: str) -> str:
    """Return a key as it is printed on keyboards."""
    return " ".join(_PRINTED.get(part, part.upper() if len(part) == 1 else part.capitalize()) for part in parts_of(key))


def checked(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that differ from the usual ones; refuses, naming the shortcut, what is no key or two share."""
    found: dict[str, str] = {}
    for name, usual in CHOOSABLE.items():
        key = wanted.get(name, usual).strip().casefold()
        if len(key) != 1 or key in TAKEN or not key.isprintable():
            raise Invalid(
                f"“{key}” can not be a key for “{BY_NAME[name].words}”. Type one letter or sign;"
                " digits take numbered places.",
                field=name,
            )
        found[name] = key
    for name, other in _clashes(found):
        raise Invalid(
            f"“{found[name]}” is the key for “{BY_NAME[other].words}” already. Choose another one here or there.",
            field=name,
        )
    return {name: key for name, key in found.items() if key != CHOOSABLE[name]}


def _clashes(keys: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Give (later, earlier) for shortcuts with the same key; the one that was changed is named as the later one."""
    holder: dict[str, str] = {}
    for name in sorted(keys, key=lambda each: keys[each] != CHOOSABLE[each]):
        if keys[name] in holder:
            yield name, holder[keys[name]]
        holder[keys[name]] = name
