"""Runs the migrations of this version of the code against a database."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from dispatch.core.db import psycopg_url

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database up to a revision; running it twice changes nothing."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to a revision; data of newer columns and tables is lost."""
    command.downgrade(_config(url), revision)


def heads() -> list[str]:
    """Return the newest revisions in the code; more than one means two branches were never joined."""
    return list(ScriptDirectory(str(MIGRATIONS)).get_heads())


def current(url: str) -> str | None:
    """Return the revision a database stands at, None when it is empty."""
    engine = create_engine(psycopg_url(url), poolclass=NullPool)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    # Not sqlalchemy.url: that option is interpolated, and a percent sign in a password or a path would break it.
    config.attributes["url"] = psycopg_url(url)
    return config
