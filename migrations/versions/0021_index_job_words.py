"""Past jobs are found by their words."""

from alembic import op

revision = "0021_index_job_words"
down_revision = "0020_guard_catalogue"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX ix_job_words ON job USING gin (to_tsvector('english', title || ' ' || description))")


def downgrade() -> None:
    op.execute("DROP INDEX ix_job_words")
