"""How a run goes (pure): what its progress lines say about the last gain and about stopping now."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Line: TypeAlias = Mapping[str, Any]


def falling(lines: Sequence[Line]) -> list[Line]:
    """Return the lines in order of time; a run that began anew, as after the first plan, goes on from there."""
    kept: list[Line] = []
    for line in lines:
        while kept and kept[-1]["elapsed_s"] >= line["elapsed_s"]:
            kept.pop()
        kept.append(line)
    return kept


def last_gain(lines: Sequence[Line]) -> tuple[float, float] | None:
    """Return how many seconds ago the plan got better and by how many per cent; None while it has not yet."""
    found = falling(lines)
    for before, after in zip(reversed(found[:-1]), reversed(found[1:]), strict=True):
        if after["cost"] < before["cost"]:
            return found[-1]["elapsed_s"] - after["elapsed_s"], 100 * (before["cost"] - after["cost"]) / before["cost"]
    return None


def lost_by_stopping(lines: Sequence[Line], limit_s: float) -> int | None:
    """Return about how many more visits the rest of the time would bring in on time; None while that is not known.

    A search gains about as much in each doubling of its time as in the doubling before, or less.
    """
    found = falling(lines)
    if len(found) < 2 or found[-1]["elapsed_s"] <= 0:
        return None
    now = found[-1]
    half = [line for line in found if line["elapsed_s"] <= now["elapsed_s"] / 2]
    if not half:
        return None
    gained = max(0, _missing(half[-1]) - _missing(now))
    doublings = math.log2(max(1.0, limit_s / now["elapsed_s"]))
    return min(_missing(now), round(gained * doublings))


def _missing(line: Line) -> int:
    return int(line["unserved"]) + int(line["late"])
