"""Database to `Problem`: a scope as it stands now, read with a constant number of statements.

Inside matching an instant is seconds since the problem's start and an id is text; here and in ``store.py`` is the only
border. Names and addresses stay behind: a stored problem tells nothing about persons beyond their numbers.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.jobs.lifecycle import VisitState
from dispatch.matching.limits import MAX_TIME_S
from dispatch.matching.problem import (
    Certification,
    CrewSlot,
    Partner,
    Pin,
    Predecessor,
    Problem,
    Proficiency,
    Published,
    Technician,
    Visit,
)
from dispatch.planning import rows
from dispatch.planning.models import AssignmentState, Policy
from dispatch.planning.policy import Rules, read_rules, read_weights
from dispatch.planning.readings import (
    Clock,
    late_if_left_out,
    links_of,
    needs_of,
    planned_for,
    point,
    shift_of,
    windows_of,
)
from dispatch.planning.rows import Cell, Period
from dispatch.skills.constants_in_force import constants_in_force
from dispatch.skills.needing import NeedRules
from dispatch.skills.taxonomy import load_need_rules

LOCKED_STATES = (AssignmentState.ON_THE_WAY, AssignmentState.ON_SITE, AssignmentState.DONE)
FINISHED = (VisitState.DONE, VisitState.NOT_DONE, VisitState.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A live assignment as it stood when the problem was read."""

    id: int
    version: int
    visit_id: int
    crew_slot_id: int
    technician_id: int
    shift_id: int | None
    start: datetime
    end: datetime
    state: AssignmentState

    @property
    def locked(self) -> bool:
        """Whether the person is under way or has been there, so that no plan may change it."""
        return self.state in LOCKED_STATES


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A problem with the way back to the rows it was made from.

    Attributes
    ----------
    slots
        Crew slot ids of each visit by position; a problem counts crew slots from 0.
    left_out
        Visits that wait for another one which nobody serves yet.
    without_papers
        People whose company lacks a paper it must keep, on one of their days of the scope; those days are no shifts.
    based_on_seq
        Position of the change log at the time of reading.
    """

    problem: Problem
    rules: Rules
    period: Period
    visit_versions: Mapping[int, int]
    slots: Mapping[int, tuple[int, ...]]
    committed: Mapping[int, Committed]
    left_out: Mapping[int, int]
    promises: Mapping[int, tuple[datetime, datetime]]
    without_papers: frozenset[int]
    based_on_seq: int

    @property
    def clock(self) -> Clock:
        """Conversion between instants and problem seconds."""
        return Clock(start=self.problem.start)


def read_snapshot(
    session: Session,
    *,
    scope: Collection[Cell],
    policy: Policy,
    now: datetime,
    technicians: Collection[int] | None = None,
    visits: Collection[int] | None = None,
    open_in: Collection[int] | None = None,
    also: Collection[int] = (),
    scarcity: Mapping[int, int] | None = None,
) -> Snapshot:
    """Read a scope as a problem; with ``technicians`` or ``visits`` only these, for checks of one placement.

    What nobody has yet is read of the territories ``open_in``, or else of all in the scope; the visits ``also`` are
    read whatever day they are for.

    ``scarcity`` is what an hour of a skill is worth beyond plain work, by skill; it comes from coverage, which planning
    does not know.
    """
    period = rows.period_of(session, scope)
    rules = read_rules(policy.rules)
    weights = read_weights(
        policy.weights,
        rules,
        critical_skills=rows.critical_skills(session),
        scarcity={str(skill): price for skill, price in (scarcity or {}).items()},
        levels=constants_in_force(session),
    )
    clock = Clock(start=period.start)
    shifts = rows.shifts(session, period, technicians)
    people = sorted({row.technician_id for row in shifts})
    found = (
        rows.visits(session, period, [row.id for row in shifts], open_in=open_in, also=also)
        if visits is None
        else rows.named_visits(session, visits)
    )
    ids = [row.id for row in found]
    committed = {row.crew_slot_id: _committed(row) for row in rows.assignments(session, ids)}
    slots = _slots(rows.slots(session, ids))
    able = _technicians(session, shifts, people, period, clock, rules)
    paces = {int(each.id): each.pace_percent for each in able}
    visits_made, left_out = _visits(session, found, period, clock, rules, slots, committed, paces, now)
    end_s = clock.seconds(period.end)
    visits_made = tuple(late_if_left_out(visit, weights, end_s) for visit in visits_made)
    problem = Problem(
        start=period.start,
        horizon_s=end_s,
        technicians=able,
        shifts=_shifts(session, shifts, people, period, clock, rules, committed, now),
        visits=visits_made,
        pins=_pins(session, ids, slots, committed, clock, {int(item.id) for item in visits_made}, set(people)),
        partners=_partners(shifts),
        policy=weights,
        travel=rules.travel,
    )
    return Snapshot(
        problem=problem,
        rules=rules,
        period=period,
        visit_versions={row.id: row.version for row in found},
        slots=slots,
        committed=committed,
        left_out=left_out,
        promises={row.id: (row.promise.lower, row.promise.upper) for row in found if row.promise is not None},
        without_papers=frozenset(row.technician_id for row in shifts if row.papers_lapsed),
        based_on_seq=rows.log_position(session),
    )


def active_policy(session: Session) -> Policy:
    """Return the policy in force; the first call of an installation writes the documented defaults."""
    found = session.scalars(select(Policy).where(Policy.active)).one_or_none()
    if found is not None:
        return found
    defaults = {"name": "standard", "number": 1, "weights": {}, "rules": {}, "active": True}
    session.execute(insert(Policy).values(defaults).on_conflict_do_nothing())  # two may be the first at once
    return session.scalars(select(Policy).where(Policy.active)).one()


def _committed(row: Any) -> Committed:
    return Committed(
        id=row.id,
        version=row.version,
        visit_id=row.visit_id,
        crew_slot_id=row.crew_slot_id,
        technician_id=row.technician_id,
        shift_id=row.shift_id,
        start=row.during.lower,
        end=row.during.upper,
        state=row.state,
    )


def _slots(found: Sequence[Any]) -> dict[int, tuple[int, ...]]:
    slots: dict[int, list[int]] = defaultdict(list)
    for row in found:
        slots[row.visit_id].append(row.id)
    return {visit: tuple(ids) for visit, ids in slots.items()}


def _technicians(
    session: Session, shifts: Sequence[Any], people: Sequence[int], period: Period, clock: Clock, rules: Rules
) -> tuple[Technician, ...]:
    """People with a shift in the scope, with what they can do and where."""
    days = [row.on_date for row in shifts]
    first, last = (min(days), max(days)) if days else (period.start.date(), period.end.date())
    where: dict[int, set[str]] = defaultdict(set)
    for row in rows.memberships(session, people, first, last):
        where[row.technician_id].add(str(row.territory_id))
    known: dict[int, dict[str, Proficiency]] = defaultdict(dict)
    for row in rows.proficiencies(session, people):
        known[row.technician_id][str(row.skill_id)] = Proficiency(mean=row.mean, sd=row.sd, confirmed=row.confirmed)
    zone_of = {row.technician_id: period.zones[row.territory_id] for row in shifts}
    papers: dict[int, list[Certification]] = defaultdict(list)
    for row in rows.certifications(session, people):
        zone = zone_of[row.technician_id]
        papers[row.technician_id].append(
            Certification(
                id=str(row.kind_id),
                valid_from_s=clock.day(row.valid.lower, zone),
                valid_until_s=None if row.valid.upper in (None, date.max) else clock.day(row.valid.upper, zone),
            )
        )
    # The matcher asks for rest before any later shift, so not of somebody whose day has two parts.
    parted = {
        pair[0] for pair, count in Counter((row.technician_id, row.on_date) for row in shifts).items() if count > 1
    }
    made: dict[int, Technician] = {}
    for row in shifts:
        made.setdefault(
            row.technician_id,
            Technician(
                id=str(row.technician_id),
                proficiencies=known[row.technician_id],
                certifications=tuple(papers[row.technician_id]),
                territories=tuple(sorted(where[row.technician_id])),
                pace_percent=max(10, min(1000, round(row.pace * 100))),
                cost_percent=round(row.hourly_cost_factor * 100),
                partner=None if row.partner_id is None else str(row.partner_id),
                call_out_cost=row.call_out_cost_s,
                min_rest_s=0 if row.technician_id in parted else rules.min_rest_s,
            ),
        )
    return tuple(made[person] for person in people)


def _partners(shifts: Sequence[Any]) -> tuple[Partner, ...]:
    """Companies that take so many visits a day; what their people have outside the scope is taken off.

    The matcher knows one number for all days, so over several days the fullest one counts.
    """
    left: dict[int, int] = {}
    for row in shifts:
        if row.daily_capacity is not None:
            free = max(0, row.daily_capacity - row.taken_elsewhere)
            left[row.partner_id] = min(free, left.get(row.partner_id, free))
    return tuple(Partner(id=str(partner), visits_a_day=free) for partner, free in sorted(left.items()))


def _shifts(
    session: Session,
    found: Sequence[Any],
    people: Sequence[int],
    period: Period,
    clock: Clock,
    rules: Rules,
    committed: Mapping[int, Committed],
    now: datetime,
) -> tuple[Any, ...]:
    """Shifts without the times of absence; one that has begun with nothing done yet begins now.

    Without its company's papers nobody begins a day; who is out already is brought home as planned.
    """
    starts = [row.during.lower for row in found] or [period.start]
    ends = [row.during.upper for row in found] or [period.end]
    away: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in rows.absences(session, people, min(starts), max(ends) + timedelta(days=1)):
        away[row.technician_id].append((row.during.lower, row.during.upper))
    begun = {item.shift_id for item in committed.values() if item.locked}
    made = [
        shift_of(
            row,
            away[row.technician_id],
            clock,
            rules,
            not_before=row.during.lower if row.id in begun else max(row.during.lower, now),
        )
        for row in found
        if row.id in begun or not row.papers_lapsed
    ]
    return tuple(shift for shift in made if shift is not None)


def _visits(
    session: Session,
    found: Sequence[Any],
    period: Period,
    clock: Clock,
    rules: Rules,
    slots: Mapping[int, tuple[int, ...]],
    committed: Mapping[int, Committed],
    paces: Mapping[int, int],
    now: datetime,
) -> tuple[tuple[Visit, ...], dict[int, int]]:
    ids = [row.id for row in found]
    windows: dict[int, list[Any]] = defaultdict(list)
    for row in rows.windows(session, ids):
        windows[row.visit_id].append(row)
    meaning = load_need_rules(session)
    needs: dict[int, list[Any]] = defaultdict(list)
    for row in rows.needs(session, ids):
        needs[row.crew_slot_id].append(row)
    papers: dict[int, list[str]] = defaultdict(list)
    for row in rows.certification_needs(session, ids):
        papers[row.crew_slot_id].append(str(row.kind_id))
    links: dict[int, list[Any]] = defaultdict(list)
    for row in rows.people_links(session, {row.customer_id for row in found}):
        links[row.customer_id].append(row)
    before = _before(session, found)
    left_out: dict[int, int] = {}
    made: list[Visit] = []
    for row in found:
        crew = slots.get(row.id, ())
        standing = [committed[slot] for slot in crew if slot in committed]
        locked = any(item.locked for item in standing)
        release = _latest(row.release_at, row.job_release_at, None if locked else now)
        waits_for: tuple[Predecessor, ...] = ()
        if row.predecessor_id is not None and not locked:
            state, ends_at, inside = before[row.predecessor_id]
            if inside:
                waits_for = (Predecessor(visit=str(row.predecessor_id)),)
            elif state not in FINISHED and ends_at is None:
                left_out[row.id] = row.predecessor_id
                continue
            elif state not in FINISHED:
                release = _latest(release, ends_at)
        times = windows_of(windows[row.id], row.promise, rules, clock, locked=locked)
        due, rate = _due(row, times.due, rules, period, now)
        people = links_of(links[row.customer_id], row.site_id)
        visit = Visit(
            id=str(row.id),
            job=str(row.job_id),
            site=str(row.site_id),
            territory=str(row.territory_id),
            point=point(row.lat, row.lon),
            duration_s=_held(standing, paces) if locked else row.duration_s + row.setup_s,
            setup_s=0 if locked else row.setup_s,
            windows=times.windows,
            release_s=None if release is None else clock.seconds(release),
            due_s=None if due is None else clock.seconds(due),
            lateness_rate=max(rate, times.rate),
            priority=row.priority,
            age_s=max(0, min(MAX_TIME_S, int((now - row.created_at).total_seconds()))),
            second_visit_cost=row.second_visit_cost_s,
            crew=_crew(crew, needs, papers, meaning),
            preferred=people["preferred"],
            required=people["required"],
            excluded=people["excluded"],
            known_faces=people["known"],
            predecessors=waits_for,
            published=tuple(
                Published(
                    technician=str(item.technician_id),
                    start_s=clock.seconds(item.start),
                    slot=crew.index(item.crew_slot_id),
                )
                for item in sorted(standing, key=lambda item: crew.index(item.crew_slot_id))
            ),
        )
        made.append(visit)
    kept = {visit.id for visit in made}
    return tuple(_without(visit, kept) for visit in made), left_out


def _crew(
    slots: Sequence[int],
    needs: Mapping[int, Sequence[Any]],
    papers: Mapping[int, Sequence[str]],
    meaning: NeedRules,
) -> tuple[CrewSlot, ...]:
    """Return what each member of the crew must bring; a visit without rows for it takes anybody."""
    made = (
        CrewSlot(needs=needs_of(needs.get(slot, ()), meaning), certifications=tuple(sorted(papers.get(slot, ()))))
        for slot in slots
    )
    return tuple(made) or (CrewSlot(),)


def _held(standing: Sequence[Committed], paces: Mapping[int, int]) -> int:
    """Return the work of a visit that has begun, so that it fills the time that is booked for it.

    That time is what nobody else can have, whatever the pace of the person would make of the work.
    """
    return max(
        planned_for(round((item.end - item.start).total_seconds()), paces.get(item.technician_id, 100))
        for item in standing
    )


def _without(visit: Visit, kept: Collection[str]) -> Visit:
    """Drop a wait for a visit that was left out itself; the visit then waits with it on the next reading."""
    return replace(visit, predecessors=tuple(item for item in visit.predecessors if item.visit in kept))


def _before(session: Session, found: Sequence[Any]) -> dict[int, tuple[VisitState, datetime | None, bool]]:
    inside = {row.id for row in found if row.state not in FINISHED}
    wanted = {row.predecessor_id for row in found if row.predecessor_id is not None}
    return {row.id: (row.state, row.ends_at, row.id in inside) for row in rows.predecessors(session, sorted(wanted))}


def _due(
    row: Any, promised: datetime | None, rules: Rules, period: Period, now: datetime
) -> tuple[datetime | None, int]:
    """Tell from when lateness costs, and how much a second; of what is overdue only the time from now on counts."""
    if promised is not None:
        return max(promised, period.start, now), rules.promise_lateness_rate
    targets = [item for item in (row.due_at, row.job_due_at) if item is not None]
    return (
        (max(min(targets), period.start, now), rules.target_lateness_rate)
        if targets
        else (None, rules.target_lateness_rate)
    )


def _latest(*instants: datetime | None) -> datetime | None:
    known = [item for item in instants if item is not None]
    return max(known) if known else None


def _pins(
    session: Session,
    ids: Sequence[int],
    slots: Mapping[int, tuple[int, ...]],
    committed: Mapping[int, Committed],
    clock: Clock,
    kept: Collection[int],
    people: Collection[int],
) -> tuple[Pin, ...]:
    """Collect what must stay: pins of dispatchers, and work under way or done, which stays where and when it is."""
    made: dict[int, Pin] = {}
    for row in rows.pins(session, ids):
        if row.visit_id in kept and (row.technician_id is None or row.technician_id in people):
            made[row.crew_slot_id] = Pin(
                visit=str(row.visit_id),
                slot=slots[row.visit_id].index(row.crew_slot_id),
                technician=None if row.technician_id is None else str(row.technician_id),
                start_s=None if row.starts_at is None else clock.seconds(row.starts_at),
            )
    for item in committed.values():
        if item.locked and item.visit_id in kept and item.technician_id in people:
            made[item.crew_slot_id] = Pin(
                visit=str(item.visit_id),
                slot=slots[item.visit_id].index(item.crew_slot_id),
                technician=str(item.technician_id),
                start_s=clock.seconds(item.start),
            )
    return tuple(made[slot] for slot in sorted(made))
