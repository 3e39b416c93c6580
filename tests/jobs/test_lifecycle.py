import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.jobs.lifecycle import CLOSED_STATES, JOB_MOVES, JobState, may_move


def test_the_database_holds_the_same_moves(session: Session) -> None:
    stored = session.execute(text("SELECT from_state, to_state FROM state_move WHERE entity = 'job'")).all()
    ours = {(before.value, after.value) for before, afters in JOB_MOVES.items() for after in afters}
    assert {tuple(row) for row in stored} == ours


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_can_be_left_and_kept(state: JobState) -> None:
    assert JOB_MOVES[state]
    assert may_move(state, state)


def test_what_is_closed_can_only_be_opened_again() -> None:
    for state in CLOSED_STATES:
        assert not JOB_MOVES[state] & set(CLOSED_STATES)
        assert may_move(state, JobState.OPEN)
