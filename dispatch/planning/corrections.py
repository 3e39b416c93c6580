"""Proposals for fields that are not free: whoever sees an error says what is right, and its owner answers by a date.

The owner accepts with one click, or returns the proposal with a reason; whoever made it sees the outcome. Until then it
is a loose end of the owner, from then on one of the proposer's until they have read the answer.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from dispatch.accounts.access import Actor
from dispatch.accounts.choices import people_who_may
from dispatch.accounts.models import User
from dispatch.core.audit import Change, record
from dispatch.core.clock import working_days_later
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.models import Job, Visit
from dispatch.planning.changelog import things_named
from dispatch.planning.fixing import Field, field_of, overtaken, parsed, territories_of, write_field
from dispatch.planning.models import Correction, CorrectionState
from dispatch.workforce.models import ReportingLine, Territory

ANSWER_WORKING_DAYS = 2


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A proposal as its page shows it; ``field`` is the thing as it stands now, ``settles`` that the reader decides."""

    correction: Correction
    field: Field
    proposer: str
    owner: str
    settler: str | None
    zone: str

    @property
    def settles(self) -> bool:
        """Whether the reader accepts or returns it."""
        return self.correction.state is CorrectionState.OPEN and self.field.decides


def propose_fix(
    session: Session,
    *,
    entity: str,
    row_id: int,
    name: str,
    value: str,
    was: str,
    why: str,
    actor: Actor,
    now: datetime,
) -> Correction:
    """Propose what a field should say; a second proposal of the same person for the same field replaces the first."""
    field = field_of(session, entity=entity, row_id=row_id, name=name, actor=actor, now=now)
    if field.at_once:
        raise Conflict("You may write this yourself. Save it instead of proposing it.")
    assert actor.user_id is not None, "only people see fields that they may not write"
    parsed(session, field, value)
    right = value.strip()
    if right == field.value:
        raise Invalid("It says so already.", field="value")
    if field.value != was:
        raise overtaken(session, field)
    mine = session.scalar(
        select(Correction)
        .where(
            Correction.entity == entity,
            Correction.row_id == row_id,
            Correction.name == name,
            Correction.proposed_by_id == actor.user_id,
            Correction.state == CorrectionState.OPEN,
        )
        .with_for_update()
    )
    if mine is None:
        owner_id, territory_id = _who_answers(session, field, actor, now)
        mine = Correction(
            entity=entity,
            row_id=row_id,
            name=name,
            about=things_named(session, {entity: [str(row_id)]}).get((entity, str(row_id)), f"{entity} {row_id}"),
            proposed_by_id=actor.user_id,
            owner_id=owner_id,
            due_at=working_days_later(now, ANSWER_WORKING_DAYS),
            territory_id=territory_id,
        )
        session.add(mine)
    mine.was, mine.value, mine.why, mine.proposed_at = field.value, right, why.strip() or None, now
    session.flush()
    _note(session, mine, "propose_fix", actor=actor, now=now, reason=mine.why)
    return mine


def get_correction(session: Session, *, correction_id: int, actor: Actor, now: datetime) -> Shown:
    """Return a proposal to who made it, who is to answer it, and who may; raises NotFound for everybody else."""
    proposer, owner, settler = aliased(User), aliased(User), aliased(User)
    found = session.execute(
        select(
            Correction,
            proposer.name.label("proposer"),
            owner.name.label("owner"),
            settler.name.label("settler"),
            Territory.zone,
        )
        .join(proposer, proposer.id == Correction.proposed_by_id)
        .join(owner, owner.id == Correction.owner_id)
        .outerjoin(settler, settler.id == Correction.settled_by_id)
        .outerjoin(Territory, Territory.id == Correction.territory_id)
        .where(Correction.id == correction_id)
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("There is no such proposal.")
    row = found.Correction
    field = field_of(session, entity=row.entity, row_id=row.row_id, name=row.name, actor=actor, now=now)
    if actor.user_id not in (row.proposed_by_id, row.owner_id) and not field.decides:
        raise NotFound("There is no such proposal.")
    return Shown(
        correction=row,
        field=field,
        proposer=found.proposer,
        owner=found.owner,
        settler=found.settler,
        zone=found.zone or "UTC",
    )


def accept_correction(
    session: Session, *, correction_id: int, actor: Actor, now: datetime, was: str | None = None
) -> Correction:
    """Write what was proposed; where the field says something else by now, only for who has seen that (``was``)."""
    row = _to_settle(session, correction_id)
    field = field_of(session, entity=row.entity, row_id=row.row_id, name=row.name, actor=actor, now=now, lock=True)
    _require_decider(session, row, field)
    if field.value not in (row.was if was is None else was, row.value):
        raise overtaken(session, field)
    if field.value != row.value:
        write_field(session, field, parsed(session, field, row.value), actor=actor, now=now)
    _settle(session, row, CorrectionState.ACCEPTED, None, actor=actor, now=now)
    return row


def return_correction(session: Session, *, correction_id: int, reason: str, actor: Actor, now: datetime) -> Correction:
    """Leave the field as it is and say why."""
    row = _to_settle(session, correction_id)
    field = field_of(session, entity=row.entity, row_id=row.row_id, name=row.name, actor=actor, now=now)
    _require_decider(session, row, field)
    if not reason.strip():
        raise Invalid("Say why it stays as it is, so that nobody proposes it again.", field="reason")
    _settle(session, row, CorrectionState.RETURNED, reason.strip(), actor=actor, now=now)
    return row


def withdraw_correction(session: Session, *, correction_id: int, actor: Actor, now: datetime) -> Correction:
    """Take back a proposal of one's own that nobody has answered yet."""
    row = _to_settle(session, correction_id, mine=actor)
    _require_open(session, row)
    _settle(session, row, CorrectionState.WITHDRAWN, None, actor=actor, now=now)
    return row


def mark_seen(session: Session, *, correction_id: int, actor: Actor, now: datetime) -> Correction:
    """Note that who proposed something has read the answer; it leaves their loose ends by that."""
    row = session.get(Correction, correction_id, with_for_update=True, populate_existing=True)
    if row is None or row.proposed_by_id != actor.user_id:
        raise NotFound("There is no such proposal.")
    if row.settled_at is None:
        raise Conflict("It is not answered yet.")
    row.seen_at = row.seen_at or now
    session.flush()
    return row


def _to_settle(session: Session, correction_id: int, *, mine: Actor | None = None) -> Correction:
    row = session.get(Correction, correction_id, with_for_update=True, populate_existing=True)
    if row is None or (mine is not None and row.proposed_by_id != mine.user_id):
        raise NotFound("There is no such proposal.")
    return row


def _require_open(session: Session, row: Correction) -> None:
    if row.state is not CorrectionState.OPEN:
        who = session.scalar(select(User.name).where(User.id == row.settled_by_id)) or "Somebody"
        raise Conflict(f"{who} answered this already: it was {row.state.value}.")


def _require_decider(session: Session, row: Correction, field: Field) -> None:
    if not field.decides:
        raise NotFound("There is no such proposal.")
    _require_open(session, row)


def _settle(
    session: Session, row: Correction, state: CorrectionState, answer: str | None, *, actor: Actor, now: datetime
) -> None:
    row.state, row.answer, row.settled_at, row.settled_by_id = state, answer, now, actor.user_id
    if row.settled_by_id == row.proposed_by_id:
        row.seen_at = now
    session.flush()
    action = {"accepted": "accept_fix", "returned": "return_fix", "withdrawn": "withdraw_fix"}[state.value]
    _note(session, row, action, actor=actor, now=now, reason=answer)


def _who_answers(session: Session, field: Field, actor: Actor, now: datetime) -> tuple[int, int | None]:
    """Return who is to answer, and in which territory: who owns the thing, else who answers for the place."""
    today = now.date()
    places = [place for place in session.scalars(territories_of(field.entity, field.row_id, today)) if place]
    if field.entity in ("job", "visit"):
        job = select(Job.owner_id).join(Visit, Visit.job_id == Job.id, isouter=True)
        first = job.where((Job.id if field.entity == "job" else Visit.id) == field.row_id)
    else:
        first = select(ReportingLine.manager_id).where(
            ReportingLine.technician_id == (field.row_id if field.entity == "technician" else 0),
            ReportingLine.during.contains(today),
        )
    territory_id = places[0] if places else None
    may = [
        user_id
        for user_id, _name in people_who_may(session, field.decider, territory_id=territory_id or 0, on=today)
        if user_id != actor.user_id
    ]
    owner = session.scalar(select(Territory.owner_id).where(Territory.id == territory_id))
    for candidate in (*session.scalars(first), owner, *may):
        if candidate in may:
            return candidate, territory_id
    raise Conflict("Nobody is named who could answer. An administrator can give somebody the role it needs.")


def _note(
    session: Session, row: Correction, action: str, *, actor: Actor, now: datetime, reason: str | None = None
) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity=row.entity,
            entity_id=str(row.row_id),
            territory_id=row.territory_id,
            before={row.name: row.was},
            after={row.name: row.value},
            reason=reason,
        ),
    )
