"""A plan in the terms of customers and colleagues (pure): promises, margins, driving, known faces, who hears of it.

One count for every column of a comparison: what people follow now, what is proposed, what a simple rule would give, and
what is left of a proposal when some of it is not wanted.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from dispatch.planning.promise_state import PromiseOutlook, outlook

NEAR_S = 900
"""A day that starts within this driving time of its first customer counts as starting near."""
NOTICED_S = 900
"""A start that moves by more is a change that people hear of."""

HOLDS = (PromiseOutlook.ON_TRACK, PromiseOutlook.AT_RISK, PromiseOutlook.KEPT)

Span: TypeAlias = tuple[datetime, datetime]
Spots: TypeAlias = Mapping[int, frozenset[tuple[int, datetime]]]
"""Who serves a visit from when on, by visit."""


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One person at one visit, planned or committed."""

    visit_id: int
    shift_id: int | None
    technician_id: int
    start: datetime
    end: datetime
    travel_s: int
    travel_source: str
    known_face: bool
    arrived_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DayEnd:
    """When one person's day ends, the way home included, and when it should."""

    technician_id: int
    home_s: int
    finish: datetime
    shift_end: datetime


@dataclass(frozen=True, kw_only=True)
class Disturbed:
    """Who would hear of a change: visits whose customer is to be told, and technicians whose day is another one."""

    customers: frozenset[int] = frozenset()
    technicians: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CustomerTerms:
    """A plan in numbers that people care about. Promises count once a visit, people once a day.

    The margin is the mean of the promises that hold: one broken by days would outweigh all others.
    """

    kept: int
    at_risk: int
    broken: int
    served: int
    unserved: int
    margin_s: int | None
    travel_s: int
    overtime_s: int
    most_overtime_s: int
    known_faces: int
    near_starts: int
    customers_told: int
    technicians_changed: int

    def as_dict(self) -> dict[str, int | None]:
        """Give plain JSON values."""
        return dict(vars(self))


def customer_terms(
    bookings: Collection[Booking],
    ends: Iterable[DayEnd],
    *,
    asked: Collection[int],
    promises: Mapping[int, Span],
    disturbed: Disturbed,
    now: datetime,
) -> CustomerTerms:
    """Count a plan. ``asked`` are the visits it is about: which of them nobody has is counted, with their promises."""
    states: dict[PromiseOutlook, int] = {}
    margins: list[int] = []
    by_visit: dict[int, list[Booking]] = {}
    first: dict[tuple[int | None, int], Booking] = {}
    for each in bookings:
        by_visit.setdefault(each.visit_id, []).append(each)
        day = each.shift_id, each.technician_id
        if day not in first or each.start < first[day].start:
            first[day] = each
    for visit_id, crew in by_visit.items():
        if visit_id in promises:
            last = max(crew, key=lambda each: each.start)
            view = outlook(
                promises[visit_id][1],
                planned_at=last.start,
                travel_s=last.travel_s,
                source=last.travel_source,
                arrived_at=last.arrived_at,
                now=now,
            )
            states[view.state] = states.get(view.state, 0) + 1
            if view.state in HOLDS:
                margins.append(view.margin_s)
    unserved = set(asked) - set(by_visit)
    ways_home = list(ends)
    overtime = [max(0, round((each.finish - each.shift_end).total_seconds())) for each in ways_home]
    return CustomerTerms(
        kept=states.get(PromiseOutlook.ON_TRACK, 0) + states.get(PromiseOutlook.KEPT, 0),
        at_risk=states.get(PromiseOutlook.AT_RISK, 0),
        broken=states.get(PromiseOutlook.WILL_MISS, 0)
        + states.get(PromiseOutlook.MISSED, 0)
        + sum(visit_id in promises for visit_id in unserved),
        served=len(by_visit),
        unserved=len(unserved),
        margin_s=round(sum(margins) / len(margins)) if margins else None,
        travel_s=sum(each.travel_s for each in bookings) + sum(each.home_s for each in ways_home),
        overtime_s=sum(overtime),
        most_overtime_s=max(overtime, default=0),
        known_faces=len({each.visit_id for each in bookings if each.known_face}),
        near_starts=sum(each.travel_s <= NEAR_S for each in first.values()),
        customers_told=len(disturbed.customers),
        technicians_changed=len(disturbed.technicians),
    )


def disturbed_by(before: Spots, after: Spots, promises: Mapping[int, Span]) -> Disturbed:
    """Say who would hear of it when what is committed becomes something else.

    A customer with a promise hears when it is not kept any more, one without whenever somebody comes at another time.
    """
    customers: set[int] = set()
    technicians: set[int] = set()
    for visit_id in set(before) | set(after):
        was, becomes = before.get(visit_id, frozenset()), after.get(visit_id, frozenset())
        if was == becomes:
            continue
        hear = _who_hears(was, becomes)
        technicians |= hear
        promised = promises.get(visit_id)
        if promised is None:
            if hear and (not was or _retimed(was, becomes)):
                customers.add(visit_id)
        elif (_keeps(was, promised) is not False and _keeps(becomes, promised) is False) or (was and not becomes):
            customers.add(visit_id)
    return Disturbed(customers=frozenset(customers), technicians=frozenset(technicians))


def _who_hears(was: Iterable[tuple[int, datetime]], becomes: Iterable[tuple[int, datetime]]) -> set[int]:
    starts, others = dict(was), dict(becomes)
    return {
        person
        for person in starts.keys() | others.keys()
        if person not in starts or person not in others or apart(starts[person], others[person])
    }


def _retimed(was: frozenset[tuple[int, datetime]], becomes: frozenset[tuple[int, datetime]]) -> bool:
    return not becomes or apart(_begin(was), _begin(becomes))


def _keeps(spots: frozenset[tuple[int, datetime]], promised: Span) -> bool | None:
    """Whether the planned start keeps a promise, None where nobody comes."""
    return promised[0] <= _begin(spots) <= promised[1] if spots else None


def _begin(spots: Iterable[tuple[int, datetime]]) -> datetime:
    return max(start for _person, start in spots)


def apart(one: datetime, other: datetime) -> bool:
    """Whether people notice that somebody comes at the other time."""
    return abs((one - other).total_seconds()) > NOTICED_S


def spots_of(bookings: Sequence[Booking]) -> Spots:
    """Return who serves which visit from when on."""
    found: dict[int, set[tuple[int, datetime]]] = {}
    for each in bookings:
        found.setdefault(each.visit_id, set()).add((each.technician_id, each.start))
    return {visit_id: frozenset(spots) for visit_id, spots in found.items()}
