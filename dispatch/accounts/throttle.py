"""Slows guessing of passwords down: tries are counted in the database, so all processes count together.

A network from which the account was opened before keeps its own count: a stranger's guesses elsewhere can not lock
the owner out.
"""

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from dispatch.accounts.models import LoginAttempt

WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=90)
KEEP = timedelta(days=100)
PER_ACCOUNT_AND_NETWORK = 6
PER_ACCOUNT = 40
PER_NETWORK = 60
RESETS_A_DAY = 3


def network_of(address: str | None) -> str:
    """Return the network an address belongs to: people share the last part, attackers change it."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    prefix = 32 if parsed.version == 4 else 64
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def begin(session: Session, *, email: str, network: str, now: datetime) -> tuple[int, int]:
    """Write a try down before the password is looked at; return its number and the seconds to wait (0: go ahead).

    Writing first means that a thousand tries at once count a thousand.
    """
    name = email.strip().lower()[:254]
    attempt = LoginAttempt(email=name, network=network, succeeded=False, at=now)
    session.add(attempt)
    session.flush()
    return attempt.id, _wait_s(session, name, network, now)


def _wait_s(session: Session, email: str, network: str, now: datetime) -> int:
    since = now - WINDOW
    failed = LoginAttempt.succeeded.is_(False)
    recent = LoginAttempt.at > since
    here = (LoginAttempt.email == email) & (LoginAttempt.network == network)
    counts = session.execute(
        select(
            func.count().filter(here).label("pair"),
            func.count().filter(LoginAttempt.email == email).label("account"),
            func.count().filter(LoginAttempt.network == network).label("network"),
            func.min(LoginAttempt.at).label("first"),
        ).where(failed, recent, (LoginAttempt.email == email) | (LoginAttempt.network == network))
    ).one()
    too_many = counts.pair > PER_ACCOUNT_AND_NETWORK or counts.network > PER_NETWORK
    if not too_many and counts.account > PER_ACCOUNT:
        known = session.scalar(
            select(func.count())
            .select_from(LoginAttempt)
            .where(here, LoginAttempt.succeeded, LoginAttempt.at > now - KNOWN_FOR)
        )
        too_many = not known
    if not too_many:
        return 0
    return max(1, int((counts.first + WINDOW - now).total_seconds()))


def succeeded(session: Session, attempt_id: int, *, email: str, network: str, now: datetime) -> None:
    """Mark a try as good and forget this person's failures from here; old tries are cleared away."""
    name = email.strip().lower()[:254]
    session.execute(update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(succeeded=True))
    session.execute(
        delete(LoginAttempt).where(
            LoginAttempt.email == name, LoginAttempt.network == network, LoginAttempt.succeeded.is_(False)
        )
    )
    session.execute(delete(LoginAttempt).where(LoginAttempt.at < now - KEEP))


def may_send_reset(session: Session, *, email: str, network: str, now: datetime) -> bool:
    """Count a request for a new password; False when an address got enough mails for one day."""
    name = f"reset {email.strip().lower()[:254]}"
    # Kept apart from the tries to sign in by its name, and as a success, so that no failure is counted.
    session.add(LoginAttempt(email=name, network=network, succeeded=True, at=now))
    session.flush()
    sent = session.scalar(
        select(func.count())
        .select_from(LoginAttempt)
        .where(LoginAttempt.email == name, LoginAttempt.at > now - timedelta(days=1))
    )
    return (sent or 0) <= RESETS_A_DAY
