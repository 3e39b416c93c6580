"""What the page of a plan shows: its figures beside the committed day and a simple rule, and what is left out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from dispatch.core.errors import NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Customer, Job, Promise, PromiseState, Visit
from dispatch.matching.bounds import gap_percent
from dispatch.planning.models import Plan, PlanUnserved
from dispatch.planning.plan_columns import columns, read_sides
from dispatch.planning.reason_words import names_for, sentence
from dispatch.workforce.models import Territory

SHOWN = 20
"""Rows of a list on one page; the rest is a page further, and the total is always told."""


@dataclass(frozen=True, kw_only=True)
class UnservedRow:
    """A visit a plan leaves out, with its reasons as sentences, the deciding one first."""

    visit_id: int
    job_id: int
    title: str
    customer: str
    priority: int
    promise: Any
    zone: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UnservedGroup:
    """Visits left out for the same deciding reason."""

    code: str
    total: int
    urgent: int
    promised: int


def comparison(session: Session, plan_id: int, now: datetime) -> dict[str, Any]:
    """Return the figures of a plan, of what is committed for the same days now, and of the nearest-qualified rule."""
    plan = session.get(Plan, plan_id)
    if plan is None:
        raise NotFound("There is no such plan.")
    bound = plan.stats.get("bound")
    return {
        **columns(read_sides(session, plan), now),
        "difference": {name: len(ids) for name, ids in plan.stats.get("difference", {}).items()},
        "cost": plan.cost,
        "state": plan.state,
        "broken": _broken(session, plan),
        "report": plan.publish_report,
        "seconds": plan.stats.get("seconds"),
        "first_cost": plan.stats.get("first_cost"),
        "bound": bound,
        "gap": None if bound is None else gap_percent(plan.cost["total"], bound),
    }


def unserved_groups(session: Session, plan_id: int) -> list[UnservedGroup]:
    """Return how many visits a plan leaves out for which deciding reason; the groups with urgent ones come first."""
    code = _deciding()
    urgent, promised = func.count().filter(Job.priority == 1), func.count(Promise.id)
    rows = session.execute(
        select(code.label("code"), func.count().label("total"), urgent.label("urgent"), promised.label("promised"))
        .join(Visit, Visit.id == PlanUnserved.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(PlanUnserved.plan_id == plan_id)
        .group_by(code)
        .order_by(urgent.desc(), promised.desc(), func.count().desc(), code)
    )
    return [UnservedGroup(code=row.code, total=row.total, urgent=row.urgent, promised=row.promised) for row in rows]


def unserved_of(session: Session, plan_id: int, code: str, *, start: int = 0) -> list[UnservedRow]:
    """Return a window of the visits a plan leaves out for this deciding reason, the most important first."""
    rows = session.execute(
        select(
            PlanUnserved.visit_id,
            PlanUnserved.reasons,
            Job.id.label("job_id"),
            Job.title,
            Job.priority,
            Customer.name.label("customer"),
            Promise.during.label("promise"),
            Territory.zone,
        )
        .join(Visit, Visit.id == PlanUnserved.visit_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(PlanUnserved.plan_id == plan_id, _deciding() == code)
        .order_by(Job.priority, func.upper(Promise.during), Job.id)
        .offset(start)
        .limit(SHOWN)
    ).all()
    names = names_for(session, [reason for row in rows for reason in row.reasons])
    return [
        UnservedRow(
            visit_id=row.visit_id,
            job_id=row.job_id,
            title=row.title,
            customer=row.customer,
            priority=row.priority,
            promise=row.promise,
            zone=row.zone,
            reasons=tuple(dict.fromkeys(sentence(reason, names) for reason in row.reasons)),
        )
        for row in rows
    ]


def _deciding() -> ColumnElement[str]:
    return func.coalesce(PlanUnserved.reasons[0]["code"].astext, "")


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
