"""What a person contested about themselves, and what was answered."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.skills.models import Certification, CertificationKind, Evidence, EvidenceContest, Skill


@dataclass(frozen=True, kw_only=True)
class OwnContest:
    """A contest about a skill, or about a certificate given back, with its answer, once there is one."""

    about: str
    certification_id: int | None
    reason: str
    opened_at: datetime
    owner: str
    due_at: datetime
    outcome: str | None
    answer: str | None
    settled_at: datetime | None


def contests_of(session: Session, technician_id: int, *, limit: int = 20) -> list[OwnContest]:
    """Return a person's own contests: those that wait first, then the newest answers."""
    rows = session.execute(
        select(EvidenceContest, func.coalesce(Skill.name, CertificationKind.name), User.name)
        .outerjoin(Evidence, Evidence.id == EvidenceContest.evidence_id)
        .outerjoin(Skill, Skill.id == Evidence.skill_id)
        .outerjoin(Certification, Certification.id == EvidenceContest.certification_id)
        .outerjoin(CertificationKind, CertificationKind.id == Certification.kind_id)
        .join(User, User.id == EvidenceContest.owner_id)
        .where(or_(Evidence.technician_id == technician_id, Certification.technician_id == technician_id))
        .order_by(EvidenceContest.settled_at.desc().nulls_first(), EvidenceContest.id.desc())
        .limit(limit)
    )
    return [
        OwnContest(
            about=about,
            certification_id=contest.certification_id,
            reason=contest.reason,
            opened_at=contest.opened_at,
            owner=owner,
            due_at=contest.due_at,
            outcome=contest.outcome,
            answer=contest.answer,
            settled_at=contest.settled_at,
        )
        for contest, about, owner in rows
    ]
