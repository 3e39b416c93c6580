"""Which moves of an assignment's state are allowed (pure). The database holds the same table and refuses the rest."""

from collections.abc import Mapping

from dispatch.planning.models import AssignmentState as State

ASSIGNMENT_MOVES: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset(
        {State.ACCEPTED, State.DECLINED, State.ON_THE_WAY, State.ON_SITE, State.DONE, State.NOT_DONE, State.CANCELLED}
    ),
    State.ACCEPTED: frozenset(
        {State.PLANNED, State.DECLINED, State.ON_THE_WAY, State.ON_SITE, State.DONE, State.NOT_DONE, State.CANCELLED}
    ),
    State.ON_THE_WAY: frozenset(
        {State.PLANNED, State.ACCEPTED, State.ON_SITE, State.DONE, State.NOT_DONE, State.CANCELLED}
    ),
    State.ON_SITE: frozenset({State.ACCEPTED, State.ON_THE_WAY, State.DONE, State.NOT_DONE}),
    State.DONE: frozenset({State.ON_SITE}),
    State.NOT_DONE: frozenset({State.ON_SITE}),
    State.DECLINED: frozenset({State.PLANNED}),
    State.CANCELLED: frozenset({State.PLANNED, State.ACCEPTED}),
}


def may_move(before: State, after: State) -> bool:
    """Tell whether an assignment may go from one state to another; staying is always allowed."""
    return before == after or after in ASSIGNMENT_MOVES[before]
