"""A skill may live on in another one, certificates may prove skills, and nothing in the catalogue goes in a circle."""

from alembic import op

revision = "0020_guard_catalogue"
down_revision = "0019_add_user_preferences"
branch_labels = None
depends_on = None

CHANGES = """
ALTER TABLE skill ADD COLUMN merged_into_id INTEGER;
ALTER TABLE skill ADD CONSTRAINT fk_skill_merged_into_id_skill FOREIGN KEY(merged_into_id) REFERENCES skill (id);
ALTER TABLE skill ADD CONSTRAINT ck_skill_not_merged_into_itself CHECK (merged_into_id <> id);
ALTER TABLE skill ADD CONSTRAINT ck_skill_retired_when_merged CHECK (merged_into_id IS NULL OR retired_at IS NOT NULL);
CREATE INDEX ix_skill_merged_into_id ON skill (merged_into_id);

CREATE TABLE certification_proof (
    kind_id INTEGER NOT NULL,
    skill_id INTEGER NOT NULL,
    level INTEGER NOT NULL,
    CONSTRAINT pk_certification_proof PRIMARY KEY (kind_id, skill_id),
    CONSTRAINT ck_certification_proof_level_known CHECK (level BETWEEN 1 AND 5),
    CONSTRAINT fk_certification_proof_kind_id_certification_kind FOREIGN KEY(kind_id) REFERENCES certification_kind (id),
    CONSTRAINT fk_certification_proof_skill_id_skill FOREIGN KEY(skill_id) REFERENCES skill (id)
);
CREATE INDEX ix_certification_proof_skill_id ON certification_proof (skill_id);
"""

# Each of the three looks from the new row upwards. Two people who close a circle from both ends at once wait for each
# other: the lock comes first, and the look after it sees what the other one committed.
GUARDS = """
CREATE FUNCTION refuse_skill_circle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(379666);
    IF NEW.parent_id IS NOT NULL AND EXISTS (
        WITH RECURSIVE above(id) AS (
            SELECT NEW.parent_id UNION SELECT s.parent_id FROM skill s JOIN above a ON a.id = s.id WHERE s.parent_id IS NOT NULL
        ) SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'skill % would lie below itself', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'skill_no_circle';
    END IF;
    IF NEW.merged_into_id IS NOT NULL AND EXISTS (
        WITH RECURSIVE further(id) AS (
            SELECT NEW.merged_into_id
            UNION SELECT s.merged_into_id FROM skill s JOIN further f ON f.id = s.id WHERE s.merged_into_id IS NOT NULL
        ) SELECT FROM further WHERE id = NEW.id
    ) THEN
        RAISE EXCEPTION 'skill % would be merged into itself', NEW.id USING ERRCODE = '23514', CONSTRAINT = 'skill_no_circle';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refuse_relation_circle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(379666);
    IF EXISTS (
        WITH RECURSIVE reached(id) AS (
            SELECT NEW.other_id
            UNION SELECT r.other_id FROM skill_relation r JOIN reached x ON x.id = r.skill_id WHERE r.kind = NEW.kind
        ) SELECT FROM reached WHERE id = NEW.skill_id
    ) THEN
        RAISE EXCEPTION 'skill % would need or include itself', NEW.skill_id
            USING ERRCODE = '23514', CONSTRAINT = 'skill_no_circle';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER no_circle BEFORE INSERT OR UPDATE OF parent_id, merged_into_id ON skill
    FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL OR NEW.merged_into_id IS NOT NULL) EXECUTE FUNCTION refuse_skill_circle();
CREATE TRIGGER no_circle BEFORE INSERT OR UPDATE ON skill_relation
    FOR EACH ROW EXECUTE FUNCTION refuse_relation_circle();
"""


def upgrade() -> None:
    op.execute(CHANGES)
    op.execute(GUARDS)


def downgrade() -> None:
    op.execute("DROP FUNCTION refuse_skill_circle, refuse_relation_circle CASCADE")
    op.execute("DROP TABLE certification_proof")
    op.execute("ALTER TABLE skill DROP COLUMN merged_into_id")
