"""What rests on one person: skills, certificates, sites and equipment; and who could learn it or get to know it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor
from dispatch.core import clock
from dispatch.core.errors import Invalid, NotFound
from dispatch.coverage.outlook import RowKind
from dispatch.coverage.queries import CoveragePage
from dispatch.coverage.result import Known
from dispatch.coverage.supply import qualified_levels
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import Asset, CertificationNeed, CrewSlot, Customer, Job, Site, SkillNeed, Visit
from dispatch.planning.cover_models import CoverKind
from dispatch.planning.cover_tasks import Step, open_steps, take_steps
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.skills.models import Certification, DocumentState
from dispatch.workforce.models import Absence, Technician, Territory, TerritoryMembership

KNOWN_WEEKS = 52
MONTH_WEEKS = 13
HELPERS = 8
OPEN = (VisitState.OPEN, VisitState.PLANNED)


class Kind(StrEnum):
    """What rests on somebody."""

    SKILL = "skill"
    PERMIT = "permit"
    SITE = "site"
    ASSET = "asset"


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """One thing that only one person can do or knows.

    Attributes
    ----------
    level
        Asked of people, for a skill; 0 for all else.
    needed_s
        Work of the next four weeks, for a skill or certificate.
    visits
        Visits of the last thirteen weeks that asked for it, for sites and equipment of the last year.
    open_visits
        Visits that are open there.
    """

    kind: Kind
    id: int
    level: int
    name: str
    person: int
    person_name: str
    territory: int
    needed_s: int
    visits: int
    open_visits: int
    under_way: datetime | None = None
    next_absence: datetime | None = None

    @property
    def subject(self) -> str:
        """What names it in an address and in a step."""
        return f"{self.kind.value}-{self.id}" + (f"-{self.level}" if self.kind is Kind.SKILL else "")


def skills_of_one(session: Session, page: CoveragePage, *, now: datetime) -> tuple[Dependence, ...]:
    """List the skills and certificates that only one person can give, most work first."""
    here = dict(page.territories)
    after = now - timedelta(weeks=MONTH_WEEKS)
    skills = {sole.row.id for sole in page.soles if sole.row.kind is RowKind.SKILL}
    permits = {sole.row.id for sole in page.soles if sole.row.kind is RowKind.CERTIFICATION}
    asked = {
        Kind.SKILL: _asked(session, SkillNeed.skill_id, SkillNeed.crew_slot_id, skills, here, after),
        Kind.PERMIT: _asked(session, CertificationNeed.kind_id, CertificationNeed.crew_slot_id, permits, here, after),
    }
    places = {(sole.row, sole.level, sole.person): sole.territories for sole in page.counted.soles}
    found = []
    for sole in page.soles:
        kind = Kind.SKILL if sole.row.kind is RowKind.SKILL else Kind.PERMIT
        made, still = asked[kind].get(sole.row.id, (0, 0))
        found.append(
            Dependence(
                kind=kind,
                id=sole.row.id,
                level=sole.level if kind is Kind.SKILL else 0,
                name=sole.name,
                person=sole.person,
                person_name=sole.person_name,
                territory=next(place for place in places[sole.row, sole.level, sole.person] if place in here),
                needed_s=sole.needed_s,
                visits=made,
                open_visits=still,
            )
        )
    return _with_steps(session, found, now)


def places_of_one(
    session: Session, page: CoveragePage, *, now: datetime, first: int, most: int
) -> tuple[tuple[Dependence, ...], int]:
    """List sites and equipment that only one person knows, those with open visits first; and how many there are."""
    here = dict(page.territories)
    known = [each for each in page.counted.known if each.territory in here]
    return _with_steps(session, _named(session, known[first : first + most]), now), len(known)


def find_dependence(
    session: Session, page: CoveragePage | None, subject: str, person: int, *, now: datetime
) -> Dependence:
    """Return one of them; raises NotFound when it does not rest on that person any more."""
    if page is not None:
        here = dict(page.territories)
        known = [
            each
            for each in page.counted.known
            if (f"{each.kind}-{each.id}", each.person) == (subject, person) and each.territory in here
        ]
        for each in (*_with_steps(session, _named(session, known), now), *skills_of_one(session, page, now=now)):
            if (each.subject, each.person) == (subject, person):
                return each
    raise NotFound("This does not rest on one person any more, or it is not within your reach.")


def _with_steps(session: Session, found: Sequence[Dependence], now: datetime) -> tuple[Dependence, ...]:
    steps = open_steps(session, {each.subject for each in found})
    since = {(who, subject): at for (_kind, who, subject), at in steps.items()}
    away = next_absences(session, {each.person for each in found}, now)
    return tuple(
        replace(each, under_way=since.get((each.person, each.subject)), next_absence=away.get(each.person))
        for each in found
    )


def _asked(
    session: Session, what: Any, slot: Any, ids: Collection[int], places: Collection[int], after: datetime
) -> dict[int, tuple[int, int]]:
    """Count by skill or certificate the visits made lately and the open ones."""
    done = aliased(Assignment)
    began = (
        select(func.min(func.lower(done.during)))
        .where(done.visit_id == Visit.id, done.state == AssignmentState.DONE)
        .correlate(Visit)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            what,
            func.count(Visit.id.distinct()).filter(Visit.state == VisitState.DONE, began >= after),
            func.count(Visit.id.distinct()).filter(Visit.state.in_(OPEN)),
        )
        .select_from(CrewSlot)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .where(slot == CrewSlot.id, what.in_(ids), Visit.territory_id.in_(places))
        .group_by(what)
    )
    return {number: (made, still) for number, made, still in rows}


def _named(session: Session, known: Sequence[Known]) -> list[Dependence]:
    """Give words to sites and equipment; what was taken out of use since the count is left out."""
    sites = [each.id for each in known if each.kind == Kind.SITE]
    assets = [each.id for each in known if each.kind == Kind.ASSET]
    where = Site.name + ", " + Customer.name
    called: dict[tuple[str, int], str] = {}
    for number, words in session.execute(select(Site.id, where).join(Customer).where(Site.id.in_(sites))):
        called[Kind.SITE, number] = words
    asked = select(Asset.id, Asset.name + " (" + where + ")").join(Site, Site.id == Asset.site_id).join(Customer)
    for number, words in session.execute(asked.where(Asset.id.in_(assets), Asset.retired_at.is_(None))):
        called[Kind.ASSET, number] = words
    people: dict[int, str] = dict(
        session.execute(
            select(Technician.id, Technician.name).where(Technician.id.in_({each.person for each in known}))
        ).all()
    )
    return [
        Dependence(
            kind=Kind(each.kind),
            id=each.id,
            level=0,
            name=called[each.kind, each.id],
            person=each.person,
            person_name=people[each.person],
            territory=each.territory,
            needed_s=0,
            visits=each.visits,
            open_visits=each.open_visits,
        )
        for each in known
        if (each.kind, each.id) in called
    ]


def next_absences(session: Session, people: Collection[int], now: datetime) -> dict[int, datetime]:
    """When each is away next, or since when they are; those without any are left out."""
    rows = session.execute(
        select(Absence.technician_id, func.min(func.lower(Absence.during)))
        .where(Absence.technician_id.in_(people), Absence.cancelled.is_(False), func.upper(Absence.during) > now)
        .group_by(Absence.technician_id)
    )
    return dict(rows.all())


# ---- a cover plan --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Helper:
    """Somebody who could learn it or get to know it, and where they stand.

    For a skill the level they have and how many skills they share with the person; for a certificate the last day they
    held it; for a site or equipment the visits of that kind of work they made in a year.
    """

    id: int
    name: str
    level: int = 0
    shared: int = 0
    held_until: date | None = None
    visits: int = 0


def helpers(session: Session, each: Dependence, *, now: datetime) -> tuple[Helper, ...]:
    """Who could step in, the likeliest first: people of the same territory, the person themselves aside."""
    there = dict(
        session.execute(
            select(Technician.id, Technician.name)
            .join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
            .where(
                TerritoryMembership.territory_id == each.territory,
                TerritoryMembership.during.contains(now.date()),
                Technician.retired_at.is_(None),
                Technician.id != each.person,
            )
        ).all()
    )
    if each.kind is Kind.SKILL:
        levels = qualified_levels(session, now.date())
        theirs = levels.get(each.person, {}).keys()
        found = [
            Helper(
                id=who,
                name=name,
                level=levels.get(who, {}).get(each.id, 0),
                shared=len(levels.get(who, {}).keys() & theirs),
            )
            for who, name in there.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.level, -one.shared, one.name)))[:HELPERS]
    if each.kind is Kind.PERMIT:
        asked = (
            select(Certification.technician_id, func.max(func.upper(Certification.valid)))
            .where(Certification.kind_id == each.id, Certification.state == DocumentState.CONFIRMED)
            .group_by(Certification.technician_id)
        )
        ended: dict[int, date | None] = dict(session.execute(asked).all())
        found = [
            Helper(id=who, name=name, held_until=last - timedelta(days=1) if (last := ended.get(who)) else None)
            for who, name in there.items()
        ]
        return tuple(sorted(found, key=lambda one: (one.held_until is None, one.name)))[:HELPERS]
    made = _visits_alike(session, each, there.keys(), now)
    found = [Helper(id=who, name=name, visits=made.get(who, 0)) for who, name in there.items()]
    return tuple(sorted(found, key=lambda one: (-one.visits, one.name)))[:HELPERS]


def _visits_alike(session: Session, each: Dependence, people: Collection[int], now: datetime) -> dict[int, int]:
    """Count by person the visits of a year of the kinds of work that are done there."""
    since = now - timedelta(weeks=KNOWN_WEEKS)
    thing = Job.site_id if each.kind is Kind.SITE else Job.asset_id
    kinds = select(Job.job_type_id).where(thing == each.id)
    rows = session.execute(
        select(Assignment.technician_id, func.count(Visit.id.distinct()))
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .where(
            Assignment.technician_id.in_(people),
            Assignment.state == AssignmentState.DONE,
            func.lower(Assignment.during) >= since,
            Visit.territory_id == each.territory,
            Job.job_type_id.in_(kinds),
        )
        .group_by(Assignment.technician_id)
    )
    return dict(rows.all())


def plan_cover(
    session: Session,
    each: Dependence,
    *,
    helper: Helper,
    owner_id: int,
    due_on: date,
    actor: Actor,
    now: datetime,
) -> bool:
    """Make a loose end of it for the owner; False when the same is under way already."""
    zone = session.execute(select(Territory.zone).where(Territory.id == each.territory)).scalar_one()
    due_at = clock.instant(due_on, time(17), zone)
    if due_at <= now:
        raise Invalid("Choose a day that is still to come.", field="due_on")
    what = each.name + (f" level {each.level}" if each.level else "")
    learns = each.kind in (Kind.SKILL, Kind.PERMIT)
    step = Step(
        kind=CoverKind.LEARN if learns else CoverKind.COVER,
        technician_id=each.person,
        helper_id=helper.id,
        subject=each.subject,
        title=f"{helper.name} learns {what}" if learns else f"{helper.name} gets to know {what}",
        next_step=(
            f"Ask {helper.name} whether they want to, then agree with {each.person_name} when they go along"
            if learns
            else f"Send {helper.name} along with {each.person_name} on the next visit"
        ),
        territory_id=each.territory,
        owner_id=owner_id,
        due_at=due_at,
    )
    return take_steps(session, [step], actor=actor, now=now) > 0
