"""The large day that boards are measured on: every state is there at any hour, and a seed gives the same day."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from benchmarks.large_board import Size, late_morning, load
from dispatch.core.clock import in_zone, local_day
from dispatch.core.errors import Conflict
from dispatch.planning.board import board_for
from dispatch.planning.models import Assignment
from dispatch.workforce.models import Territory

NOW = datetime(2026, 6, 3, 21, 30, tzinfo=UTC)  # late in the evening where the machine stands
SMALL = Size(technicians=48, visits=480)


@pytest.mark.parametrize("hour", range(24))
def test_it_is_late_in_the_morning_at_any_hour(hour: int) -> None:
    moment = NOW.replace(hour=hour)
    assert in_zone(moment, late_morning(moment)).strftime("%H:%M") == "10:30"


def test_a_small_one_has_every_state_and_repeats(session: Session) -> None:
    session.execute(text("RESET ROLE"))
    with session.begin_nested() as first:
        counts = load(session, now=NOW, size=SMALL)
        before = _day(session)
        first.rollback()
    load(session, now=NOW, size=SMALL)
    assert _day(session) == before
    assert counts["job"] == 480
    territories = session.scalars(select(Territory)).all()
    board = board_for(
        session, territories=territories, day=local_day(NOW, territories[0].zone), now=NOW + timedelta(minutes=1)
    )
    assert len(board.people) == 48
    states = {bar.state.value for bar in board.bars}
    assert {"planned", "accepted", "on_the_way", "on_site", "done"} <= states
    assert {"on_track", "at_risk", "will_miss", "kept", "unassigned"} <= set(board.counts())
    assert any(bar.pinned for bar in board.bars)
    assert any(person.absences for person in board.people)
    assert any(person.partner for person in board.people)
    with pytest.raises(Conflict, match="already has people"):
        load(session, now=NOW, size=SMALL)


def _day(session: Session) -> list[tuple[object, ...]]:
    rows = session.execute(
        select(Assignment.during, Assignment.state, Assignment.travel_s).order_by(
            Assignment.during, Assignment.travel_s, Assignment.state
        )
    )
    return [tuple(row) for row in rows]
