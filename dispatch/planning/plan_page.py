"""What the page of a plan shows: its figures beside the committed day and a simple rule, and what is left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select, tuple_, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from dispatch.core.errors import NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Site, Visit
from dispatch.matching.bounds import gap_percent
from dispatch.planning.models import RELEASED_STATES, Assignment, Plan, PlanRoute, PlanScope, PlanStop, PlanUnserved
from dispatch.planning.policy import read_rules
from dispatch.planning.reason_words import names_for, sentence
from dispatch.planning.snapshot import active_policy
from dispatch.units import Point, great_circle_m
from dispatch.workforce.models import Shift


@dataclass(frozen=True, kw_only=True)
class UnservedRow:
    """A visit a plan leaves out, with its reasons as sentences, the deciding one first."""

    visit_id: int
    job_id: int
    title: str
    customer: str
    priority: int
    reasons: tuple[str, ...]


def comparison(session: Session, plan_id: int) -> dict[str, Any]:
    """Return the figures of a plan, of what is committed for the same days, and of the nearest-qualified rule.

    The committed day is counted now, from the assignments; it has no overtime or waiting, which only a timetable has.
    """
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    bound = plan.stats.get("bound")
    return {
        "proposal": plan.stats.get("figures"),
        "difference": {name: len(ids) for name, ids in plan.stats.get("difference", {}).items()},
        "baseline": plan.baseline,
        "published": _committed(session, plan.id, plan.plan_request_id),
        "cost": plan.cost,
        "state": plan.state,
        "broken": _broken(session, plan),
        "report": plan.publish_report,
        "seconds": plan.stats.get("seconds"),
        "first_cost": plan.stats.get("first_cost"),
        "bound": bound,
        "gap": None if bound is None else gap_percent(plan.cost["total"], bound),
    }


def unserved_of(session: Session, plan_id: int) -> list[UnservedRow]:
    """Return the visits a plan leaves out, most important first."""
    rows = session.execute(
        select(
            PlanUnserved.visit_id,
            PlanUnserved.reasons,
            Job.id.label("job_id"),
            Job.title,
            Job.priority,
            Customer.name.label("customer"),
        )
        .join(Visit, Visit.id == PlanUnserved.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(PlanUnserved.plan_id == plan_id)
        .order_by(Job.priority, Job.id)
    ).all()
    names = names_for(session, [reason for row in rows for reason in row.reasons])
    return [
        UnservedRow(
            visit_id=row.visit_id,
            job_id=row.job_id,
            title=row.title,
            customer=row.customer,
            priority=row.priority,
            reasons=tuple(dict.fromkeys(sentence(reason, names) for reason in row.reasons)),
        )
        for row in rows
    ]


def _committed(session: Session, plan_id: int, request_id: int) -> dict[str, int] | None:
    """Count what is committed for the (territory, day) of a run; None when nothing is."""
    cells: Sequence[Any] = session.execute(
        select(PlanScope.territory_id, PlanScope.day).where(PlanScope.plan_request_id == request_id)
    ).all()
    shifts = select(Shift.id).where(
        tuple_(Shift.territory_id, Shift.on_date).in_([(cell.territory_id, cell.day) for cell in cells])
    )
    rows = session.execute(
        select(Assignment.visit_id, func.lower(Assignment.during).label("start"), Assignment.travel_s, Promise.during)
        .join(Visit, Visit.id == Assignment.visit_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(Assignment.shift_id.in_(shifts), Assignment.state.not_in(RELEASED_STATES))
    ).all()
    if not rows:
        return None
    late: dict[int, float] = {}
    for row in rows:
        if row.during is not None:
            late[row.visit_id] = max(late.get(row.visit_id, 0.0), _late_s(row.start, row.during.upper))
    asked = union(
        select(PlanUnserved.visit_id).where(PlanUnserved.plan_id == plan_id),
        select(PlanStop.visit_id).join(PlanRoute).where(PlanRoute.plan_id == plan_id),
    ).subquery()
    booked = exists().where(Assignment.visit_id == asked.c.visit_id, Assignment.state.not_in(RELEASED_STATES))
    waiting = session.scalar(select(func.count()).select_from(asked).where(~booked))
    return {
        "served": len({row.visit_id for row in rows}),
        "unserved": waiting or 0,
        "late": sum(seconds > 0 for seconds in late.values()),
        "late_s": round(sum(late.values())),
        "travel_s": sum(row.travel_s for row in rows) + _homeward_s(session, shifts),
    }


def _homeward_s(session: Session, shifts: Select[int]) -> int:
    """Return the driving from everybody's last visit to where their shift ends, which no booking holds."""
    travel = read_rules(active_policy(session).rules).travel
    last = (
        select(Shift.end_lat, Shift.end_lon, Site.lat, Site.lon)
        .select_from(Assignment)
        .join(Shift, Shift.id == Assignment.shift_id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .where(Assignment.shift_id.in_(shifts), Assignment.state.not_in(RELEASED_STATES))
        .ext(distinct_on(Assignment.shift_id))
        .order_by(Assignment.shift_id, func.upper(Assignment.during).desc())
    )
    seconds = 0.0
    for end_lat, end_lon, lat, lon in session.execute(last):
        if lat is None or lon is None:
            continue
        direct_m = great_circle_m(Point(lat=lat, lon=lon), Point(lat=end_lat, lon=end_lon))
        seconds += direct_m * travel.detour_percent / 100 * 3.6 / travel.speed_kmh
    return round(seconds)


_BROKEN = {
    "skills": "the person does not count as having a skill it must have",
    "certifications": "the person lacks a certificate on that day",
    "people": "the customer wants somebody else",
    "territory": "the person does not work there",
    "promise_windows": "it starts outside the times that are allowed",
    "travel": "the way takes longer than there is time",
    "shifts": "the day of the person is too short",
    "breaks": "a break has no room",
    "crews": "the crew does not start together",
    "predecessors": "another visit must be done first",
    "pins": "it is pinned otherwise",
}


def _broken(session: Session, plan: Plan) -> list[tuple[str, str]]:
    """Return what bookings that were kept as they are break: (visit, rule in words). What has begun is past mending."""
    rules: dict[int, set[str]] = {}
    for item in plan.violations:
        if item.get("visit"):
            rules.setdefault(int(item["visit"]), set()).add(str(item["rule"]))
    rows = session.execute(
        select(Visit.id, Job.title)
        .join(Job, Job.id == Visit.job_id)
        .where(Visit.id.in_(rules), Visit.state.in_((VisitState.OPEN, VisitState.PLANNED)))
        .order_by(Job.title, Visit.id)
    )
    return [(row.title, _BROKEN.get(rule, rule.replace("_", " "))) for row in rows for rule in sorted(rules[row.id])]


def _late_s(start: datetime, end: datetime) -> float:
    return max(0.0, (start - end).total_seconds())
