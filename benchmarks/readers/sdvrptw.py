"""Site dependent (Cordeau & Laporte 2001): only some vehicles may serve a customer, and none is out for too long."""

from pathlib import Path

from benchmarks.readers.instance import Instance
from benchmarks.readers.routing import THOUSANDTHS, cost_beside, instance_of, read_vrplib


def read(path: Path) -> Instance:
    """Read a file; the solution beside it says the best known cost."""
    return instance_of(read_vrplib(path), THOUSANDTHS, printed=1_000, best_known=cost_beside(path))
