"""Progress lines with seconds, so that nobody wonders whether something still happens."""

import contextlib
import time
from collections.abc import Iterator

import click


class Progress:
    """Prints what happens and when, counted from the moment it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """Print one line."""
        click.echo(f"[{time.monotonic() - self._began:6.1f} s] {what}")

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[list[str]]:
        """Print a line when the step is done, with its own time; text added to the list is printed with it."""
        began = time.monotonic()
        details: list[str] = []
        yield details
        more = f": {', '.join(details)}" if details else ""
        self.say(f"{what}{more} ({time.monotonic() - began:.1f} s)")
