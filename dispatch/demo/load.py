"""Loads the demo organisation into an empty database."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM
from dispatch.accounts.models import Role, User
from dispatch.core.audit import Change, record
from dispatch.core.clock import local_day
from dispatch.core.errors import Conflict
from dispatch.coverage.counting import solve_coverage
from dispatch.demo.ahead import write_ahead
from dispatch.demo.catalogue import load_catalogue, load_job_types
from dispatch.demo.city import make_areas, make_customers
from dispatch.demo.facts import write_absences, write_facts
from dispatch.demo.past import write_past
from dispatch.demo.people import (
    MAIL,
    PASSWORD,
    SIGN_INS,
    grant_office,
    make_office,
    make_partners,
    make_technicians,
)
from dispatch.demo.rows import Book
from dispatch.demo.world import WEEKS_BACK, ZONE, World
from dispatch.skills.recompute import recompute_all

EXCLUSIONS = 12
PREFERENCES = 30
KNOWN_FROM = 3


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the loader made: rows by table, and an address to sign in with by role."""

    counts: Mapping[str, int]
    sign_ins: Mapping[str, str]
    password: str
    day: date


def load_demo(session: Session, *, now: datetime, seed: int = 1, weeks_back: int = WEEKS_BACK) -> Loaded:
    """Generate and load the organisation around the present; raises Conflict when somebody is already there.

    The same seed and the same moment give the same organisation, but for keys of sessions. Fewer weeks of history load
    faster and leave the rest as it is.
    """
    if session.scalar(select(User.id).limit(1)) is not None:
        raise Conflict("This database already has people in it. The demo loads into an empty one only.")
    world = World(
        book=Book(session), rng=random.Random(seed), now=now, today=local_day(now, ZONE), weeks_back=weeks_back
    )
    _write_world(world, {role.name: role.id for role in session.scalars(select(Role))})
    counts = world.book.load()
    session.execute(text("ANALYZE"))
    counts["proficiency"] = recompute_all(session, now=now)
    solve_coverage(session, actor=SYSTEM, now=now)
    record(
        session,
        Change(
            at=now,
            actor_id=None,
            action="load_demo",
            entity="organisation",
            entity_id="demo",
            after={"seed": seed, "jobs": counts["job"], "technicians": counts["technician"]},
        ),
    )
    return Loaded(
        counts=counts,
        sign_ins={role: box + MAIL for role, box in SIGN_INS.items()},
        password=PASSWORD,
        day=world.today,
    )


def _write_world(world: World, role_ids: dict[str, int]) -> None:
    load_catalogue(world)
    load_job_types(world)
    users, stored = make_office(world, role_ids)
    owners = ("Noor Halloway", "Dana Fairlight", "Imke Larkwell")
    make_areas(world, {area: users[name] for area, name in zip(("North", "Centre", "South"), owners, strict=True)})
    grant_office(world, users, role_ids)
    make_customers(world)
    make_technicians(world, make_partners(world), stored, role_ids)
    write_absences(world)
    _choose_unwanted(world)
    _write_agreement(world, users["Ruth Abernay"])
    write_past(world)
    write_facts(world)
    write_ahead(world)
    _write_acquaintances(world)


def _write_agreement(world: World, by_id: int) -> None:
    """Note the agreement that lets outcomes count."""
    start = world.outcomes_since
    world.book.add(
        "agreement",
        kind="outcome_evidence",
        valid=Range(start, None),
        scope="Outcomes of jobs count for a person's own skill levels; figures about people are not shown",
        reference="Works agreement 3, demo",
        recorded_by_id=by_id,
        recorded_at=world.day_start(start),
    )


def _choose_unwanted(world: World) -> None:
    """Choose which customers do not want to see somebody again, before anybody is sent to them."""
    while len(world.unwanted) < EXCLUSIONS:
        place = world.rng.choice(world.places)
        area = world.area(place.area_id)
        world.unwanted.add((place.customer_id, world.rng.choice(area.people).id))


def _write_acquaintances(world: World) -> None:
    """Note who knows whom from at least three visits, who is wished for, and who is not wanted."""
    often = {pair: days for pair, days in world.met.items() if len(days) >= KNOWN_FROM}
    known = sorted(often, key=lambda pair: (-len(often[pair]), pair))
    for customer_id, technician_id in known:
        days = world.met[customer_id, technician_id]
        _link(world, customer_id, technician_id, "known", None, len(days), min(days))
    for customer_id, technician_id in known[:PREFERENCES]:
        _link(world, customer_id, technician_id, "preferred", "Asked for the same face", 0, None)
    for customer_id, technician_id in sorted(world.unwanted):
        _link(world, customer_id, technician_id, "excluded", "Asked for somebody else after a disagreement", 0, None)


def _link(
    world: World, customer_id: int, technician_id: int, kind: str, note: str | None, visits: int, since: date | None
) -> None:
    world.book.add(
        "customer_person",
        customer_id=customer_id,
        technician_id=technician_id,
        site_id=None,
        kind=kind,
        note=note,
        visits=visits,
        since=since,
    )
