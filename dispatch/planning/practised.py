"""What closed work says about a person's skills: what they practise, and what they have not used for long.

Only that work of a kind was done counts here, not how it went, so it needs no agreement about outcomes. It is for the
person alone: a suggestion becomes a claim when they say so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from dispatch.jobs.models import CertificationNeed, CrewSlot, SkillNeed, Visit
from dispatch.planning.models import Assignment, AssignmentState
from dispatch.skills.models import Certification, CertificationKind, DocumentState, Evidence, Skill, SkillWish
from dispatch.workforce.models import TerritoryMembership

LOOKS_BACK = timedelta(days=270)
ENOUGH_VISITS = 3
UNUSED_AFTER = timedelta(days=180)
FIRST_SKILLS = 8
FIRST_PAPERS = 4


@dataclass(frozen=True, kw_only=True)
class Practice:
    """How often a person's finished visits asked for a skill lately, since when, at which level mostly.

    ``last`` is the latest such visit ever; ``fresh`` says that nobody has spoken about this skill of theirs yet.
    """

    skill_id: int
    name: str
    visits: int
    since: datetime | None
    level: int
    last: datetime
    fresh: bool

    @property
    def suggested(self) -> bool:
        """Say whether this is enough to ask the person whether to add the skill."""
        return self.fresh and self.visits >= ENOUGH_VISITS


def practice_of(session: Session, technician_id: int, *, now: datetime) -> list[Practice]:
    """Return what a person's finished visits asked for, the most frequent first; one statement.

    A need with alternatives says of none of them that it was used. Visits before a suggestion was turned down do not
    count for it any more.
    """
    current = func.coalesce(Skill.merged_into_id, Skill.id)
    start = func.lower(Assignment.during)
    asked = (
        select(
            current.label("skill_id"),
            Assignment.visit_id,
            start.label("at"),
            func.coalesce(SkillNeed.must_level, SkillNeed.preferred_level).label("level"),
        )
        .join(SkillNeed, SkillNeed.crew_slot_id == Assignment.crew_slot_id)
        .join(Skill, Skill.id == SkillNeed.skill_id)
        .where(
            Assignment.technician_id == technician_id,
            Assignment.state == AssignmentState.DONE,
            SkillNeed.any_of.is_(None),
        )
        .subquery("asked")
    )
    spoken = (
        select(Evidence.id)
        .where(
            Evidence.technician_id == technician_id,
            Evidence.skill_id == Skill.id,
            Evidence.source != "job_outcome",
            Evidence.withdrawn_at.is_(None),
        )
        .correlate(Skill)
        .exists()
    )
    lately = asked.c.at > func.greatest(now - LOOKS_BACK, SkillWish.declined_at)
    visits = func.count(asked.c.visit_id.distinct()).filter(lately)
    rows = session.execute(
        select(
            Skill.id.label("skill_id"),
            Skill.name,
            visits.label("visits"),
            func.min(asked.c.at).filter(lately).label("since"),
            func.percentile_disc(0.5).within_group(asked.c.level).label("level"),
            func.max(asked.c.at).label("last"),
            (~spoken).label("fresh"),
        )
        .select_from(asked)
        .join(Skill, Skill.id == asked.c.skill_id)
        .outerjoin(SkillWish, and_(SkillWish.technician_id == technician_id, SkillWish.skill_id == Skill.id))
        .where(Skill.assignable, Skill.retired_at.is_(None))
        .group_by(Skill.id, Skill.name)
        .order_by(visits.desc(), Skill.name)
    ).mappings()
    return [Practice(**row) for row in rows]


def often_needed(session: Session, technician_id: int, *, now: datetime) -> list[tuple[int, str]]:
    """Return the skills that work in a person's territories asks for most, to begin an empty inventory with."""
    mine = select(TerritoryMembership.territory_id).where(
        TerritoryMembership.technician_id == technician_id, TerritoryMembership.during.contains(now.date())
    )
    rows = session.execute(
        select(Skill.id, Skill.name)
        .join(SkillNeed, SkillNeed.skill_id == Skill.id)
        .join(CrewSlot, CrewSlot.id == SkillNeed.crew_slot_id)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .where(Visit.territory_id.in_(mine), Skill.assignable, Skill.retired_at.is_(None))
        .group_by(Skill.id, Skill.name)
        .order_by(func.count().desc(), Skill.name)
        .limit(FIRST_SKILLS)
    )
    return [(row.id, row.name) for row in rows]


def papers_asked_for(session: Session, technician_id: int, *, now: datetime) -> list[tuple[int, str]]:
    """Return the kinds of certificate that work around asks for most and this person has not handed in."""
    mine = select(TerritoryMembership.territory_id).where(
        TerritoryMembership.technician_id == technician_id, TerritoryMembership.during.contains(now.date())
    )
    held = (
        select(Certification.id)
        .where(
            Certification.technician_id == technician_id,
            Certification.kind_id == CertificationKind.id,
            Certification.state != DocumentState.RETURNED,
        )
        .correlate(CertificationKind)
        .exists()
    )
    rows = session.execute(
        select(CertificationKind.id, CertificationKind.name)
        .join(CertificationNeed, CertificationNeed.kind_id == CertificationKind.id)
        .join(CrewSlot, CrewSlot.id == CertificationNeed.crew_slot_id)
        .join(Visit, Visit.id == CrewSlot.visit_id)
        .where(Visit.territory_id.in_(mine), CertificationKind.retired_at.is_(None), ~held)
        .group_by(CertificationKind.id, CertificationKind.name)
        .order_by(func.count().desc(), CertificationKind.name)
        .limit(FIRST_PAPERS)
    )
    return [(row.id, row.name) for row in rows]
