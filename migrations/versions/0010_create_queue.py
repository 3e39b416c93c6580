"""The task queue's own tables and functions, as its package ships them."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0010_create_queue"
down_revision = "0009_create_guards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Handed to the driver as it is: the text holds colons and percent signs that are not parameters.
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema().encode(), prepare=False)


def downgrade() -> None:
    op.execute("""
DO $$
DECLARE item record;
BEGIN
    FOR item IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate_%' LOOP
        EXECUTE format('DROP TABLE %I CASCADE', item.tablename);
    END LOOP;
    FOR item IN SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate_%' LOOP
        EXECUTE 'DROP FUNCTION ' || item.name || ' CASCADE';
    END LOOP;
    FOR item IN SELECT t.oid::regtype AS name FROM pg_type t
        WHERE t.typnamespace = current_schema()::regnamespace AND t.typname LIKE 'procrastinate_%' AND t.typtype IN ('e', 'c') LOOP
        EXECUTE 'DROP TYPE ' || item.name || ' CASCADE';
    END LOOP;
END $$
""")
