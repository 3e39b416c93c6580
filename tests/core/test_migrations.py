"""The migrations: one head, up and down, and the same schema that the models describe."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from dispatch.core import embedded, migrate
from dispatch.core.db import psycopg_url
from dispatch.models import Base
from tests.conftest import with_database


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    name = f"empty_{secrets.token_hex(4)}"
    embedded.create_database(server_url, name)
    yield with_database(server_url, name)
    embedded.drop_database(server_url, name)


def test_there_is_one_head() -> None:
    assert len(migrate.heads()) == 1


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert migrate.current(database_url) == migrate.heads()[0]
    before = catalogue(database_url)
    migrate.upgrade(database_url)
    assert catalogue(database_url) == before


def test_down_and_up_again(database_url: str) -> None:
    before = catalogue(database_url)
    migrate.downgrade(database_url, "base")
    assert catalogue(database_url)["columns"] == []
    migrate.upgrade(database_url)
    assert catalogue(database_url) == before


def test_models_equal_migrations(database_url: str, empty_url: str) -> None:
    engine = create_engine(psycopg_url(empty_url), poolclass=NullPool)
    Base.metadata.create_all(engine)
    tables = set(inspect(engine).get_table_names())
    migrated, modelled = catalogue(database_url, tables), catalogue(empty_url, tables)
    for kind in ("columns", "constraints", "indexes"):
        only_migrated = sorted(set(migrated[kind]) - set(modelled[kind]))
        only_modelled = sorted(set(modelled[kind]) - set(migrated[kind]))
        assert (only_migrated, only_modelled) == ([], []), kind


def test_every_migrated_table_has_a_model(database_url: str) -> None:
    engine = create_engine(psycopg_url(database_url), poolclass=NullPool)
    unknown = {
        name
        for name in inspect(engine).get_table_names()
        if name not in Base.metadata.tables and not name.startswith("procrastinate_")
    }
    # Kept by the migrations alone: the revision, and the table of allowed moves that a trigger reads.
    assert unknown == {"alembic_version", "state_move"}


def catalogue(url: str, tables: set[str] | None = None) -> dict[str, list[str]]:
    """Read from PostgreSQL itself what columns, constraints and indexes there are, as it would write them."""
    queries = {
        "columns": """
            SELECT c.relname, format('%s.%s %s %s default %s',
                c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
                coalesce(a.attidentity::text, '') || coalesce(pg_get_expr(d.adbin, d.adrelid), 'none'))
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped""",
        "constraints": """
            SELECT c.relname, format('%s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'n'""",
        "indexes": """
            SELECT c.relname, pg_get_indexdef(i.indexrelid)
            FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            WHERE c.relnamespace = 'public'::regnamespace""",
    }
    found: dict[str, list[str]] = {}
    with psycopg.connect(url) as connection:
        for kind, query in queries.items():
            rows = connection.execute(query).fetchall()
            found[kind] = sorted(
                text for table, text in rows if table != "alembic_version" and (tables is None or table in tables)
            )
    return found
