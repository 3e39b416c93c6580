"""Runs revisions one at a time on the address that ``dispatch.core.migrate`` passes; one runner only."""

from alembic import context
from sqlalchemy import create_engine, pool, text

MIGRATION_LOCK = 7_318_229  # any fixed number: two runners wait for each other on it


def run() -> None:
    """Apply each revision in a transaction of its own, waiting at most two seconds for any table lock."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.execute(text("SET TIME ZONE 'UTC'"))
        connection.commit()
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
