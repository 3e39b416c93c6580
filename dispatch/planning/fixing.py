"""The 30-second fix: whoever sees an error mends it there, and the log tells who. One table says which field is free.

A sensitive field is mended by those alone who decide about it. What somebody else changed in the meantime is shown
beside one's own words; nothing is overwritten silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor, Right
from dispatch.accounts.models import User
from dispatch.core.db import Base
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.core.models import AuditEvent
from dispatch.jobs.customers import change_asset, change_customer, change_site
from dispatch.jobs.models import Asset, Customer, Job, Site, Visit
from dispatch.jobs.service import change_job, change_visit
from dispatch.planning.models import Assignment
from dispatch.planning.technician_day import PRIVATE_AFTER, PRIVATE_BEFORE, SHOWN_STATES

CHANNELS = ("call", "mail", "text")


class Shape(StrEnum):
    """How a value is written."""

    LINE = "line"
    WORDS = "words"
    PHONE = "phone"
    CHANNEL = "channel"
    MINUTES = "minutes"
    PLACE = "place"


@dataclass(frozen=True, kw_only=True)
class Fixable:
    """One field: who sees it, and so may mend it; ``decides`` is the right that a sensitive one needs besides.

    A ``private`` field shows to technicians around the time of their visit only, and only then they mend it.
    """

    sees: Right
    shape: Shape = Shape.LINE
    decides: Right | None = None
    private: bool = False
    required: bool = False


FIELDS: Mapping[tuple[str, str], Fixable] = {
    ("customer", "name"): Fixable(sees=Right.CUSTOMER_READ, decides=Right.CUSTOMER_EDIT, required=True),
    ("customer", "contact_name"): Fixable(sees=Right.CUSTOMER_READ),
    ("customer", "phone"): Fixable(sees=Right.CUSTOMER_READ, shape=Shape.PHONE, private=True),
    ("customer", "preferred_channel"): Fixable(sees=Right.CUSTOMER_READ, shape=Shape.CHANNEL, required=True),
    ("customer", "care_note"): Fixable(sees=Right.CUSTOMER_READ, shape=Shape.WORDS),
    ("site", "address"): Fixable(sees=Right.CUSTOMER_READ, decides=Right.CUSTOMER_EDIT, required=True),
    ("site", "place"): Fixable(sees=Right.CUSTOMER_READ, shape=Shape.PLACE),
    ("site", "gate_code"): Fixable(sees=Right.SITE_ACCESS, private=True),
    ("site", "parking"): Fixable(sees=Right.CUSTOMER_READ),
    ("site", "hazards"): Fixable(sees=Right.CUSTOMER_READ),
    ("asset", "model"): Fixable(sees=Right.CUSTOMER_READ),
    ("job", "title"): Fixable(sees=Right.JOB_READ, required=True),
    ("job", "purpose"): Fixable(sees=Right.JOB_READ),
    ("job", "description"): Fixable(sees=Right.JOB_READ, shape=Shape.WORDS),
    ("visit", "duration"): Fixable(sees=Right.JOB_READ, shape=Shape.MINUTES, required=True),
}
_ROWS: Mapping[str, type[Any]] = {"customer": Customer, "site": Site, "asset": Asset, "job": Job, "visit": Visit}
_COLUMNS: Mapping[str, tuple[str, ...]] = {"place": ("lat", "lon"), "duration": ("duration_s",)}
_LONGEST = {Shape.WORDS: 4000, Shape.PHONE: 40}


class Overtaken(Conflict):
    """Somebody changed the same field first; says who, when, and what it holds now."""

    def __init__(self, *, who: str, at: datetime | None, theirs: str, version: int) -> None:
        super().__init__(f"{who} changed this first. It says “{theirs}” now.")
        self.who = who
        self.at = at
        self.theirs = theirs
        self.version = version


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field as it stands, in the words in which it is edited."""

    entity: str
    row_id: int
    name: str
    value: str
    version: int
    fixable: Fixable
    decides: bool


def field_of(
    session: Session, *, entity: str, row_id: int, name: str, actor: Actor, now: datetime, lock: bool = False
) -> Field:
    """Return a field for who may see it; raises NotFound for everybody else."""
    fixable = FIELDS.get((entity, name))
    if fixable is None:
        raise NotFound("There is no such field.")
    _require_sight(session, entity, row_id, fixable, actor, now)
    row = session.get(_ROWS[entity], row_id, with_for_update=lock, populate_existing=lock)
    if row is None:
        raise NotFound("There is no such entry.")
    return Field(
        entity=entity,
        row_id=row_id,
        name=name,
        value=_text(row, name, fixable),
        version=row.version,
        fixable=fixable,
        decides=fixable.decides is None or _reaches(session, entity, row_id, fixable.decides, actor),
    )


def fix_field(
    session: Session,
    *,
    entity: str,
    row_id: int,
    name: str,
    value: str,
    was: str,
    actor: Actor,
    now: datetime,
) -> Field:
    """Mend a field; ``was`` is what it said when one began. Raises Overtaken when it says something else by now."""
    found = field_of(session, entity=entity, row_id=row_id, name=name, actor=actor, now=now, lock=True)
    if not found.decides:
        raise Conflict("This field is changed by who answers for it. Tell them what is right.")
    if value.strip() == found.value:
        return found
    changes = parsed(found, value)
    if found.value != was:
        raise _overtaken(session, found)
    write_field(session, found, changes, actor=actor, now=now)
    return field_of(session, entity=entity, row_id=row_id, name=name, actor=actor, now=now)


def write_field(session: Session, field: Field, changes: Mapping[str, Any], *, actor: Actor, now: datetime) -> None:
    """Change the row through the service that all doors use."""
    told: dict[str, Any] = {"version": field.version, "changes": changes, "actor": actor, "now": now}
    if field.entity == "customer":
        change_customer(session, customer_id=field.row_id, **told)
    elif field.entity == "site":
        change_site(session, site_id=field.row_id, **told)
    elif field.entity == "asset":
        change_asset(session, asset_id=field.row_id, **told)
    elif field.entity == "job":
        change_job(session, job_id=field.row_id, **told)
    else:
        change_visit(session, visit_id=field.row_id, **told)


def parsed(field: Field, value: str) -> dict[str, Any]:
    """Return the columns that a value written by a person means; raises Invalid with what would be right."""
    shape = field.fixable.shape
    text = value.strip() if shape is Shape.WORDS else " ".join(value.split())
    if not text and field.fixable.required:
        raise Invalid("This cannot be empty. Write what is right.", field="value")
    if len(text) > _LONGEST.get(shape, 200):
        raise Invalid(f"Use at most {_LONGEST.get(shape, 200)} characters.", field="value")
    if shape is Shape.PLACE:
        return _place(text)
    if shape is Shape.MINUTES:
        if not (text.isascii() and text.isdigit() and len(text) <= 4):
            raise Invalid("Write whole minutes, for example 45.", field="value")
        return {"duration_s": int(text) * 60}
    if shape is Shape.CHANNEL and text not in CHANNELS:
        raise Invalid("Choose a call, mail or a text message.", field="value")
    if shape is Shape.PHONE and text and sum(sign.isdigit() for sign in text) < 3:
        raise Invalid("Write the number with its digits, for example +49 30 5550123.", field="value")
    empty = "" if (field.entity, field.name) in (("job", "purpose"), ("job", "description")) else None
    return {field.name: text or empty}


def may_write_fields(session: Session, entity: str, row_id: int, names: set[str], actor: Actor, now: datetime) -> bool:
    """Say whether all these columns of a row are ones that the actor mends where they see them."""
    wanted = [
        fixable
        for (kind, name), fixable in FIELDS.items()
        if kind == entity and names & set(_COLUMNS.get(name, (name,)))
    ]
    covered = {
        column for kind, name in FIELDS if kind == entity for column in _COLUMNS.get(name, (name,)) if column in names
    }
    if covered != names:
        return False
    try:
        for fixable in wanted:
            _require_sight(session, entity, row_id, fixable, actor, now)
    except NotFound:
        return False
    return all(
        fixable.decides is None or _reaches(session, entity, row_id, fixable.decides, actor) for fixable in wanted
    )


def _text(row: Base, name: str, fixable: Fixable) -> str:
    values = [getattr(row, column) for column in _COLUMNS.get(name, (name,))]
    if fixable.shape is Shape.PLACE:
        return "" if values[0] is None else f"{values[0]:.5f}, {values[1]:.5f}"
    if fixable.shape is Shape.MINUTES:
        return str(round(values[0] / 60))
    return values[0] or ""


def _place(text: str) -> dict[str, Any]:
    if not text:
        return {"lat": None, "lon": None}
    parts = text.replace(";", ",").split(",")
    try:
        lat, lon = (float(part) for part in parts)
    except ValueError as error:
        raise Invalid(
            "Write latitude and longitude with a comma between, as maps give them: 52.51630, 13.37770.", field="value"
        ) from error
    return {"lat": lat, "lon": lon}


def _overtaken(session: Session, field: Field) -> Overtaken:
    columns = _COLUMNS.get(field.name, (field.name,))
    last = session.execute(
        select(User.name, AuditEvent.at)
        .join(User, User.id == AuditEvent.actor_id)
        .where(
            AuditEvent.entity == field.entity,
            AuditEvent.entity_id == str(field.row_id),
            or_(*(AuditEvent.after.has_key(column) for column in columns)),
        )
        .order_by(AuditEvent.seq.desc())
        .limit(1)
    ).first()
    return Overtaken(
        who=last.name if last else "Somebody",
        at=last.at if last else None,
        theirs=field.value or "nothing",
        version=field.version,
    )


def _require_sight(session: Session, entity: str, row_id: int, fixable: Fixable, actor: Actor, now: datetime) -> None:
    if not _reaches(session, entity, row_id, fixable.sees, actor) and not _own_work(
        session, entity, row_id, fixable, actor, now
    ):
        raise NotFound("There is no such entry.")


def _reaches(session: Session, entity: str, row_id: int, right: Right, actor: Actor) -> bool:
    if not actor.reaches_others(right):
        return False
    places = session.scalars(_territories(entity, row_id)).all()
    return any(actor.may(right, place) for place in places) or (not places and entity == "customer")


def _territories(entity: str, row_id: int) -> Select[Any]:
    return {
        "customer": select(Site.territory_id).where(Site.customer_id == row_id),
        "site": select(Site.territory_id).where(Site.id == row_id),
        "asset": select(Site.territory_id).join(Asset, Asset.site_id == Site.id).where(Asset.id == row_id),
        "job": select(Site.territory_id).join(Job, Job.site_id == Site.id).where(Job.id == row_id),
        "visit": select(Visit.territory_id).where(Visit.id == row_id),
    }[entity]


def _own_work(session: Session, entity: str, row_id: int, fixable: Fixable, actor: Actor, now: datetime) -> bool:
    """Say whether a technician sees the field at a visit of their own."""
    if actor.technician_id is None or not actor.may(fixable.sees, technician_id=actor.technician_id):
        return False
    whose: ColumnElement[bool] = {
        "customer": Job.customer_id,
        "site": Job.site_id,
        "asset": Job.asset_id,
        "job": Job.id,
        "visit": Visit.id,
    }[entity] == row_id
    mine = (
        select(Assignment.id)
        .join(Visit, Visit.id == Assignment.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .where(Assignment.technician_id == actor.technician_id, Assignment.state.in_(SHOWN_STATES), whose)
    )
    if fixable.private:
        mine = mine.where(
            func.lower(Assignment.during) <= now + PRIVATE_BEFORE, func.upper(Assignment.during) >= now - PRIVATE_AFTER
        )
    return session.scalar(mine.limit(1)) is not None
