"""Background tasks, a few lines each: open a transaction, call a service. Each is safe to run twice."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from procrastinate import JobContext, RetryStrategy
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core import queue
from dispatch.core.attachments import sweep_files
from dispatch.core.audit import CHANNEL
from dispatch.core.clock import now
from dispatch.core.config import settings
from dispatch.core.db import APP_ROLE, make_engine, make_sessions
from dispatch.core.mail import compose, deliver
from dispatch.core.queue import app
from dispatch.core.witness import keep_copy
from dispatch.coverage.certificate_reminders import remind_due
from dispatch.coverage.queries import prices_of_scope
from dispatch.coverage.service import REFRESH, refresh_due
from dispatch.coverage.service import TASK as COUNT
from dispatch.jobs.series import TASK as AHEAD
from dispatch.jobs.series import make_jobs_ahead
from dispatch.messages.sending import send_due
from dispatch.messages.service import TASK as SEND
from dispatch.messages.transports import transport_of
from dispatch.planning.choices import TASK as REPAIR
from dispatch.planning.draft_publishing import publish_due
from dispatch.planning.fix_digest import Letter, send_digests
from dispatch.planning.nightly import plan_due_territories
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.solving import TASK, Run, Sessions, fail_orphans, run_request
from dispatch.planning.supervising import Limits
from dispatch.planning.telling import driving
from dispatch.skills.cataloguing import TASK as RECOMPUTE
from dispatch.workforce.service import make_shifts

# As far as promises and coverage look ahead.
SHIFTS_AHEAD = timedelta(weeks=6)


def run_worker() -> None:
    """Run a worker on the database of the settings until it is told to stop."""
    url = settings().database_url
    if url is None:
        raise ValueError("A worker needs DATABASE_URL.")
    queue.run(url, context={"sessions": sessions_for(url)})


@cache
def sessions_for(url: str) -> Sessions:
    """Return the session factory that the tasks of this process share; few connections, none held while waiting."""
    return make_sessions(make_engine(url, role=APP_ROLE, pool_size=queue.CONCURRENCY + 1, max_overflow=0))


@app.task(name=TASK, pass_context=True, retry=RetryStrategy(max_attempts=2, wait=3))
async def solve_plan(context: JobContext, request_id: int) -> None:
    """Supervise one planning run; when the worker has to stop, the run is given up and taken up by another."""
    current = settings()
    run = Run(
        sessions=_sessions(context),
        request_id=request_id,
        limits=Limits(grace_s=current.solve_grace_s, memory_mb=current.solve_memory_mb),
        threads=current.solve_threads,
        scarcity=prices_of_scope,
        give_up=threading.Event(),
    )
    try:
        await asyncio.to_thread(_in_worker, run)
    finally:
        run.give_up.set()


def _in_worker(run: Run) -> None:
    CHANNEL.set("worker")
    run_request(run)


@app.task(name=REPAIR, pass_context=True, retry=RetryStrategy(max_attempts=2, wait=3))
async def repair_day(context: JobContext, disruption_id: int) -> None:
    """Work out how a day is mended; when the worker has to stop, the next one begins anew."""
    current = settings()
    run = Repairing(
        sessions=_sessions(context),
        disruption_id=disruption_id,
        limits=Limits(grace_s=current.solve_grace_s, memory_mb=current.solve_memory_mb),
        scarcity=prices_of_scope,
    )
    try:
        await asyncio.to_thread(_repair_in_worker, run)
    finally:
        run.give_up.set()


def _repair_in_worker(run: Repairing) -> None:
    CHANNEL.set("worker")
    run_repair(run)


@app.periodic(cron="* * * * * */30")  # the sixth field are seconds
@app.task(name="queue.rescue", queueing_lock="queue.rescue", pass_context=True)
async def rescue(context: JobContext, timestamp: int) -> None:
    """Take up what dead workers left behind. Without a lock, so that a stalled sweep cannot block the next one."""
    await queue.rescue()
    await _once(context, lambda session: fail_orphans(session, now=now()))
    await _once(context, _end_lost_imports)


@app.periodic(cron="20 * * * *")
@app.task(name="planning.send_digests", queueing_lock="planning.send_digests", pass_context=True)
async def tell_mended(context: JobContext, timestamp: int) -> None:
    """Once an hour: tell whose morning it is what others mended of the things they answer for."""
    await _once(context, _tell_mended)


def _tell_mended(session: Session) -> None:
    current = settings()

    def send(letter: Letter) -> None:
        mail = compose(current, to=letter.to, title=letter.title, body=letter.body, key=letter.key)
        deliver(current, mail, name=f"digest-{letter.user_id}-{letter.key}")

    send_digests(session, send, public_url=current.public_url, now=now())


@app.periodic(cron="15 4 * * *")
@app.task(name="core.keep_copy", queueing_lock="core.keep_copy", pass_context=True)
async def copy_hash(context: JobContext, timestamp: int) -> None:
    """Every night: keep what the change log ends with outside the database."""
    await _once(context, lambda session: keep_copy(session, settings().data_dir, now=now()))


@app.periodic(cron="25 4 * * *")
@app.task(name="core.sweep_files", queueing_lock="core.sweep_files", pass_context=True)
async def sweep(context: JobContext, timestamp: int) -> None:
    """Every night: remove files that were written for a row that never came."""
    await _once(context, lambda session: sweep_files(session, settings().data_dir, now=now()))


@app.periodic(cron="35 * * * *")
@app.task(name="imports.forget_uploads", queueing_lock="imports.forget_uploads", pass_context=True)
async def forget_files(context: JobContext, timestamp: int) -> None:
    """Once an hour: forget files that were sent to be imported a day ago."""
    await _once(context, _forget_files)


def _forget_files(session: Session) -> None:
    from dispatch.imports.matrix.uploads import forget_uploads  # loads NumPy

    forget_uploads(session, now=now())


@app.task(name="imports.import_skills", pass_context=True)
async def import_skills(context: JobContext, upload_id: int) -> None:
    """Import a large skill matrix; a worker that dies leaves nothing of it, and the next one begins anew."""
    try:
        await _once(context, lambda session: _import_skills(session, upload_id))
    except Exception:  # whatever it is: whoever waits is told that it failed, and the error goes on to the log
        await _once(context, lambda session: _end_import(session, upload_id))
        raise


def _import_skills(session: Session, upload_id: int) -> None:
    from dispatch.imports.matrix.running import run_import_asked  # loads NumPy

    run_import_asked(session, upload_id, now=now())


def _end_import(session: Session, upload_id: int) -> None:
    from dispatch.imports.matrix.running import BROKE, end_with

    end_with(session, upload_id, problem=BROKE)


def _end_lost_imports(session: Session) -> None:
    from dispatch.imports.matrix.running import end_lost_imports

    end_lost_imports(session)


@app.periodic(cron="10 4 * * *")
@app.task(name="coverage.remind_holders", queueing_lock="coverage.remind_holders", pass_context=True)
async def remind_of_certificates(context: JobContext, timestamp: int) -> None:
    """Every night: tell holders of certificates that end in 60, 30 or 7 days, each once."""
    await _once(context, lambda session: remind_due(session, actor=SYSTEM, now=now()))


@app.periodic(cron="5 * * * *")
@app.task(name="planning.plan_tomorrow", queueing_lock="planning.plan_tomorrow", pass_context=True)
async def plan_tomorrow(context: JobContext, timestamp: int) -> None:
    """Once an hour: plan the next day of each territory where it is evening and nobody has asked yet."""
    await _once(context, lambda session: plan_due_territories(session, actor=SYSTEM, now=now()))


@app.periodic(cron="*/5 * * * *")
@app.task(name="planning.publish_due", queueing_lock="planning.publish_due", pass_context=True)
async def publish_begun(context: JobContext, timestamp: int) -> None:
    """Every five minutes: tell of what was still a draft when its day began."""
    await _once(context, lambda session: publish_due(session, actor=SYSTEM, now=now()))


@app.periodic(cron="40 3 * * *")
@app.task(name=COUNT, queueing_lock=COUNT, pass_context=True)
async def count_coverage(context: JobContext, timestamp: int | None = None) -> None:
    """Count coverage anew: every night, and when somebody asks."""
    await asyncio.to_thread(_count_coverage, _sessions(context), anew=True)


@app.periodic(cron="*/5 * * * *")
@app.task(name=REFRESH, queueing_lock=REFRESH, pass_context=True)
async def refresh_coverage(context: JobContext, timestamp: int) -> None:
    """Every five minutes: count the weeks again whose facts changed."""
    await asyncio.to_thread(_count_coverage, _sessions(context), anew=False)


def _count_coverage(sessions: Sessions, *, anew: bool) -> None:
    CHANNEL.set("worker")
    with sessions() as session:
        if not (anew or refresh_due(session)):
            return
    from dispatch.coverage.counting import solve_coverage_apart  # loads OR-Tools

    solve_coverage_apart(sessions, actor=SYSTEM, now=now(), anew=anew)


@app.periodic(cron="50 2 * * *")
@app.task(name=RECOMPUTE, queueing_lock=RECOMPUTE, pass_context=True)
async def recompute_levels(context: JobContext, timestamp: int | None = None) -> None:
    """Estimate all levels again: every night, since facts age, and when the catalogue changed what they rest on."""
    await _once(context, _recompute_levels)


def _recompute_levels(session: Session) -> None:
    from dispatch.skills.recompute import recompute_all  # loads NumPy

    recompute_all(session, now=now())


@app.periodic(cron="30 2 * * *")
@app.task(name=AHEAD, queueing_lock=AHEAD, pass_context=True)
async def make_ahead(context: JobContext, timestamp: int) -> None:
    """Every night: make the jobs of recurring work that come near."""
    await _once(context, lambda session: make_jobs_ahead(session, now=now()))


@app.periodic(cron="20 2 * * *")
@app.task(name="workforce.make_shifts", queueing_lock="workforce.make_shifts", pass_context=True)
async def extend_shifts(context: JobContext, timestamp: int) -> None:
    """Every night: make the missing shifts of the coming weeks from weekly hours."""
    await _once(context, _extend_shifts)


def _extend_shifts(session: Session) -> None:
    moment = now()
    make_shifts(session, first=moment.date(), until=moment.date() + SHIFTS_AHEAD, now=moment)


@app.periodic(cron="* * * * *")
@app.task(name=SEND, pass_context=True)
async def send_messages(context: JobContext, timestamp: int | None = None) -> None:
    """Send what is due: asked for by each message, and once a minute for what a dead worker left."""
    await asyncio.to_thread(_send_messages, _sessions(context))


def _send_messages(sessions: Sessions) -> None:
    CHANNEL.set("worker")
    send_due(sessions, transport_of(settings()), now, driving=driving())


async def _once(context: JobContext, work: Callable[[Session], object]) -> None:
    """Do a piece of work in a thread and in one transaction, as the worker."""

    def run() -> None:
        CHANNEL.set("worker")
        with _sessions(context)() as session:
            work(session)
            session.commit()

    await asyncio.to_thread(run)


def _sessions(context: JobContext) -> Sessions:
    made: Any = (context.additional_context or {})["sessions"]
    return made  # type: ignore[no-any-return]  # the context is a plain dictionary; `run_worker` puts this in
