"""The first casebook: cases, their chained events, sightings, evidence, positions, cameras, outbox, site."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "camera_states",
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("newest_at", sa.BigInteger(), nullable=False),
        sa.Column("occupancies", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("camera", name=op.f("pk_camera_states")),
    )
    op.create_table(
        "cases",
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("lon", sa.Float(precision=53), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=False),
        sa.Column("cov_ee_m2", sa.Float(precision=53), nullable=False),
        sa.Column("cov_en_m2", sa.Float(precision=53), nullable=False),
        sa.Column("cov_nn_m2", sa.Float(precision=53), nullable=False),
        sa.Column("error_m", sa.Float(precision=53), nullable=False),
        sa.Column("grid", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=20), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("description", sa.String(length=2000), nullable=False),
        sa.Column("camera", sa.String(length=80), nullable=True),
        sa.Column("scene", sa.String(length=80), nullable=True),
        sa.Column("arrive_by", sa.BigInteger(), nullable=True),
        sa.Column("first_result_by", sa.BigInteger(), nullable=True),
        sa.Column("terminal", sa.String(length=40), nullable=True),
        sa.Column("distance_m", sa.Float(precision=53), nullable=True),
        sa.Column("sightings", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_cases")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_cases_ordinal")),
    )
    op.create_index("ix_cases_grid", "cases", ["grid", "ordinal"], unique=False)
    op.create_index("ix_cases_occurred_at", "cases", ["occurred_at"], unique=False)
    op.create_index("ix_cases_place", "cases", ["category", "lon", "lat"], unique=False)
    op.create_index("ix_cases_status", "cases", ["status", "ordinal"], unique=False)
    op.create_index("ix_cases_terminal", "cases", ["terminal", "status"], unique=False)
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    op.create_index("ix_outbox_unsent", "outbox", ["sent_at", "id"], unique=False)
    op.create_table(
        "positions",
        sa.Column("terminal", sa.String(length=40), nullable=False),
        sa.Column("lon", sa.Float(precision=53), nullable=False),
        sa.Column("lat", sa.Float(precision=53), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("terminal", name=op.f("pk_positions")),
    )
    op.create_table(
        "site_versions",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_site_versions")),
    )
    op.create_table(
        "write_queue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_queue")),
    )
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_events_case_number")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_events")),
        sa.UniqueConstraint("case_number", "previous", name=op.f("uq_events_case_number_previous")),
    )
    op.create_index("ix_events_case", "events", ["case_number", "sequence"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("sighting", sa.String(length=120), nullable=False),
        sa.Column("label", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_evidence_case_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_evidence_ordinal")),
    )
    op.create_index("ix_evidence_case", "evidence", ["case_number", "ordinal"], unique=False)
    op.create_table(
        "sightings",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=True),
        sa.Column("camera", sa.String(length=80), nullable=False),
        sa.Column("captured_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["cases.number"], name=op.f("fk_sightings_case_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sightings")),
    )
    op.create_index("ix_sightings_case", "sightings", ["case_number"], unique=False)
    op.create_table(
        "asides",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["sequence"], ["events.sequence"], name=op.f("fk_asides_sequence")),
        sa.PrimaryKeyConstraint("sequence", "key", name=op.f("pk_asides")),
    )


def downgrade() -> None:
    """Take the tables back to the revision before."""
    op.drop_table("asides")
    op.drop_index("ix_sightings_case", table_name="sightings")
    op.drop_table("sightings")
    op.drop_index("ix_evidence_case", table_name="evidence")
    op.drop_table("evidence")
    op.drop_index("ix_events_case", table_name="events")
    op.drop_table("events")
    op.drop_table("write_queue")
    op.drop_table("site_versions")
    op.drop_table("positions")
    op.drop_index("ix_outbox_unsent", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("counters")
    op.drop_index("ix_cases_terminal", table_name="cases")
    op.drop_index("ix_cases_status", table_name="cases")
    op.drop_index("ix_cases_place", table_name="cases")
    op.drop_index("ix_cases_occurred_at", table_name="cases")
    op.drop_index("ix_cases_grid", table_name="cases")
    op.drop_table("cases")
    op.drop_table("camera_states")
