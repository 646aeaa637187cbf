"""Positions are numbered as they are stored, so that whoever keeps them in memory reads only what is new."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision; positions that are there come first."""
    op.add_column("positions", sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="1"))
    op.create_index("ix_positions_sequence", "positions", ["sequence"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_index("ix_positions_sequence", table_name="positions")
    op.drop_column("positions", "sequence")
