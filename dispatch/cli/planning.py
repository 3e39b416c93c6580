"""Asking for a plan from the command line; a worker makes it."""

import time
from datetime import date, datetime

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dispatch.accounts.access import SYSTEM
from dispatch.cli.database import sessions
from dispatch.cli.refusals import plain_errors
from dispatch.core import clock
from dispatch.core.errors import Invalid
from dispatch.planning.models import Plan, PlanRequest, PlanUnserved, RequestState
from dispatch.planning.requesting import request_plan
from dispatch.planning.rows import Cell
from dispatch.workforce.models import Territory

LOOK_EVERY_S = 0.3
# A worker may have to start first, and reading and storing take time beside solving.
PATIENCE_S = 90.0


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Without it today, by each territory's clock.")
@click.option("--time-limit", type=float, help="Seconds to solve; the setting DISPATCH_PLAN_TIME_LIMIT_S without it.")
@click.option("--wait/--no-wait", default=True, help="Wait until a worker has made it.")
@plain_errors
def plan(*, day: datetime | None, time_limit: float | None, wait: bool) -> None:
    """Ask for a plan of every territory's day. It stays a proposal until somebody publishes it."""
    with sessions() as make:
        with make.begin() as session:
            now = clock.now()
            cells = _cells(session, day.date() if day else None, now)
            request = request_plan(session, scope=cells, actor=SYSTEM, now=now, time_limit_s=time_limit)
            request_id, limit_s = request.id, request.time_limit_s
        click.echo(f"plan {request_id} asked for: {len(cells)} territories, {limit_s:g} s to solve")
        if wait:
            click.echo(_outcome(make, request_id, time.monotonic() + limit_s + PATIENCE_S))


def _cells(session: Session, day: date | None, now: datetime) -> list[Cell]:
    territories = session.execute(select(Territory.id, Territory.zone).where(Territory.retired_at.is_(None))).all()
    if not territories:
        raise Invalid("There is no territory to plan. Import or add territories first.")
    return [(number, day or clock.local_day(now, zone)) for number, zone in territories]


def _outcome(make: sessionmaker[Session], request_id: int, give_up: float) -> str:
    """Return in words how the run ended; raises ClickException when it did not end well."""
    while time.monotonic() < give_up:
        with make.begin() as session:
            request = session.get_one(PlanRequest, request_id)
            if request.state is RequestState.SOLVED:
                stored = select(Plan.id).where(Plan.plan_request_id == request_id).scalar_subquery()
                left = session.scalar(select(func.count()).where(PlanUnserved.plan_id == stored))
                return f"plan {request_id} is ready to be looked at on the board; {left} visits found no place"
            if request.state in (RequestState.FAILED, RequestState.CANCELLED):
                raise click.ClickException(f"Plan {request_id} was not made: {request.message or request.state}")
        time.sleep(LOOK_EVERY_S)
    raise click.ClickException(f"No worker has finished plan {request_id}; is `dispatch work` running?")
