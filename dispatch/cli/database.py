"""What commands that touch the database share: one transaction, and refusals as one line."""

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import dispatch.models  # noqa: F401 - foreign keys point across features, so all tables must be known
from dispatch.cli import children
from dispatch.core import embedded, migrate
from dispatch.core.config import settings
from dispatch.core.db import make_engine, make_sessions
from dispatch.core.errors import ServiceError

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the refusals a person can act on into one line on standard error and exit code 1."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (embedded.DatabaseUnavailable, children.RunRefused, ServiceError) as error:
            raise click.ClickException(str(error)) from error

    return wrapped


@contextlib.contextmanager
def transaction() -> Iterator[Session]:
    """Give a session with the rights of the application; commits at the end, rolls back when anything is raised.

    Starts the embedded server where no address is set and nobody else runs it. Refused while the schema is not the
    one this version of the code expects.
    """
    current = settings()
    with embedded.database(current.database_url, current.data_dir) as url:
        if migrate.current(url) not in migrate.heads():
            raise embedded.DatabaseUnavailable("The database has another schema; run `dispatch migrate` first.")
        engine = make_engine(url, role=current.app_role, poolclass=NullPool)
        try:
            with make_sessions(engine)() as session, session.begin():
                yield session
        finally:
            engine.dispose()
