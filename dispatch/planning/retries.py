"""Tries again what only lost a race: serialisation failures and deadlocks, never a full disk or a broken rule."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from dispatch.core.errors import Conflict

RESULT = TypeVar("RESULT")
LOST_RACES = frozenset({"40001", "40P01"})
TRIES = 3
BUSY = "Somebody is changing the same work at this moment. Nothing was changed; try again."


class Busy(Conflict):
    """Two changes met in the database; nothing speaks against either of them."""


def with_retries(work: Callable[[], RESULT], *, tries: int = TRIES, pause_s: float = 0.05) -> RESULT:
    """Run work that opens and ends its own transaction; again, after a short random pause, when it lost a race."""
    for attempt in range(1, tries + 1):
        try:
            return work()
        except DBAPIError as error:
            if sqlstate(error) not in LOST_RACES or attempt == tries:
                raise
            time.sleep(random.uniform(0, pause_s * attempt))  # noqa: S311 - spreads rivals, guards nothing
    raise AssertionError("unreachable: the last try returns or raises")


def again_once(session: Session, work: Callable[[], RESULT]) -> RESULT:
    """Do something in a savepoint, and once more where two changes met in the database: neither of them was wrong.

    The savepoint holds every lock the work takes, so that the other one can end in between.
    """
    try:
        with session.begin_nested():
            return work()
    except (Busy, DBAPIError) as error:
        if sqlstate(error if isinstance(error, DBAPIError) else error.__cause__ or error) not in LOST_RACES:
            raise
    try:
        with session.begin_nested():
            return work()
    except DBAPIError as error:
        if sqlstate(error) in LOST_RACES:
            raise Busy(BUSY) from error
        raise


def sqlstate(error: BaseException) -> str | None:
    """Return the five-letter code of a database error, None where there is none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def constraint(error: BaseException) -> str | None:
    """Return the name of the constraint that a database error is about."""
    return getattr(getattr(getattr(error, "orig", None), "diag", None), "constraint_name", None)
