"""One planning run from request to stored proposal: leases, snapshot, solve in a child, check, store.

No connection is held while the child works. Every write of the run checks that it is still the run in charge: progress
by renewing the leases, the result by their tokens in the same transaction.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import exists, func, select, text, update
from sqlalchemy.orm import Session, selectinload

from dispatch.core.clock import now as wall_clock
from dispatch.core.errors import ServiceError
from dispatch.core.queue import defer
from dispatch.jobs.models import Visit
from dispatch.matching.check import check, unforced
from dispatch.matching.plan import Plan as Answer
from dispatch.matching.problem import Refused
from dispatch.planning.leases import LeaseHeld, LeaseLost, check_tokens, release_leases, renew_leases, take_leases
from dispatch.planning.models import PlanLease, PlanRequest, Policy, RequestState
from dispatch.planning.retries import with_retries
from dispatch.planning.rows import Cell
from dispatch.planning.snapshot import Snapshot, read_snapshot
from dispatch.planning.store import store_plan
from dispatch.planning.supervising import CHILD, Ask, Ended, Limits, Order, Outcome, supervise

Sessions: TypeAlias = Callable[[], AbstractContextManager[Session]]
Scarcity: TypeAlias = Callable[[Session, Collection[Cell]], Mapping[int, int]]
"""What an hour of a skill is worth beyond plain work in a scope, by skill; coverage knows, which planning does not."""

TASK = "planning.solve"
CHANNEL = "plan_progress"
TELL_EVERY_S = 0.5
RENEW_EVERY_S = 10.0
MOST_LINES = 120
ASK_AGAIN_S = 2
ASK_FOR_S = 900
CHILD_TRIES = 2
ORPHAN_AFTER = timedelta(minutes=3)


class CalledOff(Exception):
    """The request was cancelled while it was worked on."""


class WorkerStops(Exception):
    """The worker has to stop; another one must take the request up."""


def nothing_scarce(_session: Session, _scope: Collection[Cell]) -> Mapping[int, int]:
    """Know of no skill that is worth more than another."""
    return {}


@dataclass(kw_only=True)
class Run:
    """One attempt at one request."""

    sessions: Sessions
    request_id: int
    limits: Limits
    threads: int = 1
    scarcity: Scarcity = nothing_scarce
    command: Sequence[str] = CHILD
    now: Callable[[], datetime] = wall_clock
    give_up: threading.Event = field(default_factory=threading.Event)
    scope: tuple[Cell, ...] = ()
    tokens: Mapping[Cell, int] = field(default_factory=dict)
    lines: list[Mapping[str, Any]] = field(default_factory=list)


def run_request(run: Run) -> RequestState | None:
    """Work on a request until it has a plan or a reason; safe to call twice. None when it must be tried later."""
    with run.sessions() as session:
        taken = _begin(session, run)
        session.commit()
    if not taken:
        return None
    try:
        return _solve_and_store(run)
    except LeaseLost as lost:
        return _finish(run, RequestState.FAILED, str(lost))
    except CalledOff:
        return _finish(run, RequestState.CANCELLED, "Called off.")
    except WorkerStops:
        return _hand_back(run)
    except (Refused, ServiceError) as refused:
        return _finish(run, RequestState.FAILED, str(refused))


def _begin(session: Session, run: Run) -> bool:
    """Take the leases and mark the run as begun; where another run holds one, ask again a little later."""
    request = session.scalars(
        select(PlanRequest)
        .where(PlanRequest.id == run.request_id)
        .options(selectinload(PlanRequest.scope))
        .with_for_update()
    ).one_or_none()
    if request is None or request.state not in (RequestState.QUEUED, RequestState.RUNNING):
        return False
    run.scope = tuple(sorted((item.territory_id, item.day) for item in request.scope))
    try:
        with session.begin_nested():
            run.tokens = take_leases(session, request_id=request.id, scope=run.scope)
    except LeaseHeld as held:
        waited = (run.now() - request.requested_at).total_seconds()
        if waited < ASK_FOR_S:
            defer(session, TASK, delay_s=ASK_AGAIN_S, request_id=request.id)
            request.message = str(held)
        else:
            request.state, request.message, request.finished_at = RequestState.FAILED, str(held), run.now()
        return False
    request.state, request.started_at, request.message = RequestState.RUNNING, run.now(), None
    return True


def _solve_and_store(run: Run) -> RequestState:
    snapshot, order = _read(run)
    outcome = _supervised(run, order)
    if outcome.ended is Ended.ABANDONED:
        raise WorkerStops if run.give_up.is_set() else CalledOff
    answer = _best(snapshot, outcome)
    if answer is None:
        return _finish(run, RequestState.FAILED, outcome.message or "No plan was found that keeps the rules.")
    return _store(run, snapshot, outcome, answer)


def _read(run: Run) -> tuple[Snapshot, Order]:
    """Read the problem as one consistent view and keep it with the request."""
    with run.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        request = session.get_one(PlanRequest, run.request_id)
        policy = session.get_one(Policy, request.policy_id)
        prices = run.scarcity(session, run.scope)
        snapshot = read_snapshot(session, scope=run.scope, policy=policy, now=run.now(), scarcity=prices)
        order = Order(
            problem=snapshot.problem.to_json(),
            time_limit_s=request.time_limit_s,
            step_limit=request.step_limit,
            seed=request.seed,
            threads=run.threads,
        )
        session.rollback()
    values = {"problem": snapshot.problem.as_dict(), "based_on_seq": snapshot.based_on_seq}
    _update(run, values)
    return snapshot, order


def _supervised(run: Run, order: Order) -> Outcome:
    """Solve; where a child dies before it told any plan, ask a second one for a first plan only."""
    outcome = Outcome()
    for attempt in range(CHILD_TRIES):
        reporter = _Reporter(run)
        wanted = order if attempt == 0 else _construction_only(order)
        outcome = supervise(wanted, run.limits, ask=reporter.ask, on_progress=reporter.note, command=run.command)
        reporter.raise_lost()
        reporter.tell()
        if outcome.plans or outcome.ended in (Ended.ABANDONED, Ended.REFUSED, Ended.STOPPED):
            break
    return outcome


def _construction_only(order: Order) -> Order:
    return replace(order, construct_only=True)


def _best(snapshot: Snapshot, outcome: Outcome) -> Answer | None:
    """Return the latest plan that the independent checker passes; what pins force is stored and shown, not repaired."""
    for answer in reversed(outcome.plans):
        broken = unforced(snapshot.problem, answer)
        if not broken:
            return answer
        outcome.message = f"The plan broke a rule and was not kept: {broken[0].message}"
    return None


def _store(run: Run, snapshot: Snapshot, outcome: Outcome, answer: Answer) -> RequestState:
    violations = check(snapshot.problem, answer)
    with run.sessions() as session:
        check_tokens(session, request_id=run.request_id, tokens=run.tokens)
        request = session.get_one(PlanRequest, run.request_id, with_for_update=True)
        if request.state is not RequestState.RUNNING:
            raise CalledOff
        store_plan(
            session,
            request=request,
            snapshot=snapshot,
            answer=answer,
            baseline=outcome.baseline,
            violations=violations,
            now=run.now(),
        )
        request.state, request.finished_at = RequestState.SOLVED, run.now()
        request.message = (
            " ".join(filter(None, (_how_it_ended(outcome), _changed_meanwhile(session, snapshot)))) or None
        )
        release_leases(session, request_id=run.request_id)
        _notify(session, run.request_id)
        session.commit()
    return RequestState.SOLVED


def _how_it_ended(outcome: Outcome) -> str | None:
    if outcome.ended is Ended.FINISHED:
        return None
    if outcome.ended is Ended.STOPPED:
        return "Stopped early as you asked; this is the best plan found."
    return f"{outcome.message} The best plan known is kept."


def _changed_meanwhile(session: Session, snapshot: Snapshot) -> str | None:
    """Say how many visits changed while they were planned; publishing will leave those as they are."""
    now = session.execute(select(Visit.id, Visit.version).where(Visit.id.in_(snapshot.visit_versions)))
    changed = sum(snapshot.visit_versions[row.id] != row.version for row in now)
    if not changed:
        return None
    return f"{changed} visits changed meanwhile and stay as they are; run again to plan them anew."


def _finish(run: Run, state: RequestState, message: str) -> RequestState:
    """End a run without a plan, unless a later run is in charge of the request already."""
    with run.sessions() as session:
        request = session.get_one(PlanRequest, run.request_id, with_for_update=True)
        if request.state is RequestState.RUNNING and _still_mine(session, run):
            request.state, request.message, request.finished_at = state, message[:2000], run.now()
            release_leases(session, request_id=run.request_id)
        elif request.state is RequestState.CANCELLED and _still_mine(session, run):
            release_leases(session, request_id=run.request_id)
        _notify(session, run.request_id)
        session.commit()
    return state


def _hand_back(run: Run) -> RequestState:
    """Put the request back into the queue in the same transaction that gives its leases up."""
    with run.sessions() as session:
        request = session.get_one(PlanRequest, run.request_id, with_for_update=True)
        if request.state is RequestState.RUNNING and _still_mine(session, run):
            request.state, request.started_at = RequestState.QUEUED, None
            release_leases(session, request_id=run.request_id)
            defer(session, TASK, request_id=run.request_id)
        session.commit()
    return RequestState.QUEUED


def fail_orphans(session: Session, *, now: datetime) -> int:
    """End runs that nobody works on any more: their leases ran out long ago and no task took them up."""
    orphans = session.scalars(
        select(PlanRequest)
        .where(
            PlanRequest.state == RequestState.RUNNING,
            ~exists().where(
                PlanLease.plan_request_id == PlanRequest.id,
                PlanLease.expires_at > func.clock_timestamp() - ORPHAN_AFTER,
            ),
        )
        .with_for_update(skip_locked=True)
    ).all()
    for request in orphans:
        request.state, request.finished_at = RequestState.FAILED, now
        request.message = "The worker was lost and nobody could take the run up. Start it again."
        release_leases(session, request_id=request.id)
        _notify(session, request.id)
    return len(orphans)


def _still_mine(session: Session, run: Run) -> bool:
    """Whether no later attempt at this very request holds the leases; another request's lease is not ours to judge."""
    held = session.execute(
        text("SELECT territory_id, day, token FROM plan_lease WHERE plan_request_id = :id"), {"id": run.request_id}
    ).all()
    return all(run.tokens.get((row.territory_id, row.day)) == row.token for row in held)


def _update(run: Run, values: Mapping[str, Any]) -> None:
    with run.sessions() as session:
        session.execute(
            update(PlanRequest)
            .where(PlanRequest.id == run.request_id)
            .values(**values, version=PlanRequest.version + 1)
            .execution_options(synchronize_session=False)
        )
        _notify(session, run.request_id)
        session.commit()


def _notify(session: Session, request_id: int) -> None:
    session.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": str(request_id)})


class _Reporter:
    """Stores progress now and then, and learns on the same occasion whether to go on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.told_at = self.renewed_at = time.monotonic()
        self.answer = Ask.GO_ON
        self.fresh = False
        self.lost: LeaseLost | None = None

    def note(self, line: Mapping[str, Any]) -> None:
        """Keep a line; when there are many, every second of the older ones goes."""
        lines = self.run.lines
        lines.append(line)
        if len(lines) > MOST_LINES:
            lines[:-1] = lines[:-1][::2]
        self.fresh = True

    def ask(self) -> Ask:
        """Tell whether to go on; asks the database at most twice a second."""
        if self.run.give_up.is_set():
            return Ask.ABANDON
        if time.monotonic() - self.told_at >= TELL_EVERY_S:
            self.told_at = time.monotonic()
            try:
                with_retries(self.tell)
            except LeaseLost as lost:
                self.lost, self.answer = lost, Ask.ABANDON
        return self.answer

    def raise_lost(self) -> None:
        """Raise what the supervisor could not be told while it worked."""
        if self.lost is not None:
            raise self.lost

    def tell(self) -> None:
        """Write progress and read the wishes of people, in one short transaction."""
        with self.run.sessions() as session:
            values: dict[str, Any] = {"version": PlanRequest.version + 1, "progress": list(self.run.lines)}
            if self.fresh:
                wish = session.execute(
                    update(PlanRequest)
                    .where(PlanRequest.id == self.run.request_id, PlanRequest.state == RequestState.RUNNING)
                    .values(**values)
                    .returning(PlanRequest.stop_asked)
                    .execution_options(synchronize_session=False)
                ).first()
                _notify(session, self.run.request_id)
                self.fresh = False
            else:
                wish = session.execute(
                    select(PlanRequest.stop_asked).where(
                        PlanRequest.id == self.run.request_id, PlanRequest.state == RequestState.RUNNING
                    )
                ).first()
            if time.monotonic() - self.renewed_at >= RENEW_EVERY_S:
                renew_leases(session, request_id=self.run.request_id, scope=self.run.scope)
                self.renewed_at = time.monotonic()
            session.commit()
        self.answer = Ask.ABANDON if wish is None else Ask.STOP if wish.stop_asked else Ask.GO_ON
