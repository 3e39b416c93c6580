"""The table of a count of coverage in lines, so that a page reads what it shows."""

from alembic import op

revision = "0033_create_coverage_line"
down_revision = "0032_contest_certificates"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE coverage_line (
    run_id INTEGER NOT NULL,
    territory_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    needed_s BIGINT NOT NULL,
    missing_s BIGINT NOT NULL,
    expected_s BIGINT,
    cells JSONB NOT NULL,
    remedies JSONB NOT NULL,
    outlines JSONB NOT NULL,
    CONSTRAINT pk_coverage_line PRIMARY KEY (run_id, territory_id, kind, number),
    CONSTRAINT ck_coverage_line_kind_known CHECK (kind IN ('anybody', 'certification', 'skill')),
    CONSTRAINT fk_coverage_line_run_id_coverage_run FOREIGN KEY (run_id) REFERENCES coverage_run (id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE coverage_line")
