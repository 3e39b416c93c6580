"""Somebody has time all of a sudden: what waits longest is served in it, and nobody who has a time is moved for it.

The question is small: the days of those who have time, and what nobody has yet. First comes what is overdue, then what
was left out of the plan.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.matching.limits import MAX_COST
from dispatch.matching.problem import Pin, Problem, Published, Visit
from dispatch.planning.models import FREES_TIME, Disruption
from dispatch.planning.snapshot import Snapshot
from dispatch.workforce.models import Shift


def who_has_time(session: Session, disruption: Disruption) -> Mapping[str, Any]:
    """Return what narrows the reading of the day to those who have time; nothing where nobody was freed."""
    if disruption.kind not in FREES_TIME:
        return {}
    people = session.scalars(select(Shift.technician_id).where(Shift.id.in_(disruption.freed)).distinct()).all()
    return {"technicians": sorted(people)}


def only_what_waits(snapshot: Snapshot, disruption: Disruption, now: datetime) -> Snapshot:
    """Return the day without the visit that fell through, and with what waits in the order in which it is served.

    Work for several people is no work for one who has time; where one of them is in such a crew, only their own part
    of it is looked at, and held.
    """
    snapshot = _own_parts(snapshot)
    problem, served = snapshot.problem, {item.visit_id for item in snapshot.committed.values()}
    waiting = [
        each
        for each in problem.visits
        if int(each.id) not in served and len(each.crew) == 1 and each.id != str(disruption.visit_id)
    ]
    step = 1 + max((problem.penalty(each) for each in waiting), default=0)
    now_s = snapshot.clock.seconds(now)
    ranked = [replace(each, unserved_penalty=_worth(problem, each, step, now_s)) for each in waiting]
    kept = [each for each in problem.visits if int(each.id) in served and each.id != str(disruption.visit_id)]
    visits = (*kept, *ranked)
    known = {each.id for each in visits}
    changed = replace(
        problem,
        visits=tuple(
            replace(each, predecessors=tuple(one for one in each.predecessors if one.visit in known)) for each in visits
        ),
        pins=tuple(pin for pin in problem.pins if pin.visit in known),
    )
    return replace(snapshot, problem=changed)


def _worth(problem: Problem, visit: Visit, step: int, now_s: int) -> int:
    overdue = visit.due_s is not None and visit.due_s < now_s
    return min(MAX_COST, problem.penalty(visit) + (step if overdue else 0))


def _own_parts(snapshot: Snapshot) -> Snapshot:
    """Return the day in which a crew's visit is the part of whoever is looked at, at its time."""
    problem, clock = snapshot.problem, snapshot.clock
    slots, pins, visits = dict(snapshot.slots), list(problem.pins), []
    for visit in problem.visits:
        crew = snapshot.slots.get(int(visit.id), ())
        mine = [
            (number, snapshot.committed[slot])
            for number, slot in enumerate(crew)
            if slot in snapshot.committed and str(snapshot.committed[slot].shift_id) in problem.shift_by_id
        ]
        if len(visit.crew) < 2 or not mine:
            visits.append(visit)
            continue
        slots[int(visit.id)] = tuple(crew[number] for number, _booking in mine)
        pins = [pin for pin in pins if pin.visit != visit.id]
        start = [clock.seconds(booking.start) for _number, booking in mine]
        people = [str(booking.technician_id) for _number, booking in mine]
        pins += [
            Pin(visit=visit.id, slot=index, technician=people[index], start_s=start[index])
            for index in range(len(mine))
        ]
        visits.append(
            replace(
                visit,
                crew=tuple(visit.crew[number] for number, _booking in mine),
                published=tuple(
                    Published(technician=people[index], start_s=start[index], slot=index) for index in range(len(mine))
                ),
                windows=(),
                release_s=None,
                predecessors=(),
            )
        )
    return replace(snapshot, problem=replace(problem, visits=tuple(visits), pins=tuple(pins)), slots=slots)
