"""Planning runs and their plans, as lists and pages show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.jobs.queries import Territories
from dispatch.planning.models import Plan, PlanRequest, PlanScope, PlanState, RequestState
from dispatch.workforce.models import Territory

Cell = tuple[int, date]


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """One planning run with what became of it."""

    id: int
    state: RequestState
    by: str | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    time_limit_s: float
    seed: int
    message: str | None
    plan_id: int | None
    plan_state: PlanState | None
    stats: dict[str, Any] | None
    scope: tuple[tuple[str, date], ...]
    cells: tuple[Cell, ...]
    territory_ids: frozenset[int]
    zone: str

    @property
    def active(self) -> bool:
        """Whether the run is still waiting or working."""
        return self.state in (RequestState.QUEUED, RequestState.RUNNING)


def latest_runs(session: Session, cells: Collection[Cell], *, territories: Territories, limit: int) -> list[RunRow]:
    """Return the latest runs that cover one of these (territory, day) and no territory out of reach."""
    covered = select(PlanScope.plan_request_id).where(tuple_(PlanScope.territory_id, PlanScope.day).in_(list(cells)))
    found = _within(_runs().where(PlanRequest.id.in_(covered)), territories)
    return _rows(session, found.limit(limit)) if cells else []


def runs(session: Session, *, territories: Territories, limit: int = 50) -> list[RunRow]:
    """Return the latest runs all of whose territories are in reach."""
    return _rows(session, _within(_runs(), territories).limit(limit))


def run_details(session: Session, request_id: int, *, territories: Territories) -> RunRow:
    """Return one run if all of its territories are in reach; raises NotFound."""
    rows = _rows(session, _runs().where(PlanRequest.id == request_id))
    if not rows or (territories is not None and not rows[0].territory_ids <= set(territories)):
        raise NotFound("There is no such planning run.")
    return rows[0]


def progress_of(session: Session, request_id: int) -> tuple[RequestState, list[Any], str | None]:
    """Return a run's state, its progress so far and its message."""
    row = session.execute(
        select(PlanRequest.state, PlanRequest.progress, PlanRequest.message).where(PlanRequest.id == request_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such planning run.")
    return row.state, row.progress, row.message


def _runs() -> Select[*tuple[Any, ...]]:
    return (
        select(
            PlanRequest.id,
            PlanRequest.state,
            User.name.label("by"),
            PlanRequest.requested_at,
            PlanRequest.started_at,
            PlanRequest.finished_at,
            PlanRequest.time_limit_s,
            PlanRequest.seed,
            PlanRequest.message,
            Plan.id.label("plan_id"),
            Plan.state.label("plan_state"),
            Plan.stats,
        )
        .outerjoin(User, User.id == PlanRequest.requested_by_id)
        .outerjoin(Plan, Plan.plan_request_id == PlanRequest.id)
        .order_by(PlanRequest.requested_at.desc(), PlanRequest.id.desc())
    )


def _within(found: Select[*tuple[Any, ...]], territories: Territories) -> Select[*tuple[Any, ...]]:
    if territories is None:
        return found
    outside = select(PlanScope.plan_request_id).where(PlanScope.territory_id.not_in(territories))
    return found.where(PlanRequest.id.not_in(outside))


def _rows(session: Session, found: Select[*tuple[Any, ...]]) -> list[RunRow]:
    rows: Sequence[Any] = session.execute(found).mappings().all()
    scopes: dict[int, list[Any]] = {row["id"]: [] for row in rows}
    for cell in session.execute(
        select(PlanScope.plan_request_id, PlanScope.territory_id, PlanScope.day, Territory.name, Territory.zone)
        .join(Territory, Territory.id == PlanScope.territory_id)
        .where(PlanScope.plan_request_id.in_(scopes))
        .order_by(PlanScope.day, Territory.name)
    ):
        scopes[cell.plan_request_id].append(cell)
    return [
        RunRow(
            **row,
            scope=tuple((cell.name, cell.day) for cell in scopes[row["id"]]),
            cells=tuple((cell.territory_id, cell.day) for cell in scopes[row["id"]]),
            territory_ids=frozenset(cell.territory_id for cell in scopes[row["id"]]),
            zone=scopes[row["id"]][0].zone if scopes[row["id"]] else "UTC",
        )
        for row in rows
    ]
