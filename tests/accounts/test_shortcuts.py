"""One table of keys: pages, scripts, help and docs read it; what somebody chooses is checked."""

import re
from pathlib import Path

import pytest

from dispatch import frontend
from dispatch.accounts.shortcuts import BY_NAME, CHOOSABLE, TABLE, checked, keys_of, shown
from dispatch.core.errors import Invalid
from dispatch.web.identity import Preferences
from dispatch.web.shortcuts import attributes

TEMPLATES = sorted((frontend.ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted(path for path in (frontend.STATIC / "js").rglob("*.js"))


def named_in(paths: list[Path], pattern: str) -> set[str]:
    """Return what a pattern finds in files."""
    return {found for path in paths for found in re.findall(pattern, path.read_text())}


def test_every_name_and_every_usual_key_is_there_once() -> None:
    names = [each.name for group in TABLE.values() for each in group]
    assert len(names) == len(set(names)) == len(BY_NAME)
    usual = [key for group in list(TABLE.values())[:2] for each in group for key in keys_of(each.name, {})]
    assert len(usual) == len(set(usual))
    assert checked(CHOOSABLE) == {}


def test_pages_take_their_keys_from_the_table() -> None:
    calls = " ".join(named_in(TEMPLATES, r"\bkeys\(([^)]*)\)"))
    asked = set(re.findall(r'"([a-z_]+)"', calls))
    assert asked - set(BY_NAME) == set()
    # The last one is the place of a message whose way back is undo or redo.
    assert named_in(TEMPLATES, r'data-shortcut[="]+([^">]*)') <= {"{{ shortcut }}"}
    handled = named_in(SCRIPTS, r"\b(?:own|keys)\.([a-z_]+)\b") | {"next", "previous"}
    pressed = {name for name, each in BY_NAME.items() if each.key and not each.scripted}
    assert pressed - asked == set(), "every key does something on some page"
    assert {name for name, each in BY_NAME.items() if each.scripted and each.key} <= handled


def test_an_element_says_which_keys_press_it_and_single_ones_only_while_they_work() -> None:
    mine = Preferences(keys={"new_job": "q"})
    assert attributes(mine, "new_job") == {"data-shortcut": "q", "aria-keyshortcuts": "Q"}
    assert attributes(mine, "search")["aria-keyshortcuts"] == "/ Control+K"
    assert attributes(mine, "1", "best") == {"data-shortcut": "1 a", "aria-keyshortcuts": "1 A"}
    off = Preferences(single_keys=False)
    assert attributes(off, "search")["aria-keyshortcuts"] == "Control+K"
    assert "aria-keyshortcuts" not in attributes(off, "new_job")


def test_only_what_differs_is_kept_and_two_may_change_places() -> None:
    assert checked({"map": " Q "}) == {"map": "q"}
    assert checked({"map": "n", "new_job": "m"}) == {"map": "n", "new_job": "m"}


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        ({"map": "n"}, "map", "New job"),
        ({"map": "q", "list": "q"}, "list", "Map"),
        ({"map": "5"}, "map", "digits take numbered places"),
        ({"map": "ab"}, "map", "one letter or sign"),
        ({"map": ""}, "map", "one letter or sign"),
        ({"map": "\x07"}, "map", "one letter or sign"),
    ],
)
def test_a_key_twice_or_none_at_all_is_told_beside_its_field(wanted: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(Invalid, match=words) as refused:
        checked(wanted)
    assert refused.value.field == field


def test_keys_are_written_as_they_stand_on_keyboards() -> None:
    assert [shown(key) for key in ("mod+shift+z", "+", "n", "escape")] == ["Ctrl Shift Z", "+", "N", "Esc"]
