"""Who may plan a (territory, day) now: fenced leases, so that of two runs exactly one may store and publish.

A lease is one row per territory and day. Taking it raises its token; whoever comes back with an older token is late,
whatever the reason. Several leases are always taken in sorted order, so two runs cannot wait for each other. Expiry is
measured by the database's clock: workers sit on many hosts.
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict
from dispatch.planning.rows import Cell

LEASE_S = 45.0

_TAKE = text("""
    INSERT INTO plan_lease AS lease (territory_id, day, token, plan_request_id, expires_at)
    VALUES (:territory_id, :day, 1, :request_id, clock_timestamp() + make_interval(secs => :seconds))
    ON CONFLICT (territory_id, day) DO UPDATE
        SET token = lease.token + 1, plan_request_id = excluded.plan_request_id, expires_at = excluded.expires_at
        WHERE lease.plan_request_id IS NULL OR lease.plan_request_id = excluded.plan_request_id
            OR lease.expires_at IS NULL OR lease.expires_at < clock_timestamp()
    RETURNING token
""")
_RENEW = text("""
    UPDATE plan_lease AS lease SET expires_at = clock_timestamp() + make_interval(secs => :seconds)
    FROM plan_scope AS scope
    WHERE scope.plan_request_id = :request_id AND lease.territory_id = scope.territory_id AND lease.day = scope.day
        AND lease.token = scope.token AND lease.plan_request_id = :request_id
    RETURNING lease.territory_id
""")
_NOTE = text("""
    UPDATE plan_scope SET token = :token
    WHERE plan_request_id = :request_id AND territory_id = :territory_id AND day = :day
""")
_HELD = text("""
    SELECT lease.territory_id, lease.day, lease.token FROM plan_lease AS lease
    JOIN plan_scope AS scope ON scope.territory_id = lease.territory_id AND scope.day = lease.day
    WHERE scope.plan_request_id = :request_id ORDER BY lease.territory_id, lease.day FOR UPDATE OF lease
""")
_RELEASE = text("""
    UPDATE plan_lease SET plan_request_id = NULL, expires_at = NULL WHERE plan_request_id = :request_id
""")


class LeaseHeld(Conflict):
    """Another run plans part of the scope now; it ends, or its lease does."""


class LeaseLost(Conflict):
    """A later run took over; whatever this one still does must not be stored."""


def take_leases(
    session: Session, *, request_id: int, scope: Collection[Cell], seconds: float = LEASE_S
) -> Mapping[Cell, int]:
    """Take the leases of a scope, all or none, and note their tokens; raises LeaseHeld while another run has one."""
    tokens: dict[Cell, int] = {}
    for territory_id, day in sorted(scope):
        cell = {"territory_id": territory_id, "day": day, "request_id": request_id}
        token = session.execute(_TAKE, cell | {"seconds": seconds}).scalar()
        if token is None:
            raise LeaseHeld("Another planning run is working on this day. This one starts when it has finished.")
        tokens[territory_id, day] = token
        session.execute(_NOTE, cell | {"token": token})
    return tokens


def renew_leases(session: Session, *, request_id: int, scope: Collection[Cell], seconds: float = LEASE_S) -> None:
    """Keep the leases of a run that is alive; raises LeaseLost when one of them went to a later run."""
    kept = session.execute(_RENEW, {"request_id": request_id, "seconds": seconds}).all()
    if len(kept) != len(set(scope)):
        raise LeaseLost("A later planning run has taken over this day.")


def check_tokens(session: Session, *, request_id: int, tokens: Mapping[Cell, int]) -> None:
    """Lock the leases for the rest of the transaction and refuse a late run (LeaseLost)."""
    held: Sequence[tuple[int, object, int]] = [tuple(row) for row in session.execute(_HELD, {"request_id": request_id})]
    if {(territory, day): token for territory, day, token in held} != dict(tokens):
        raise LeaseLost("A later planning run has taken over this day; the result of this one is not stored.")


def release_leases(session: Session, *, request_id: int) -> None:
    """Give the leases of a run back; their tokens stay, so that they only ever grow."""
    session.execute(_RELEASE, {"request_id": request_id})
