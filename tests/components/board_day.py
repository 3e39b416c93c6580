"""A seeded day in the shape the board asks for, and a keeper of that day that refuses double bookings."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, render_template_string, request

DAY = date(2026, 11, 23)
TITLES = (
    "Boiler repair",
    "Lift inspection",
    "Leak",
    "Heat pump service",
    "Fire alarm test",
    "Door closer",
    "Meter swap",
)
CUSTOMERS = ("Hale Dental", "Harbour Offices", "Mill Lane School", "Corner Bakery", "St Mary Clinic", "North Library")
# The first has number 1, the last one stands in front; by name they are in the order of their numbers.
NAMES = ("Tom Weiss", "Ana Ruiz", "Ben Osei", "Cem Ak", "Ines Duarte", "Lena Vogel", "Omar Haddad", "Priya Nair")
STATES = ("done", "done", "on_site", "on_the_way", "accepted", "planned", "planned", "planned", "planned", "planned")


def iso(minutes: float) -> str:
    """Return an instant of the day by minutes after midnight, UTC."""
    return (datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()


def span(start: float, end: float) -> dict[str, str]:
    """Return an interval of the day by minutes after midnight."""
    return {"start": iso(start), "end": iso(end)}


def make_day(people: int, visits: int, seed: int = 7) -> dict[str, Any]:
    """Return a board with so many people, visits spread evenly over them in order, and ten that wait."""
    rng = random.Random(seed)
    technicians = [_technician(rng, number) for number in range(1, people + 1)]
    bars: list[dict[str, Any]] = []
    each = visits // people
    for technician in technicians:
        length = 510 / each
        lat, lon = 52.0 + rng.random() * 0.3, 4.2 + rng.random() * 0.5
        for order in range(each):
            start = 450 + order * length + length * 0.25
            bars.append(_bar(rng, len(bars) + 1, technician["id"], start, start + length * 0.7, order, (lat, lon)))
    queue = [_queued(rng, len(bars) + 1 + number) for number in range(10)]
    return {
        "date": DAY.isoformat(),
        "zone": "Europe/Amsterdam",
        "day_start": iso(300),
        "day_end": iso(1200),
        "now": iso(687),
        "technicians": technicians,
        "bars": bars,
        "queue": queue,
    }


def _technician(rng: random.Random, number: int) -> dict[str, Any]:
    name = NAMES[number % len(NAMES)] + (f" {number}" if number > len(NAMES) else "")
    return {
        "id": number,
        "name": name,
        "initials": name[0] + name.split()[1][0],
        "partner": "Kestrel" if number % 7 == 0 else None,
        "team": "Blue" if number % 2 else None,
        "trade": "Gas" if number % 3 else "Lifts",
        "territory": ("North", "South")[number % 2],
        "phone": "+31 20 555 01" + str(number % 100).zfill(2),
        "start_place": rng.choice(["own start", "depot", "near-site stay", None]),
        "load_s": rng.randrange(14_000, 29_000),
        "capacity_s": 28_800,
        "shifts": [span(420, 960)],
        "breaks": [span(715, 745)] if number % 3 else [],
        "absences": [span(840, 960)] if number % 11 == 0 else [],
    }


def _bar(
    rng: random.Random, number: int, technician: int, start: float, end: float, order: int, near: tuple[float, float]
) -> dict[str, Any]:
    promise = span(start - 30, start + 60) if rng.random() < 0.6 else None
    state = STATES[min(order, len(STATES) - 1)]
    return {
        "id": number,
        "assignment_id": number,
        "version": 1,
        "visit_id": number,
        "job_id": number,
        "technician_id": technician,
        "start": iso(round(start)),
        "end": iso(round(end)),
        "travel_s": rng.randrange(4, 9) * 60,
        "title": rng.choice(TITLES),
        "customer": rng.choice(CUSTOMERS),
        "state": state,
        "promise": promise,
        "promise_state": rng.choice(["on_track", "on_track", "on_track", "at_risk", "will_miss"]) if promise else None,
        "pinned": rng.random() < 0.1,
        "lat": near[0] + rng.random() * 0.03,
        "lon": near[1] + rng.random() * 0.05,
        "order": order + 1,
    }


def _queued(rng: random.Random, number: int) -> dict[str, Any]:
    return {
        "visit_id": number,
        "job_id": number,
        "title": rng.choice(TITLES),
        "customer": rng.choice(CUSTOMERS),
        "site": "12 Mill Lane",
        "lat": 52.1 + rng.random() * 0.1,
        "lon": 4.3 + rng.random() * 0.1,
        "duration_s": 3600,
        "priority": 3,
        "window": span(600, 900),
        "skills": ["gas level 3"],
        "urgent": False,
    }


def add_board(app: Flask) -> None:
    """Give an application the board of a made day; each address with its own query keeps its own day."""
    days: dict[str, dict[str, Any]] = {}

    def day() -> dict[str, Any]:
        key = request.query_string.decode()
        if key not in days:
            days[key] = make_day(request.args.get("people", 8, int), request.args.get("visits", 48, int))
            for bar in days[key]["bars"]:
                bar["elsewhere"] = bar["visit_id"] == request.args.get("elsewhere", 0, int)
        return days[key]

    @app.get("/board")
    def board() -> str:
        return render_template_string(
            Path(__file__).with_name("board.html").read_text(),
            query=request.query_string.decode(),
            queue=day()["queue"],
            navigation=[("Today", "/board", "today", True, 0), ("Jobs", "/gallery", "jobs", False, 0)],
        )

    @app.get("/board/data")
    def data() -> Response:
        return jsonify(day() | {"bars": _table(day()["bars"])})

    @app.get("/board/visits/<int:visit>")
    def panel(visit: int) -> str:
        return f"<h2>Visit {visit}</h2><p>Panel from the server.</p>"

    @app.get("/board/verdicts/<int:visit>")
    def verdicts(visit: int) -> Response:
        blocked = {"id": 2, "verdict": "blocked", "words": "lacks gas level 3"}
        costs = {"id": 3, "verdict": "costs", "words": "8 min overtime"}
        booking = {"visit_id": visit, "crew_slot_id": visit, "assignment_id": visit, "version": 1}
        return jsonify(booking | {"technicians": [blocked, costs], "places": []})

    @app.post("/board/move")
    def move() -> tuple[Response, int]:
        return _move(day(), request.form.to_dict())


def _table(bars: list[dict[str, Any]]) -> dict[str, Any]:
    """Return bars as the real board sends a whole day."""

    def seconds(text: str) -> int:
        return round(datetime.fromisoformat(text).timestamp())

    rows = [
        bar
        | {
            "start": seconds(bar["start"]),
            "end": seconds(bar["end"]),
            "promise": bar["promise"] and [seconds(bar["promise"]["start"]), seconds(bar["promise"]["end"])],
            "pinned": int(bar["pinned"]),
            "elsewhere": int(bar.get("elsewhere", False)),
        }
        for bar in bars
    ]
    columns = list(rows[0])
    return {"columns": columns, "rows": [[row[name] for name in columns] for row in rows]}


def _move(day: dict[str, Any], form: dict[str, str]) -> tuple[Response, int]:
    visit, technician = int(form["visit_id"]), int(form["technician_id"])
    known = next((one for one in day["bars"] if one["visit_id"] == visit), None)
    waiting = next((one for one in day["queue"] if one["visit_id"] == visit), None)
    if known and form.get("version") != str(known["version"]):
        return jsonify({"error": "Ines changed this a moment ago.", "bars": [known]}), 409
    start = datetime.fromisoformat(form["start"])
    length = (
        datetime.fromisoformat(known["end"]) - datetime.fromisoformat(known["start"])
        if known
        else timedelta(seconds=waiting["duration_s"] if waiting else 0)
    )
    end = start + length
    others = [one for one in day["bars"] if one["technician_id"] == technician and one["visit_id"] != visit]
    clash = next(
        (
            one
            for one in others
            if datetime.fromisoformat(one["start"]) < end and datetime.fromisoformat(one["end"]) > start
        ),
        None,
    )
    if clash:
        held = f"{clash['title']} for {clash['customer']} holds that time. Nothing was changed."
        return jsonify({"error": held, "bars": [known] if known else []}), 409
    if known is None and waiting is not None:
        known = _bar(random.Random(1), visit, technician, 0, 60, 9, (52.1, 4.3)) | {"promise": None, "pinned": False}
        day["bars"].append(known)
        day["queue"].remove(waiting)
    assert known is not None
    removed = []
    if known["technician_id"] != technician:  # another person's booking is another one, as on the real board
        removed.append(known["id"])
        known["id"] = known["assignment_id"] = known["id"] + 100_000
    known.update(technician_id=technician, start=start.isoformat(), end=end.isoformat(), version=known["version"] + 1)
    undo = {"url": "/steps/undo", "fields": {"change": 1}}
    return jsonify(
        {
            "bars": [known],
            "removed": removed,
            "queue": day["queue"],
            "message": "Moved. The customer keeps the promise.",
            "undo": undo,
        }
    ), 200
