"""Finished work says which skills a person practises, and asks once."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Grant
from dispatch.core.errors import Forbidden, Invalid, NotFound
from dispatch.jobs.models import SkillNeed
from dispatch.planning.models import AssignmentState
from dispatch.planning.practised import ENOUGH_VISITS, LOOKS_BACK, practice_of
from dispatch.skills.models import Skill, Wish
from dispatch.skills.service import claim_skill
from dispatch.skills.wishes import turn_down, wish_for, wishes_of
from dispatch.workforce.models import Technician
from tests import factories as make

NOW = make.MORNING


@pytest.fixture
def ana(session: Session) -> Technician:
    user = make.make_user(session, name="Ana")
    return make.make_technician(session, territory=make.make_territory(session), name="Ana", user_id=user.id)


def own(person: Technician) -> Actor:
    return Actor(user_id=person.user_id, name="Ana", grants=(Grant(role="technician"),), technician_id=person.id)


def served(
    session: Session,
    person: Technician,
    needs: dict[Skill, int],
    *ages: int,
    state: AssignmentState = AssignmentState.DONE,
    alternatives: bool = False,
) -> None:
    for days in ages:
        visit = make.make_visit(session, needs=needs)
        start = NOW - timedelta(days=days)
        booked = make.make_assignment(
            session, visit=visit, technician=person, state=state, during=Range(start, start + timedelta(hours=1))
        )
        if alternatives:
            session.execute(update(SkillNeed).where(SkillNeed.crew_slot_id == booked.crew_slot_id).values(any_of=1))


def found(session: Session, person: Technician) -> dict[int, tuple[int, int, bool]]:
    return {one.skill_id: (one.visits, one.level, one.suggested) for one in practice_of(session, person.id, now=NOW)}


def test_it_counts_ones_own_finished_visits_of_late_and_the_level_they_mostly_asked_for(
    session: Session, ana: Technician
) -> None:
    skill, other = make.make_skill(session), make.make_technician(session)
    served(session, ana, {skill: 2}, 1, 2)
    served(session, ana, {skill: 3}, 3)
    served(session, ana, {skill: 5}, LOOKS_BACK.days + 1)
    served(session, ana, {skill: 5}, 4, state=AssignmentState.NOT_DONE)
    served(session, ana, {skill: 5}, -1, state=AssignmentState.PLANNED)
    served(session, ana, {skill: 5, make.make_skill(session): 5}, 5, alternatives=True)
    served(session, other, {skill: 5}, 6)
    assert found(session, ana) == {skill.id: (ENOUGH_VISITS, 2, True)}
    (one,) = practice_of(session, ana.id, now=NOW)
    assert (one.since, one.last) == (NOW - timedelta(days=3), NOW - timedelta(days=1))


def test_less_than_enough_is_no_suggestion(session: Session, ana: Technician) -> None:
    skill = make.make_skill(session)
    served(session, ana, {skill: 2}, 1, 2)
    assert found(session, ana) == {skill.id: (2, 2, False)}


def test_what_was_merged_counts_for_what_it_lives_on_in(session: Session, ana: Technician) -> None:
    skill = make.make_skill(session)
    old = make.make_skill(session, merged_into_id=skill.id, retired_at=NOW)
    served(session, ana, {old: 2}, 1, 2)
    served(session, ana, {skill: 2}, 3)
    assert found(session, ana) == {skill.id: (3, 2, True)}


@pytest.mark.parametrize("changes", [{"retired_at": NOW}, {"assignable": False}])
def test_what_nobody_can_have_is_not_suggested(session: Session, ana: Technician, changes: dict[str, object]) -> None:
    served(session, ana, {make.make_skill(session, **changes): 2}, 1, 2, 3)
    assert found(session, ana) == {}


def test_a_claim_ends_the_suggestion_and_an_outcome_does_not(session: Session, ana: Technician) -> None:
    skill = make.make_skill(session)
    served(session, ana, {skill: 2}, 1, 2, 3)
    make.make_evidence(
        session,
        technician=ana,
        skill=skill,
        source="job_outcome",
        facts={"needs": [[skill.id, 2]], "fixed": True, "visit": 1},
    )
    assert found(session, ana)[skill.id][2]
    claim_skill(session, technician_id=ana.id, skill_id=skill.id, level=2, actor=own(ana), now=NOW)
    assert not found(session, ana)[skill.id][2]


def test_turned_down_only_later_work_asks_again_and_a_wish_is_kept_beside(session: Session, ana: Technician) -> None:
    skill = make.make_skill(session)
    served(session, ana, {skill: 2}, 10, 11, 12)
    wish_for(session, technician_id=ana.id, skill_id=skill.id, wish="more", actor=own(ana), now=NOW)
    turn_down(session, technician_id=ana.id, skill_id=skill.id, actor=own(ana), now=NOW - timedelta(days=9))
    assert found(session, ana) == {skill.id: (0, 2, False)}
    assert wishes_of(session, ana.id) == {skill.id: Wish.MORE}
    served(session, ana, {skill: 2}, 1, 2, 3)
    assert found(session, ana) == {skill.id: (3, 2, True)}


def test_wishes_are_ones_own_and_one_of_three(session: Session, ana: Technician) -> None:
    skill, other = make.make_skill(session), make.make_technician(session, territory=make.make_territory(session))
    with pytest.raises(Invalid, match="more, enough or less"):
        wish_for(session, technician_id=ana.id, skill_id=skill.id, wish="MORE!", actor=own(ana), now=NOW)
    with pytest.raises((Forbidden, NotFound)):
        wish_for(session, technician_id=other.id, skill_id=skill.id, wish="more", actor=own(ana), now=NOW)
    assert wishes_of(session, other.id) == {}
