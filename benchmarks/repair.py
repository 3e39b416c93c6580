"""How long a repair of a large day takes from report to proposal: a line for each who cannot work, and each emergency.

    export DISPATCH_DATA_DIR=/somewhere/large
    python -m dispatch migrate && python -m benchmarks.large_board
    python -m benchmarks.repair --people 5 --emergencies 3

The fullest days are taken away one after the other, as the worker does it, with the solver as a process of its own;
what was reported is closed again, so that nothing stays. ``cpu_s`` is process time of worker and solver together, which
other programs do not disturb; ``wall_s`` counts on a machine that does nothing else. The budget is ten seconds to the
proposal; the times to offer come after it and are told apart.
"""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.cli.database import transaction
from dispatch.core.clock import local_day
from dispatch.core.clock import now as present
from dispatch.core.config import settings
from dispatch.core.db import make_engine, make_sessions
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Visit
from dispatch.matching import warm
from dispatch.planning import repairing
from dispatch.planning.choices import choices_of
from dispatch.planning.disruptions import close_disruption, end_of_work, report_cannot_work, report_emergency
from dispatch.planning.models import Assignment, Disruption, Offer, RepairItem
from dispatch.planning.offering import release_times
from dispatch.planning.repairing import Repairing, run_repair
from dispatch.planning.rows import live
from dispatch.planning.snapshot import LOCKED_STATES
from dispatch.planning.supervising import Limits
from dispatch.workforce.models import Shift, Territory

BUDGET_S = 10.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--emergencies", type=int, default=3)
    parser.add_argument("--url", default=settings().database_url, help="default: the database of the data folder")
    options = parser.parse_args()
    warm()
    with transaction() as session:
        url = str(options.url or session.get_bind().engine.url.render_as_string(hide_password=False))
        fullest = _fullest(session, options.people)
        engine = make_engine(url)
        for person, territory_id, visits in fullest:
            print(json.dumps(_measured(make_sessions(engine), person, territory_id) | {"visits": visits}), flush=True)
        for visit_id in session.scalars(
            select(Visit.id).where(Visit.state == VisitState.OPEN).order_by(Visit.id).limit(options.emergencies)
        ).all():
            print(json.dumps(_emergency(make_sessions(engine), visit_id)), flush=True)
        engine.dispose()


def _emergency(sessions: Any, visit_id: int) -> dict[str, Any]:
    """Ask who could go for a visit that waits, and close it again."""
    with sessions() as session:
        number = report_emergency(session, visit_id=visit_id, actor=SYSTEM, now=present()).id
        session.commit()
    begun = _clock()
    run_repair(Repairing(sessions=sessions, disruption_id=number, limits=Limits(grace_s=60.0, memory_mb=4000)))
    ended = _clock()
    with sessions() as session:
        choices = choices_of(session.get_one(Disruption, number))
        close_disruption(session, disruption_id=number, actor=SYSTEM, now=present())
        session.commit()
    return {
        "emergency": visit_id,
        "proposal": _told(begun, ended) | {"budget_s": BUDGET_S, "within": ended[1] - begun[1] <= BUDGET_S},
        "people": len(choices),
        "visits_concerned": [len(each["items"]) for each in choices],
        "to_call": [sum(item["part"] != "kept" for item in each["items"]) for each in choices],
    }


def _fullest(session: Session, people: int) -> Sequence[Any]:
    """Return who has most still to do today, with the territory."""
    return session.execute(
        select(Assignment.technician_id, Shift.territory_id, func.count())
        .join(Shift, Shift.id == Assignment.shift_id)
        .where(live(), Assignment.state.not_in(LOCKED_STATES), func.lower(Assignment.during) > present())
        .group_by(Assignment.technician_id, Shift.territory_id, Shift.on_date)
        .order_by(func.count().desc(), Assignment.technician_id)
        .limit(people)
    ).all()


def _measured(sessions: Any, person: int, territory_id: int) -> dict[str, Any]:
    with sessions() as session:
        zone = session.scalars(select(Territory.zone).where(Territory.id == territory_id)).one()
        until = end_of_work(session, person, local_day(present(), zone), zone)
        made = report_cannot_work(session, technician_id=person, until=until, actor=SYSTEM, now=present())
        assert made is not None
        number = made.id
        session.commit()
    marks: dict[str, tuple[float, float]] = {}
    offering = repairing.find_times

    def proposed(*args: Any, **kwargs: Any) -> Any:
        marks["proposal"] = _clock()
        return offering(*args, **kwargs)

    repairing.find_times = proposed
    begun = _clock()
    try:
        run_repair(Repairing(sessions=sessions, disruption_id=number, limits=Limits(grace_s=60.0, memory_mb=4000)))
    finally:
        repairing.find_times = offering
    ended = _clock()
    proposal = marks.get("proposal", ended)
    with sessions() as session:
        parts = dict(
            session.execute(
                select(RepairItem.part, func.count())
                .where(RepairItem.disruption_id == number)
                .group_by(RepairItem.part)
            ).all()
        )
        held = session.scalars(select(Offer.visit_id).where(Offer.held_until > present()).distinct()).all()
        release_times(session, held)
        close_disruption(session, disruption_id=number, actor=SYSTEM, now=present())
        session.commit()
    return {
        "technician": person,
        "proposal": _told(begun, proposal) | {"budget_s": BUDGET_S, "within": proposal[0] - begun[0] <= BUDGET_S},
        "times_to_offer": _told(proposal, ended),
        "parts": {part.value: number for part, number in parts.items()},
        "customers_with_times": len(held),
    }


def _clock() -> tuple[float, float]:
    """Return process time of this process and its children that have ended, and the wall."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime, time.monotonic()


def _told(begun: tuple[float, float], ended: tuple[float, float]) -> dict[str, float]:
    return {"cpu_s": round(ended[0] - begun[0], 2), "wall_s": round(ended[1] - begun[1], 2)}


if __name__ == "__main__":
    main()
