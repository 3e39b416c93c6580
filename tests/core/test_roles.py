"""Web and worker give up ownership where the server lets them, and run as who signed in where it does not."""

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from dispatch.core import embedded, migrate
from dispatch.core.db import APP_ROLE, make_engine


def install_as(server: embedded.EmbeddedServer, owner: str, rights: str) -> str:
    """Let a person with few rights install into a database of their own; return its address."""
    with psycopg.connect(server.url(embedded.OWNER), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {owner} LOGIN {rights}")  # type: ignore[arg-type]  # written here
        connection.execute(f"CREATE DATABASE {owner} OWNER {owner}")  # type: ignore[arg-type]  # written here
    url = make_url(server.url(owner)).set(username=owner).render_as_string(hide_password=False)
    migrate.upgrade(url)
    return url


def test_ownership_is_given_up_where_it_may_be(open_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = embedded.start(open_path / "postgres")
    try:
        for owner, rights, runs_as in (("careful", "CREATEROLE", APP_ROLE), ("plain", "", "plain")):
            caplog.clear()
            engine = make_engine(install_as(server, owner, rights), role=APP_ROLE, poolclass=NullPool)
            with engine.connect() as connection:
                assert connection.scalar(text("SELECT current_user")) == runs_as
                assert ("as the owner" in caplog.text) == (runs_as == owner), "going on as owner is told"
                assert connection.scalar(text("SHOW TIME ZONE")) == "UTC"
                connection.execute(text("INSERT INTO team (name) VALUES ('North')"))
                with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
                    connection.execute(text("TRUNCATE audit_event"))
    finally:
        server.stop()
