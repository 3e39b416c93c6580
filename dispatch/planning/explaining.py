"""Why this person and why not that one: the facts behind a ranking, read for the few people somebody looks at.

Ranks and minutes come from the candidate list, levels from the same snapshot, so that a screen cannot say something
else than the choice rests on. Of work done only that it was done counts here, never how it went.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import Customer, Job, JobType, SkillNeed, Visit
from dispatch.matching.limits import LEVELS
from dispatch.matching.policy import Policy
from dispatch.matching.problem import Proficiency, SkillLevel, Technician
from dispatch.matching.problem import SkillNeed as Need
from dispatch.planning.candidates import CandidateList, CandidateRow, ExcludedRow
from dispatch.planning.desks import PreparedDay
from dispatch.planning.drafts import told_bookings
from dispatch.planning.models import RELEASED_STATES, Assignment, AssignmentState
from dispatch.planning.policy import read_rules, read_weights
from dispatch.planning.readings import needs_of
from dispatch.planning.reason_words import GROUPS, group_words
from dispatch.planning.rows import critical_skills, proficiencies
from dispatch.planning.snapshot import active_policy
from dispatch.planning.technician_day import Stop
from dispatch.planning.terms import in_minutes, qualified
from dispatch.planning.why_words import DoneBefore, Reasons, SkillHeld, gap, knock_on, why
from dispatch.skills.constants_in_force import constants_in_force
from dispatch.skills.models import CertificationKind, Skill, Wish
from dispatch.skills.taxonomy import load_need_rules
from dispatch.skills.wishes import wishes_among
from dispatch.workforce.models import Technician as Person
from dispatch.workforce.models import TerritoryMembership

OFF_SHIFT = "no_shift"
OTHERS = "cannot go for another reason"


@dataclass(frozen=True, kw_only=True)
class Fit:
    """One person who could go: their place in the ranking with everything that speaks for and against it.

    ``wishes`` is what they want of work in the skills asked for, by name. It ranks nobody: whoever decides reads it.
    """

    row: CandidateRow
    rank: int
    skills: tuple[SkillHeld, ...]
    certificates: tuple[str, ...]
    from_start_s: int | None
    known: bool
    preferred: bool
    done: DoneBefore
    knock_on: str
    why: tuple[str, ...]
    behind: str | None
    bars: tuple[tuple[str, int], ...]
    total_min: int
    wishes: tuple[tuple[str, Wish], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Group:
    """How many people one reason keeps away; ``code`` names the group in an address."""

    code: str
    words: str
    number: int


def everybody(listing: CandidateList) -> list[tuple[int, str]]:
    """Return the whole scope as (id, name)."""
    able = [(row.technician_id, row.name) for row in listing.ranked]
    return [*able, *((row.technician_id, row.name) for row in listing.excluded)]


def with_off_shift(session: Session, listing: CandidateList, *, territory_id: int) -> CandidateList:
    """Add who belongs to the territory and has no shift that day, so that everybody is accounted for."""
    known = [technician_id for technician_id, _ in everybody(listing)]
    rows = session.execute(
        select(Person.id, Person.name)
        .join(TerritoryMembership, TerritoryMembership.technician_id == Person.id)
        .where(
            TerritoryMembership.territory_id == territory_id,
            TerritoryMembership.during.contains(listing.day),
            Person.retired_at.is_(None),
            Person.id.not_in(known),
        )
        .distinct()
        .order_by(Person.name, Person.id)
    )
    off = [
        ExcludedRow(technician_id=row.id, name=row.name, code=OFF_SHIFT, words=f"{row.name} has no shift on that day.")
        for row in rows
    ]
    return replace(listing, excluded=(*listing.excluded, *off))


def groups_of(excluded: Sequence[ExcludedRow]) -> list[Group]:
    """Count people by what keeps them away, the most first; codes that say the same are one group."""
    codes: dict[str, str] = {}
    for row in excluded:
        codes.setdefault(GROUPS.get(row.code, OTHERS), row.code)
    counted = Counter(GROUPS.get(row.code, OTHERS) for row in excluded)
    return [
        Group(code=codes[words], words=group_words(words, number), number=number)
        for words, number in counted.most_common()
    ]


def in_group(excluded: Sequence[ExcludedRow], code: str) -> list[ExcludedRow]:
    """Return the people of one group by name."""
    words = GROUPS.get(code, OTHERS)
    return sorted(
        (row for row in excluded if GROUPS.get(row.code, OTHERS) == words), key=lambda row: row.name.casefold()
    )


def named(listing: CandidateList, text: str) -> list[tuple[int, str]]:
    """Find people of the scope by a name that somebody typed: who is called exactly that, else who it is a part of."""
    people = everybody(listing)
    words = text.casefold().split()
    exact = [one for one in people if one[1].casefold().split() == words]
    found = exact or [one for one in people if all(word in one[1].casefold() for word in words)]
    return sorted(found, key=lambda one: (one[1].casefold(), one[0]))


def fits(
    session: Session,
    prepared: PreparedDay,
    listing: CandidateList,
    shown: Collection[int],
    *,
    customer: str,
) -> dict[int, Fit]:
    """Explain the ranked people among ``shown``, by technician; four statements whatever their number."""
    wanted = [(rank, row) for rank, row in enumerate(listing.ranked, 1) if row.technician_id in shown]
    problem, name = prepared.snapshot.problem, str(listing.visit_id)
    visit = problem.visit_by_id[name]
    slot = visit.crew[listing.slot]
    skills = _skill_names(session, slot.needs)
    certificates = _certificate_names(session, slot.certifications)
    done = done_before(session, listing.visit_id, [row.technician_id for _, row in wanted])
    wishes = wishes_among(session, [row.technician_id for _, row in wanted], [int(skill) for skill in skills])
    second_visit_s = problem.policy.second_visit_cost if visit.second_visit_cost is None else visit.second_visit_cost
    best = listing.ranked[0] if listing.ranked else None
    desk = prepared.desk
    place = desk.row(name, listing.slot)
    made: dict[int, Fit] = {}
    for rank, row in wanted:
        person = problem.technician_by_id[str(row.technician_id)]
        held = skills_held(problem.policy, person, slot.needs, skills)
        away = desk.away(place, desk.tables.scope.technician_index[person.id])
        before = done.get(row.technician_id, DoneBefore())
        terms = dict(row.terms)
        reasons = Reasons(
            skills=held,
            p_fix=row.p_fix,
            second_visit_s=second_visit_s,
            start_at=row.start_at,
            promise=prepared.snapshot.promises.get(listing.visit_id),
            spare_s=None if row.promise is None else row.promise.margin_s,
            travel_s=row.travel_s,
            after=row.after,
            customer=customer,
            known=person.id in visit.known_faces,
            preferred=person.id in visit.preferred,
            credit_s=-terms.get("continuity", 0) - terms.get("preference", 0),
            done=before,
            zone=listing.zone,
        )
        bars, total = in_minutes(row.terms, row.total_s)
        made[row.technician_id] = Fit(
            row=row,
            rank=rank,
            skills=held,
            certificates=certificates,
            from_start_s=away if away < timedelta(days=2).total_seconds() else None,
            known=reasons.known,
            preferred=reasons.preferred,
            done=before,
            knock_on=knock_on([(each.title, each.delay_s, each.newly_late) for each in row.knock_on]),
            why=why(reasons, row.name),
            behind=None if best is None or best is row else gap(row.name, best.name, terms, dict(best.terms)),
            bars=tuple(bars),
            total_min=total,
            wishes=tuple(
                (skills[str(one.skill_id)], one.wish) for one in wishes.get(row.technician_id, ()) if one.wish
            ),
        )
    return made


def skills_held(
    policy: Policy, person: Technician, needs: Sequence[Need], names: Mapping[str, str]
) -> tuple[SkillHeld, ...]:
    """Tell for each need what the person is known to hold; of alternatives the one they are best in."""
    made: dict[str, SkillHeld] = {}
    for need in needs:
        best = max(need.any_of, key=lambda item: _strength(policy, person, item))
        known = person.proficiencies.get(best.skill)
        before = made.get(best.skill)
        made[best.skill] = SkillHeld(
            skill=names.get(best.skill, "the skill"),
            needed=best.level if need.must else before.needed if before else None,
            wished=best.level if not need.must else None,
            level=_level(policy, known),
            confirmed=known is not None and known.confirmed,
            known=known is not None,
            met=qualified(policy, person, best.skill, best.level) if need.must else before is None or before.met,
        )
    return tuple(made.values())


def _strength(policy: Policy, person: Technician, item: SkillLevel) -> tuple[bool, float]:
    known = person.proficiencies.get(item.skill, policy.unknown)
    return qualified(policy, person, item.skill, item.level), known.confidence(item.level)


def _level(policy: Policy, known: Proficiency | None) -> int:
    """Return the highest level we are as sure of as the policy asks, 0 for none."""
    if known is None:
        return 0
    return max((level for level in LEVELS if known.confidence(level) >= policy.min_confidence), default=0)


def done_before(session: Session, visit_id: int, people: Collection[int]) -> dict[int, DoneBefore]:
    """Count who did this kind of work before: the same kind of job, there and anywhere."""
    if not people:
        return {}
    this = (
        select(Job.job_type_id, Job.site_id).join(Visit, Visit.job_id == Job.id).where(Visit.id == visit_id).subquery()
    )
    ended = func.upper(Assignment.during)
    rows = session.execute(
        select(
            Assignment.technician_id,
            func.count().label("times"),
            func.count().filter(Job.site_id == this.c.site_id).label("here"),
            func.max(ended).label("last_at"),
        )
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(this, this.c.job_type_id == Job.job_type_id)
        .where(Assignment.technician_id.in_(people), Assignment.state == AssignmentState.DONE, Visit.id != visit_id)
        .group_by(Assignment.technician_id)
    )
    return {row.technician_id: DoneBefore(times=row.times, here=row.here, last_at=row.last_at) for row in rows}


def _skill_names(session: Session, needs: Sequence[Need]) -> dict[str, str]:
    ids = {int(item.skill) for need in needs for item in need.any_of}
    rows = session.execute(select(Skill.id, Skill.name).where(Skill.id.in_(ids))) if ids else ()
    return {str(row[0]): row[1] for row in rows}


def _certificate_names(session: Session, kinds: Sequence[str]) -> tuple[str, ...]:
    if not kinds:
        return ()
    named = select(CertificationKind.name).where(CertificationKind.id.in_({int(kind) for kind in kinds}))
    return tuple(session.scalars(named.order_by(CertificationKind.name)))


def why_you(session: Session, technician_id: int, stop: Stop) -> tuple[str, ...]:
    """Tell a person why they were sent somewhere, in the sentences their dispatcher reads about them."""
    rows = session.execute(
        select(
            SkillNeed.any_of,
            SkillNeed.skill_id,
            SkillNeed.must_level,
            SkillNeed.preferred_level,
            JobType.second_visit_cost_s,
        )
        .select_from(Assignment)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .join(JobType, JobType.id == Job.job_type_id)
        .outerjoin(SkillNeed, SkillNeed.crew_slot_id == Assignment.crew_slot_id)
        .where(Assignment.id == stop.assignment_id)
        .order_by(SkillNeed.id)
    ).all()
    needs = needs_of([row for row in rows if row.skill_id is not None], load_need_rules(session))
    stored = active_policy(session)
    policy = read_weights(
        stored.weights,
        read_rules(stored.rules),
        critical_skills=critical_skills(session),
        levels=constants_in_force(session),
    )
    held = {
        str(row.skill_id): Proficiency(mean=row.mean, sd=row.sd, confirmed=row.confirmed)
        for row in proficiencies(session, [technician_id])
    }
    person = Technician(id=str(technician_id), proficiencies=held)
    terms = stop.why.get("terms", {})
    reasons = Reasons(
        skills=skills_held(policy, person, needs, _skill_names(session, needs)),
        p_fix=stop.why.get("p_fix", 0.0),
        second_visit_s=rows[0].second_visit_cost_s if rows else policy.second_visit_cost,
        start_at=stop.start,
        promise=stop.promise,
        spare_s=None if stop.outlook is None else stop.outlook.margin_s,
        travel_s=stop.travel_s,
        after=_stop_before(session, technician_id, stop),
        customer=stop.customer,
        known=bool(stop.why.get("known_face")),
        preferred=bool(stop.why.get("preferred")),
        credit_s=-terms.get("continuity", 0) - terms.get("preference", 0),
        done=done_before(session, stop.visit_id, [technician_id]).get(technician_id, DoneBefore()),
        zone=stop.zone,
    )
    return why(reasons, None)


def _stop_before(session: Session, technician_id: int, stop: Stop) -> str | None:
    """Return the customer somebody comes from, None where the visit is the first of its shift."""
    booked, this = told_bookings(), told_bookings()
    told = booked.c
    shift = select(this.c.shift_id).where(this.c.id == stop.assignment_id).scalar_subquery()
    return session.scalar(
        select(Customer.name)
        .join(Job, Job.customer_id == Customer.id)
        .join(Visit, Visit.job_id == Job.id)
        .join(booked, told.visit_id == Visit.id)
        .where(
            told.technician_id == technician_id,
            told.shift_id == shift,
            told.state.not_in(RELEASED_STATES),
            func.lower(told.during) < stop.start,
        )
        .order_by(func.lower(told.during).desc())
        .limit(1)
    )
