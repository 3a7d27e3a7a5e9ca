"""The archive's truth: one SQLite database with articles, passages, sentences and vectors.

What is committed here exists; the FAISS and tantivy files are derived from it. Every commit raises
the generation by one, and passages carry the generation that added them, so that whoever derives
something can ask what changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import (
    ArchiveDamagedError,
    ArchiveMismatchError,
    ArchiveMissingError,
    StorageError,
)
from corpus.records import Article, Passage, Span
from embeddings.encoder import EncoderSettings, PassageVectors, Vectors

DATABASE = "archive.sqlite"
"""Name of the database file in an archive's directory."""

FORMAT = 1
"""Version of the tables below (SQLite's user_version)."""

APPLICATION_ID = 0x6E657773
"""SQLite's application_id of an archive: "news" in ASCII."""

BUSY_MS = 10_000
"""Milliseconds that a statement waits for another process's transaction to end."""

MAX_VARIABLES = 500
"""Keys in one SQL statement: SQLite allows 32,766 of them, older builds 999."""

SCHEMA = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (path TEXT PRIMARY KEY, digest TEXT NOT NULL, articles TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE articles (
    key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, path TEXT, source TEXT,
    published TEXT, record BLOB NOT NULL, digest TEXT NOT NULL, generation INTEGER NOT NULL);
CREATE INDEX articles_path ON articles (path);
CREATE TABLE vectors (
    key INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, passage BLOB NOT NULL,
    sentences BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE passages (
    key INTEGER PRIMARY KEY AUTOINCREMENT, article INTEGER NOT NULL REFERENCES articles (key),
    n INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    tokens INTEGER NOT NULL, sentences TEXT NOT NULL,
    vector INTEGER NOT NULL REFERENCES vectors (key), generation INTEGER NOT NULL);
CREATE INDEX passages_article ON passages (article, n);
CREATE INDEX passages_generation ON passages (generation);
CREATE TABLE removals (generation INTEGER NOT NULL, article INTEGER NOT NULL,
    passages TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it is stored: its own key, its article's key, and its place in the article."""

    key: int
    article: int
    n: int
    span: Span
    sentences: tuple[Span, ...]
    tokens: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What was added and removed since a generation, by key."""

    passages: tuple[int, ...]
    articles: tuple[int, ...]
    removed_passages: tuple[int, ...]
    removed_articles: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EncodedPassage:
    """A passage and its vectors, or the key of vectors that are stored already."""

    passage: Passage
    hash: bytes
    vectors: PassageVectors | None


class Store:
    """The database of one archive. Errors of SQLite come out as this project's own."""

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        self.directory = directory
        self.path = directory / DATABASE
        if not create and not self.path.is_file():
            raise ArchiveMissingError(
                f"there is no archive in {directory}:"
                f" make one with `qa index FOLDER --archive {directory}`"
            )
        self._writable = os.access(directory, os.W_OK) and (create or os.access(self.path, os.W_OK))
        with _translated(self.path):
            self._db = self._connect()
            if create and not self._has_tables():
                self._create()
            self._check_format()

    def _connect(self) -> sqlite3.Connection:
        mode = "rwc" if self._writable else "ro&immutable=1"
        uri = f"{self.path.absolute().as_uri()}?mode={mode}"
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        if self._writable:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
        return db

    def _has_tables(self) -> bool:
        return bool(self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    def _create(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        if not self._has_tables():
            for statement in SCHEMA.split(";\n"):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
            self._set("archive", uuid.uuid4().hex)
            self._set("generation", 0)
        self._db.execute("COMMIT")

    def _check_format(self) -> None:
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise ArchiveDamagedError(
                f"{self.path} is no news archive: give another folder,"
                " or move the file away and index again"
            )
        if version > FORMAT:
            raise ArchiveMismatchError(
                f"the archive in {self.directory} has format {version} and this program reads"
                f" up to {FORMAT}: update the program, or index into a new folder"
            )

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # Settings

    def _set(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def setting(self, name: str) -> Any:
        """Return a setting's value, or None where it is not set."""
        with _translated(self.path):
            row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    @property
    def archive_id(self) -> str:
        """Return the random name that tells this archive's derived files from another's."""
        return str(self.setting("archive"))

    @property
    def generation(self) -> int:
        """Return the number of commits so far."""
        return int(self.setting("generation") or 0)

    @property
    def encoder(self) -> EncoderSettings | None:
        """Return the settings of the encoder that made the vectors; None before the first."""
        stored = self.setting("encoder")
        return EncoderSettings(**stored) if stored else None

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside as one generation, or nothing of it."""
        with _translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._set("generation", self.generation + 1)
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Give everything read inside one consistent view."""
        with _translated(self.path):
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def set_encoder(self, settings: EncoderSettings) -> None:
        """Record which encoder's vectors the archive holds."""
        self._set("encoder", asdict(settings))

    def set_splitter(self, version: str) -> None:
        """Record which rules cut the passages."""
        self._set("splitter", version)

    def set_samples(self) -> None:
        """Record that these are the shipped samples."""
        self._set("samples", True)

    # Writing, inside a transaction

    def put_article(self, article: Article, passages: Sequence[EncodedPassage]) -> None:
        """Store an article with its passages in place of an earlier one with the same id."""
        self.remove_articles([article.id])
        generation = self.generation
        record = encode_record(article)
        key = self._db.execute(
            "INSERT INTO articles (id, path, source, published, record, digest, generation)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                article.id,
                article.path,
                article.source,
                article.published,
                record,
                article.digest,
                generation,
            ),
        ).lastrowid
        for item in passages:
            self._db.execute(
                'INSERT INTO passages (article, n, start, "end", tokens, sentences, vector,'
                " generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    item.passage.n,
                    item.passage.start,
                    item.passage.end,
                    item.passage.tokens,
                    json.dumps([[span.start, span.end] for span in item.passage.sentences]),
                    self._vector_key(item),
                    generation,
                ),
            )

    def _vector_key(self, item: EncodedPassage) -> int:
        row = self._db.execute("SELECT key FROM vectors WHERE hash = ?", (item.hash,)).fetchone()
        if row:
            return int(row[0])
        if item.vectors is None:
            raise ArchiveDamagedError("vectors that were stored are gone: index the files again")
        passage = item.vectors.passage.astype("<f4").tobytes()
        sentences = item.vectors.sentences.astype("<f2").tobytes()
        cursor = self._db.execute(
            "INSERT INTO vectors (hash, passage, sentences, digest) VALUES (?, ?, ?, ?)",
            (item.hash, passage, sentences, _vector_digest(passage, sentences)),
        )
        return int(cursor.lastrowid or 0)

    def remove_articles(self, ids: Iterable[str]) -> int:
        """Remove articles by id; return how many there were. Their vectors stay for re-use."""
        count = 0
        for article_id in ids:
            row = self._db.execute("SELECT key FROM articles WHERE id = ?", (article_id,))
            found = row.fetchone()
            if found is None:
                continue
            keys = self._db.execute("SELECT key FROM passages WHERE article = ?", found)
            passages = json.dumps([key for (key,) in keys])
            self._db.execute("DELETE FROM passages WHERE article = ?", found)
            self._db.execute("DELETE FROM articles WHERE key = ?", found)
            self._db.execute(
                "INSERT INTO removals VALUES (?, ?, ?)", (self.generation, found[0], passages)
            )
            count += 1
        return count

    def put_file(self, path: str, digest: str, articles: Iterable[str]) -> None:
        """Remember a file's digest and the ids of the articles that were read from it."""
        self._db.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?)",
            (path, digest, json.dumps(list(articles))),
        )

    def remove_files(self, paths: Iterable[str]) -> None:
        """Forget files."""
        self._db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in paths])

    # Reading

    def files(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return path -> (digest, article ids) of every file that was indexed."""
        with _translated(self.path):
            rows = self._db.execute("SELECT path, digest, articles FROM files").fetchall()
        return {path: (digest, tuple(json.loads(ids))) for path, digest, ids in rows}

    def article_digests(self) -> dict[str, str]:
        """Return id -> digest of every article."""
        with _translated(self.path):
            return dict(self._db.execute("SELECT id, digest FROM articles").fetchall())

    def has_vectors(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of the hashes whose vectors are stored."""
        return {row[0] for row in self._select("SELECT hash FROM vectors WHERE hash IN", hashes)}

    def counts(self) -> dict[str, int]:
        """Return the number of articles and passages."""
        with _translated(self.path):
            return {
                table: int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("articles", "passages")
            }

    def sources(self) -> list[tuple[str, int]]:
        """Return (outlet, number of articles), most first, then by name."""
        with _translated(self.path):
            return self._db.execute(
                "SELECT source, count(*) FROM articles WHERE source IS NOT NULL"
                " GROUP BY source ORDER BY count(*) DESC, source"
            ).fetchall()

    def dates(self) -> tuple[str | None, str | None]:
        """Return the first and the last date of publication."""
        with _translated(self.path):
            row = self._db.execute("SELECT min(published), max(published) FROM articles").fetchone()
        return row[0], row[1]

    def article(self, article_id: str) -> Article | None:
        """Return an article by its id. Raises ArchiveDamagedError where its bytes changed."""
        with _translated(self.path):
            row = self._db.execute(
                "SELECT id, record, digest FROM articles WHERE id = ?", (article_id,)
            ).fetchone()
        return decode_record(*row) if row else None

    def article_ids(self) -> list[tuple[str, int]]:
        """Return (id, key) of every article, in the order of keys."""
        with _translated(self.path):
            return self._db.execute("SELECT id, key FROM articles ORDER BY key").fetchall()

    def articles_by_key(self, keys: Iterable[int]) -> dict[int, Article]:
        """Return key -> article."""
        rows = self._select("SELECT key, id, record, digest FROM articles WHERE key IN", keys)
        return {key: decode_record(*rest) for key, *rest in rows}

    def articles(self) -> Iterator[tuple[int, Article]]:
        """Yield (key, article) in the order of keys."""
        with _translated(self.path):
            cursor = self._db.execute("SELECT key, id, record, digest FROM articles ORDER BY key")
            for key, *rest in cursor:
                yield key, decode_record(*rest)

    def article_keys(
        self, sources: Sequence[str] = (), since: str | None = None, until: str | None = None
    ) -> list[int]:
        """Return the keys of articles of these outlets published in these (inclusive) bounds."""
        where, values = ["1"], list[str]()
        if sources:
            where.append(f"source IN ({', '.join('?' * len(sources))})")
            values.extend(sources)
        if since:
            where.append("published >= ?")
            values.append(since)
        if until:
            where.append("published <= ?")
            values.append(until)
        sql = f"SELECT key FROM articles WHERE {' AND '.join(where)} ORDER BY key"
        with _translated(self.path):
            return [key for (key,) in self._db.execute(sql, values)]

    def passages(self, keys: Iterable[int] | None = None) -> Iterator[StoredPassage]:
        """Yield passages by key, or all of them in the order of keys."""
        columns = 'SELECT key, article, n, start, "end", tokens, sentences FROM passages'
        if keys is None:
            with _translated(self.path):
                rows = self._db.execute(f"{columns} ORDER BY key")
                yield from (_stored(*row) for row in rows)
        else:
            yield from (_stored(*row) for row in self._select(f"{columns} WHERE key IN", keys))

    def passage_keys_of(self, articles: Iterable[int]) -> list[int]:
        """Return the keys of all passages of these articles."""
        rows = self._select("SELECT key FROM passages WHERE article IN", articles)
        return [key for (key,) in rows]

    def vectors(self, keys: Iterable[int]) -> dict[int, PassageVectors]:
        """Return passage key -> vectors. Raises ArchiveDamagedError where their bytes changed."""
        rows = self._select(
            "SELECT passages.key, vectors.passage, vectors.sentences, vectors.digest"
            " FROM passages JOIN vectors ON vectors.key = passages.vector WHERE passages.key IN",
            keys,
        )
        return {key: _vectors(self.path, *blobs) for key, *blobs in rows}

    def passage_vectors(self, keys: Sequence[int], dimension: int) -> tuple[list[int], Vectors]:
        """Return passage keys and their vectors, float32 (n, dimension)."""
        found = self.vectors(keys)
        matrix = np.empty((len(found), dimension), dtype=np.float32)
        for row, vectors in enumerate(found.values()):
            matrix[row] = vectors.passage
        return list(found), matrix

    def changes_since(self, generation: int) -> Changes:
        """Return what was added since a generation and is still there, and what was removed."""
        with _translated(self.path):
            removed = self._db.execute(
                "SELECT article, passages FROM removals WHERE generation > ?", (generation,)
            ).fetchall()
            added = [
                self._db.execute(
                    f"SELECT key FROM {table} WHERE generation > ? ORDER BY key", (generation,)
                ).fetchall()
                for table in ("passages", "articles")
            ]
        return Changes(
            passages=tuple(key for (key,) in added[0]),
            articles=tuple(key for (key,) in added[1]),
            removed_passages=tuple(key for _, keys in removed for key in json.loads(keys)),
            removed_articles=tuple(key for key, _ in removed),
        )

    def integrity(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file, in its own words."""
        with _translated(self.path):
            rows = self._db.execute("PRAGMA integrity_check").fetchall()
            rows += self._db.execute("PRAGMA foreign_key_check").fetchall()
        return [" ".join(map(str, row)) for row in rows if row[0] != "ok"]

    def _select(self, sql: str, keys: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
        """Run `sql (?, ?, ...)` over the keys in portions and yield the rows."""
        wanted = list(keys)
        with _translated(self.path):
            for at in range(0, len(wanted), MAX_VARIABLES):
                portion = wanted[at : at + MAX_VARIABLES]
                marks = ", ".join("?" * len(portion))
                yield from self._db.execute(f"{sql} ({marks})", portion).fetchall()


def encode_record(article: Article) -> bytes:
    """Return an article as bytes; lone surrogates in its text survive."""
    return json.dumps(asdict(article), ensure_ascii=True, separators=(",", ":")).encode()


def decode_record(article_id: str, record: bytes, digest: str) -> Article:
    """Return the article in `record`; raises ArchiveDamagedError where it is not what was stored."""
    try:
        fields = json.loads(record)
        fields["kept"] = tuple(Span(**span) for span in fields["kept"])
        fields["authors"] = tuple(fields["authors"])
        article = Article(**fields)
        intact = article.digest == digest and article.id == article_id
    except (ValueError, TypeError, KeyError):
        intact = False
    if not intact:
        raise ArchiveDamagedError(
            f"the stored text of article {article_id!r} is damaged:"
            " index its file again to replace it, or restore the archive from a copy"
        )
    return article


def _stored(
    key: int, article: int, n: int, start: int, end: int, tokens: int, sentences: str
) -> StoredPassage:
    spans = tuple(Span(*pair) for pair in json.loads(sentences))
    return StoredPassage(key, article, n, Span(start, end), spans, tokens)


def _vectors(path: Path, passage: bytes, sentences: bytes, digest: bytes) -> PassageVectors:
    if _vector_digest(passage, sentences) != digest:
        raise ArchiveDamagedError(
            f"stored vectors in {path} are damaged: restore the archive from a copy,"
            " or index the files into a new folder"
        )
    whole = np.frombuffer(passage, dtype="<f4")
    parts = np.frombuffer(sentences, dtype="<f2").astype(np.float32)
    return PassageVectors(whole, parts.reshape(-1, whole.shape[0]))


def _vector_digest(passage: bytes, sentences: bytes) -> bytes:
    return hashlib.blake2b(passage + b"|" + sentences, digest_size=16).digest()


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into this project's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise StorageError(f"{path} is in use by another process: try again") from error
        raise StorageError(
            f"{path} cannot be read or written ({error}): check the disk's free space"
            " and the folder's permissions; what was committed before is kept"
        ) from error
    except sqlite3.DatabaseError as error:
        raise ArchiveDamagedError(
            f"{path} is damaged ({error}): restore it from a copy,"
            " or index the files into a new folder"
        ) from error
