"""Gehring & Homberger's customers in VRPLIB form: distance cut to tenths (DIMACS), any number of vehicles."""

from pathlib import Path

from benchmarks.readers.instance import Instance
from benchmarks.readers.routing import DIMACS, cost_beside, instance_of, read_vrplib


def read(path: Path) -> Instance:
    """Read a file; the solution beside it says the best known cost."""
    return instance_of(read_vrplib(path), DIMACS, printed=1, best_known=cost_beside(path))
