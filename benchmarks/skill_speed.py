"""How fast levels are estimated again, from facts in a database to levels in it: ``python -m benchmarks.skill_speed``.

Starts a database of its own, fills it with people, a catalogue and their facts, and prints how long everybody takes
(budget: 60 s for 2,000 people, 500 skills and 200 facts each) and what one new fact of one person takes (20 ms).
"""

import argparse
import random
import resource
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

import dispatch.models  # noqa: F401 - all tables, which name each other
from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import Agreement, AgreementKind
from dispatch.core import clock, embedded, migrate
from dispatch.core.db import make_engine
from dispatch.skills.models import Evidence, Skill
from dispatch.skills.recompute import recompute_all
from dispatch.skills.service import record_evidence
from dispatch.workforce.models import Technician

SKILLS_A_TRADE = 25
TRADES_A_PERSON = 2
YEARS = 3
SINGLE_FACTS = 200
SOURCES = (("job_outcome", 0.85), ("supervisor", 0.95), ("self_claim", 1.0))


def fill(
    session: Session, rng: random.Random, *, people: int, skills: int, facts: int, now: datetime
) -> dict[int, int]:
    """Make the catalogue, the people and their facts; give a skill that each person has facts about."""
    trades = [
        Skill(code=f"t{number}", name=f"Trade {number}", assignable=False) for number in range(skills // SKILLS_A_TRADE)
    ]
    session.add_all(trades)
    session.flush()
    made = [
        Skill(code=f"s{number}", name=f"Skill {number}", parent_id=trades[number // SKILLS_A_TRADE].id)
        for number in range(len(trades) * SKILLS_A_TRADE)
    ]
    session.add_all(made)
    session.add_all(Technician(name=f"Person {number}") for number in range(people))
    session.flush()
    of_trade = [[one.id for one in made if one.parent_id == trade.id] for trade in trades]
    one_of = {}
    for person in session.scalars(text("SELECT id FROM technician ORDER BY id")):
        known = [skill for trade in rng.sample(of_trade, TRADES_A_PERSON) for skill in rng.sample(trade, 8)]
        rows = []
        for _ in range(facts):
            skill, drawn = rng.choice(known), rng.random()
            source = next(name for name, share in SOURCES if drawn < share)
            happened = now - timedelta(days=rng.uniform(1, 365 * YEARS))
            detail = {"needs": [[skill, 3]], "fixed": rng.random() < 0.8} if source == "job_outcome" else {"level": 3}
            rows.append({"technician_id": person, "skill_id": skill, "source": source, "at": happened, "facts": detail})
        session.execute(insert(Evidence), rows)
        one_of[person] = known[0]
    return one_of


def main() -> None:
    """Fill, estimate everybody, then record single facts."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("people", 2000), ("skills", 500), ("facts", 200), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    rng, now = random.Random(asked.seed), clock.now()
    with tempfile.TemporaryDirectory() as folder:
        server = embedded.start(Path(folder) / "postgres")
        try:
            owner = server.url(embedded.OWNER)
            embedded.create_database(owner, "skill_speed")
            url = make_url(owner).set(database="skill_speed").render_as_string(hide_password=False)
            migrate.upgrade(url)
            engine = make_engine(url)
            with Session(engine) as session:
                since = now.date() - timedelta(days=1)
                session.add(
                    Agreement(
                        kind=AgreementKind.OUTCOME_EVIDENCE,
                        valid=Range(since, None),
                        scope="everybody",
                        reference="benchmark",
                        recorded_at=now,
                    )
                )
                one_of = fill(session, rng, people=asked.people, skills=asked.skills, facts=asked.facts, now=now)
                session.commit()
                begun, processor = time.perf_counter(), time.process_time()
                stored = recompute_all(session, now=now)
                session.commit()
                wall, used = time.perf_counter() - begun, time.process_time() - processor
                print(f"everybody: {wall:.1f} s wall, {used:.1f} s of this process, {stored:,} levels (budget 60 s)")
                singles = []
                for person in rng.sample(sorted(one_of), min(SINGLE_FACTS, asked.people)):
                    begun = time.perf_counter()
                    record_evidence(
                        session, technician_id=person, skill_id=one_of[person], source="training",
                        facts={"level": 2}, actor=SYSTEM, now=now,
                    )  # fmt: skip
                    session.commit()
                    singles.append(1000 * (time.perf_counter() - begun))
                p95 = statistics.quantiles(singles, n=20)[-1]
                print(f"one fact: median {statistics.median(singles):.1f} ms, p95 {p95:.1f} ms (budget 20 ms)")
            engine.dispose()
        finally:
            server.stop()
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
