"""What a repair changes, line by line, and what of it can be accepted by itself."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from dispatch.matching.codec import encode
from dispatch.matching.plan import Plan as Answer
from dispatch.matching.plan import Route, Stop
from dispatch.matching.travel import ways_between
from dispatch.planning.changing import Placement
from dispatch.planning.models import FREES_TIME, Assignment, Disruption, DisruptionKind, RepairPart
from dispatch.planning.promise_state import outlook
from dispatch.planning.rows import Cell, live
from dispatch.planning.snapshot import Committed, Snapshot
from dispatch.planning.store import stop_rows
from dispatch.units import Point
from dispatch.workforce.models import Shift


@dataclass(frozen=True, kw_only=True)
class Line:
    """What becomes of one visit, before it is sorted into the parts of a proposal."""

    visit_id: int
    before: tuple[Committed, ...]
    after: tuple[Mapping[str, Any], ...]
    reasons: tuple[Mapping[str, Any], ...] = ()
    detour_s: int | None = None

    @property
    def people(self) -> set[int]:
        """Everybody whose day this changes."""
        return {item.technician_id for item in self.before} | {row["technician_id"] for row in self.after}


def cells_of(disruption: Disruption) -> list[Cell]:
    """Return the territories and days a disruption is about."""
    return [(territory_id, date.fromisoformat(day)) for territory_id, day in disruption.scope]


def shifts_of(disruption: Disruption) -> Select[int]:
    """Select the shifts of the territories and days a disruption is about."""
    return select(Shift.id).where(tuple_(Shift.territory_id, Shift.on_date).in_(cells_of(disruption)))


def bookings_now(session: Session, disruption: Disruption) -> dict[str, list[list[int]]]:
    """Return what everybody the proposal touches has now, in the form of ``rests_on``."""
    found: dict[str, list[list[int]]] = {person: [] for person in disruption.rests_on}
    rows = session.execute(
        select(Assignment.technician_id, Assignment.id, Assignment.version)
        .where(
            Assignment.technician_id.in_([int(person) for person in found]),
            Assignment.shift_id.in_(shifts_of(disruption)),
            live(),
        )
        .order_by(Assignment.id)
        .with_for_update()
    )
    for row in rows:
        found[str(row.technician_id)].append([row.id, row.version])
    return found


def lines_of(
    snapshot: Snapshot, standing: Answer, answer: Answer, *, also: Collection[int] = (), longer: int | None = None
) -> list[Line]:
    """Return what a repair changes, visit by visit; days that it does not touch are left out.

    The visits ``also`` are named in any case; of the one that takes ``longer`` the end counts, too.
    """
    old = {route.shift: _times(route.stops) for route in standing.routes}
    rows: dict[int, list[Mapping[str, Any]]] = {}
    changed: set[int] = set()
    for route in answer.routes:
        same = old.pop(route.shift, None) == _times(route.stops)
        for row in stop_rows(snapshot, route):
            rows.setdefault(row["visit_id"], []).append(row | _who(route))
            if not same:
                changed.add(row["visit_id"])
    before: dict[int, list[Committed]] = {}
    for item in snapshot.committed.values():
        before.setdefault(item.visit_id, []).append(item)
    reasons = {int(item.visit): tuple(dict(encode(each)) for each in item.reasons) for item in answer.unassigned}
    lost = {visit for visit in reasons if visit in before}
    asked_for = {int(visit.visit) for visit in answer.unassigned} - {int(item.visit) for item in standing.unassigned}
    found = []
    named = {*also} | ({longer} if longer in before else set())
    for visit_id in sorted(changed | lost | asked_for | named):
        line = Line(
            visit_id=visit_id,
            before=tuple(sorted(before.get(visit_id, ()), key=lambda item: item.crew_slot_id)),
            after=tuple(sorted(rows.get(visit_id, ()), key=lambda row: row["crew_slot_id"])),
            reasons=reasons.get(visit_id, ()),
        )
        if visit_id in also or not _same(line, whole=visit_id == longer):
            found.append(line)
    detours = _detours(snapshot, answer, found)
    return sorted((replace(line, detour_s=detours.get(line.visit_id)) for line in found), key=_begin)


def together_with(seeds: Sequence[Line], lines: Sequence[Line]) -> list[Line]:
    """Return the lines that hang together with some by the people in them; what else a day wants mended is not it."""
    people, found = {person for line in seeds for person in line.people}, list(seeds)
    left = [line for line in lines if line not in found]
    while near := [line for line in left if line.people & people]:
        found += near
        people |= {person for line in near for person in line.people}
        left = [line for line in left if line not in near]
    return [line for line in lines if line in found]


def concerned(lines: Sequence[Line], disruption: Disruption) -> list[Line]:
    """Return what of a mended day follows from what happened to a person; who was late anyhow is another matter.

    Where time is free the question was about that time alone, so all of the answer is.
    """
    if disruption.kind in FREES_TIME or disruption.technician_id is None:
        return list(lines)
    seeds = [line for line in lines if line.visit_id == disruption.visit_id or disruption.technician_id in line.people]
    return together_with(seeds, lines)


def as_accepted(standing: Answer, answer: Answer, lines: Sequence[Line]) -> Answer:
    """Return the day as accepting some lines leaves it: the days of others are as they stand."""
    people = {str(person) for line in lines for person in line.people}
    routes = [route for route in answer.routes if route.technician in people]
    routes += [route for route in standing.routes if route.technician not in people]
    served = {stop.visit for route in routes for stop in route.stops}
    return Answer(
        routes=tuple(sorted(routes, key=lambda route: route.shift)),
        unassigned=tuple(each for each in answer.unassigned if each.visit not in served),
    )


def _detours(snapshot: Snapshot, answer: Answer, lines: Sequence[Line]) -> dict[int, int]:
    """Return how much longer whoever takes a visit over drives for it: there and on, less the way they had else."""
    problem, legs = snapshot.problem, {}
    for line in lines:
        had = {item.technician_id for item in line.before}
        row = line.after[0] if line.after else None
        route = None if row is None or row["technician_id"] in had else answer.route_by_shift.get(str(row["shift_id"]))
        if route is not None:
            shift = problem.shift_by_id[route.shift]
            served = [problem.visit_by_id[stop.visit].point for stop in route.stops]
            points = [shift.start, *served, shift.end]
            at = 1 + [stop.visit for stop in route.stops].index(str(line.visit_id))
            legs[line.visit_id] = points[at - 1 : at + 2]
    ways = ways_between((point for leg in legs.values() for point in leg if point is not None), problem.travel)
    number = {point: index for index, point in enumerate(ways.points)}

    def drive(start: Point | None, end: Point | None) -> int:
        return 0 if start is None or end is None else max(0, ways.way(number[start], number[end])[0])

    return {
        visit_id: max(0, drive(before, here) + drive(here, after) - drive(before, after))
        for visit_id, (before, here, after) in legs.items()
    }


def _times(stops: Iterable[Stop]) -> list[tuple[str, int, int]]:
    return [(stop.visit, stop.slot, stop.start_s) for stop in stops]


def _who(route: Route) -> dict[str, Any]:
    return {"technician_id": int(route.technician), "shift_id": int(route.shift)}


def _begin(line: Line) -> tuple[datetime, int]:
    starts = [item.start for item in line.before] or [row["during"].lower for row in line.after]
    return (min(starts) if starts else datetime.max.replace(tzinfo=UTC)), line.visit_id


def _same(line: Line, *, whole: bool) -> bool:
    told = [(item.crew_slot_id, item.technician_id, item.start, item.end if whole else None) for item in line.before]
    return bool(told) and told == [
        (row["crew_slot_id"], row["technician_id"], row["during"].lower, row["during"].upper if whole else None)
        for row in line.after
    ]


def items_of(
    snapshot: Snapshot,
    lines: Sequence[Line],
    disruption: Disruption,
    now: datetime,
    *,
    first: Answer | None = None,
    whole: bool = False,
) -> list[dict[str, Any]]:
    """Sort what changes into the parts of a proposal: promise kept, ask the customer, nobody can.

    ``first`` is what could be had without pushing anybody out, where the proposal goes further than that. What is
    accepted as a ``whole`` or not at all keeps nobody waiting for the answer of another.
    """
    made = [_item(snapshot, line, disruption, now) for line in lines]
    if first is not None:
        settled = {
            stop.visit: (route.technician, snapshot.clock.instant(stop.start_s))
            for route in first.routes
            for stop in route.stops
            if stop.slot == 0
        }
        for item, line in zip(made, lines, strict=True):
            new = [(str(row["technician_id"]), row["during"].lower) for row in line.after[:1]]
            if item["part"] is RepairPart.KEPT and [settled.get(str(line.visit_id))] != new:
                item["part"] = RepairPart.CUSTOMER
    if whole:
        return [item | {"position": position} for position, item in enumerate(made)]
    take = {item["visit_id"] for item in made if item["part"] is RepairPart.KEPT}
    waits = held_back([item | {"people": people_of(item["changes"])} for item in made], take=take, closed=set())
    for item in made:
        if item["visit_id"] in waits:
            item["part"] = RepairPart.CUSTOMER
    return [item | {"position": position} for position, item in enumerate(made)]


def held_back(lines: Sequence[Mapping[str, Any]], *, take: Collection[int], closed: Collection[int]) -> set[int]:
    """Return the lines of ``take`` that cannot be had without the others.

    A visit that keeps its old time keeps it in the days of everybody its line is about, so nothing else of the proposal
    fits there for certain; ``closed`` are people whose day is not what the proposal knew.
    """
    days, back = set(closed), set[int]()
    while True:
        days |= {
            person
            for line in lines
            if line["stays"] and (line["visit_id"] not in take or line["visit_id"] in back)
            for person in line["people"]
        }
        more = {line["visit_id"] for line in lines if line["visit_id"] in take and line["people"] & days} - back
        if not more:
            return back
        back |= more


def people_of(changes: Sequence[Mapping[str, Any]]) -> set[int]:
    """Return whose days some changes touch."""
    before = {each["was"][0] for each in changes if each["was"] is not None}
    return before | {each["to"]["technician_id"] for each in changes if each["to"] is not None}


def _item(snapshot: Snapshot, line: Line, disruption: Disruption, now: datetime) -> dict[str, Any]:
    promise = snapshot.promises.get(line.visit_id)
    margin: int | None = None
    if line.after and promise is not None:
        row = line.after[0]
        seen = outlook(
            promise[1],
            planned_at=row["during"].lower,
            travel_s=row["travel_s"],
            source=row["travel_source"],
            arrived_at=None,
            now=now,
        )
        margin = seen.margin_s
    stays = bool(line.before) and not gives_up(line.before, disruption)
    part = _part(snapshot, line, disruption, stays=stays, margin_s=margin)
    return {
        "visit_id": line.visit_id,
        "part": part,
        "visit_version": snapshot.visit_versions[line.visit_id],
        "stays": stays,
        "small": part is RepairPart.KEPT and _is_small(snapshot, line),
        "margin_s": margin,
        "changes": _changes(line),
        "reasons": [dict(each) for each in line.reasons],
    }


def _part(snapshot: Snapshot, line: Line, disruption: Disruption, *, stays: bool, margin_s: int | None) -> RepairPart:
    """Tell whom a line is for; nobody comes earlier than promised without having asked."""
    if not line.after:
        falls_through = disruption.kind in FREES_TIME and line.visit_id == disruption.visit_id
        waits = disruption.kind is DisruptionKind.PART_MISSING and "ready_on" not in disruption.facts
        return RepairPart.CUSTOMER if stays or (falls_through and not waits) else RepairPart.YOU
    promise = snapshot.promises.get(line.visit_id)
    early = promise is not None and line.after[0]["during"].lower < promise[0]
    return RepairPart.CUSTOMER if early or (margin_s is not None and margin_s < 0) else RepairPart.KEPT


def gives_up(before: Sequence[Committed], disruption: Disruption) -> bool:
    """Tell whether a booking cannot stay whatever is decided: the person is not there, or it makes no sense then."""
    if disruption.kind in FREES_TIME:
        return any(item.visit_id == disruption.visit_id and not item.locked for item in before)
    return disruption.absence_id is not None and any(
        item.technician_id == disruption.technician_id and not item.locked for item in before
    )


def _is_small(snapshot: Snapshot, line: Line) -> bool:
    """Tell whether nobody need hear of it: the same people, a few minutes earlier or later."""
    tolerance = snapshot.problem.policy.retime_tolerance_s
    after = {row["crew_slot_id"]: row for row in line.after}
    return (
        bool(after)
        and len(line.before) == len(after)
        and all(
            item.crew_slot_id in after
            and after[item.crew_slot_id]["technician_id"] == item.technician_id
            and abs((after[item.crew_slot_id]["during"].lower - item.start).total_seconds()) <= tolerance
            for item in line.before
        )
    )


def _changes(line: Line) -> list[dict[str, Any]]:
    """Return what accepting writes: each crew slot with the booking it stands on and the one it becomes."""
    before = {item.crew_slot_id: item for item in line.before}
    after = {row["crew_slot_id"]: row for row in line.after}
    return [
        {
            "crew_slot_id": slot,
            "expect": None if slot not in before else [before[slot].id, before[slot].version],
            "was": None if slot not in before else [before[slot].technician_id, before[slot].start.isoformat()],
            "to": None if slot not in after else _placement(after[slot]).as_dict(),
            "detour_s": line.detour_s,
        }
        for slot in sorted({*before, *after})
        if slot not in before or not before[slot].locked
    ]


def _placement(row: Mapping[str, Any]) -> Placement:
    return Placement(
        technician_id=row["technician_id"],
        shift_id=row["shift_id"],
        start=row["during"].lower,
        end=row["during"].upper,
        travel_s=row["travel_s"],
        travel_m=row["travel_m"],
        travel_source=row["travel_source"],
        why=row["terms"],
    )
