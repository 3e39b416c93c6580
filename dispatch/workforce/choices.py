"""What a form offers: territories and technicians in reach."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.workforce.models import Technician, Territory, TerritoryMembership


def territory_choices(session: Session, *, reach: Collection[int] | None) -> list[tuple[int, str]]:
    """Return territories as (id, name), all of them where ``reach`` is None."""
    found = select(Territory.id, Territory.name).where(Territory.retired_at.is_(None)).order_by(Territory.name)
    if reach is not None:
        found = found.where(Territory.id.in_(reach))
    return [(row.id, row.name) for row in session.execute(found)]


def technician_choices(session: Session, *, reach: Collection[int] | None, on: date) -> list[tuple[int, str]]:
    """Return technicians who work in the territories on a day as (id, name), by name."""
    found = select(Technician.id, Technician.name).where(Technician.retired_at.is_(None))
    if reach is not None:
        members = select(TerritoryMembership.technician_id).where(
            TerritoryMembership.territory_id.in_(reach), TerritoryMembership.during.contains(on)
        )
        found = found.where(Technician.id.in_(members))
    return sorted(((row.id, row.name) for row in session.execute(found)), key=lambda choice: choice[1].casefold())


def territories_in_reach(session: Session, reach: Collection[int] | None) -> Sequence[Territory]:
    """Return territories by name, all of them where ``reach`` is None."""
    found = select(Territory).where(Territory.retired_at.is_(None)).order_by(Territory.name)
    if reach is not None:
        found = found.where(Territory.id.in_(reach))
    return session.scalars(found).all()


def zone_of_territory(session: Session, territory_id: int | None) -> str:
    """Return a territory's time zone; UTC where there is none."""
    zone = None if territory_id is None else session.scalar(select(Territory.zone).where(Territory.id == territory_id))
    return zone or "UTC"
