"""Finds people by one sentence: "gas level 3, North, Thursday morning".

What a sentence asks for is read by rules that can be told in a line each, and shown back, so that nobody wonders what
was understood. Whoever can do the work and is there stands first by how much of that time is free.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from dispatch.core import clock
from dispatch.planning.models import RELEASED_STATES, Assignment
from dispatch.skills.estimate import QualificationRules
from dispatch.skills.models import Wish
from dispatch.skills.queries import Holder, who_holds
from dispatch.skills.reading import Reading, Sureness
from dispatch.skills.suggest import suggest_skills
from dispatch.skills.taxonomy import Taxonomy, load_need_rules
from dispatch.skills.wishes import wishes_among
from dispatch.workforce.models import Absence, Partner, Shift, Technician, Territory

LONGEST_SENTENCE = 200
ANY_LEVEL = 1
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PARTS = {
    "early": (time(6), time(9)),
    "morning": (time(6), time(12)),
    "noon": (time(11), time(14)),
    "afternoon": (time(12), time(17)),
    "evening": (time(17), time(21)),
    "night": (time(20), time(23, 59)),
}
MIDNIGHT, LAST = time(0), time(23, 59)
FILLERS = frozenset(
    {
        "who",
        "can",
        "do",
        "with",
        "for",
        "in",
        "on",
        "at",
        "the",
        "a",
        "an",
        "somebody",
        "someone",
        "knows",
        "needs",
        "of",
    }
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A skill asked for: what the words led to, and the level."""

    words: str
    level: int
    reading: Reading
    others: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """What was understood; ``words`` are what is left to be read as skills, part by part with the level beside it."""

    words: tuple[tuple[str, int], ...] = ()
    territory_id: int | None = None
    day: date | None = None
    start: time = MIDNIGHT
    end: time = LAST

    @property
    def whole_day(self) -> bool:
        """Whether no time of the day is asked for."""
        return (self.start, self.end) == (MIDNIGHT, LAST)


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """When somebody works that day, and what is free of the time asked for."""

    start: datetime
    end: datetime
    zone: str
    free_s: int
    visits: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """Somebody who can do it; ``at_work`` where a day is asked for and they are there.

    ``wishes`` is what they want of work in the skills asked for, by skill; it ranks nobody.
    """

    holder: Holder
    company: str | None
    start_area: str | None
    wishes: tuple[tuple[int, Wish], ...] = ()
    at_work: AtWork | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Who was found; ``away`` could do it and do not work then, ``unsure`` know something of it, not enough."""

    sentence: Sentence
    wanted: tuple[Wanted, ...]
    not_understood: tuple[str, ...]
    found: tuple[Found, ...] = ()
    away: tuple[Holder, ...] = ()
    unsure: tuple[Holder, ...] = ()


def read_sentence(text: str, *, territories: Mapping[int, str], today: date) -> Sentence:
    """Read day, time, territory and levels out of a sentence (pure); what remains are words for skills."""
    sentence, words = Sentence(), []
    for part in re.split(r"[,;\n]|\band\b", " ".join(text[:LONGEST_SENTENCE].split()), flags=re.IGNORECASE):
        rest = f" {part.casefold()} "
        rest, sentence = _territory(rest, sentence, territories)
        rest, sentence = _day(rest, sentence, today)
        rest, sentence = _time(rest, sentence)
        level = re.search(r"\b(?:level|lvl)\s*([1-5])\b\+?", rest)
        if level:
            rest = rest.replace(level.group(), " ")
        left = " ".join(word for word in rest.split() if word not in FILLERS)
        if left or level:
            words.append((left, int(level.group(1)) if level else 0))
    # A level that stands alone, "gas, level 3", belongs to the words before it.
    joined: list[tuple[str, int]] = []
    for left, number in words:
        if not left and joined:
            joined[-1] = (joined[-1][0], number)
        elif left:
            joined.append((left, number))
    return replace(sentence, words=tuple((left, number or ANY_LEVEL) for left, number in joined))


def who_can(
    session: Session,
    taxonomy: Taxonomy,
    text: str,
    *,
    territories: Mapping[int, str],
    reach: Collection[int] | None,
    rules: QualificationRules,
    today: date,
) -> Answer:
    """Find people for a sentence; a number of statements that grows with the skills asked for, not with people."""
    sentence = read_sentence(text, territories=territories, today=today)
    wanted, strange = [], []
    for words, level in sentence.words:
        readings = [
            one for one in suggest_skills(session, taxonomy, words, limit=4) if one.sureness is not Sureness.CHECK
        ]
        if not readings:
            strange.append(words)
            continue
        others = tuple(one.skill_id for one in readings[1:])
        wanted.append(Wanted(words=words, level=level, reading=readings[0], others=others))
    answer = Answer(sentence=sentence, wanted=tuple(wanted), not_understood=tuple(strange))
    if not wanted:
        return answer
    places = [sentence.territory_id] if sentence.territory_id is not None else reach
    able, unsure = _able(session, wanted, on=sentence.day or today, places=places, rules=rules)
    people = _people(session, able, [one.reading.skill_id for one in wanted])
    if sentence.day is None:
        return replace(answer, found=tuple(people[each.technician_id] for each in able), unsure=tuple(unsure))
    there = _at_work(session, list(people), sentence, sentence.day, places)
    known = [replace(people[each.technician_id], at_work=there.get(each.technician_id)) for each in able]
    found = [one for one in known if one.at_work is not None]
    found.sort(key=lambda one: -one.at_work.free_s if one.at_work else 0)  # people of one length stay by name
    away = [one.holder for one in known if one.at_work is None]
    return replace(answer, found=tuple(found), away=tuple(away), unsure=tuple(unsure))


def _territory(rest: str, sentence: Sentence, territories: Mapping[int, str]) -> tuple[str, Sentence]:
    for number, name in sorted(territories.items(), key=lambda item: -len(item[1])):
        hit = re.search(rf"\b{re.escape(name.casefold())}\b", rest)
        if hit:
            return _without(rest, hit), replace(sentence, territory_id=number)
    return rest, sentence


def _day(rest: str, sentence: Sentence, today: date) -> tuple[str, Sentence]:
    for words, days in (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0)):
        hit = re.search(rf"\b{words}\b", rest)
        if hit:
            return _without(rest, hit), replace(sentence, day=today + timedelta(days=days))
    hit = re.search(r"\b(next )?(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?\b", rest)
    if hit:
        weekday = next(number for number, name in enumerate(WEEKDAYS) if name.startswith(hit.group(2)[:3]))
        monday = today - timedelta(days=today.weekday())
        coming = today + timedelta(days=(weekday - today.weekday()) % 7)
        return _without(rest, hit), replace(
            sentence, day=monday + timedelta(days=7 + weekday) if hit.group(1) else coming
        )
    hit = re.search(r"\b(\d{4})-(\d\d)-(\d\d)\b", rest)
    numbers = (int(hit.group(1)), int(hit.group(2)), int(hit.group(3))) if hit else None
    if hit is None:
        month = "|".join(MONTHS)
        hit = re.search(rf"\b(\d{{1,2}})\.? (?P<month>{month})[a-z]*\b", rest) or re.search(
            rf"\b(?P<month>{month})[a-z]* (\d{{1,2}})\b", rest
        )
        if hit:
            number = next(int(each) for each in hit.groups() if each.isdigit())
            numbers = (today.year, MONTHS.index(hit.group("month")) + 1, number)
    if hit is None or numbers is None:
        return rest, sentence
    try:
        day = date(*numbers)
        if day < today and "-" not in hit.group():
            day = day.replace(year=day.year + 1)
    except ValueError:  # no such day: it stays among what was not understood
        return rest, sentence
    return _without(rest, hit), replace(sentence, day=day)


def _time(rest: str, sentence: Sentence) -> tuple[str, Sentence]:
    for words, (start, end) in PARTS.items():
        hit = re.search(rf"\b{words}\b", rest)
        if hit:
            return _without(rest, hit), replace(sentence, start=start, end=end)
    one = r"(\d{1,2})(?:[:.](\d\d))? ?(am|pm|h|o'clock)?"
    hit = re.search(rf"\b(?:between )?{one} ?(?:-|–|to|until) ?{one}(?!\w)", rest)
    if hit:
        since, until = _clock(*hit.groups()[:3]), _clock(*hit.groups()[3:])
        if since is not None and until is not None and since < until:
            return _without(rest, hit), replace(sentence, start=since, end=until)
    hit = re.search(rf"\b(at|around|after|from|before|until|by) {one}(?!\w)", rest)
    if hit:
        at = _clock(*hit.groups()[1:])
        if at is not None:
            match hit.group(1):
                case "after" | "from":
                    start, end = at, LAST
                case "before" | "until" | "by":
                    start, end = MIDNIGHT, at
                case _:
                    start, end = at, time(at.hour + 1, at.minute) if at.hour < 23 else LAST
            if start < end:
                return _without(rest, hit), replace(sentence, start=start, end=end)
    return rest, sentence


def _clock(hour: str, minute: str | None, half: str | None) -> time | None:
    number = int(hour) + (12 if half == "pm" and int(hour) < 12 else 0)
    return time(number, int(minute or 0)) if number < 24 and int(minute or 0) < 60 else None


def _without(rest: str, hit: re.Match[str]) -> str:
    return f"{rest[: hit.start()]} {rest[hit.end() :]}"


def _able(
    session: Session,
    wanted: Sequence[Wanted],
    *,
    on: date,
    places: Collection[int] | None,
    rules: QualificationRules,
) -> tuple[list[Holder], list[Holder]]:
    """Return who may be relied on in all skills, by name, and who knows something of the first without that.

    As in planning, a skill that includes another one does for it, and what a skill needs first is needed too.
    """
    meaning = load_need_rules(session)
    needed = meaning.meant([(each.reading.skill_id, each.level)] for each in wanted)
    first, *others = (
        who_holds(session, skill, level, on=on, rules=rules, territory_ids=places, meaning=meaning)
        for (skill, level), *_others in needed
    )
    enough = [{each.technician_id for each in holders if each.qualified} for holders in others]
    able = [each for each in first if each.qualified and all(each.technician_id in ids for ids in enough)]
    ids = {each.technician_id for each in able}
    return able, [each for each in first if each.technician_id not in ids]


def _people(session: Session, holders: Sequence[Holder], skills: Collection[int]) -> dict[int, Found]:
    rows = session.execute(
        select(Technician.id, Technician.start_area, Partner.name)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Technician.id.in_([each.technician_id for each in holders]))
    )
    by_id = {each.technician_id: each for each in holders}
    said = wishes_among(session, list(by_id), skills)
    return {
        number: Found(
            holder=by_id[number],
            company=company,
            start_area=area,
            wishes=tuple((one.skill_id, one.wish) for one in said.get(number, ()) if one.wish),
        )
        for number, area, company in rows
    }


def _at_work(
    session: Session, people: Sequence[int], sentence: Sentence, day: date, places: Collection[int] | None
) -> dict[int, AtWork]:
    """Return when those work who do in the time asked for, and what is free of it; three statements."""
    shifts = session.execute(
        select(Shift.technician_id, func.lower(Shift.during), func.upper(Shift.during), Territory.zone)
        .join(Territory, Territory.id == Shift.territory_id)
        .where(
            Shift.technician_id.in_(people),
            Shift.on_date == day,
            ~Shift.cancelled,
            *([] if places is None else [Shift.territory_id.in_(list(places))]),
        )
        .order_by(func.lower(Shift.during))
    ).all()
    away = _stretches(session, Absence, people, day, ~Absence.cancelled)
    booked = _stretches(session, Assignment, people, day, Assignment.state.not_in(RELEASED_STATES))
    found: dict[int, AtWork] = {}
    for person, begins, ends, zone in shifts:
        start = max(begins, clock.instant(day, sentence.start, zone))
        end = min(ends, clock.instant(day, sentence.end, zone))
        whole_s = int((end - start).total_seconds())
        away_s = _covered_s(away.get(person, []), start, end)
        if whole_s <= 0 or away_s >= whole_s:
            continue
        taken = booked.get(person, [])
        one = AtWork(
            start=begins,
            end=ends,
            zone=zone,
            free_s=whole_s - _covered_s(away.get(person, []) + taken, start, end),
            visits=sum(a < end and b > start for a, b in taken),
        )
        before = found.get(person)
        if before is not None:
            visits, free_s = before.visits + one.visits, before.free_s + one.free_s
            one = replace(one, start=before.start, free_s=free_s, visits=visits)
        found[person] = one
    return found


def _stretches(
    session: Session,
    table: type[Absence | Assignment],
    people: Sequence[int],
    day: date,
    counts: ColumnElement[bool],
) -> dict[int, list[tuple[datetime, datetime]]]:
    """Return what lies on a day, whatever its zone, by person."""
    noon = clock.instant(day, time(12), "UTC")
    around = Range(noon - timedelta(hours=27), noon + timedelta(hours=27))
    rows = session.execute(
        select(table.technician_id, func.lower(table.during), func.upper(table.during)).where(
            table.technician_id.in_(people), table.during.op("&&")(around), counts
        )
    )
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    for person, start, end in rows:
        found.setdefault(person, []).append((start, end))
    return found


def _covered_s(stretches: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> int:
    """Return how many seconds from ``start`` to ``end`` lie in any of the stretches."""
    total, reached = 0.0, start
    for begins, ends in sorted(stretches):
        first, last = max(begins, reached), min(ends, end)
        if last > first:
            total += (last - first).total_seconds()
            reached = last
    return int(total)
