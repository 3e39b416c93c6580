"""Who a browser belongs to: one statement reads the person, today's grants and the technician they are."""

from datetime import datetime

from flask_security import current_user
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import joinedload

from dispatch.accounts.access import Actor
from dispatch.accounts.models import RoleGrant, User
from dispatch.accounts.queries import actor_for
from dispatch.web.context import db, moment
from dispatch.workforce.models import Technician


def load_actor() -> Actor | None:
    """Return who is signed in, or None; rights taken away count from this request on."""
    if not current_user.is_authenticated:
        return None
    user, technician_id = current_user.row, current_user.technician_id
    return actor_for(user, today=moment().date(), channel="web", technician_id=technician_id)


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
