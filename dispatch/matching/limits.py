"""The documented ranges: what lies outside them is refused, never clamped."""

from dispatch.units import SECONDS_PER_DAY, Seconds

MAX_COST = 1_000_000_000
MAX_TIME_S: Seconds = 400 * SECONDS_PER_DAY
MAX_DURATION_S: Seconds = 31 * SECONDS_PER_DAY
MAX_PERCENT = 10_000
MAX_RATE = 10_000
MAX_VISITS = 100_000
MAX_SHIFTS = 50_000
MAX_CREW = 12
MAX_PAIRS = 50_000_000
"""Places in crews times shifts: what a pair of them costs is remembered, which takes about 50 bytes."""

MAX_PIECES = 1_000_000
UNREACHABLE = -1
LEVELS = (1, 2, 3, 4, 5)
