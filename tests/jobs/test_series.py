"""Work that comes again: its jobs are made ahead, once each, whatever happens in between."""

import threading
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, Forbidden, Invalid
from dispatch.jobs.lifecycle import JobState
from dispatch.jobs.models import Job, JobSeries, JobType, Visit
from dispatch.jobs.recurrence import Unit
from dispatch.jobs.series import (
    SeriesDraft,
    begin_series,
    change_series,
    end_series,
    make_jobs_ahead,
    pause_series,
    resume_series,
)
from tests import factories as make
from tests.planning.world import World, actor_of, make_world

NOW = make.MORNING
TODAY = make.DAY


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


def begin(world: World, **changes: Any) -> JobSeries:
    values: dict[str, Any] = {
        "site_id": world.site.id,
        "job_type_id": make.make_job_type(world.session, name="Yearly service").id,
        "title": "Service the boiler",
        "first_on": TODAY + timedelta(days=7),
        "every": 1,
        "unit": Unit.MONTH,
    }
    return begin_series(world.session, SeriesDraft(**(values | changes)), actor=world.dispatcher, now=NOW)


def days(session: Session, series: JobSeries) -> list[date]:
    session.flush()
    rows = session.scalars(select(Job.occurs_on).where(Job.series_id == series.id).order_by(Job.occurs_on))
    return [day for day in rows if day is not None]


def later(**passed: int) -> datetime:
    return NOW + timedelta(**passed)


def test_what_is_due_ahead_is_made_at_once_and_the_rest_when_it_comes_near(world: World) -> None:
    series = begin(world, ahead_days=40)
    first, second = TODAY + timedelta(days=7), series.rule.nth(TODAY + timedelta(days=7), 1)
    assert days(world.session, series) == [first, second]
    assert make_jobs_ahead(world.session, now=NOW) == 0
    assert make_jobs_ahead(world.session, now=later(days=31)) == 1
    assert days(world.session, series)[2] == series.rule.nth(first, 2)


def test_a_job_of_it_is_a_job_like_others_with_its_time_around_the_day(world: World) -> None:
    series = begin(world, tolerance_days=2)
    job = world.session.scalars(select(Job).where(Job.series_id == series.id)).one()
    assert (job.title, job.site_id, job.state, job.owner_id) == (
        "Service the boiler",
        world.site.id,
        JobState.OPEN,
        world.user.id,
    )
    assert job.release_at is not None
    assert job.due_at is not None
    assert job.due_at - job.release_at == timedelta(days=5)
    assert job.next_step_due_at is not None
    assert NOW + timedelta(days=1) < job.next_step_due_at < job.due_at, "nobody is asked for it weeks before"
    assert world.session.scalars(select(Visit).where(Visit.job_id == job.id)).one().due_at == job.due_at


def test_counting_from_completion_waits_until_it_is_done(world: World) -> None:
    series = begin(world, from_completion=True, every=10, unit=Unit.DAY)
    assert days(world.session, series) == [TODAY + timedelta(days=7)]
    assert series.next_on is None
    assert make_jobs_ahead(world.session, now=later(days=60)) == 0
    done = later(days=61)
    world.session.execute(
        update(Job)
        .where(Job.series_id == series.id)
        .values(state=JobState.CANCELLED, closed_at=done, close_reason="not home", version=Job.version + 1)
    )
    assert make_jobs_ahead(world.session, now=done) == 1
    assert days(world.session, series)[1] == TODAY + timedelta(days=71)


def test_what_was_missed_while_nothing_ran_is_made_once(world: World) -> None:
    """The server was off for half a year: one visit does for all that fell into it, and it is due now."""
    series = begin(world, every=1, unit=Unit.WEEK, ahead_days=7, tolerance_days=1)
    back = later(days=180)
    assert make_jobs_ahead(world.session, now=back) == 2
    found = days(world.session, series)
    assert len(found) == 3
    due = world.session.scalars(select(Job.due_at).where(Job.series_id == series.id)).all()
    assert all(each is not None and each > back for each in due[1:])


def test_a_pause_is_not_made_up_for(world: World) -> None:
    series = begin(world, every=1, unit=Unit.WEEK, ahead_days=7)
    pause_series(world.session, series_id=series.id, actor=world.dispatcher, now=NOW)
    assert make_jobs_ahead(world.session, now=later(days=30)) == 0
    resume_series(world.session, series_id=series.id, actor=world.dispatcher, now=later(days=30))
    assert days(world.session, series) == [TODAY + timedelta(days=7), TODAY + timedelta(days=35)]


def test_it_ends_after_its_last_day_or_when_somebody_says_so(world: World) -> None:
    series = begin(world, every=1, unit=Unit.WEEK, last_on=TODAY + timedelta(days=14), ahead_days=60)
    assert len(days(world.session, series)) == 2
    assert series.ended_at == NOW
    other = begin(world)
    end_series(world.session, series_id=other.id, actor=world.dispatcher, now=NOW)
    assert make_jobs_ahead(world.session, now=later(days=100)) == 0
    for verb in (pause_series, resume_series, end_series):
        with pytest.raises(Conflict):
            verb(world.session, series_id=other.id, actor=world.dispatcher, now=NOW)


def test_what_cannot_be_made_waits_with_a_reason_and_goes_on_when_it_can(world: World) -> None:
    series = begin(world)
    kind = world.session.get_one(JobType, series.job_type_id)
    kind.retired_at = NOW
    assert make_jobs_ahead(world.session, now=later(days=30)) == 0
    assert series.problem == "Choose a kind of work from the list."
    assert series.problem_due_at is not None
    kind.retired_at = None
    assert make_jobs_ahead(world.session, now=later(days=31)) == 1
    assert series.problem is None


def test_another_next_day_begins_the_count_anew_and_an_old_version_is_refused(world: World) -> None:
    series = begin(world, first_on=TODAY + timedelta(days=40))
    version = series.version
    moved = TODAY + timedelta(days=50)
    change_series(
        world.session,
        series_id=series.id,
        version=version,
        changes={"next_on": moved, "every": 2},
        actor=world.dispatcher,
        now=NOW,
    )
    assert (series.first_on, series.next_on) == (moved, moved)
    with pytest.raises(Conflict):
        change_series(
            world.session,
            series_id=series.id,
            version=version,
            changes={"every": 3},
            actor=world.dispatcher,
            now=NOW,
        )


def test_set_back_to_a_day_that_has_its_job_no_second_one_is_made(world: World) -> None:
    series = begin(world, ahead_days=7)
    change_series(
        world.session,
        series_id=series.id,
        version=series.version,
        changes={"next_on": TODAY + timedelta(days=7)},
        actor=world.dispatcher,
        now=NOW,
    )
    assert days(world.session, series) == [TODAY + timedelta(days=7)]
    assert series.next_on is not None
    assert series.next_on > TODAY + timedelta(days=7)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": "  "}, "title"),
        ({"every": 0}, "every"),
        ({"every": 366}, "every"),
        ({"ahead_days": 0}, "ahead_days"),
        ({"tolerance_days": 61}, "tolerance_days"),
        ({"first_on": TODAY - timedelta(days=1)}, "first_on"),
        ({"last_on": TODAY}, "last_on"),
        ({"job_type_id": 999_999}, "job_type_id"),
        ({"site_id": 999_999}, "site_id"),
        ({"asset_id": 999_999}, "asset_id"),
    ],
)
def test_what_makes_no_sense_is_refused_on_its_field(world: World, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        begin(world, **wrong)
    assert refused.value.field == field


def test_only_who_may_book_there_may_begin_it(world: World) -> None:
    other = make.make_site(world.session, territory=make.make_territory(world.session))

    nobody = actor_of(world.user)
    with pytest.raises(Forbidden):
        begin_series(
            world.session,
            SeriesDraft(
                site_id=other.id,
                job_type_id=make.make_job_type(world.session).id,
                title="x",
                first_on=TODAY,
                every=1,
                unit=Unit.DAY,
            ),
            actor=nobody,
            now=NOW,
        )


def test_two_workers_at_once_make_each_job_once(database_url: str) -> None:
    engine: Engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions() as session:
        world = make_world(session)
        series_ids = [begin(world, first_on=TODAY + timedelta(days=40 + number)).id for number in range(6)]
        session.commit()
    ready, made = threading.Barrier(2), []

    def work() -> None:
        with sessions() as session:
            ready.wait()
            made.append(make_jobs_ahead(session, now=later(days=30)))
            session.commit()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with sessions() as session:
        per_day = session.execute(
            select(Job.series_id, Job.occurs_on, func.count())
            .where(Job.series_id.in_(series_ids))
            .group_by(Job.series_id, Job.occurs_on)
        ).all()
        assert {count for _, _, count in per_day} == {1}
        assert {series for series, _, _ in per_day} == set(series_ids)
        assert sum(made) == len(per_day)
    engine.dispose()


def test_a_refused_change_leaves_no_trace(world: World) -> None:
    series = begin(world)
    with pytest.raises(Invalid):
        change_series(
            world.session,
            series_id=series.id,
            version=series.version,
            changes={"title": "Other words", "every": 0},
            actor=world.dispatcher,
            now=NOW,
        )
    assert series.title == "Service the boiler"
