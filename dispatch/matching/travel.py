"""Ways between places: metres and seconds, and where they come from.

One interface for all sources: `Ways` knows the places of a problem by number and gives whole seconds and metres between
any two. Up to `MATRIX_PLACES` places the seconds are kept as a square array; above, the search works them out from unit
vectors on the fly, so that no n x n array is ever built. Unit vectors have no seam: the date line and the poles need no
care.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dispatch.matching.problem import UNREACHABLE, Point, Travel
from dispatch.units import EARTH_RADIUS_M, PLANE_M_PER_DEGREE, Metres, Seconds

MATRIX_PLACES = 4_000
GREAT_CIRCLE = "great_circle"
PLANE = "plane"

CURVE_BITS = 16
"""Halvings of the map in each direction for the order of places."""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """Travel between numbered places.

    Attributes
    ----------
    points
        The places, in the order of their numbers.
    vectors
        Unit vectors of the places, or metres on a plane  # [place, xyz].
    seconds
        Travel time  # [from, to], seconds; no rows when there are too many places. -1 = unreachable.
    metres
        Given distances  # [from, to]; no rows when they follow from the vectors.
    detour
        Metres of road per metre of great circle.
    seconds_per_m
        Travel time per metre of the direct way.
    plane
        Whether the vectors are metres on a plane.
    source
        Name shown with every stop.
    """

    points: tuple[Point, ...]
    vectors: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.int32]
    metres: npt.NDArray[np.int32]
    detour: float
    seconds_per_m: float
    plane: bool
    source: str

    def way(self, start: int, end: int) -> tuple[Seconds, Metres]:
        """Seconds and metres from one place to another; (-1, -1) if there is no way."""
        if len(self.metres):
            return int(self.seconds[start, end]), int(self.metres[start, end])
        x, y, z = (self.vectors[start] - self.vectors[end]).tolist()
        chord = math.sqrt(x * x + y * y + z * z)
        direct = chord if self.plane else arc_m(chord)
        return math.floor(direct * self.seconds_per_m + 0.5), math.floor(direct * self.detour + 0.5)

    def ways_along(self, places: Sequence[int]) -> list[tuple[Seconds, Metres]]:
        """Seconds and metres from each place to the one after it, as `way` gives them one by one."""
        start, end = np.array(places[:-1], dtype=np.int64), np.array(places[1:], dtype=np.int64)
        if len(self.metres):
            found = self.seconds[start, end], self.metres[start, end]
        else:
            x, y, z = (self.vectors[start] - self.vectors[end]).T
            chord = np.sqrt(x * x + y * y + z * z)
            direct = chord if self.plane else 2.0 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, chord / 2.0))
            found = np.floor(direct * self.seconds_per_m + 0.5), np.floor(direct * self.detour + 0.5)
        return list(zip(*(np.asarray(each, dtype=np.int64).tolist() for each in found), strict=True))


def arc_m(chord: float) -> float:
    """Give great circle metres for the chord between unit vectors; it stays exact for places close together."""
    return 2.0 * EARTH_RADIUS_M * float(np.arcsin(min(1.0, chord / 2.0)))


def ways_between(points: Iterable[Point], travel: Travel) -> Ways:
    """Prepare travel between the distinct ``points``, numbered so that those near each other have numbers near too.

    The search looks up ways from one place to many that lie together: then they lie together in memory as well.
    """
    places = _along_a_curve(set(points))
    vectors = vectors_of(places, plane=travel.plane)
    speed = travel.speed_kmh / 3.6
    detour = travel.detour_percent / 100.0
    none = np.zeros((0, 0), dtype=np.int32)
    if travel.matrix is not None:
        number = {point: index for index, point in enumerate(travel.matrix.points)}
        chosen = np.array([number[point] for point in places], dtype=np.int64)
        grid = np.ix_(chosen, chosen)
        seconds = np.array(travel.matrix.travel_s, dtype=np.int32).reshape(len(number), -1)[grid]
        metres = np.array(travel.matrix.travel_m, dtype=np.int32).reshape(len(number), -1)[grid]
        metres[seconds == UNREACHABLE] = UNREACHABLE
        source = travel.matrix.source
    else:
        small = len(places) <= MATRIX_PLACES
        seconds = _square(vectors, detour / speed, travel.plane) if small else none
        metres, source = none, PLANE if travel.plane else GREAT_CIRCLE
    return Ways(
        points=places,
        vectors=vectors,
        seconds=seconds,
        metres=metres,
        detour=detour,
        seconds_per_m=detour / speed,
        plane=travel.plane,
        source=source,
    )


def _along_a_curve(points: set[Point]) -> tuple[Point, ...]:
    """Order points along the Z-shaped curve of Morton (1966), which fills one quarter of the map after the other."""
    ordered = sorted(points, key=lambda point: (point.lat, point.lon))
    degrees = np.array([(point.lat, point.lon) for point in ordered], dtype=np.float64).reshape(len(ordered), 2)
    low, high = degrees.min(axis=0, initial=np.inf), degrees.max(axis=0, initial=-np.inf)
    cells = ((degrees - low) / np.maximum(high - low, 1e-9) * ((1 << CURVE_BITS) - 1)).astype(np.int64)
    along = np.zeros(len(ordered), dtype=np.int64)
    for bit in range(CURVE_BITS):
        along |= (cells[:, 0] >> bit & 1) << 2 * bit | (cells[:, 1] >> bit & 1) << 2 * bit + 1
    return tuple(ordered[index] for index in np.argsort(along, kind="stable").tolist())


def vectors_of(points: Sequence[Point], *, plane: bool) -> npt.NDArray[np.float64]:
    """Give metres on a plane, or unit vectors on the globe  # [place, xyz]."""
    degrees = np.array([(point.lat, point.lon) for point in points], dtype=np.float64).reshape(len(points), 2)
    return _on_a_plane(degrees) if plane else _on_the_globe(degrees)


def _on_the_globe(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give unit vectors  # [place, xyz]."""
    lat, lon = np.radians(degrees[:, 0]), np.radians(degrees[:, 1])
    return np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)), axis=1)


def _on_a_plane(degrees: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give metres, free of the rounding that comes with degrees  # [place, xyz]."""
    metres = np.round(degrees * PLANE_M_PER_DEGREE, 3)
    return np.stack((metres[:, 1], metres[:, 0], np.zeros(len(metres))), axis=1)


def _square(vectors: npt.NDArray[np.float64], seconds_per_m: float, plane: bool) -> npt.NDArray[np.int32]:
    """All travel times at once, row by row to keep the peak of memory low."""
    size = len(vectors)
    seconds = np.zeros((size, size), dtype=np.int32)
    for row in range(size):
        chord = np.sqrt(np.sum((vectors - vectors[row]) ** 2, axis=1))
        metres = chord if plane else 2.0 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, chord / 2.0))
        seconds[row] = np.floor(metres * seconds_per_m + 0.5)
    return seconds
