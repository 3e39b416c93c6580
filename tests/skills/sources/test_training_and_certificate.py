"""Courses and documents: the same one again replaces the earlier one."""

import pytest

from tests.skills.build import after, fact, level_of


@pytest.mark.parametrize("source, name", [("training", "course"), ("certificate", "title")])
def test_the_same_again_counts_once(source: str, name: str) -> None:
    first = fact(source, level=3, **{name: "Heat pumps I"})
    again = fact(source, after(days=1), level=3, **{name: "Heat pumps I"})
    other = fact(source, after(days=1), level=3, **{name: "Heat pumps II"})
    at = after(days=2)
    assert level_of([first, again], at).sd == level_of([again], at).sd
    assert level_of([first, other], at).sd < level_of([other], at).sd
