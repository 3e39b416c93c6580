"""Use cases on the living inventory: facts about people and their contests; catalogue and documents by their names.

Whatever changes a fact recomputes the person's levels in the same transaction. Nobody confirms their own skill.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.choices import people_who_may
from dispatch.accounts.models import User
from dispatch.core.clock import working_days_later
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.skills.cataloguing import add_skill, get_skill, relate_skills, retire_skill
from dispatch.skills.certification_kinds import add_certification_kind
from dispatch.skills.common import note, require_over, user_of
from dispatch.skills.documents import confirm_certification, record_certification, return_certification
from dispatch.skills.estimate import likely_level
from dispatch.skills.models import (
    Certification,
    ClaimAnswer,
    ClaimOutcome,
    DocumentState,
    Evidence,
    EvidenceContest,
    Skill,
)
from dispatch.skills.recompute import recompute_all, recompute_proficiency
from dispatch.skills.recording import record_evidence
from dispatch.skills.starting import load_starter_catalogue
from dispatch.workforce.models import ReportingLine, Territory, TerritoryMembership

__all__ = [
    "add_certification_kind",
    "add_skill",
    "assess_skill",
    "claim_skill",
    "confirm_certification",
    "contest_certification",
    "contest_evidence",
    "endorse_skill",
    "get_skill",
    "load_starter_catalogue",
    "recompute_all",
    "recompute_proficiency",
    "record_certification",
    "record_evidence",
    "record_outcome",
    "relate_skills",
    "retire_skill",
    "return_certification",
    "settle_contest",
    "still_true",
    "who_would_answer",
    "who_would_answer_paper",
]

ANSWER_WORKING_DAYS = 3


def record_outcome(
    session: Session,
    *,
    technician_id: int,
    needs: Sequence[tuple[int, int]],
    fixed: bool,
    visit_id: int,
    at: datetime,
    named_skill_id: int | None = None,
    cause: str | None = None,
    nth: int = 1,
    times_s: tuple[int, int] | None = None,
    actor: Actor,
    now: datetime,
    recompute: bool = True,
) -> Evidence | None:
    """Learn from a finished visit: one fact a person and visit, about all (skill id, level) pairs it needed.

    `nth` is 2 and more where somebody had been there for the same trouble; `times_s` are the seconds taken on site and
    those expected. The skill the close-out named stands first, else the hardest need. Work without needs teaches
    nothing. A person's fact about a visit is kept once, however often the visit is reported.
    """
    if not needs:
        return None
    hardest = max(needs, key=lambda need: (need[1], -need[0]))[0]
    named = named_skill_id if named_skill_id in {skill for skill, _ in needs} else None
    facts = {"needs": [[skill, level] for skill, level in sorted(needs)], "fixed": fixed, "visit": visit_id}
    extra: dict[str, Any] = {key: value for key, value in (("named", named), ("cause", cause)) if value is not None}
    extra |= {"nth": nth} if nth > 1 else {}
    extra |= {"taken_s": times_s[0], "expected_s": times_s[1]} if times_s is not None else {}
    return record_evidence(
        session,
        technician_id=technician_id,
        skill_id=named or hardest,
        source="job_outcome",
        facts=facts | extra,
        at=at,
        visit_id=visit_id,
        outside_key=f"visit:{visit_id}:technician:{technician_id}",
        actor=actor,
        now=now,
        recompute=recompute,
    )


def claim_skill(
    session: Session, *, technician_id: int, skill_id: int, level: float, words: str = "", actor: Actor, now: datetime
) -> Evidence:
    """Note what a person says they can do; it counts for the estimate, and confirms nothing."""
    return record_evidence(
        session,
        technician_id=technician_id,
        skill_id=skill_id,
        source="self_claim",
        facts={"level": level, "words": words},
        actor=actor,
        now=now,
    )


def still_true(session: Session, *, technician_id: int, skill_id: int, actor: Actor, now: datetime) -> Evidence:
    """Say again what was last claimed; without a claim the level now estimated is what is said to be true."""
    last = session.scalar(
        select(Evidence)
        .where(
            Evidence.technician_id == technician_id,
            Evidence.skill_id == skill_id,
            Evidence.source == "self_claim",
            Evidence.contested.is_(False),
        )
        .order_by(Evidence.at.desc(), Evidence.id.desc())
        .limit(1)
    )
    if last is not None:
        level = last.facts["level"]
    else:
        found = recompute_proficiency(session, technician_id, now=now).get(skill_id)
        if found is None or not found.facts:
            raise Invalid("Nothing is known about this skill yet; claim it with a level first.", field="skill_id")
        level = likely_level(found)
    return record_evidence(
        session,
        technician_id=technician_id,
        skill_id=skill_id,
        source="self_claim",
        facts={"level": level, "still_true": True},
        actor=actor,
        now=now,
    )


def assess_skill(
    session: Session, *, technician_id: int, skill_id: int, level: float, remark: str = "", actor: Actor, now: datetime
) -> Evidence:
    """Record a supervisor's assessment, which is what confirms a claim."""
    return record_evidence(
        session,
        technician_id=technician_id,
        skill_id=skill_id,
        source="supervisor",
        facts={"level": level, "note": remark},
        actor=actor,
        now=now,
    )


def endorse_skill(
    session: Session, *, technician_id: int, skill_id: int, level: float, remark: str = "", actor: Actor, now: datetime
) -> Evidence:
    """Record a colleague's endorsement; only people who are technicians themselves can give one."""
    return record_evidence(
        session,
        technician_id=technician_id,
        skill_id=skill_id,
        source="endorsement",
        facts={"level": level, "note": remark},
        actor=actor,
        now=now,
    )


def contest_evidence(
    session: Session, *, evidence_id: int, reason: str, actor: Actor, now: datetime
) -> EvidenceContest:
    """See a fact differently: it is left out at once, and a named person answers within three working days."""
    fact = _get_evidence(session, evidence_id)
    require_over(session, actor, Right.SKILL_CONTEST, fact.technician_id, now)
    if not reason.strip():
        raise Invalid("Say in a sentence what you see differently.", field="reason")
    if fact.contested and not _refused_only(session, evidence_id):
        raise Conflict("This fact is already left out; its answer is on the profile.")
    owner_id = _who_answers(session, fact, user_of(actor), now)
    fact.contested = True
    contest = _open(session, reason, owner_id, actor, now, evidence_id=evidence_id)
    recompute_proficiency(session, fact.technician_id, now=now)
    return contest


def contest_certification(
    session: Session, *, certification_id: int, reason: str, actor: Actor, now: datetime
) -> EvidenceContest:
    """See it differently that a certificate was given back: it stays so until a named person has answered in time."""
    document = _returned(session, certification_id, actor, now)
    if not reason.strip():
        raise Invalid("Say in a sentence what you see differently.", field="reason")
    if session.scalar(select(EvidenceContest.id).where(EvidenceContest.certification_id == certification_id)):
        raise Conflict("You have said so already; the answer is on your skills page. Hand it in anew if it changed.")
    owner_id = _who_answers(session, document, user_of(actor), now)
    return _open(session, reason, owner_id, actor, now, certification_id=certification_id)


def _open(session: Session, reason: str, owner_id: int, actor: Actor, now: datetime, **about: int) -> EvidenceContest:
    """Keep a contest with who answers it by when."""
    contest = EvidenceContest(
        **about,
        reason=reason.strip(),
        opened_by_id=user_of(actor),
        opened_at=now,
        owner_id=owner_id,
        due_at=working_days_later(now, ANSWER_WORKING_DAYS),
        outcome=None,
        answer=None,
        settled_by_id=None,
        settled_at=None,
    )
    session.add(contest)
    session.flush()
    note(session, "open", contest, now, actor, after={**about, "owner_id": owner_id})
    return contest


def _returned(session: Session, certification_id: int, actor: Actor, now: datetime) -> Certification:
    """Return a certificate of the actor's own that was given back, locked."""
    document = session.get(Certification, certification_id, with_for_update=True, populate_existing=True)
    if document is None:
        raise NotFound("There is no such document.")
    require_over(session, actor, Right.SKILL_CONTEST, document.technician_id, now)
    if document.state is not DocumentState.RETURNED:
        raise Conflict("This certificate is not given back (any more); look at it again.")
    return document


def _refused_only(session: Session, evidence_id: int) -> bool:
    """Say whether a fact is left out because a claim was given back, which nobody has seen differently yet."""
    returned = select(ClaimAnswer.evidence_id).where(
        ClaimAnswer.evidence_id == evidence_id, ClaimAnswer.outcome == ClaimOutcome.RETURNED
    )
    seen = select(EvidenceContest.id).where(EvidenceContest.evidence_id == evidence_id)
    return session.scalar(select(returned.exists() & ~seen.exists())) is True


def who_would_answer(session: Session, evidence_id: int, *, actor: Actor, now: datetime) -> tuple[str | None, datetime]:
    """Return who would answer if a fact were seen differently now, and by when; nobody where nobody is named."""
    fact = _get_evidence(session, evidence_id)
    require_over(session, actor, Right.SKILL_CONTEST, fact.technician_id, now)
    return _would_answer(session, fact, actor, now)


def who_would_answer_paper(
    session: Session, certification_id: int, *, actor: Actor, now: datetime
) -> tuple[str | None, datetime]:
    """Return who would answer if it were seen differently that a certificate was given back, and by when."""
    return _would_answer(session, _returned(session, certification_id, actor, now), actor, now)


def _would_answer(
    session: Session, about: Evidence | Certification, actor: Actor, now: datetime
) -> tuple[str | None, datetime]:
    try:
        owner = _who_answers(session, about, user_of(actor), now)
    except Conflict:
        return None, working_days_later(now, ANSWER_WORKING_DAYS)
    name = session.scalar(select(User.name).where(User.id == owner))
    return name, working_days_later(now, ANSWER_WORKING_DAYS)


def settle_contest(
    session: Session,
    *,
    contest_id: int,
    outcome: str,
    answer: str,
    level: float | None = None,
    actor: Actor,
    now: datetime,
) -> EvidenceContest:
    """Answer a contest; the person reads the answer.

    `upheld`: the fact stands and counts again. `withdrawn`: it stays out for good. `corrected`: it stays out, and the
    answerer's own assessment at `level` takes its place. Of a certificate given back: `upheld`, it stays so;
    `withdrawn`, it was wrong to give it back, and the answerer confirms its dates.
    """
    contest = session.get(EvidenceContest, contest_id)
    if contest is None:
        raise NotFound("There is no such contest.")
    about = _about(session, contest)
    if actor.technician_id == about.technician_id:
        raise Forbidden("Somebody else answers a contest about your own skill.")
    if actor.user_id != contest.owner_id:
        require_over(session, actor, _right_over(about), about.technician_id, now)
    if contest.settled_at is not None:
        raise Conflict("This contest has been answered already.")
    if outcome not in ("upheld", "withdrawn", "corrected"):
        raise Invalid("Choose whether the fact stands, is withdrawn or is corrected.", field="outcome")
    if not answer.strip():
        raise Invalid("Give the person a reason.", field="answer")
    if (outcome == "corrected") != (level is not None):
        raise Invalid("A correction, and only a correction, states the right level.", field="level")
    if level is not None and isinstance(about, Certification):
        raise Invalid("A certificate stays given back, or counts; its dates are put right by handing it in anew.")
    contest.outcome, contest.answer = outcome, answer.strip()
    contest.settled_by_id, contest.settled_at = user_of(actor), now
    if isinstance(about, Evidence):
        about.contested = outcome != "upheld"
    session.flush()
    name = "evidence_id" if isinstance(about, Evidence) else "certification_id"
    note(session, "settle", contest, now, actor, after={"outcome": outcome, name: about.id})
    if isinstance(about, Certification):
        if outcome == "withdrawn":
            confirm_certification(session, certification_id=about.id, version=about.version, actor=actor, now=now)
        return contest
    if level is not None:
        assess_skill(
            session,
            technician_id=about.technician_id,
            skill_id=about.skill_id,
            level=level,
            remark=answer.strip(),
            actor=actor,
            now=now,
        )
    recompute_proficiency(session, about.technician_id, now=now)
    return contest


def _about(session: Session, contest: EvidenceContest) -> Evidence | Certification:
    """Return what a contest is about."""
    if contest.evidence_id is not None:
        return _get_evidence(session, contest.evidence_id)
    document = session.get(Certification, contest.certification_id, with_for_update=True, populate_existing=True)
    if document is None:
        raise NotFound("There is no such document.")
    return document


def _right_over(about: Evidence | Certification) -> Right:
    """Return what somebody must be allowed to do to judge such a thing."""
    return Right.SKILL_CONFIRM if isinstance(about, Evidence) else Right.CERTIFICATE_CONFIRM


def _get_evidence(session: Session, evidence_id: int) -> Evidence:
    fact = session.get(Evidence, evidence_id)
    if fact is None or fact.withdrawn_at is not None:
        raise NotFound("There is no such fact.")
    return fact


def _who_answers(session: Session, about: Evidence | Certification, asker: int, now: datetime) -> int:
    """Return who owns the answer: the person's manager, the territory's owner, the skill's owner, whoever said it.

    Where none of them can, somebody who may confirm such things where the person works.
    """
    today = now.astimezone(UTC).date()
    manager = select(ReportingLine.manager_id).where(
        ReportingLine.technician_id == about.technician_id, ReportingLine.during.contains(today)
    )
    territory = (
        select(Territory.owner_id)
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(TerritoryMembership.technician_id == about.technician_id, TerritoryMembership.during.contains(today))
        .order_by(Territory.id)
    )
    candidates: list[int | None] = [*session.scalars(manager), *session.scalars(territory)]
    if isinstance(about, Evidence):
        candidates += session.scalars(select(Skill.owner_id).where(Skill.id == about.skill_id))
        answered = select(ClaimAnswer.answered_by_id).where(ClaimAnswer.evidence_id == about.id)
        candidates += [*session.scalars(answered), about.recorded_by_id]
    else:
        candidates.append(about.confirmed_by_id)
    asked = [one for one in candidates if one is not None and one != asker]
    active = set(session.scalars(select(User.id).where(User.id.in_(asked), User.active)))
    owner = next((one for one in asked if one in active), None)
    if owner is None:
        where = select(TerritoryMembership.territory_id).where(
            TerritoryMembership.technician_id == about.technician_id, TerritoryMembership.during.contains(today)
        )
        for territory_id in session.scalars(where.order_by(TerritoryMembership.territory_id)).all():
            able = people_who_may(session, _right_over(about), territory_id=territory_id, on=today)
            owner = next((user_id for user_id, _name in able if user_id != asker), None)
            if owner is not None:
                break
    if owner is None:
        raise Conflict("Nobody is named who could answer. An administrator can set whom this person reports to.")
    return owner
