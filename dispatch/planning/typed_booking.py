"""A booking typed as one line, "Ana 10:00", "best" or "3", read against the answer of the selected visit.

What is offered is booked by the same service as a drag or a click, so checks, times and words are the same.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy.orm import Session

from dispatch.core.clock import instant
from dispatch.core.errors import Conflict, Invalid, NotFound
from dispatch.planning.candidates import CandidateRow
from dispatch.planning.judging import judge
from dispatch.planning.places import Answer, RowVerdict, pushing_of, words_of
from dispatch.planning.words import clock_words, minutes_words

MOST_OFFERS = 5
CLOSE_SCORE = 75.0
"""Names at least as alike as this, of 100, are meant where none holds the words."""

_TIME = re.compile(r"^(\d{1,2})(?:[:.h](\d{2})?)?(am|pm)?$|^(\d{2})(\d{2})$")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What was typed after the verb: a person by some letters, the number of a place (1 is the best), a time."""

    who: str = ""
    number: int | None = None
    at: time | None = None


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One booking that can be made; ``start`` is None where the person cannot have the visit, and ``words`` say why."""

    technician_id: int
    name: str
    start: datetime | None
    words: str
    pushing: tuple[int, ...] = ()


def read(text: str) -> Typed:
    """Read what was typed; whatever is no number and no time is somebody's name."""
    words = text.casefold().split()
    if words in (["best"], ["to", "best"]):
        return Typed(number=1)
    if len(words) == 1 and len(words[0]) == 1 and words[0] in "123456789":
        return Typed(number=int(words[0]))
    at = _time_of(words[-1]) if words else None
    if at is not None:
        words = words[:-1]
        if words and words[-1] in ("at", "@"):
            words = words[:-1]
    if words and words[0] == "to":
        words = words[1:]
    return Typed(who=" ".join(words), at=at)


def _time_of(word: str) -> time | None:
    found = _TIME.match(word)
    if found is None:
        return None
    hour, minute = int(found[1] or found[4]), int(found[2] or found[5] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def offers(session: Session, *, visit: Any, answer: Answer, typed: Typed, day: date, now: datetime) -> list[Offer]:
    """Return what the words mean for a visit, likeliest first; empty where nobody of the day is called so.

    ``visit`` carries ``id`` and ``territory_id``.
    """
    if typed.number is not None:
        return [_at_best(row, answer) for row in answer.numbered[typed.number - 1 : typed.number]]
    if not typed.who:
        called = [row for row in answer.rows if row.place is not None]
        if typed.at is None:
            return [_at_best(row, answer) for row in answer.numbered[:MOST_OFFERS]]
    else:
        called = _called(answer, typed.who)
    return [_offer(session, visit, answer, row, typed, day, now) for row in called[:MOST_OFFERS]]


def _called(answer: Answer, who: str) -> list[RowVerdict]:
    """Return the rows of people called so; where nobody is, those whose names are spelled like it."""
    words = who.split()
    held = [row for row in answer.rows if all(word in row.name.casefold() for word in words)]
    if held:
        return held
    from rapidfuzz import fuzz, process, utils

    names = [row.name for row in answer.rows]
    likest = process.extract(
        who, names, scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=CLOSE_SCORE, limit=MOST_OFFERS
    )
    return [answer.rows[index] for _name, _score, index in likest]


def _offer(
    session: Session, visit: Any, answer: Answer, row: RowVerdict, typed: Typed, day: date, now: datetime
) -> Offer:
    if typed.at is None:
        return _at_best(row.place, answer) if row.place is not None else _refused(row, row.words)
    start = instant(day, typed.at, answer.zone)
    if row.place is not None and row.place.start_at == start:
        return _at_best(row.place, answer)
    try:
        verdict = judge(
            session,
            visit=visit,
            crew_slot_id=answer.crew.slot_id,
            technician_id=row.technician_id,
            start=start,
            now=now,
        )
    except (Conflict, Invalid, NotFound) as refused:
        return _refused(row, refused.message)
    if verdict.reasons:
        return _refused(row, " ".join(verdict.reasons))
    way = minutes_words(verdict.placement.travel_s)
    words = f"{clock_words(start, answer.zone)} to {clock_words(verdict.placement.end, answer.zone)}, {way} on the way"
    return Offer(technician_id=row.technician_id, name=row.name, start=start, words=words)


def _at_best(row: CandidateRow, answer: Answer) -> Offer:
    return Offer(
        technician_id=row.technician_id,
        name=row.name,
        start=row.start_at,
        words=words_of(row, answer.zone),
        pushing=pushing_of(row),
    )


def _refused(row: RowVerdict, words: str) -> Offer:
    return Offer(technician_id=row.technician_id, name=row.name, start=None, words=words)
