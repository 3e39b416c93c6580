"""Partner companies and the papers they must keep valid."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Right
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.workforce.models import Partner, PartnerDocument, Technician, TerritoryMembership


def partner_details(
    session: Session, partner_id: int, *, territories: Collection[int] | None, on: date
) -> tuple[Partner, list[Technician]]:
    """Return a partner with its papers and its people in reach; raises NotFound when none of its people is."""
    partner = session.scalar(select(Partner).where(Partner.id == partner_id).options(selectinload(Partner.documents)))
    if partner is None:
        raise NotFound("There is no such partner.")
    found = select(Technician).where(Technician.partner_id == partner_id, Technician.retired_at.is_(None))
    if territories is not None:
        members = select(TerritoryMembership.technician_id).where(
            TerritoryMembership.territory_id.in_(territories), TerritoryMembership.during.contains(on)
        )
        found = found.where(Technician.id.in_(members))
    people = list(session.scalars(found.order_by(Technician.name)))
    if territories is not None and not people:
        raise NotFound("There is no such partner.")
    return partner, people


def add_partner_document(
    session: Session,
    *,
    partner_id: int,
    kind: str,
    number: str | None,
    first: date,
    last: date,
    actor: Actor,
    now: datetime,
) -> PartnerDocument:
    """Record a paper with its first and last valid day; the one before it stays in the history."""
    actor.require(Right.PERSON_EDIT, what="partner")
    partner = session.get(Partner, partner_id)
    if partner is None:
        raise NotFound("There is no such partner.")
    if not kind.strip():
        raise Invalid("Say which paper it is.", field="kind")
    if last < first:
        raise Invalid("The last valid day cannot come before the first.", field="last")
    again = session.scalar(
        select(PartnerDocument.id).where(
            PartnerDocument.partner_id == partner_id,
            PartnerDocument.kind == kind.strip(),
            PartnerDocument.valid.contains(last),
        )
    )
    if again is not None:
        raise Conflict("A paper of this kind that is valid on that last day is recorded already.")
    document = PartnerDocument(
        partner_id=partner_id,
        kind=kind.strip(),
        number=number,
        valid=Range(first, date.fromordinal(last.toordinal() + 1)),
    )
    session.add(document)
    session.flush()
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="add_document",
            entity="partner",
            entity_id=str(partner_id),
            after={"kind": document.kind, "from": first.isoformat(), "to": last.isoformat()},
        ),
    )
    return document
