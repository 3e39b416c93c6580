"""Units and places shared by every part: whole seconds, whole metres, WGS84 points."""

import math
from dataclasses import dataclass
from typing import TypeAlias

Seconds: TypeAlias = int
Metres: TypeAlias = int

SECONDS_PER_HOUR: Seconds = 3_600
SECONDS_PER_DAY: Seconds = 86_400
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of the earth in metres (IUGG), so that every part measures with the same globe."""

PLANE_M_PER_DEGREE = 100_000.0
"""Metres in a degree where points lie on a flat map."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A place on earth in degrees, WGS84; refuses what can not be a place of work (not a number, out of range, 0/0)."""

    lat: float
    lon: float

    def __post_init__(self) -> None:
        for name, value, limit in (("lat", self.lat, 90.0), ("lon", self.lon, 180.0)):
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value!r}: a finite number of degrees is needed")
            if abs(value) > limit:
                hint = "; latitude and longitude look swapped" if name == "lat" and abs(self.lon) <= 90.0 else ""
                raise ValueError(f"{name} is {value!r}: degrees between {-limit:g} and {limit:g} are needed{hint}")
        if self.lat == 0.0 and self.lon == 0.0:
            raise ValueError("lat and lon are both 0: this is the mark of a missing place, give the real one")


def great_circle_m(start: Point, end: Point) -> float:
    """Metres along the surface between two points; takes the short way round at the date line."""
    lat_a, lat_b = math.radians(start.lat), math.radians(end.lat)
    half_lat = math.sin((lat_b - lat_a) / 2.0)
    half_lon = math.sin(math.radians(end.lon - start.lon) / 2.0)
    inner = half_lat * half_lat + math.cos(lat_a) * math.cos(lat_b) * half_lon * half_lon
    return 2.0 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, inner)))
