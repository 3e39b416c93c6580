"""Writes a job with everything that hangs on it: visits, places in the crew, needs, promises, assignments, reports."""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from dispatch.core.clock import local_day
from dispatch.demo.world import Case, Trip, World
from dispatch.jobs.promises import judge

CLOSED = {"done": "Fixed", "not_done": None}
REASONS = {"access": "Nobody opened the door", "customer": "The customer sent us away for today"}
NOTES = {
    "parts": "Part ordered, second visit needed",
    "tools": "The special tool was at another site",
    "time": "The next promise would have been broken",
    "skill": "Could not find the cause; somebody more experienced should look",
    "access": "Plant room locked, key with the caretaker",
    "customer": "Not a good day for them",
}
COME_BACK = timedelta(days=4)
REPORTED_SHARE = 0.4
TROUBLES = ("vehicle", "emergency", "part_missing", "no_access")


def write(world: World, case: Case) -> int:
    """Write a case; what it is depends on its trips and on the time it is now. Returns the job's number."""
    world_now = world.now
    trips = case.trips
    last = trips[-1] if trips else None
    over = last is not None and last.actual[1] <= world_now
    done = last is not None and over and last.fixed
    area = world.area(case.place.area_id)
    release = case.release or case.created
    job_id = world.book.add(
        "job",
        customer_id=case.place.customer_id,
        site_id=case.place.id,
        asset_id=case.asset_id,
        job_type_id=case.kind.id,
        title=case.title or world.rng.choice(case.kind.work.titles),
        purpose=world.rng.choice(case.kind.work.purposes),
        priority=case.kind.work.priority,
        owner_id=area.owner_id,
        release_at=release,
        due_at=case.due or max(case.created, release) + timedelta(hours=case.kind.work.target_h),
        created_at=min(case.created, world_now),
        closed_at=last.actual[1] if last and done else None,
        close_reason="Fixed" if done else None,
        **_standing(world, case, last, over=over, done=done),
    )
    previous = None
    for sequence, trip in enumerate(trips, start=1):
        previous = _write_trip(world, case, trip, job_id, sequence, previous)
    if last is None or (over and not last.fixed):
        _write_open_visit(world, case, job_id, len(trips) + 1, previous)
    return job_id


def _standing(world: World, case: Case, last: Trip | None, *, over: bool, done: bool) -> dict[str, Any]:
    """Return state, next step and its due time."""
    if done:
        return {"state": "done", "next_step": None, "next_step_due_at": None}
    if case.waiting_for:
        due = world.now + timedelta(hours=world.rng.randint(-30, 90))
        return {"state": "waiting", "next_step": case.waiting_for, "next_step_due_at": due}
    if last is not None and last.declined:
        return {
            "state": "open",
            "next_step": "Declined: find somebody else and tell the customer",
            "next_step_due_at": min(last.leaves, world.now + timedelta(minutes=30)),
        }
    if last is not None and not over:
        state = "under_way" if last.leaves <= world.now else "planned"
        return {"state": state, "next_step": "Visit as planned", "next_step_due_at": last.planned[1]}
    if last is not None:
        return {
            "state": "open",
            "next_step": "Plan the second visit",
            "next_step_due_at": last.actual[1] + timedelta(hours=20),
        }
    release = case.release or case.created
    due = max(world.now + timedelta(hours=world.rng.randint(1, 4)), release - timedelta(hours=16))
    return {"state": "open", "next_step": "Find a person and a time", "next_step_due_at": due}


def _write_trip(world: World, case: Case, trip: Trip, job_id: int, sequence: int, previous: int | None) -> int:
    state, visit_state = _trip_states(world, trip)
    visit_id = world.book.add(
        "visit",
        job_id=job_id,
        territory_id=case.place.area_id,
        sequence=sequence,
        state=visit_state,
        duration_s=case.duration_s,
        release_at=None,
        due_at=case.due if previous is None else None,
        predecessor_id=previous,
    )
    slots = _write_crew(world, case, visit_id)
    if trip.promised:
        _write_promise(world, case, trip, visit_id, arrived=trip.actual[0] if state not in _BEFORE else None)
    happened = state in ("done", "not_done")
    during = trip.actual if happened else trip.planned
    for slot_id, person, shift_id, leg in zip(slots, trip.people, trip.shift_ids, trip.legs, strict=True):
        assignment_id = world.book.add(
            "assignment",
            visit_id=visit_id,
            crew_slot_id=slot_id,
            technician_id=person.id,
            shift_id=shift_id,
            during=Range(*during),
            state=state,
            travel_s=leg[0],
            travel_m=leg[1],
            decided_by_id=person.area.owner_id,
            decided_at=min(world.now, trip.planned[0] - timedelta(hours=14)),
        )
        _write_reports(world, trip, visit_id, assignment_id, person.id, person.user_id, state)
        if happened:
            world.met[case.place.customer_id, person.id].append(trip.actual[0].date())
    if happened and trip.actual[1] >= world.day_start(world.outcomes_since):
        _write_outcome(world, case, trip, visit_id)
    return visit_id


_BEFORE = ("planned", "accepted", "on_the_way", "declined")


def _trip_states(world: World, trip: Trip) -> tuple[str, str]:
    """Return where assignment and visit stand now."""
    if trip.declined:
        return "declined", "open"
    if trip.actual[1] <= world.now:
        return ("not_done", "not_done") if trip.cause in REASONS else ("done", "done")
    if trip.actual[0] <= world.now:
        return "on_site", "under_way"
    if trip.leaves <= world.now:
        return "on_the_way", "under_way"
    return ("accepted" if world.rng.random() < 0.6 else "planned"), "planned"


def _write_crew(world: World, case: Case, visit_id: int) -> list[int]:
    slots = []
    for position in range(1, case.kind.work.crew + 1):
        slot_id = world.book.add("crew_slot", visit_id=visit_id, position=position)
        for skill_id, must, preferred in case.kind.needs:
            world.book.add(
                "skill_need",
                crew_slot_id=slot_id,
                skill_id=skill_id,
                must_level=must,
                preferred_level=preferred,
                origin="job_type",
            )
        for kind_id in case.kind.certificate_ids:
            world.book.add("certification_need", crew_slot_id=slot_id, kind_id=kind_id, origin="job_type")
        slots.append(slot_id)
    return slots


def _write_promise(world: World, case: Case, trip: Trip, visit_id: int, arrived: datetime | None) -> None:
    if trip.promised is None:
        return
    verdict = judge(trip.promised[1], arrived) if arrived else None
    number = 1
    if world.rng.random() < 0.03:  # told once, then moved with the customer's consent
        earlier = timedelta(hours=world.rng.choice((-24, -3, 2)))
        told = (trip.promised[0] + earlier, trip.promised[1] + earlier)
        _promise_row(world, case, visit_id, number, told, "replaced")
        number = 2
    state = "standing" if verdict is None else "kept" if verdict.kept else "missed"
    _promise_row(world, case, visit_id, number, trip.promised, state, verdict.missed_by_s if verdict else None)
    if state == "missed" and arrived is not None:
        _write_trouble(world, case, trip, visit_id, arrived)


def _write_trouble(world: World, case: Case, trip: Trip, visit_id: int, arrived: datetime) -> None:
    """Note what was reported before a late arrival of an earlier day; most of the time that is nothing."""
    dice = random.Random(visit_id)  # of its own, so that the rest of the demo stays as it is
    day = local_day(arrived, world.zone)
    if dice.random() > REPORTED_SHARE or day >= world.today:
        return
    at = arrived - timedelta(minutes=dice.randint(20, 50))
    world.book.add(
        "disruption",
        kind=dice.choice(TROUBLES),
        state="closed",
        territory_id=case.place.area_id,
        day=day,
        technician_id=trip.people[0].id,
        owner_id=world.area(case.place.area_id).owner_id,
        scope=[],
        due_at=at + timedelta(minutes=15),
        reported_by_id=trip.people[0].user_id,
        reported_at=at,
        settled_at=at + timedelta(minutes=dice.randint(3, 14)),
    )


def _promise_row(
    world: World,
    case: Case,
    visit_id: int,
    number: int,
    during: tuple[datetime, datetime],
    state: str,
    missed_by_s: int | None = None,
) -> None:
    made_at = min(world.now, during[0] - timedelta(hours=2), case.created + timedelta(minutes=12 * number))
    world.book.add(
        "promise",
        visit_id=visit_id,
        number=number,
        during=Range(*during),
        state=state,
        missed_by_s=missed_by_s,
        agreed_with=case.place.contact,
        channel=world.rng.choice(("call", "call", "call", "mail", "text")),
        made_by_id=world.rng.choice(world.staff["dispatcher"]),
        made_at=made_at,
    )


def _write_reports(
    world: World, trip: Trip, visit_id: int, assignment_id: int, technician_id: int, user_id: int, state: str
) -> None:
    steps: list[tuple[str, datetime, dict[str, Any]]] = []
    if trip.declined:
        steps.append(("declined", world.now - timedelta(minutes=25), {"reason": trip.declined}))
    if state in ("on_the_way", "on_site"):
        steps.append(("on_the_way", trip.leaves, {}))
    if state in ("on_site", "done", "not_done"):
        steps.append(("arrived", trip.actual[0], {}))
    if state == "done":
        details = {"fixed_first_time": trip.fixed, "cause": trip.cause, "note": NOTES.get(trip.cause or "")}
        steps.append(("done", trip.actual[1], details))
    elif state == "not_done":
        details = {"reason": REASONS[trip.cause or ""], "cause": trip.cause}
        steps.append(("could_not_do", trip.actual[1], details))
    for kind, at, details in steps:
        row = {"reason": None, "fixed_first_time": None, "cause": None, "note": None} | details
        world.book.add(
            "visit_report",
            id=_report_id(world, at),
            visit_id=visit_id,
            technician_id=technician_id,
            assignment_id=assignment_id,
            kind=kind,
            happened_at=at,
            received_at=at + timedelta(seconds=world.rng.randint(1, 40)),
            reported_by_id=user_id,
            **row,
        )


def _report_id(world: World, at: datetime) -> uuid.UUID:
    """Return an id that begins with the time (version 7), as devices make them: an index fills far faster in order."""
    milliseconds = int(at.timestamp() * 1000)
    return uuid.UUID(
        int=milliseconds << 80 | 7 << 76 | world.rng.getrandbits(12) << 64 | 2 << 62 | world.rng.getrandbits(62)
    )


def _write_outcome(world: World, case: Case, trip: Trip, visit_id: int) -> None:
    """Note what the visit says about the skills of whoever led it; a locked door says nothing."""
    lead = trip.people[0]
    needs = [[skill, level] for skill, level in sorted(case.kind.musts)]
    hardest = max(needs, key=lambda need: need[1])[0]
    facts: dict[str, Any] = {"needs": needs, "fixed": trip.fixed, "visit": visit_id}
    if trip.cause:
        facts["cause"] = trip.cause
    world.book.add(
        "evidence",
        technician_id=lead.id,
        skill_id=hardest,
        source="job_outcome",
        at=trip.actual[1],
        facts=facts,
        contested=False,
        visit_id=visit_id,
        outside_key=f"visit:{visit_id}:technician:{lead.id}",
        recorded_by_id=lead.user_id,
        recorded_at=trip.actual[1],
    )


def _write_open_visit(world: World, case: Case, job_id: int, sequence: int, previous: int | None) -> None:
    release = case.release if previous is None else world.now - timedelta(hours=1)
    due = case.due if previous is None else world.now + COME_BACK
    visit_id = world.book.add(
        "visit",
        job_id=job_id,
        territory_id=case.place.area_id,
        sequence=sequence,
        state="open",
        duration_s=case.duration_s,
        release_at=release,
        due_at=due,
        predecessor_id=previous,
    )
    _write_crew(world, case, visit_id)
    if previous is None and case.promised:
        _promise_row(world, case, visit_id, 1, case.promised, "standing")
    if previous is None and case.window:
        start, end, price = case.window
        world.book.add(
            "visit_window", visit_id=visit_id, during=Range(start, end), hard=price is None, lateness_cost=price
        )
