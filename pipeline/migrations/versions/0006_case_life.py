"""Case life: the side ways of a case, duty clocks, reports' codes, joint action, consultations, anchors."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def _added() -> tuple["sa.Column[Any]", ...]:
    return (
        sa.Column("handle_by", sa.BigInteger(), nullable=True),
        sa.Column("resumes_to", sa.String(length=20), nullable=True),
        sa.Column("bound", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("rework_by", sa.String(length=80), nullable=True),
        sa.Column("supervised", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("asked", sa.Float(precision=53), nullable=False, server_default="0"),
        sa.Column("extended", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("level", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("liaisons", sa.String(length=400), nullable=False, server_default=""),
    )


def _told() -> tuple["sa.Column[Any]", ...]:
    return (
        sa.Column("reporter", sa.String(length=120), nullable=False, server_default=""),
        sa.Column("contact", sa.String(length=200), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("contact_digest", sa.String(length=64), nullable=False, server_default=""),
    )


# What was returned and sent out again before this revision is bound too, else `verify` would find a difference.
_BIND = """
    UPDATE cases SET bound = true WHERE EXISTS (
        SELECT 1 FROM events AS back JOIN events AS again
            ON again.case_number = back.case_number AND again.sequence > back.sequence
        WHERE back.case_number = cases.number AND back.action = 'return' AND again.action = 'dispatch'
            AND NOT EXISTS (
                SELECT 1 FROM events AS anew WHERE anew.case_number = cases.number AND anew.action = 'reopen'
                    AND anew.sequence > again.sequence))
"""


def upgrade() -> None:
    """Bring the tables to this revision."""
    for column in _added():
        op.add_column("cases", column)
    op.execute(_BIND)
    op.create_table(
        "clocks",
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("spells", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("fired", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_clocks_case_number")),
        sa.PrimaryKeyConstraint("case_number", "name", name=op.f("pk_clocks")),
    )
    op.create_index("ix_clocks_next_at", "clocks", ["next_at", "case_number", "name"], unique=False)
    for column in _told():
        op.add_column("reports", column)
    op.create_table(
        "joint_parts",
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("department", sa.String(length=80), nullable=False),
        sa.Column("lead", sa.Boolean(), nullable=False),
        sa.Column("force", sa.String(length=80), nullable=False),
        sa.Column("terminal", sa.String(length=40), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_joint_parts_case_number")),
        sa.PrimaryKeyConstraint("case_number", "department", name=op.f("pk_joint_parts")),
    )
    op.create_index("ix_joint_parts_terminal", "joint_parts", ["terminal", "done_at"], unique=False)
    _meetings_and_anchors()


def _meetings_and_anchors() -> None:
    op.create_table(
        "consultations",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("held_at", sa.BigInteger(), nullable=False),
        sa.Column("chair", sa.String(length=120), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("attendants", sa.Text(), nullable=False),
        sa.Column("cases", sa.Text(), nullable=False),
        sa.Column("decisions", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_consultations")),
    )
    op.create_index("ix_consultations_held_at", "consultations", ["held_at"], unique=False)
    op.create_table(
        "anchors",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_anchors")),
        sa.UniqueConstraint("last", name=op.f("uq_anchors_last")),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    for name in ("anchors", "consultations", "joint_parts", "clocks"):
        op.drop_table(name)
    for column in reversed(_told()):
        op.drop_column("reports", column.name)
    for column in reversed(_added()):
        op.drop_column("cases", column.name)
