"""A change of needs, levels or certificates is felt at once by every visit that is booked already."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict
from dispatch.jobs.models import SkillNeed
from dispatch.jobs.needs import Need
from dispatch.matching.problem import Problem
from dispatch.planning.assigning import assign_visit
from dispatch.planning.loose_ends import loose_ends
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.planning.terms import qualified
from dispatch.planning.tying import Which, close_end
from dispatch.planning.undo import undo_last
from dispatch.planning.unfit import UNFIT, UNSAFE, change_needs, list_unfit
from dispatch.skills import documents, service
from dispatch.skills.models import CertificationProof, DocumentState, Proficiency
from tests import factories as make
from tests.planning.world import EIGHT, World, make_world

NOW = make.MORNING - timedelta(days=2)


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def booked(world: World, **changes: Any) -> Assignment:
    visit = world.visit(certifications=changes.pop("certifications", ()))
    return make.make_assignment(world.session, visit=visit, technician=world.ana, shift_id=world.shift.id, **changes)


def open_ends(world: World) -> list[tuple[str, int]]:
    rows = loose_ends(world.session, actor=world.dispatcher, now=NOW).rows
    return [(row.kind, row.key_id) for row in rows if row.kind in (UNFIT, UNSAFE)]


def test_whoever_fits_is_no_loose_end(world: World) -> None:
    booked(world)
    assert open_ends(world) == []


def test_a_need_that_rises_makes_a_loose_end_at_once_and_its_undo_takes_it_back(world: World) -> None:
    booking = booked(world)
    world.session.commit()
    (found,) = change_needs(
        world.session, visit_id=booking.visit_id, needs=[Need(skill_id=world.skill.id, must_level=5)],
        certification_ids=[], actor=world.dispatcher, now=NOW,
    )  # fmt: skip
    assert (found.assignment_id, found.technician) == (booking.id, "Ana Ruiz")
    assert found.missing == f"{world.skill.name} level 5"
    (row,) = [row for row in loose_ends(world.session, actor=world.dispatcher, now=NOW).rows if row.kind == UNFIT]
    assert row.title == "Does not fit any more: Ana Ruiz"
    assert row.next_step.endswith(f"what is missing: {world.skill.name} level 5")
    assert row.owner_id == world.user.id
    assert row.due_at == booking.during.lower - timedelta(days=1)
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert open_ends(world) == []


def test_a_level_that_falls_makes_a_loose_end_at_once(world: World) -> None:
    booking = booked(world)
    world.session.execute(delete(Proficiency).where(Proficiency.technician_id == world.ana.id))
    service.assess_skill(
        world.session, technician_id=world.ana.id, skill_id=world.skill.id, level=2, actor=world.manager, now=NOW
    )
    assert open_ends(world) == [(UNFIT, booking.id)]
    service.assess_skill(
        world.session, technician_id=world.ana.id, skill_id=world.skill.id, level=4, actor=world.manager,
        now=NOW + timedelta(minutes=1),
    )  # fmt: skip
    assert open_ends(world) == []


def test_a_certificate_that_is_given_back_makes_loose_ends_at_once(world: World) -> None:
    kind = make.make_certification_kind(world.session, name="Gas permit")
    paper = make.make_certification(world.session, technician=world.ana, kind=kind)
    booking = booked(world, certifications=(kind,))
    assert open_ends(world) == []
    documents.return_certification(
        world.session, certification_id=paper.id, version=paper.version, reason="blurred", actor=world.manager,
        now=NOW,
    )  # fmt: skip
    assert open_ends(world) == [(UNFIT, booking.id)]
    assert list_unfit(world.session, now=NOW, technician_id=world.ana.id)[0].missing == "Gas permit"


def test_what_a_certificate_proves_counts_for_bookings_from_its_confirmation_to_its_return(world: World) -> None:
    booking = booked(world)
    world.session.execute(delete(Proficiency).where(Proficiency.technician_id == world.ana.id))
    assert open_ends(world) == [(UNFIT, booking.id)]
    kind = make.make_certification_kind(world.session)
    world.session.add(CertificationProof(kind_id=kind.id, skill_id=world.skill.id, level=4))
    paper = make.make_certification(
        world.session, technician=world.ana, kind=kind, state=DocumentState.CLAIMED, imported=False
    )
    assert open_ends(world) == [(UNFIT, booking.id)]
    documents.confirm_certification(
        world.session, certification_id=paper.id, version=paper.version, actor=world.manager, now=NOW
    )
    assert open_ends(world) == []
    documents.return_certification(
        world.session,
        certification_id=paper.id,
        version=paper.version,
        reason="forged",
        actor=world.manager,
        now=NOW,
    )
    assert open_ends(world) == [(UNFIT, booking.id)]


@pytest.mark.parametrize("last_day, fits", [(-1, False), (0, True), (30, True)])
def test_a_certificate_holds_to_the_end_of_its_last_day(world: World, last_day: int, fits: bool) -> None:
    kind = make.make_certification_kind(world.session)
    valid = Range(make.DAY - timedelta(days=400), make.DAY + timedelta(days=last_day + 1))
    make.make_certification(world.session, technician=world.ana, kind=kind, valid=valid)
    booked(world, certifications=(kind,))
    assert (open_ends(world) == []) is fits


def test_a_missing_safety_certificate_cannot_be_closed_away(world: World) -> None:
    kind = make.make_certification_kind(world.session, safety=True)
    booking = booked(world, certifications=(kind,))
    assert open_ends(world) == [(UNSAFE, booking.id)]
    with pytest.raises(Conflict):
        close_end(
            world.session, Which(kind=UNSAFE, key_id=booking.id, actor=world.manager, now=NOW), reason="he knows it"
        )


def test_what_is_closed_with_a_reason_stays_away_until_the_needs_change(world: World) -> None:
    booking = booked(world)
    world.session.get_one(Proficiency, (world.ana.id, world.skill.id)).mean = 1.0
    world.session.flush()
    close_end(
        world.session, Which(kind=UNFIT, key_id=booking.id, actor=world.manager, now=NOW), reason="the mentor goes too"
    )
    assert open_ends(world) == []
    change_needs(
        world.session, visit_id=booking.visit_id, needs=[Need(skill_id=world.skill.id, must_level=4)],
        certification_ids=[], actor=world.dispatcher, now=NOW,
    )  # fmt: skip
    assert open_ends(world) == [(UNFIT, booking.id)]


def test_who_overrides_a_missing_skill_has_said_why(world: World) -> None:
    world.session.get_one(Proficiency, (world.ana.id, world.skill.id)).mean = 1.0
    visit = world.visit()
    booking = assign_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=EIGHT, override_reason="nobody is near",
        actor=world.manager, now=NOW,
    )  # fmt: skip
    assert list_unfit(world.session, now=NOW)[0].assignment_id == booking.id
    assert open_ends(world) == []


@pytest.mark.parametrize(
    "state", [AssignmentState.ON_SITE, AssignmentState.DONE, AssignmentState.CANCELLED, AssignmentState.DECLINED]
)
def test_what_has_begun_or_ended_is_nobodys_loose_end(world: World, state: AssignmentState) -> None:
    world.session.get_one(Proficiency, (world.ana.id, world.skill.id)).mean = 1.0
    booked(world, state=state)
    assert open_ends(world) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.sampled_from([None, 1, 2]), st.floats(1, 5), st.floats(0.1, 1), st.booleans()),
        min_size=1, max_size=4,
    ),
    st.integers(0, 2),
)  # fmt: skip
def test_it_says_what_the_rulebook_says(
    world: World, drawn: list[tuple[int, int | None, float, float, bool]], claims_count_to: int
) -> None:
    """The SQL and the matcher's rule are two writings of one thing."""
    session = world.session
    with session.begin_nested() as attempt:
        policy = active_policy(session)
        policy.rules = {"claims_count_to": claims_count_to}
        booking = booked(world)
        session.execute(delete(SkillNeed).where(SkillNeed.crew_slot_id == booking.crew_slot_id))
        for number, (level, any_of, mean, sd, confirmed) in enumerate(drawn):
            skill = make.make_skill(session, critical=number % 2 == 0)
            make.make_proficiency(session, technician=world.ana, skill=skill, mean=mean, sd=sd, confirmed=confirmed)
            session.add(
                SkillNeed(
                    crew_slot_id=booking.crew_slot_id, skill_id=skill.id, must_level=level, preferred_level=None,
                    any_of=any_of, origin="person",
                )
            )  # fmt: skip
        session.flush()
        problem = read_snapshot(session, scope=[(world.territory.id, make.DAY)], policy=policy, now=NOW).problem
        fits = _meets(problem, booking, str(world.ana.id))
        assert (list_unfit(session, now=NOW, visit_ids=[booking.visit_id]) == []) is fits
        attempt.rollback()


def _meets(problem: Problem, booking: Assignment, who: str) -> bool:
    person = problem.technician_by_id[who]
    needs = problem.visit_by_id[str(booking.visit_id)].crew[0].needs
    return all(
        any(qualified(problem.policy, person, item.skill, item.level) for item in need.any_of)
        for need in needs
        if need.must
    )
