"""Readers: what turns a public data set into a problem.

`FAMILIES` names those that know an objective of their own; a new family is a module with ``read(path) -> Instance`` and
a line here.
"""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from benchmarks.readers.instance import Instance

FAMILIES: dict[str, str] = {
    "rich": "benchmarks.readers.rich",
    "rich-core": "benchmarks.readers.rich_core",
    "trsp": "benchmarks.readers.trsp",
    "kovacs": "benchmarks.readers.kovacs",
    "kovacs-reduced": "benchmarks.readers.kovacs_reduced",
    "solomon": "benchmarks.readers.solomon",
    "homberger": "benchmarks.readers.homberger",
    "vrptw": "benchmarks.readers.vrptw",
    "pcvrptw": "benchmarks.readers.pcvrptw",
    "sdvrptw": "benchmarks.readers.sdvrptw",
    "mdvrptw": "benchmarks.readers.mdvrptw",
    "vroom": "benchmarks.readers.vroom",
    "pragmatic": "benchmarks.readers.pragmatic",
}
"""Family to the module that reads its files."""


class Reader(Protocol):
    """A reader module."""

    def read(self, path: Path) -> Instance:
        """Read a file."""


def read(family: str, path: Path) -> Instance:
    """Read a file of a family."""
    return cast(Reader, import_module(FAMILIES[family])).read(path)
