"""Changes of later days wait in a draft until they are published; here is what people believe meanwhile."""

from alembic import op

revision = "0031_create_draft_change"
down_revision = "0030_withdraw_imported_levels"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE draft_change (
    crew_slot_id INTEGER NOT NULL,
    visit_id INTEGER NOT NULL,
    assignment_id INTEGER,
    during TSTZRANGE,
    told JSONB,
    overridden JSONB DEFAULT '[]' NOT NULL,
    made_by_id INTEGER,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_draft_change PRIMARY KEY (crew_slot_id),
    CONSTRAINT ck_draft_change_told_whole
        CHECK ((told IS NULL) = (during IS NULL) AND (told IS NULL) = (assignment_id IS NULL)),
    CONSTRAINT fk_draft_change_slot_of_visit FOREIGN KEY(crew_slot_id, visit_id)
        REFERENCES crew_slot (id, visit_id) ON DELETE CASCADE,
    CONSTRAINT fk_draft_change_assignment_id_assignment FOREIGN KEY(assignment_id) REFERENCES assignment (id),
    CONSTRAINT fk_draft_change_made_by_id_user_account FOREIGN KEY(made_by_id) REFERENCES user_account (id)
);
CREATE INDEX ix_draft_change_visit_id ON draft_change (visit_id);
CREATE INDEX ix_draft_change_assignment_id ON draft_change (assignment_id);
CREATE INDEX ix_draft_change_made_by_id ON draft_change (made_by_id);
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE draft_change")
