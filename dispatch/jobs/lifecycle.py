"""Which moves of a job's state are allowed (pure). The database holds the same table and refuses the rest."""

from collections.abc import Mapping
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands; ``JOB_MOVES`` says which moves are allowed."""

    OPEN = "open"
    PLANNED = "planned"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    DONE = "done"
    CANCELLED = "cancelled"


CLOSED_STATES = (JobState.DONE, JobState.CANCELLED)


class VisitState(StrEnum):
    """Where a visit stands."""

    OPEN = "open"
    PLANNED = "planned"
    UNDER_WAY = "under_way"
    DONE = "done"
    NOT_DONE = "not_done"
    CANCELLED = "cancelled"


JOB_MOVES: Mapping[JobState, frozenset[JobState]] = {
    JobState.OPEN: frozenset(
        {JobState.PLANNED, JobState.UNDER_WAY, JobState.WAITING, JobState.DONE, JobState.CANCELLED}
    ),
    JobState.PLANNED: frozenset(
        {JobState.OPEN, JobState.UNDER_WAY, JobState.WAITING, JobState.DONE, JobState.CANCELLED}
    ),
    JobState.UNDER_WAY: frozenset({JobState.OPEN, JobState.PLANNED, JobState.WAITING, JobState.DONE}),
    JobState.WAITING: frozenset(
        {JobState.OPEN, JobState.PLANNED, JobState.UNDER_WAY, JobState.DONE, JobState.CANCELLED}
    ),
    JobState.DONE: frozenset({JobState.OPEN, JobState.UNDER_WAY}),
    JobState.CANCELLED: frozenset({JobState.OPEN}),
}

IN_WORDS: Mapping[JobState, str] = {
    JobState.OPEN: "open",
    JobState.PLANNED: "planned",
    JobState.UNDER_WAY: "under way",
    JobState.WAITING: "waiting",
    JobState.DONE: "done",
    JobState.CANCELLED: "cancelled",
}


def may_move(before: JobState, after: JobState) -> bool:
    """Tell whether a job may go from one state to another; staying is always allowed."""
    return before == after or after in JOB_MOVES[before]
