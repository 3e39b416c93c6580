from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import CustomerPerson, Job, PersonLinkKind, Visit
from dispatch.planning.candidates import candidates_for
from dispatch.planning.models import Assignment, AssignmentState, Pin
from dispatch.planning.service import (
    CannotPlace,
    assign_visit,
    move_assignment,
    pin_visit,
    redo_last,
    unassign_visit,
    undo_last,
    unpin_visit,
)
from tests import factories as make
from tests.planning.world import EIGHT, World, actor_of, make_world

NOW = make.MORNING


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def book(world: World, visit: Visit, **changes: object) -> Assignment:
    values = {"technician_id": world.ana.id, "start": EIGHT, "actor": world.dispatcher, "now": NOW, **changes}
    return assign_visit(world.session, visit_id=visit.id, **values)  # type: ignore[arg-type]  # test shorthand


def state(world: World, visit: Visit) -> tuple[VisitState, JobState, str | None]:
    world.session.expire_all()
    job = world.session.get_one(Job, visit.job_id)
    return world.session.get_one(Visit, visit.id).state, job.state, job.next_step


def live_of(world: World, visit: Visit) -> list[Assignment]:
    query = select(Assignment).where(Assignment.visit_id == visit.id, Assignment.state != AssignmentState.CANCELLED)
    return list(world.session.scalars(query.execution_options(populate_existing=True)))


def test_booking_fills_the_place_and_moves_visit_and_job(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    assert (made.technician_id, made.shift_id, made.during.lower) == (world.ana.id, world.shift.id, EIGHT)
    assert made.during.upper == EIGHT + timedelta(hours=1)
    assert made.travel_s > 0
    assert made.why["terms"]["travel"] == made.travel_s
    assert 0.5 < made.why["p_fix"] < 1
    assert state(world, visit) == (VisitState.PLANNED, JobState.PLANNED, "Carry out the visit")


def test_a_booked_time_names_its_holder_and_nobody_may_override_it(world: World) -> None:
    first, second = world.visit(), world.visit()
    book(world, first)
    with pytest.raises(
        CannotPlace, match=r"Ana Ruiz is booked by Ines Weber for .* at Hale Dental from 09:00 to 10:00"
    ):
        book(world, second, start=EIGHT + timedelta(minutes=30), actor=world.manager, override_reason="I insist")
    assert state(world, second)[0] is VisitState.OPEN


@pytest.mark.parametrize("right, needed", [("dispatcher", False), ("manager", True)])
def test_a_lacking_skill_is_told_and_only_a_manager_may_overrule_it(world: World, right: str, needed: bool) -> None:
    visit = make.make_visit(
        world.session,
        job=make.make_job(world.session, site=world.site),
        needs={make.make_skill(world.session, name="Gas"): 3},
    )
    with pytest.raises(CannotPlace, match="not known well enough at Gas level 3") as refused:
        book(world, visit, actor=world.manager if needed else world.dispatcher)
    assert refused.value.may_override is needed
    if needed:
        made = book(world, visit, actor=world.manager, override_reason="Rings an expert")
        assert made.technician_id == world.ana.id
    else:
        with pytest.raises(Forbidden):
            book(world, visit, override_reason="Rings an expert")


def test_a_safety_certification_is_never_overruled(world: World) -> None:
    permit = make.make_certification_kind(world.session, name="High voltage", safety=True)
    visit = world.visit(certifications=(permit,))
    with pytest.raises(CannotPlace, match="holds no High voltage") as refused:
        book(world, visit, actor=world.manager, override_reason="It is urgent")
    assert not refused.value.may_override


def test_an_unconfirmed_claim_is_not_enough(world: World) -> None:
    skill = make.make_skill(world.session, name="Pumps")
    make.make_proficiency(world.session, technician=world.ana, skill=skill, mean=4.5, confirmed=False)
    visit = make.make_visit(world.session, job=make.make_job(world.session, site=world.site), needs={skill: 3})
    with pytest.raises(CannotPlace, match="Nobody but Ana Ruiz has confirmed Pumps level 3"):
        book(world, visit)


def test_a_customer_who_refuses_somebody_is_heard(world: World) -> None:
    visit = world.visit()
    link = {"customer_id": world.site.customer_id, "technician_id": world.ana.id, "kind": PersonLinkKind.EXCLUDED}
    world.session.add(CustomerPerson(**link))
    world.session.flush()
    with pytest.raises(CannotPlace, match="asked not to be served by Ana Ruiz"):
        book(world, visit)


@pytest.mark.parametrize(
    "hours, sentence",
    [
        (9, "works from 08:00 to 16:00"),
        (7.5, "works from"),
        (0, "would arrive"),
        (7, "back .* after the end of the day"),
    ],
)
def test_times_outside_the_day_or_out_of_reach_are_told(world: World, hours: float, sentence: str) -> None:
    with pytest.raises(CannotPlace, match=sentence):
        book(world, world.visit(), start=make.MORNING + timedelta(hours=hours))


def test_a_tight_way_may_be_overruled_with_a_reason_that_is_kept(world: World) -> None:
    visit = world.visit()
    start = make.MORNING + timedelta(minutes=2)
    with pytest.raises(CannotPlace) as refused:
        book(world, visit, start=start)
    assert refused.value.may_override
    book(world, visit, start=start, override_reason="She is around the corner")
    world.session.commit()
    kept = world.session.scalars(select(AuditEvent).where(AuditEvent.action == "assign")).one()
    assert kept.reason is not None
    assert kept.reason.startswith("She is around the corner (in spite of: Ana Ruiz would arrive")


def test_windows_promises_and_absences_speak_up(world: World) -> None:
    windowed = world.visit(window=make.hours(4, 5))
    with pytest.raises(CannotPlace, match="start from 12:00 to 13:00"):
        book(world, windowed)
    promised = world.visit()
    make.make_promise(world.session, visit=promised)
    with pytest.raises(CannotPlace, match="before what we promised"):
        book(world, promised)
    make.make_absence(world.session, technician=world.ana, during=make.hours(3, 4))
    with pytest.raises(CannotPlace, match="not available from 11:00 to 12:00"):
        book(world, world.visit(), start=make.MORNING + timedelta(hours=3))


def test_the_next_customer_is_warned_of_a_delay(world: World) -> None:
    book(world, world.visit(), start=EIGHT + timedelta(hours=1, minutes=5))
    far = make.make_site(world.session, territory=world.territory, lat=52.40, lon=13.20)
    visit = make.make_visit(world.session, job=make.make_job(world.session, site=far), needs={world.skill: 3})
    with pytest.raises(CannotPlace, match="late at Hale Dental afterwards"):
        book(world, visit, start=EIGHT)


def test_a_break_needs_room(world: World) -> None:
    person = make.make_technician(world.session, territory=world.territory)
    make.make_proficiency(world.session, technician=person, skill=world.skill, mean=4.0)
    lunch = make.MORNING + timedelta(hours=2)
    make.make_shift(
        world.session,
        technician=person,
        territory=world.territory,
        break_s=3600,
        break_from=lunch,
        break_until=lunch + timedelta(hours=1, minutes=30),
    )
    with pytest.raises(CannotPlace, match="no room for a break of 60 min"):
        book(world, world.visit(duration_s=7200), technician_id=person.id, start=lunch)


def test_the_past_and_days_without_a_shift_are_refused(world: World) -> None:
    with pytest.raises(Invalid, match="has passed"):
        book(world, world.visit(), now=EIGHT + timedelta(hours=2))
    with pytest.raises(Conflict, match="no shift on that day"):
        book(world, world.visit(), start=EIGHT + timedelta(days=3))


def test_moving_to_another_person_and_time(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    moved = move_assignment(
        world.session,
        assignment_id=made.id,
        technician_id=world.ben.id,
        start=EIGHT + timedelta(hours=2),
        version=made.version,
        actor=world.dispatcher,
        now=NOW,
    )
    assert (moved.technician_id, moved.shift_id) == (world.ben.id, world.ben_shift.id)
    assert [item.id for item in live_of(world, visit)] == [moved.id]
    with pytest.raises(NotFound):
        move_assignment(world.session, assignment_id=made.id, start=EIGHT, actor=world.dispatcher, now=NOW)


def test_an_answer_survives_a_small_move_and_not_a_large_one(world: World) -> None:
    made = book(world, world.visit())
    made.state = AssignmentState.ACCEPTED
    world.session.flush()
    for minutes, expected in ((10, AssignmentState.ACCEPTED), (60, AssignmentState.PLANNED)):
        start = EIGHT + timedelta(minutes=minutes)
        moved = move_assignment(world.session, assignment_id=made.id, start=start, actor=world.dispatcher, now=NOW)
        assert (moved.id, moved.state) == (made.id, expected)


def test_stale_versions_are_refused(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    with pytest.raises(Conflict, match="in the meantime"):
        book(world, visit, visit_version=1)
    with pytest.raises(Conflict, match="in the meantime"):
        move_assignment(world.session, assignment_id=made.id, version=7, start=EIGHT, actor=world.dispatcher, now=NOW)


@pytest.mark.parametrize("slot_named", [True, False])
def test_who_books_second_learns_who_has_the_visit_and_asking_twice_is_once(world: World, slot_named: bool) -> None:
    visit = world.visit()
    made = book(world, visit)
    slot = {"crew_slot_id": made.crew_slot_id} if slot_named else {}
    assert book(world, visit, **slot).id == made.id
    for other in ({"technician_id": world.ben.id}, {"start": EIGHT + timedelta(hours=1)}):
        with pytest.raises(Conflict, match=rf"{world.ana.name} has it, booked by {world.user.name}, from"):
            book(world, visit, **slot, **other)
    assert [(each.id, each.version, each.during.lower) for each in live_of(world, visit)] == [
        (made.id, made.version, EIGHT)
    ]


def test_unassigning_gives_the_visit_an_owner_and_a_next_step(world: World) -> None:
    visit = world.visit()
    book(world, visit)
    unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    assert state(world, visit) == (VisitState.OPEN, JobState.OPEN, "Find a time and a technician")
    assert live_of(world, visit) == []
    with pytest.raises(Conflict, match="Nobody is booked"):
        unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)


def test_a_crew_is_planned_when_complete_and_moves_together(world: World) -> None:
    visit = world.visit(crew=2)
    book(world, visit)
    assert state(world, visit)[0] is VisitState.OPEN
    with pytest.raises(Conflict, match="starts together"):
        book(world, visit, technician_id=world.ben.id, start=EIGHT + timedelta(hours=1))
    second = book(world, visit, technician_id=world.ben.id)
    assert state(world, visit)[0] is VisitState.PLANNED
    later = EIGHT + timedelta(hours=2)
    move_assignment(world.session, assignment_id=second.id, start=later, actor=world.dispatcher, now=NOW)
    assert {item.during.lower for item in live_of(world, visit)} == {later}


def test_somebody_under_way_is_left_alone(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    made.state = AssignmentState.ON_THE_WAY
    world.session.flush()
    with pytest.raises(Conflict, match="Call them first"):
        unassign_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)


def test_another_territory_is_as_if_it_did_not_exist(world: World) -> None:
    from dispatch.accounts.access import Actor, Grant

    elsewhere = make.make_territory(world.session)
    stranger = Actor(user_id=world.user.id, name="X", grants=(Grant(role="dispatcher", territory_id=elsewhere.id),))
    with pytest.raises(NotFound):
        book(world, world.visit(), actor=stranger)
    with pytest.raises(Forbidden):
        book(world, world.visit(), actor=actor_of(world.user, "technician", technician=world.ana))


def test_pins_come_and_go(world: World) -> None:
    visit = world.visit()
    with pytest.raises(Conflict, match="Book somebody first"):
        pin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    book(world, visit)
    pin = pin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW, reason="Asked for her")
    assert (pin.technician_id, pin.starts_at) == (world.ana.id, EIGHT)
    unpin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    with pytest.raises(Conflict, match="not pinned"):
        unpin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)


def test_pinning_is_an_action_like_others_to_undo(world: World) -> None:
    visit = world.visit()
    book(world, visit)
    world.session.commit()
    pin_visit(world.session, visit_id=visit.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert undo_last(world.session, actor=world.dispatcher, now=NOW).action == "pin"
    world.session.commit()
    assert world.session.query(Pin).count() == 0
    assert len(live_of(world, visit)) == 1
    redo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert world.session.query(Pin).one().technician_id == world.ana.id


def test_a_taken_time_comes_with_the_next_best_place(world: World) -> None:
    book(world, world.visit())
    with pytest.raises(CannotPlace, match=r"Ana Ruiz is booked .* Next best: (Ben Oduya|Ana Ruiz), \d\d:\d\d\."):
        book(world, world.visit())


def test_a_move_to_a_taken_time_comes_with_the_next_best_place_that_is_another_one(world: World) -> None:
    visit, day = world.visit(), local_day(EIGHT, world.territory.zone)
    listing = candidates_for(world.session, visit_id=visit.id, territory_id=world.territory.id, day=day, now=NOW)
    best = listing.ranked[0]
    mine = book(world, visit, technician_id=best.technician_id, start=best.start_at)
    other = next(person for person in (world.ana, world.ben) if person.id != best.technician_id)
    for hour in range(7):  # from the first moment to the way home
        book(world, world.visit(), technician_id=other.id, start=best.start_at + timedelta(hours=hour))
    with pytest.raises(CannotPlace, match=rf"{other.name} is booked .* Nobody else is free that day\."):
        move_assignment(world.session, assignment_id=mine.id, technician_id=other.id, actor=world.dispatcher, now=NOW)


def rows_of(world: World, visit: Visit) -> list[tuple[object, ...]]:
    world.session.expire_all()
    return [
        (row.technician_id, row.shift_id, row.during, row.state, row.travel_s, row.why) for row in live_of(world, visit)
    ]


def test_undo_brings_back_exactly_what_was_and_redo_takes_it_away(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    world.session.commit()
    before = rows_of(world, visit)
    move_assignment(world.session, assignment_id=made.id, technician_id=world.ben.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    after = rows_of(world, visit)

    undone = undo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert (undone.action, undone.slots) == ("move", 1)
    assert rows_of(world, visit) == before

    redo_last(world.session, actor=world.dispatcher, now=NOW)
    world.session.commit()
    assert rows_of(world, visit) == after
    with pytest.raises(Conflict, match="nothing to do again"):
        redo_last(world.session, actor=world.dispatcher, now=NOW)

    for expected in (before, []):
        undo_last(world.session, actor=world.dispatcher, now=NOW)
        world.session.commit()
        assert rows_of(world, visit) == expected
    with pytest.raises(Conflict, match="nothing of yours"):
        undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert state(world, visit)[:2] == (VisitState.OPEN, JobState.OPEN)


def test_undo_refuses_when_somebody_changed_the_booking_since(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    world.session.commit()
    other = make.make_user(world.session)
    later = EIGHT + timedelta(hours=3)
    move_assignment(world.session, assignment_id=made.id, start=later, actor=actor_of(other, "dispatcher"), now=NOW)
    world.session.commit()
    with pytest.raises(Conflict, match="changed the same booking just now"):
        undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert [item.during.lower for item in live_of(world, visit)] == [later]


def test_undo_refuses_when_the_old_time_is_taken(world: World) -> None:
    visit = world.visit()
    made = book(world, visit)
    world.session.commit()
    move_assignment(world.session, assignment_id=made.id, technician_id=world.ben.id, actor=world.dispatcher, now=NOW)
    world.session.commit()
    book(world, world.visit(), actor=actor_of(make.make_user(world.session), "dispatcher"))
    world.session.commit()
    with pytest.raises(Conflict, match="Ana Ruiz is booked"):
        undo_last(world.session, actor=world.dispatcher, now=NOW)
    assert [item.technician_id for item in live_of(world, visit)] == [world.ben.id]
