"""What the database itself refuses: lost updates, changed history, illegal moves of a state."""

from alembic import op

revision = "0009_create_guards"
down_revision = "0008_create_coverage"
branch_labels = None
depends_on = None

VERSIONED = (
    "user_account territory depot partner partner_document technician shift absence vehicle tool skill"
    " certification_kind evidence_contest certification customer site asset job_type job visit promise"
    " customer_person assignment plan_request plan pin offer"
).split()
APPEND_ONLY = ("audit_event", "visit_report")

# Moves of a state, as in the pure tables jobs/lifecycle.py and planning/lifecycle.py; a test compares them.
MOVES = {
    "job": {
        "open": "planned under_way waiting done cancelled",
        "planned": "open under_way waiting done cancelled",
        "under_way": "open planned waiting done",
        "waiting": "open planned under_way done cancelled",
        "done": "open under_way",
        "cancelled": "open",
    },
    "assignment": {
        "planned": "accepted declined on_the_way on_site done not_done cancelled",
        "accepted": "planned declined on_the_way on_site done not_done cancelled",
        "on_the_way": "planned accepted on_site done not_done cancelled",
        "on_site": "accepted on_the_way done not_done",
        "done": "on_site",
        "not_done": "on_site",
        "declined": "planned",
        "cancelled": "planned accepted",
    },
}

FUNCTIONS = """
CREATE FUNCTION require_next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version IS DISTINCT FROM OLD.version + 1 THEN
        RAISE EXCEPTION 'version of % must go from % to %, not %', TG_TABLE_NAME, OLD.version, OLD.version + 1, NEW.version
            USING ERRCODE = '40001', CONSTRAINT = 'next_version';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501', CONSTRAINT = 'append_only';
END $$;

CREATE FUNCTION allow_contested_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'contested' IS DISTINCT FROM to_jsonb(OLD) - 'contested' THEN
        RAISE EXCEPTION 'evidence is append-only; only its contested flag may change'
            USING ERRCODE = '42501', CONSTRAINT = 'append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE TABLE state_move (
    entity TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    CONSTRAINT pk_state_move PRIMARY KEY (entity, from_state, to_state)
);

CREATE FUNCTION allow_known_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND NOT EXISTS (
        SELECT FROM state_move WHERE entity = TG_TABLE_NAME AND from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_TABLE_NAME, OLD.state, NEW.state
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_state_move';
    END IF;
    RETURN NEW;
END $$;
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    for table in VERSIONED:
        op.execute(
            f"CREATE TRIGGER next_version BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION require_next_version()"
        )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in (*APPEND_ONLY, "evidence"):
        op.execute(
            f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE ON evidence FOR EACH ROW EXECUTE FUNCTION allow_contested_only()"
    )
    op.execute(
        "CREATE TRIGGER append_only_delete BEFORE DELETE ON evidence FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    for entity, moves in MOVES.items():
        for before, afters in moves.items():
            for after in afters.split():
                op.execute(f"INSERT INTO state_move VALUES ('{entity}', '{before}', '{after}')")
        op.execute(
            f"CREATE TRIGGER known_moves BEFORE UPDATE ON {entity} FOR EACH ROW EXECUTE FUNCTION allow_known_moves()"
        )


def downgrade() -> None:
    op.execute("DROP FUNCTION require_next_version, refuse_change, allow_contested_only, allow_known_moves CASCADE")
    op.execute("DROP TABLE state_move")
