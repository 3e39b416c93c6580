"""What happens to one visit: no access, a part missing, longer than planned, cancelled; and whose time is free then."""

from alembic import op

revision = "0018_add_disruption_kinds"
down_revision = "0017_create_correction"
branch_labels = None
depends_on = None

FORMER = "'cannot_work', 'running_late', 'emergency', 'vehicle'"
KINDS = f"{FORMER}, 'no_access', 'part_missing', 'longer', 'cancellation', 'not_done'"


def upgrade() -> None:
    op.execute(
        f"""
        ALTER TABLE disruption DROP CONSTRAINT ck_disruption_kind_known;
        ALTER TABLE disruption ADD CONSTRAINT ck_disruption_kind_known CHECK (kind IN ({KINDS}));
        ALTER TABLE disruption ADD COLUMN freed JSONB DEFAULT '[]' NOT NULL;
        ALTER TABLE disruption ADD COLUMN facts JSONB DEFAULT '{{}}' NOT NULL;
        """
    )


def downgrade() -> None:
    op.execute(
        f"""
        DELETE FROM disruption WHERE kind NOT IN ({FORMER});
        ALTER TABLE disruption DROP COLUMN facts, DROP COLUMN freed;
        ALTER TABLE disruption DROP CONSTRAINT ck_disruption_kind_known;
        ALTER TABLE disruption ADD CONSTRAINT ck_disruption_kind_known CHECK (kind IN ({FORMER}));
        """
    )
