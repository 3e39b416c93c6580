"""Messages may be about a certificate that ends."""

from alembic import op

revision = "0029_add_certificate_reminders"
down_revision = "0028_create_claim_answer"
branch_labels = None
depends_on = None

BEFORE = (
    "booked",
    "moved",
    "cancelled",
    "absent",
    "promised",
    "promise_changed",
    "promise_withdrawn",
    "on_the_way",
)
KINDS = (*BEFORE, "certificate_ends")


def upgrade() -> None:
    _allow(KINDS)


def downgrade() -> None:
    op.execute("ALTER TABLE message_part DISABLE TRIGGER said")
    op.execute("DELETE FROM message_part WHERE kind = 'certificate_ends'")
    op.execute("ALTER TABLE message_part ENABLE TRIGGER said")
    _allow(BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    values = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute("ALTER TABLE message_part DROP CONSTRAINT ck_message_part_kind_known")
    op.execute(f"ALTER TABLE message_part ADD CONSTRAINT ck_message_part_kind_known CHECK (kind IN ({values}))")
