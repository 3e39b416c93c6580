"""Signed-in browsers: the browser holds a random token, the table its hash, so a stolen table opens nothing.

Every function is a short transaction of its own, apart from the one of the page being served: a refused page must
still be able to say so in the next one.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from dispatch.accounts.models import User, UserSession

ANONYMOUS = timedelta(hours=1)
IDLE = timedelta(hours=8)
KEPT = timedelta(days=30)
# Being seen is written down at most this often.
TOUCH = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class StoredSession:
    """What the table knows about a token."""

    data: dict[str, Any]
    user_id: int | None
    seen_at: datetime
    created_at: datetime


def new_token() -> str:
    """Return a token nobody can guess."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what stands in the table for a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def find(session: Session, token: str, *, now: datetime) -> StoredSession | None:
    """Return a session that has not expired and whose person may still sign in."""
    row = session.execute(
        select(UserSession.data, UserSession.user_id, UserSession.seen_at, UserSession.created_at)
        .outerjoin(User, User.id == UserSession.user_id)
        .where(
            UserSession.token_hash == token_hash(token),
            UserSession.expires_at > now,
            or_(UserSession.user_id.is_(None), User.active),
        )
    ).one_or_none()
    if row is None:
        return None
    return StoredSession(data=dict(row.data), user_id=row.user_id, seen_at=row.seen_at, created_at=row.created_at)


def lifetime(user_id: int | None, *, keep: bool) -> timedelta:
    """Return how long a session lasts without being used."""
    if user_id is None:
        return ANONYMOUS
    return KEPT if keep else IDLE


def save(
    session: Session,
    token: str,
    *,
    data: Mapping[str, Any],
    user_id: int | None,
    keep: bool,
    user_agent: str | None,
    now: datetime,
    fresh: bool,
) -> bool:
    """Write a session; False when it was revoked meanwhile, which a late answer must not undo."""
    values = {
        "data": dict(data),
        "user_id": user_id,
        "seen_at": now,
        "expires_at": now + lifetime(user_id, keep=keep),
    }
    if fresh:
        session.execute(
            insert(UserSession).values(
                token_hash=token_hash(token), user_agent=(user_agent or "")[:200] or None, created_at=now, **values
            )
        )
        return True
    saved = session.execute(
        update(UserSession)
        .where(UserSession.token_hash == token_hash(token))
        .values(**values)
        .returning(UserSession.token_hash)
    )
    return saved.one_or_none() is not None


def revoke(session: Session, token: str) -> None:
    """End one session: the token is worth nothing from now on."""
    session.execute(delete(UserSession).where(UserSession.token_hash == token_hash(token)))


def revoke_all(session: Session, user_id: int) -> None:
    """End all sessions of a person."""
    session.execute(delete(UserSession).where(UserSession.user_id == user_id))


def clear_expired(session: Session, *, now: datetime) -> None:
    """Remove what has expired."""
    session.execute(delete(UserSession).where(UserSession.expires_at <= now))
