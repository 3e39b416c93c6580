"""Fit the constants to the organisation's own record, put them in force, and take that back."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid
from dispatch.skills.constants_in_force import constants_in_force, written
from dispatch.skills.fitting import Report, fit_constants
from dispatch.skills.models import ModelConstants
from dispatch.skills.recompute import facts_by_person, outcomes_agreed, recompute_all
from dispatch.skills.taxonomy import catalogue_of, load_taxonomy


def propose_constants(session: Session, *, actor: Actor, now: datetime) -> Report:
    """Fit, and change nothing; outcomes are heard only under a recorded agreement."""
    actor.require(Right.POLICY_EDIT)
    try:
        return fit_constants(
            facts_by_person(session),
            catalogue_of(load_taxonomy(session)),
            now,
            outcomes=outcomes_agreed(session, now),
            start=constants_in_force(session),
        )
    except ValueError as error:
        raise Invalid(f"{error}.") from error


def apply_constants(session: Session, report: Report, *, actor: Actor, now: datetime) -> ModelConstants:
    """Put fitted constants in force; everybody's levels are estimated again."""
    actor.require(Right.POLICY_EDIT)
    figures = {name: value for name, value in asdict(report).items() if name != "constants"}
    row = ModelConstants(
        constants=written(report.constants), report=figures, active=False, made_at=now, made_by_id=actor.user_id
    )
    session.add(row)
    session.flush()
    _put_in_force(session, row.id, "apply", actor, now)
    return row


def restore_constants(session: Session, *, actor: Actor, now: datetime) -> int | None:
    """Take the constants in force back: those before them return, or the defaults (None); levels follow."""
    actor.require(Right.POLICY_EDIT)
    standing = session.scalar(select(ModelConstants.id).where(ModelConstants.active).with_for_update())
    if standing is None:
        raise Conflict("The defaults are in force; there is nothing to take back.")
    before = session.scalar(
        select(ModelConstants.id).where(ModelConstants.id < standing).order_by(ModelConstants.id.desc()).limit(1)
    )
    _put_in_force(session, before, "restore", actor, now)
    return before


def _put_in_force(session: Session, number: int | None, action: str, actor: Actor, now: datetime) -> None:
    standing = session.scalar(select(ModelConstants.id).where(ModelConstants.active))
    session.execute(update(ModelConstants).where(ModelConstants.active).values(active=False))
    session.execute(update(ModelConstants).where(ModelConstants.id == number).values(active=True))
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity="model_constants",
            entity_id=str(standing if number is None else number),
            before={"in_force": standing},
            after={"in_force": number},
            channel=actor.channel,
        ),
    )
    session.flush()
    session.expire_all()
    recompute_all(session, now=now)
