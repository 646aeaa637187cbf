"""Camera health: spells of faults, and what each camera looks like usually."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "camera_health",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("fault", sa.String(length=20), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("limit", sa.Float(precision=53), nullable=False),
        sa.Column("picture", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_camera_health")),
    )
    op.create_index("ix_camera_health_camera", "camera_health", ["camera", "since"], unique=False)
    op.create_table(
        "camera_references",
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_camera_references")),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("camera_references")
    op.drop_index("ix_camera_health_camera", table_name="camera_health")
    op.drop_table("camera_health")
