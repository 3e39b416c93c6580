"""How a problem and a plan in the making lie in memory for the kernels.

Few wide arrays instead of many narrow ones: a kernel hands all of them to every helper it calls, and that hand-over is
what costs time. Each upper-case name is a column of the array named in its comment. Costs are hundredths of a unit
(`objective.UNIT`), instants seconds since the problem's start, places numbers of `travel.Ways`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dispatch.matching.constraint import Flags, Whole

# Data.slot; behind them come the parts a slot uses up, by kind, and the tools it needs, 0 or 1
PLACE, DURATION, WINDOW_FROM, WINDOW_TO, DUE, LATE_RATE, PINNED_START, PUBLISHED_START, PENALTY = range(9)
SITE, SETUP, SHARED, LINK_FROM, LINK_TO, ORDER, TOLD, PLAIN, WHOLE = range(9, 18)
NEED = 18
# Data.shift; behind them come the parts on the van, by kind, and the tools, 0 or 1
HOME, GOAL, PACE, SHIFT_START, SHIFT_END, SHIFT_LAST, MAX_LEG = range(7)
COST_PERCENT, OVERTIME_PERCENT, CALL_OUT, BREAK_FROM, BREAK_TO, WORKER = range(7, 13)
MAX_DRIVE, MAX_LENGTH, MAX_VISITS, GROUP_FROM, GROUP_TO, DEPOT, DEPOT_TIME, LENGTH, LATE, RELATIVE, BARE = range(13, 24)
STOCK = 24
# Data.window
WINDOW_START, WINDOW_END, WINDOW_KIND = range(3)
# Data.rest
BREAK_EARLIEST, BREAK_LATEST, BREAK_LENGTH, BREAK_RELATIVE = range(4)
# Data.relation: for a slot the slots it is linked to and how, for a shift the shifts of its group and their capacity
OTHER, BOND = range(2)
# Data.policy; DEPOT_STAYS is 1 where a stop is priced as if the depot stayed where it is in the route
RETIME_COST, RETIME_TOLERANCE, WAITING_PERCENT, UNEVEN, LONG_OVERTIME, PARTS, TOOLS = range(7)
PLANE, SYMMETRIC, DEPOT_STAYS = range(7, 10)
# State.stops; THERE is the place, WAY the drive from the place before; behind them the parts used up so far, by kind
SLOT, THERE, WAY, LEAVE, LATEST, START, PAUSE, TIME_COST, WAITED = range(9)
# of the stops from here to the end place: least length, and the earliest start that reaches it
REST_LENGTH, REST_EARLIEST = range(9, 11)
# of the way from the start place up to leaving here: least length, first and last departure for it
LENGTH_SO_FAR, DEPART_FIRST, DEPART_LAST = range(11, 14)
USED = 14
# State.routes
SIZE, COST, SAVING, PAIRED, DRIVEN, WORKED, WAITING, FINISH = range(8)
ORIGIN, INTRICATE, DEPOT_AT, LOCKED, CHANGED, HOMEWARD = range(8, 14)
ROUTE_COLUMNS = 14
# State.slots
ROUTE, LOW, HIGH, FIXED, AT = range(5)
SLOT_COLUMNS = 5


class Data(NamedTuple):
    """What never changes during a search."""

    seconds: npt.NDArray[np.int32]  # [from, to], or no rows when worked out from the vectors
    vectors: npt.NDArray[np.float64]  # [place, xyz]
    seconds_per_m: float
    slot: Whole  # [slot, column]
    shift: Whole  # [shift, column]
    window: Whole  # [window, column]; those of one slot follow each other
    rest: Whole  # [break, column]; those of one shift follow each other
    relation: Whole  # [relation, column]; those of one slot or shift follow each other
    policy: Whole  # [column]
    pair: Whole  # [slot, technician] cost of who comes
    allowed: Flags  # [slot, shift]


class State(NamedTuple):
    """Routes in the making."""

    stops: Whole  # [shift, number, column]
    routes: Whole  # [shift, column]
    slots: Whole  # [slot, column]
    trial: Whole  # [1, number, column] a route being tried

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
    def depot_at(self) -> Whole:
        """Number of the stop before which the depot is visited, -1 = not at all  # [shift]."""
        return self.routes[:, DEPOT_AT]

    @property
    def changed(self) -> Whole:
        """How many published slots each route serves otherwise than published  # [shift]."""
        return self.routes[:, CHANGED]

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
