"""Pure: which skills a text speaks of, the words that say so, and how sure that is.

A text is compared with what every skill is called (name, other words, its trade) and with texts whose needs somebody
has settled (past jobs, kinds of work). Words count by how few skills they speak for; a word that nothing holds stands
for the one spelled most like it; what nothing is like is left aside, so that a brand or a name blocks nothing.

Stems come from whoever calls: PostgreSQL's in the application, so that words and past jobs are cut alike.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from dispatch.skills.taxonomy import Taxonomy

Stems = Mapping[str, str | None]
"""Word to its stem; None for a word that says nothing, such as "the"."""

LONGEST_TEXT = 2_000
PHRASE, COVERED, TRADE = 0.6, 0.4, 0.25
"""What the best single name of a skill, all its names together, and its trade weigh."""
PAST = 0.9
SPELLED_ALIKE = 80.0
SHORTEST_MISSPELLED = 4
SHORTEST_SHORTENED = 3
VOWELS = frozenset("aeiou")
FROM_SURE, FROM_LIKELY = 0.7, 0.6
AHEAD_OF_NEXT = 0.15
"""A text that speaks as loudly for another skill is sure of neither."""


class Sureness(StrEnum):
    """How far a suggestion may be relied on; see ``benchmarks/skill_texts.py`` for how often each is right."""

    SURE = "sure"
    LIKELY = "likely"
    CHECK = "check"


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A skill that a text speaks of: how strongly (0 to 1), by which words of the text, through which of its names.

    Without ``because`` it is past texts that say so.
    """

    skill_id: int
    score: float
    sureness: Sureness
    words: tuple[str, ...]
    because: str | None


@dataclass(frozen=True, kw_only=True)
class PastText:
    """A text whose skills somebody settled."""

    text: str
    skills: tuple[int, ...]


def words_in(text: str) -> list[str]:
    """Return the words of a text in order, lower case; ``streetLight`` counts as two, single letters as none."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text[:LONGEST_TEXT])
    return [word for word in re.findall(r"[^\W_]+", apart.lower()) if len(word) > 1]


@dataclass(frozen=True)
class _Phrase:
    skill: int
    text: str
    stems: frozenset[str]


class Vocabulary:
    """What the skills in use are called, cut into stems."""

    def __init__(self, taxonomy: Taxonomy, stems: Stems) -> None:
        self._taxonomy = taxonomy
        self.phrases: list[_Phrase] = []
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        self.of_skill: dict[int, set[str]] = {}
        for node in taxonomy.nodes.values():
            if not node.assignable or node.retired:
                continue
            self.of_skill[node.id] = set()
            for text in (node.name, *node.aliases):
                cut = cut_into_stems(words_in(text), stems)
                if cut:
                    for stem in cut:
                        self.by_stem[stem].append(len(self.phrases))
                    self.phrases.append(_Phrase(node.id, text, cut))
                    self.of_skill[node.id] |= cut
        self.of_name = {skill: cut_into_stems(words_in(taxonomy.nodes[skill].name), stems) for skill in self.of_skill}
        self.trade = {
            skill: cut_into_stems(words_in(taxonomy.nodes[taxonomy.trade(skill)].name), stems)
            for skill in self.of_skill
        }

    @staticmethod
    def words(taxonomy: Taxonomy) -> set[str]:
        """Return every word that stems are needed for."""
        return {
            word
            for node in taxonomy.nodes.values()
            if not node.retired
            for text in (node.name, *node.aliases)
            for word in words_in(text)
        }

    @cached_property
    def known(self) -> tuple[str, ...]:
        """All stems, in a fixed order."""
        return tuple(sorted(self.by_stem))

    @cached_property
    def _rarity(self) -> dict[str, float]:
        speaks_for = Counter(stem for stems in self.of_skill.values() for stem in stems)
        return {stem: math.log(1 + len(self.of_skill) / (0.5 + count)) for stem, count in speaks_for.items()}

    def rarity(self, stem: str) -> float:
        """Return what a stem weighs: the fewer skills it speaks for, the more; none where it speaks for no skill."""
        return self._rarity.get(stem, 0.0)

    @cached_property
    def rarest(self) -> float:
        """What a stem of one skill alone weighs."""
        return math.log(1 + len(self.of_skill) / 1.5)


def cut_into_stems(words: Iterable[str], stems: Stems) -> frozenset[str]:
    """Return the stems of words, without those that say nothing."""
    return frozenset(stem for word in words if (stem := stems.get(word)))


def read_text(
    text: str, vocabulary: Vocabulary, stems: Stems, *, past: Sequence[PastText] = (), limit: int = 8
) -> list[Reading]:
    """Return the skills a text speaks of, the most likely first."""
    asked = _Asked.of(text, vocabulary, stems, past)
    if not asked.words:
        return []
    found: dict[int, _Found] = {}
    _by_name(asked, vocabulary, found)
    _by_trade(asked, vocabulary, found)
    _by_past(asked, past, stems, vocabulary, found)

    def named(skill: int) -> int:
        return len(vocabulary.of_name[skill] & asked.words.keys())  # of equals, the one that is called so

    ranked = sorted(found.items(), key=lambda item: (-item[1].score, -named(item[0]), item[0]))[: limit + 1]
    readings = []
    for place, (skill, one) in enumerate(ranked[:limit]):
        rival = ranked[place + 1][1].score if place + 1 < len(ranked) else 0.0
        readings.append(
            Reading(
                skill_id=skill,
                score=round(one.score, 3),
                sureness=_sureness(one.score, first=place == 0, lead=one.score - rival),
                words=tuple(dict.fromkeys(word for stem in one.stems for word in asked.words[stem][1])),
                because=one.because,
            )
        )
    return readings


def _sureness(score: float, *, first: bool, lead: float) -> Sureness:
    if first and score >= FROM_SURE and lead >= AHEAD_OF_NEXT:
        return Sureness.SURE
    return Sureness.LIKELY if score >= FROM_LIKELY else Sureness.CHECK


@dataclass(frozen=True)
class _Asked:
    """The stems of a text: how surely each is meant, and the words as they were typed."""

    words: Mapping[str, tuple[float, tuple[str, ...]]]

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary, stems: Stems, past: Sequence[PastText]) -> _Asked:
        held = {stem for one in past for stem in cut_into_stems(words_in(one.text), stems)}
        found: dict[str, tuple[float, tuple[str, ...]]] = {}
        for word in dict.fromkeys(words_in(text)):
            stem = stems.get(word)
            if not stem:
                continue
            meant, trust = stem, 1.0
            if stem not in vocabulary.by_stem and stem not in held:
                meant, trust = _short_for(word, stems, vocabulary.by_stem.keys() | held) or (stem, 1.0)
                if meant == stem and len(stem) >= SHORTEST_MISSPELLED:
                    meant, trust = _spelled_like(stem, vocabulary.known) or (stem, 1.0)
            before = found.get(meant, (0.0, ()))
            found[meant] = (max(trust, before[0]), (*before[1], word))
        return cls(found)

    def weight(self, stem: str) -> float:
        return self.words[stem][0] if stem in self.words else 0.0


def _short_for(word: str, stems: Stems, known: Collection[str]) -> tuple[str, float] | None:
    """Return the stem of the one known word that a word leaves vowels out of, as "wtr" does of "water".

    Where several known words would do, none is meant.
    """
    if len(word) < SHORTEST_SHORTENED:
        return None
    bones = _bones(word)
    meant = {
        stem
        for whole, stem in stems.items()
        if stem is not None
        and stem in known
        and whole[0] == word[0]
        and len(whole) > len(word)
        and _bones(whole) == bones
    }
    return (meant.pop(), PAST) if len(meant) == 1 else None


def _bones(word: str) -> str:
    """Return a word without the vowels after its first letter."""
    return word[0] + "".join(letter for letter in word[1:] if letter not in VOWELS)


def _spelled_like(stem: str, known: Sequence[str]) -> tuple[str, float] | None:
    from rapidfuzz import fuzz, process

    near = process.extractOne(stem, known, scorer=fuzz.ratio, score_cutoff=SPELLED_ALIKE)
    return (near[0], near[1] / 100 * PAST) if near and near[0][0] == stem[0] else None


@dataclass
class _Found:
    score: float
    stems: list[str]
    because: str | None


def _by_name(asked: _Asked, vocabulary: Vocabulary, found: dict[int, _Found]) -> None:
    total = sum(vocabulary.rarity(stem) * asked.weight(stem) for stem in asked.words)
    if not total:
        return
    touched = {index for stem in asked.words for index in vocabulary.by_stem.get(stem, ())}
    best: dict[int, tuple[float, _Phrase]] = {}
    for index in sorted(touched):
        phrase = vocabulary.phrases[index]
        shared = sum(vocabulary.rarity(stem) * asked.weight(stem) for stem in phrase.stems)
        alike = shared / math.sqrt(total * sum(vocabulary.rarity(stem) for stem in phrase.stems))
        if phrase.skill not in best or alike > best[phrase.skill][0]:
            best[phrase.skill] = (alike, phrase)
    for skill, (alike, phrase) in best.items():
        said = [stem for stem in asked.words if stem in vocabulary.of_skill[skill]]
        covered = sum(vocabulary.rarity(stem) * asked.weight(stem) for stem in said) / total
        found[skill] = _Found(PHRASE * alike + COVERED * covered, said, phrase.text)


def _by_trade(asked: _Asked, vocabulary: Vocabulary, found: dict[int, _Found]) -> None:
    """Let a trade's own words speak a little for all its skills that something else speaks for."""
    total = sum(vocabulary.rarity(stem) * asked.weight(stem) for stem in asked.words)
    for skill, one in found.items():
        said = sum(vocabulary.rarity(stem) * asked.weight(stem) for stem in vocabulary.trade[skill])
        if said and total:
            one.score = min(1.0, one.score + TRADE * said / total)


def _by_past(
    asked: _Asked, past: Sequence[PastText], stems: Stems, vocabulary: Vocabulary, found: dict[int, _Found]
) -> None:
    """Let the past text that is most alike speak for its skills; both kinds of likeness add up like chances."""
    cut = [cut_into_stems(words_in(one.text), stems) for one in past]
    held_by = Counter(stem for one in cut for stem in one)

    def weighs(stem: str) -> float:
        # Words of no skill count as far as they tell past texts apart.
        return vocabulary.rarity(stem) or min(vocabulary.rarest, math.log(1 + len(past) / (0.5 + held_by.get(stem, 0))))

    total = sum(weighs(stem) * asked.weight(stem) for stem in asked.words)
    best: dict[int, tuple[float, int]] = {}
    for index, held in enumerate(cut):
        said = sum(weighs(stem) * asked.weight(stem) for stem in held)
        if not said:
            continue
        alike = min(1.0, said / math.sqrt(total * sum(weighs(stem) for stem in held)))
        for skill in past[index].skills:
            if skill in vocabulary.of_skill and alike > best.get(skill, (0.0, 0))[0]:
                best[skill] = (alike, index)
    for skill, (alike, index) in best.items():
        one = found.setdefault(skill, _Found(0.0, [], None))
        named = one.score
        one.score = 1 - (1 - min(1.0, named)) * (1 - PAST * alike)
        if PAST * alike > named:
            one.because = None
        one.stems += [stem for stem in asked.words if stem in cut[index] and stem not in one.stems]


def needed_words(text: str, taxonomy: Taxonomy, past: Collection[PastText]) -> set[str]:
    """Return every word whose stem :func:`read_text` will ask for."""
    return {*words_in(text), *Vocabulary.words(taxonomy), *(word for one in past for word in words_in(one.text))}
