"""A certificate that was given back is seen differently by the same rows as a fact."""

from alembic import op

revision = "0032_contest_certificates"
down_revision = "0031_create_draft_change"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE evidence_contest
    ALTER COLUMN evidence_id DROP NOT NULL,
    ADD COLUMN certification_id INTEGER
        CONSTRAINT fk_evidence_contest_certification_id_certification REFERENCES certification (id),
    ADD CONSTRAINT ck_evidence_contest_about_one_thing CHECK (num_nonnulls(evidence_id, certification_id) = 1),
    ADD CONSTRAINT ck_evidence_contest_papers_not_corrected
        CHECK (certification_id IS NULL OR outcome IS DISTINCT FROM 'corrected');
CREATE UNIQUE INDEX uq_evidence_contest_certification_id ON evidence_contest (certification_id)
    WHERE certification_id IS NOT NULL;
"""
DOWN = """
DELETE FROM evidence_contest WHERE evidence_id IS NULL;
ALTER TABLE evidence_contest
    DROP CONSTRAINT ck_evidence_contest_papers_not_corrected,
    DROP CONSTRAINT ck_evidence_contest_about_one_thing,
    DROP COLUMN certification_id,
    ALTER COLUMN evidence_id SET NOT NULL;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
