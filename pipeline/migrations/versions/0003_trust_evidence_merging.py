"""Trust and outcomes, trials of scenes in shadow, sealed originals and erasing, merged and reopened cases."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDED = {
    "cases": (("merged_into", sa.String(length=40)), ("reopened_at", sa.BigInteger())),
    "sightings": (("scene", sa.String(length=80)),),
    "evidence": (
        ("original_path", sa.String(length=400)),
        ("original_sha256", sa.String(length=64)),
        ("seen", sa.Text()),
        ("erased_at", sa.BigInteger()),
        ("original_erased_at", sa.BigInteger()),
    ),
}


def upgrade() -> None:
    """Bring the tables to this revision."""
    for table, columns in _ADDED.items():
        for name, kind in columns:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_index("ix_cases_merged_into", "cases", ["merged_into"], unique=False)
    op.create_index("ix_evidence_captured_at", "evidence", ["captured_at"], unique=False)
    op.create_index("ix_evidence_sighting", "evidence", ["sighting"], unique=False)
    op.create_table(
        "trust_moves",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("scene", sa.String(length=80), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("start", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_moves")),
    )
    op.create_index("ix_trust_moves_camera", "trust_moves", ["camera", "scene", "id"], unique=False)
    op.create_table(
        "outcomes",
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("scene", sa.String(length=80), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "camera", "scene", name=op.f("pk_outcomes")),
    )
    op.create_index("ix_outcomes_camera", "outcomes", ["camera", "scene", "at"], unique=False)
    op.create_table(
        "trials",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("scene", sa.String(length=80), nullable=False),
        sa.Column("grid", sa.String(length=40), nullable=False),
        sa.Column("lon", sa.Float(precision=53), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=False),
        sa.Column("error_m", sa.Float(precision=53), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.Column("pictures", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_trials_ordinal")),
    )
    op.create_index("ix_trials_judged", "trials", ["judged_at", "ordinal"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for table in ("trials", "outcomes", "trust_moves"):
        op.drop_table(table)
    op.drop_index("ix_evidence_sighting", table_name="evidence")
    op.drop_index("ix_evidence_captured_at", table_name="evidence")
    op.drop_index("ix_cases_merged_into", table_name="cases")
    for table, columns in _ADDED.items():
        with op.batch_alter_table(table) as batch:
            for name, _ in reversed(columns):
                batch.drop_column(name)
