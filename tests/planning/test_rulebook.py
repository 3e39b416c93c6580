"""One rulebook: what the desk offers can be booked with the same times, and what it rules out is refused with words."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.errors import Conflict
from dispatch.jobs.models import CrewSlot, Visit
from dispatch.planning.assigning import CannotPlace, place_visit
from dispatch.planning.candidates import CandidateList, CandidateRow, candidates_for
from dispatch.planning.changing import lock_visits
from dispatch.planning.judging import judge
from dispatch.planning.models import Assignment
from dispatch.planning.musts import Weight
from tests import factories as make
from tests.planning.generated_day import NOW, GeneratedDay, generated_day

SEEDS = range(3)
PROMISES = {"after_promise", "before_promise", "breaks_promise"}
NOT_ASKED = {"no_shift", "without_papers"}


def listing_of(session: Session, day: GeneratedDay, visit: Visit, position: int) -> CandidateList:
    return candidates_for(
        session,
        visit_id=visit.id,
        territory_id=day.territory.id,
        day=make.DAY,
        now=NOW,
        crew_position=position,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_desk_says_of_everybody_the_booking_says_too(session: Session, seed: int) -> None:
    day, asked = generated_day(session, seed), 0
    for visit in day.waiting:
        slots = session.scalars(select(CrewSlot.id).where(CrewSlot.visit_id == visit.id).order_by(CrewSlot.position))
        for position, slot in enumerate(slots, 1):
            found = listing_of(session, day, visit, position)
            asked += len(found.ranked) + len(found.excluded)
            for row in found.ranked:
                offered(session, visit, slot, row)
            for other in found.excluded:
                if other.code not in NOT_ASKED:
                    ruled_out(session, visit, slot, other.technician_id)
    assert asked >= len(day.waiting), "everybody is asked about every visit that waits"


def offered(session: Session, visit: Visit, slot: int, row: CandidateRow) -> None:
    """Take a place that is offered: booked with the same times, and the same others make room by as much."""
    trial = session.begin_nested()
    try:
        made = place_visit(
            session,
            visit_id=visit.id,
            technician_id=row.technician_id,
            start=row.start_at,
            crew_slot_id=slot,
            pushing=[each.assignment_id for each in row.knock_on],
            actor=SYSTEM,
            now=NOW,
        )
    except CannotPlace as refused:
        against: CannotPlace | None = refused
    else:
        against = None
        assert (made.assignment.during.lower, made.assignment.during.upper) == (row.start_at, row.end_at)
        assert made.assignment.travel_s == row.travel_s
        assert {each.booking.id: each.start for each in made.pushed} == {
            each.assignment_id: each.start_at for each in row.knock_on
        }
        for each in row.knock_on:
            assert session.get_one(Assignment, each.assignment_id).during.lower == each.start_at
    finally:
        trial.rollback()
    if against is not None:
        assert {item.code for item in against.objections} <= PROMISES, against.message
        assert row.late_s or any(each.newly_late for each in row.knock_on)


def ruled_out(session: Session, visit: Visit, slot: int, technician_id: int) -> None:
    """Ask about a person who cannot come at all times of the day: something speaks against each, in words."""
    locked = lock_visits(session, [visit.id])[visit.id]
    for minutes in range(0, 8 * 60, 90):
        try:
            verdict = judge(
                session,
                visit=locked,
                crew_slot_id=slot,
                technician_id=technician_id,
                start=NOW + timedelta(minutes=minutes),
                now=NOW,
            )
        except Conflict:
            continue
        assert verdict.weight in (Weight.NEVER, Weight.RULE, Weight.SOFT)
        assert all(sentence.endswith(".") for sentence in verdict.reasons)


def test_the_days_have_both_kinds_of_answers(session: Session) -> None:
    """Without these the table above would show little."""
    codes: Counter[str] = Counter()
    pushed = 0
    for seed in range(6):
        day = generated_day(session, seed)
        for visit in day.waiting:
            found = listing_of(session, day, visit, 1)
            codes.update(row.code for row in found.excluded)
            codes["ranked"] += len(found.ranked)
            pushed += sum(bool(row.knock_on) for row in found.ranked)
    assert codes["ranked"] > 40
    assert pushed > 1
    assert {"not_qualified", "not_then", "displaced", "not_certified", "partner_full"} <= set(codes)
