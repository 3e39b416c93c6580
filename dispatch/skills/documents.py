"""Use cases on certifications held: hand in, confirm, return. Only a confirmed document counts, inside its days."""

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.errors import Conflict, Forbidden, Invalid, NotFound
from dispatch.skills.certifications import last_valid_day
from dispatch.skills.common import note, require_over, user_of
from dispatch.skills.models import Certification, CertificationKind, DocumentState
from dispatch.skills.proofs import record_proofs, withdraw_proofs

PHOTO_OF = "certification"
MOST_A_DAY = 30


def record_certification(
    session: Session,
    *,
    technician_id: int,
    kind_id: int,
    valid_from: date,
    valid_to: date | None = None,
    number: str | None = None,
    issuer: str | None = None,
    confirmed: bool = False,
    imported: bool = False,
    actor: Actor,
    now: datetime,
) -> Certification:
    """Note a document; `valid_to` is its last valid day, `None` when it has no end.

    As handed in by the holder it waits for somebody else to confirm its dates. With `confirmed` the actor vouches for
    them, with `imported` the system it came from does.
    """
    kind = session.get(CertificationKind, kind_id)
    if kind is None or kind.retired_at is not None:
        raise NotFound("There is no such kind of certification.")
    if valid_to is not None and valid_to < valid_from:
        raise Invalid("A document cannot end before it starts.", field="valid_to")
    if imported:
        require_over(session, actor, Right.IMPORT, technician_id, now)
    elif confirmed:
        _require_confirmer(session, actor, technician_id, now)
    else:
        # Who manages another territory hands in their own document like everybody else.
        own = actor.technician_id == technician_id and actor.may(Right.CERTIFICATE_ADD)
        may_vouch = actor.may(Right.CERTIFICATE_CONFIRM) and not own
        right = Right.CERTIFICATE_CONFIRM if may_vouch else Right.CERTIFICATE_ADD
        require_over(session, actor, right, technician_id, now)
        _refuse_flood(session, actor, now)
    counts = confirmed or imported
    document = Certification(
        technician_id=technician_id,
        kind_id=kind_id,
        number=number,
        issuer=issuer or kind.issuer,
        valid=days(valid_from, valid_to),
        state=DocumentState.CONFIRMED if counts else DocumentState.CLAIMED,
        imported=imported,
        claimed_by_id=actor.user_id,
        claimed_at=now,
        confirmed_by_id=actor.user_id if confirmed else None,
        confirmed_at=now if counts else None,
    )
    if counts:
        _refuse_overlap(session, document, kind)
    session.add(document)
    session.flush()
    shown = {"technician_id": technician_id, "kind": kind.code, "from": str(valid_from), "to": str(valid_to)}
    note(session, "record", document, now, actor, after=shown)
    if counts:
        record_proofs(session, document, kind, actor=actor, now=now)
    return document


def confirm_certification(
    session: Session, *, certification_id: int, version: int, actor: Actor, now: datetime
) -> Certification:
    """Vouch for a document somebody else handed in; from now on it counts."""
    document, kind = _get(session, certification_id, version, actor=actor, now=now)
    if document.state is DocumentState.CONFIRMED:
        return document
    _refuse_overlap(session, document, kind)
    document.state = DocumentState.CONFIRMED
    document.confirmed_by_id, document.confirmed_at = user_of(actor), now
    session.flush()
    note(session, "confirm", document, now, actor, after={"state": str(document.state)})
    record_proofs(session, document, kind, actor=actor, now=now)
    return document


def return_certification(
    session: Session, *, certification_id: int, version: int, reason: str, actor: Actor, now: datetime
) -> Certification:
    """Give a document back with a reason; it does not count (any more)."""
    document, _ = _get(session, certification_id, version, actor=actor, now=now)
    if not reason.strip():
        raise Invalid("Say what is wrong with the document.", field="reason")
    before = {"state": str(document.state)}
    document.state, document.returned_because = DocumentState.RETURNED, reason.strip()
    session.flush()
    note(session, "return", document, now, actor, before=before, after={"state": "returned"}, reason=reason.strip())
    withdraw_proofs(session, document, now=now)
    return document


def usual_end(kind: CertificationKind, valid_from: date) -> date | None:
    """Propose the last valid day of a document by its kind; a person confirms or changes it."""
    months = kind.usual_validity_months
    return None if months is None else last_valid_day(valid_from, months)


def kind_of(session: Session, kind_id: int) -> CertificationKind | None:
    """Return a kind of certificate that can be handed in."""
    kind = session.get(CertificationKind, kind_id)
    return None if kind is None or kind.retired_at is not None else kind


def first_day(session: Session, technician_id: int, kind_id: int, *, today: date) -> date:
    """Return the first day a new document counts from when nobody says: after the one in force, else today."""
    ends = session.scalars(
        select(func.upper(Certification.valid)).where(
            Certification.technician_id == technician_id,
            Certification.kind_id == kind_id,
            Certification.state == DocumentState.CONFIRMED,
        )
    )
    return max((day for day in ends if day is not None and day > today), default=today)


def days(first: date, last: date | None) -> Range[date]:
    """Return days with both ends included as the half-open range the database keeps."""
    return Range(first, None if last is None else last + timedelta(days=1))


def _require_confirmer(session: Session, actor: Actor, technician_id: int, now: datetime) -> None:
    require_over(session, actor, Right.CERTIFICATE_CONFIRM, technician_id, now)
    if actor.technician_id == technician_id:
        raise Forbidden("Nobody confirms their own document; ask your manager.")


def _refuse_flood(session: Session, actor: Actor, now: datetime) -> None:
    """Keep one account from filling the queue and the disk."""
    lately = select(func.count()).where(
        Certification.claimed_by_id == actor.user_id, Certification.claimed_at > now - timedelta(days=1)
    )
    if (session.scalar(lately) or 0) >= MOST_A_DAY:
        raise Invalid(
            f"You handed in {MOST_A_DAY} certificates since yesterday. Add more tomorrow, or call your manager."
        )


def _get(
    session: Session, certification_id: int, version: int, *, actor: Actor, now: datetime
) -> tuple[Certification, CertificationKind]:
    """Return a document to decide about; whoever decides at the same moment waits, then hears who was first."""
    document = session.get(Certification, certification_id, with_for_update=True, populate_existing=True)
    if document is None:
        raise NotFound("There is no such document.")
    _require_confirmer(session, actor, document.technician_id, now)
    if document.version != version:
        raise Conflict(_who_was_first(session, document))
    kind = session.get(CertificationKind, document.kind_id)
    if kind is None:
        raise NotFound("There is no such kind of certification.")
    return document, kind


def _who_was_first(session: Session, document: Certification) -> str:
    """Return what somebody hears whose answer comes second."""
    if document.state is DocumentState.CONFIRMED:
        name = session.scalar(select(User.name).where(User.id == document.confirmed_by_id))
        return f"{name or 'Somebody'} was first and confirmed it. Yours was not saved."
    if document.state is DocumentState.RETURNED:
        return "Somebody was first and gave it back. Yours was not saved."
    return "Somebody changed this document a moment ago; look at it again before you decide."


def _refuse_overlap(session: Session, document: Certification, kind: CertificationKind) -> None:
    """Name the other document before the database refuses two confirmed ones on the same day."""
    other = session.scalar(
        select(Certification)
        .where(
            Certification.technician_id == document.technician_id,
            Certification.kind_id == document.kind_id,
            Certification.state == DocumentState.CONFIRMED,
            Certification.valid.overlaps(document.valid),
        )
        .limit(1)
    )
    if other is not None and other is not document:
        raise Conflict(
            f"There is already a confirmed document of the kind {kind.name} for some of these days"
            f" (number {other.number or 'unknown'}). Let the new one start after it, or return the old one first."
        )
