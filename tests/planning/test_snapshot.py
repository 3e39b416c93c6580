from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from dispatch.core.errors import Invalid, NotFound
from dispatch.jobs.models import CustomerPerson, PersonLinkKind, Site
from dispatch.planning.models import AssignmentState, Pin
from dispatch.planning.policy import PromiseRule, read_rules, read_weights
from dispatch.planning.readings import planned_for
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.skills.models import RelationKind, SkillRelation
from dispatch.workforce.models import Technician
from tests import factories as make
from tests.conftest import statements
from tests.planning.world import make_world


def snapshot(session: Session, territory: Any, **changes: Any) -> Any:
    values = {"scope": [(territory.id, make.DAY)], "policy": active_policy(session), "now": make.MORNING}
    return read_snapshot(session, **(values | changes))


def test_a_need_means_what_the_catalogue_says_of_it(session: Session) -> None:
    territory = make.make_territory(session)
    gas, boiler, power, old = (make.make_skill(session) for _ in range(4))
    session.add_all(
        [
            SkillRelation(kind=RelationKind.IMPLIES, skill_id=boiler.id, other_id=gas.id),
            SkillRelation(kind=RelationKind.PREREQUISITE, skill_id=gas.id, other_id=power.id),
        ]
    )
    old.merged_into_id, old.retired_at = gas.id, make.MORNING
    technician = make.make_technician(session, territory=territory)
    make.make_shift(session, technician=technician, territory=territory)
    job = make.make_job(session, site=make.make_site(session, territory=territory))
    make.make_visit(session, job=job, needs={old: 3})
    work = snapshot(session, territory).problem.visits[0]
    asked = [[(int(one.skill), one.level) for one in need.any_of] for need in work.crew[0].needs]
    assert asked == [[(gas.id, 3), (boiler.id, 3)], [(power.id, 2)]]


def test_a_day_becomes_a_problem(session: Session) -> None:
    territory = make.make_territory(session)
    skill, permit = make.make_skill(session), make.make_certification_kind(session)
    technician = make.make_technician(session, territory=territory, pace=1.2)
    make.make_shift(
        session,
        technician=technician,
        territory=territory,
        break_s=1800,
        break_from=make.MORNING + timedelta(hours=3),
        break_until=make.MORNING + timedelta(hours=5),
    )
    make.make_proficiency(session, technician=technician, skill=skill)
    make.make_certification(session, technician=technician, kind=permit)
    job = make.make_job(session, site=make.make_site(session, territory=territory), priority=2)
    visit = make.make_visit(session, job=job, needs={skill: 3}, certifications=(permit,), window=make.hours(1, 4))

    found = snapshot(session, territory)

    problem = found.problem
    person = problem.technicians[0]
    assert person.id == str(technician.id)
    assert person.pace_percent == 120
    assert person.proficiencies[str(skill.id)].confidence(3) > 0.7
    assert [paper.id for paper in person.certifications] == [str(permit.id)]
    shift = problem.shifts[0]
    morning_s = found.clock.seconds(make.MORNING)
    assert (shift.start_s, shift.end_s) == (morning_s, morning_s + 8 * 3600)
    assert (shift.breaks[0].earliest_s, shift.breaks[0].latest_s) == (morning_s + 3 * 3600, morning_s + 5 * 3600 - 1800)
    work = problem.visits[0]
    assert (work.id, work.priority, work.duration_s) == (str(visit.id), 2, 3600)
    assert work.crew[0].needs[0].any_of[0].level == 3
    assert work.crew[0].certifications == (str(permit.id),)
    assert work.windows[0].start_s == morning_s + 3600
    assert found.visit_versions == {visit.id: 1}


def test_absences_shorten_shifts_or_become_breaks(session: Session) -> None:
    territory = make.make_territory(session)
    early, middle, all_day = (make.make_technician(session, territory=territory) for _ in range(3))
    for technician in (early, middle, all_day):
        make.make_shift(session, technician=technician, territory=territory)
    make.make_absence(session, technician=early, during=make.hours(-1, 2))
    make.make_absence(session, technician=middle, during=make.hours(3, 4))
    make.make_absence(session, technician=all_day)

    found = snapshot(session, territory)

    shifts = {shift.technician: shift for shift in found.problem.shifts}
    morning_s = found.clock.seconds(make.MORNING)
    assert set(shifts) == {str(early.id), str(middle.id)}
    assert shifts[str(early.id)].start_s == morning_s + 2 * 3600
    gap = shifts[str(middle.id)].breaks[0]
    assert (gap.earliest_s, gap.latest_s, gap.duration_s) == (morning_s + 3 * 3600, morning_s + 3 * 3600, 3600)


def test_only_what_this_day_decides_is_read(session: Session) -> None:
    territory = make.make_territory(session)
    shift = make.make_shift(session, territory=territory)
    other_day = make.DAY + timedelta(days=1)
    later = make.make_shift(
        session,
        technician=make.make_technician(session, territory=territory),
        territory=territory,
        on_date=other_day,
        during=make.hours(0, 8, day=other_day),
    )
    site = make.make_site(session, territory=territory)

    def visit(**changes: Any) -> Any:
        return make.make_visit(session, job=make.make_job(session, site=site), **changes)

    open_now = visit()
    here = visit(state="planned")
    make.make_assignment(
        session,
        visit=here,
        technician=_person(session, shift),
        shift_id=shift.id,
    )
    elsewhere = visit(state="planned")
    make.make_assignment(
        session,
        visit=elsewhere,
        technician=_person(session, later),
        shift_id=later.id,
        during=make.hours(2, 3, day=other_day),
    )
    not_yet = visit(release_at=make.MORNING + timedelta(days=2))
    promised_later = visit()
    make.make_promise(session, visit=promised_later, during=make.hours(2, 4, day=other_day))
    other_window = visit(window=make.hours(0, 4, day=other_day))
    done = visit(state="done")
    foreign = make.make_visit(session)

    found = snapshot(session, territory)

    assert set(found.visit_versions) == {open_now.id, here.id}
    assert {not_yet.id, promised_later.id, other_window.id, done.id, foreign.id, elsewhere.id}.isdisjoint(
        found.visit_versions
    )
    told = found.problem.visit_by_id[str(here.id)].published[0]
    assert (told.technician, told.slot) == (str(shift.technician_id), 0)


def _person(session: Session, shift: Any) -> Any:
    return session.get_one(Technician, shift.technician_id)


def test_work_under_way_is_pinned_and_a_begun_day_starts_now(session: Session) -> None:
    territory = make.make_territory(session)
    busy, idle = (make.make_technician(session, territory=territory) for _ in range(2))
    shift = make.make_shift(session, technician=busy, territory=territory)
    make.make_shift(session, technician=idle, territory=territory)
    visit = make.make_visit(
        session, job=make.make_job(session, site=make.make_site(session, territory=territory)), state="under_way"
    )
    make.make_assignment(session, visit=visit, technician=busy, shift_id=shift.id, state=AssignmentState.ON_SITE)

    now = make.MORNING + timedelta(hours=2, minutes=30)
    found = snapshot(session, territory, now=now)

    pin = found.problem.pins[0]
    assert (pin.visit, pin.technician, pin.start_s) == (
        str(visit.id),
        str(busy.id),
        found.clock.seconds(make.MORNING) + 2 * 3600,
    )
    starts = {item.technician: item.start_s for item in found.problem.shifts}
    assert starts[str(busy.id)] == found.clock.seconds(make.MORNING)
    assert starts[str(idle.id)] == found.clock.seconds(now)


def test_promises_are_priced_or_hard_as_the_policy_says(session: Session) -> None:
    territory = make.make_territory(session)
    make.make_shift(session, territory=territory)
    visit = make.make_visit(
        session, job=make.make_job(session, site=make.make_site(session, territory=territory)), window=make.hours(0, 8)
    )
    make.make_promise(session, visit=visit)

    priced = snapshot(session, territory)
    hard = snapshot(session, territory, policy=make.make_policy(session, rules={"promises": "hard"}))

    start = priced.clock.seconds(make.MORNING)
    work = priced.problem.visits[0]
    assert (work.windows[0].start_s, work.windows[0].end_s, work.windows[0].hard) == (
        start + 7200,
        start + 8 * 3600,
        True,
    )
    assert work.due_s == start + 4 * 3600
    assert work.lateness_rate == 6
    assert (hard.problem.visits[0].windows[0].end_s, hard.problem.visits[0].due_s) == (start + 4 * 3600, None)


def test_people_a_customer_refuses_are_never_required(session: Session) -> None:
    territory = make.make_territory(session)
    technician = make.make_technician(session, territory=territory)
    make.make_shift(session, technician=technician, territory=territory)
    job = make.make_job(session, site=make.make_site(session, territory=territory))
    make.make_visit(session, job=job)
    for kind in (PersonLinkKind.REQUIRED, PersonLinkKind.EXCLUDED, PersonLinkKind.KNOWN):
        session.add(CustomerPerson(customer_id=job.customer_id, technician_id=technician.id, kind=kind))
    session.flush()

    work = snapshot(session, territory).problem.visits[0]

    assert (work.excluded, work.required, work.known_faces) == ((str(technician.id),), ("nobody",), ())


def test_a_pin_of_a_dispatcher_is_kept(session: Session) -> None:
    territory = make.make_territory(session)
    shift = make.make_shift(session, territory=territory)
    visit = make.make_visit(session, job=make.make_job(session, site=make.make_site(session, territory=territory)))
    slot = session.scalar(select(make.CrewSlot.id).where(make.CrewSlot.visit_id == visit.id))
    session.add(Pin(visit_id=visit.id, crew_slot_id=slot, technician_id=shift.technician_id, pinned_at=make.MORNING))
    session.flush()

    assert snapshot(session, territory).problem.pins[0].technician == str(shift.technician_id)


def test_a_follower_waits_for_what_another_day_serves(session: Session) -> None:
    territory = make.make_territory(session)
    make.make_shift(session, territory=territory)
    job = make.make_job(session, site=make.make_site(session, territory=territory))
    first = make.make_visit(session, job=job, release_at=make.MORNING + timedelta(days=3))
    second = make.make_visit(session, job=job, sequence=2, predecessor_id=first.id)

    found = snapshot(session, territory)

    assert found.problem.visits == ()
    assert found.left_out == {second.id: first.id}


def test_the_number_of_statements_does_not_grow(session: Session, engine: Engine) -> None:
    territory = make.make_territory(session)
    site = make.make_site(session, territory=territory)
    counts = []
    for people in (1, 12):
        for _ in range(people):
            technician = make.make_technician(session, territory=territory)
            make.make_shift(session, technician=technician, territory=territory)
            make.make_visit(session, job=make.make_job(session, site=site))
        active_policy(session)
        with statements(engine) as sent:
            snapshot(session, territory)
        counts.append(sent.count)
    assert counts[0] == counts[1] <= 20


def test_an_unknown_territory_or_policy_name_is_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        read_snapshot(session, scope=[(999_999, make.DAY)], policy=active_policy(session), now=make.MORNING)
    with pytest.raises(Invalid, match="latness"):
        read_weights({"latness_rate": 3}, read_rules({}))
    assert read_rules({"promises": "hard"}).promises is PromiseRule.HARD


def test_a_site_without_place_is_read_without_one(session: Session) -> None:
    territory = make.make_territory(session)
    make.make_shift(session, territory=territory)
    site = make.make_site(session, territory=territory, lat=None, lon=None)
    make.make_visit(session, job=make.make_job(session, site=site))
    assert session.get_one(Site, site.id).lat is None
    assert snapshot(session, territory).problem.visits[0].point is None


@pytest.mark.parametrize("pace", [0.5, 0.82, 1.0, 1.07, 1.5])
def test_work_that_has_begun_fills_the_time_booked_for_it(session: Session, pace: float) -> None:
    world = make_world(session)
    world.ana.pace = pace
    visit = world.visit(duration_s=5400)
    booked = make.hours(1, 2.7)
    make.make_assignment(
        session,
        visit=visit,
        technician=world.ana,
        shift_id=world.shift.id,
        during=booked,
        state=AssignmentState.ON_SITE,
    )
    found = snapshot(session, world.territory, now=make.MORNING + timedelta(hours=2))
    person = found.problem.technician_by_id[str(world.ana.id)]
    taken_s = person.duration_s(found.problem.visit_by_id[str(visit.id)].duration_s)
    assert 0 <= taken_s - (booked.upper - booked.lower).total_seconds() <= 1


@given(st.integers(1, 86_400), st.integers(20, 500))
def test_planned_for_undoes_the_pace(taken_s: int, pace: int) -> None:
    planned = planned_for(taken_s, pace)
    assert (planned * pace + 50) // 100 >= taken_s
    assert planned == 0 or ((planned - 1) * pace + 50) // 100 < taken_s
