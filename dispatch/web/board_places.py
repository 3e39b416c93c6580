"""What the board answers about a selected visit, and every booking made from it: grid, list, keys and form alike."""

from datetime import date
from typing import Any

from flask import request

from dispatch.coverage.queries import prices_of_scope
from dispatch.planning.candidates import CandidateRow
from dispatch.planning.judging import Pushed
from dispatch.planning.next_best import NextBest
from dispatch.planning.places import Answer, answer_for, knock_on_words, pushing_of, words_of
from dispatch.planning.words import clock_words
from dispatch.web.board_scope import asked_territories
from dispatch.web.context import db, moment


def answer(visit_id: int, territory_id: int, day: date, assignment_id: int | None) -> Answer:
    """Ask about a visit at the prices that a plan of the day has."""
    _, chosen = asked_territories()
    return answer_for(
        db(),
        visit_id=visit_id,
        territory_id=territory_id,
        day=day,
        now=moment(),
        shown_in=[each.id for each in chosen],
        assignment_id=assignment_id,
        scarcity=prices_of_scope(db(), [(territory_id, day)]),
    )


def answer_json(visit_id: int, found: Answer) -> dict[str, Any]:
    """Return verdicts and numbered places as the grid reads them; see static/js/board/verdicts.js."""
    return {
        "visit_id": visit_id,
        "crew_slot_id": found.crew.slot_id,
        "assignment_id": found.crew.assignment_id,
        "version": found.crew.version,
        "technicians": [
            {
                "id": row.technician_id,
                "verdict": row.fit.value,
                "words": row.words,
                "place": None if row.place is None else place_json(row.place, found.zone),
            }
            for row in found.rows
        ],
        "places": [place_json(row, found.zone) for row in found.numbered],
    }


def place_json(row: CandidateRow, zone: str) -> dict[str, Any]:
    """Return one place with all that taking it needs."""
    return {
        "technician_id": row.technician_id,
        "name": row.name,
        "start": row.start_at.isoformat(),
        "end": row.end_at.isoformat(),
        "travel_s": row.travel_s,
        "words": words_of(row, zone),
        "knock_on": knock_on_words(row, zone),
        "pushing": list(pushing_of(row)),
    }


def instead_json(instead: NextBest | None, zone: str) -> dict[str, Any] | None:
    """Return the next best place of a refusal, ready to be taken."""
    return None if instead is None or instead.place is None else place_json(instead.place, zone)


def booked_words(pushed: tuple[Pushed, ...], zone: str, names: dict[int, str]) -> str:
    """Say what was done, and who starts later for it."""
    later = [
        f"{names.get(each.booking.visit_id, 'Another visit')} now starts at {clock_words(each.start, zone)}."
        for each in pushed
    ]
    return " ".join(["Booked.", *later])


def asked_pushing() -> list[int]:
    """Return the bookings that whoever asks saw make room: a list of ids with commas."""
    return [int(each) for each in request.form.get("pushing", "").split(",") if each.isdigit() and len(each) < 19]
