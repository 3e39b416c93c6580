"""Who a browser belongs to: one statement reads the person, today's grants and the technician they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flask import has_request_context
from flask_security import current_user
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from dispatch.accounts.access import Actor
from dispatch.accounts.models import Density, RoleGrant, User
from dispatch.accounts.queries import actor_for
from dispatch.web.context import db, moment
from dispatch.workforce.models import Technician


def load_actor() -> Actor | None:
    """Return who is signed in, or None; rights taken away count from this request on."""
    if not current_user.is_authenticated:
        return None
    user, technician_id = current_user.row, current_user.technician_id
    return actor_for(user, today=moment().date(), channel="web", technician_id=technician_id)


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """How somebody likes the pages; the usual for visitors."""

    density: str = Density.COMFORTABLE.value
    single_keys: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)


def preferences() -> Preferences:
    """Return how the person signed in likes the pages; their row is read already."""
    if not has_request_context() or not current_user.is_authenticated:
        return Preferences()
    row = current_user.row
    return Preferences(density=row.density.value, single_keys=row.single_keys, keys=row.keys)


def last_looked_at() -> datetime | None:
    """Return when the person signed in last read what changed."""
    looked: datetime | None = current_user.row.last_looked_at
    return looked


def find_person(criterion: ColumnElement[bool]) -> tuple[User, int | None] | None:
    """Return the person a condition names, with grants and roles loaded, and the technician they are."""
    statement = (
        select(User, Technician.id)
        .outerjoin(Technician, (Technician.user_id == User.id) & Technician.retired_at.is_(None))
        .where(criterion)
        .options(joinedload(User.grants).joinedload(RoleGrant.role))
    )
    found = db().execute(statement).unique().one_or_none()
    return None if found is None else (found[0], found[1])
