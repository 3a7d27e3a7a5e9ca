"""An archive's truth in PostgreSQL, for several machines: `database.PostgresDatabase`."""
