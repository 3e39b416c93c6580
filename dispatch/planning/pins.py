"""Pins of a visit as values: read, replaced as a whole, and noted so that it can be taken back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core.audit import Change, record
from dispatch.planning.models import Pin

Pins = Sequence[Mapping[str, Any]]


def pins_of(session: Session, visit_id: int) -> Pins:
    """Return the pins of a visit as plain JSON values, by crew slot."""
    found = session.execute(
        select(Pin.crew_slot_id, Pin.technician_id, Pin.starts_at, Pin.reason)
        .where(Pin.visit_id == visit_id)
        .order_by(Pin.crew_slot_id)
    )
    return [
        {
            "crew_slot_id": row.crew_slot_id,
            "technician_id": row.technician_id,
            "starts_at": None if row.starts_at is None else row.starts_at.isoformat(),
            "reason": row.reason,
        }
        for row in found
    ]


def put_pins(
    session: Session, visit_id: int, pins: Pins, *, actor: Actor | None = None, now: datetime | None = None
) -> None:
    """Replace the pins of a visit by these."""
    session.execute(delete(Pin).where(Pin.visit_id == visit_id))
    if pins:
        assert actor is not None
        assert now is not None
        fresh = [
            {
                **pin,
                "visit_id": visit_id,
                "starts_at": None if pin["starts_at"] is None else datetime.fromisoformat(pin["starts_at"]),
                "pinned_by_id": actor.user_id,
                "pinned_at": now,
            }
            for pin in pins
        ]
        session.execute(insert(Pin), fresh)


def note_pins(
    session: Session,
    action: str,
    visit_id: int,
    before: Pins,
    *,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    undoes_seq: int | None = None,
) -> None:
    """Write what the pins were and are into the change log, with the way back."""
    after = pins_of(session, visit_id)
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action=action,
            entity="visit",
            entity_id=str(visit_id),
            before={"pins": before},
            after={"pins": after},
            reason=reason,
            inverse={"command": "pins", "visit_id": visit_id, "expect": after, "restore": before},
            undoes_seq=undoes_seq,
        ),
    )
