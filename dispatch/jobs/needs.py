"""What the crew of a visit must know and hold: said anew as a whole, with the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor
from dispatch.accounts.changes import note
from dispatch.core.errors import Conflict, NotFound
from dispatch.jobs.lifecycle import VisitState
from dispatch.jobs.models import CertificationNeed, CrewSlot, NeedOrigin, SkillNeed, Visit


@dataclass(frozen=True, kw_only=True)
class Need:
    """A skill somebody of the crew must or should have; ``crew_position`` None means everyone."""

    skill_id: int
    must_level: int | None = None
    preferred_level: int | None = None
    any_of: int | None = None
    crew_position: int | None = None


def replace_needs(
    session: Session,
    *,
    visit_id: int,
    needs: Sequence[Need],
    certification_ids: Sequence[int],
    actor: Actor,
    now: datetime,
) -> Visit:
    """Say anew what the crew of a visit must know. Who is assigned already is checked by planning."""
    visit = _with_needs(session, visit_id)
    before = needs_of(visit)
    _clear_needs(session, visit)
    for slot in visit.slots:
        session.add_all(slot_needs(slot.id, slot.position, needs, NeedOrigin.PERSON))
        session.add_all(
            CertificationNeed(crew_slot_id=slot.id, kind_id=kind_id, origin=NeedOrigin.PERSON)
            for kind_id in certification_ids
        )
    _note_needs(session, visit, before, action="replace_needs", actor=actor, now=now)
    return visit


def change_need(
    session: Session,
    *,
    visit_id: int,
    skill_id: int,
    must_level: int | None,
    preferred_level: int | None,
    actor: Actor,
    now: datetime,
) -> list[int]:
    """Say anew what a job needs of one skill, without a level nothing; returns the visits it touches.

    A visit that is yet to come is touched with all others of its job that are: the next one needs it as well. A skill
    that nobody of a crew needed is needed by all of it then.
    """
    asked = _with_needs(session, visit_id)
    coming = session.scalars(
        select(Visit.id)
        .where(Visit.job_id == asked.job_id, Visit.state.in_((VisitState.OPEN, VisitState.PLANNED)))
        .order_by(Visit.id)
    ).all()
    if visit_id not in coming:
        raise Conflict("It has begun or is over: what it needed stays as it was.")
    levels = (must_level, preferred_level)
    return [each for each in coming if _change_need(session, each, skill_id, levels, actor, now)]


def _change_need(
    session: Session, visit_id: int, skill_id: int, levels: tuple[int | None, int | None], actor: Actor, now: datetime
) -> bool:
    visit = _with_needs(session, visit_id)
    before = needs_of(visit)
    rows = [need for slot in visit.slots for need in slot.needs if need.skill_id == skill_id]
    if levels == (None, None):
        for row in rows:
            session.delete(row)
    elif rows:
        for row in rows:
            if (row.must_level, row.preferred_level) != levels:
                (row.must_level, row.preferred_level), row.origin = levels, NeedOrigin.PERSON
    else:
        need = Need(skill_id=skill_id, must_level=levels[0], preferred_level=levels[1])
        for slot in visit.slots:
            session.add_all(slot_needs(slot.id, slot.position, [need], NeedOrigin.PERSON))
    session.flush()
    if needs_of(_with_needs(session, visit_id)) == before:
        return False
    _note_needs(session, visit, before, action="replace_needs", actor=actor, now=now)
    return True


def put_needs_back(
    session: Session, inverse: Mapping[str, Any], *, action: str, undoes_seq: int, actor: Actor, now: datetime
) -> Visit:
    """Give a visit the needs it had, as long as it still has those that replaced them."""
    visit = _with_needs(session, inverse["visit_id"])
    before = needs_of(visit)
    if before != inverse["expect"]:
        raise Conflict("The needs are others by now.")
    _clear_needs(session, visit)
    for slot in inverse["restore"]:
        session.add_all(SkillNeed(crew_slot_id=slot["crew_slot_id"], **need) for need in slot["needs"])
        session.add_all(CertificationNeed(crew_slot_id=slot["crew_slot_id"], **held) for held in slot["certifications"])
    _note_needs(session, visit, before, action=action, actor=actor, now=now, undoes_seq=undoes_seq)
    return visit


def needs_of(visit: Visit) -> list[dict[str, Any]]:
    """Return what each place in the crew must know and hold, as plain data in a fixed order."""
    return [
        {
            "crew_slot_id": slot.id,
            "needs": sorted(
                (
                    {
                        "any_of": need.any_of,
                        "skill_id": need.skill_id,
                        "must_level": need.must_level,
                        "preferred_level": need.preferred_level,
                        "origin": need.origin.value,
                    }
                    for need in slot.needs
                ),
                key=lambda need: (need["skill_id"], need["any_of"] or 0),
            ),
            "certifications": sorted(
                ({"kind_id": held.kind_id, "origin": held.origin.value} for held in slot.certifications),
                key=lambda held: held["kind_id"],
            ),
        }
        for slot in visit.slots
    ]


def _clear_needs(session: Session, visit: Visit) -> None:
    for slot in visit.slots:
        for old in (*slot.needs, *slot.certifications):
            session.delete(old)
    session.flush()


def _with_needs(session: Session, visit_id: int) -> Visit:
    visit = session.scalar(
        select(Visit)
        .where(Visit.id == visit_id)
        .options(
            selectinload(Visit.slots).selectinload(CrewSlot.needs),
            selectinload(Visit.slots).selectinload(CrewSlot.certifications),
        )
        .with_for_update(of=Visit)
        .execution_options(populate_existing=True)
    )
    if visit is None:
        raise NotFound("There is no such visit.")
    return visit


def _note_needs(
    session: Session,
    visit: Visit,
    before: list[dict[str, Any]],
    *,
    action: str,
    actor: Actor,
    now: datetime,
    undoes_seq: int | None = None,
) -> None:
    session.flush()
    after = needs_of(_with_needs(session, visit.id))
    note(
        session,
        visit,
        action,
        actor=actor,
        now=now,
        before={"crew": before},
        after={"crew": after},
        inverse={"command": "needs", "visit_id": visit.id, "expect": after, "restore": before},
        undoes_seq=undoes_seq,
    )


def slot_needs(slot_id: int | None, position: int, needs: Sequence[Need], origin: NeedOrigin) -> list[SkillNeed]:
    """Return the rows of the needs that one place in a crew has."""
    made = []
    for need in needs:
        if need.crew_position in (None, position):
            row = SkillNeed(
                any_of=need.any_of,
                skill_id=need.skill_id,
                must_level=need.must_level,
                preferred_level=need.preferred_level,
                origin=origin,
            )
            if slot_id is not None:
                row.crew_slot_id = slot_id
            made.append(row)
    return made
