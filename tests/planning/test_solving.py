import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import Conflict, Invalid
from dispatch.planning.leases import LeaseHeld, LeaseLost, check_tokens, release_leases, renew_leases, take_leases
from dispatch.planning.models import Plan, PlanRequest, PlanRoute, PlanState, PlanStop, PlanUnserved, RequestState
from dispatch.planning.service import cancel_plan, request_plan, stop_plan
from dispatch.planning.solving import Run, fail_orphans, run_request
from dispatch.planning.supervising import CHILD, Limits
from tests import factories as make
from tests.planning import fakes
from tests.planning.world import actor_of, make_world

NOW = make.MORNING - timedelta(hours=12)
ENDINGS = int(os.environ.get("EXTRAMILE_ENDINGS", "8"))
"""How often a run is ended at a random moment; 200 before a release."""
LIMITS = Limits(grace_s=15.0, memory_mb=1500)


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


def ask(target: Engine, *, visits: int = 3, time_limit_s: float = 3.0) -> int:
    """Put a small day into the database and ask for its plan."""
    with make_sessions(target)() as session:
        world = make_world(session)
        for _ in range(visits):
            world.visit()
        scope = [(world.territory.id, make.DAY)]
        request = request_plan(session, scope=scope, actor=SYSTEM, now=NOW, time_limit_s=time_limit_s)
        session.commit()
        return request.id


def run_of(target: Engine, request_id: int, command: Sequence[str] = CHILD, **changes: Any) -> Run:
    values = {"sessions": make_sessions(target), "request_id": request_id, "limits": LIMITS, "command": command}
    return Run(**{**values, "now": lambda: NOW, **changes})


def stored(target: Engine, request_id: int) -> tuple[PlanRequest, Plan | None]:
    with make_sessions(target)() as session:
        plan = session.scalars(select(Plan).where(Plan.plan_request_id == request_id)).one_or_none()
        return session.get_one(PlanRequest, request_id), plan


def test_request_task_and_rows_are_saved_together_or_not_at_all(target: Engine) -> None:
    waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'planning.solve'")
    with make_sessions(target)() as session:
        world = make_world(session)
        request_plan(session, scope=[(world.territory.id, make.DAY)], actor=SYSTEM, now=NOW)
        session.rollback()
        assert session.execute(waiting).scalar() == 0
        assert session.scalars(select(PlanRequest)).all() == []
    ask(target)
    with make_sessions(target)() as session:
        assert session.execute(waiting).scalar() == 1


def test_a_day_is_solved_checked_and_stored(target: Engine) -> None:
    request_id = ask(target)
    assert run_request(run_of(target, request_id)) is RequestState.SOLVED
    request, plan = stored(target, request_id)
    assert plan is not None
    assert plan.state is PlanState.PROPOSED
    assert plan.violations == []
    assert plan.cost["total"] > 0
    assert plan.baseline is not None
    assert plan.stats["figures"]["served"] == 3
    assert request.problem is not None
    assert len(request.problem["visits"]) == 3
    assert request.message is None
    assert {line["phase"] for line in request.progress} >= {"construct", "finish"}
    with make_sessions(target)() as session:
        stops = session.scalars(select(PlanStop)).all()
        assert len(stops) == 3
        assert all(stop.terms["total"] > 0 for stop in stops)
        assert session.execute(text("SELECT plan_request_id, token FROM plan_lease")).all() == [(None, 1)]
    assert run_request(run_of(target, request_id)) is None, "a second delivery of the task does nothing"


@pytest.mark.parametrize(
    "command, says",
    [
        (fakes.CRASHES, "ended early"),
        (fakes.BABBLES, "no plan"),
        (fakes.SAYS_NOTHING, "ended early"),
    ],
)
def test_a_failing_solver_fails_its_run_with_a_reason(target: Engine, command: Sequence[str], says: str) -> None:
    request_id = ask(target)
    assert run_request(run_of(target, request_id, command)) is RequestState.FAILED
    request, plan = stored(target, request_id)
    assert plan is None
    assert request.message is not None
    assert says in request.message
    with make_sessions(target)() as session:
        assert session.execute(text("SELECT plan_request_id FROM plan_lease")).scalar() is None


def test_a_plan_that_breaks_rules_is_not_stored(target: Engine) -> None:
    """The fake answers an empty plan, which leaves every visit out without a reason."""
    request_id = ask(target)
    assert run_request(run_of(target, request_id, fakes.CRASHES_AFTER_A_PLAN)) is RequestState.FAILED
    request, _plan = stored(target, request_id)
    assert request.message is not None
    assert "broke a rule" in request.message


def test_the_best_plan_known_survives_the_death_of_the_solver(target: Engine) -> None:
    request_id = ask(target, visits=0)
    assert run_request(run_of(target, request_id, fakes.CRASHES_AFTER_A_PLAN)) is RequestState.SOLVED
    request, plan = stored(target, request_id)
    assert plan is not None
    assert request.message is not None
    assert "The best plan known is kept" in request.message


def test_stop_keeps_the_plan_cancel_keeps_nothing(target: Engine) -> None:
    for steer, expected in ((stop_plan, RequestState.SOLVED), (cancel_plan, RequestState.CANCELLED)):
        request_id = ask(target, visits=0, time_limit_s=60)
        begun = threading.Event()

        def meddle(steer: Any = steer, request_id: int = request_id, begun: threading.Event = begun) -> None:
            begun.wait(10)
            with make_sessions(target)() as session:
                steer(session, request_id=request_id, actor=SYSTEM, now=NOW)
                session.commit()

        meddler = threading.Thread(target=meddle)
        meddler.start()

        class Sessions:
            """Tells when the child is about to be started: the problem has been read by then."""

            def __init__(self, begun: threading.Event) -> None:
                self.made, self.begun = make_sessions(target), begun
                self.count = 0

            def __call__(self) -> Session:
                self.count += 1
                if self.count > 3:
                    self.begun.set()
                return self.made()

        run_request(run_of(target, request_id, fakes.NEVER_STOPS, sessions=Sessions(begun)))
        meddler.join()
        request, plan = stored(target, request_id)
        assert request.state is expected
        assert (plan is not None) is (expected is RequestState.SOLVED)
        with make_sessions(target)() as session:
            with pytest.raises(Conflict, match="ended already"):
                stop_plan(session, request_id=request_id, actor=SYSTEM, now=NOW)
            assert session.execute(text("SELECT plan_request_id FROM plan_lease")).scalar() is None


@pytest.mark.parametrize("steer", [stop_plan, cancel_plan])
def test_29_ended_at_any_moment_a_run_leaves_no_child_no_lease_and_half_a_plan_never(
    target: Engine, steer: Callable[..., Any]
) -> None:
    """RELIABILITY f 29: before the child runs, while it starts, after its first plan."""
    chosen = random.Random(29)
    expected = {stop_plan: RequestState.SOLVED, cancel_plan: RequestState.CANCELLED}[steer]
    for number in range(ENDINGS):
        request_id = ask(target, visits=0, time_limit_s=60)
        mark = f"run-{request_id}-{os.getpid()}"
        ended: list[float] = []

        def end(request_id: int = request_id, ended: list[float] = ended) -> None:
            with make_sessions(target)() as session:
                steer(session, request_id=request_id, actor=SYSTEM, now=NOW)
                session.commit()
            ended.append(time.monotonic())

        later = threading.Timer(chosen.uniform(0.0, 0.6), end)
        later.start()
        state = run_request(run_of(target, request_id, (*fakes.NEVER_STOPS, mark)))
        later.join()
        assert time.monotonic() - ended[0] < 2.0 + LIMITS.grace_s
        assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _text(path)], f"round {number}"
        request, plan = stored(target, request_id)
        assert request.state is state
        assert state in (expected, RequestState.CANCELLED), "stopped before anything was known there is nothing to keep"
        assert (plan is not None) is (state is RequestState.SOLVED)
        with make_sessions(target)() as session:
            assert session.execute(text("SELECT plan_request_id FROM plan_lease")).scalar() is None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it ended meanwhile
        return ""


def test_a_worker_that_stops_hands_the_request_back(target: Engine) -> None:
    request_id = ask(target, visits=0, time_limit_s=60)
    run = run_of(target, request_id, fakes.NEVER_STOPS)
    threading.Timer(0.5, run.give_up.set).start()
    assert run_request(run) is RequestState.QUEUED
    with make_sessions(target)() as session:
        waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'planning.solve'")
        assert session.execute(waiting).scalar() == 2
        assert session.execute(text("SELECT plan_request_id FROM plan_lease")).scalar() is None
    assert stored(target, request_id)[0].state is RequestState.QUEUED


def test_a_late_run_is_refused_when_another_took_over(target: Engine) -> None:
    """The first run freezes past its lease; a second attempt takes over; whatever the first brings is not stored."""
    request_id = ask(target, visits=0)
    late = run_of(
        target, request_id, fakes.FREEZES_AFTER_A_PLAN, limits=Limits(grace_s=1.0, memory_mb=1500, start_s=4.0)
    )

    def overtake() -> None:
        with make_sessions(target)() as session:
            take_leases(session, request_id=request_id, scope=late.scope)
            session.commit()

    threading.Timer(1.0, overtake).start()
    assert run_request(late) is RequestState.FAILED
    request, plan = stored(target, request_id)
    assert plan is None
    assert request.state is RequestState.RUNNING, "the request belongs to the later attempt"


def scope_of(session: Session, days: int = 2) -> tuple[int, int, list[Any]]:
    """Two queued requests over the same days."""
    territory = make.make_territory(session)
    scope = [(territory.id, make.DAY + timedelta(days=number)) for number in range(days)]
    first = request_plan(session, scope=scope, actor=SYSTEM, now=NOW)
    second = request_plan(session, scope=scope[:1], actor=actor_of(make.make_user(session), "dispatcher"), now=NOW)
    return first.id, second.id, scope


def test_leases_are_exclusive_expire_and_only_grow(session: Session) -> None:
    first, second, scope = scope_of(session)
    tokens = take_leases(session, request_id=first, scope=scope)
    assert set(tokens.values()) == {1}
    with pytest.raises(LeaseHeld):
        take_leases(session, request_id=second, scope=scope[:1])
    renew_leases(session, request_id=first, scope=scope, seconds=-1)
    assert take_leases(session, request_id=second, scope=scope[:1]) == {scope[0]: 2}
    with pytest.raises(LeaseLost):
        renew_leases(session, request_id=first, scope=scope)
    with pytest.raises(LeaseLost):
        check_tokens(session, request_id=first, tokens=tokens)
    release_leases(session, request_id=second)
    assert take_leases(session, request_id=first, scope=scope) == {scope[0]: 3, scope[1]: 2}


def test_a_second_run_waits_for_the_first(target: Engine) -> None:
    with make_sessions(target)() as session:
        first, second, scope = scope_of(session)
        session.commit()
        take_leases(session, request_id=first, scope=scope)
        session.commit()
    assert run_request(run_of(target, second)) is None
    request, _plan = stored(target, second)
    assert request.state is RequestState.QUEUED
    assert request.message is not None
    assert "Another planning run" in request.message
    with make_sessions(target)() as session:
        later = text("SELECT count(*) FROM procrastinate_jobs WHERE scheduled_at IS NOT NULL")
        assert session.execute(later).scalar() == 1


def test_runs_that_nobody_works_on_are_ended_with_a_reason(session: Session) -> None:
    first, second, scope = scope_of(session)
    for request_id, cells in ((first, scope[1:]), (second, scope[:1])):
        take_leases(session, request_id=request_id, scope=cells)
        session.get_one(PlanRequest, request_id).state = RequestState.RUNNING
    session.execute(
        text("UPDATE plan_lease SET expires_at = clock_timestamp() - interval '1 hour' WHERE plan_request_id = :id"),
        {"id": first},
    )
    assert fail_orphans(session, now=NOW) == 1
    session.expire_all()
    assert session.get_one(PlanRequest, first).state is RequestState.FAILED
    assert session.get_one(PlanRequest, second).state is RequestState.RUNNING


def test_asking_again_replaces_one_s_own_unfinished_run(session: Session) -> None:
    territory, user = make.make_territory(session), make.make_user(session)
    scope = [(territory.id, make.DAY)]
    mine, others = actor_of(user, "dispatcher"), actor_of(make.make_user(session), "dispatcher")
    first = request_plan(session, scope=scope, actor=mine, now=NOW)
    foreign = request_plan(session, scope=scope, actor=others, now=NOW)
    wide = request_plan(session, scope=[*scope, (territory.id, make.DAY + timedelta(days=1))], actor=mine, now=NOW)
    assert (first.state, foreign.state) == (RequestState.CANCELLED, RequestState.QUEUED)
    narrow = request_plan(session, scope=scope, actor=mine, now=NOW)
    assert (wide.state, narrow.state) == (RequestState.QUEUED, RequestState.QUEUED)


def test_visits_that_change_while_they_are_planned_are_counted(target: Engine) -> None:
    request_id = ask(target, time_limit_s=2)
    run = run_of(target, request_id)

    def change() -> None:
        with make_sessions(target)() as session:
            session.execute(text("UPDATE visit SET duration_s = 7200, version = version + 1 WHERE id = 1"))
            session.commit()

    threading.Timer(1.0, change).start()
    assert run_request(run) is RequestState.SOLVED
    assert "1 visits changed meanwhile" in str(stored(target, request_id)[0].message)


def test_senseless_requests_are_refused(session: Session) -> None:
    territory = make.make_territory(session)
    for scope, limit in (([], 5.0), ([(territory.id, make.DAY)], 0.0), ([(territory.id, make.DAY)], float("nan"))):
        with pytest.raises(Invalid):
            request_plan(session, scope=scope, actor=SYSTEM, now=NOW, time_limit_s=limit)


def test_unserved_visits_keep_their_reasons(target: Engine) -> None:
    with make_sessions(target)() as session:
        world = make_world(session)
        nobody = make.make_skill(session)
        visit = make.make_visit(session, job=make.make_job(session, site=world.site), needs={nobody: 5})
        scope = [(world.territory.id, make.DAY)]
        request_id = request_plan(session, scope=scope, actor=SYSTEM, now=NOW, time_limit_s=2).id
        session.commit()
        visit_id = visit.id
    assert run_request(run_of(target, request_id)) is RequestState.SOLVED
    with make_sessions(target)() as session:
        left_out = session.scalars(select(PlanUnserved)).one()
        assert left_out.visit_id == visit_id
        assert left_out.reasons[0]["code"]
        assert session.scalars(select(PlanRoute)).all() == []
