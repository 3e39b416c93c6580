"""What commands that touch the database share: one transaction with the rights of the application."""

import contextlib
from collections.abc import Iterator

from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

import dispatch.models  # noqa: F401 - foreign keys point across features, so all tables must be known
from dispatch.core import embedded, migrate
from dispatch.core.config import settings
from dispatch.core.db import APP_ROLE, make_engine


@contextlib.contextmanager
def sessions() -> Iterator[sessionmaker[Session]]:
    """Give sessions with the rights of the application.

    Starts the embedded server where no address is set and nobody else runs it. Refused while the schema is not the
    one this version of the code expects.
    """
    current = settings()
    with embedded.database(current.database_url, current.data_dir) as url:
        if migrate.current(url) not in migrate.heads():
            raise embedded.DatabaseUnavailable("The database has another schema; run `dispatch migrate` first.")
        engine = make_engine(url, role=APP_ROLE, poolclass=NullPool)
        try:
            yield sessionmaker(engine, expire_on_commit=False)
        finally:
            engine.dispose()


@contextlib.contextmanager
def transaction() -> Iterator[Session]:
    """Give one session; commits at the end, rolls back when anything is raised."""
    with sessions() as make, make.begin() as session:
        yield session
