"""What somebody answered to a claim, and why a certificate was returned; claims that wait are found by an index."""

from alembic import op

revision = "0028_create_claim_answer"
down_revision = "0027_create_cover_task"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE claim_answer (
    evidence_id INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    answered_by_id INTEGER NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_claim_answer PRIMARY KEY (evidence_id),
    CONSTRAINT ck_claim_answer_outcome_known CHECK (outcome IN ('approved', 'returned')),
    CONSTRAINT ck_claim_answer_reason_when_returned CHECK (outcome <> 'returned' OR reason IS NOT NULL),
    CONSTRAINT fk_claim_answer_evidence_id_evidence FOREIGN KEY(evidence_id) REFERENCES evidence (id),
    CONSTRAINT fk_claim_answer_answered_by_id_user_account FOREIGN KEY(answered_by_id) REFERENCES user_account (id)
);
ALTER TABLE certification ADD COLUMN returned_because TEXT;
CREATE INDEX ix_evidence_self_claim ON evidence (technician_id, skill_id, at) WHERE source = 'self_claim';
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP INDEX ix_evidence_self_claim")
    op.execute("ALTER TABLE certification DROP COLUMN returned_because")
    op.execute("DROP TABLE claim_answer")
