"""Where a skill or a kind of certificate is used: by people, in open work, in kinds of work, in what is on record.

Pages show it beside the skill, and before it is renamed, merged or retired. Skills that were merged into one count
with it. Each function is a small, constant number of statements.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, distinct, func, or_, select
from sqlalchemy.orm import Session

from dispatch.jobs.lifecycle import CLOSED_STATES
from dispatch.jobs.models import (
    CertificationNeed,
    CrewSlot,
    Job,
    JobType,
    JobTypeCertification,
    JobTypeNeed,
    SkillNeed,
    Visit,
)
from dispatch.jobs.queries import Territories
from dispatch.skills.evidence import HIGHEST_LEVEL
from dispatch.skills.models import Certification, DocumentState, Evidence, Skill
from dispatch.skills.queries import who_holds

OPEN_VISITS = ("open", "planned", "under_way")


@dataclass(frozen=True, kw_only=True)
class SkillUse:
    """Where a skill is used; people and jobs are those in reach of whoever asks.

    ``people`` counts by the level dispatch relies on, 0 for those of whom something is known and nothing relied on.
    """

    people: Mapping[int, int]
    open_jobs: int
    job_types: tuple[tuple[int, str], ...]
    facts: int

    @property
    def people_total(self) -> int:
        """Everybody of whom something is known."""
        return sum(self.people.values())


@dataclass(frozen=True, kw_only=True)
class KindUse:
    """Where a kind of certificate is used; ``holders`` have a confirmed document that is valid on the day."""

    holders: int
    documents: int
    open_jobs: int
    job_types: tuple[tuple[int, str], ...] = field(default=())


def use_of_skill(session: Session, skill_id: int, *, territories: Territories, on: date) -> SkillUse:
    """Return where a skill is used."""
    family = select(Skill.id).where(or_(Skill.id == skill_id, Skill.merged_into_id == skill_id))
    holders = who_holds(session, skill_id, HIGHEST_LEVEL, on=on, territory_ids=territories)
    needs = SkillNeed.skill_id.in_(family)
    counted = Counter(holder.level for holder in holders)
    return SkillUse(
        people={level: counted.get(level, 0) for level in range(HIGHEST_LEVEL + 1)},
        open_jobs=_open_jobs(session, select(SkillNeed.crew_slot_id).where(needs), territories),
        job_types=_job_types(session, select(JobTypeNeed.job_type_id).where(JobTypeNeed.skill_id.in_(family))),
        facts=session.scalar(select(func.count()).select_from(Evidence).where(Evidence.skill_id.in_(family))) or 0,
    )


def use_of_kind(session: Session, kind_id: int, *, territories: Territories, on: date) -> KindUse:
    """Return where a kind of certificate is used."""
    held, documents = session.execute(
        select(
            func.count(distinct(Certification.technician_id)).filter(
                Certification.state == DocumentState.CONFIRMED, Certification.valid.contains(on)
            ),
            func.count(),
        ).where(Certification.kind_id == kind_id)
    ).one()
    slots = select(CertificationNeed.crew_slot_id).where(CertificationNeed.kind_id == kind_id)
    types = select(JobTypeCertification.job_type_id).where(JobTypeCertification.kind_id == kind_id)
    return KindUse(
        holders=held,
        documents=documents,
        open_jobs=_open_jobs(session, slots, territories),
        job_types=_job_types(session, types),
    )


def _open_jobs(session: Session, slots: Select[Any], territories: Territories) -> int:
    wanted: list[ColumnElement[bool]] = [
        CrewSlot.id.in_(slots),
        Visit.state.in_(OPEN_VISITS),
        Job.state.not_in(CLOSED_STATES),
    ]
    if territories is not None:
        wanted.append(Visit.territory_id.in_(territories))
    count = (
        select(func.count(distinct(Job.id)))
        .select_from(Job)
        .join(Visit, Visit.job_id == Job.id)
        .join(CrewSlot, CrewSlot.visit_id == Visit.id)
        .where(*wanted)
    )
    return session.scalar(count) or 0


def _job_types(session: Session, ids: Select[Any]) -> tuple[tuple[int, str], ...]:
    rows: Sequence[Any] = session.execute(
        select(JobType.id, JobType.name).where(JobType.id.in_(ids), JobType.retired_at.is_(None)).order_by(JobType.name)
    ).all()
    return tuple((row.id, row.name) for row in rows)
