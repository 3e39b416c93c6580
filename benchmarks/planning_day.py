"""How long the database side of planning takes on the demo organisation: ``python -m benchmarks.planning_day``.

A server of its own in a temporary folder; nothing else is touched. Statements hold everywhere; of times read the
ratios: what is not the solver should be small beside the limit it was given.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, sessionmaker

import dispatch.models  # noqa: F401 - foreign keys point across features, so all tables must be known
from dispatch.accounts.access import SYSTEM
from dispatch.core import clock, embedded, migrate
from dispatch.core.db import make_engine
from dispatch.demo.load import load_demo
from dispatch.planning.assigning import judge
from dispatch.planning.models import Assignment, Plan, PlanRequest
from dispatch.planning.publishing import publish_plan
from dispatch.planning.requesting import request_plan
from dispatch.planning.snapshot import active_policy, read_snapshot
from dispatch.planning.solving import Run, run_request
from dispatch.planning.supervising import Limits
from dispatch.workforce.models import Territory

LIMIT_S = 10.0
PLACEMENTS = 20


def main() -> None:
    """Print one line a step: what, how long, how many statements."""
    with tempfile.TemporaryDirectory(prefix="planning-day-") as folder:
        server = embedded.start(Path(folder) / "postgres")
        try:
            url = server.url(embedded.OWNER)
            migrate.upgrade(url)
            engine = make_engine(url)
            _measure(engine)
            engine.dispose()
        finally:
            server.stop()


def _measure(engine: Engine) -> None:
    make = sessionmaker(engine, expire_on_commit=False)
    now = clock.now()
    with make.begin() as session:
        load_demo(session, now=now)
    with make() as session:
        zones = {row.id: row.zone for row in session.execute(select(Territory.id, Territory.zone))}
    scope = [(territory, clock.local_day(now, zone) + timedelta(days=1)) for territory, zone in zones.items()]
    with make() as session, _step(engine, "read the day as a problem") as told:
        snapshot = read_snapshot(session, scope=scope, policy=active_policy(session), now=now)
        told(f"{len(snapshot.problem.visits)} visits, {len(snapshot.problem.shifts)} shifts")
    with make.begin() as session:
        request_id = request_plan(session, scope=scope, actor=SYSTEM, now=now, time_limit_s=LIMIT_S).id
    run = Run(sessions=make, request_id=request_id, limits=Limits(grace_s=20, memory_mb=1500))
    with _step(engine, f"whole run with a limit of {LIMIT_S:g} s") as told:
        told(str(run_request(run)))
    with make() as session:
        request = session.get_one(PlanRequest, request_id)
        plan = session.scalars(select(Plan)).one_or_none()
        if plan is None:
            raise SystemExit(f"no plan: {request.message}")
        print(f"  cost {plan.cost['total']:,}, baseline {plan.baseline and plan.baseline['cost']:,}")
        print(f"  first plan {plan.stats.get('first_cost'):,}; message: {request.message}")
        plan_id = plan.id
    with make.begin() as session, _step(engine, "publish") as told:
        report = publish_plan(session, plan_id=plan_id, actor=SYSTEM, now=now)
        told(f"{len(report.assigned)} assigned, {len(report.moved)} moved, {len(report.kept)} kept")
    with make() as session:
        _judge(session, engine)


def _judge(session: Session, engine: Engine) -> None:
    """Judge the same visits again where they are: what every drop on the board costs."""
    found = session.execute(
        select(Assignment.visit_id, Assignment.crew_slot_id, Assignment.technician_id, Assignment.during)
        .where(func.lower(Assignment.during) > clock.now() + timedelta(hours=12))
        .order_by(Assignment.id)
        .limit(PLACEMENTS)
    ).all()
    with _step(engine, f"judge {len(found)} placements by hand"):
        for row in found:
            visit = type("Named", (), {"id": row.visit_id})
            judge(
                session,
                visit=visit,
                crew_slot_id=row.crew_slot_id,
                technician_id=row.technician_id,
                start=row.during.lower,
                now=clock.now(),
            )


@contextmanager
def _step(engine: Engine, what: str) -> Iterator[Callable[[str], None]]:
    """Time a step and count its statements."""
    notes: list[str] = []
    count = [0]

    def note(*_arguments: object) -> None:
        count[0] += 1

    event.listen(engine, "before_cursor_execute", note)
    started = time.perf_counter()
    try:
        yield notes.append
    finally:
        event.remove(engine, "before_cursor_execute", note)
        print(f"{what}: {time.perf_counter() - started:.2f} s, {count[0]} statements; {', '.join(notes)}")


if __name__ == "__main__":
    main()
