"""What the doors and the command line ask about accounts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, selectinload

from dispatch.accounts.access import Actor, Grant, standing
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class Account:
    """One line of the list of people who can sign in."""

    id: int
    email: str
    name: str
    active: bool
    roles: tuple[str, ...]


def grants_of(rows: Iterable[RoleGrant]) -> tuple[Grant, ...]:
    """Return the grants as values of the permission table; the roles must be loaded."""
    return tuple(
        Grant(
            role=row.role.name,
            territory_id=row.territory_id,
            starts_on=row.starts_on,
            ends_on=row.ends_on,
        )
        for row in rows
    )


def actor_for(user: User, *, today: date, channel: str, technician_id: int | None = None) -> Actor:
    """Return who acts, with today's grants; the grants and their roles must be loaded."""
    return Actor(
        user_id=user.id,
        name=user.name,
        grants=standing(grants_of(user.grants), today),
        technician_id=technician_id,
        channel=channel,
    )


def get_user(session: Session, user_id: int) -> User:
    """Return a person with grants and roles loaded."""
    user = session.scalar(
        select(User).where(User.id == user_id).options(selectinload(User.grants).joinedload(RoleGrant.role))
    )
    if user is None:
        raise NotFound("There is no such person.")
    return user


def find_user_by_email(session: Session, email: str) -> User | None:
    """Return the person with an address, whatever its case, with grants and roles loaded."""
    return session.scalar(
        select(User)
        .where(func.lower(User.email) == email.strip().lower())
        .options(selectinload(User.grants).joinedload(RoleGrant.role))
    )


def accounts(session: Session, *, today: date) -> list[Account]:
    """Return everybody who can or could sign in, by name, with the roles that stand today."""
    users = session.scalars(
        select(User).options(selectinload(User.grants).joinedload(RoleGrant.role)).order_by(User.name, User.id)
    )
    return [
        Account(
            id=user.id,
            email=user.email,
            name=user.name,
            active=user.active,
            roles=tuple(sorted({grant.role for grant in standing(grants_of(user.grants), today)})),
        )
        for user in users
    ]


def administrators(session: Session, *, today: date) -> set[int]:
    """Return the active people who are administrators of everything today."""
    return set(
        session.scalars(
            select(RoleGrant.user_id)
            .join(Role, Role.id == RoleGrant.role_id)
            .join(User, User.id == RoleGrant.user_id)
            .where(
                Role.name == RoleName.ADMINISTRATOR.value,
                User.active,
                RoleGrant.territory_id.is_(None),
                RoleGrant.starts_on <= today,
                or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on > today),
            )
        )
    )
