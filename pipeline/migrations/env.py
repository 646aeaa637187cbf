"""How Alembic runs the migrations: on the connection that `pipeline.sql_engine` holds under its lock.

To write a new revision, point Alembic at a migrated database from a Python prompt:
`command.revision(config, autogenerate=True, message="...")` with `config` from `pipeline.sql_engine.alembic_config`.
"""

from alembic import context

from pipeline.sql_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
# The transaction is the caller's: it also holds the lock that lets one process migrate at a time.
context.run_migrations()
