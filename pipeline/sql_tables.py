"""The casebook's tables, as they are after the newest migration. Times are microseconds since 1970-01-01 UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows by itself only for a primary key of exactly type INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

counters = Table(
    "counters",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Holds no row: PostgreSQL's writers queue by locking it, see docs/decisions/040.
write_queue = Table("write_queue", metadata, Column("id", Integer, primary_key=True))

cases = Table(
    "cases",
    metadata,
    Column("number", String(40), primary_key=True),
    Column("ordinal", BigInteger, nullable=False, unique=True),  # order of opening; numbers do not sort past 9999 a day
    Column("category", String(80), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("status", String(20), nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("cov_ee_m2", Float(53), nullable=False),
    Column("cov_en_m2", Float(53), nullable=False),
    Column("cov_nn_m2", Float(53), nullable=False),
    Column("error_m", Float(53), nullable=False),
    Column("grid", String(40), nullable=False),
    Column("unit", String(40), nullable=False),
    Column("side", String(20), nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("description", String(2000), nullable=False),
    Column("camera", String(80)),
    Column("scene", String(80)),
    Column("arrive_by", BigInteger),
    Column("first_result_by", BigInteger),
    Column("terminal", String(40)),
    Column("distance_m", Float(53)),
    Column("sightings", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("merged_into", String(40)),
    Column("reopened_at", BigInteger),
    Index("ix_cases_merged_into", "merged_into"),
    Column("urgent_reason", String(200), nullable=False, server_default=""),
    Column("condition", Integer),
    Column("ticket_due", BigInteger),
    Column("handle_by", BigInteger),
    Column("resumes_to", String(20)),
    Column("bound", Boolean, nullable=False),
    Column("rework_by", String(80)),
    Column("supervised", Boolean, nullable=False),
    Column("asked", Float(53), nullable=False),
    Column("extended", Integer, nullable=False),
    Column("level", Integer, nullable=False),
    Column("liaisons", String(400), nullable=False),
    Index("ix_cases_place", "category", "lon", "lat"),
    Index("ix_cases_status", "status", "ordinal"),
    Index("ix_cases_grid", "grid", "ordinal"),
    Index("ix_cases_terminal", "terminal", "status"),
    Index("ix_cases_occurred_at", "occurred_at"),
)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("case_number", String(40), ForeignKey("cases.number"), nullable=False),
    Column("action", String(40), nullable=False),
    Column("status", String(20), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("case_number", "previous"),  # a chain cannot fork
    Index("ix_events_case", "case_number", "sequence"),
)

asides = Table(
    "asides",
    metadata,
    Column("sequence", BigInteger, ForeignKey("events.sequence"), primary_key=True, autoincrement=False),
    Column("key", String(40), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("salt", String(32)),
    Column("value", Text),
)

sightings = Table(
    "sightings",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("case_number", String(40), ForeignKey("cases.number")),
    Column("camera", String(80), nullable=False),
    Column("captured_at", BigInteger, nullable=False),
    Column("scene", String(80)),
    Index("ix_sightings_case", "case_number"),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("ordinal", BigInteger, nullable=False, unique=True),
    Column("case_number", String(40), ForeignKey("cases.number"), nullable=False),
    Column("sighting", String(120), nullable=False),
    Column("label", String(20), nullable=False),
    Column("path", String(400), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("captured_at", BigInteger, nullable=False),
    Column("original_path", String(400)),
    Column("original_sha256", String(64)),
    Column("seen", Text),
    Column("erased_at", BigInteger),
    Column("original_erased_at", BigInteger),
    Index("ix_evidence_case", "case_number", "ordinal"),
    Index("ix_evidence_captured_at", "captured_at"),
    Index("ix_evidence_sighting", "sighting"),
)

positions = Table(
    "positions",
    metadata,
    Column("terminal", String(40), primary_key=True),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False, server_default="1"),  # order of storing, see sql_board
    Index("ix_positions_sequence", "sequence"),
)

camera_states = Table(
    "camera_states",
    metadata,
    Column("camera", String(80), primary_key=True),
    Column("newest_at", BigInteger, nullable=False),
    Column("occupancies", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False, unique=True),
    Column("kind", String(40), nullable=False),
    Column("target", String(200), nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", BigInteger),
    Column("sent_at", BigInteger),
    Index("ix_outbox_unsent", "sent_at", "id"),
)

camera_health = Table(
    "camera_health",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("camera", String(80), nullable=False),
    Column("fault", String(20), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("value", Float(53), nullable=False),
    Column("limit", Float(53), nullable=False),
    Column("picture", String(400), nullable=False),
    Index("ix_camera_health_camera", "camera", "since"),
)

camera_references = Table(
    "camera_references",
    metadata,
    Column("camera", String(80), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("memory", Text, nullable=False),
)

# One row a change of level; the newest of a camera and scene counts, see docs/decisions/110.
trust_moves = Table(
    "trust_moves",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("camera", String(80), nullable=False),
    Column("scene", String(80), nullable=False),
    Column("level", String(20), nullable=False),
    Column("start", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("reason", String(400), nullable=False),
    Index("ix_trust_moves_camera", "camera", "scene", "id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("subject", String(120), primary_key=True),
    Column("camera", String(80), primary_key=True),
    Column("scene", String(80), primary_key=True),
    Column("confirmed", Boolean, nullable=False),
    Column("reason", String(40), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_outcomes_camera", "camera", "scene", "at"),
)

trials = Table(
    "trials",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("ordinal", BigInteger, nullable=False, unique=True),
    Column("camera", String(80), nullable=False),
    Column("scene", String(80), nullable=False),
    Column("grid", String(40), nullable=False),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("error_m", Float(53), nullable=False),
    Column("captured_at", BigInteger, nullable=False),
    Column("pictures", Text, nullable=False),
    Column("judged_at", BigInteger),
    Index("ix_trials_judged", "judged_at", "ordinal"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", String(20), nullable=False),
    Column("source", String(40), nullable=False),
    Column("ticket", String(80)),
    Column("case_number", String(40), ForeignKey("cases.number"), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("place", String(40)),
    Column("phone", String(40)),
    Column("reporter", String(120), nullable=False),
    Column("contact", String(200)),
    Column("salt", String(32)),
    Column("contact_digest", String(64), nullable=False),
    UniqueConstraint("source", "ticket"),  # a ticket is taken once; those without one are NULL and never meet
    Index("ix_reports_case", "case_number"),
    Index("ix_reports_place", "place", "at"),
)

places = Table(
    "places",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("lon", Float(53), nullable=False),
    Column("lat", Float(53), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

site_versions = Table(
    "site_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("documents", Text, nullable=False),
)

clocks = Table(
    "clocks",
    metadata,
    Column("case_number", String(40), ForeignKey("cases.number"), primary_key=True),
    Column("name", String(20), primary_key=True),
    Column("unit", String(20), nullable=False),
    Column("value", Float(53), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("spells", Text, nullable=False),
    Column("stopped_at", BigInteger),
    Column("round", Integer, nullable=False),
    Column("fired", Integer, nullable=False),
    Column("next_at", BigInteger),
    Index("ix_clocks_next_at", "next_at", "case_number", "name"),
)

joint_parts = Table(
    "joint_parts",
    metadata,
    Column("case_number", String(40), ForeignKey("cases.number"), primary_key=True),
    Column("department", String(80), primary_key=True),
    Column("lead", Boolean, nullable=False),
    Column("force", String(80), nullable=False),
    Column("terminal", String(40)),
    Column("opened_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Index("ix_joint_parts_terminal", "terminal", "done_at"),
)

consultations = Table(
    "consultations",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("held_at", BigInteger, nullable=False),
    Column("chair", String(120), nullable=False),
    Column("place", String(200), nullable=False),
    Column("attendants", Text, nullable=False),
    Column("cases", Text, nullable=False),
    Column("decisions", Text, nullable=False),
    Column("closed_at", BigInteger),
    Index("ix_consultations_held_at", "held_at"),
)

anchors = Table(
    "anchors",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False, unique=True),
    Column("heads", Integer, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)

# What was published of figures, appealed, decided and corrected; rows are added and never changed.
judgements = Table(
    "judgements",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("about", Integer),
    Column("publication", Integer, nullable=False),
    Column("scope", String(80), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("previous", String(64), nullable=False, unique=True),  # the chain cannot fork
    Column("digest", String(64), nullable=False),
    Index("ix_judgements_publication", "publication", "number"),
    Index("ix_judgements_kind", "kind", "number"),
    Index("ix_judgements_about", "about"),
)

# Pseudonyms: `mark` is a keyed digest of a phone number, gone as soon as no report keeps that number.
point_accounts = Table(
    "point_accounts",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("mark", String(64), unique=True),
    Column("member", Boolean, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("forgotten_at", BigInteger),
)

# One row a public report: who it may earn for, what its picture looks like, and what was decided on it.
point_claims = Table(
    "point_claims",
    metadata,
    Column("receipt", String(40), ForeignKey("reports.id"), primary_key=True),
    Column("account", String(40), ForeignKey("point_accounts.id")),
    Column("case_number", String(40), ForeignKey("cases.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("looks", String(16)),
    Column("state", String(20), nullable=False),
    Column("points", Integer, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("decided_at", BigInteger),
    Index("ix_point_claims_case", "case_number"),
    Index("ix_point_claims_account", "account", "at"),
    Index("ix_point_claims_at", "at"),
)

point_entries = Table(
    "point_entries",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(200), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(120), nullable=False),
    Column("receipt", String(40)),
    Column("note", String(200), nullable=False),
    Index("ix_point_entries_receipt", "receipt"),
)

# An entry's postings sum to zero; a balance is a sum of postings.
point_postings = Table(
    "point_postings",
    metadata,
    Column("entry", BigInteger, ForeignKey("point_entries.id"), primary_key=True, autoincrement=False),
    Column("account", String(40), primary_key=True),
    Column("points", Integer, nullable=False),
    Index("ix_point_postings_account", "account", "entry"),
)
