"""What is counted side by side: what people follow now, what a plan proposes, and what a simple rule would give."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import CustomerPerson, Job, PersonLinkKind, Promise, PromiseState, Site, Visit
from dispatch.planning.customer_terms import (
    Booking,
    CustomerTerms,
    DayEnd,
    Disturbed,
    Span,
    Spots,
    customer_terms,
    disturbed_by,
    spots_of,
)
from dispatch.planning.models import Assignment, Plan, PlanRoute, PlanScope, PlanUnserved
from dispatch.planning.policy import read_rules
from dispatch.planning.rows import live
from dispatch.planning.snapshot import active_policy
from dispatch.planning.store import stored_stops
from dispatch.planning.told import arrival
from dispatch.units import Point, great_circle_m
from dispatch.workforce.models import Shift


@dataclass(frozen=True, kw_only=True)
class VisitFacts:
    """What counts about a visit whoever serves it."""

    id: int
    promise: Span | None
    arrived_at: datetime | None
    known: frozenset[int]
    point: Point | None


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A plan and what is committed for the same days, read once for counting and comparing.

    Attributes
    ----------
    asked
        Visits the plan is about: those it serves and those it leaves out.
    committed
        Bookings on the days of the plan, and those of its visits on other days.
    """

    plan: Plan
    asked: frozenset[int]
    facts: Mapping[int, VisitFacts]
    proposed: Sequence[Booking]
    proposed_ends: Sequence[DayEnd]
    committed: Sequence[Booking]
    committed_ends: Sequence[DayEnd]

    @property
    def promises(self) -> Mapping[int, Span]:
        """Standing promises by visit."""
        return {each.id: each.promise for each in self.facts.values() if each.promise is not None}

    @property
    def spots(self) -> Spots:
        """Who serves what now."""
        return spots_of(self.committed)

    def counted(
        self, bookings: Sequence[Booking], ends: Iterable[DayEnd], *, disturbs: bool, now: datetime
    ) -> CustomerTerms:
        """Count one side; with ``disturbs`` also who would hear of it becoming what people follow."""
        who = disturbed_by(self.spots, spots_of(bookings), self.promises) if disturbs else Disturbed()
        return customer_terms(bookings, ends, asked=self.asked, promises=self.promises, disturbed=who, now=now)


def columns(sides: Sides, now: datetime) -> dict[str, Mapping[str, Any] | None]:
    """Return what is followed now, the proposal and the simple rule, counted in the same way; None: nothing there."""
    published = sides.counted(sides.committed, sides.committed_ends, disturbs=False, now=now)
    proposal = sides.counted(sides.proposed, sides.proposed_ends, disturbs=True, now=now)
    return {
        "published": published.as_dict() if sides.committed else None,
        "proposal": proposal.as_dict(),
        "baseline": (sides.plan.baseline or {}).get("terms"),
    }


def read_sides(session: Session, plan: Plan) -> Sides:
    """Read a plan beside what is committed, in a constant number of statements."""
    stops = stored_stops(session, plan.id)
    left_out = session.scalars(select(PlanUnserved.visit_id).where(PlanUnserved.plan_id == plan.id)).all()
    shifts = _shifts(session, plan.plan_request_id)
    asked = {stop.visit_id for stop in stops} | set(left_out)
    booked = session.execute(
        select(Assignment.__table__).where(live(), Assignment.shift_id.in_(shifts) | Assignment.visit_id.in_(asked))
    ).all()
    facts = visit_facts(session, asked | {row.visit_id for row in booked})
    routes = session.execute(select(PlanRoute.shift_id, PlanRoute.summary).where(PlanRoute.plan_id == plan.id)).all()
    committed = [booking(row, facts) for row in booked]
    return Sides(
        plan=plan,
        asked=frozenset(asked),
        facts=facts,
        proposed=[booking(stop, facts) for stop in stops],
        proposed_ends=_planned_ends(stops, {row.shift_id: row.summary for row in routes}, shifts),
        committed=committed,
        committed_ends=_ends(session, committed, facts, shifts),
    )


def visit_facts(session: Session, ids: Collection[int]) -> dict[int, VisitFacts]:
    """Read what counts about visits."""
    found = session.execute(
        select(
            Visit.id,
            Job.customer_id,
            Job.site_id,
            Site.lat,
            Site.lon,
            Promise.during.label("promise"),
            arrival().label("arrived_at"),
        )
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .outerjoin(Promise, (Promise.visit_id == Visit.id) & (Promise.state == PromiseState.STANDING))
        .where(Visit.id.in_(ids))
    ).all()
    known: dict[int, set[tuple[int | None, int]]] = defaultdict(set)
    links = select(CustomerPerson.customer_id, CustomerPerson.site_id, CustomerPerson.technician_id).where(
        CustomerPerson.kind == PersonLinkKind.KNOWN, CustomerPerson.customer_id.in_({row.customer_id for row in found})
    )
    for link in session.execute(links):
        known[link.customer_id].add((link.site_id, link.technician_id))
    return {
        row.id: VisitFacts(
            id=row.id,
            promise=None if row.promise is None else (row.promise.lower, row.promise.upper),
            arrived_at=row.arrived_at,
            known=frozenset(person for site_id, person in known[row.customer_id] if site_id in (None, row.site_id)),
            point=None if row.lat is None or row.lon is None else Point(lat=row.lat, lon=row.lon),
        )
        for row in found
    }


def booking(row: Any, facts: Mapping[int, VisitFacts]) -> Booking:
    """Return a stored stop or an assignment as a booking that counts."""
    about = facts[row.visit_id]
    return Booking(
        visit_id=row.visit_id,
        shift_id=row.shift_id,
        technician_id=row.technician_id,
        start=row.during.lower,
        end=row.during.upper,
        travel_s=row.travel_s,
        travel_source=row.travel_source,
        known_face=row.technician_id in about.known,
        arrived_at=about.arrived_at,
    )


def _shifts(session: Session, request_id: int) -> dict[int, Any]:
    rows = session.execute(
        select(Shift.id, Shift.end_lat, Shift.end_lon, func.upper(Shift.during).label("end"))
        .join(PlanScope, (PlanScope.territory_id == Shift.territory_id) & (PlanScope.day == Shift.on_date))
        .where(PlanScope.plan_request_id == request_id)
    )
    return {row.id: row for row in rows}


def _planned_ends(stops: Sequence[Any], summaries: Mapping[int, Any], shifts: Mapping[int, Any]) -> list[DayEnd]:
    """Return the ends of the days of a plan; its routes hold the way home."""
    last: dict[int, Any] = {}
    for stop in stops:
        if stop.shift_id not in last or stop.during.upper > last[stop.shift_id].during.upper:
            last[stop.shift_id] = stop
    return [
        DayEnd(
            technician_id=stop.technician_id,
            home_s=summaries[shift_id]["home_travel_s"],
            finish=stop.during.upper + timedelta(seconds=summaries[shift_id]["home_travel_s"]),
            shift_end=shifts[shift_id].end,
        )
        for shift_id, stop in last.items()
        if shift_id in shifts
    ]


def _ends(
    session: Session, bookings: Iterable[Booking], facts: Mapping[int, VisitFacts], shifts: Mapping[int, Any]
) -> list[DayEnd]:
    """Return the ends of committed days; no booking holds the way home, so it is worked out here."""
    travel = read_rules(active_policy(session).rules).travel
    last: dict[int, Booking] = {}
    for each in bookings:
        shift_id = each.shift_id
        if shift_id is not None and shift_id in shifts and (shift_id not in last or each.end > last[shift_id].end):
            last[shift_id] = each
    made = []
    for shift_id, each in last.items():
        place, home_s = facts[each.visit_id].point, 0
        shift = shifts[shift_id]
        if place is not None:
            direct_m = great_circle_m(place, Point(lat=shift.end_lat, lon=shift.end_lon))
            home_s = round(direct_m * travel.detour_percent / 100 * 3.6 / travel.speed_kmh)
        made.append(
            DayEnd(
                technician_id=each.technician_id,
                home_s=home_s,
                finish=each.end + timedelta(seconds=home_s),
                shift_end=shift.end,
            )
        )
    return made
