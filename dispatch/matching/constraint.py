"""The shape of a rule: what it forbids, prices and limits, given as plain arrays for the solvers.

A rule is a module of ``constraints/`` with any of these functions:

``forbids(scope)``
    Boolean array [slot, shift], True where the rule forbids the pair.
``refusal(scope, slot, shift)``
    The `Reason` for one forbidden pair, None if the rule does not forbid it. Goes with ``forbids``.
``prices(scope)``
    Whole costs [slot, technician] added when the pair is served, under the name of their `Cost` term.
``limits(scope)``
    Named arrays that bound the timetable of a route.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dispatch.matching.plan import Reason
from dispatch.matching.problem import CrewSlot, Problem, Shift, Technician, Visit

Flags: TypeAlias = npt.NDArray[np.bool_]
Whole: TypeAlias = npt.NDArray[np.int64]
Prices: TypeAlias = Mapping[str, Whole]
Limits: TypeAlias = Mapping[str, Whole]

FAR = 1 << 40
"""Later than any instant of a problem; stands for "no limit" in arrays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One crew slot of one visit: what is placed in a route."""

    visit: Visit
    number: int
    crew: CrewSlot


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A problem in the order of all arrays: slots, shifts and technicians by id, whatever order they came in."""

    problem: Problem
    slots: tuple[Slot, ...]
    shifts: tuple[Shift, ...]
    technicians: tuple[Technician, ...]

    @classmethod
    def of(cls, problem: Problem) -> "Scope":
        """Order the parts of ``problem`` by their ids."""
        visits = sorted(problem.visits, key=lambda item: item.id)
        return cls(
            problem=problem,
            slots=tuple(
                Slot(visit=visit, number=number, crew=crew)
                for visit in visits
                for number, crew in enumerate(visit.crew)
            ),
            shifts=tuple(sorted(problem.shifts, key=lambda item: item.id)),
            technicians=tuple(sorted(problem.technicians, key=lambda item: item.id)),
        )

    @cached_property
    def technician_index(self) -> Mapping[str, int]:
        """Row of each technician id."""
        return {item.id: index for index, item in enumerate(self.technicians)}

    @cached_property
    def slot_index(self) -> Mapping[tuple[str, int], int]:
        """Row of each (visit id, crew slot number)."""
        return {(item.visit.id, item.number): index for index, item in enumerate(self.slots)}

    @cached_property
    def shift_index(self) -> Mapping[str, int]:
        """Row of each shift id."""
        return {item.id: index for index, item in enumerate(self.shifts)}

    @cached_property
    def technician_of(self) -> Whole:
        """Row of the technician of each shift  # [shift]."""
        return np.array([self.technician_index[item.technician] for item in self.shifts], dtype=np.int64)

    def technician(self, shift: int) -> Technician:
        """Who works shift number ``shift``."""
        return self.technicians[int(self.technician_of[shift])]

    def no_pairs(self) -> Flags:
        """Nothing forbidden  # [slot, shift]."""
        return np.zeros((len(self.slots), len(self.shifts)), dtype=np.bool_)

    def no_prices(self) -> Whole:
        """Nothing priced  # [slot, technician]."""
        return np.zeros((len(self.slots), len(self.technicians)), dtype=np.int64)


def half_up(value: float) -> int:
    """Round to the nearest whole number, halves up, for the few costs that start as a fraction."""
    return int(np.floor(value + 0.5))


__all__ = ["FAR", "Flags", "Limits", "Prices", "Reason", "Scope", "Slot", "Whole", "half_up"]
