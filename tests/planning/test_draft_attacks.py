"""Drafts under attack: crews, chains of undo, midnight, what happens meanwhile, and what people may know of it."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CrewSlot, Visit
from dispatch.messages.models import CallState, CallTask
from dispatch.planning.changing import Placement
from dispatch.planning.draft_models import DraftChange
from dispatch.planning.draft_publishing import (
    Blocked,
    DraftChanged,
    blocked,
    drafted,
    publish_draft,
    publish_due,
    take_draft_back,
)
from dispatch.planning.drafts import believed_of
from dispatch.planning.explaining import why_you
from dispatch.planning.models import Assignment, AssignmentState, ReportKind
from dispatch.planning.preview import Kind, Sides, changes_of
from dispatch.planning.service import (
    call_off_job,
    place_visit,
    redo_last,
    report_absence,
    report_visit,
    unassign_visit,
    undo_last,
)
from dispatch.planning.technician_day import DayChange, changes_since, my_day, my_visit
from tests import factories as make
from tests.planning.test_drafts import (
    HOUR,
    LATER,
    YESTERDAY,
    ben_works_the_day_before,
    drafts,
    held,
    place,
    publish,
    published,
    row,
    seen,
    shown,
)
from tests.planning.test_telling import told_before
from tests.planning.world import EIGHT, World, actor_of, make_reachable_world


@pytest.fixture
def world(session: Session) -> World:
    return make_reachable_world(session)


def off(world: World, visit: Visit, **more: Any) -> None:
    values = {"actor": world.dispatcher, "now": YESTERDAY, "draft": True, **more}
    unassign_visit(world.session, visit_id=visit.id, **values)


def slots(world: World, visit: Visit) -> Sequence[int]:
    query = select(CrewSlot.id).where(CrewSlot.visit_id == visit.id).order_by(CrewSlot.position)
    return world.session.scalars(query).all()


def into(world: World, visit: Visit, slot: int, who: Any, **more: Any) -> None:
    """Book somebody for one place of a crew."""
    values = {"actor": world.dispatcher, "now": YESTERDAY, "draft": True, "start": EIGHT + HOUR, **more}
    place_visit(world.session, visit_id=visit.id, technician_id=who.id, crew_slot_id=slot, **values)


def report(world: World, visit: Visit, who: Any, kind: ReportKind, now: datetime, actor: Actor | None = None) -> Any:
    return report_visit(
        world.session,
        report_id=uuid.uuid4(),
        visit_id=visit.id,
        technician_id=who.id,
        kind=kind,
        happened_at=now,
        reason="cannot" if kind is ReportKind.DECLINED else None,
        actor=actor or actor_of(world.user, "technician", technician=who),
        now=now,
    )


def changes(world: World, who: Any, since: datetime, now: datetime = LATER) -> list[tuple[str, Any, Any]]:
    """Return what a technician reads as changed: kind, from when, to when."""
    world.session.commit()
    found: list[DayChange] = changes_since(world.session, who.id, since=since, now=now)
    return [(each.kind.value, each.was, each.now) for each in found]


def told(world: World, visit: Visit) -> list[tuple[int, datetime] | None]:
    """Return what people believe of the crew slots of a visit that are in a draft."""
    found = believed_of(world.session, [visit.id]).values()
    return [None if each.told is None else (each.told.technician_id, each.told.start) for each in found]


# Crews


def crew_of_ana_and(world: World, *others: Any) -> Visit:
    """A visit for two or three that everybody knows of."""
    visit = world.visit(crew=1 + len(others))
    for slot, who in zip(slots(world, visit), (world.ana, *others), strict=True):
        into(world, visit, slot, who, now=YESTERDAY - HOUR, draft=False)
    told_before(world)
    return visit


def together(world: World, visit: Visit, start: datetime, **more: Any) -> None:
    """Move a crew that Ana is in, as a whole."""
    mine = select(Assignment.id).where(
        Assignment.visit_id == visit.id,
        Assignment.technician_id == world.ana.id,
        Assignment.state == AssignmentState.PLANNED,
    )
    values = {"actor": world.dispatcher, "now": YESTERDAY, "draft": True, **more}
    booked = world.session.scalars(mine).one()
    place_visit(
        world.session, visit_id=visit.id, technician_id=world.ana.id, start=start, assignment_id=booked, **values
    )


def carl(world: World) -> Any:
    made = make.make_technician(world.session, territory=world.territory, name="Carl Roth", phone="+49 3")
    make.make_proficiency(world.session, technician=made, skill=world.skill, mean=4.0)
    make.make_shift(world.session, technician=made, territory=world.territory)
    return made


def test_one_of_a_crew_is_exchanged_and_the_others_hear_nothing(world: World) -> None:
    third = carl(world)
    visit = crew_of_ana_and(world, world.ben)
    second = slots(world, visit)[1]
    off(world, visit, crew_slot_id=second)
    into(world, visit, second, third)
    assert [shown(world, who) != [] for who in (world.ana, world.ben, third)] == [True, True, False]
    (one,) = drafted(world.session, territories=[world.territory.id], day=make.DAY, zone=make.ZONE)
    found, hears = changes_of(world.session, {visit.id: Sides(before=one.told, after=one.now)})
    assert [(each.kind, len(each.before), len(each.after)) for each in found] == [(Kind.REASSIGNED, 2, 2)]
    assert {(each.name, each.new, each.changed, each.taken_off) for each in hears} == {
        ("Ben Oduya", 0, 0, 1),
        ("Carl Roth", 1, 0, 0),
    }
    publish(world)
    assert set(held(world)) == {each.technician_id for each in hears}
    assert [shown(world, who) != [] for who in (world.ana, world.ben, third)] == [True, False, True]


def test_who_joins_a_crew_is_no_news_to_the_customer(world: World) -> None:
    visit = world.visit(crew=2)
    published(world, visit)
    into(world, visit, slots(world, visit)[1], world.ben)
    (one,) = drafted(world.session, territories=[world.territory.id], day=make.DAY, zone=make.ZONE)
    (found,), _hears = changes_of(world.session, {visit.id: Sides(before=one.told, after=one.now)})
    assert (found.kind, found.customer_hears) == (Kind.REASSIGNED, False)


def test_the_lead_changes_places_with_a_colleague(world: World) -> None:
    visit = crew_of_ana_and(world, world.ben)
    first, second = slots(world, visit)
    off(world, visit)
    into(world, visit, first, world.ben)
    into(world, visit, second, world.ana)
    assert drafts(world) == 2
    assert publish(world) == [visit.id]
    assert held(world) == {}, "for both of them it is the same time at the same place"
    assert shown(world, world.ana) == shown(world, world.ben) == [(visit.id, EIGHT + HOUR)]


def test_a_crew_goes_back_whole(world: World) -> None:
    third = carl(world)
    visit = crew_of_ana_and(world, world.ben)
    second = slots(world, visit)[1]
    off(world, visit, crew_slot_id=second)
    into(world, visit, second, third)
    together(world, visit, EIGHT + 3 * HOUR)
    assert drafts(world) == 2
    take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER)
    assert drafts(world) == 0
    assert [shown(world, who) for who in (world.ana, world.ben, third)] == [
        [(visit.id, EIGHT + HOUR)],
        [(visit.id, EIGHT + HOUR)],
        [],
    ]
    assert held(world) == {}


def test_what_becomes_of_others_of_a_crew_is_no_change_of_ones_own(world: World) -> None:
    visit = world.visit(crew=2)
    first, second = slots(world, visit)
    into(world, visit, first, world.ana, now=YESTERDAY, draft=False)
    into(world, visit, second, world.ben, now=YESTERDAY + HOUR / 4, draft=False)
    assert changes(world, world.ana, YESTERDAY - HOUR) == [("new", None, EIGHT + HOUR)]
    off(world, visit, crew_slot_id=second, now=YESTERDAY + HOUR / 2, draft=False)
    assert changes(world, world.ana, YESTERDAY + HOUR / 3) == []


def test_a_call_about_a_late_crew_stays_when_one_of_it_is_taken_off(world: World) -> None:
    visit = crew_of_ana_and(world, world.ben)
    make.make_promise(world.session, visit=visit, during=Range(EIGHT, EIGHT + 2 * HOUR))
    together(world, visit, EIGHT + 4 * HOUR, actor=world.manager, override_reason="agreed by the owner")
    publish(world)
    calls = select(CallTask.state, CallTask.outcome).where(CallTask.visit_id == visit.id).order_by(CallTask.id)
    assert world.session.execute(calls).all() == [(CallState.OPEN, None)]
    off(world, visit, crew_slot_id=slots(world, visit)[1], now=LATER)
    publish(world, now=LATER + HOUR)
    assert world.session.execute(calls).all() == [(CallState.OPEN, None)]
    off(world, visit, now=LATER + HOUR)
    publish(world, now=LATER + 2 * HOUR)
    assert world.session.execute(calls).all() == [(CallState.WITHDRAWN, "Nobody is booked any more")]


# What changed since one looked


def test_what_was_told_is_read_as_changed_whatever_was_tried_in_between(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 2 * HOUR, now=YESTERDAY)
    looked = YESTERDAY + HOUR / 4
    place(world, visit, start=EIGHT + 4 * HOUR, now=YESTERDAY + HOUR / 2)
    assert changes(world, world.ana, looked) == []
    publish(world)
    assert changes(world, world.ana, looked) == [("moved", EIGHT + HOUR, EIGHT + 4 * HOUR)]


def test_who_had_it_reads_that_it_is_gone_when_somebody_else_calls_in_sick(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    looked = YESTERDAY + HOUR / 4
    report_absence(
        world.session,
        technician_id=world.ben.id,
        start=make.MORNING,
        end=make.MORNING + timedelta(days=1),
        actor=actor_of(world.user, "dispatcher", "manager"),
        now=LATER,
    )
    assert shown(world, world.ana) == []
    assert changes(world, world.ana, looked) == [("gone", EIGHT + HOUR, None)]
    assert changes(world, world.ben, looked) == []


def test_what_was_published_is_read_while_the_next_draft_waits(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    publish(world)
    place(world, visit, who=world.ben, now=LATER)
    assert changes(world, world.ana, YESTERDAY + HOUR / 2) == [("new", None, EIGHT + HOUR)]
    assert changes(world, world.ben, YESTERDAY + HOUR / 2) == []


# Undo


def test_an_undo_of_an_absence_gives_back_the_draft_and_tells_nobody_of_it(world: World) -> None:
    visit, known = world.visit(), world.visit()
    published(world, known, start=EIGHT + 4 * HOUR)
    place(world, visit)
    world.session.commit()
    both = actor_of(world.user, "dispatcher", "manager")
    until = make.MORNING + timedelta(days=1)
    report_absence(world.session, technician_id=world.ana.id, start=make.MORNING, end=until, actor=both, now=LATER)
    world.session.commit()
    assert drafts(world) == 0
    undo_last(world.session, actor=both, now=LATER + HOUR / 60)
    world.session.commit()
    assert row(world, visit).technician_id == world.ana.id
    assert told(world, visit) == [None]
    assert shown(world, world.ana) == [(known.id, EIGHT + 4 * HOUR)]
    assert held(world) == {}


def test_an_undo_does_not_part_a_crew(world: World) -> None:
    omar = actor_of(make.make_user(world.session, name="Omar"), "dispatcher")
    visit = world.visit(crew=2)
    place(world, visit)
    world.session.commit()
    place(world, visit, start=EIGHT + 4 * HOUR)
    world.session.commit()
    into(world, visit, slots(world, visit)[1], world.ben, start=EIGHT + 4 * HOUR, actor=omar)
    world.session.commit()
    with pytest.raises(Conflict, match="Others of the crew"), world.session.begin_nested():
        undo_last(world.session, actor=world.dispatcher, now=LATER)
    assert row(world, visit).during.lower == EIGHT + 4 * HOUR
    undo_last(world.session, actor=omar, now=LATER)
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    assert row(world, visit).during.lower == EIGHT + HOUR


def test_an_absence_is_not_done_again_over_another_one(world: World) -> None:
    both = actor_of(world.user, "dispatcher", "manager")
    away: dict[str, Any] = {"technician_id": world.ana.id, "start": EIGHT, "end": EIGHT + 2 * HOUR, "now": LATER}
    visit = world.visit()
    published(world, visit)
    world.session.commit()
    report_absence(world.session, **away, actor=both)
    world.session.commit()
    undo_last(world.session, actor=both, now=LATER)
    world.session.commit()
    report_absence(world.session, **away | {"end": EIGHT + HOUR}, actor=SYSTEM)
    world.session.commit()
    with pytest.raises(Conflict, match="noted as away for part of that time"), world.session.begin_nested():
        redo_last(world.session, actor=both, now=LATER)
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]


def test_what_went_to_today_and_back_is_a_draft_as_before(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    ben_works_the_day_before(world)
    place(world, visit, start=EIGHT + 4 * HOUR)
    world.session.commit()
    place(world, visit, who=world.ben, start=YESTERDAY + 3 * HOUR, now=YESTERDAY + HOUR / 60)
    world.session.commit()
    assert drafts(world) == 0
    assert set(held(world)) == {world.ana.id, world.ben.id}
    undo_last(world.session, actor=world.dispatcher, now=YESTERDAY + HOUR / 30)
    world.session.commit()
    assert held(world) == {}
    assert told(world, visit) == [(world.ana.id, EIGHT + HOUR)]
    assert row(world, visit).during.lower == EIGHT + 4 * HOUR
    redo_last(world.session, actor=world.dispatcher, now=YESTERDAY + HOUR / 20)
    assert (drafts(world), set(held(world))) == (0, {world.ana.id, world.ben.id})


def test_a_step_that_was_published_by_a_colleague_is_undone_into_a_new_draft(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    omar = actor_of(make.make_user(world.session, name="Omar"), "dispatcher")
    place(world, visit, start=EIGHT + 2 * HOUR)
    world.session.commit()
    place(world, visit, start=EIGHT + 4 * HOUR, now=YESTERDAY + HOUR / 60)
    world.session.commit()
    publish(world, actor=omar)
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=LATER + HOUR / 60)
    world.session.commit()
    assert told(world, visit) == [(world.ana.id, EIGHT + 4 * HOUR)], "that is what Omar published"
    assert row(world, visit).during.lower == EIGHT + 2 * HOUR
    with pytest.raises(Conflict, match="Ines Weber changed the same booking"):
        undo_last(world.session, actor=omar, now=LATER + HOUR / 30)


def test_what_was_overridden_is_known_again_after_an_undo(world: World) -> None:
    visit = world.visit()
    make.make_promise(world.session, visit=visit, during=Range(EIGHT, EIGHT + HOUR))
    place(world, visit, start=EIGHT + 4 * HOUR, actor=world.manager, override_reason="agreed on the phone")
    world.session.commit()
    off(world, visit, now=YESTERDAY + HOUR / 60)
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=YESTERDAY + HOUR / 30)
    world.session.commit()
    assert blocked(world.session, [visit.id], now=LATER) == {}
    take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER)
    world.session.commit()
    undo_last(world.session, actor=world.dispatcher, now=LATER)
    assert blocked(world.session, [visit.id], now=LATER) == {}
    assert publish(world) == [visit.id]


def test_a_publication_is_not_taken_back_once_its_day_has_begun(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    world.session.commit()
    publish(world)
    world.session.commit()
    with pytest.raises(Conflict, match="day has begun"):
        undo_last(world.session, actor=world.dispatcher, now=make.MORNING)
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]


def test_nothing_is_booked_again_for_what_was_called_off(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    world.session.commit()
    off(world, visit)
    world.session.commit()
    call_off_job(world.session, job_id=visit.job_id, reason="moved away", actor=SYSTEM, now=LATER, customer_knows=True)
    world.session.commit()
    with pytest.raises(Conflict, match="cancelled"):
        undo_last(world.session, actor=world.dispatcher, now=LATER)
    assert row(world, visit) is None


# What happens meanwhile


def test_who_was_taken_off_hears_that_a_job_is_called_off(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    off(world, visit)
    assert shown(world, world.ana) == [(visit.id, EIGHT + HOUR)]
    call_off_job(world.session, job_id=visit.job_id, reason="moved away", actor=SYSTEM, now=LATER, customer_knows=True)
    assert (shown(world, world.ana), drafts(world)) == ([], 0)
    assert set(held(world)) == {world.ana.id}
    assert world.session.get_one(Visit, visit.id, populate_existing=True).state is VisitState.CANCELLED


def test_nobody_gets_back_what_they_declined_meanwhile(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    report(world, visit, world.ana, ReportKind.DECLINED, LATER)
    with pytest.raises(Blocked, match="Ana Ruiz declined it"):
        take_draft_back(world.session, seen=seen(world), actor=world.dispatcher, now=LATER)
    assert row(world, visit).technician_id == world.ben.id
    assert publish(world) == [visit.id]


def test_who_set_off_at_the_time_they_were_told_is_not_told_another_one(world: World) -> None:
    """The worker that publishes begun days was down, so Ana went where she believed to be asked."""
    visit = world.visit()
    published(world, visit)
    place(world, visit, start=EIGHT + 4 * HOUR)
    report(world, visit, world.ana, ReportKind.ON_THE_WAY, EIGHT + HOUR / 2)
    assert row(world, visit).state is AssignmentState.ON_THE_WAY
    assert publish_due(world.session, actor=SYSTEM, now=EIGHT + HOUR) == []
    assert held(world) == {}


def test_no_visit_is_told_to_who_still_believes_to_be_elsewhere_then(world: World) -> None:
    first, second = world.visit(), world.visit()
    published(world, first)
    place(world, first, start=EIGHT + 4 * HOUR)
    place(world, second)
    looked = seen(world)
    assert blocked(world.session, looked, now=LATER) == {}
    with pytest.raises(Blocked, match="Ana Ruiz still believes to be with Hale Dental"):
        publish(world, seen={second.id: looked[second.id]})
    make.make_promise(world.session, visit=first, during=Range(EIGHT, EIGHT + HOUR))
    assert set(blocked(world.session, looked, now=LATER)) == {first.id, second.id}, "what waits makes the other wait"


def test_what_waits_no_more_is_said_so(world: World) -> None:
    visit = world.visit()
    place(world, visit)
    looked = seen(world)
    publish(world, seen=looked)
    for again in (publish_draft, take_draft_back):
        with pytest.raises(DraftChanged, match="Nothing of it waits any more"):
            again(world.session, seen=looked, actor=world.dispatcher, now=LATER)


# Midnight


@pytest.mark.parametrize(
    ("zone", "now", "begun"),
    [
        ("America/Los_Angeles", "2026-03-02T07:30+00:00", False),  # 23:30 on the first
        ("America/Los_Angeles", "2026-03-02T08:05+00:00", True),
        ("Pacific/Auckland", "2026-03-01T10:59+00:00", False),
        ("Pacific/Auckland", "2026-03-01T11:00+00:00", True),
        ("Europe/Berlin", "2026-03-01T23:00+00:00", True),
        ("Europe/Berlin", "2026-03-01T22:59+00:00", False),
    ],
)
def test_a_day_begins_where_its_territory_lies(world: World, zone: str, now: str, begun: bool) -> None:
    visit = world.visit()
    world.territory.zone = zone
    slot = slots(world, visit)[0]
    noon = datetime(2026, 3, 2, 12, tzinfo=ZoneInfo(zone))
    made = make.make_assignment(
        world.session, visit=visit, technician=world.ana, during=Range(noon, noon + HOUR), shift_id=None
    )
    world.session.add(
        DraftChange(crew_slot_id=slot, visit_id=visit.id, made_at=noon - timedelta(days=3), made_by_id=world.user.id)
    )
    world.session.flush()
    assert made.crew_slot_id == slot
    assert publish_due(world.session, actor=SYSTEM, now=datetime.fromisoformat(now)) == ([visit.id] if begun else [])


@pytest.mark.parametrize(("hours_before", "known"), [(5, False), (4, True), (1, True)])
def test_what_one_may_set_off_for_in_the_evening_is_told_in_the_evening(
    world: World, hours_before: int, known: bool
) -> None:
    start = datetime(2026, 3, 4, 0, 30, tzinfo=ZoneInfo(make.ZONE))
    make.make_shift(
        world.session,
        technician=world.ben,
        territory=world.territory,
        on_date=make.DAY,
        during=Range(start - 3 * HOUR, start + 5 * HOUR),
    )
    visit, before = world.visit(window=Range(start, start + 4 * HOUR)), world.visit()
    place(world, visit, who=world.ben, start=start, now=start - hours_before * HOUR)
    assert (drafts(world), set(held(world))) == ((0, {world.ben.id}) if known else (1, set()))
    assert publish_due(world.session, actor=SYSTEM, now=start - 4 * HOUR) == ([] if known else [visit.id])
    assert row(world, before) is None


# What technicians may know


def test_nobody_learns_of_a_draft_by_reporting(world: World) -> None:
    visit = world.visit()
    published(world, visit)
    place(world, visit, who=world.ben)
    for kind in (ReportKind.NOTE, ReportKind.ACCEPTED, ReportKind.DECLINED):
        with pytest.raises(NotFound, match="no such visit"):
            report(world, visit, world.ben, kind, LATER)
    with pytest.raises(NotFound):
        my_visit(world.session, world.ben.id, visit.id, now=LATER)
    assert report(world, visit, world.ana, ReportKind.NOTE, LATER).overtaken is False


def test_what_came_and_went_within_a_draft_is_no_visit_of_theirs(world: World) -> None:
    visit, known = world.visit(), world.visit()
    published(world, known, who=world.ben, start=EIGHT + 4 * HOUR)
    place(world, visit, who=world.ben)
    place(world, visit)
    publish(world)
    world.session.commit()
    with pytest.raises(NotFound):
        my_visit(world.session, world.ben.id, visit.id, now=LATER)
    with pytest.raises(NotFound):
        report(world, visit, world.ben, ReportKind.NOTE, LATER)
    assert my_visit(world.session, world.ana.id, visit.id, now=LATER).start == EIGHT + HOUR
    place(world, known, start=EIGHT + 4 * HOUR, now=LATER)
    publish(world, now=LATER + HOUR)
    world.session.commit()
    assert my_visit(world.session, world.ben.id, known.id, now=LATER).state is AssignmentState.CANCELLED
    assert report(world, known, world.ben, ReportKind.DONE, LATER + HOUR).overtaken


def test_where_one_comes_from_is_told_as_one_was_told(world: World) -> None:
    known = world.visit()
    other = make.make_site(
        world.session, territory=world.territory, customer=make.make_customer(world.session, name="Secret Dairy")
    )
    secret = make.make_visit(
        world.session, job=make.make_job(world.session, site=other, owner=world.user), needs={world.skill: 3}
    )
    published(world, known, start=EIGHT + 4 * HOUR)
    place(world, secret, start=EIGHT + 2 * HOUR)
    (stop,) = my_day(world.session, world.ana.id, day=make.DAY, zone=make.ZONE, now=LATER).stops
    assert "Secret Dairy" not in " ".join(why_you(world.session, world.ana.id, stop))
    publish(world)
    stop = my_visit(world.session, world.ana.id, known.id, now=LATER)
    assert "Secret Dairy" in " ".join(why_you(world.session, world.ana.id, stop))


# Words


@pytest.mark.parametrize(
    ("minutes", "kind"), [(0, Kind.SLIGHT), (5, Kind.SLIGHT), (15, Kind.SLIGHT), (16, Kind.RETIMED)]
)
def test_another_time_is_what_people_notice(world: World, minutes: int, kind: Kind) -> None:
    visit = world.visit()
    start, moved = EIGHT + HOUR, EIGHT + HOUR + timedelta(minutes=minutes)

    before = (Placement(technician_id=world.ana.id, shift_id=None, start=start, end=start + HOUR),)
    after = (Placement(technician_id=world.ana.id, shift_id=None, start=moved, end=moved + 2 * HOUR),)
    (found,), (hears,) = changes_of(world.session, {visit.id: Sides(before=before, after=after)})
    assert found.kind is kind
    assert (hears.changed, hears.slightly) == ((1, 0) if kind is Kind.RETIMED else (0, 1))
