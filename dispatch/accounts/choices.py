"""Who can be chosen as the owner of something."""

from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Right, holders
from dispatch.accounts.models import Role, RoleGrant, User


def people_who_may(session: Session, right: Right, *, territory_id: int, on: date) -> list[tuple[int, str]]:
    """Return (id, name) of active people whose role holds a right in a territory on a day, by name."""
    rows = session.execute(
        select(User.id, User.name)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .join(Role, Role.id == RoleGrant.role_id)
        .where(
            User.active,
            Role.name.in_(holders(right)),
            or_(RoleGrant.territory_id.is_(None), RoleGrant.territory_id == territory_id),
            RoleGrant.starts_on <= on,
            or_(RoleGrant.ends_on.is_(None), RoleGrant.ends_on > on),
        )
        .distinct()
    )
    return sorted(((row.id, row.name) for row in rows), key=lambda choice: choice[1].casefold())
