"""Which steps undo and redo reach: a table of what was done, and what stands then."""

import pytest

from dispatch.planning.stacks import MOST_STEPS, Step, stacks_of

DO, UNDO, REDO = "move", "undo", "redo"


@pytest.mark.parametrize(
    "steps, done, undone",
    [
        ([], [], []),
        ([(DO, None), (DO, None)], [1, 2], []),
        ([(DO, None), (DO, None), (UNDO, 2)], [1], [3]),
        ([(DO, None), (DO, None), (UNDO, 2), (UNDO, 1)], [], [3, 4]),
        ([(DO, None), (DO, None), (UNDO, 2), (UNDO, 1), (REDO, 4)], [5], [3]),
        ([(DO, None), (DO, None), (UNDO, 2), (UNDO, 1), (REDO, 4), (REDO, 3)], [5, 6], []),
        ([(DO, None), (UNDO, 1), (REDO, 2), (UNDO, 3), (REDO, 4)], [5], []),
        ([(DO, None), (DO, None), (UNDO, 2), (DO, None)], [1, 4], []),
        ([(DO, None), (DO, None), (DO, None), (UNDO, 1)], [2, 3], [4]),  # from the list, out of order
        ([(UNDO, 99), (DO, None)], [2], []),  # what it took back lies further back than one looks
    ],
)
def test_what_stands_after_some_steps(steps: list[tuple[str, int | None]], done: list[int], undone: list[int]) -> None:
    found = stacks_of(Step(seq=seq, action=action, undoes_seq=of) for seq, (action, of) in enumerate(steps, start=1))
    assert (found.done, found.undone) == (done, undone)


def test_the_key_reaches_back_ten_steps() -> None:
    done = [Step(seq=seq, action=DO) for seq in range(1, 15)]
    back = [Step(seq=20 + number, action=UNDO, undoes_seq=14 - number) for number in range(MOST_STEPS)]
    assert stacks_of([*done, *back[:-1]]).may_undo
    assert not stacks_of([*done, *back]).may_undo
    assert stacks_of([*done, *back, Step(seq=40, action=DO)]).may_undo
