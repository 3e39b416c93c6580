"""Pure: the numbers of the proficiency model, with their defaults and what each means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dispatch.skills.catalogue import Catalogue, Floats, Ints
from dispatch.skills.evidence import Trust

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Everything that could be fitted from an organisation's own history.

    Parameters
    ----------
    mean, sd
        Level of somebody nothing is known about, in levels.
    lasting
        Share of the variance that lasts and that neighbouring skills share; the rest is practice in one skill.
    lasting_half_life_days
        Half-life of the lasting share, in days.
    root_share, trade_share
        Likeness of two skills with nothing but the catalogue in common, and of two skills of one trade. Each
        further common ancestor halves what is missing to 1.
    slope, offset
        A job at level d is fixed at the first visit with chance `sigma(slope * (level - d + offset))`.
    loss_a_year, loss_size, loss_spread
        Chance a year that a level is suddenly lower in one skill, of a usual person (the facts of each weigh how far
        they differ); by how many levels on average, and the sd of that.
    single_outcome_days
        Outcomes in calendar months that ended longer ago than this are counted by skill, level and month.
    trust
        Overrides of the sources' own trust, by source name.
    """

    mean: float = 2.5
    sd: float = 1.0
    lasting: float = 0.9
    lasting_half_life_days: float = 20 * DAYS_PER_YEAR
    root_share: float = 0.1
    trade_share: float = 0.5
    slope: float = 1.0
    offset: float = 1.5
    loss_a_year: float = 0.02
    loss_size: float = 1.5
    loss_spread: float = 0.6
    single_outcome_days: int = 62
    trust: Mapping[str, Trust] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sd <= 0 or self.lasting_half_life_days <= 0 or self.slope <= 0:
            raise ValueError("sd, lasting_half_life_days and slope must be positive")
        if not 0 <= self.lasting <= 1:
            raise ValueError(f"lasting is a share from 0 to 1, not {self.lasting}")
        if self.loss_a_year < 0 or self.loss_spread <= 0:
            raise ValueError("loss_a_year must not be negative, and loss_spread must be positive")
        # Each level of the tree adds a component, and a component cannot have a negative variance.
        if not 0 <= self.root_share <= self.trade_share <= 1:
            raise ValueError("root_share and trade_share must rise from 0 to 1")

    def likeness(self, catalogue: Catalogue, left: Ints, right: Ints) -> Floats:
        """Correlation of the lasting parts of skills, given by catalogue positions.  # [left, right]."""
        shared = catalogue.shared_ancestors(left, right)
        depth = np.arange(catalogue.paths.shape[1] + 1)
        by_shared = np.where(depth == 0, self.root_share, 1 - (1 - self.trade_share) * 0.5 ** (depth - 1.0))
        return np.where(left[:, None] == right[None, :], 1.0, by_shared[shared])


DEFAULTS = Constants()
