"""How somebody likes the product: rows close or wide, and keys of their own."""

from alembic import op

revision = "0019_add_user_preferences"
down_revision = "0018_add_disruption_kinds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE user_account"
        " ADD COLUMN density TEXT DEFAULT 'comfortable' NOT NULL,"
        " ADD COLUMN single_keys BOOLEAN DEFAULT 'true' NOT NULL,"
        " ADD COLUMN keys JSONB DEFAULT '{}' NOT NULL,"
        " ADD CONSTRAINT ck_user_account_density_known CHECK (density IN ('comfortable', 'compact')),"
        " ADD CONSTRAINT ck_user_account_keys_by_shortcut CHECK (jsonb_typeof(keys) = 'object')"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE user_account DROP COLUMN density, DROP COLUMN single_keys, DROP COLUMN keys")
