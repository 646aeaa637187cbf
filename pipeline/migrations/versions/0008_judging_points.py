"""Judging and points: the book of judgements, and the ledger of citizens' points with its accounts and claims."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "judgements",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("about", sa.Integer(), nullable=True),
        sa.Column("publication", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_judgements")),
        sa.UniqueConstraint("previous", name=op.f("uq_judgements_previous")),
    )
    op.create_index("ix_judgements_publication", "judgements", ["publication", "number"], unique=False)
    op.create_index("ix_judgements_kind", "judgements", ["kind", "number"], unique=False)
    op.create_index("ix_judgements_about", "judgements", ["about"], unique=False)
    _points()


def _points() -> None:
    op.create_table(
        "point_accounts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=True),
        sa.Column("member", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("forgotten_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_accounts")),
        sa.UniqueConstraint("mark", name=op.f("uq_point_accounts_mark")),
    )
    op.create_table(
        "point_claims",
        sa.Column("receipt", sa.String(length=40), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=True),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("looks", sa.String(length=16), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["point_accounts.id"], name=op.f("fk_point_claims_account")),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_point_claims_case_number")),
        sa.ForeignKeyConstraint(["receipt"], ["reports.id"], name=op.f("fk_point_claims_receipt")),
        sa.PrimaryKeyConstraint("receipt", name=op.f("pk_point_claims")),
    )
    op.create_index("ix_point_claims_case", "point_claims", ["case_number"], unique=False)
    op.create_index("ix_point_claims_account", "point_claims", ["account", "at"], unique=False)
    op.create_index("ix_point_claims_at", "point_claims", ["at"], unique=False)
    op.create_table(
        "point_entries",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("receipt", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_entries")),
        sa.UniqueConstraint("key", name=op.f("uq_point_entries_key")),
    )
    op.create_index("ix_point_entries_receipt", "point_entries", ["receipt"], unique=False)
    op.create_table(
        "point_postings",
        sa.Column("entry", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["point_entries.id"], name=op.f("fk_point_postings_entry")),
        sa.PrimaryKeyConstraint("entry", "account", name=op.f("pk_point_postings")),
    )
    op.create_index("ix_point_postings_account", "point_postings", ["account", "entry"], unique=False)


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for name in ("point_postings", "point_entries", "point_claims", "point_accounts", "judgements"):
        op.drop_table(name)
