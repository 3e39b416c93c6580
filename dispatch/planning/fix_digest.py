"""What others mended of the things one answers for: a list on the page, and once a day, in one's own morning, a mail.

Never a mail per fix. How far somebody was told is kept, so that a worker that dies in between tells nothing twice
without a sign: a repeated mail carries the same number.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Text, and_, cast, or_, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.core.clock import in_zone, local_day
from dispatch.core.models import AuditEvent
from dispatch.jobs.models import Asset, Job, Site, Visit
from dispatch.planning.changelog import KEPT_VALUES, Thing, things_named
from dispatch.planning.models import FixDigest
from dispatch.workforce.models import Technician, Territory, TerritoryMembership

FROM_HOUR = 7
MOST = 100
FIRST_LOOKS_BACK = timedelta(days=1)
MENDED = ("change", "replace_needs")
QUIET = frozenset({"lat", "lon", "state", "next_step_due_at", "owner_id", "crew"})  # no words of their own


@dataclass(frozen=True, kw_only=True)
class Mended:
    """One thing that somebody else mended: which, what it says now, who, when, and the number of its line."""

    seq: int
    at: datetime
    who: str
    entity: str
    entity_id: str
    about: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A day's digest for one person."""

    user_id: int
    to: str
    title: str
    body: str
    key: uuid.UUID


def mended_for(
    session: Session, owner_id: int, *, now: datetime, after: int = 0, since: datetime | None = None
) -> list[Mended]:
    """Return what others mended of somebody's jobs, and of what lies in territories they answer for; latest first."""
    rows = session.execute(
        select(AuditEvent, User.name)
        .join(User, User.id == AuditEvent.actor_id)
        .where(
            AuditEvent.action.in_(MENDED),
            AuditEvent.actor_id != owner_id,
            AuditEvent.seq > after,
            *([] if since is None else [AuditEvent.at >= since]),
            _owned_by(owner_id, now.date()),
        )
        .order_by(AuditEvent.seq.desc())
        .limit(MOST)
    ).all()
    wanted: dict[str, set[str]] = {}
    for event, _name in rows:
        wanted.setdefault(event.entity, set()).add(event.entity_id)
    names = things_named(session, wanted)
    return [_mended(event, name, names) for event, name in rows]


def send_digests(session: Session, send: Callable[[Letter], None], *, public_url: str, now: datetime) -> int:
    """Tell everybody whose morning it is what was mended since they were told last; returns how many were."""
    sent = 0
    zones: dict[int, str] = {}
    owners = select(Territory.owner_id, Territory.zone).where(Territory.retired_at.is_(None)).order_by(Territory.id)
    for owner_id, zone in session.execute(owners):
        if owner_id is not None:
            zones.setdefault(owner_id, zone)
    for owner_id in session.scalars(select(Job.owner_id).where(Job.closed_at.is_(None)).distinct()):
        if owner_id is not None:
            zones.setdefault(owner_id, "UTC")
    people = select(User.id, User.email).where(User.id.in_(zones), User.active).order_by(User.id)
    for user_id, email in session.execute(people).all():
        zone = zones[user_id]
        mark = session.get(FixDigest, user_id, with_for_update=True)
        told_today = mark is not None and local_day(mark.sent_at, zone) >= local_day(now, zone)
        if told_today or now.astimezone(ZoneInfo(zone)).hour < FROM_HOUR:
            continue
        since = None if mark else now - FIRST_LOOKS_BACK
        lines = mended_for(session, user_id, now=now, after=mark.seq if mark else 0, since=since)
        if not lines:
            continue
        send(_letter(user_id, email, lines, zone, public_url))
        if mark is None:
            session.add(FixDigest(user_id=user_id, seq=lines[0].seq, sent_at=now))
        else:
            mark.seq, mark.sent_at = lines[0].seq, now
        session.flush()
        sent += 1
    return sent


def _letter(user_id: int, email: str, lines: list[Mended], zone: str, public_url: str) -> Letter:
    told = [f"{in_zone(one.at, zone):%a %H:%M} {one.who}: {one.about}: {one.what}" for one in lines]
    more = [f"These are the latest {MOST}; the rest is in the history."] if len(lines) == MOST else []
    return Letter(
        user_id=user_id,
        to=email,
        title=f"Mended by others: {len(lines)}",
        body="\n".join(
            [*told, *more, "", f"Each can be looked up, and taken back, in the history: {public_url}/audit", ""]
        ),
        key=uuid.uuid5(uuid.NAMESPACE_URL, f"{public_url}/digest/{user_id}/{lines[0].seq}"),
    )


def _mended(event: AuditEvent, who: str, names: dict[Thing, str]) -> Mended:
    before, after = event.before or {}, event.after or {}
    parts = []
    for key, value in after.items():
        if key in QUIET:
            continue
        word = key.removesuffix("_s").replace("_", " ")
        if key in KEPT_VALUES:
            parts.append(f"{word} changed")
        else:
            parts.append(f"{word} “{_short(key, before.get(key))}” → “{_short(key, value)}”")
    if "lat" in after:
        parts.append("place on the map moved")
    if "crew" in after:
        parts.append("what it needs changed")
    return Mended(
        seq=event.seq,
        at=event.at,
        who=who,
        entity=event.entity,
        entity_id=event.entity_id,
        about=names.get((event.entity, event.entity_id), f"{event.entity} {event.entity_id}"),
        what=", ".join(parts) or "changed",
    )


def _short(key: str, value: object) -> str:
    if value in (None, ""):
        return "nothing"
    if key.endswith("_s") and isinstance(value, int):
        return f"{round(value / 60)} min"
    text = str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _owned_by(owner_id: int, today: date) -> ColumnElement[bool]:
    """Select lines about somebody's jobs, and about places and people of the territories they answer for."""
    mine = Territory.owner_id == owner_id
    ids = {
        "job": select(cast(Job.id, Text)).where(Job.owner_id == owner_id),
        "visit": select(cast(Visit.id, Text)).join(Job, Job.id == Visit.job_id).where(Job.owner_id == owner_id),
        "site": select(cast(Site.id, Text)).join(Territory, Territory.id == Site.territory_id).where(mine),
        "customer": select(cast(Site.customer_id, Text)).join(Territory, Territory.id == Site.territory_id).where(mine),
        "asset": select(cast(Asset.id, Text))
        .join(Site, Site.id == Asset.site_id)
        .join(Territory, Territory.id == Site.territory_id)
        .where(mine),
        "technician": select(cast(Technician.id, Text))
        .join(TerritoryMembership, TerritoryMembership.technician_id == Technician.id)
        .join(Territory, Territory.id == TerritoryMembership.territory_id)
        .where(mine, TerritoryMembership.during.contains(today)),
    }
    return or_(*(and_(AuditEvent.entity == kind, AuditEvent.entity_id.in_(found)) for kind, found in ids.items()))
