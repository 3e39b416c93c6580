"""Everything that is still open, in one list: each with who sees to it, the next step and a due time.

Jobs, contested facts, certificates to confirm, certificates that end, papers that partners owe, calls to make and
messages that could not be sent. An entry leaves the list only when the thing itself is done, handed on or closed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, func, or_, select, union_all
from sqlalchemy.orm import Session

from dispatch.accounts.access import SYSTEM, Actor
from dispatch.accounts.models import User
from dispatch.core.errors import NotFound
from dispatch.jobs.models import Job
from dispatch.jobs.queries import PAGE_SIZE, Listing
from dispatch.planning.loose_end_kinds import parts
from dispatch.planning.models import LooseEndCare
from dispatch.planning.policy import read_rules
from dispatch.planning.snapshot import active_policy

ENDS_WITHIN = timedelta(days=60)
STILL_NAMED = timedelta(days=60)
CONFIRM_WITHIN = timedelta(days=3)
Territories = Collection[int] | None


@dataclass(frozen=True, kw_only=True)
class LooseEnd:
    """One open thing. ``kind`` and ``target_id`` say what to open to do it, with ``key_id`` it is named."""

    kind: str
    target_id: int
    title: str
    about: str
    owner_id: int | None
    owner: str
    next_step: str
    due_at: datetime
    zone: str
    key_id: int
    territory_id: int | None
    put_off: int
    overdue: bool


def loose_ends(
    session: Session,
    *,
    actor: Actor,
    now: datetime,
    owner_id: int | None = None,
    by_person: bool = False,
    page: int = 1,
) -> Listing[LooseEnd]:
    """Return what is open in the actor's reach, overdue first; with ``owner_id`` only what that person sees to."""
    entries = _open(session, actor, now)
    wanted: list[ColumnElement[bool]] = [] if owner_id is None else [entries.c.owner_id == owner_id]
    total = session.scalar(select(func.count()).select_from(entries).where(*wanted)) or 0
    order = (entries.c.due_at, entries.c.kind, entries.c.target_id)
    rows = session.execute(
        _with_owner(entries)
        .where(*wanted)
        .order_by(*((func.lower(User.name), *order) if by_person else order))
        .limit(PAGE_SIZE)
        .offset((max(page, 1) - 1) * PAGE_SIZE)
    ).mappings()
    return Listing(
        rows=[LooseEnd(**row, overdue=row["due_at"] < now) for row in rows],
        total=total,
        page=page,
    )


def get_loose_end(session: Session, *, kind: str, key_id: int, actor: Actor, now: datetime) -> LooseEnd:
    """Return one open thing in the actor's reach; raises NotFound when it is not open, or not theirs to see."""
    entries = _open(session, actor, now)
    row = session.execute(_with_owner(entries).where(entries.c.kind == kind, entries.c.key_id == key_id)).first()
    if row is None:
        raise NotFound("This is not open any more, or it is not within your reach.")
    return LooseEnd(**row._mapping, overdue=row.due_at < now)


def oldest_closed_today(session: Session, *, owner_id: int, since: datetime, now: datetime) -> timedelta | None:
    """Return how long the oldest of one's jobs had been open that was closed today; None when none was."""
    row = session.execute(
        select(Job.created_at, Job.closed_at)
        .where(Job.owner_id == owner_id, Job.closed_at >= since, Job.closed_at <= now)
        .order_by((Job.closed_at - Job.created_at).desc())
        .limit(1)
    ).first()
    return None if row is None else row.closed_at - row.created_at


def _open(session: Session, actor: Actor, now: datetime) -> Subquery:
    """Select what is open, with the owner and due time that people decided on where the thing keeps none itself."""
    rules = read_rules(active_policy(session).rules)
    found = union_all(*parts(actor, now, rules)).subquery("found")
    care = and_(LooseEndCare.kind == found.c.kind, LooseEndCare.key_id == found.c.key_id)
    decided = ("owner_id", "due_at")
    return (
        select(
            *(column for column in found.c if column.key not in decided),
            *(func.coalesce(getattr(LooseEndCare, name), found.c[name]).label(name) for name in decided),
            func.coalesce(LooseEndCare.put_off, 0).label("put_off"),
        )
        .outerjoin(LooseEndCare, care)
        .where(LooseEndCare.closed_at.is_(None))
        .subquery("entries")
    )


def _with_owner(entries: Subquery) -> Select[*tuple[Any, ...]]:
    return select(entries, func.coalesce(User.name, "Extramile").label("owner")).outerjoin(
        User, User.id == entries.c.owner_id
    )


def orphans(session: Session, *, now: datetime) -> int:
    """Count what is open without an owner who can sign in, a next step or a due time: it must be nothing."""
    entries = _open(session, SYSTEM, now)
    active = select(User.id).where(User.active)
    return (
        session.scalar(
            select(func.count())
            .select_from(entries)
            .where(
                or_(
                    entries.c.owner_id.is_(None),
                    entries.c.owner_id.not_in(active),
                    func.coalesce(func.trim(entries.c.next_step), "") == "",
                    entries.c.due_at.is_(None),
                )
            )
        )
        or 0
    )
