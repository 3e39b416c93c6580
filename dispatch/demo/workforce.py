"""A plausible workforce for the open jobs of a day: near the work, able to do most of it, with the papers for it."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core.audit import Change, record
from dispatch.core.clock import day_bounds, instant
from dispatch.core.errors import Invalid
from dispatch.demo.rows import Book
from dispatch.demo.words import FIRST_NAMES, LAST_NAMES
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CertificationNeed, CrewSlot, Job, Site, SkillNeed, Visit
from dispatch.skills.models import Skill
from dispatch.skills.recompute import recompute_all
from dispatch.workforce.calendar import Pattern, working_times
from dispatch.workforce.models import Partner, Territory

DAYS_AHEAD = 14
PARTNER_SHARE = 0.12
HOME_SPREAD_DEGREES = 0.014  # about a mile and a half around a place of work
STARTS = ((time(6), time(14, 30)), (time(7), time(15, 30)), (time(8), time(16, 30)), (time(9), time(17, 30)))
LATE = (time(12), time(20, 30))
LATE_SHARE = 0.12
BREAK_S = 1800
WANTED_HOLDERS = 2  # of everything that is asked for in a territory
CLOSED_SHARE = 0.85
PARTNERS = ("Meridian Field Services", "Copperline Trades")


@dataclass(frozen=True, kw_only=True)
class Demand:
    """One person's place in the crew of an open visit."""

    territory_id: int
    lat: float
    lon: float
    duration_s: int
    needs: tuple[tuple[int, int], ...]
    papers: tuple[int, ...]


@dataclass(kw_only=True)
class _Draft:
    """Somebody in the making: skills by level, papers by last day."""

    territory: Territory
    lat: float
    lon: float
    skills: dict[int, int]
    papers: dict[int, date]


def generate_workforce(session: Session, *, for_date: date, count: int, seed: int, now: datetime) -> dict[str, int]:
    """Make people for the open visits that may be served on a day; returns the rows made by table.

    The same jobs, day, count and seed give the same people. Raises Invalid where there is no open work to look at.
    """
    demands = _open_demand(session, for_date)
    if not demands:
        raise Invalid(f"There is no open work on {for_date}; import or enter jobs first.", field="for_date")
    rng = random.Random(seed)
    trades = {
        skill_id: parent_id or skill_id for skill_id, parent_id in session.execute(select(Skill.id, Skill.parent_id))
    }
    territories = {each.id: each for each in session.scalars(select(Territory))}
    book = Book(session)
    partners = _partners(session, book, for_date)
    by_territory: dict[int, list[Demand]] = defaultdict(list)
    for demand in demands:
        by_territory[demand.territory_id].append(demand)
    made: list[int] = []
    for territory_id, places in sorted(_places(by_territory, count).items()):
        around = by_territory[territory_id]
        drafts = [_draft(rng, territories[territory_id], around, trades, for_date) for _ in range(places)]
        _close_gaps(rng, drafts, around, for_date)
        made += [_write(book, rng, draft, partners, for_date, now) for draft in drafts]
    counts = book.load()
    counts["proficiency"] = recompute_all(session, now=now, technician_ids=made)
    record(
        session,
        Change(
            at=now,
            actor_id=None,
            action="generate_workforce",
            entity="technician",
            entity_id="*",
            after={"count": len(made), "for_date": for_date, "seed": seed},
        ),
    )
    return counts


def _open_demand(session: Session, on: date) -> list[Demand]:
    """Read the crew places of visits that wait and may be served on the day."""
    rows = session.execute(
        select(CrewSlot.id, Visit.territory_id, Visit.release_at, Visit.duration_s, Site.lat, Site.lon, Territory.zone)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(Site, Site.id == Job.site_id)
        .join(Territory, Territory.id == Visit.territory_id)
        .where(Visit.state.in_([VisitState.OPEN, VisitState.PLANNED]), Site.lat.is_not(None))
        .order_by(CrewSlot.id)
    ).all()
    wanted = {row.id: row for row in rows if row.release_at is None or row.release_at < day_bounds(on, row.zone)[1]}
    needs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    musts = select(SkillNeed.crew_slot_id, SkillNeed.skill_id, SkillNeed.must_level).where(
        SkillNeed.must_level.is_not(None), or_(SkillNeed.any_of.is_(None), SkillNeed.any_of == 1)
    )
    for slot_id, skill_id, level in session.execute(musts.order_by(SkillNeed.id)):
        needs[slot_id].append((skill_id, level or 1))
    papers: dict[int, list[int]] = defaultdict(list)
    asked = select(CertificationNeed.crew_slot_id, CertificationNeed.kind_id).order_by(CertificationNeed.id)
    for slot_id, kind_id in session.execute(asked):
        papers[slot_id].append(kind_id)
    return [
        Demand(
            territory_id=row.territory_id,
            lat=row.lat,
            lon=row.lon,
            duration_s=row.duration_s,
            needs=tuple(needs[slot_id]),
            papers=tuple(papers[slot_id]),
        )
        for slot_id, row in wanted.items()
    ]


def _places(by_territory: dict[int, list[Demand]], count: int) -> dict[int, int]:
    """Share the people among the territories by hours of work, the largest remainders first."""
    hours = {territory: sum(each.duration_s for each in demands) for territory, demands in by_territory.items()}
    total = sum(hours.values())
    shares = {territory: count * amount / total for territory, amount in hours.items()}
    places = {territory: int(share) for territory, share in shares.items()}
    for territory in sorted(shares, key=lambda each: (int(shares[each]) - shares[each], each)):
        if sum(places.values()) < count:
            places[territory] += 1
    return places


def _draft(
    rng: random.Random, territory: Territory, demands: Sequence[Demand], trades: dict[int, int], on: date
) -> _Draft:
    """Imagine somebody around a place of work, who does that work and what is like it, and perhaps a second trade."""
    weights = [demand.duration_s for demand in demands]
    anchor = rng.choices(demands, weights)[0]
    draft = _Draft(
        territory=territory,
        lat=round(anchor.lat + rng.gauss(0, HOME_SPREAD_DEGREES), 5),
        lon=round(anchor.lon + rng.gauss(0, HOME_SPREAD_DEGREES), 5),
        skills={},
        papers={},
    )
    _learn(rng, draft, anchor, demands, trades, on, share=0.95)
    if rng.random() < 0.5:
        _learn(rng, draft, rng.choices(demands, weights)[0], demands, trades, on, share=0.6)
    return draft


def _learn(
    rng: random.Random,
    draft: _Draft,
    anchor: Demand,
    demands: Sequence[Demand],
    trades: dict[int, int],
    on: date,
    *,
    share: float,
) -> None:
    """Add what work of the anchor's trade asks for around here: usual levels, and most of the papers."""
    trade = _trade(anchor, trades)
    like = [demand for demand in demands if _trade(demand, trades) == trade]
    asked: Counter[int] = Counter()
    for demand in like:
        for skill, level in demand.needs:
            asked[skill] = max(asked[skill], level)
    for skill, level in sorted(asked.items()):
        if rng.random() < share:
            shown = min(5, max(1, level + rng.choices((-1, 0, 1), (2, 12, 4))[0]))
            draft.skills[skill] = max(shown, draft.skills.get(skill, 0))
    for skill, level in anchor.needs:
        draft.skills[skill] = max(level, draft.skills.get(skill, 0))
    for paper in sorted({paper for demand in like for paper in demand.papers}):
        if paper not in draft.papers and rng.random() < share:
            left = rng.choices((rng.randint(31, 900), rng.randint(1, 30), -rng.randint(1, 60)), (28, 2, 1))[0]
            draft.papers[paper] = on + timedelta(days=left)


def _close_gaps(rng: random.Random, drafts: Sequence[_Draft], demands: Sequence[Demand], on: date) -> None:
    """Teach most of what hardly anybody here can do to whoever is closest to it; the rest stays a gap to be seen."""
    for needs, papers in sorted({(demand.needs, demand.papers) for demand in demands}):
        able = sum(1 for draft in drafts if _missing(draft, needs, papers, on) == 0)
        for _ in range(max(0, WANTED_HOLDERS - able)):
            unable = [draft for draft in drafts if _missing(draft, needs, papers, on)]
            if not unable or rng.random() >= CLOSED_SHARE:
                continue
            draft = min(unable, key=lambda each: _missing(each, needs, papers, on))
            draft.skills |= {skill: max(level, draft.skills.get(skill, 0)) for skill, level in needs}
            draft.papers |= dict.fromkeys(papers, on + timedelta(days=rng.randint(31, 900)))


def _missing(draft: _Draft, needs: Sequence[tuple[int, int]], papers: Sequence[int], on: date) -> int:
    """Count what somebody lacks for a place in a crew."""
    return sum(draft.skills.get(skill, 0) < level for skill, level in needs) + sum(
        draft.papers.get(paper, on) <= on for paper in papers
    )


def _trade(demand: Demand, trades: dict[int, int]) -> int:
    hardest = max(demand.needs, key=lambda need: need[1], default=(0, 0))[0]
    return trades.get(hardest, 0)


def _write(book: Book, rng: random.Random, draft: _Draft, partners: Sequence[int], on: date, now: datetime) -> int:
    hired = on - timedelta(days=rng.randint(200, 3000))
    partner_id = rng.choice(partners) if rng.random() < PARTNER_SHARE else None
    technician_id = book.add(
        "technician",
        name=f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}",
        partner_id=partner_id,
        home_lat=draft.lat,
        home_lon=draft.lon,
        start_area=draft.territory.name,
        pace=round(min(1.3, max(0.8, rng.gauss(1.0, 0.08))), 2),
        hourly_cost_factor=1.35 if partner_id else 1.0,
    )
    book.add(
        "territory_membership",
        technician_id=technician_id,
        territory_id=draft.territory.id,
        during=Range(hired, None),
    )
    _write_shifts(book, rng, technician_id, draft, on, hired)
    for skill_id, level in sorted(draft.skills.items()):
        _write_facts(book, rng, technician_id, skill_id, level, min(now, instant(on, time(0), draft.territory.zone)))
    for number, (kind_id, until) in enumerate(sorted(draft.papers.items())):
        book.add(
            "certification",
            technician_id=technician_id,
            kind_id=kind_id,
            number=f"{kind_id:02d}-{technician_id:04d}-{number}",
            valid=Range(until - timedelta(days=1095), until),
            state="confirmed",
            imported=True,
            confirmed_at=now,
        )
    return technician_id


def _write_shifts(book: Book, rng: random.Random, technician_id: int, draft: _Draft, on: date, hired: date) -> None:
    starts, ends = LATE if rng.random() < LATE_SHARE else rng.choice(STARTS)
    overtime_s = rng.choice((1800, 3600, 5400))
    weekdays = sorted({*range(5), on.weekday()})
    patterns = [
        Pattern(weekday=weekday, starts_at=starts, ends_at=ends, break_s=BREAK_S, from_day=hired)
        for weekday in weekdays
    ]
    for pattern in patterns:
        book.add(
            "shift_pattern",
            technician_id=technician_id,
            territory_id=draft.territory.id,
            weekday=pattern.weekday,
            starts_at=starts,
            ends_at=ends,
            break_s=BREAK_S,
            overtime_limit_s=overtime_s,
            start_kind="home",
            end_kind="home",
            valid=Range(hired, None),
        )
    for times in working_times(on, on + timedelta(days=DAYS_AHEAD), patterns, (), draft.territory.zone):
        book.add(
            "shift",
            technician_id=technician_id,
            territory_id=draft.territory.id,
            on_date=times.day,
            during=Range(times.start, times.end),
            start_kind="home",
            start_lat=draft.lat,
            start_lon=draft.lon,
            end_kind="home",
            end_lat=draft.lat,
            end_lon=draft.lon,
            break_s=times.break_s,
            break_from=times.break_from,
            break_until=times.break_until,
            overtime_limit_s=overtime_s,
        )


def _write_facts(
    book: Book, rng: random.Random, technician_id: int, skill_id: int, level: int, before: datetime
) -> None:
    """Write what stands behind a level: a supervisor's word, sometimes a test or a claim, and some finished work."""

    def fact(source: str, days: int, facts: dict[str, Any]) -> None:
        at = before - timedelta(days=days, hours=rng.randint(8, 16))
        book.add(
            "evidence",
            technician_id=technician_id,
            skill_id=skill_id,
            source=source,
            at=at,
            facts=facts,
            recorded_at=at,
        )

    fact("supervisor", rng.randint(10, 360), {"level": level})
    if rng.random() < 0.35:
        seen = min(5.0, max(1.0, level + rng.choice((-0.5, 0.0, 0.0, 0.5))))
        fact("practical_test", rng.randint(5, 300), {"level": seen, "test": "Entry test"})
    if rng.random() < 0.4:
        fact("self_claim", rng.randint(5, 300), {"level": min(5, level + rng.choice((0, 0, 1)))})
    for _ in range(rng.randint(0, 3)):
        fact("job_outcome", rng.randint(3, 200), {"needs": [[skill_id, level]], "fixed": rng.random() < 0.85})


def _partners(session: Session, book: Book, on: date) -> list[int]:
    """Return the partner companies, making the two of this generator where they are missing."""
    known = dict(session.execute(select(Partner.name, Partner.id)).all())
    made = []
    for number, name in enumerate(PARTNERS):
        if name in known:
            made.append(known[name])
            continue
        partner_id = book.add("partner", name=name, phone=None, call_out_cost_s=1800)
        book.add(
            "partner_document",
            partner_id=partner_id,
            kind="Liability insurance",
            number=f"GW-{100 + number}",
            valid=Range(on - timedelta(days=200), on + timedelta(days=165)),
            required=True,
        )
        made.append(partner_id)
    return made
