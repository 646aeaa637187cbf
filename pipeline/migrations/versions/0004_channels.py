"""Channels: what a case was filed on, reports with their own numbers, places that a printed code stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("cases", sa.Column("urgent_reason", sa.String(length=200), nullable=False, server_default=""))
    op.add_column("cases", sa.Column("condition", sa.Integer(), nullable=True))
    op.add_column("cases", sa.Column("ticket_due", sa.BigInteger(), nullable=True))
    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("ticket", sa.String(length=80), nullable=True),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_reports_case_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("source", "ticket", name=op.f("uq_reports_source_ticket")),
    )
    op.create_index("ix_reports_case", "reports", ["case_number"], unique=False)
    op.create_index("ix_reports_place", "reports", ["place", "at"], unique=False)
    op.create_table(
        "places",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lon", sa.Float(precision=53), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("places")
    op.drop_index("ix_reports_place", table_name="reports")
    op.drop_index("ix_reports_case", table_name="reports")
    op.drop_table("reports")
    with op.batch_alter_table("cases") as cases:
        cases.drop_column("ticket_due")
        cases.drop_column("condition")
        cases.drop_column("urgent_reason")
