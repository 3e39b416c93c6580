"""Finds jobs, customers, sites, equipment, people and skills by words, a number, or a name not quite spelled so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from dispatch.core.like import containing
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Asset, Customer, Job, Site, Visit
from dispatch.jobs.queries import Territories
from dispatch.skills.models import Skill, SkillAlias
from dispatch.workforce.models import Partner, Technician, TerritoryMembership

EACH = 6
"""Hits of one kind that are shown."""

MOST_WORDS = 8
FEWEST_DIGITS = 5
"""From so many digits on, words without letters are a telephone number."""

LOOKED_BACK = 200
"""Lines of one person's log that are looked at for what they worked on last."""

SAME_ENDING = 8
"""Digits at the end of a telephone number that have to agree: the rest depends on where one calls from."""

CLOSE_FROM = 4
CLOSE_SCORE = 78.0
"""Names at least as alike as this, of 100, stand in for words that nothing holds."""


class Kind(StrEnum):
    """What can be found, in the order in which it is shown."""

    JOB = "job"
    CUSTOMER = "customer"
    SITE = "site"
    ASSET = "asset"
    PERSON = "person"
    SKILL = "skill"


# Sites are found as their customers, which the log does not tell of a site.
_CHANGED = {"job": Kind.JOB, "visit": Kind.JOB, "customer": Kind.CUSTOMER, "technician": Kind.PERSON}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One thing found: what it is called, and a few words to tell it from its like."""

    kind: Kind
    id: int
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hits of a question.

    ``close`` says that nothing holds the words and these are names like them, ``more`` of which kinds there are more.
    """

    hits: tuple[Hit, ...]
    close: bool = False
    more: frozenset[Kind] = frozenset()

    def of(self, kind: Kind) -> list[Hit]:
        """Return the hits of one kind."""
        return [hit for hit in self.hits if hit.kind is kind]


def recent(session: Session, user_id: int) -> dict[Kind, list[int]]:
    """Return what somebody changed last, the latest first: one statement over their latest lines of the log."""
    latest = (
        select(AuditEvent.seq, AuditEvent.entity, AuditEvent.entity_id)
        .where(AuditEvent.actor_id == user_id)
        .order_by(AuditEvent.seq.desc())
        .limit(LOOKED_BACK)
        .subquery()
    )
    rows = session.execute(
        select(latest.c.entity, latest.c.entity_id, Visit.job_id)
        .outerjoin(Visit, Visit.id == case((latest.c.entity == "visit", cast(latest.c.entity_id, Integer))))
        .where(latest.c.entity.in_(_CHANGED))
        .order_by(latest.c.seq.desc())
    )
    found: dict[Kind, list[int]] = {}
    for row in rows:
        number = row.job_id or row.entity_id
        known = found.setdefault(_CHANGED[row.entity], [])
        if str(number).isdecimal() and int(number) not in known and len(known) < EACH:
            known.append(int(number))
    return found


def search(
    session: Session,
    text: str,
    *,
    reach: Mapping[Kind, Territories],
    on: date,
    lately: Mapping[Kind, Sequence[int]] | None = None,
) -> Found:
    """Return what holds all the words, at most six of each kind in ``reach``; one or two statements a kind.

    What is in ``lately`` stands first; without any words it is all that is found.

    A number with or without # is a job's; one of five digits or more also is somebody's telephone. Where nothing holds
    the words, names spelled like them are found.
    """
    words, lately = text.split()[:MOST_WORDS], lately or {}
    if not words:
        own = {kind: _source(kind, reach[kind], on) for kind in lately if kind in reach}
        return Found(hits=tuple(hit for kind in own for hit in _these(session, kind, own[kind], lately[kind])))
    sources = {kind: _source(kind, territories, on) for kind, territories in reach.items()}
    holding = {
        kind: _holding(session, kind, sources[kind], words, lately.get(kind, ())) for kind in Kind if kind in sources
    }
    hits = tuple(hit for found in holding.values() for hit in found[:EACH])
    if hits or len(text.strip()) < CLOSE_FROM or not any(sign.isalpha() for sign in text):
        return Found(hits=hits, more=frozenset(kind for kind, found in holding.items() if len(found) > EACH))
    return Found(hits=tuple(_alike(session, text, sources)), close=True)


def names_alike(session: Session, text: str, kind: Kind, *, reach: Territories, on: date) -> list[Hit]:
    """Return what of one kind is called almost so: for a list that found nothing."""
    return _alike(session, text, {kind: _source(kind, reach, on)}) if len(text.strip()) >= CLOSE_FROM else []


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where one kind is looked for: ``base`` selects id, title and detail."""

    base: Select[*tuple[Any, ...]]
    words: ColumnElement[str]
    order: Sequence[Any]
    phone: SQLColumnExpression[str | None] | None = None
    number: SQLColumnExpression[int] | None = None


def _source(kind: Kind, territories: Territories, on: date) -> _Source:
    match kind:
        case Kind.JOB:
            return _jobs(territories)
        case Kind.CUSTOMER:
            return _customers(territories)
        case Kind.SITE:
            return _sites(territories)
        case Kind.ASSET:
            return _assets(territories)
        case Kind.PERSON:
            return _people(territories, on)
        case Kind.SKILL:
            return _skills()


def _jobs(territories: Territories) -> _Source:
    base = select(Job.id, Job.title.label("title"), (Customer.name + ", " + Site.name).label("detail"))
    base = base.join(Job.site).join(Job.customer)
    if territories is not None:
        base = base.where(Site.territory_id.in_(territories))
    words = func.concat_ws(" ", Job.title, Customer.name, Site.name, Site.address)
    order = (Job.closed_at.desc().nulls_first(), Job.id.desc())
    return _Source(base=base, words=words, order=order, number=Job.id)


def _customers(territories: Territories) -> _Source:
    detail = func.concat_ws(", ", Customer.contact_name, Customer.phone).label("detail")
    base = select(Customer.id, Customer.name.label("title"), detail).where(Customer.retired_at.is_(None))
    if territories is not None:
        own = select(Site.id).where(Site.customer_id == Customer.id)
        base = base.where(or_(exists(own.where(Site.territory_id.in_(territories))), ~exists(own)))
    words = func.concat_ws(" ", Customer.name, Customer.contact_name)
    return _Source(base=base, words=words, order=(func.lower(Customer.name),), phone=Customer.phone)


def _sites(territories: Territories) -> _Source:
    base = select(
        Site.customer_id.label("id"), Site.name.label("title"), (Customer.name + ", " + Site.address).label("detail")
    )
    base = base.join(Site.customer).where(Site.retired_at.is_(None))
    if territories is not None:
        base = base.where(Site.territory_id.in_(territories))
    words = func.concat_ws(" ", Site.name, Site.address)
    return _Source(base=base, words=words, order=(func.lower(Site.name), Site.id))


def _assets(territories: Territories) -> _Source:
    detail = func.concat_ws(", ", Asset.model, Customer.name, Site.name).label("detail")
    base = select(Site.customer_id.label("id"), Asset.name.label("title"), detail)
    base = base.join(Site, Site.id == Asset.site_id).join(Site.customer)
    base = base.where(Asset.retired_at.is_(None), Site.retired_at.is_(None))
    if territories is not None:
        base = base.where(Site.territory_id.in_(territories))
    words = func.concat_ws(" ", Asset.name, Asset.model, Asset.serial, Customer.name)
    return _Source(base=base, words=words, order=(func.lower(Asset.name), Asset.id))


def _people(territories: Territories, on: date) -> _Source:
    detail = func.concat_ws(", ", Partner.name, Technician.phone).label("detail")
    base = select(Technician.id, Technician.name.label("title"), detail).outerjoin(
        Partner, Partner.id == Technician.partner_id
    )
    base = base.where(Technician.retired_at.is_(None))
    if territories is not None:
        member = and_(
            TerritoryMembership.technician_id == Technician.id,
            TerritoryMembership.during.contains(on),
            TerritoryMembership.territory_id.in_(territories),
        )
        base = base.where(exists(select(TerritoryMembership.id).where(member)))
    words = func.concat_ws(" ", Technician.name, Partner.name)
    return _Source(base=base, words=words, order=(func.lower(Technician.name),), phone=Technician.phone)


def _skills() -> _Source:
    aliases = (
        select(func.string_agg(SkillAlias.alias, literal(", ")))
        .where(SkillAlias.skill_id == Skill.id)
        .correlate(Skill)
        .scalar_subquery()
    )
    base = select(Skill.id, Skill.name.label("title"), func.coalesce(aliases, "").label("detail"))
    base = base.where(Skill.retired_at.is_(None), Skill.assignable)
    return _Source(base=base, words=func.concat_ws(" ", Skill.name, aliases), order=(func.lower(Skill.name),))


def _these(session: Session, kind: Kind, source: _Source, ids: Sequence[int]) -> list[Hit]:
    """Return things by their ids, in that order; what is gone or out of reach is left out."""
    rows = {row.id: row for row in session.execute(source.base.where(source.base.selected_columns.id.in_(ids)))}
    return [_hit(kind, rows[number]) for number in ids if number in rows]


def _holding(session: Session, kind: Kind, source: _Source, words: Sequence[str], lately: Sequence[int]) -> list[Hit]:
    """Find what holds every word, or is called by the number: one more than is shown, if there is."""
    own = source.base.selected_columns.id
    order = [own.in_(lately).desc(), *source.order] if lately else list(source.order)
    asked = [and_(*(source.words.ilike(containing(word)) for word in words))]
    typed = "".join(words).lstrip("#")
    digits = "".join(sign for sign in typed if sign.isdigit())
    if source.number is not None and typed.isascii() and typed.isdigit() and len(typed) <= 9:
        called = source.number == cast(int(typed), Integer)
        asked.append(called)
        order.insert(0, called.desc())
    if source.phone is not None and len(digits) >= FEWEST_DIGITS and not any(sign.isalpha() for sign in typed):
        held = func.regexp_replace(source.phone, r"\D", "", "g", type_=String)
        asked.append(held.like(f"%{digits[-SAME_ENDING:]}"))
    rows = session.execute(source.base.where(or_(*asked)).order_by(*order).limit(EACH + 1))
    return [_hit(kind, row) for row in rows]


def _alike(session: Session, text: str, sources: Mapping[Kind, _Source]) -> list[Hit]:
    """Find names like the words, the likest first; jobs have no names of their own to be like.

    Each name is compared once: a thousand machines share a few names, and only what is shown is read whole.
    """
    from rapidfuzz import fuzz, process, utils

    names = [
        (kind, name)
        for kind, source in sources.items()
        if kind is not Kind.JOB
        for name in session.scalars(_names_of(source))
    ]
    likest = process.extract(
        text,
        [name for _, name in names],
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        score_cutoff=CLOSE_SCORE,
        limit=2 * EACH,
    )
    chosen = [names[index] for _, _, index in likest]
    rows: dict[tuple[Kind, str], list[Any]] = {}
    for kind in {kind for kind, _ in chosen}:
        base, called = sources[kind].base, [name for of, name in chosen if of is kind]
        title = base.selected_columns.title
        for name in called:
            found = session.execute(base.where(title == name).order_by(*sources[kind].order).limit(2 * EACH))
            rows[kind, name] = list(found)
    return [_hit(kind, row) for kind, name in chosen for row in rows[kind, name]][: 2 * EACH]


def _names_of(source: _Source) -> Select[str]:
    title = source.base.selected_columns.title
    return source.base.with_only_columns(title).distinct().order_by(title)


def _hit(kind: Kind, row: Any) -> Hit:
    return Hit(kind=kind, id=row.id, title=row.title, detail=row.detail or "")
