"""The tables of an archive in PostgreSQL: those of SQLite (`schema`) in a schema of their own.

Texts compare by code point, as SQLite's do. Counts are kept by triggers, one call a statement.
"""

from __future__ import annotations

_COUNTED = """CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE totals SET count = count + (SELECT count(*) FROM changed) WHERE name = TG_TABLE_NAME;
    ELSE
        UPDATE totals SET count = count - (SELECT count(*) FROM changed) WHERE name = TG_TABLE_NAME;
    END IF;
    RETURN NULL; END $$"""

_OUTLETS = """CREATE FUNCTION count_outlets() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$ BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outlets
            SELECT source, count(*) FROM changed WHERE source IS NOT NULL GROUP BY source
            ON CONFLICT (source) DO UPDATE SET count = outlets.count + excluded.count;
    ELSE
        UPDATE outlets SET count = outlets.count - gone.count
            FROM (SELECT source, count(*) AS count FROM changed GROUP BY source) AS gone
            WHERE outlets.source = gone.source;
        DELETE FROM outlets WHERE count = 0;
    END IF;
    RETURN NULL; END $$"""


def _calls(function: str, table: str) -> tuple[str, ...]:
    """Return the triggers that call a function after rows of a table came or went."""
    return tuple(
        f"CREATE TRIGGER {function}_{event} AFTER {event} ON {table}"
        f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        for event, rows in (("INSERT", "NEW"), ("DELETE", "OLD"))
    )


TABLES = (
    "settings",
    "files",
    "articles",
    "vectors",
    "passages",
    "removals",
    "commits",
    "versions",
    "spares",
    "totals",
    "outlets",
    "keys",
    "format",
)
"""Their names."""

_TEXT = 'TEXT COLLATE "C"'

SCHEMA = (
    f"CREATE TABLE settings (name {_TEXT} PRIMARY KEY, value TEXT NOT NULL)",
    f"""CREATE TABLE files (
        path {_TEXT} PRIMARY KEY, stamp TEXT NOT NULL, articles TEXT NOT NULL,
        earlier TEXT NOT NULL, failures TEXT NOT NULL)""",
    f"""CREATE TABLE articles (
        key BIGINT PRIMARY KEY, id {_TEXT} NOT NULL UNIQUE, source {_TEXT}, published {_TEXT},
        record BYTEA NOT NULL, digest TEXT NOT NULL, generation BIGINT NOT NULL,
        version BIGINT NOT NULL, seal BYTEA NOT NULL)""",
    """CREATE TABLE vectors (
        key BIGINT PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, passage BYTEA NOT NULL,
        sentences BYTEA NOT NULL, digest BYTEA NOT NULL)""",
    """CREATE TABLE passages (
        key BIGINT PRIMARY KEY, article BIGINT NOT NULL REFERENCES articles (key),
        n BIGINT NOT NULL, start BIGINT NOT NULL, "end" BIGINT NOT NULL, tokens BIGINT NOT NULL,
        sentences TEXT NOT NULL, digest BYTEA NOT NULL,
        vector BIGINT NOT NULL REFERENCES vectors (key), generation BIGINT NOT NULL)""",
    """CREATE TABLE removals (
        generation BIGINT NOT NULL, article BIGINT NOT NULL, passages TEXT NOT NULL)""",
    "CREATE TABLE commits (generation BIGINT PRIMARY KEY, name TEXT NOT NULL)",
    f"""CREATE TABLE versions (
        article {_TEXT} NOT NULL, version BIGINT NOT NULL, record BYTEA NOT NULL,
        digest TEXT NOT NULL, replaced {_TEXT} NOT NULL, PRIMARY KEY (article, version))""",
    "CREATE TABLE spares (vector BIGINT PRIMARY KEY, generation BIGINT NOT NULL)",
    f"CREATE TABLE totals (name {_TEXT} PRIMARY KEY, count BIGINT NOT NULL)",
    f"CREATE TABLE outlets (source {_TEXT} PRIMARY KEY, count BIGINT NOT NULL)",
    f"CREATE TABLE keys (name {_TEXT} PRIMARY KEY, last BIGINT NOT NULL)",
    "CREATE TABLE format (version BIGINT PRIMARY KEY)",
    "CREATE INDEX articles_generation ON articles (generation)",
    "CREATE INDEX articles_published ON articles (published, source)",
    "CREATE INDEX passages_article ON passages (article, n)",
    "CREATE INDEX passages_generation ON passages (generation)",
    "CREATE INDEX passages_vector ON passages (vector)",
    "CREATE INDEX removals_generation ON removals (generation)",
    "CREATE INDEX spares_generation ON spares (generation)",
    # vectors do not get smaller by PostgreSQL's compression, which would be tried with each
    "ALTER TABLE vectors ALTER COLUMN passage SET STORAGE EXTERNAL",
    "ALTER TABLE vectors ALTER COLUMN sentences SET STORAGE EXTERNAL",
    "INSERT INTO totals VALUES ('articles', 0), ('passages', 0)",
    "INSERT INTO keys VALUES ('articles', 0), ('passages', 0)",
    _COUNTED,
    _OUTLETS,
    *_calls("count_rows", "articles"),
    *_calls("count_rows", "passages"),
    *_calls("count_outlets", "articles"),
)

MIGRATIONS: dict[int, tuple[str, ...]] = {5: (), 6: ()}
"""Format -> the statements that bring the tables to the next; vectors of tokens, which format 6 has
anew, and words, which format 7 has, come with new rows. They run in one transaction, with the new
version's row in `format`."""

LAST_KEYS = (
    (
        "articles",
        "SELECT greatest((SELECT max(key) FROM articles), (SELECT max(article) FROM removals), 0)",
    ),
    (
        "passages",
        "SELECT greatest((SELECT max(key) FROM passages), (SELECT max(key::BIGINT)"
        " FROM removals, jsonb_array_elements_text(passages::JSONB) AS gone (key)), 0)",
    ),
)
"""Table -> the query for the highest key that it ever had, as far as that is known."""

ORPHANS = (
    (
        "SELECT key FROM passages WHERE NOT EXISTS"
        " (SELECT 1 FROM articles WHERE articles.key = passages.article) LIMIT 10",
        "has no article",
    ),
    (
        "SELECT key FROM passages WHERE NOT EXISTS"
        " (SELECT 1 FROM vectors WHERE vectors.key = passages.vector) LIMIT 10",
        "has no vectors",
    ),
)
"""Queries for passages that point to nothing, which constraints prevent, and what each is told."""
