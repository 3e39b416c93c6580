"""What the selections of open things share: the same columns, and whose a person's things are."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, cast, func, literal, or_, select
from sqlalchemy.types import DateTime, Integer, Text

from dispatch.accounts.access import SYSTEM_ROLE, TABLE, Right
from dispatch.accounts.models import Role, RoleGrant, RoleName, User
from dispatch.core.db import Instant
from dispatch.workforce.models import ReportingLine, Technician, Territory, TerritoryMembership

Territories = Collection[int] | None
CONFIRMERS = tuple(role for role, rights in TABLE.items() if Right.SKILL_CONFIRM in rights and role != SYSTEM_ROLE)


def entry(
    kind: Any,
    target: Any,
    title: Any,
    about: Any,
    owner: Any,
    step: Any,
    due: Any,
    zone: Any,
    *,
    territory: Any,
    key: Any = None,
) -> Select[*tuple[Any, ...]]:
    """Select one kind of open thing with the columns that all have; ``key`` where it is not known by its target."""
    return select(
        (literal(kind) if isinstance(kind, str) else kind).label("kind"),
        cast(target, Integer).label("target_id"),
        cast(title, Text).label("title"),
        cast(about, Text).label("about"),
        cast(owner, Integer).label("owner_id"),
        cast(step, Text).label("next_step"),
        cast(due, Instant()).label("due_at"),
        cast(zone, Text).label("zone"),
        cast(target if key is None else key, Integer).label("key_id"),
        cast(territory, Integer).label("territory_id"),
    )


def within(column: Any, reach: Territories) -> ColumnElement[bool]:
    """Tell whether a territory is in reach; None reaches all."""
    return literal(True) if reach is None else column.in_(reach)


def first_territory(column: Any, today: date) -> Any:
    """Return a column of the first territory that a person belongs to."""
    return (
        select(column)
        .join(TerritoryMembership, TerritoryMembership.territory_id == Territory.id)
        .where(TerritoryMembership.technician_id == Technician.id, TerritoryMembership.during.contains(today))
        .order_by(Territory.id)
        .limit(1)
        .correlate(Technician)
        .scalar_subquery()
    )


def zone_of_person(today: date) -> Any:
    """Return the time zone of a person's territory."""
    return func.coalesce(first_territory(Territory.zone, today), literal("UTC"))


def manager_of_person(today: date) -> Any:
    """Whom a person reports to, else who answers for their territory, else an administrator."""
    return func.coalesce(_line_of_person(today), first_territory(Territory.owner_id, today), an_administrator())


def confirmer_of_person(today: date) -> Any:
    """Whom a person reports to, else who may confirm what people of their territory say; an entry must be doable."""
    able = (
        select(func.min(RoleGrant.user_id))
        .join(Role, Role.id == RoleGrant.role_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(
            Role.name.in_(CONFIRMERS),
            User.active,
            RoleGrant.starts_on <= today,
            or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on > today),
            or_(RoleGrant.territory_id.is_(None), RoleGrant.territory_id == first_territory(Territory.id, today)),
        )
        .correlate(Technician)
        .scalar_subquery()
    )
    return func.coalesce(_line_of_person(today), able, first_territory(Territory.owner_id, today), an_administrator())


def _line_of_person(today: date) -> Any:
    return (
        select(ReportingLine.manager_id)
        .where(ReportingLine.technician_id == Technician.id, ReportingLine.during.contains(today))
        .limit(1)
        .correlate(Technician)
        .scalar_subquery()
    )


def an_administrator() -> Any:
    """Return somebody who sees to what has nobody."""
    return (
        select(func.min(RoleGrant.user_id))
        .join(Role, Role.id == RoleGrant.role_id)
        .join(User, User.id == RoleGrant.user_id)
        .where(Role.name == RoleName.ADMINISTRATOR.value, User.active)
        .scalar_subquery()
    )


def start_of(day: Any) -> Any:
    """Return the beginning of a day as an instant, in UTC."""
    return func.timezone("UTC", cast(day, DateTime()))
