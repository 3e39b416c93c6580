"""Use cases on customers, sites and assets. Small fixes are done at once by whoever sees them; the log tells who."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.accounts.changes import apply_changes
from dispatch.core.audit import Change, record
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.jobs.lifecycle import CLOSED_STATES
from dispatch.jobs.models import Asset, Customer, CustomerPerson, Job, PersonLinkKind, Site
from dispatch.workforce.models import Territory

CUSTOMER_FIELDS = ("name", "contact_name", "phone", "email", "preferred_channel", "care_note")
SITE_FIELDS = ("name", "address", "lat", "lon", "gate_code", "parking", "hazards", "criticality", "territory_id")
ASSET_FIELDS = ("name", "model", "serial", "purpose", "installed_on")


@dataclass(frozen=True, kw_only=True)
class SiteDraft:
    """A new place of work."""

    customer_id: int
    territory_id: int
    name: str
    address: str
    lat: float | None = None
    lon: float | None = None
    gate_code: str | None = None
    parking: str | None = None
    hazards: str | None = None


def add_customer(
    session: Session,
    *,
    name: str,
    actor: Actor,
    now: datetime,
    contact_name: str | None = None,
    phone: str | None = None,
    email: str | None = None,
    preferred_channel: str = "call",
    care_note: str | None = None,
) -> Customer:
    """Add a customer."""
    if not name.strip():
        raise Invalid("Give the customer's name.", field="name")
    customer = Customer(
        name=name.strip(),
        contact_name=contact_name,
        phone=phone,
        email=email,
        preferred_channel=preferred_channel,
        care_note=care_note,
    )
    session.add(customer)
    session.flush()
    _note_added(session, "customer", customer.id, {"name": customer.name}, None, actor, now)
    return customer


def change_customer(
    session: Session, *, customer_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Customer:
    """Change a customer's fields."""
    customer = get_customer(session, customer_id)
    if "name" in changes and not str(changes["name"]).strip():
        raise Invalid("Give the customer's name.", field="name")
    apply_changes(session, customer, version=version, changes=changes, allowed=CUSTOMER_FIELDS, actor=actor, now=now)
    session.flush()
    return customer


def add_site(session: Session, draft: SiteDraft, *, actor: Actor, now: datetime) -> Site:
    """Add a site to a customer."""
    get_customer(session, draft.customer_id)
    if not draft.name.strip():
        raise Invalid("Give the site a name people use.", field="name")
    if not draft.address.strip():
        raise Invalid("Give the address.", field="address")
    _check_place(draft.lat, draft.lon)
    _check_territory(session, draft.territory_id)
    site = Site(**vars(draft))
    session.add(site)
    session.flush()
    _note_added(session, "site", site.id, {"name": site.name}, site.territory_id, actor, now)
    return site


def change_site(
    session: Session, *, site_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Site:
    """Change a site's fields: gate code, parking, hazards, pin on the map and so on."""
    site = get_site(session, site_id)
    _check_place(changes.get("lat", site.lat), changes.get("lon", site.lon))
    if "address" in changes and not str(changes["address"]).strip():
        raise Invalid("Give the address.", field="address")
    if "territory_id" in changes:
        _check_territory(session, changes["territory_id"])
    apply_changes(session, site, version=version, changes=changes, allowed=SITE_FIELDS, actor=actor, now=now)
    session.flush()
    return site


def add_asset(session: Session, *, site_id: int, name: str, actor: Actor, now: datetime, **details: Any) -> Asset:
    """Add something that is looked after at a site; ``details`` are model, serial, purpose, installed_on."""
    site = get_site(session, site_id)
    if not name.strip():
        raise Invalid("Give the equipment a name.", field="name")
    unknown = set(details) - set(ASSET_FIELDS)
    if unknown:
        raise Invalid(f"Unknown fields: {', '.join(sorted(unknown))}.")
    asset = Asset(site_id=site.id, name=name.strip(), **details)
    session.add(asset)
    session.flush()
    _note_added(session, "asset", asset.id, {"name": asset.name, "site_id": site.id}, site.territory_id, actor, now)
    return asset


def change_asset(
    session: Session, *, asset_id: int, version: int, changes: Mapping[str, Any], actor: Actor, now: datetime
) -> Asset:
    """Change what is known of a piece of equipment."""
    asset = session.get(Asset, asset_id)
    if asset is None:
        raise NotFound("There is no such equipment.")
    apply_changes(session, asset, version=version, changes=changes, allowed=ASSET_FIELDS, actor=actor, now=now)
    session.flush()
    return asset


def link_person(
    session: Session,
    *,
    customer_id: int,
    technician_id: int,
    kind: PersonLinkKind,
    actor: Actor,
    now: datetime,
    site_id: int | None = None,
    note: str | None = None,
) -> CustomerPerson:
    """Record that a customer prefers, requires, excludes or knows a technician."""
    get_customer(session, customer_id)
    opposite = {PersonLinkKind.EXCLUDED} if kind != PersonLinkKind.EXCLUDED else set(PersonLinkKind) - {kind}
    clash = session.scalar(
        select(CustomerPerson.kind).where(
            CustomerPerson.customer_id == customer_id,
            CustomerPerson.technician_id == technician_id,
            CustomerPerson.site_id.is_not_distinct_from(site_id),
            CustomerPerson.kind.in_(opposite - {PersonLinkKind.KNOWN}),
        )
    )
    if clash is not None:
        raise Conflict(f"This person is already marked as {clash.value} here. Remove that first.")
    link = session.scalar(
        select(CustomerPerson).where(
            CustomerPerson.customer_id == customer_id,
            CustomerPerson.technician_id == technician_id,
            CustomerPerson.site_id.is_not_distinct_from(site_id),
            CustomerPerson.kind == kind,
        )
    )
    if link is not None:
        link.note = note
        session.flush()
        return link
    link = CustomerPerson(
        customer_id=customer_id, technician_id=technician_id, site_id=site_id, kind=kind, note=note, since=now.date()
    )
    session.add(link)
    session.flush()
    _note_added(
        session, "customer_person", link.id, {"kind": kind.value, "technician_id": technician_id}, None, actor, now
    )
    return link


def unlink_person(session: Session, *, link_id: int, actor: Actor, now: datetime) -> None:
    """Forget what was recorded between a customer and a technician; the log keeps that it was there."""
    link = session.get(CustomerPerson, link_id)
    if link is None:
        raise NotFound("There is no such wish.")
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="remove",
            entity="customer_person",
            entity_id=str(link.id),
            before={"kind": link.kind.value, "technician_id": link.technician_id, "customer_id": link.customer_id},
        ),
    )
    session.delete(link)
    session.flush()


def retire_customer(session: Session, *, customer_id: int, version: int, actor: Actor, now: datetime) -> Customer:
    """Take a customer off the lists; history stays. Refused while jobs are open."""
    customer = get_customer(session, customer_id)
    waiting = session.scalar(
        select(Job.title).where(Job.customer_id == customer_id, Job.state.not_in(CLOSED_STATES)).limit(1)
    )
    if waiting is not None:
        raise Conflict(f"“{waiting}” is still open for this customer. Close or cancel it first.")
    apply_changes(
        session, customer, version=version, changes={"retired_at": now}, allowed={"retired_at"}, actor=actor, now=now
    )
    session.flush()
    return customer


def get_customer(session: Session, customer_id: int) -> Customer:
    """Return a customer; raises NotFound."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer


def get_site(session: Session, site_id: int) -> Site:
    """Return a site; raises NotFound."""
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("There is no such site.")
    return site


def _check_place(lat: float | None, lon: float | None) -> None:
    if (lat is None) != (lon is None):
        raise Invalid("Give both latitude and longitude, or neither.", field="lat")
    if lat is None or lon is None:
        return
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise Invalid("Latitude goes from -90 to 90, longitude from -180 to 180.", field="lat")
    if lat == 0 and lon == 0:
        raise Invalid("0, 0 lies in the Atlantic. Leave both empty when the place is not known yet.", field="lat")


def _check_territory(session: Session, territory_id: int) -> None:
    if session.scalar(select(Territory.id).where(Territory.id == territory_id, Territory.retired_at.is_(None))) is None:
        raise Invalid("Choose a territory from the list.", field="territory_id")


def _note_added(
    session: Session,
    entity: str,
    row_id: int,
    after: dict[str, Any],
    territory_id: int | None,
    actor: Actor,
    now: datetime,
) -> None:
    record(
        session,
        Change(
            at=now,
            actor_id=actor.user_id,
            action="add",
            entity=entity,
            entity_id=str(row_id),
            entity_version=1,
            territory_id=territory_id,
            after=after,
        ),
    )
