"""Several waiting visits at once, each to its best free place: a proposal first, then one step with one way back.

The visits are asked about one after the other, the most urgent first, each on the day as the ones before would leave
it. Only places that keep the promise and make nobody else start later are proposed: what is booked together is looked
at less closely than one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict
from dispatch.jobs.models import Customer, Job, Visit
from dispatch.matching.plan import Plan, Route, Stop
from dispatch.planning.candidates import CandidateRow, candidates_on
from dispatch.planning.desks import PreparedDay, day_for
from dispatch.planning.holds import holds_on
from dispatch.planning.places import crew_of, words_of

MOST = 20
BY_HAND = "It needs several people, who start together: book them one by one."
HAS_SOMEBODY = "Somebody has it by now."
AT_A_COST = "Every place makes others later or misses the promise: choose one yourself."
NOBODY = "Nobody can take it that day."
Scarcity = Mapping[int, Mapping[int, int]]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What is proposed for one visit; ``place`` is None where it has to be done by hand, and ``words`` say why."""

    visit_id: int
    title: str
    customer: str
    crew_slot_id: int | None
    place: CandidateRow | None
    zone: str
    words: str = ""


def propose_all(
    session: Session, *, visit_ids: Sequence[int], day: date, now: datetime, scarcity: Scarcity
) -> list[Line]:
    """Return a proposal for waiting visits in the order given; ``scarcity`` holds prices by territory."""
    asked = (
        select(Visit.id, Visit.territory_id, Job.title, Customer.name.label("customer"))
        .join(Job, Job.id == Visit.job_id)
        .join(Customer, Customer.id == Job.customer_id)
        .where(Visit.id.in_(visit_ids))
    )
    known = {row.id: row for row in session.execute(asked)}
    days: dict[int, PreparedDay] = {}
    lines = []
    for row in [known[each] for each in dict.fromkeys(visit_ids) if each in known][:MOST]:
        if row.territory_id not in days:
            days[row.territory_id] = day_for(
                session,
                territory_id=row.territory_id,
                day=day,
                now=now,
                visit_id=row.id,
                scarcity=scarcity.get(row.territory_id),
            )
        line = _line(session, days[row.territory_id], row, now)
        if line.place is not None:
            days[row.territory_id] = _as_if_booked(days[row.territory_id], line)
        lines.append(line)
    return lines


def _line(session: Session, prepared: PreparedDay, row: Any, now: datetime) -> Line:
    """Ask about one visit on the day as the lines before leave it."""

    def answer(place: CandidateRow | None, words: str) -> Line:
        return Line(
            visit_id=row.id,
            title=row.title,
            customer=row.customer,
            crew_slot_id=crew.slot_id,
            place=place,
            zone=prepared.zone,
            words=words,
        )

    crew = crew_of(session, row.id)
    if crew.size > 1:
        return answer(None, BY_HAND)
    if crew.assignment_id is not None:
        return answer(None, HAS_SOMEBODY)
    try:
        listing = candidates_on(session, prepared, visit_id=row.id, now=now)
    except Conflict as refused:
        return answer(None, refused.message)
    holds = holds_on(session, listing.ranked, row.id, now)
    for place in listing.ranked:
        if (
            place.technician_id not in holds
            and not place.knock_on
            and not place.late_s
            and (place.promise is None or place.promise.margin_s >= 0)
        ):
            return answer(place, words_of(place, prepared.zone))
    return answer(None, AT_A_COST if listing.ranked else NOBODY)


def _as_if_booked(prepared: PreparedDay, line: Line) -> PreparedDay:
    """Return the day with one more visit in it; nothing of it is written."""
    assert line.place is not None
    seconds, place = prepared.snapshot.clock.seconds, line.place
    start_s, end_s = seconds(place.start_at), seconds(place.end_at)
    stop = Stop(
        visit=str(line.visit_id),
        slot=0,
        arrive_s=start_s,
        start_s=start_s,
        end_s=end_s,
        travel_s=0,
        travel_m=0,
        travel_source="",
    )
    shift = next(
        each
        for each in prepared.snapshot.problem.shifts
        if each.technician == str(place.technician_id) and each.start_s <= start_s <= each.end_s + each.overtime_limit_s
    )
    routes = {route.shift: route for route in prepared.plan.routes}
    known = routes.get(shift.id)
    stops = tuple(sorted([*(known.stops if known else ()), stop], key=lambda each: each.start_s))
    routes[shift.id] = Route(
        shift=shift.id,
        technician=shift.technician,
        depart_s=stops[0].start_s,
        finish_s=max(each.end_s for each in stops),
        stops=stops,
    )
    plan = Plan(routes=tuple(routes[name] for name in sorted(routes)))
    return replace(prepared, plan=plan)
