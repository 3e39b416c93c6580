"""What a confirmed certificate says about skills, where its kind proves some; taken back when the certificate is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor
from dispatch.skills.models import (
    Certification,
    CertificationKind,
    CertificationProof,
    Evidence,
    EvidenceContest,
    Skill,
)
from dispatch.skills.recompute import recompute_proficiency
from dispatch.skills.recording import record_evidence


def record_proofs(
    session: Session, document: Certification, kind: CertificationKind, *, actor: Actor, now: datetime
) -> int:
    """Put on record what a confirmed certificate proves, dated by its first day; each once, however often confirmed."""
    proofs = session.execute(
        select(Skill.id, Skill.merged_into_id, CertificationProof.level)
        .join(Skill, Skill.id == CertificationProof.skill_id)
        .where(CertificationProof.kind_id == kind.id, Skill.assignable)
        .order_by(Skill.id)
    ).all()
    if not proofs:
        return 0
    first = document.valid.lower
    at = now if first is None else min(now, datetime.combine(first, time(0), tzinfo=UTC))
    # Whoever vouches for the paper holds the right for that; what the paper says is the catalogue's word, not theirs.
    vouched = replace(actor, grants=SYSTEM.grants)
    levels: dict[int, int] = {}
    for skill_id, merged_into_id, level in proofs:
        current = merged_into_id or skill_id
        levels[current] = max(level, levels.get(current, 0))
    for skill_id, level in levels.items():
        record_evidence(
            session,
            technician_id=document.technician_id,
            skill_id=skill_id,
            source="certificate",
            facts={"level": level, "title": kind.name, "issuer": document.issuer or ""},
            at=at,
            outside_key=_key(document, skill_id),
            actor=vouched,
            now=now,
            recompute=False,
        )
    _count(session, _facts(session, document), counts=True)
    recompute_proficiency(session, document.technician_id, now=now)
    return len(levels)


def withdraw_proofs(session: Session, document: Certification, *, now: datetime) -> None:
    """Leave out what a certificate proved that is not confirmed any more."""
    facts = _facts(session, document)
    if facts:
        _count(session, facts, counts=False)
        recompute_proficiency(session, document.technician_id, now=now)


def _key(document: Certification, skill_id: int) -> str:
    return f"certification:{document.id}:skill:{skill_id}"


def _facts(session: Session, document: Certification) -> Sequence[int]:
    return session.scalars(
        select(Evidence.id).where(
            Evidence.technician_id == document.technician_id,
            Evidence.outside_key.startswith(f"certification:{document.id}:", autoescape=True),
        )
    ).all()


def _count(session: Session, facts: Sequence[int], *, counts: bool) -> None:
    """Let facts count or not; what its person sees differently is for whoever answers that."""
    contested = select(EvidenceContest.evidence_id).where(EvidenceContest.evidence_id.is_not(None))
    session.execute(
        update(Evidence)
        .where(Evidence.id.in_(facts), Evidence.id.not_in(contested), Evidence.contested.is_(counts))
        .values(contested=not counts)
    )
