"""From rows to the outlook, on a real database: what counts as hours, and what counts as work."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.coverage.outlook import DemandClass, Person
from dispatch.coverage.snapshot import Snapshot, read_snapshot
from dispatch.jobs.lifecycle import JobState, VisitState
from dispatch.jobs.models import JobTypeCertification, JobTypeNeed, Site, SkillNeed, Visit
from dispatch.planning.models import AssignmentState, Policy
from dispatch.skills.models import DocumentState
from dispatch.workforce.models import PlaceKind, ShiftException, ShiftPattern, Technician, Territory
from tests.coverage.build import need
from tests.factories import (
    CENTRE,
    DAY,
    MORNING,
    hours,
    make_absence,
    make_assignment,
    make_certification,
    make_certification_kind,
    make_job,
    make_job_type,
    make_partner,
    make_policy,
    make_proficiency,
    make_promise,
    make_series,
    make_shift,
    make_site,
    make_skill,
    make_technician,
    make_territory,
    make_visit,
)

HOUR = 3600
MONDAY = DAY - timedelta(days=DAY.weekday())
EVENING_BEFORE = MORNING - timedelta(hours=12)


def read(session: Session, now: datetime = EVENING_BEFORE, weeks: int = 4) -> Snapshot:
    return read_snapshot(session, now=now, weeks=weeks)


def only(snapshot: Snapshot, technician: Technician) -> Person:
    (found,) = [person for person in snapshot.outlook.people if person.id == technician.id]
    return found


def demand(snapshot: Snapshot, territory: Territory) -> list[DemandClass]:
    return [work for work in snapshot.outlook.demand if work.territory == territory.id]


# ---- hours ---------------------------------------------------------------------------------------------------------


def test_hours_are_shifts_less_breaks_absences_and_what_is_over(session: Session) -> None:
    north = make_territory(session)
    ana = make_technician(session, territory=north)
    make_shift(session, technician=ana, territory=north)
    broken: dict[str, Any] = {"break_s": HOUR, "break_from": MORNING + timedelta(days=1, hours=3)}
    broken["break_until"] = MORNING + timedelta(days=1, hours=5)
    tomorrow, later = DAY + timedelta(days=1), DAY + timedelta(days=7)
    make_shift(session, technician=ana, territory=north, on_date=tomorrow, during=hours(0, 8, day=tomorrow), **broken)
    make_shift(session, technician=ana, territory=north, on_date=later, during=hours(0, 6, day=later))
    monday = {MONDAY: 15 * HOUR, MONDAY + timedelta(weeks=1): 6 * HOUR}
    assert only(read(session), ana).hours_s == monday

    make_absence(session, technician=ana, during=hours(4, 12))
    assert only(read(session), ana).hours_s[MONDAY] == 11 * HOUR
    assert only(read(session, MORNING + timedelta(hours=3)), ana).hours_s[MONDAY] == 8 * HOUR


def test_half_a_day_away_takes_half_the_break(session: Session) -> None:
    north = make_territory(session)
    ana = make_technician(session, territory=north)
    pause: dict[str, Any] = {
        "break_s": HOUR,
        "break_from": MORNING + timedelta(hours=3),
        "break_until": MORNING + timedelta(hours=5),
    }
    make_shift(session, technician=ana, territory=north, **pause)
    make_absence(session, technician=ana, during=hours(4, 12))
    assert only(read(session), ana).hours_s == {MONDAY: round(3.5 * HOUR)}


def test_who_is_away_all_week_gives_nothing(session: Session) -> None:
    north = make_territory(session)
    ana = make_technician(session, territory=north)
    make_shift(session, technician=ana, territory=north)
    make_absence(session, technician=ana, during=hours(-100, 200))
    assert only(read(session), ana).hours_s == {}


def test_cancelled_shifts_and_cancelled_absences_do_not_count(session: Session) -> None:
    north = make_territory(session)
    ana, ben = make_technician(session, territory=north), make_technician(session, territory=north)
    make_shift(session, technician=ana, territory=north, cancelled=True)
    make_shift(session, technician=ben, territory=north)
    make_absence(session, technician=ben, cancelled=True)
    assert only(read(session), ana).hours_s == {}
    assert only(read(session), ben).hours_s == {MONDAY: 8 * HOUR}


def test_people_who_left_are_not_counted(session: Session) -> None:
    north = make_territory(session)
    left = make_technician(session, territory=north, retired_at=MORNING)
    gone = make_partner(session, retired_at=MORNING)
    theirs = make_technician(session, territory=north, partner_id=gone.id)
    found = {person.id for person in read(session).outlook.people}
    assert found.isdisjoint({left.id, theirs.id})


def test_people_serve_the_territories_they_belong_to(session: Session) -> None:
    north, south, west = make_territory(session), make_territory(session), make_territory(session)
    ana = make_technician(session, territory=north)
    make_shift(session, technician=ana, territory=south)
    assert set(only(read(session), ana).travel_s) == {north.id, south.id}
    assert west.id not in only(read(session), ana).travel_s


def test_travel_grows_with_the_way_home_and_learns_from_assignments(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    near = make_technician(session, territory=north, home_lat=site.lat, home_lon=site.lon)
    far = make_technician(session, territory=north, home_lat=CENTRE[0] + 0.5, home_lon=CENTRE[1])
    unknown = make_technician(session, territory=north, home_lat=None, home_lon=None)
    at_first = read(session)
    assert only(at_first, near).travel_s[north.id] == only(at_first, unknown).travel_s[north.id] == 900
    # 52 km straight, over 1.4 times the way at 40 km/h, shared by 6.4 visits a day.
    assert 1700 < only(at_first, far).travel_s[north.id] < 2000

    for number in range(50):
        during = hours(-24 - number * 2, -23 - number * 2)
        visit = make_visit(session, job=make_job(session, site=site))
        make_assignment(session, visit=visit, technician=near, during=during, travel_s=400 + 8 * number)
    assert only(read(session), near).travel_s[north.id] == 600, "596 s on average, in whole minutes"


def test_levels_follow_the_policy_and_confirmation(session: Session) -> None:
    north, skill = make_territory(session), make_skill(session)
    sure = make_technician(session, territory=north)
    claims = make_technician(session, territory=north)
    unsure = make_technician(session, territory=north)
    make_proficiency(session, technician=sure, skill=skill, mean=3.4, sd=0.5)
    make_proficiency(session, technician=claims, skill=skill, mean=4.5, sd=0.5, confirmed=False)
    make_proficiency(session, technician=unsure, skill=skill, mean=2.9, sd=1.5)
    found = read(session)
    assert only(found, sure).levels == {skill.id: 3}
    assert only(found, claims).levels == {}
    assert only(found, unsure).levels == {skill.id: 2}
    session.execute(update(Policy).where(Policy.active).values(active=False))
    make_policy(session, active=True, rules={"min_confidence": 0.99, "claims_count_to": 2})
    strict = read(session)
    assert only(strict, sure).levels == {skill.id: 2}
    assert only(strict, claims).levels == {skill.id: 2}


def test_a_certificate_counts_in_weeks_it_covers_whole(session: Session) -> None:
    north, kind = make_territory(session), make_certification_kind(session)
    ana = make_technician(session, territory=north)
    for number in range(3):
        for offset in (0, 2):
            day = DAY + timedelta(weeks=number, days=offset)
            make_shift(session, technician=ana, territory=north, on_date=day, during=hours(0, 8, day=day))
    second_wednesday = DAY + timedelta(days=8)
    make_certification(session, technician=ana, kind=kind, valid=Range(date(2020, 1, 1), second_wednesday))
    assert only(read(session), ana).held == {kind.id: frozenset({MONDAY})}
    make_certification(
        session, technician=ana, kind=kind, valid=Range(second_wednesday, second_wednesday + timedelta(3))
    )
    assert only(read(session), ana).held == {kind.id: frozenset({MONDAY, MONDAY + timedelta(weeks=1)})}


def test_an_unconfirmed_certificate_does_not_count(session: Session) -> None:
    north, kind = make_territory(session), make_certification_kind(session)
    ana = make_technician(session, territory=north)
    make_shift(session, technician=ana, territory=north)
    make_certification(session, technician=ana, kind=kind, state=DocumentState.CLAIMED)
    assert only(read(session), ana).held == {}


# ---- work ----------------------------------------------------------------------------------------------------------


def test_open_visits_become_classes_by_needs_and_week(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    gas, kind = make_skill(session), make_certification_kind(session)
    for _ in range(2):
        job = make_job(session, site=site, due_at=MORNING + timedelta(days=1))
        make_visit(session, job=job, needs={gas: 3}, certifications=(kind,), duration_s=2 * HOUR, setup_s=600, crew=2)
    (work,) = demand(read(session), north)
    assert work.week == MONDAY
    assert set(work.needs) == {need(gas.id, 3), need(kind.id, 0)}
    assert (work.booked_s, work.expected_s, work.visit_s) == (4 * (2 * HOUR + 600), 0, 2 * HOUR + 600)


def test_a_preferred_level_binds_nobody(session: Session) -> None:
    north = make_territory(session)
    visit = make_visit(session, job=make_job(session, site=make_site(session, territory=north)))
    session.refresh(visit, ["slots"])
    wish: dict[str, Any] = {"skill_id": make_skill(session).id, "preferred_level": 4, "origin": "person"}
    session.add(SkillNeed(crew_slot_id=visit.slots[0].id, **wish))
    session.flush()
    (work,) = demand(read(session), north)
    assert work.needs == ()


def test_the_week_is_as_assigned_else_promised_else_window_else_due_else_now(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)

    def week_of(number: int) -> date:
        return MONDAY + timedelta(weeks=number)

    def at(number: int) -> Range[datetime]:
        return hours(2, 4, day=DAY + timedelta(weeks=number))

    due = make_job(session, site=site, due_at=MORNING + timedelta(weeks=2))
    visit = make_visit(session, job=due)
    assert [work.week for work in demand(read(session), north)] == [week_of(2)]
    make_visit(session, job=make_job(session, site=site), window=at(1), duration_s=HOUR * 2)
    assert [work.week for work in demand(read(session), north)] == [week_of(1), week_of(2)]
    make_promise(session, visit=visit, during=at(1))
    assert [work.booked_s for work in demand(read(session), north)] == [3 * HOUR]
    make_assignment(session, visit=visit, during=at(0))
    assert [(work.week, work.booked_s) for work in demand(read(session), north)] == [
        (week_of(0), HOUR),
        (week_of(1), 2 * HOUR),
    ]
    make_visit(session, job=make_job(session, site=site), duration_s=HOUR * 5)
    assert [work.booked_s for work in demand(read(session), north)] == [6 * HOUR, 2 * HOUR]


def test_overdue_work_is_due_now_and_far_work_is_only_counted(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    make_visit(session, job=make_job(session, site=site, due_at=MORNING - timedelta(weeks=6)))
    make_visit(session, job=make_job(session, site=site, due_at=MORNING + timedelta(weeks=4)), duration_s=7 * HOUR)
    found = read(session)
    assert [(work.week, work.booked_s) for work in demand(found, north)] == [(MONDAY, HOUR)]
    assert found.later_s == 7 * HOUR


def test_closed_work_and_work_under_way_is_no_demand(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    closed: dict[str, Any] = {"closed_at": MORNING, "owner_id": None, "next_step": None, "next_step_due_at": None}
    make_visit(session, job=make_job(session, site=site, state=JobState.CANCELLED, **closed))
    make_visit(session, job=make_job(session, site=site), state=VisitState.UNDER_WAY)
    over = make_visit(session, job=make_job(session, site=site))
    make_assignment(session, visit=over, during=hours(-40, -39), state=AssignmentState.ON_SITE)
    assert demand(read(session), north) == []


def test_declined_work_counts_again_as_it_was_promised(session: Session) -> None:
    north = make_territory(session)
    visit = make_visit(session, job=make_job(session, site=make_site(session, territory=north)))
    make_assignment(session, visit=visit, during=hours(-40, -39), state=AssignmentState.DECLINED)
    assert [work.booked_s for work in demand(read(session), north)] == [HOUR]


def served(session: Session, site: Site, at: datetime, *, state: VisitState = VisitState.DONE, **changes: Any) -> Visit:
    """Add a visit that was made, of a job closed at that moment."""
    closed: dict[str, Any] = {"state": JobState.DONE, "closed_at": at, "owner_id": None, "next_step": None}
    job = make_job(session, site=site, next_step_due_at=None, **closed, **changes)
    return make_visit(session, job=job, state=state, duration_s=3 * HOUR)


def test_a_usual_week_less_what_is_booked_is_expected(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    gas, kind = make_skill(session), make_certification_kind(session)
    boiler = make_job_type(session, crew_size=2)
    session.add(JobTypeNeed(job_type_id=boiler.id, skill_id=gas.id, must_level=3))
    session.add(JobTypeNeed(job_type_id=boiler.id, skill_id=gas.id, must_level=4, crew_position=1))
    session.add(JobTypeCertification(job_type_id=boiler.id, kind_id=kind.id, crew_position=2))
    for back in range(1, 16):
        for weekday in (0, 4):
            at = datetime.combine(MONDAY - timedelta(weeks=back) + timedelta(weekday), MORNING.timetz())
            served(session, site, at, job_type=boiler)
    due = make_job(session, site=site, job_type=boiler, due_at=MORNING + timedelta(weeks=1))
    make_visit(session, job=due, duration_s=2 * HOUR, needs={gas: 3}, crew=2)

    found = read(session, MORNING)
    assert found.expectation.history_weeks == 15
    assert found.expectation.by_kind is not None
    assert found.expectation.by_kind.off_percent < 1e-4
    lead, mate = (need(gas.id, 4),), tuple(sorted([need(gas.id, 3), need(kind.id, 0)]))
    per_class = {(work.week, work.needs): (work.booked_s, work.expected_s) for work in demand(found, north)}
    # Mondays and Fridays have 3 hours each; on a Tuesday half the week's work is still to come.
    assert per_class[MONDAY, lead] == per_class[MONDAY, mate] == (0, 3 * HOUR)
    second, third = MONDAY + timedelta(weeks=1), MONDAY + timedelta(weeks=2)
    assert per_class[second, lead] == (0, 4 * HOUR)
    assert per_class[second, (need(gas.id, 3),)] == (4 * HOUR, 0)
    assert per_class[third, lead] == (0, 6 * HOUR)
    assert found.expectation.expected_s == 2 * (3 + 4 + 6 + 6) * HOUR


def test_a_short_history_expects_nothing_and_says_how_short(session: Session) -> None:
    site = make_site(session)
    for back in range(1, 8):
        served(session, site, datetime.combine(MONDAY - timedelta(weeks=back), MORNING.timetz()))
    found = read(session)
    assert (found.expectation.history_weeks, found.expectation.expected_s) == (7, 0)
    assert found.expectation.by_kind is None


def test_work_counts_in_the_week_it_was_done_and_also_when_in_vain(session: Session) -> None:
    north = make_territory(session)
    site = make_site(session, territory=north)
    boiler = make_job_type(session)
    start = datetime.combine(MONDAY - timedelta(weeks=9), MORNING.timetz())
    for number in range(9):
        week_start = start + timedelta(weeks=number)
        # Closed weeks later than the visit, which is what counts.
        visit = served(session, site, MORNING - timedelta(days=3), state=VisitState.NOT_DONE, job_type=boiler)
        during = Range(week_start, week_start + timedelta(hours=3))
        make_assignment(session, visit=visit, during=during, state=AssignmentState.NOT_DONE)
        served(session, site, week_start, state=VisitState.CANCELLED)
    found = read(session)
    assert found.expectation.history_weeks == 9
    per_week = {each.week: each.expected_s for each in demand(found, north)}
    assert per_week[MONDAY + timedelta(weeks=1)] == 3 * HOUR


@pytest.mark.parametrize(
    ("changes", "visits"),
    [
        ({}, [1, 1, 0]),
        ({"every": 2, "last_on": None}, [1, 0, 1]),
        ({"last_on": MONDAY + timedelta(days=8)}, [1, 0, 0]),
        ({"from_completion": True}, [1, 0, 0]),
        ({"paused_at": MORNING}, [0, 0, 0]),
        ({"ended_at": MORNING}, [0, 0, 0]),
        ({"next_on": MONDAY + timedelta(days=60), "last_on": None}, [0, 0, 0]),
    ],
)
def test_recurring_work_counts_before_its_jobs_are_made(
    session: Session, changes: dict[str, Any], visits: list[int]
) -> None:
    north = make_territory(session)
    boiler = make_job_type(session, duration_s=2 * HOUR)
    plain: dict[str, Any] = {"every": 1, "next_on": MONDAY + timedelta(days=8), "last_on": MONDAY + timedelta(days=20)}
    make_series(session, site=make_site(session, territory=north), job_type=boiler, **{**plain, **changes})
    found = read(session)
    per_week = {each.week: each.expected_s for each in demand(found, north)}
    assert [per_week.get(MONDAY + timedelta(weeks=ahead), 0) // (2 * HOUR) for ahead in (1, 2, 3)] == visits
    assert found.expectation.recurring_s == sum(visits) * 2 * HOUR


# ---- around it -----------------------------------------------------------------------------------------------------


def test_weeks_are_the_rest_of_this_one_and_three_more(session: Session) -> None:
    make_territory(session)
    found = read(session, datetime(2026, 3, 8, 22, 30, tzinfo=UTC))
    # Half past eleven on Sunday evening in Berlin.
    assert found.today == date(2026, 3, 8)
    assert found.weeks[0] == date(2026, 3, 2)
    assert len(found.weeks) == 4
    assert read(session, datetime(2026, 3, 8, 23, 30, tzinfo=UTC)).weeks[0] == date(2026, 3, 9)
    assert len(read_snapshot(session, now=EVENING_BEFORE).weeks) == 13


def test_where_shifts_are_not_made_yet_weekly_hours_count(session: Session) -> None:
    north = make_territory(session)
    ana = make_technician(session, territory=north)
    weekly = {"starts_at": time(8), "ends_at": time(16), "break_s": 1800, "overtime_limit_s": 0}
    places = {"start_kind": PlaceKind.HOME, "end_kind": PlaceKind.HOME, "valid": Range(date(2025, 1, 1), None)}
    session.add(ShiftPattern(technician_id=ana.id, territory_id=north.id, weekday=1, **weekly, **places))
    make_shift(session, technician=ana, territory=north, on_date=MONDAY + timedelta(days=1), cancelled=True)
    exception = MONDAY + timedelta(weeks=3, days=1)
    session.add(ShiftException(technician_id=ana.id, on_date=exception))
    session.flush()
    found = only(read(session, weeks=13), ana)
    # A cancelled shift stays cancelled, a day off stays off; every other Tuesday has eight hours less the break.
    expected = {MONDAY + timedelta(weeks=number): 27_000 for number in range(13) if number not in (0, 3)}
    assert found.hours_s == expected
    assert north.id in found.travel_s


def test_a_territory_with_work_and_without_people_is_named(session: Session) -> None:
    north, south = make_territory(session), make_territory(session)
    for place in (north, south):
        make_visit(session, job=make_job(session, site=make_site(session, territory=place)))
    make_shift(session, technician=make_technician(session, territory=north), territory=north)
    assert read(session).territories_without_hours == (south.id,)


def test_an_empty_organisation_is_an_empty_outlook(session: Session) -> None:
    found = read(session)
    assert found.outlook.demand == ()
    assert found.territories_without_hours == ()
