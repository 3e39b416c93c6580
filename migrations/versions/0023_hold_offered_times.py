"""Times that are offered to a customer: nobody else is booked in them while they are held, whoever asks.

A hold waits for bookings of the same person that are being written, and a booking for a hold; then each sees the other.
"""

from alembic import op

revision = "0023_hold_offered_times"
down_revision = "0022_create_reference"
branch_labels = None
depends_on = None

RELEASED = "('declined', 'cancelled', 'not_done')"

COLUMNS = """
DELETE FROM offer;
ALTER TABLE offer
    ADD COLUMN crew_slot_id INTEGER NOT NULL,
    ADD COLUMN start_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ADD COLUMN end_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ADD COLUMN promised TSTZRANGE NOT NULL,
    ADD COLUMN merits JSONB NOT NULL,
    ADD COLUMN extended BOOLEAN DEFAULT 'false' NOT NULL,
    ADD COLUMN made_by_id INTEGER,
    ADD COLUMN made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ADD CONSTRAINT ck_offer_promised_usable CHECK ((NOT isempty(promised) AND isfinite(lower(promised)) AND isfinite(upper(promised)) AND lower_inc(promised) AND NOT upper_inc(promised) AND upper(promised) <= lower(promised) + interval '7 days') IS TRUE),
    ADD CONSTRAINT ck_offer_service_held CHECK (end_at > start_at AND during @> tstzrange(start_at, end_at)),
    ADD CONSTRAINT ck_offer_promise_holds_start CHECK (promised @> start_at),
    ADD CONSTRAINT fk_offer_slot_of_visit FOREIGN KEY(crew_slot_id, visit_id) REFERENCES crew_slot (id, visit_id),
    ADD CONSTRAINT fk_offer_made_by_id_user_account FOREIGN KEY(made_by_id) REFERENCES user_account (id);
"""

GUARDS = f"""
CREATE FUNCTION keep_held_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN {RELEASED} THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state NOT IN {RELEASED} AND OLD.technician_id = NEW.technician_id AND OLD.during @> NEW.during THEN
            RETURN NEW;
        END IF;
    END IF;
    PERFORM FROM technician WHERE id = NEW.technician_id FOR KEY SHARE;
    IF EXISTS (
        SELECT FROM offer
        WHERE technician_id = NEW.technician_id AND state = 'held' AND held_until > NEW.decided_at
            AND visit_id <> NEW.visit_id AND during && NEW.during
    ) THEN
        RAISE EXCEPTION 'this time is held for a customer who is choosing'
            USING ERRCODE = '23P01', CONSTRAINT = 'held_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_held_time BEFORE INSERT OR UPDATE ON assignment
    FOR EACH ROW EXECUTE FUNCTION keep_held_time();

CREATE FUNCTION hold_free_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'held' THEN
        RETURN NEW;
    END IF;
    PERFORM FROM technician WHERE id = NEW.technician_id FOR UPDATE;
    IF EXISTS (
        SELECT FROM assignment
        WHERE technician_id = NEW.technician_id AND state NOT IN {RELEASED}
            AND visit_id <> NEW.visit_id AND during && NEW.during
    ) THEN
        RAISE EXCEPTION 'somebody is booked in this time' USING ERRCODE = '23P01', CONSTRAINT = 'free_time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_free_time BEFORE INSERT OR UPDATE ON offer FOR EACH ROW EXECUTE FUNCTION hold_free_time();
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(GUARDS)
    op.execute(
        "ALTER TABLE disruption ADD COLUMN offered_at TIMESTAMP WITH TIME ZONE,"
        " ADD COLUMN quiet_until TIMESTAMP WITH TIME ZONE"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE disruption DROP COLUMN quiet_until, DROP COLUMN offered_at")
    op.execute("DROP TRIGGER keep_held_time ON assignment; DROP TRIGGER hold_free_time ON offer")
    op.execute("DROP FUNCTION keep_held_time, hold_free_time")
    op.execute(
        """
        ALTER TABLE offer DROP COLUMN crew_slot_id, DROP COLUMN start_at, DROP COLUMN end_at, DROP COLUMN promised,
            DROP COLUMN merits, DROP COLUMN extended, DROP COLUMN made_by_id, DROP COLUMN made_at
        """
    )
