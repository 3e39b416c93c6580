"""Service technician routing with too few people: some tasks have to be outsourced."""

from pathlib import Path

from benchmarks.readers import kovacs
from benchmarks.readers.instance import Instance


def read(path: Path) -> Instance:
    """Read a file of tasks with its reduced file of technicians."""
    return kovacs.read(path, technicians=kovacs.REDUCED)
