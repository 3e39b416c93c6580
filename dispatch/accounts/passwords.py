"""Hashes passwords with argon2id, a few at a time, so that a burst of sign-ins can not use up memory."""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

ROUNDS = 2
MEMORY_KIB = 19456
LANES = 1
SHORTEST = 10
LONGEST = 256
AT_ONCE = 2
LONGEST_WAIT_S = 10.0

_hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
_turns = threading.BoundedSemaphore(AT_ONCE)
# Verified when nobody has the address, so that an unknown address takes as long as a known one.
_NOBODY = _hasher.hash("nobody has this password")


class TooBusy(Exception):
    """More people are signing in than the machine can check; nothing is wrong with the password."""


@contextmanager
def turn() -> Iterator[None]:
    """Wait for a turn at hashing; TooBusy when it takes too long."""
    if not _turns.acquire(timeout=LONGEST_WAIT_S):
        raise TooBusy("Many people are signing in at this moment. Please try again in a minute.")
    try:
        yield
    finally:
        _turns.release()


def normal(password: str) -> str:
    """Return the form of a password that is compared, whatever keyboard it was typed on."""
    return unicodedata.normalize("NFKD", password)


def fault(password: str) -> str | None:
    """Return what is wrong with a new password, or None."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters; a few words are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if len(set(password)) < 4:
        return "Use more different characters; this one is quickly guessed."
    if "\x00" in password:
        return "Leave out the invisible character."
    return None


def hash_password(password: str) -> str:
    """Return the stored form of a password; waits for its turn."""
    with turn():
        return _hasher.hash(normal(password))


def verify(stored: str | None, password: str) -> bool:
    """Compare a password with its stored form; takes as long when there is none."""
    if len(password) > LONGEST:
        return False
    with turn():
        try:
            _hasher.verify(stored or _NOBODY, normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Say whether a stored form was made with older parameters."""
    return _hasher.check_needs_rehash(stored)
