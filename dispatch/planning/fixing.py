"""The 30-second fix: whoever sees an error mends it there, and the log tells who. One table says which field is free.

A sensitive field is mended at once by those alone who decide about it; whoever else sees it proposes what is right
(`dispatch.planning.corrections`), as does who has used up the allowance of a day. What somebody else changed in the
meantime is shown beside one's own words; nothing is overwritten silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
from dispatch.jobs.lifecycle import JobState
from dispatch.jobs.models import Asset, CrewSlot, Customer, Job, Site, SkillNeed, Visit
from dispatch.jobs.needs import change_need
from dispatch.jobs.service import change_job, change_visit, set_next_step
from dispatch.planning.drafts import told_bookings
from dispatch.planning.rechecking import look_again
from dispatch.planning.technician_day import PRIVATE_AFTER, PRIVATE_BEFORE, SHOWN_STATES
from dispatch.skills.estimate import likely_level
from dispatch.skills.evidence import HIGHEST_LEVEL, LOWEST_LEVEL
from dispatch.skills.models import Skill
from dispatch.skills.queries import proficiencies
from dispatch.skills.service import assess_skill
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import load_taxonomy
from dispatch.workforce.models import Technician, TerritoryMembership
from dispatch.workforce.service import change_technician

CHANNELS = ("call", "mail", "text")
AT_ONCE = 30
"""Fixes within a day that are done at once for somebody who does not answer for the thing; more are proposed."""
A_DAY = timedelta(hours=24)
ALONE = 3  # the level of who does standard work without checks
LEVELS = tuple(str(level) for level in range(LOWEST_LEVEL, HIGHEST_LEVEL + 1))


class Shape(StrEnum):
    """How a value is written."""

    LINE = "line"
    WORDS = "words"
    PHONE = "phone"
    CHANNEL = "channel"
    MINUTES = "minutes"
    PLACE = "place"
    LEVEL = "level"
    NEED = "need"
    SKILL = "skill"


PARTED = (Shape.LEVEL, Shape.NEED)
"""Shapes of fields whose name goes on with a skill."""


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
    ("job", "next_step"): Fixable(sees=Right.JOB_READ, decides=Right.JOB_EDIT, required=True),
    ("visit", "duration"): Fixable(sees=Right.JOB_READ, shape=Shape.MINUTES, required=True),
    ("visit", "need"): Fixable(sees=Right.JOB_READ, shape=Shape.NEED),
    ("visit", "new_need"): Fixable(sees=Right.JOB_READ, shape=Shape.SKILL),
    ("technician", "name"): Fixable(sees=Right.PERSON_READ, decides=Right.PERSON_EDIT, required=True),
    ("technician", "phone"): Fixable(sees=Right.PERSON_READ, shape=Shape.PHONE),
    ("technician", "level"): Fixable(
        sees=Right.SKILL_READ, decides=Right.SKILL_CONFIRM, shape=Shape.LEVEL, required=True
    ),
}
ANSWERS: Mapping[str, Right] = {
    "customer": Right.CUSTOMER_EDIT,
    "site": Right.CUSTOMER_EDIT,
    "asset": Right.CUSTOMER_EDIT,
    "job": Right.JOB_EDIT,
    "visit": Right.JOB_EDIT,
    "technician": Right.PERSON_EDIT,
}
"""Who answers for a thing fixes as often as it takes."""

_ROWS: Mapping[str, type[Any]] = {
    "customer": Customer,
    "site": Site,
    "asset": Asset,
    "job": Job,
    "visit": Visit,
    "technician": Technician,
}
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
    """A field as it stands, in the words in which it is edited.

    ``part`` is what a name goes on to say: the skill of ``level:7``. ``decides`` says that the actor settles proposals
    about it, ``at_once`` that what they write is saved and not proposed.
    """

    entity: str
    row_id: int
    name: str
    value: str
    version: int
    fixable: Fixable
    decides: bool
    at_once: bool

    @property
    def kind(self) -> str:
        """The name without its part."""
        return split_name(self.name)[0]

    @property
    def part(self) -> int | None:
        """Which one of several, for a person's level the skill."""
        return split_name(self.name)[1]

    @property
    def decider(self) -> Right:
        """Whoever holds this over the thing settles what others propose."""
        return self.fixable.decides or ANSWERS[self.entity]


def split_name(name: str) -> tuple[str, int | None]:
    """Take a field's name apart: ``level:7`` is the level in skill 7."""
    kind, _, part = name.partition(":")
    fits = part.isascii() and part.isdigit() and len(part) <= 9
    return kind, int(part) if fits else None


def field_of(
    session: Session, *, entity: str, row_id: int, name: str, actor: Actor, now: datetime, lock: bool = False
) -> Field:
    """Return a field for who may see it; raises NotFound for everybody else."""
    kind, part = split_name(name)
    fixable = FIELDS.get((entity, kind))
    if fixable is None or (fixable.shape in PARTED) != (part is not None) or (part is None and name != kind):
        raise NotFound("There is no such field.")
    _require_sight(session, entity, row_id, fixable, actor, now)
    row = session.get(_ROWS[entity], row_id, with_for_update=lock, populate_existing=lock)
    if row is None or (part is not None and session.get(Skill, part) is None):
        raise NotFound("There is no such entry.")
    decides = _reaches(session, entity, row_id, fixable.decides or ANSWERS[entity], actor, now.date())
    return Field(
        entity=entity,
        row_id=row_id,
        name=name,
        value=_value(session, row, name, fixable),
        version=row.version,
        fixable=fixable,
        decides=decides,
        at_once=decides or (fixable.decides is None and _fixes_left(session, actor, now) > 0),
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
    if not found.at_once:
        raise Conflict("This field is changed by who answers for it. Propose what is right.")
    if value.strip() == found.value:
        return found
    changes = parsed(session, found, value)
    if found.value != was:
        raise overtaken(session, found)
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
    elif field.name == "next_step":
        job = session.get_one(Job, field.row_id)
        set_next_step(
            session,
            job_id=job.id,
            next_step=changes["next_step"],
            due_at=job.next_step_due_at or now,  # a closed job has none, and is refused
            waiting=job.state == JobState.WAITING,
            actor=actor,
            now=now,
        )
    elif field.entity == "job":
        change_job(session, job_id=field.row_id, **told)
    elif field.fixable.shape in (Shape.NEED, Shape.SKILL):
        asked = {"skill_id": field.part, **changes}
        touched = change_need(session, visit_id=field.row_id, **asked, actor=actor, now=now)
        look_again(session, touched, actor=actor, now=now)
    elif field.entity == "visit":
        change_visit(session, visit_id=field.row_id, **told)
    elif field.part is None:
        change_technician(session, technician_id=field.row_id, **told)
    else:
        level = float(changes["level"])
        assess_skill(session, technician_id=field.row_id, skill_id=field.part, level=level, actor=actor, now=now)


def parsed(session: Session, field: Field, value: str) -> dict[str, Any]:
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
    if shape is Shape.NEED:
        if text not in need_choices(field.value):
            raise Invalid("Choose what is needed from the list.", field="value")
        return _levels(text)
    if shape is Shape.SKILL:
        return _skill_meant(session, text)
    if shape is Shape.LEVEL:
        if text not in LEVELS:
            raise Invalid(f"Choose a level from {LOWEST_LEVEL} to {HIGHEST_LEVEL}.", field="value")
        return {"level": int(text)}
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
        fixable.decides is None or _reaches(session, entity, row_id, fixable.decides, actor, now.date())
        for fixable in wanted
    )


def need_choices(value: str) -> list[str]:
    """Return what a need can be said to be: levels it must have, or should better have, as it stands, or none."""
    usual = [*(f"must {level}" for level in LEVELS), *(f"better {level}" for level in LEVELS)]
    return [*([value] if value and value not in usual else []), *usual, ""]


def _levels(text: str) -> dict[str, int | None]:
    """Read ``must 3``, ``better 4`` or both."""
    words = text.split()
    said = dict(zip(words[::2], (int(level) for level in words[1::2]), strict=True))
    return {"must_level": said.get("must"), "preferred_level": said.get("better")}


def _skill_meant(session: Session, text: str) -> dict[str, Any]:
    """Find the skill that somebody names, with a level behind it or else that of who works alone."""
    name, _, last = text.rpartition(" ")
    words, level = (name, int(last)) if last in LEVELS and name else (text, ALONE)
    if not words:
        raise Invalid("Write which skill it needs, for example: gas boilers 3.", field="value")
    taxonomy = load_taxonomy(session)
    said = words.casefold()
    exact = [
        node.id
        for node in taxonomy.nodes.values()
        if node.assignable and not node.retired and said in {word.casefold() for word in (node.name, *node.aliases)}
    ]
    if exact:
        return {"skill_id": exact[0], "must_level": level, "preferred_level": None}
    found = suggest_skills(session, taxonomy, words, limit=4)
    if not found:
        raise Invalid("No skill of the catalogue is called like this. Try another word for it.", field="value")
    names = ", ".join(taxonomy.nodes[one.skill_id].name for one in found)
    raise Invalid(f"Which one do you mean: {names}?", field="value")


def _value(session: Session, row: Any, name: str, fixable: Fixable) -> str:
    part = split_name(name)[1]
    if fixable.shape is Shape.SKILL:
        return ""
    if part is None:
        return _text(row, name, fixable)
    return _level(session, row.id, part) if fixable.shape is Shape.LEVEL else _need(session, row.id, part)


def _need(session: Session, visit_id: int, skill_id: int) -> str:
    found = session.execute(
        select(SkillNeed.must_level, SkillNeed.preferred_level)
        .join(CrewSlot, CrewSlot.id == SkillNeed.crew_slot_id)
        .where(CrewSlot.visit_id == visit_id, SkillNeed.skill_id == skill_id)
        .order_by(CrewSlot.position)
    ).first()
    if found is None:
        return ""
    said = (("must", found.must_level), ("better", found.preferred_level))
    return " ".join(f"{word} {level}" for word, level in said if level is not None)


def _level(session: Session, technician_id: int, skill_id: int) -> str:
    known = proficiencies(session, [technician_id], [skill_id])[technician_id].get(skill_id)
    return "" if known is None else str(likely_level(known))


def _fixes_left(session: Session, actor: Actor, now: datetime) -> int:
    made = session.scalar(
        select(func.count()).where(
            AuditEvent.actor_id == actor.user_id,
            AuditEvent.action == "change",
            AuditEvent.entity.in_(_ROWS),
            AuditEvent.at > now - A_DAY,
        )
    )
    return AT_ONCE - (made or 0)


def may_mend_needs(session: Session, visit_id: int, actor: Actor, now: datetime) -> bool:
    """Say whether somebody says what a visit needs: who sees its job does, at whichever visit of it they are."""
    job_id = session.scalar(select(Visit.job_id).where(Visit.id == visit_id))
    try:
        _require_sight(session, "job", job_id or 0, FIELDS["visit", "need"], actor, now)
    except NotFound:
        return False
    return True


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


def overtaken(session: Session, field: Field) -> Overtaken:
    """Return who changed a field last, as the refusal of who comes second."""
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
    if not _reaches(session, entity, row_id, fixable.sees, actor, now.date()) and not _own_work(
        session, entity, row_id, fixable, actor, now
    ):
        raise NotFound("There is no such entry.")


def _reaches(session: Session, entity: str, row_id: int, right: Right, actor: Actor, on: date) -> bool:
    if not actor.reaches_others(right):
        return False
    places = session.scalars(territories_of(entity, row_id, on)).all()
    return any(actor.may(right, place) for place in places) or (not places and entity == "customer")


def territories_of(entity: str, row_id: int, on: date) -> Select[Any]:
    """Select where a thing lies; a customer or a person may in several places, a new customer in none."""
    return {
        "customer": select(Site.territory_id).where(Site.customer_id == row_id),
        "site": select(Site.territory_id).where(Site.id == row_id),
        "asset": select(Site.territory_id).join(Asset, Asset.site_id == Site.id).where(Asset.id == row_id),
        "job": select(Site.territory_id).join(Job, Job.site_id == Site.id).where(Job.id == row_id),
        "visit": select(Visit.territory_id).where(Visit.id == row_id),
        "technician": select(TerritoryMembership.territory_id).where(
            TerritoryMembership.technician_id == row_id, TerritoryMembership.during.contains(on)
        ),
    }[entity]


def _own_work(session: Session, entity: str, row_id: int, fixable: Fixable, actor: Actor, now: datetime) -> bool:
    """Say whether a technician sees the field at a visit of their own."""
    if entity == "technician" or actor.technician_id is None:
        return False
    if not actor.may(fixable.sees, technician_id=actor.technician_id):
        return False
    whose: ColumnElement[bool] = {
        "customer": Job.customer_id,
        "site": Job.site_id,
        "asset": Job.asset_id,
        "job": Job.id,
        "visit": Visit.id,
    }[entity] == row_id
    booked = told_bookings()
    told = booked.c
    mine = (
        select(told.id)
        .join(Visit, Visit.id == told.visit_id)
        .join(Job, Job.id == Visit.job_id)
        .where(told.technician_id == actor.technician_id, told.state.in_(SHOWN_STATES), whose)
    )
    if fixable.private:
        mine = mine.where(
            func.lower(told.during) <= now + PRIVATE_BEFORE, func.upper(told.during) >= now - PRIVATE_AFTER
        )
    return session.scalar(mine.limit(1)) is not None
