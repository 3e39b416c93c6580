"""Pure: how likely each next answer or job succeeds, from plain sequences of (skill, correct) alone.

For organisations, schools and studies whose records hold no levels, dates or needs: only which skill was asked and
whether it worked, in order. `fit` learns from the sequences of some people, `Tracing.chances` goes along the sequence
of anybody and says before each step how likely it succeeds, knowing only the steps before it.

A step is described by what is known before it (performance factor analysis and its successors with windows, e.g.
DAS3H, doi 10.48550/arXiv.1905.06873, and Gervet et al. 2020, doi 10.5281/zenodo.4143614):

- how the skill went with other people: always, at the n-th time, after the last two results in it, and after the one
  or two steps before, whatever their skill (work that needs several skills is one event written in several rows);
- how this person did against what was expected of them: overall, lately (fading windows), in this skill, and in other
  skills weighed by how these two went together with other people (a general factor and its finer relatives);
- counts, runs and gaps.

Rates of rare cases are drawn towards the more general rate. For the people learned from they are counted without the
fifth of the people they belong to, else every step would have been told its own answer. Boosted trees turn the
description into a chance, which is calibrated on people set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from dispatch.skills.boosting import Floats, Trees, grow

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.int8]

FOLDS = 5
MOST_CELLS = 1 << 22  # of a table of rates; above, cases share cells
COUNTED_TO = 15
FEATURES = 31
MOST_SKILLS = 1500  # with a row of their own in the table of what goes together; the rarer ones share one


@dataclass(frozen=True, kw_only=True)
class Tracing:
    """What was learned; ask `chances`."""

    skills: dict[object, int]
    rates: tuple[Floats, ...]  # [fold, cell, (tried, succeeded)] by kind of case, the last fold empty
    together: Floats  # [fold, skill, skill]
    trees: Trees
    people: int
    steps: int

    def chances(self, sequences: Iterable[Sequence[tuple[object, bool]]]) -> list[Floats]:
        """Return for each person the chance of success before each step; skills never seen are taken as average."""
        unknown = len(self.skills)
        rows = _Rows.of(sequences, self.skills)
        if not len(rows.skill):
            return [np.zeros(0) for _ in range(rows.people)]
        fold = np.full(rows.people, FOLDS)
        table = rows.described(fold, unknown + 1, self.rates, self.together)
        chance = 1 / (1 + np.exp(-self.trees.logits(table)))
        return np.split(chance, rows.begins[1:-1])


def fit(sequences: Iterable[Sequence[tuple[object, bool]]]) -> Tracing:
    """Learn from the sequences of some people.

    Parameters
    ----------
    sequences
        For each person the steps in order, each a skill (any hashable name) and whether it worked.

    Raises
    ------
    ValueError
        With fewer than 20 people or 500 steps: too little to learn from.
    """
    known = [list(each) for each in sequences]
    skills: dict[object, int] = {}
    for each in known:
        for skill, _ in each:
            skills.setdefault(skill, len(skills))
    rows = _Rows.of(known, skills)
    if rows.people < 20 or len(rows.skill) < 500:
        raise ValueError(
            f"{rows.people} people with {len(rows.skill)} steps are too little to learn from; it takes 20 and 500"
        )
    fold = np.arange(rows.people) % FOLDS
    size = len(skills) + 1
    cells = [size, *(min(size * each, MOST_CELLS) for each in (COUNTED_TO + 1, 9, 2 * size, 4 * size))]
    rates = tuple(np.zeros((FOLDS + 1, each, 2)) for each in cells)
    _count(rows.skill, rows.correct, rows.begins, fold, size, rates)
    together = _together(rows, fold, rates[0], min(size, MOST_SKILLS))
    table = rows.described(fold, size, rates, together)
    # Every tenth person judges when to stop; dealt out so that each fold has some.
    aside = np.repeat((np.arange(rows.people) // FOLDS) % 10 == 0, np.diff(rows.begins))
    trees = grow(table, rows.correct.astype(np.float64), aside)
    return Tracing(
        skills=skills, rates=rates, together=together, trees=trees, people=rows.people, steps=len(rows.skill)
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """All steps of all people behind each other."""

    skill: Ints  # [step], number
    correct: Marks  # [step]
    begins: Ints  # [person + 1], first step of each and the end

    @property
    def people(self) -> int:
        return len(self.begins) - 1

    def described(self, fold: Ints, many: int, rates: tuple[Floats, ...], together: Floats) -> Floats:
        """Describe each step by what is known before it, counting rates without the person's fold."""
        totals = tuple(each.sum(axis=0) for each in rates)
        result: Floats = _describe(self.skill, self.correct, self.begins, fold, many, rates, totals, together)
        return result

    @classmethod
    def of(cls, sequences: Iterable[Sequence[tuple[object, bool]]], skills: dict[object, int]) -> _Rows:
        known, unknown = list(sequences), len(skills)
        return cls(
            skill=np.array([skills.get(skill, unknown) for each in known for skill, _ in each], dtype=np.int64),
            correct=np.array([bool(correct) for each in known for _, correct in each], dtype=np.int8),
            begins=np.concatenate([[0], np.cumsum([len(each) for each in known])]).astype(np.int64),
        )


def _together(rows: _Rows, fold: Ints, rates: Floats, size: int) -> Floats:
    """How far doing better than expected in one skill goes with another, without each fold.  # [fold, skill, skill]."""
    person = np.repeat(np.arange(rows.people), np.diff(rows.begins))
    mine = fold[person]
    tried = rates[:FOLDS, :, 0].sum(0)[rows.skill] - rates[mine, rows.skill, 0]
    right = rates[:FOLDS, :, 1].sum(0)[rows.skill] - rates[mine, rows.skill, 1]
    surprise = rows.correct - (right + 3 * rows.correct.mean()) / (tried + 3)
    column = np.minimum(rows.skill, size - 1)
    total = np.zeros((rows.people, size), dtype=np.float32)
    times = np.zeros((rows.people, size), dtype=np.float32)
    np.add.at(total, (person, column), surprise)
    np.add.at(times, (person, column), 1)
    level, seen = total / (times + 3), (times > 0).astype(np.float32)
    result = np.zeros((FOLDS + 1, size, size))
    for left_out in range(FOLDS + 1):
        rest = fold != left_out
        result[left_out] = (level[rest].T @ level[rest]) / (seen[rest].T @ seen[rest] + 20)
        scale = np.sqrt(np.maximum(np.diag(result[left_out]), 1e-6))
        result[left_out] /= scale[:, None] * scale[None, :]
    return result


@njit(cache=True)
def _cases(
    skills: Ints,
    correct: Marks,
    at: int,
    begin: int,
    nth: int,
    last: int,
    before: int,
    many: int,
    sizes: Ints,
    cells: Ints,
) -> None:
    """Cell of each kind of case that a step belongs to; -1 where it is none (no step before)."""
    skill = skills[at]
    cells[0] = skill
    cells[1] = (skill * (COUNTED_TO + 1) + min(nth, COUNTED_TO)) % sizes[1]
    cells[2] = (skill * 9 + (last + 1) * 3 + before + 1) % sizes[2]
    cells[3] = cells[4] = -1
    if at > begin:
        pair = skills[at - 1] * many + skill
        cells[3] = (pair * 2 + correct[at - 1]) % sizes[3]
        if at > begin + 1:
            cells[4] = (pair * 4 + correct[at - 1] * 2 + correct[at - 2]) % sizes[4]


@njit(cache=True)
def _count(skills: Ints, correct: Marks, begins: Ints, fold: Ints, many: int, rates: tuple[Floats, ...]) -> None:
    """Count tries and successes of every case, by the fold of the person."""
    kinds = len(rates)
    sizes = np.array([rates[kind].shape[1] for kind in range(kinds)])
    cells = np.zeros(kinds, dtype=np.int64)
    for person in range(len(begins) - 1):
        nth = np.zeros(many, dtype=np.int64)
        last, before = np.full(many, -1), np.full(many, -1)
        begin = begins[person]
        for at in range(begin, begins[person + 1]):
            skill = skills[at]
            _cases(skills, correct, at, begin, nth[skill], last[skill], before[skill], many, sizes, cells)
            for kind in range(kinds):
                if cells[kind] >= 0:
                    rates[kind][fold[person], cells[kind], 0] += 1
                    rates[kind][fold[person], cells[kind], 1] += correct[at]
            nth[skill] += 1
            before[skill], last[skill] = last[skill], correct[at]


@njit(cache=True)
def _rate(
    rates: tuple[Floats, ...],
    totals: tuple[Floats, ...],
    kind: int,
    cell: int,
    mine: int,
    towards: float,
    strength: float,
) -> float:
    """Rate of a case among the others, drawn towards a more general rate as if seen `strength` times."""
    if cell < 0:
        return towards
    tried = totals[kind][cell, 0] - rates[kind][mine, cell, 0]
    right = totals[kind][cell, 1] - rates[kind][mine, cell, 1]
    drawn: float = (right + strength * towards) / (tried + strength)
    return drawn


@njit(cache=True)
def _logit(chance: float) -> float:
    logit: float = np.log(chance / (1 - chance))
    return logit


# What is kept of a person in each skill: columns of a table.  # [skill, column]
NTH, LAST, BEFORE, SEEN_AT, WINS, SURPLUS, ELO, SHORT, LONG = range(9)
# What is kept of a person on the whole; three fading windows and their weights come last.
TOTAL, GENERAL, LATELY, STREAK, RUN, DISTINCT, FADED, WEIGHT = 0, 1, 2, 3, 4, 5, 6, 9


@njit(cache=True)
def _elsewhere(skill: int, like: Floats, own: Floats, met: Ints, distinct: int) -> float:
    """How much better than expected it went in other skills, weighed by how they go with this one."""
    last = len(like) - 1
    near, weight = 0.0, 0.5
    for index in range(distinct):
        other = met[index]
        here = like[min(skill, last), min(other, last)]
        near += here * own[other, SURPLUS] / (own[other, NTH] + 2.0)
        weight += abs(here) * own[other, NTH] / (own[other, NTH] + 2.0)
    return near / weight


@njit(cache=True)
def _write(row: Floats, at: int, steps: int, skills: Ints, correct: Marks, own: Floats, whole: Floats) -> None:
    """Fill in what this person did so far; rates and relatives are there already."""
    mine = own[skills[at]]
    row[6] = whole[TOTAL] / (steps + 5.0)
    for window in range(3):
        row[7 + window] = whole[FADED + window] / (whole[WEIGHT + window] + 1.0)
    row[10] = mine[SURPLUS] / (mine[NTH] + 2.0)
    row[11], row[12] = mine[SHORT], mine[LONG]
    row[14], row[15] = np.log1p(mine[WINS]), np.log1p(mine[NTH] - mine[WINS])
    row[16] = np.log1p(steps)
    row[17] = -1.0 if mine[SEEN_AT] < 0 else np.log1p(at - mine[SEEN_AT])
    row[18] = whole[RUN]
    for back in range(1, 4):
        row[18 + back] = correct[at - back] if steps >= back else -1
    row[22], row[23], row[24] = mine[LAST], mine[BEFORE], whole[STREAK]
    row[25] = 1.0 if steps >= 1 and skills[at - 1] == skills[at] else 0.0
    row[26] = 1.0 if steps >= 2 and skills[at - 2] == skills[at] else 0.0
    row[27], row[28], row[29] = np.log1p(whole[DISTINCT]), whole[GENERAL], whole[LATELY]


@njit(cache=True)
def _learn(own: Floats, whole: Floats, at: int, steps: int, worked: float, usual: float, expected: float) -> None:
    """Take one result in: ``own`` is the row of its skill, ``usual`` what others do, ``expected`` what they do."""
    surprise = worked - usual
    whole[TOTAL] += surprise
    for window in range(3):
        keep = 0.6 if window == 0 else (0.85 if window == 1 else 0.96)
        whole[FADED + window] = keep * whole[FADED + window] + surprise
        whole[WEIGHT + window] = keep * whole[WEIGHT + window] + 1.0
    off = worked - 1 / (1 + np.exp(-expected))
    whole[GENERAL] += off * (0.4 / (1 + 0.05 * steps))
    own[ELO] += off * (0.8 / (1 + 0.1 * own[NTH]))
    own[SURPLUS] += surprise
    own[SHORT] = 0.5 * own[SHORT] + 0.5 * surprise
    own[LONG] = 0.8 * own[LONG] + 0.2 * surprise
    own[WINS] += worked
    own[NTH] += 1
    own[BEFORE], own[LAST], own[SEEN_AT] = own[LAST], worked, at
    whole[LATELY] = 0.9 * whole[LATELY] + 0.1 * worked
    whole[STREAK] = max(whole[STREAK], 0.0) + 1 if worked else min(whole[STREAK], 0.0) - 1


@njit(cache=True)
def _describe(
    skills: Ints,
    correct: Marks,
    begins: Ints,
    fold: Ints,
    many: int,
    rates: tuple[Floats, ...],
    totals: tuple[Floats, ...],
    together: Floats,
) -> Floats:
    """Describe each step by what is known before it.  # [step, feature]."""
    kinds = len(rates)
    sizes = np.array([rates[kind].shape[1] for kind in range(kinds)])
    cells = np.zeros(kinds, dtype=np.int64)
    overall = (totals[0][:, 1].sum() + 1) / (totals[0][:, 0].sum() + 2)
    table = np.zeros((len(skills), FEATURES))
    for person in range(len(begins) - 1):
        mine, begin = fold[person], begins[person]
        own, whole, met = np.zeros((many, 9)), np.zeros(12), np.zeros(many, dtype=np.int64)
        own[:, LAST : SEEN_AT + 1] = -1
        for at in range(begin, begins[person + 1]):
            skill, steps, row = skills[at], at - begin, table[at]
            known = own[skill]
            nth, last, before = int(known[NTH]), int(known[LAST]), int(known[BEFORE])
            _cases(skills, correct, at, begin, nth, last, before, many, sizes, cells)
            usual = _rate(rates, totals, 0, cells[0], mine, overall, 5.0)
            practised = _rate(rates, totals, 1, cells[1], mine, usual, 10.0)
            after_two = _rate(rates, totals, 2, cells[2], mine, usual, 10.0)
            after_step = _rate(rates, totals, 3, cells[3], mine, after_two, 8.0)
            after_both = _rate(rates, totals, 4, cells[4], mine, after_step, 8.0)
            whole[RUN] = whole[RUN] + 1 if at > begin and skills[at - 1] == skill else 0
            expected = _logit(practised) + whole[GENERAL] + known[ELO]
            row[0], row[1], row[2] = _logit(usual), _logit(practised), _logit(after_two)
            row[3], row[4], row[5] = _logit(after_step), _logit(after_both), expected
            row[13] = _elsewhere(skill, together[mine], own, met, int(whole[DISTINCT]))
            row[30] = np.log1p(totals[0][skill, 0] - rates[0][mine, skill, 0])
            _write(row, at, steps, skills, correct, own, whole)
            if nth == 0:
                met[int(whole[DISTINCT])] = skill
                whole[DISTINCT] += 1
            _learn(known, whole, at, steps, float(correct[at]), practised, expected)
    return table
