"""Pure: what the model needs to know about the skill tree, and how alike two skills are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

DAYS_PER_MONTH = 30.4375
ACCURACY_HALF_LIFE_DAYS = round(6.5 * DAYS_PER_MONTH)  # practice where accuracy counts
ROUTINE_HALF_LIFE_DAYS = round(13 * DAYS_PER_MONTH)  # practice of routine work

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SkillSpec:
    """One skill as the model sees it: its place in the tree, how fast practice fades, whether it is critical."""

    skill: int
    parent: int | None = None
    half_life_days: int = ACCURACY_HALF_LIFE_DAYS
    critical: bool = False

    def __post_init__(self) -> None:
        if self.half_life_days <= 0:
            raise ValueError(f"skill {self.skill} needs a half-life of at least one day, not {self.half_life_days}")


@dataclass(frozen=True)
class Catalogue:
    """All skills, checked: every parent exists and no skill is its own ancestor."""

    specs: tuple[SkillSpec, ...]

    def __post_init__(self) -> None:
        if len(self.row) != len(self.specs):
            raise ValueError("a skill appears twice in the catalogue")
        for spec in self.specs:
            if spec.parent is not None and spec.parent not in self.row:
                raise ValueError(f"skill {spec.skill} has parent {spec.parent}, which is not in the catalogue")
        for spec in self.specs:
            self.path(spec.skill)

    @classmethod
    def of(cls, specs: Iterable[SkillSpec]) -> Catalogue:
        """Build a catalogue in the order of skill ids, so that nothing depends on the order of rows."""
        return cls(tuple(sorted(specs, key=lambda spec: spec.skill)))

    @cached_property
    def row(self) -> dict[int, int]:
        """Return the position of each skill id in the arrays below."""
        return {spec.skill: position for position, spec in enumerate(self.specs)}

    @cached_property
    def half_life_days(self) -> Floats:
        """Practice half-lives.  # [skill], days."""
        return np.array([spec.half_life_days for spec in self.specs], dtype=np.float64)

    @cached_property
    def paths(self) -> Ints:
        """Ancestors from the top down to the skill itself, padded with -1.  # [skill, depth]."""
        paths = [self.path(spec.skill) for spec in self.specs]
        table = np.full((len(paths), max((len(path) for path in paths), default=1)), -1, dtype=np.int64)
        for position, path in enumerate(paths):
            table[position, : len(path)] = path
        return table

    def spec(self, skill: int) -> SkillSpec:
        """Return one skill's entry; an unknown skill is refused by number."""
        if skill not in self.row:
            raise ValueError(f"skill {skill} is not in the catalogue")
        return self.specs[self.row[skill]]

    def path(self, skill: int) -> tuple[int, ...]:
        """Return the ancestors of a skill from the top of the tree down to itself."""
        upwards = [skill]
        parent = self.spec(skill).parent
        while parent is not None:
            if parent in upwards:
                raise ValueError(f"skill {skill} is its own ancestor")
            upwards.append(parent)
            parent = self.spec(parent).parent
        return tuple(reversed(upwards))

    def positions(self, skills: Sequence[int]) -> Ints:
        """Return the array positions of some skills, refusing unknown ones."""
        for skill in skills:
            self.spec(skill)
        return np.array([self.row[skill] for skill in skills], dtype=np.int64)

    def shared_ancestors(self, left: Ints, right: Ints) -> Ints:
        """Count the ancestors two skills have in common, themselves included.  # [left, right]."""
        a, b = self.paths[left][:, None, :], self.paths[right][None, :, :]
        same = (a == b) & (a >= 0)
        shared: Ints = np.logical_and.accumulate(same, axis=2).sum(axis=2)
        return shared
