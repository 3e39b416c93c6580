"""Which steps a person can take back, and which of those taken back can be done again (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the log that carries a way back."""

    seq: int
    action: str
    undoes_seq: int | None = None


@dataclass(kw_only=True)
class Stacks:
    """``done`` holds what undo takes back, ``undone`` the undos that redo takes back; the latest of both at the end."""

    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    @property
    def may_undo(self) -> bool:
        """Say whether one more step may be taken back by the key: the history goes further, the key does not."""
        return bool(self.done) and len(self.undone) < MOST_STEPS


def stacks_of(steps: Iterable[Step]) -> Stacks:
    """Walk a person's steps, the oldest first. A new step forgets what could be done again."""
    stacks = Stacks()
    for step in steps:
        if step.action == "undo":
            _drop(stacks.done, step.undoes_seq)
            stacks.undone.append(step.seq)
        elif step.action == "redo":
            _drop(stacks.undone, step.undoes_seq)
            stacks.done.append(step.seq)
        else:
            stacks.done.append(step.seq)
            stacks.undone.clear()
    return stacks


def _drop(stack: list[int], seq: int | None) -> None:
    if seq in stack:
        stack.remove(seq)
