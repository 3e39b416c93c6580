"""Counting coverage from a database as large as it may get: ``python -m benchmarks.coverage_rows``.

A server of its own in a temporary folder is filled with 2,000 people, 500 skills, 30 territories, shifts of thirteen
weeks, open visits and half a year of history; nothing else is touched. Printed are seconds on the clock and of the
processor for reading the facts, for the whole count, and for what two pages read of its answer, with peaks of memory.
The full size takes some minutes; ``--share 0.1`` is a tenth of people, skills and visits in as many territories.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, sessionmaker

import dispatch.models  # noqa: F401 - foreign keys point across features, so all tables must be known
from dispatch.accounts.access import SYSTEM
from dispatch.core import clock, embedded, migrate
from dispatch.core.db import make_engine
from dispatch.coverage.counting import solve_coverage_apart
from dispatch.coverage.queries import cell_page, coverage_page
from dispatch.coverage.snapshot import read_facts, snapshot_of
from dispatch.demo.rows import Book

PEOPLE, SKILLS, TERRITORIES, WEEKS = 2000, 500, 30, 13
HISTORY_WEEKS = 26
BREADTH = 25
OPEN_WEEKS, OPEN_EACH_WEEK, MADE_EACH_WEEK = 4, 9000, 4000
BUDGET_S, BUDGET_MB, PAGE_MS = 60, 2048, 200


def main() -> None:
    """Fill a database, count, and read pages."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage_rows", description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="of people, skills and visits; 1 is the full size")
    share = parser.parse_args().share
    with tempfile.TemporaryDirectory(prefix="coverage-rows-") as folder:
        server = embedded.start(Path(folder) / "postgres")
        try:
            url = server.url(embedded.OWNER)
            migrate.upgrade(url)
            engine = make_engine(url)
            _measure(sessionmaker(engine, expire_on_commit=False), share)
            engine.dispose()
        finally:
            server.stop()


def _measure(make: sessionmaker[Session], share: float) -> None:
    now = clock.now()
    with make.begin() as session:
        print("rows:", ", ".join(f"{rows:,} {table}" for table, rows in fill(session, now=now, share=share).items()))
    with make.begin() as session:
        session.execute(text("ANALYZE"))
    print(f"budgets: {BUDGET_S} s and {BUDGET_MB:,} MB for a count, {PAGE_MS} ms for a page", flush=True)
    with make() as session, _step("read the facts"):
        facts = read_facts(session, now=now)
    with _step("say what they mean"):
        snapshot = snapshot_of(facts)
    print(f"  {len(snapshot.outlook.people)} people, {len(snapshot.outlook.demand)} classes", flush=True)
    with _step("the whole count, read, solved and kept"):
        solve_coverage_apart(make, actor=SYSTEM, now=now)
    with _step("a refresh that finds nothing new"):
        solve_coverage_apart(make, actor=SYSTEM, now=now, anew=False)
    for _ in range(2):
        with make() as session, _step("the page of five territories"):
            found = coverage_page(session, reach=None)
    cell = found.worst[0][0].cell if found else None
    for _ in range(2):
        with make() as session, _step("the page of a cell"):
            if cell is not None:
                cell_page(session, reach=None, row=cell.row, territory=cell.territory, week=cell.week, now=now)


@contextmanager
def _step(what: str) -> Iterator[None]:
    begun, worked = time.perf_counter(), time.process_time()
    yield
    clock_s, own_s = time.perf_counter() - begun, time.process_time() - worked
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{what}: {clock_s:.2f} s, of the processor {own_s:.2f} s, peak {peak_mb:.0f} MB\n")
    sys.stdout.flush()


def fill(session: Session, *, now: datetime, share: float = 1.0, seed: int = 1) -> dict[str, int]:
    """Write an organisation into an empty database; returns rows by table."""
    dice, book = random.Random(seed), Book(session)
    monday = now.date() - timedelta(days=now.weekday())
    places = [book.add("territory", name=f"Territory {n:02d}", zone="UTC") for n in range(TERRITORIES)]
    skills = [book.add("skill", code=f"skill-{n}", name=f"Skill {n}") for n in range(round(SKILLS * share))]
    for number in range(round(PEOPLE * share)):
        _person(book, dice, number, places, skills, monday, now)
    customer = book.add("customer", name="Customer")
    sites = {
        place: [
            book.add("site", customer_id=customer, territory_id=place, name=f"Site {n}", address="-", **_spot(dice))
            for n in range(10)
        ]
        for place in places
    }
    kinds = []
    for number, skill in enumerate(skills):
        kind = book.add("job_type", code=f"kind-{number}", name=f"Kind {number}", duration_s=4800)
        book.add("job_type_need", job_type_id=kind, skill_id=skill, must_level=3)
        kinds.append((kind, skill))
    office = book.add("user_account", email="office@example.test", name="Office", fs_uniquifier="office")

    def visit(at: datetime, *, made: bool) -> None:
        place = dice.choice(places)
        kind, skill = dice.choice(kinds)
        job = book.add(
            "job",
            customer_id=customer,
            site_id=dice.choice(sites[place]),
            job_type_id=kind,
            title="Work",
            priority=3,
            state="done" if made else "open",
            owner_id=office,
            next_step=None if made else "Plan it",
            next_step_due_at=None if made else at,
            created_at=at - timedelta(days=7),
            closed_at=at if made else None,
        )
        number = book.add(
            "visit",
            job_id=job,
            territory_id=place,
            state="done" if made else "open",
            duration_s=dice.choice((2700, 3600, 5400, 7200)),
            due_at=at,
        )
        slot = book.add("crew_slot", visit_id=number, position=1)
        book.add("skill_need", crew_slot_id=slot, skill_id=skill, must_level=dice.randint(2, 4), origin="job_type")

    for week, each, made in (
        *((week, OPEN_EACH_WEEK, False) for week in range(OPEN_WEEKS)),
        *((-1 - week, MADE_EACH_WEEK, True) for week in range(HISTORY_WEEKS)),
    ):
        for _ in range(round(each * share)):
            visit(_instant(monday + timedelta(weeks=week, days=dice.randrange(5)), 9), made=made)
    return book.load()


def _person(
    book: Book, dice: random.Random, number: int, places: list[int], skills: list[int], monday: date, now: datetime
) -> None:
    spot = _spot(dice)
    person = book.add("technician", name=f"Person {number}", home_lat=spot["lat"], home_lon=spot["lon"])
    home = dice.randrange(len(places))
    for place in {places[home], places[(home + 1) % len(places)]}:
        book.add("territory_membership", technician_id=person, territory_id=place, during=Range(date(2020, 1, 1), None))
    trade = dice.randrange(len(skills))
    for skill in {skills[(trade + dice.randrange(BREADTH + 2)) % len(skills)] for _ in range(BREADTH)}:
        level = dice.uniform(2.2, 5.0)
        book.add(
            "proficiency",
            technician_id=person,
            skill_id=skill,
            mean=level,
            sd=0.3,
            confirmed=True,
            fact_count=5,
            as_of=now,
        )
    for day in (monday + timedelta(days=n) for n in range(7 * WEEKS)):
        if day.weekday() < 5:
            book.add(
                "shift",
                technician_id=person,
                territory_id=places[home],
                on_date=day,
                during=Range(_instant(day, 8), _instant(day, 16)),
                start_kind="home",
                start_lat=spot["lat"],
                start_lon=spot["lon"],
                end_kind="home",
                end_lat=spot["lat"],
                end_lon=spot["lon"],
            )


def _spot(dice: random.Random) -> dict[str, Any]:
    return {"lat": 51 + dice.random(), "lon": dice.random()}


def _instant(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


if __name__ == "__main__":
    main()
