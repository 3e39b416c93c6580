"""The board's day as its script reads it; the shape stands in static/js/board/data.js."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dispatch.planning.board import Board, BoardBar, BoardPerson, QueuedVisit, Span
from dispatch.planning.board_changes import BoardDelta, Noted
from dispatch.planning.promise_state import PromiseOutlook
from dispatch.workforce.models import Territory

PLACES = {"home": "own start", "depot": "depot", "partner_yard": "yard", "stay": "near-site stay"}


def board_json(board: Board, territories: list[Territory], now: datetime, position: int) -> dict[str, Any]:
    """Return the whole day, and the position of the change log from which to follow it."""
    return {
        "position": position,
        "date": board.day.isoformat(),
        "zone": board.zone,
        "day_start": board.day_start.isoformat(),
        "day_end": board.day_end.isoformat(),
        "now": now.isoformat(timespec="seconds"),
        "technicians": [person_json(person) for person in board.people],
        "bars": _table(board.bars),
        "queue": [queued_json(item) for item in board.queue],
        "territories": [
            {"name": territory.name, "outline": territory.boundary} for territory in territories if territory.boundary
        ],
    }


def person_json(person: BoardPerson) -> dict[str, Any]:
    """Return a row."""
    return {
        "id": person.id,
        "name": person.name,
        "initials": initials(person.name),
        "partner": person.partner,
        "team": person.team,
        "trade": person.trade,
        "territory": person.territory,
        "phone": person.phone,
        "last_contact": None
        if person.last_contact_at is None
        else person.last_contact_at.isoformat(timespec="minutes"),
        "start_place": PLACES.get(person.start_place or ""),
        "load_s": person.load_s,
        "capacity_s": person.capacity_s,
        "shifts": [_span(span) for span in person.shifts],
        "breaks": [_span(span) for span in person.breaks],
        "absences": [_span(span) for span in person.absences],
    }


def initials(name: str) -> str:
    """Return the two letters that stand for somebody where there is no room for the name."""
    return "".join(word[0] for word in name.split()[:2]).upper()


def bar_json(bar: BoardBar) -> dict[str, Any]:
    """Return a committed visit."""
    return {
        "id": bar.assignment_id,
        "assignment_id": bar.assignment_id,
        "version": bar.version,
        "visit_id": bar.visit_id,
        "job_id": bar.job_id,
        "technician_id": bar.technician_id,
        "start": bar.start.isoformat(),
        "end": bar.end.isoformat(),
        "travel_s": bar.travel_s,
        "title": bar.title,
        "customer": bar.customer,
        "state": bar.state.value,
        "promise": None if bar.promise is None else _span(bar.promise),
        "promise_state": None if bar.outlook is None else bar.outlook.state.value,
        "spread_s": _spread_s(bar),
        "pinned": bar.pinned,
        "drafted": bar.drafted,
        "elsewhere": bar.elsewhere,
        "lat": bar.lat,
        "lon": bar.lon,
        "order": bar.order,
    }


def _table(bars: Sequence[BoardBar]) -> dict[str, Any]:
    """Return thousands of bars with each name said once and instants as seconds: what a slow machine reads quickly."""
    rows = [_row(bar) for bar in bars]
    return {"columns": list(rows[0]) if rows else [], "rows": [list(row.values()) for row in rows]}


def _row(bar: BoardBar) -> dict[str, Any]:
    return {
        "id": bar.assignment_id,
        "version": bar.version,
        "visit_id": bar.visit_id,
        "job_id": bar.job_id,
        "technician_id": bar.technician_id,
        "start": round(bar.start.timestamp()),
        "end": round(bar.end.timestamp()),
        "travel_s": bar.travel_s,
        "title": bar.title,
        "customer": bar.customer,
        "state": bar.state.value,
        "promise": None if bar.promise is None else [round(each.timestamp()) for each in bar.promise],
        "promise_state": None if bar.outlook is None else bar.outlook.state.value,
        "spread_s": _spread_s(bar),
        "pinned": int(bar.pinned),
        "drafted": int(bar.drafted),
        "elsewhere": int(bar.elsewhere),
        "lat": bar.lat,
        "lon": bar.lon,
    }


def queued_json(item: QueuedVisit) -> dict[str, Any]:
    """Return a visit that still needs people."""
    return {
        "visit_id": item.visit_id,
        "job_id": item.job_id,
        "title": item.title,
        "customer": item.customer,
        "site": item.site,
        "lat": item.lat,
        "lon": item.lon,
        "duration_s": item.duration_s,
        "priority": item.priority,
        "window": None if item.window is None else _span(item.window),
        "skills": list(item.skills),
        "urgent": item.urgent,
        "rank": f"{int(not item.urgent)} {item.begin_by or 9999} {item.priority}",
    }


def delta_json(delta: BoardDelta) -> dict[str, Any]:
    """Return what a board must draw anew, for every reader with the same reach."""
    if delta.board is None:
        return {"whole": True}
    shown = [bar for bar in delta.board.bars if bar.visit_id in delta.visits or bar.technician_id in delta.people]
    return {
        "visits": sorted(delta.visits),
        "people": sorted(delta.people),
        "bars": [bar_json(bar) for bar in shown],
        "technicians": [person_json(person) for person in delta.board.people if person.id in delta.rows],
        "queue": [queued_json(item) for item in delta.board.queue],
        "changes": [_change_json(noted, delta) for noted in delta.noted],
    }


def for_reader(delta: dict[str, Any], user_id: int | None) -> dict[str, Any]:
    """Say of each change only whether it is the reader's own, and otherwise who made it."""
    if "changes" not in delta:
        return delta
    changes = [
        {name: value for name, value in change.items() if name != "user"}
        | ({"own": True, "by": None, "initials": None} if change["user"] == user_id else {"own": False})
        for change in delta["changes"]
    ]
    return delta | {"changes": changes}


def _change_json(noted: Noted, delta: BoardDelta) -> dict[str, Any]:
    return {
        "seq": noted.seq,
        "entity": noted.entity,
        "id": noted.entity_id,
        "version": noted.version,
        "user": noted.actor_id,
        "by": noted.by,
        "initials": None if noted.by is None else initials(noted.by),
        "visits": sorted(noted.visits & delta.visits),
        "people": sorted(noted.people & delta.people),
    }


def _spread_s(bar: BoardBar) -> int | None:
    """Return by how much an arrival may be later than planned; None where none is expected any more."""
    if bar.outlook is None or bar.promise is None:
        return None
    if bar.outlook.state in (PromiseOutlook.KEPT, PromiseOutlook.MISSED):
        return None
    return round((bar.promise[1] - bar.outlook.expected_at).total_seconds()) - bar.outlook.margin_s


def _span(span: Span) -> dict[str, str]:
    return {"start": span[0].isoformat(), "end": span[1].isoformat()}
