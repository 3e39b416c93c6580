"""Generated technician days without a price for levels other than preferred: the only form for 500 x 5,000."""

from pathlib import Path

from benchmarks.readers import rich
from benchmarks.readers.instance import Instance


def read(path: Path) -> Instance:
    """Read a file for the core objective."""
    return rich.read(path, core=True)
