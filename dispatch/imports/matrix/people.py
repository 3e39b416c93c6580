"""Finds who a row is about: by number, then e-mail, then name; never by what is only alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dispatch.accounts.models import User
from dispatch.core.models import OutsideId
from dispatch.imports.matrix.match import LEFT_OUT, Match
from dispatch.imports.matrix.table import folded
from dispatch.imports.reader import Row
from dispatch.workforce.models import Partner, Technician

ALIKE = 70.0
SUGGESTED = 5
NAMES_AGREE = 60.0


@dataclass(frozen=True, kw_only=True)
class Known:
    """A person who is still sent: how lists tell them apart."""

    id: int
    name: str
    detail: str
    user_id: int | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """Who a row is about; without a person, why not, in which column, and who it may be."""

    person: int | None
    column: str | None = None
    remedy: str = ""
    may_be: tuple[int, ...] = ()
    skipped: bool = False


class People:
    """Everybody who is still sent, by number, e-mail and name."""

    def __init__(
        self,
        people: Mapping[int, Known],
        numbers: Mapping[str, frozenset[int]],
        mails: Mapping[str, frozenset[int]],
    ) -> None:
        self.people = people
        self._numbers = numbers
        self._mails = mails
        self._numbered = {person for ids in numbers.values() for person in ids}
        self._names: dict[str, list[int]] = defaultdict(list)
        for one in people.values():
            self._names[_in_order(one.name)].append(one.id)

    def find(self, row: Row, match: Match) -> Found:
        """Return who a row is about."""
        chosen = match.people.get(str(row.line))
        if chosen is not None:
            if chosen == LEFT_OUT:
                return Found(person=None, skipped=True)
            if chosen in self.people:
                return Found(person=chosen)
        text = {role: row.cells.get(column, "") for role, column in match.person.items() if column}
        name = " ".join(part for part in (text.get("name", ""), text.get("surname", "")) if part)
        for role, known in (("number", self._numbers), ("mail", self._mails)):
            given = text.get(role, "").casefold()
            hits = known.get(given, frozenset()) if given else frozenset()
            if role == "number" and given:
                hits = self._or_ours(hits, given, name)
            if len(hits) > 1:
                return self._unclear(match.person[role], hits, f"Several people have this {role}; choose who is meant.")
            if hits:
                (person,) = hits
                return self._agreeing(person, name, match.person[role])
        return self._by_name(name, text.get("number", ""), match)

    def _or_ours(self, hits: frozenset[int], given: str, name: str) -> frozenset[int]:
        """Add whom our own lists give this number, where the name is theirs; then only who is called so counts."""
        ours = self.people.get(int(given)) if given.isascii() and given.isdigit() and len(given) < 10 else None
        if ours is None or not name or _in_order(ours.name) != _in_order(name):
            return hits
        return frozenset({ours.id, *(hit for hit in hits if _in_order(self.people[hit].name) == _in_order(name))})

    def _agreeing(self, person: int, name: str, column: str) -> Found:
        from rapidfuzz import fuzz

        ours = self.people[person].name
        if name and fuzz.token_set_ratio(folded(name), folded(ours)) < NAMES_AGREE:
            return self._unclear(
                column, {person}, f"This is {ours} here, and the row says {name}; correct one of them."
            )
        return Found(person=person)

    def _by_name(self, name: str, number: str, match: Match) -> Found:
        column = match.person.get("name") or next((each for each in match.person.values() if each), None)
        if not name:
            return Found(person=None, column=column, remedy="Say who this is about: nobody is named here.")
        hits = self._names.get(_in_order(name), [])
        if len(hits) > 1:
            remedy = (
                f"{len(hits)} people are called {self.people[hits[0]].name}; give the number or choose who is meant."
            )
            return self._unclear(column, hits, remedy)
        if hits and number and hits[0] in self._numbered:
            return self._unclear(
                match.person["number"], hits, f"{self.people[hits[0]].name} has another number here; correct it."
            )
        if hits:
            return Found(person=hits[0])
        near = self._alike(name)
        hint = f" Did you mean {self.people[near[0]].name}?" if near else ""
        return Found(person=None, column=column, remedy=f"Nobody is called so.{hint}", may_be=near)

    def _alike(self, name: str) -> tuple[int, ...]:
        from rapidfuzz import fuzz, process

        known = {one.id: folded(one.name) for one in self.people.values()}
        near = process.extract(folded(name), known, scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE, limit=SUGGESTED)
        return tuple(person for _, _, person in near)

    def _unclear(self, column: str | None, hits: frozenset[int] | set[int] | list[int], remedy: str) -> Found:
        return Found(person=None, column=column, remedy=remedy, may_be=tuple(sorted(hits)))


def load_people(session: Session) -> People:
    """Read everybody who is still sent, in two statements."""
    rows = session.execute(
        select(
            Technician.id, Technician.name, Technician.email, Technician.user_id, func.lower(User.email), Partner.name
        )
        .outerjoin(User, User.id == Technician.user_id)
        .outerjoin(Partner, Partner.id == Technician.partner_id)
        .where(Technician.retired_at.is_(None))
    ).all()
    outside = session.execute(
        select(OutsideId.outside_id, OutsideId.entity_id).where(OutsideId.entity == "technician")
    ).all()
    there = {row[0] for row in rows}
    numbers: dict[str, set[int]] = defaultdict(set)
    for number, person in outside:
        if person in there:
            numbers[number.casefold()].add(person)
    shown = {person: number for number, ids in numbers.items() for person in ids}
    mails: dict[str, set[int]] = defaultdict(set)
    people: dict[int, Known] = {}
    for person, name, mail, user_id, user_mail, partner in rows:
        for each in (mail, user_mail):
            if each:
                mails[each.casefold()].add(person)
        detail = ", ".join(part for part in (shown.get(person, ""), partner or "", mail or user_mail or "") if part)
        people[person] = Known(id=person, name=name, detail=detail, user_id=user_id)
    return People(
        people,
        {number: frozenset(ids) for number, ids in numbers.items()},
        {mail: frozenset(ids) for mail, ids in mails.items()},
    )


def _in_order(name: str) -> str:
    """Return a name whose parts are in a fixed order, so that "Lind, Ada" is "Ada Lind"."""
    return " ".join(sorted(folded(name).split()))
