"""Gehring & Homberger 1999: Solomon's columns with 200-1000 customers; fewest vehicles, then distance in doubles."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.readers.best_known import FLEET
from benchmarks.readers.instance import Instance
from benchmarks.readers.routing import DOUBLES, instance_of, read_solomon
from dispatch.matching.plan import Plan

CALL_OUT = 10_000.0
"""Cost of a vehicle used, in units of distance: more than moving its customers to others can cost."""


def read(path: Path) -> Instance:
    """Read a file; the objective is the distance, comparable with the best known one only for as many vehicles."""
    vehicles, distance = FLEET.get(path.stem.upper(), (None, None))
    instance = instance_of(read_solomon(path), DOUBLES, best_known=distance, call_out=CALL_OUT)

    def details(plan: Plan) -> dict[str, Any]:
        return instance.details(plan) | {"best_known_vehicles": vehicles}

    return replace(instance, details=details, call_out=CALL_OUT)
