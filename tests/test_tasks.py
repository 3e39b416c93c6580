"""The background tasks in a real worker, from request to stored plan, and by the clock."""

import asyncio
from collections.abc import Iterator
from datetime import date, time, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from procrastinate import JobContext
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core import queue
from dispatch.core.db import make_engine, make_sessions
from dispatch.coverage.models import CoverageRun
from dispatch.coverage.service import request_count
from dispatch.planning.models import Plan, PlanRequest, RequestState
from dispatch.planning.nightly import plan_due_territories
from dispatch.planning.service import publish_plan, request_plan
from dispatch.tasks import app, extend_shifts, solve_plan
from dispatch.workforce.models import Shift
from dispatch.workforce.service import WeeklyHours, set_pattern
from tests import factories as make
from tests.planning.world import make_world


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def test_a_requested_plan_is_made_by_a_worker_and_published(target: Engine, database_url: str) -> None:
    sessions = make_sessions(target)
    # A day far ahead: the worker reads the real clock, and what has passed cannot be planned.
    day = make.DAY + timedelta(days=36_500)
    with sessions() as session:
        world = make_world(session)
        world.shift.on_date, world.shift.during = day, make.hours(0, 8, day=day)
        visit = world.visit()
        request_id = request_plan(
            session, scope=[(world.territory.id, day)], actor=SYSTEM, now=make.MORNING, time_limit_s=2
        ).id
        session.commit()
        visit_id = visit.id
    asyncio.run(queue.work(database_url, context={"sessions": sessions}, until_empty=True))
    with sessions() as session:
        request = session.get_one(PlanRequest, request_id)
        assert (request.state, request.message) == (RequestState.SOLVED, None)
        plan = session.scalars(select(Plan)).one()
        report = publish_plan(session, plan_id=plan.id, actor=SYSTEM, now=make.MORNING)
        session.commit()
        assert report.assigned == (visit_id,)
        tried = text("SELECT attempts FROM procrastinate_jobs WHERE task_name = 'planning.solve'")
        assert session.execute(tried).scalar() == 1


def test_the_task_is_named_as_it_is_asked_for() -> None:
    assert solve_plan.name == "planning.solve"
    assert set(queue.app.tasks) >= {
        "planning.solve",
        "queue.rescue",
        "planning.plan_tomorrow",
        "coverage.count",
        "coverage.remind_holders",
        "core.sweep_files",
    }


def test_coverage_is_counted_by_the_worker(target: Engine, database_url: str) -> None:
    sessions = make_sessions(target)
    with sessions() as session:
        make_world(session)
        assert request_count(session, actor=SYSTEM)
        assert not request_count(session, actor=SYSTEM), "one that waits is enough"
        session.commit()
    asyncio.run(queue.work(database_url, context={"sessions": sessions}, until_empty=True))
    with sessions() as session:
        assert session.query(CoverageRun).count() == 1


def test_shifts_of_the_coming_weeks_are_made_from_weekly_hours_once(target: Engine) -> None:
    sessions = make_sessions(target)
    week = [WeeklyHours(weekday=day, starts_at=time(7), ends_at=time(15, 30)) for day in range(5)]
    with sessions() as session:
        world = make_world(session)
        set_pattern(
            session,
            technician_id=world.ana.id,
            territory_id=world.territory.id,
            hours=week,
            from_day=date(2000, 1, 3),
            actor=SYSTEM,
            now=make.MORNING,
        )
        session.commit()
    context = cast(JobContext, SimpleNamespace(additional_context={"sessions": sessions}))
    made = []
    for _ in range(2):
        asyncio.run(extend_shifts(context, 0))
        with sessions() as session:
            made.append(session.query(Shift).filter(Shift.technician_id == world.ana.id).count())
    assert made == [1 + 30, 1 + 30], "five days in each of six weeks, next to the one shift there was"


def test_tomorrow_is_planned_in_the_evening_of_each_territory_once(session: Session) -> None:
    berlin = make.make_territory(session, zone="Europe/Berlin")
    tokyo = make.make_territory(session, zone="Asia/Tokyo")
    make.make_territory(session, zone="Europe/Berlin", retired_at=make.MORNING)
    evening = make.MORNING.replace(hour=18, minute=30)
    made = plan_due_territories(session, actor=SYSTEM, now=evening)
    session.flush()
    scopes = session.execute(text("SELECT territory_id, day FROM plan_scope")).all()
    assert [tuple(row) for row in scopes] == [(berlin.id, make.DAY + timedelta(days=1))]
    assert len(made) == 1
    assert plan_due_territories(session, actor=SYSTEM, now=evening + timedelta(hours=1)) == []
    morning = make.MORNING.replace(hour=11)
    assert [item.scope[0].territory_id for item in plan_due_territories(session, actor=SYSTEM, now=morning)] == [
        tokyo.id
    ]


MINUTE, HOUR, DAY = 60, 3600, 86_400
COMES_EVERY_S = {
    "queue.rescue": 30,
    "messages.send": MINUTE,
    "planning.publish_due": 5 * MINUTE,
    "coverage.refresh": 5 * MINUTE,
    "planning.send_digests": HOUR,
    "planning.plan_tomorrow": HOUR,
    "imports.forget_uploads": HOUR,
    "core.keep_copy": DAY,
    "core.sweep_files": DAY,
    "coverage.count": DAY,
    "coverage.remind_holders": DAY,
    "jobs.make_ahead": DAY,
    "skills.recompute": DAY,
    "workforce.make_shifts": DAY,
}


@pytest.mark.parametrize("begin", [1_795_833_000.0, 1_795_833_017.0])
def test_what_comes_again_comes_as_often_as_it_should(begin: float) -> None:
    """Fields in another order once took up the work of a dead worker every half hour only, then sixty times."""
    found = {}
    for each in app.periodic_registry.periodic_tasks.values():
        at = each.croniter.get_next(float, start_time=begin)
        found[each.task.name] = each.croniter.get_next(float, start_time=at) - at
    assert found == COMES_EVERY_S
