"""Solomon 1987 (doi 10.1287/opre.35.2.254): windows; distance cut to tenths, any number of vehicles."""

from pathlib import Path

from benchmarks.readers.best_known import SOLOMON
from benchmarks.readers.instance import Instance
from benchmarks.readers.routing import DIMACS, instance_of, read_solomon


def read(path: Path) -> Instance:
    """Read a file in Solomon's columns."""
    return instance_of(read_solomon(path), DIMACS, best_known=SOLOMON.get(path.stem.upper()))
