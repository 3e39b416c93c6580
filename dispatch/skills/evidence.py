"""Pure: the shape of a dated fact, of an evidence source, and of what a source says about a level."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Detail = TypeVar("Detail", bound="DataclassInstance")

LOWEST_LEVEL = 1
HIGHEST_LEVEL = 5


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How far a kind of evidence is believed: it reads `bias` levels too high, give or take `sd` levels.

    `shared` is the part of the sd that all words of one voice have in common: who claims one skill too high claims
    the next one too high as well. A single word is believed the same whatever `shared` is.
    """

    bias: float
    sd: float
    shared: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.bias) and math.isfinite(self.sd) and self.sd > 0):
            raise ValueError(f"trust needs a finite bias and a positive sd, not bias {self.bias}, sd {self.sd}")
        if not 0 <= self.shared < self.sd:
            raise ValueError(f"the shared part of an sd of {self.sd} is from 0 to below it, not {self.shared}")


@dataclass(frozen=True, kw_only=True, order=True)
class Need:
    """A skill and the level (1 to 5) that a piece of work asks for in it."""

    skill: int
    level: float

    def __post_init__(self) -> None:
        check_level(self.level, f"needed level in skill {self.skill}")


@dataclass(frozen=True, kw_only=True)
class LevelSeen:
    """Somebody or something put a level on a person: a Gaussian observation of that level at the fact's date.

    `voice` names who spoke; of several observations by one voice of one source about one skill only the newest
    counts, because the same mouth repeating itself is not new information. `None` makes each one count.
    """

    skill: int
    level: float
    trust: Trust
    confirms: bool
    voice: str | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class OutcomeSeen:
    """Work that needed every one of `needs` was fixed, or not, at the first visit."""

    needs: tuple[Need, ...]
    success: bool
    sentence: str

    def __post_init__(self) -> None:
        if not self.needs:
            raise ValueError("an outcome without a needed skill says nothing about skills")
        if len({need.skill for need in self.needs}) != len(self.needs):
            raise ValueError("an outcome names each skill once")


Observation = LevelSeen | OutcomeSeen


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One dated fact about one person, as stored: `detail` is read by the source that `source` names.

    `key` tells facts of one person apart and breaks ties between facts of the same instant; `rater` is whoever
    gave the fact (user id as text), `None` when it came from a system.
    """

    key: int
    skill: int
    at: datetime
    source: str
    detail: Mapping[str, Any]
    rater: str | None = None
    contested: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"fact {self.key} has a date without a time zone")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One kind of evidence. `outcome` marks personal performance data, which needs a recorded agreement.

    `counts` says in a sentence how repeated facts count. `parse` turns a stored detail into the source's own dataclass
    and raises `ValueError` with a sentence on what would be right; `observe` gives what a fact says, or nothing when it
    says nothing about the level.
    """

    name: str
    label: str
    counts: str
    trust: Trust
    outcome: bool
    own_word: bool
    parse: Callable[[Mapping[str, Any]], object]
    observe: Callable[[Fact, Trust], tuple[Observation, ...]]


@dataclass(frozen=True, kw_only=True)
class StatedLevel:
    """Base of every stored detail that states a level."""

    level: float

    def __post_init__(self) -> None:
        check_level(self.level)


Stated = TypeVar("Stated", bound=StatedLevel)


def level_source(
    *,
    name: str,
    label: str,
    counts: str,
    trust: Trust,
    shape: type[Stated],
    voice: Callable[[Fact, Stated], str | None],
    words: Callable[[Stated], str],
    own_word: Callable[[Stated], bool] | bool = False,
    own_word_trust: Trust | None = None,
) -> Source:
    """Return a source whose facts each state a level.

    `voice` tells who spoke (see `LevelSeen`), `words` begin the sentence on the profile. `own_word` says whether it is
    the person's own claim, which confirms nothing; where only some facts are, those are believed with `own_word_trust`.
    """

    def parse(detail: Mapping[str, Any]) -> Stated:
        return read_detail(shape, detail)

    def observe(fact: Fact, believed: Trust) -> tuple[Observation, ...]:
        said = parse(fact.detail)
        own = own_word(said) if callable(own_word) else own_word
        return (
            LevelSeen(
                skill=fact.skill,
                level=said.level,
                trust=own_word_trust if own and own_word_trust is not None else believed,
                confirms=not own,
                voice=voice(fact, said),
                sentence=f"{words(said)} level {level_text(said.level)}",
            ),
        )

    return Source(
        name=name,
        label=label,
        counts=counts,
        trust=trust,
        outcome=False,
        own_word=own_word is True,
        parse=parse,
        observe=observe,
    )


def check_level(level: object, what: str = "level") -> float:
    """Return the level as a number, or say that it is not one between 1 and 5."""
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not LOWEST_LEVEL <= level <= HIGHEST_LEVEL:
        raise ValueError(f"{what} must be a number from {LOWEST_LEVEL} to {HIGHEST_LEVEL}, not {level!r}")
    return float(level)


def read_detail(shape: type[Detail], detail: Mapping[str, Any]) -> Detail:
    """Build a source's dataclass from stored JSON, naming fields that are unknown or missing."""
    known, required = _fields(shape)
    given = detail.keys()
    if not given <= known:
        unknown = min(given - known)
        raise ValueError(f"unknown field {unknown!r}; {shape.__name__} knows {', '.join(sorted(known))}")
    if not given >= required:
        raise ValueError(f"field {min(required - given)!r} is missing")
    return shape(**detail)


@cache
def _fields(shape: type[DataclassInstance]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of all fields and of those without a default; every fact on record asks, so it is kept."""
    fields = dataclasses.fields(shape)
    absent = dataclasses.MISSING
    required = (field.name for field in fields if field.default is absent and field.default_factory is absent)
    return frozenset(field.name for field in fields), frozenset(required)


def level_text(level: float) -> str:
    """Write 3.0 as "3" and 3.5 as "3.5"."""
    return f"{level:g}"
