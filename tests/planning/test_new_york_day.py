"""A real day of New York from file to published plan: import, people, planning in a child, the independent checker."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import RoleName
from dispatch.core.db import make_engine, make_sessions
from dispatch.demo.workforce import generate_workforce
from dispatch.imports.kinds import import_file, import_request_file
from dispatch.imports.requests import Replay
from dispatch.jobs.models import Visit
from dispatch.matching.check import check, feasible_insertions
from dispatch.matching.problem import Problem
from dispatch.planning.models import Assignment, Plan, PlanRequest, PlanUnserved, RequestState
from dispatch.planning.service import publish_plan, request_plan
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.planning.solving import Run, run_request
from dispatch.planning.supervising import Limits
from dispatch.workforce.models import Shift, Territory
from tests import factories as make
from tests.conftest import statements

SHARED = Path(__file__).parents[3] / "shared" / "data"
DAY = date(2030, 3, 5)  # a Tuesday, like the day it replays
EVENING = datetime(2030, 3, 4, 22, 0, tzinfo=UTC)
PEOPLE = 120

pytestmark = [
    pytest.mark.skipif(not SHARED.exists(), reason=f"the requests of New York are not in {SHARED.name}"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def city(module_database_url: str) -> Iterator[Engine]:
    """Give a database with the requests of the day and people for them."""
    engine = make_engine(module_database_url)
    with make_sessions(engine)() as session:
        owner = make.make_user(session, RoleName.DISPATCHER)
        mapping = SHARED / "mapping"
        for kind, name in (("skills", "skills_catalogue.csv"), ("certifications", "certifications.csv")):
            import_file(
                session,
                kind=kind,
                file_name=name,
                data=(mapping / name).read_bytes(),
                dry_run=False,
                confirmed=True,
                actor=SYSTEM,
                now=EVENING,
            )
        report = import_request_file(
            session,
            file_name="nyc_311.csv",
            data=(SHARED / "requests" / "nyc_311_2012-11-20.csv").read_bytes(),
            mapping=(mapping / "request_type_mapping.csv").read_bytes(),
            replay=Replay(day=date(2012, 11, 20), shift_to=DAY, owner_email=owner.email),
            dry_run=False,
            confirmed=True,
            actor=SYSTEM,
            now=EVENING,
        )
        assert report.new >= 628
        generate_workforce(session, for_date=DAY, count=PEOPLE, seed=1, now=EVENING)
        session.commit()
    yield engine
    engine.dispose()


def scope_of(session: Session) -> list[tuple[int, date]]:
    return [(territory, DAY) for territory in session.scalars(select(Territory.id).order_by(Territory.id))]


def test_the_day_is_planned_published_and_passes_the_checker(city: Engine) -> None:
    sessions = make_sessions(city)
    with sessions() as session:
        request_id = request_plan(
            session, scope=scope_of(session), actor=SYSTEM, now=EVENING, time_limit_s=10, seed=1
        ).id
        session.commit()
    run = Run(
        sessions=sessions,
        request_id=request_id,
        limits=Limits(grace_s=10.0, memory_mb=1500),
        now=lambda: EVENING,
    )
    state = run_request(run)
    with sessions() as session:
        request = session.get_one(PlanRequest, request_id)
        assert (state, request.message) == (RequestState.SOLVED, None)
        plan = session.scalars(select(Plan)).one()
        assert plan.violations == []
        assert plan.baseline is not None
        assert plan.cost["total"] < plan.baseline["cost"]
        unserved = session.scalars(select(PlanUnserved)).all()
        assert all(item.reasons for item in unserved)
        report = publish_plan(session, plan_id=plan.id, actor=SYSTEM, now=EVENING)
        session.commit()
        assert report.complete
        visits = session.scalar(select(func.count()).select_from(Visit)) or 0
        assert len(report.assigned) + len(unserved) == visits
        committed = session.scalar(select(func.count(Assignment.visit_id.distinct()))) or 0
        assert committed == len(report.assigned) > visits * 0.6


def test_what_is_committed_passes_the_checker_again(city: Engine) -> None:
    """Read the published day anew: planning it without time to search keeps what is published, and breaks nothing."""
    from dispatch.matching import solve

    with make_sessions(city)() as session, statements(city) as sent:
        snapshot = read_snapshot(session, scope=scope_of(session), policy=active_policy(session), now=EVENING)
        assert sent.count <= 21
    problem: Problem = snapshot.problem
    assert Problem.from_json(problem.to_json()) == problem
    assert sum(len(visit.published) for visit in problem.visits) > 0
    answer = solve(problem, step_limit=0, time_limit_s=60)
    assert check(problem, answer) == ()
    assert list(feasible_insertions(problem, answer)) == []


def test_everybody_works_inside_their_shift(city: Engine) -> None:
    with make_sessions(city)() as session:
        outside = session.scalar(
            select(func.count())
            .select_from(Assignment)
            .join(Shift, Shift.id == Assignment.shift_id)
            .where(
                (func.lower(Assignment.during) < func.lower(Shift.during))
                | (
                    func.upper(Assignment.during)
                    > func.upper(Shift.during) + func.make_interval(0, 0, 0, 0, 0, 0, Shift.overtime_limit_s)
                )
            )
        )
        assert outside == 0
