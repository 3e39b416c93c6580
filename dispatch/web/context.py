"""What every view needs: the request's database session, who acts, and the moment it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import current_app, g
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from dispatch.accounts.access import Actor
from dispatch.core import clock
from dispatch.core.config import Settings
from dispatch.core.errors import Forbidden

EXTENSION = "dispatch"
_SESSION = "dispatch_session"
_MOMENT = "dispatch_moment"
_ACTOR = "dispatch_actor"


@dataclass(frozen=True, kw_only=True)
class Services:
    """What one application stands on; kept in its ``extensions``."""

    settings: Settings
    engine: Engine
    sessions: Callable[[], Session]
    listen_url: str


def services() -> Services:
    """Return what the current application stands on."""
    return cast(Services, current_app.extensions[EXTENSION])


def db() -> Session:
    """Return the database session of this request; committed when the view has returned."""
    session = g.get(_SESSION)
    if session is None:
        session = services().sessions()
        setattr(g, _SESSION, session)
    return cast(Session, session)


def opened_session() -> Session | None:
    """Return this request's database session if something used it."""
    return cast(Session | None, g.get(_SESSION))


def close_session(_error: BaseException | None = None) -> None:
    """Give the connection back; what was not committed is gone."""
    session = g.pop(_SESSION, None)
    if session is not None:
        session.close()


def start_afresh() -> None:
    """Give the connection back and forget the moment; a stream does so before each look."""
    close_session()
    g.pop(_MOMENT, None)


def moment() -> datetime:
    """Return the instant of this request, the same for everything it does."""
    at = g.get(_MOMENT)
    if at is None:
        at = clock.now()
        setattr(g, _MOMENT, at)
    return cast(datetime, at)


def remember_actor(actor: Actor | None) -> None:
    """Note who acts in this request; the guard calls it."""
    setattr(g, _ACTOR, actor)


def find_actor() -> Actor | None:
    """Return who acts, None when nobody is signed in."""
    return cast(Actor | None, g.get(_ACTOR))


def actor() -> Actor:
    """Return who acts; only views that need a sign-in may ask."""
    found = find_actor()
    if found is None:
        raise Forbidden("Please sign in first.")
    return found


def technician_id() -> int:
    """Return the technician who acts; refuses people who are not sent to customers."""
    found = actor().technician_id
    if found is None:
        raise Forbidden("Your account is not linked to a technician. An administrator can link it.")
    return found
