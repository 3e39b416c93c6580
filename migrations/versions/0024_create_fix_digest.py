"""How far somebody was told what others mended of the things they answer for; the log is read by its time, too."""

from alembic import op

revision = "0024_create_fix_digest"
down_revision = "0023_hold_offered_times"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE fix_digest (
    user_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_fix_digest PRIMARY KEY (user_id),
    CONSTRAINT fk_fix_digest_user_id_user_account FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX ix_audit_event_at ON audit_event (at);
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP INDEX ix_audit_event_at")
    op.execute("DROP TABLE fix_digest")
