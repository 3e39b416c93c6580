"""Planning ahead by itself: in the evening of each territory its next day."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.clock import local_day
from dispatch.planning.models import PlanRequest, PlanScope, RequestState
from dispatch.planning.requesting import request_plan
from dispatch.workforce.models import Territory

FROM_HOUR = 19
ASKED_WITHIN = timedelta(hours=12)


def plan_due_territories(session: Session, *, actor: Actor, now: datetime) -> list[PlanRequest]:
    """Ask for tomorrow's plan wherever it is evening, unless somebody has asked since the afternoon."""
    made: list[PlanRequest] = []
    for territory_id, zone in session.execute(
        select(Territory.id, Territory.zone).where(Territory.retired_at.is_(None)).order_by(Territory.id)
    ):
        if now.astimezone(ZoneInfo(zone)).hour < FROM_HOUR:
            continue
        day = local_day(now, zone) + timedelta(days=1)
        asked = session.scalar(
            select(PlanRequest.id)
            .join(PlanScope)
            .where(
                PlanScope.territory_id == territory_id,
                PlanScope.day == day,
                PlanRequest.requested_at > now - ASKED_WITHIN,
                PlanRequest.state.not_in([RequestState.FAILED, RequestState.CANCELLED]),
            )
            .limit(1)
        )
        if asked is None:
            made.append(request_plan(session, scope=[(territory_id, day)], actor=actor, now=now))
    return made
