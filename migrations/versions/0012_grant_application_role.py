"""A role without ownership for web and worker, where the migrating role may create one.

Roles belong to the whole server, so the role may exist already and outlives a downgrade. Where it may not be created
the application runs as the migrating role and `dispatch migrate` says so; triggers still keep history append-only.
"""

from alembic import op

revision = "0012_grant_application_role"
down_revision = "0011_seed_roles"
branch_labels = None
depends_on = None

GRANT = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dispatch_app') THEN
        BEGIN
            CREATE ROLE dispatch_app NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN;
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    -- Since PostgreSQL 16 whoever makes a role may administer it but not take it; this says that it may.
    BEGIN
        EXECUTE format('GRANT dispatch_app TO %I', current_user);
    EXCEPTION
        WHEN insufficient_privilege THEN NULL;
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO dispatch_app', current_schema());
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO dispatch_app', current_schema());
    EXECUTE format('GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA %I TO dispatch_app', current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO dispatch_app',
                   current_schema());
    EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO dispatch_app',
                   current_schema());
    REVOKE UPDATE, DELETE ON audit_event, visit_report FROM dispatch_app;
    REVOKE DELETE, UPDATE ON evidence FROM dispatch_app;
    GRANT UPDATE (contested) ON evidence TO dispatch_app;
    REVOKE INSERT, DELETE ON audit_head FROM dispatch_app;
    REVOKE INSERT, UPDATE, DELETE ON state_move FROM dispatch_app;
END $$
"""

REVOKE = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dispatch_app') THEN
        DROP OWNED BY dispatch_app;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(GRANT)


def downgrade() -> None:
    op.execute(REVOKE)
