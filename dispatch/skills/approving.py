"""Claims that wait for somebody who may confirm them: approved, or returned with a reason, by one person, once.

A claim waits while it is the person's newest word on a skill, nobody who may judge has spoken since, and what is known
does not say as much already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Float, Select, and_, cast, func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.skills.common import require_over, user_of
from dispatch.skills.models import ClaimAnswer, ClaimOutcome, Evidence, EvidenceContest, Proficiency, Skill
from dispatch.skills.recompute import recompute_proficiency
from dispatch.skills.service import assess_skill
from dispatch.workforce.models import Technician, TerritoryMembership

CLAIM = "self_claim"
TAKEN_BACK_WITHIN = timedelta(minutes=15)
NO_JUDGEMENT = (CLAIM, "job_outcome", "endorsement")


@dataclass(frozen=True, kw_only=True)
class WaitingClaim:
    """A claim that waits, with what is known apart from it: the stored level, and whether anybody confirmed one."""

    evidence_id: int
    technician_id: int
    technician: str
    skill_id: int
    skill: str
    critical: bool
    level: float
    words: str
    at: datetime
    mean: float | None
    confirmed: bool


@dataclass(frozen=True, kw_only=True)
class FreshAnswer:
    """An answer of one's own that can still be taken back."""

    evidence_id: int
    technician: str
    skill: str
    outcome: ClaimOutcome


@dataclass(frozen=True, kw_only=True)
class ReturnedClaim:
    """A claim that came back to its person, with who says why."""

    evidence_id: int
    skill_id: int
    skill: str
    level: float
    reason: str
    by: str
    at: datetime


def claims_waiting() -> Select[*tuple[Any, ...]]:
    """Select evidence_id, technician_id, skill_id (as it lives on), level, words and at of what waits."""
    later, judged = aliased(Evidence, name="later"), aliased(Evidence, name="judged")
    current = func.coalesce(Skill.merged_into_id, Skill.id)
    level = cast(Evidence.facts["level"].astext, Float)
    anew = func.coalesce(later.facts["still_true"].astext, "false") == "false"
    said_later = select(later.id).where(
        later.technician_id == Evidence.technician_id,
        later.skill_id == Evidence.skill_id,
        later.source == CLAIM,
        anew,
        tuple_(later.at, later.id) > tuple_(Evidence.at, Evidence.id),
    )
    judged_since = select(judged.id).where(
        judged.technician_id == Evidence.technician_id,
        judged.skill_id == Evidence.skill_id,
        judged.source.not_in(NO_JUDGEMENT),
        judged.contested.is_(False),
        judged.at >= Evidence.at,
    )
    known = select(Proficiency.skill_id).where(
        Proficiency.technician_id == Evidence.technician_id,
        Proficiency.skill_id == current,
        Proficiency.confirmed,
        Proficiency.mean >= level - 0.5,
    )
    answered = select(ClaimAnswer.evidence_id).where(ClaimAnswer.evidence_id == Evidence.id)
    return (
        select(
            Evidence.id.label("evidence_id"),
            Evidence.technician_id,
            current.label("skill_id"),
            level.label("level"),
            func.coalesce(Evidence.facts["words"].astext, "").label("words"),
            Evidence.at,
        )
        .join(Skill, Skill.id == Evidence.skill_id)
        .where(
            Evidence.source == CLAIM,
            Evidence.contested.is_(False),
            func.coalesce(Evidence.facts["still_true"].astext, "false") == "false",
            or_(Skill.retired_at.is_(None), Skill.merged_into_id.is_not(None)),
            ~said_later.exists(),
            ~judged_since.exists(),
            ~known.exists(),
            ~answered.exists(),
        )
    )


def list_claims(
    session: Session,
    *,
    territory_ids: Iterable[int] | None,
    on: date,
    besides: int | None = None,
    technician_id: int | None = None,
) -> list[WaitingClaim]:
    """Return what waits in some territories (all without), the oldest first; ``besides`` leaves a person's own out."""
    waiting = claims_waiting().subquery("waiting")
    query = (
        select(
            waiting,
            Technician.name.label("technician"),
            Skill.name.label("skill"),
            Skill.critical,
            Proficiency.mean,
            func.coalesce(Proficiency.confirmed, False).label("confirmed"),
        )
        .join(Technician, Technician.id == waiting.c.technician_id)
        .join(Skill, Skill.id == waiting.c.skill_id)
        .outerjoin(
            Proficiency,
            and_(Proficiency.technician_id == waiting.c.technician_id, Proficiency.skill_id == waiting.c.skill_id),
        )
        .where(Technician.retired_at.is_(None))
        .order_by(waiting.c.at, waiting.c.evidence_id)
    )
    if territory_ids is not None:
        near = select(TerritoryMembership.technician_id).where(
            TerritoryMembership.territory_id.in_(list(territory_ids)), TerritoryMembership.during.contains(on)
        )
        query = query.where(Technician.id.in_(near))
    if besides is not None:
        query = query.where(Technician.id != besides)
    if technician_id is not None:
        query = query.where(Technician.id == technician_id)
    return [WaitingClaim(**row) for row in session.execute(query).mappings()]


def approve_claim(session: Session, *, evidence_id: int, actor: Actor, now: datetime) -> Evidence:
    """Say that a claim is right: the approver's own judgement at the level claimed, from now on relied on."""
    claim = _to_answer(session, evidence_id, actor, now)
    _answer(session, claim, ClaimOutcome.APPROVED, None, actor, now)
    skill = session.get_one(Skill, claim.skill_id)
    return assess_skill(
        session,
        technician_id=claim.technician_id,
        skill_id=skill.merged_into_id or skill.id,
        level=float(claim.facts["level"]),
        remark="As claimed",
        actor=actor,
        now=now,
    )


def return_claim(session: Session, *, evidence_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """Give a claim back with a reason, which its person reads; it counts no more."""
    claim = _to_answer(session, evidence_id, actor, now)
    if not reason.strip():
        raise Invalid("Say why, so that they know what would help.", field="reason")
    _answer(session, claim, ClaimOutcome.RETURNED, reason.strip(), actor, now)
    claim.contested = True
    recompute_proficiency(session, claim.technician_id, now=now)


def fresh_answers(session: Session, user_id: int, *, now: datetime) -> list[FreshAnswer]:
    """Return what somebody answered a moment ago, the latest first."""
    rows = session.execute(
        select(
            ClaimAnswer.evidence_id,
            Technician.name.label("technician"),
            Skill.name.label("skill"),
            ClaimAnswer.outcome,
        )
        .join(Evidence, Evidence.id == ClaimAnswer.evidence_id)
        .join(Technician, Technician.id == Evidence.technician_id)
        .join(Skill, Skill.id == Evidence.skill_id)
        .where(ClaimAnswer.answered_by_id == user_id, ClaimAnswer.answered_at > now - TAKEN_BACK_WITHIN)
        .order_by(ClaimAnswer.answered_at.desc(), ClaimAnswer.evidence_id)
    ).mappings()
    return [FreshAnswer(**row) for row in rows]


def take_back_answer(session: Session, *, evidence_id: int, actor: Actor, now: datetime) -> None:
    """Take back one's own answer of a moment ago: what it said is left out, and the claim waits again."""
    claim = session.get(Evidence, evidence_id)
    answer = session.get(ClaimAnswer, evidence_id, with_for_update=True)
    if claim is None or answer is None:
        raise NotFound("There is no such answer.")
    require_over(session, actor, Right.SKILL_CONFIRM, claim.technician_id, now)
    if answer.answered_by_id != actor.user_id:
        raise Forbidden("Only whoever answered takes it back.")
    if answer.answered_at <= now - TAKEN_BACK_WITHIN:
        raise Conflict("This was answered too long ago to be taken back. Say what you see now on the person's page.")
    seen = select(EvidenceContest.id).where(EvidenceContest.evidence_id == evidence_id)
    if session.scalar(select(seen.exists())):
        raise Conflict("The person has seen your answer differently already. Answer that.")
    if answer.outcome is ClaimOutcome.APPROVED:
        skill = session.get_one(Skill, claim.skill_id)
        judged = session.scalars(
            select(Evidence).where(
                Evidence.technician_id == claim.technician_id,
                Evidence.skill_id == (skill.merged_into_id or skill.id),
                Evidence.source == "supervisor",
                Evidence.recorded_by_id == actor.user_id,
                Evidence.at == answer.answered_at,
            )
        ).all()
        for fact in judged:
            fact.contested = True
    else:
        claim.contested = False
    session.delete(answer)
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="undo",
            entity="claim_answer",
            entity_id=str(evidence_id),
            before={"outcome": str(answer.outcome)},
            after={"technician_id": claim.technician_id, "skill_id": claim.skill_id},
        ),
    )
    recompute_proficiency(session, claim.technician_id, now=now)


def returned_claims(session: Session, technician_id: int, *, since: datetime) -> list[ReturnedClaim]:
    """Return the claims that came back to a person and that they said nothing newer about, the latest first."""
    later = aliased(Evidence)
    newer = select(later.id).where(
        later.technician_id == Evidence.technician_id,
        later.skill_id == Evidence.skill_id,
        later.source.in_((CLAIM, "supervisor")),
        tuple_(later.at, later.id) > tuple_(Evidence.at, Evidence.id),
    )
    # What its person sees differently is on their page with its own answer.
    seen_differently = select(EvidenceContest.id).where(EvidenceContest.evidence_id == Evidence.id)
    rows = session.execute(
        select(
            Evidence.id.label("evidence_id"),
            Skill.id.label("skill_id"),
            Skill.name.label("skill"),
            cast(Evidence.facts["level"].astext, Float).label("level"),
            ClaimAnswer.reason,
            User.name.label("by"),
            ClaimAnswer.answered_at.label("at"),
        )
        .join(Evidence, Evidence.id == ClaimAnswer.evidence_id)
        .join(Skill, Skill.id == Evidence.skill_id)
        .join(User, User.id == ClaimAnswer.answered_by_id)
        .where(
            Evidence.technician_id == technician_id,
            ClaimAnswer.outcome == ClaimOutcome.RETURNED,
            ClaimAnswer.answered_at > since,
            Evidence.contested,  # else whoever answered a contest let it count after all
            ~seen_differently.exists(),
            ~newer.exists(),
        )
        .order_by(ClaimAnswer.answered_at.desc())
    ).mappings()
    return [ReturnedClaim(**row) for row in rows]


def _to_answer(session: Session, evidence_id: int, actor: Actor, now: datetime) -> Evidence:
    """Return the claim if this person may answer it now; who is second hears who was first, and what they said."""
    claim = session.get(Evidence, evidence_id)
    if claim is None or claim.source != CLAIM:
        raise NotFound("There is no such claim.")
    require_over(session, actor, Right.SKILL_CONFIRM, claim.technician_id, now)
    if actor.technician_id == claim.technician_id:
        raise Forbidden("Nobody answers their own claim; ask your manager.")
    _refuse_second(session, evidence_id)
    waits = claims_waiting().where(Evidence.id == evidence_id)
    if session.execute(waits).first() is None:
        raise Conflict("This claim waits no more: somebody has judged the skill since, or there is a newer claim.")
    return claim


def _answer(
    session: Session, claim: Evidence, outcome: ClaimOutcome, reason: str | None, actor: Actor, now: datetime
) -> None:
    """Keep the answer; where somebody else answers at this moment, wait for theirs and say so."""
    values = {"outcome": outcome, "reason": reason, "answered_by_id": user_of(actor), "answered_at": now}
    made = session.execute(
        insert(ClaimAnswer)
        .values(evidence_id=claim.id, **values)
        .on_conflict_do_nothing()
        .returning(ClaimAnswer.evidence_id)
    ).first()
    if made is None:
        _refuse_second(session, claim.id)
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="settle",
            entity="claim_answer",
            entity_id=str(claim.id),
            after={"technician_id": claim.technician_id, "skill_id": claim.skill_id, "outcome": str(outcome)},
            reason=reason,
        ),
    )


def _refuse_second(session: Session, evidence_id: int) -> None:
    first = session.execute(
        select(User.name, ClaimAnswer.outcome)
        .join(User, User.id == ClaimAnswer.answered_by_id)
        .where(ClaimAnswer.evidence_id == evidence_id)
    ).first()
    if first is not None:
        done = "approved it" if first.outcome is ClaimOutcome.APPROVED else "gave it back"
        raise Conflict(f"{first.name} was first and {done}. Yours was not saved.")
