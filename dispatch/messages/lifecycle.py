"""What a part of a message is about, and which moves of a message's state are allowed (pure).

The database holds the same table of moves and refuses the rest.
"""

from collections.abc import Mapping
from enum import StrEnum

from dispatch.messages.models import Kind
from dispatch.messages.models import MessageState as State

MESSAGE_MOVES: Mapping[State, frozenset[State]] = {
    State.HELD: frozenset({State.SENDING, State.FAILED, State.RECALLED}),
    State.SENDING: frozenset({State.SENT, State.HELD, State.FAILED, State.RECALLED}),
    State.FAILED: frozenset({State.HELD, State.RECALLED}),
    State.SENT: frozenset(),
    State.RECALLED: frozenset(),
}


class Topic(StrEnum):
    """What a piece of news is about; with a number it is one subject, of which a person hears once."""

    WORK = "work"
    PROMISE = "promise"
    ABSENCE = "absence"
    ON_THE_WAY = "on_the_way"
    CERTIFICATE = "certificate"


def subject_of(topic: Topic, number: int) -> str:
    """Return the name under which later news replaces earlier."""
    return f"{topic.value}:{number}"


def kind_of(subject: str, before: object, after: object) -> Kind:
    """Return what a part says, from what the person knew and what is true now."""
    topic = Topic(subject.partition(":")[0])
    if topic is Topic.ABSENCE:
        return Kind.ABSENT
    if topic is Topic.ON_THE_WAY:
        return Kind.ON_THE_WAY
    if topic is Topic.CERTIFICATE:
        return Kind.CERTIFICATE_ENDS
    work = topic is Topic.WORK
    if before is None:
        return Kind.BOOKED if work else Kind.PROMISED
    if after is None:
        return Kind.CANCELLED if work else Kind.PROMISE_WITHDRAWN
    return Kind.MOVED if work else Kind.PROMISE_CHANGED
