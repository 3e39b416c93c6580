"""The recorded agreements under which measured outcomes of jobs may count as evidence of skill."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import Agreement, AgreementKind
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.skills.recompute import recompute_all


def agreements(session: Session) -> Sequence[Agreement]:
    """Return the agreements about outcomes, the newest first."""
    return session.scalars(
        select(Agreement).where(Agreement.kind == AgreementKind.OUTCOME_EVIDENCE).order_by(Agreement.id.desc())
    ).all()


def record_agreement(
    session: Session, *, scope: str, reference: str, first_day: date, actor: Actor, now: datetime
) -> Agreement:
    """Let outcomes count from a day on; everybody's levels are estimated again."""
    actor.require(Right.POLICY_EDIT)
    if not scope.strip() or not reference.strip():
        raise Invalid("Say whom the agreement covers and where it is written down.", field="reference")
    if any(each.valid.upper is None or each.valid.upper > first_day for each in agreements(session)):
        raise Conflict("There is an agreement on that day already. End it first.")
    agreement = Agreement(
        kind=AgreementKind.OUTCOME_EVIDENCE,
        valid=Range(first_day, None),
        scope=scope.strip(),
        reference=reference.strip(),
        recorded_by_id=actor.user_id,
        recorded_at=now,
    )
    session.add(agreement)
    session.flush()
    _note(session, "add", agreement, actor, now)
    recompute_all(session, now=now)
    return agreement


def end_agreement(session: Session, *, agreement_id: int, last_day: date, actor: Actor, now: datetime) -> Agreement:
    """Let outcomes count up to a day; everybody's levels are estimated again."""
    actor.require(Right.POLICY_EDIT)
    agreement = session.get(Agreement, agreement_id, with_for_update=True)
    if agreement is None or agreement.kind != AgreementKind.OUTCOME_EVIDENCE:
        raise NotFound("There is no such agreement.")
    if agreement.valid.lower is not None and last_day < agreement.valid.lower:
        raise Invalid(f"The agreement began on {agreement.valid.lower}; it cannot end before.", field="last_day")
    agreement.valid = Range(agreement.valid.lower, last_day + timedelta(days=1))
    session.flush()
    _note(session, "end", agreement, actor, now)
    recompute_all(session, now=now)
    return agreement


def _note(session: Session, action: str, agreement: Agreement, actor: Actor, now: datetime) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity="agreement",
            entity_id=str(agreement.id),
            after={"valid": str(agreement.valid), "scope": agreement.scope, "reference": agreement.reference},
            channel=actor.channel,
        ),
    )
