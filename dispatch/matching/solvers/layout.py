"""How a problem and a plan in the making lie in memory for the kernels.

Few wide arrays instead of many narrow ones: a kernel hands all of them to every helper it calls, and that hand-over is
what costs time. Each upper-case name is a column of the array named in its comment. Costs are hundredths of a unit
(`objective.UNIT`), instants seconds since the problem's start, places numbers of `travel.Ways`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Flags, Whole

# Data.slot
PLACE, DURATION, WINDOW_FROM, WINDOW_TO, DUE, LATE_RATE, PINNED_START, PUBLISHED_START, PENALTY = range(9)
# Data.shift
HOME, GOAL, PACE, SHIFT_START, SHIFT_END, SHIFT_LAST, MAX_LEG = range(7)
COST_PERCENT, OVERTIME_PERCENT, CALL_OUT, BREAK_FROM, BREAK_TO, WORKER = range(7, 13)
# Data.window
WINDOW_START, WINDOW_END, WINDOW_KIND = range(3)
# Data.rest
BREAK_EARLIEST, BREAK_LATEST, BREAK_LENGTH = range(3)
# Data.policy
RETIME_COST, RETIME_TOLERANCE, WAITING_PERCENT = range(3)
# State.stops
SLOT, START, LEAVE, PAUSE, TIME_COST, LATEST = range(6)
# State.routes
SIZE, COST, TIME_SUM = range(3)
# State.slots
ROUTE, LOW, HIGH, FIXED = range(4)


class Data(NamedTuple):
    """What never changes during a search."""

    seconds: npt.NDArray[np.int32]  # [from, to], or no rows when worked out from the vectors
    vectors: npt.NDArray[np.float64]  # [place, xyz]
    seconds_per_m: float
    slot: Whole  # [slot, column]
    shift: Whole  # [shift, column]
    window: Whole  # [window, column]; those of one slot follow each other
    rest: Whole  # [break, column]; those of one shift follow each other
    policy: Whole  # [column]
    pair: Whole  # [slot, technician] cost of who comes
    allowed: Flags  # [slot, shift]


class State(NamedTuple):
    """Routes in the making."""

    stops: Whole  # [shift, number, column]
    routes: Whole  # [shift, column]
    slots: Whole  # [slot, column]

    @property
    def sequence(self) -> Whole:
        """Slots of each route in order  # [shift, number]; only the first ``size`` count."""
        return self.stops[:, :, SLOT]

    @property
    def start(self) -> Whole:
        """Start of work of each stop  # [shift, number]."""
        return self.stops[:, :, START]

    @property
    def leave(self) -> Whole:
        """End of work of each stop  # [shift, number]."""
        return self.stops[:, :, LEAVE]

    @property
    def pause(self) -> Whole:
        """Next break after arriving at each stop  # [shift, number]."""
        return self.stops[:, :, PAUSE]

    @property
    def size(self) -> Whole:
        """Number of stops  # [shift]."""
        return self.routes[:, SIZE]

    @property
    def cost(self) -> Whole:
        """Search cost  # [shift]."""
        return self.routes[:, COST]

    @property
    def route_of(self) -> Whole:
        """Shift that serves each slot, -1 = none  # [slot]."""
        return self.slots[:, ROUTE]

    @property
    def low(self) -> Whole:
        """Earliest start of each slot  # [slot]."""
        return self.slots[:, LOW]

    @property
    def high(self) -> Whole:
        """Latest start of each slot  # [slot]."""
        return self.slots[:, HIGH]

    @property
    def fixed(self) -> Whole:
        """Whether the search must leave each slot where it is, 0 or 1  # [slot]."""
        return self.slots[:, FIXED]
