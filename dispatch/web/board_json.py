"""The board's day as its script reads it; the shape stands in static/js/board/data.js."""

from datetime import datetime
from typing import Any

from dispatch.planning.board import Board, BoardBar, BoardPerson, QueuedVisit, Span
from dispatch.workforce.models import Territory

PLACES = {"home": "own start", "depot": "depot", "partner_yard": "yard", "stay": "near-site stay"}


def board_json(board: Board, territories: list[Territory], now: datetime) -> dict[str, Any]:
    """Return the whole day."""
    return {
        "date": board.day.isoformat(),
        "zone": board.zone,
        "day_start": board.day_start.isoformat(),
        "day_end": board.day_end.isoformat(),
        "now": now.isoformat(timespec="seconds"),
        "technicians": [person_json(person) for person in board.people],
        "bars": [bar_json(bar) for bar in board.bars],
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
        "initials": "".join(word[0] for word in person.name.split()[:2]).upper(),
        "partner": person.partner,
        "phone": person.phone,
        "start_place": PLACES.get(person.start_place or ""),
        "load_s": person.load_s,
        "capacity_s": person.capacity_s,
        "shifts": [_span(span) for span in person.shifts],
        "breaks": [_span(span) for span in person.breaks],
        "absences": [_span(span) for span in person.absences],
    }


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
        "pinned": bar.pinned,
        "elsewhere": bar.elsewhere,
        "lat": bar.lat,
        "lon": bar.lon,
        "order": bar.order,
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
    }


def _span(span: Span) -> dict[str, str]:
    return {"start": span[0].isoformat(), "end": span[1].isoformat()}
