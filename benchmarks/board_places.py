"""How long the board takes to answer about a selected visit: verdicts for all rows, and nine places.

Asks the database that ``python -m benchmarks.large_board`` filled::

    python -m benchmarks.board_places --questions 200 --changes-every 10

``verdicts`` is what selecting a visit asks, ``candidates`` the ranked list with names; each is a JSON line, and each
question a transaction of its own. ``--changes-every`` books a visit between every so many questions, so that the day is
read anew then, as among dispatchers at work; what is booked is taken off again at the end. Wall time, since a
dispatcher waits for all of it.
"""

import argparse
import json
import random
import time
from datetime import date, datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dispatch.accounts.access import SYSTEM
from dispatch.cli.database import sessions
from dispatch.core.clock import local_day
from dispatch.core.clock import now as present
from dispatch.core.errors import Conflict
from dispatch.coverage.queries import prices_of_scope
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Visit
from dispatch.planning.assigning import place_visit, unassign_visit
from dispatch.planning.candidates import candidates_for
from dispatch.planning.places import answer_for, pushing_of
from dispatch.workforce.models import Shift, Technician, Territory

Sessions = sessionmaker[Session]
BUDGET_MS = {"verdicts": 400, "candidates": 800}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--changes-every", type=int, default=10, help="Questions between two bookings; 0 = none.")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with sessions() as make:
        for line in measured(make, options):
            print(json.dumps(line))


def measured(make: Sessions, options: argparse.Namespace) -> list[dict[str, object]]:
    """Ask and count."""
    asked = _visits(make, random.Random(options.seed), options.questions)
    booked: list[int] = []
    taken: dict[str, list[float]] = {"verdicts": [], "candidates": []}
    try:
        for number, (visit_id, territory_id, day) in enumerate(asked):
            if options.changes_every and number % options.changes_every == 0:
                booked += _book_one(make, asked[number:], booked)
            for name, times in taken.items():
                begun = time.perf_counter()
                _ask(make, name, visit_id, territory_id, day)
                times.append((time.perf_counter() - begun) * 1000)
    finally:
        for visit_id in booked:
            with make.begin() as session:
                unassign_visit(session, visit_id=visit_id, actor=SYSTEM, now=present())
    with make() as session:
        size = {
            "technicians": session.scalar(select(func.count(Technician.id))),
            "visits": session.scalar(select(func.count(Visit.id))),
        }
    lines: list[dict[str, object]] = []
    for name, times in taken.items():
        told = {f"p{share}": round(float(np.percentile(times, share)), 1) for share in (50, 95, 99)}
        counted = {"question": name, "asked": len(times), "changes": len(booked), "ms": told}
        lines.append(size | counted | {"budget_p95_ms": BUDGET_MS[name], "within": told["p95"] <= BUDGET_MS[name]})
    return lines


def _visits(make: Sessions, chosen: random.Random, count: int) -> list[tuple[int, int, date]]:
    """Draw open and planned visits, each with the day of its territory."""
    with make.begin() as session:
        rows = session.execute(
            select(Visit.id, Visit.territory_id, Territory.zone)
            .join(Territory, Territory.id == Visit.territory_id)
            .where(
                Visit.state.in_((VisitState.OPEN, VisitState.PLANNED)),
                Visit.territory_id.in_(select(Shift.territory_id)),
            )
            .order_by(Visit.id)
        ).all()
    return [(row.id, row.territory_id, local_day(present(), row.zone)) for row in chosen.choices(rows, k=count)]


def _ask(make: Sessions, name: str, visit_id: int, territory_id: int, day: date) -> None:
    with make.begin() as session:
        now: datetime = present()
        prices = prices_of_scope(session, [(territory_id, day)])
        if name == "verdicts":
            every = session.scalars(select(Territory.id)).all()
            answer_for(
                session,
                visit_id=visit_id,
                territory_id=territory_id,
                day=day,
                now=now,
                shown_in=every,
                scarcity=prices,
            )
        else:
            candidates_for(session, visit_id=visit_id, territory_id=territory_id, day=day, now=now, scarcity=prices)


def _book_one(make: Sessions, asked: list[tuple[int, int, date]], booked: list[int]) -> list[int]:
    """Book the next of the visits that nobody has and somebody could take."""
    for visit_id, territory_id, day in asked:
        with make.begin() as session:
            state = session.scalar(select(Visit.state).where(Visit.id == visit_id))
            if state is not VisitState.OPEN or visit_id in booked:
                continue
            found = candidates_for(session, visit_id=visit_id, territory_id=territory_id, day=day, now=present())
            if not found.ranked:
                continue
            best = found.ranked[0]
            try:
                place_visit(
                    session,
                    visit_id=visit_id,
                    technician_id=best.technician_id,
                    start=best.start_at,
                    pushing=pushing_of(best),
                    actor=SYSTEM,
                    now=present(),
                )
            except Conflict:
                continue
            return [visit_id]
    return []


if __name__ == "__main__":
    main()
