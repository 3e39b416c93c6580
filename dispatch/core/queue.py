"""The task queue: a task is saved together with the data it is about, and work of a dead worker is taken up again.

`defer` writes into the caller's transaction, so both are saved or neither is. Tasks themselves are registered on
``app`` by ``dispatch/tasks.py``; the code that asks for one names it, so that nobody imports upwards.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from typing import Any

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector, exceptions
from procrastinate.jobs import Status
from sqlalchemy.orm import Session

HEARTBEAT_S = 5.0
STALLED_AFTER_S = 20.0
TRIES = 3
CONCURRENCY = 4  # tasks only supervise, so a few at a time; the child processes do the work
GRACEFUL_STOP_S = 15.0

app = App(
    connector=PsycopgConnector(),
    worker_defaults={
        "concurrency": CONCURRENCY,
        "update_heartbeat_interval": HEARTBEAT_S,
        "stalled_worker_timeout": STALLED_AFTER_S,
        "shutdown_graceful_timeout": GRACEFUL_STOP_S,
        "fetch_job_polling_interval": 2.0,
        "abort_job_polling_interval": 1.0,
    },
)
# Writes through the caller's connection only and is never opened, so it works in web, worker and command line alike.
_writer = App(connector=SyncPsycopgConnector())


def defer(session: Session, task: str, *, once: str | None = None, delay_s: int = 0, **arguments: Any) -> bool:
    """Save a task for later in this session's transaction; False when ``once`` names one that waits already."""
    session.flush()
    try:
        with session.begin_nested():
            connection = session.connection().connection.driver_connection
            deferrer = _writer.configure_task(
                task, connection=connection, queueing_lock=once, schedule_in={"seconds": delay_s} if delay_s else None
            )
            deferrer.defer(**arguments)
    except exceptions.AlreadyEnqueued:
        return False
    return True


def worker_name() -> str:
    """Return a name that no other start of a worker ever had, so that a restart cannot pass for the dead one."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


async def rescue(running: App = app, *, stalled_after_s: float = STALLED_AFTER_S) -> int:
    """Take up tasks whose worker died; one that fell too often is parked as failed. Returns how many were found."""
    found = 0
    for job in await running.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after_s):
        found += 1
        if job.attempts >= TRIES:
            await running.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
        else:
            await running.job_manager.retry_job(job)
    return found


async def work(url: str, *, context: Mapping[str, Any] | None = None, until_empty: bool = False) -> None:
    """Run tasks until asked to stop, or until none is left; first takes up what dead workers left behind.

    ``context`` reaches the tasks as their additional context.
    """
    plain = url.replace("postgresql+psycopg://", "postgresql://")
    with app.replace_connector(PsycopgConnector(conninfo=plain, min_size=1, max_size=CONCURRENCY + 3)) as here:
        async with here.open_async():
            await rescue(here)
            await here.run_worker_async(
                name=worker_name(),
                wait=not until_empty,
                install_signal_handlers=not until_empty,
                additional_context=dict(context or {}),
            )


def run(url: str, *, context: Mapping[str, Any] | None = None) -> None:
    """Run a worker in the foreground until it is told to stop."""
    asyncio.run(work(url, context=context))
