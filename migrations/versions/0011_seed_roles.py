"""The rows every installation starts with: roles, the head of the change log, the first policy."""

from alembic import op

revision = "0011_seed_roles"
down_revision = "0010_create_queue"
branch_labels = None
depends_on = None

SEED = """
INSERT INTO role (name, description) VALUES
    ('technician', 'Runs the own day on a phone and keeps the own skills up to date'),
    ('dispatcher', 'Plans and repairs the day of the granted territories'),
    ('manager', 'Looks after coverage, certificates and people of the granted territories'),
    ('administrator', 'Manages users, catalogue, imports and policies');
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');
INSERT INTO policy (name, number, weights, rules, active) VALUES ('Standard', 1, '{}', '{}', true);
"""


def upgrade() -> None:
    op.execute(SEED)


def downgrade() -> None:
    op.execute("DELETE FROM policy; DELETE FROM audit_head; DELETE FROM role")
