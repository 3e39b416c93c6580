"""One repair from report to proposal: read the day, mend it in a child, check it, store what changes for whom.

What people follow is not written here, except where only minutes move and every promise holds; the rest is for people
to accept. No connection is held while the child works, and only the latest attempt stores what it found.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.core.clock import now as wall_clock
from dispatch.core.errors import Conflict, ServiceError
from dispatch.core.queue import defer
from dispatch.matching.check import unforced
from dispatch.matching.plan import Plan as Answer
from dispatch.matching.plan import Unassigned
from dispatch.matching.problem import Pin, Refused
from dispatch.planning.accepting import apply_items
from dispatch.planning.choices import TASK, choice_of, gentlest, keep_choices, put_choice, put_items, waits_for_times
from dispatch.planning.desks import committed_plan
from dispatch.planning.free_time import only_what_waits, who_has_time
from dispatch.planning.gentle import Person, Request, questioned
from dispatch.planning.models import (
    DELAYS,
    FREES_TIME,
    Disruption,
    DisruptionKind,
    DisruptionState,
    RepairPart,
)
from dispatch.planning.offering import Free
from dispatch.planning.promise_state import late_arrival
from dispatch.planning.proposals import Line, as_accepted, cells_of, concerned, items_of, lines_of, shifts_of
from dispatch.planning.readings import planned_for
from dispatch.planning.repair_offers import find_times, hold_found
from dispatch.planning.retries import LOST_RACES, sqlstate
from dispatch.planning.snapshot import Snapshot, active_policy, read_snapshot
from dispatch.planning.solving import CHANNEL, Scarcity, Sessions, nothing_scarce
from dispatch.planning.supervising import CHILD, Ask, Ended, Limits, Order, supervise
from dispatch.planning.urgent import soonest_people

TIME_LIMIT_S = 6.0
USUAL_WAY_S = 1200
SET_OUT_S = 3600
MOST_GENTLE = 2
CHILD_TRIES = 2
WITH_PROPOSAL = (DisruptionState.PROPOSED, DisruptionState.ACCEPTED)
READING = "Reading the day"
SEARCHING = "Looking for the gentlest repair"
CHECKING = "Checking it again"


@dataclass(kw_only=True)
class Repairing:
    """One attempt to repair one disruption."""

    sessions: Sessions
    disruption_id: int
    limits: Limits
    step_limit: int | None = None
    scarcity: Scarcity = nothing_scarce
    command: Sequence[str] = CHILD
    now: Callable[[], datetime] = wall_clock
    give_up: threading.Event = field(default_factory=threading.Event)
    attempt: int = 0


def run_repair(run: Repairing) -> DisruptionState | None:
    """Work a disruption's proposal out; safe to call twice. None when there is nothing to do for this attempt."""
    with run.sessions() as session:
        disruption = _locked(session, run.disruption_id)
        if disruption is not None and waits_for_times(disruption):
            run.attempt = disruption.attempt
            session.rollback()
            _offer_times(run)
            return None
        if disruption is None or disruption.state is not DisruptionState.OPEN:
            return None
        disruption.attempt += 1
        disruption.message = READING
        run.attempt = disruption.attempt
        notify(session, disruption.id)
        session.commit()
    try:
        return _propose(run)
    except (Refused, ServiceError) as refused:
        return _failed(run, str(refused))


def ask_repair(session: Session, disruption: Disruption) -> None:
    """Ask for a proposal, or for a new one; what was proposed before stays to be read until that is there."""
    disruption.state, disruption.settled_at, disruption.message = DisruptionState.OPEN, None, None
    disruption.offered_at = None
    session.flush()
    defer(session, TASK, once=payload(disruption.id), disruption_id=disruption.id)
    notify(session, disruption.id)


def notify(session: Session, disruption_id: int) -> None:
    """Wake the pages that watch a disruption."""
    session.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": payload(disruption_id)})


def payload(disruption_id: int) -> str:
    """Return under which name a disruption's progress is told; planning runs use plain numbers."""
    return f"disruption-{disruption_id}"


def _propose(run: Repairing) -> DisruptionState | None:
    with run.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        disruption = session.get_one(Disruption, run.disruption_id)
        cells = cells_of(disruption)
        snapshot = read_snapshot(
            session,
            scope=cells,
            policy=active_policy(session),
            now=run.now(),
            scarcity=run.scarcity(session, cells),
            also=() if disruption.visit_id is None else (disruption.visit_id,),
            **who_has_time(session, disruption),
        )
        session.expunge(disruption)
        session.rollback()
    snapshot = as_begun(snapshot, run.now())
    if disruption.kind in FREES_TIME:
        snapshot = only_what_waits(snapshot, disruption, run.now())
    snapshot = with_delay(snapshot, disruption, run.now())
    new = disruption.visit_id if disruption.kind is DisruptionKind.EMERGENCY else None
    standing = standing_plan(snapshot, new=new)
    request = request_of(snapshot, disruption, run.now())
    if new is not None:
        request = replace(request, people=_people(snapshot, standing, str(new), run.now()))
    days, why = _mended(run, snapshot, standing, request)
    if run.give_up.is_set():
        return None
    if not days:
        return _failed(run, why)
    choices: list[dict[str, Any]] = []
    if request.people:
        choices = [choice_of(snapshot, standing, answers[-1], disruption, run.now()) for answers in days]
        choices = [each for each in choices if each["items"]]
    lines = concerned(lines_of(snapshot, standing, days[0][-1], **_named(snapshot, disruption)), disruption)
    state = _store(run, disruption, snapshot, lines, days[0], choices)
    if state is DisruptionState.PROPOSED and not choices:
        _offer_times(run, snapshot, as_accepted(standing, days[0][-1], lines))
    return state


def _people(snapshot: Snapshot, standing: Answer, new: str, now: datetime) -> tuple[Person, ...]:
    """Return who could serve a new visit when; nobody where it may not be planned or no one is able to."""
    if new not in snapshot.problem.visit_by_id:
        return ()
    found = soonest_people(snapshot.problem, standing, new, now_s=snapshot.clock.seconds(now))
    return tuple((each.technician, each.shift, each.start_s, each.end_s, each.displaced) for each in found)


def standing_plan(snapshot: Snapshot, *, new: int | None) -> Answer:
    """Return what people follow now as a plan; who waits for a time keeps waiting, only ``new`` asks for one."""
    plan = committed_plan(snapshot)
    booked = {str(item.visit_id) for item in snapshot.committed.values()}
    waiting = [visit.id for visit in snapshot.problem.visits if visit.id not in booked and visit.id != str(new)]
    return replace(plan, unassigned=tuple(Unassigned(visit=visit) for visit in waiting))


def request_of(snapshot: Snapshot, disruption: Disruption, now: datetime) -> Request:
    """Return what the repair must know beside the day: until when each promised visit must begin to be sure.

    What nobody can keep any more binds nobody where time is free: better late than never.
    """
    matrix = snapshot.problem.travel.matrix
    clock, source = snapshot.clock, matrix.source if matrix else "great_circle"
    limits = {
        str(visit_id): clock.seconds(upper - (late_arrival(upper, USUAL_WAY_S, source) - upper))
        for visit_id, (_lower, upper) in snapshot.promises.items()
    }
    if disruption.kind in FREES_TIME:
        still = {visit: limit for visit, limit in limits.items() if limit >= clock.seconds(now)}
        return Request(limits=still, fill=True)
    new = str(disruption.visit_id) if disruption.kind is DisruptionKind.EMERGENCY else None
    return Request(limits=limits, new=new)


def as_begun(snapshot: Snapshot, now: datetime) -> Snapshot:
    """Return the day with everything held that should have begun, reported or not: it is not the repair's to move."""
    problem, clock = snapshot.problem, snapshot.clock
    begun = {
        (str(item.visit_id), snapshot.slots[item.visit_id].index(item.crew_slot_id)): item
        for item in snapshot.committed.values()
        if not item.locked
        and item.start < now
        and str(item.visit_id) in problem.visit_by_id
        and str(item.shift_id) in problem.shift_by_id
    }
    if not begun:
        return snapshot
    first: dict[str, int] = {}
    for item in begun.values():
        shift, start_s = str(item.shift_id), clock.seconds(item.start)
        first[shift] = min(first.get(shift, start_s), start_s)
    held = {visit for visit, _slot in begun}
    pins = [
        Pin(visit=visit, slot=slot, technician=str(item.technician_id), start_s=clock.seconds(item.start))
        for (visit, slot), item in begun.items()
    ]
    changed = replace(
        problem,
        pins=(*(pin for pin in problem.pins if (pin.visit, pin.slot) not in begun), *pins),
        visits=tuple(replace(each, release_s=None, windows=()) if each.id in held else each for each in problem.visits),
        shifts=tuple(
            replace(each, start_s=min(each.start_s, first[each.id] - SET_OUT_S)) if each.id in first else each
            for each in problem.shifts
        ),
    )
    return replace(snapshot, problem=changed)


def with_delay(snapshot: Snapshot, disruption: Disruption, now: datetime) -> Snapshot:
    """Return the day with the time that somebody needs longer: at the visit under way, else before they set off.

    What takes longer and has not begun is longer in the day already.
    """
    late = disruption.kind is DisruptionKind.RUNNING_LATE
    if disruption.minutes is None or not (late or disruption.kind is DisruptionKind.LONGER):
        return snapshot
    problem, more_s, clock = snapshot.problem, disruption.minutes * 60, snapshot.clock
    under_way = [
        item
        for item in snapshot.committed.values()
        if (item.locked or item.start < now)
        and item.technician_id == disruption.technician_id
        and str(item.visit_id) in problem.visit_by_id
        and (late or item.visit_id == disruption.visit_id)
    ]
    if not under_way and not late:
        return snapshot
    if under_way:
        last = max(under_way, key=lambda item: item.start)
        free_s = max(clock.seconds(now), clock.seconds(last.end)) + more_s
        pace = problem.technician_by_id[str(last.technician_id)].pace_percent
        work_s = planned_for(free_s - clock.seconds(last.start), pace)
        visits = tuple(
            replace(each, duration_s=work_s) if each.id == str(last.visit_id) else each for each in problem.visits
        )
        return replace(snapshot, problem=replace(problem, visits=visits))
    shifts = tuple(
        replace(each, start_s=min(each.end_s - 1, max(each.start_s, clock.seconds(now)) + more_s))
        if each.technician == str(disruption.technician_id)
        else each
        for each in problem.shifts
    )
    return replace(snapshot, problem=replace(problem, shifts=shifts))


def _mended(run: Repairing, snapshot: Snapshot, standing: Answer, request: Request) -> tuple[list[list[Answer]], str]:
    """Ask a child for the repair, a second one where the first died; what it says is checked by independent code.

    The answers come in one list, or in one for each person who could take a new visit.
    """
    order = Order(
        problem=snapshot.problem.to_json(),
        standing=standing.to_json(),
        repair=request.as_dict(),
        time_limit_s=TIME_LIMIT_S,
        step_limit=run.step_limit,
    )
    why = ""
    for _attempt in range(CHILD_TRIES):
        outcome = supervise(
            order,
            run.limits,
            ask=lambda: Ask.ABANDON if run.give_up.is_set() else Ask.GO_ON,
            on_progress=lambda _line: _tell(run, SEARCHING),
            command=run.command,
        )
        if run.give_up.is_set():
            return [], ""
        if outcome.ended is not Ended.FINISHED:
            why = outcome.message or "No repair was found."
            if outcome.ended is Ended.REFUSED:
                break
            continue
        _tell(run, CHECKING)
        sound = []
        for pairs in questioned(snapshot.problem, standing, request, outcome.plans):
            broken = [each for pair in pairs for each in unforced(*pair)]
            if broken:
                why = f"The repair broke a rule and was not kept: {broken[0].message}"
            else:
                sound.append([answer for _question, answer in pairs])
        return sound, why
    return [], why


def _store(
    run: Repairing,
    seen: Disruption,
    snapshot: Snapshot,
    lines: list[Line],
    answers: list[Answer],
    choices: list[dict[str, Any]],
) -> DisruptionState | None:
    items = items_of(snapshot, lines, seen, run.now(), first=answers[0] if len(answers) > MOST_GENTLE else None)
    people = {person for line in lines for person in line.people}
    people |= {int(person) for choice in choices for person in choice["people"]}
    with run.sessions() as session:
        disruption = _mine(session, run)
        if disruption is None:
            return None
        shifts = set(session.scalars(shifts_of(disruption)))
        bookings: dict[str, list[list[int]]] = {str(person): [] for person in sorted(people)}
        for item in sorted(snapshot.committed.values(), key=lambda each: each.id):
            if item.technician_id in people and item.shift_id in shifts:
                bookings[str(item.technician_id)].append([item.id, item.version])
        keep_choices(disruption, choices, bookings)
        if choices:
            put_choice(session, disruption, gentlest(choices))
        else:
            put_items(session, disruption, items)
            disruption.rests_on = bookings
        disruption.state, disruption.message = DisruptionState.PROPOSED, None
        disruption.proposed_at = run.now()
        session.flush()
        if disruption.kind in DELAYS and nobody_minds(items, lines):
            _follow_quietly(session, disruption, run.now())
        notify(session, disruption.id)
        state = disruption.state
        session.commit()
    return state


def _named(snapshot: Snapshot, disruption: Disruption) -> dict[str, Any]:
    """Return which visit a proposal names whatever becomes of it, and of which one the end counts."""
    if disruption.kind is DisruptionKind.LONGER:
        return {"longer": disruption.visit_id}
    waits = disruption.kind in FREES_TIME and disruption.kind is not DisruptionKind.CANCELLATION
    return {"also": [disruption.visit_id]} if waits and disruption.visit_id in snapshot.visit_versions else {}


def _offer_times(run: Repairing, snapshot: Snapshot | None = None, answer: Answer | None = None) -> None:
    """Look for times to offer, once the proposal can be read; where others get in between people look themselves.

    Without a day as it was proposed they are looked for in the days as they are: what was proposed is booked by then.
    """
    with run.sessions() as session:
        seen = session.get_one(Disruption, run.disruption_id)
        found = find_times(session, seen, snapshot=snapshot, answer=answer, now=run.now())
        try:
            _offered(session, run, found)
        except DBAPIError as error:
            if sqlstate(error) not in LOST_RACES:
                raise
            session.rollback()
            _offered(session, run, [])
        session.commit()


def _offered(session: Session, run: Repairing, found: Sequence[tuple[int, Sequence[Free]]]) -> None:
    """Hold the times for the proposal of this attempt, and say that they were looked for.

    Only now is it locked: whoever accepts it while times are looked for need not wait.
    """
    disruption = _locked(session, run.disruption_id)
    if disruption is None or disruption.attempt != run.attempt or disruption.state not in WITH_PROPOSAL:
        return
    hold_found(session, disruption, found, now=run.now())
    disruption.offered_at = run.now()
    notify(session, disruption.id)
    session.flush()


def nobody_minds(items: Sequence[dict[str, Any]], lines: Sequence[Line]) -> bool:
    """Tell whether a delay costs nobody anything: everybody keeps their visits, and every promise holds."""
    same = all(
        [item.technician_id for item in line.before] == [row["technician_id"] for row in line.after] for line in lines
    )
    return same and all(item["part"] is RepairPart.KEPT for item in items)


def _follow_quietly(session: Session, disruption: Disruption, now: datetime) -> None:
    """Let the times follow a delay that breaks nothing; where somebody was faster it stays a proposal."""
    try:
        with session.begin_nested():
            apply_items(session, disruption, parts=(RepairPart.KEPT,), actor=SYSTEM, now=now)
    except Conflict:
        session.refresh(disruption)


def _failed(run: Repairing, why: str) -> DisruptionState | None:
    """Say why there is no proposal; the disruption stays open with its owner, and can be asked for again."""
    with run.sessions() as session:
        disruption = _mine(session, run)
        if disruption is None:
            return None
        disruption.state, disruption.proposed_at = DisruptionState.PROPOSED, run.now()
        disruption.message = f"No proposal could be made. {why}".strip()[:2000]
        keep_choices(disruption, (), {})
        put_items(session, disruption, ())
        notify(session, disruption.id)
        session.commit()
    return DisruptionState.PROPOSED


def _tell(run: Repairing, words: str) -> None:
    with run.sessions() as session:
        disruption = _mine(session, run)
        if disruption is not None:
            disruption.message = words
            notify(session, disruption.id)
        session.commit()


def _mine(session: Session, run: Repairing) -> Disruption | None:
    """Lock the disruption; None when a later attempt or a person has gone on meanwhile."""
    disruption = _locked(session, run.disruption_id)
    if disruption is None or disruption.state is not DisruptionState.OPEN or disruption.attempt != run.attempt:
        return None
    return disruption


def _locked(session: Session, disruption_id: int) -> Disruption | None:
    return session.scalars(
        select(Disruption)
        .where(Disruption.id == disruption_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
