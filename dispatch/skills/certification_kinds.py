"""Use cases on kinds of certification: apart from skills, since a document is held or not and has no level."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.changes import who_was_first
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.skills.catalogue_log import note_parts, plain
from dispatch.skills.common import note
from dispatch.skills.models import CertificationKind, CertificationProof, Skill

FIELDS = ("name", "issuer", "usual_validity_months", "field", "safety", "retired_at")
PARTS = (*FIELDS, "proves")
LONGEST_NAME = 120
LONGEST_VALIDITY_MONTHS = 600


def get_certification_kind(session: Session, kind_id: int) -> CertificationKind:
    """Return a kind of certification, in use or not; raises NotFound."""
    kind = session.get(CertificationKind, kind_id)
    if kind is None:
        raise NotFound("There is no such kind of certificate.")
    return kind


def proofs_of(session: Session, kind_id: int) -> list[tuple[int, int]]:
    """Return which skills a certificate of this kind proves, as (skill, level)."""
    rows = session.execute(
        select(CertificationProof.skill_id, CertificationProof.level)
        .where(CertificationProof.kind_id == kind_id)
        .order_by(CertificationProof.skill_id)
    )
    return [(skill, level) for skill, level in rows]


def add_certification_kind(
    session: Session,
    *,
    code: str,
    name: str,
    issuer: str | None = None,
    usual_validity_months: int | None = None,
    field: str | None = None,
    safety: bool = False,
    proves: Sequence[tuple[int, int]] = (),
    actor: Actor,
    now: datetime,
) -> CertificationKind:
    """Add a kind of certification to the catalogue."""
    actor.require(Right.CATALOGUE_EDIT)
    code = code.strip()
    if not code:
        raise Invalid("A kind of certification needs a code.", field="code")
    given = {"name": name, "usual_validity_months": usual_validity_months, "proves": proves}
    checked = _checked(session, given)
    if session.scalar(select(CertificationKind.id).where(CertificationKind.code == code)) is not None:
        raise Conflict(f"There is already a kind of certification with the code {code}.")
    kind = CertificationKind(
        code=code,
        name=checked["name"],
        issuer=issuer,
        usual_validity_months=usual_validity_months,
        field=field,
        safety=safety,
    )
    session.add(kind)
    session.flush()
    _put_proofs(session, kind.id, checked["proves"])
    note(session, "add", kind, now, actor, after={"code": kind.code, "name": kind.name})
    return kind


def change_certification_kind(
    session: Session,
    *,
    kind_id: int,
    version: int,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    action: str = "change",
    reason: str | None = None,
) -> CertificationKind:
    """Change parts of a kind of certification, retire it or bring it back; documents that are held stay as they are."""
    actor.require(Right.CATALOGUE_EDIT)
    kind = _locked(session, kind_id)
    if version != kind.version:
        raise Conflict(who_was_first(session, "certification_kind", kind_id))
    before = _state(session, kind)
    after = {key: value for key, value in _checked(session, changes).items() if plain(value) != before[key]}
    if after:
        _put(session, kind, after)
        note_parts(session, kind, before, after, action=action, reason=reason, undoes_seq=None, actor=actor, now=now)
    return kind


def put_kind_back(
    session: Session, inverse: Mapping[str, Any], *, action: str, undoes_seq: int, actor: Actor, now: datetime
) -> None:
    """Give a kind of certification the parts it had, as long as it still has those that replaced them."""
    actor.require(Right.CATALOGUE_EDIT)
    kind = _locked(session, inverse["kind_id"])
    before = _state(session, kind)
    if any(before[key] != value for key, value in inverse["expect"].items()):
        raise Conflict("The kind of certificate is another by now.")
    after = dict(inverse["restore"])
    if after.get("retired_at"):
        after["retired_at"] = datetime.fromisoformat(after["retired_at"])
    _put(session, kind, after)
    note_parts(session, kind, before, after, action=action, reason=None, undoes_seq=undoes_seq, actor=actor, now=now)


def _checked(session: Session, changes: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(changes) - set(PARTS)
    if unknown:
        raise Invalid(f"A kind of certificate has no {', '.join(sorted(unknown))}.")
    found = dict(changes)
    if "name" in found:
        found["name"] = " ".join(found["name"].split())
        if not found["name"] or len(found["name"]) > LONGEST_NAME:
            raise Invalid(f"A kind of certification needs a name, of at most {LONGEST_NAME} characters.", field="name")
    months = found.get("usual_validity_months")
    if months is not None and not 1 <= months <= LONGEST_VALIDITY_MONTHS:
        raise Invalid(
            f"A validity lasts at least one month and at most {LONGEST_VALIDITY_MONTHS}.", "usual_validity_months"
        )
    if "proves" in found:
        levels = dict(found["proves"])
        known = set(session.scalars(select(Skill.id).where(Skill.id.in_(levels), Skill.assignable)))
        if known != set(levels) or not all(1 <= level <= 5 for level in levels.values()):
            raise Invalid("Choose skills of the catalogue, each with a level from 1 to 5.", field="proves")
        found["proves"] = sorted(levels.items())
    return found


def _locked(session: Session, kind_id: int) -> CertificationKind:
    kind = session.scalar(
        select(CertificationKind)
        .where(CertificationKind.id == kind_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if kind is None:
        raise NotFound("There is no such kind of certificate.")
    return kind


def _state(session: Session, kind: CertificationKind) -> dict[str, Any]:
    fields = {key: plain(getattr(kind, key)) for key in FIELDS}
    return {**fields, "proves": plain(proofs_of(session, kind.id))}


def _put(session: Session, kind: CertificationKind, after: Mapping[str, Any]) -> None:
    for key in FIELDS:
        if key in after:
            setattr(kind, key, after[key])
    flag_modified(kind, "name")  # the row moves on even where only the skills it proves did
    session.flush()
    if "proves" in after:
        session.execute(delete(CertificationProof).where(CertificationProof.kind_id == kind.id))
        _put_proofs(session, kind.id, after["proves"])


def _put_proofs(session: Session, kind_id: int, proves: Sequence[Sequence[int]]) -> None:
    if proves:
        rows = [{"kind_id": kind_id, "skill_id": skill, "level": level} for skill, level in proves]
        session.execute(insert(CertificationProof), rows)
