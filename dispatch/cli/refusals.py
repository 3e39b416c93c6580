"""Refusals a person can act on are one line on standard error, not a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from dispatch.cli import children
from dispatch.core import embedded
from dispatch.core.errors import ServiceError

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what the services, the database and the processes refuse into a line and exit code 1."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (embedded.DatabaseUnavailable, children.RunRefused, ServiceError) as error:
            raise click.ClickException(str(error)) from error

    return wrapped
