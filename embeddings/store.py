"""The archive's truth: one SQLite database with articles, passages, sentences and vectors.

What is committed here exists; the FAISS and tantivy files are derived from it. Every commit raises
the generation by one, and passages carry the generation that added them, so that whoever derives
something can ask what changed since.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from corpus.errors import ArchiveDamagedError, ArchiveMissingError
from corpus.records import Article, Failure
from embeddings.database import Database
from embeddings.encoder import EncoderSettings, PassageVectors, Vectors
from embeddings.rows import (
    Changes,
    EncodedPassage,
    FileRecord,
    StoredPassage,
    decode_article,
    decode_passage,
    decode_vectors,
    encode_article,
    encode_spans,
    encode_vectors,
    passage_digest,
)
from embeddings.schema import DATABASE, check_format, create_tables, has_tables

_ARTICLE = "SELECT key, id, record, digest FROM articles"
_PASSAGE = 'SELECT key, digest, article, n, start, "end", tokens, sentences FROM passages'


class Store:
    """The database of one archive.

    Raises ArchiveMissingError where the directory holds none, ArchiveDamagedError where the file
    is something else, ArchiveMismatchError where a newer program made it, StorageError where the
    disk or its permissions refuse.
    """

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        self.directory = directory
        self.path = directory / DATABASE
        if not create and not self.path.is_file():
            raise self._missing()
        self._db = Database(self.path, create=create)
        try:
            if not has_tables(self._db):
                if not create:
                    raise self._missing()
                create_tables(self._db)
            check_format(self._db, directory)
            self._db.log_ahead()
            status = self.path.stat()
        except BaseException:
            self._db.close()
            raise
        self._identity = (status.st_dev, status.st_ino)

    @property
    def is_replaced(self) -> bool:
        """Tell whether another file, or none, now stands where this store was opened."""
        try:
            status = self.path.stat()
        except OSError:
            return True
        return (status.st_dev, status.st_ino) != self._identity

    @property
    def writable(self) -> bool:
        """Tell whether the store was opened to write."""
        return self._db.writable

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def _missing(self) -> ArchiveMissingError:
        return ArchiveMissingError(
            f"there is no archive in {self.directory}:"
            f" make one with `qa index FOLDER --archive {self.directory}`"
        )

    # Settings

    def setting(self, name: str) -> Any:
        """Return a setting's value, or None where it is not set."""
        rows = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,))
        try:
            return json.loads(rows[0][0]) if rows else None
        except ValueError as error:
            raise self._damaged_setting(name) from error

    def put_setting(self, name: str, value: Any) -> None:
        """Record a setting, inside a transaction."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    @property
    def archive_id(self) -> str:
        """Return the random name that tells this archive's derived files from another's."""
        return str(self.setting("archive"))

    @property
    def generation(self) -> int:
        """Return the number of commits so far."""
        value = self.setting("generation")
        if not isinstance(value, int):
            raise self._damaged_setting("generation")
        return value

    def commit_name(self, generation: int) -> str:
        """Return the random name of a commit, "" where there was none.

        It tells this archive's history from that of a copy, which counts generations as well.
        """
        sql = "SELECT name FROM commits WHERE generation = ?"
        return next((str(name) for (name,) in self._db.execute(sql, (generation,))), "")

    @property
    def encoder(self) -> EncoderSettings | None:
        """Return the settings of the encoder that made the vectors; None before the first."""
        stored = self.setting("encoder")
        try:
            return None if stored is None else EncoderSettings(**stored)
        except TypeError as error:
            raise self._damaged_setting("encoder") from error

    def _damaged_setting(self, name: str) -> ArchiveDamagedError:
        return ArchiveDamagedError(
            f"{self.path} is damaged (its setting {name!r} is none): restore it from a copy,"
            " or index the files into a new folder"
        )

    def put_encoder(self, settings: EncoderSettings) -> None:
        """Record which encoder's vectors the archive holds, inside a transaction."""
        self.put_setting("encoder", asdict(settings))

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside as one generation, or nothing of it."""
        with self._db.transaction():
            generation = self.generation + 1
            self.put_setting("generation", generation)
            self._db.execute("INSERT INTO commits VALUES (?, ?)", (generation, uuid.uuid4().hex))
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Give everything read inside one consistent view."""
        with self._db.snapshot():
            yield

    def empty_log(self) -> None:
        """Leave no copy of removed rows in the write-ahead log, where no reader is in the way."""
        self._db.empty_log()

    # Writing, inside a transaction

    def put_article(self, article: Article, passages: Sequence[EncodedPassage]) -> None:
        """Store an article with its passages in place of an earlier one with the same id."""
        self.remove_articles([article.id])
        key = self._db.insert(
            "INSERT INTO articles (id, source, published, record, digest, generation)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                article.id,
                article.source,
                article.published,
                encode_article(article),
                article.digest,
                self.generation,
            ),
        )
        for item in passages:
            self._put_passage(key, item)

    def _put_passage(self, article: int, item: EncodedPassage) -> None:
        passage = item.passage
        columns = (
            article,
            passage.n,
            passage.start,
            passage.end,
            passage.tokens,
            encode_spans(passage.sentences),
        )
        self._db.execute(
            'INSERT INTO passages (article, n, start, "end", tokens, sentences, digest, vector,'
            " generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*columns, passage_digest(*columns), self._vector_key(item), self.generation),
        )

    def _vector_key(self, item: EncodedPassage) -> int:
        rows = self._db.execute("SELECT key FROM vectors WHERE hash = ?", (item.hash,))
        if rows:
            return int(rows[0][0])
        if item.vectors is None:
            raise ArchiveDamagedError("vectors that were stored are gone: index the files again")
        return self._db.insert(
            "INSERT INTO vectors (hash, passage, sentences, digest) VALUES (?, ?, ?, ?)",
            (item.hash, *encode_vectors(item.vectors)),
        )

    def remove_articles(self, ids: Iterable[str]) -> int:
        """Remove articles by id; return how many there were. Their vectors stay for re-use."""
        count = 0
        for article_id in ids:
            for (key,) in self._db.execute("SELECT key FROM articles WHERE id = ?", (article_id,)):
                passages = json.dumps(self.passage_keys_of([key]))
                self._db.execute("DELETE FROM passages WHERE article = ?", (key,))
                self._db.execute("DELETE FROM articles WHERE key = ?", (key,))
                self._db.execute(
                    "INSERT INTO removals VALUES (?, ?, ?)", (self.generation, key, passages)
                )
                count += 1
        return count

    def replace_record(self, article: Article) -> None:
        """Store an article's record again where only what no reader sees has changed, its path."""
        self._db.execute(
            "UPDATE articles SET record = ? WHERE id = ? AND digest = ?",
            (encode_article(article), article.id, article.digest),
        )

    def put_file(self, path: str, record: FileRecord) -> None:
        """Remember a file's stamp, the ids of the articles in it, and what could not be read."""
        failures = [[failure.path, failure.reason] for failure in record.failures]
        columns = (json.dumps(part) for part in (record.articles, record.earlier, failures))
        self._db.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", (path, record.stamp, *columns)
        )

    def remove_files(self, paths: Iterable[str]) -> None:
        """Forget files."""
        for path in paths:
            self._db.execute("DELETE FROM files WHERE path = ?", (path,))

    # Reading

    def files(self) -> dict[str, FileRecord]:
        """Return path -> record of every file that was indexed."""
        rows = self._db.execute("SELECT path, stamp, articles, earlier, failures FROM files")
        try:
            return {
                path: FileRecord(
                    stamp,
                    tuple(json.loads(ids)),
                    tuple(json.loads(earlier)),
                    tuple(Failure(place, reason) for place, reason in json.loads(failures)),
                )
                for path, stamp, ids, earlier, failures in rows
            }
        except (ValueError, TypeError) as error:
            raise ArchiveDamagedError(
                f"{self.path} is damaged (its list of files): restore it from a copy,"
                " or index the files into a new folder"
            ) from error

    def article_digests(self) -> dict[str, str]:
        """Return id -> digest of every article."""
        return dict(self._db.execute("SELECT id, digest FROM articles"))

    def has_vectors(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of the hashes whose vectors are stored."""
        return {row[0] for row in self._db.select("SELECT hash FROM vectors WHERE hash IN", hashes)}

    def counts(self) -> dict[str, int]:
        """Return the number of articles and passages."""
        articles = self._db.execute("SELECT count(*) FROM articles")[0][0]
        passages = self._db.execute("SELECT count(*) FROM passages")[0][0]
        return {"articles": int(articles), "passages": int(passages)}

    def sources(self) -> list[tuple[str, int]]:
        """Return (outlet, number of articles), most first, then by name."""
        rows = self._db.execute(
            "SELECT source, count(*) FROM articles WHERE source IS NOT NULL"
            " GROUP BY source ORDER BY count(*) DESC, source"
        )
        return [(str(source), int(count)) for source, count in rows]

    def dates(self) -> tuple[str | None, str | None]:
        """Return the first and the last date of publication."""
        first, last = self._db.execute("SELECT min(published), max(published) FROM articles")[0]
        return first, last

    def article(self, article_id: str) -> Article | None:
        """Return an article by its id. Raises ArchiveDamagedError where its bytes changed."""
        rows = self._db.execute(f"{_ARTICLE} WHERE id = ?", (article_id,))
        return decode_article(*rows[0][1:]) if rows else None

    def article_ids(self) -> list[tuple[str, int]]:
        """Return (id, key) of every article, in the order of keys."""
        rows = self._db.execute("SELECT id, key FROM articles ORDER BY key")
        return [(str(article_id), int(key)) for article_id, key in rows]

    def filed(self) -> dict[int, tuple[str | None, str | None]]:
        """Return article key -> (outlet, date of publication), what filters go by."""
        rows = self._db.execute("SELECT key, source, published FROM articles")
        return {key: (source, published) for key, source, published in rows}

    def articles_by_key(self, keys: Iterable[int]) -> dict[int, Article]:
        """Return key -> article; keys that are gone are left out."""
        rows = self._db.select(f"{_ARTICLE} WHERE key IN", keys)
        return {key: decode_article(*rest) for key, *rest in rows}

    def article_keys(
        self, sources: Sequence[str] = (), since: str | None = None, until: str | None = None
    ) -> list[int]:
        """Return the keys of articles of these outlets published in these (inclusive) bounds."""
        where, values = ["1"], list[str]()
        if sources:
            where.append(f"source IN ({', '.join('?' * len(sources))})")
            values.extend(sources)
        for bound, comparison in ((since, ">="), (until, "<=")):
            if bound:
                where.append(f"published {comparison} ?")
                values.append(bound)
        sql = f"SELECT key FROM articles WHERE {' AND '.join(where)} ORDER BY key"  # noqa: S608 - own words
        return [key for (key,) in self._db.execute(sql, values)]

    def passages(self, keys: Iterable[int]) -> Iterator[StoredPassage]:
        """Yield passages by key. Raises ArchiveDamagedError where their bytes changed."""
        for row in self._db.select(f"{_PASSAGE} WHERE key IN", keys):
            yield decode_passage(*row)

    def passages_of(self, articles: Iterable[int]) -> list[StoredPassage]:
        """Return the passages of these articles, in the order of articles and places."""
        rows = self._db.select(f"{_PASSAGE} WHERE article IN", articles)
        found = [decode_passage(*row) for row in rows]
        return sorted(found, key=lambda passage: (passage.article, passage.n))

    def passage_keys_of(self, articles: Iterable[int]) -> list[int]:
        """Return the keys of all passages of these articles."""
        rows = self._db.select("SELECT key FROM passages WHERE article IN", articles)
        return [key for (key,) in rows]

    def vectors(self, keys: Iterable[int]) -> dict[int, PassageVectors]:
        """Return passage key -> vectors. Raises ArchiveDamagedError where their bytes changed."""
        rows = self._db.select(
            "SELECT passages.key, vectors.passage, vectors.sentences, vectors.digest"
            " FROM passages JOIN vectors ON vectors.key = passages.vector WHERE passages.key IN",
            keys,
        )
        return {key: decode_vectors(*blobs) for key, *blobs in rows}

    def passage_vectors(self, keys: Sequence[int], dimension: int) -> tuple[list[int], Vectors]:
        """Return passage keys and their vectors, float32 (n, dimension)."""
        found = self.vectors(keys)
        matrix = np.empty((len(found), dimension), dtype=np.float32)
        for row, vectors in enumerate(found.values()):
            matrix[row] = vectors.passage
        return list(found), matrix

    def changes_since(self, generation: int) -> Changes:
        """Return what was added since a generation and is still there, and what was removed."""
        removed = self._db.execute(
            "SELECT article, passages FROM removals WHERE generation > ?", (generation,)
        )
        passages = self._db.execute(
            "SELECT key FROM passages WHERE generation > ? ORDER BY key", (generation,)
        )
        articles = self._db.execute(
            "SELECT key FROM articles WHERE generation > ? ORDER BY key", (generation,)
        )
        return Changes(
            passages=tuple(key for (key,) in passages),
            articles=tuple(key for (key,) in articles),
            removed_passages=tuple(key for _, keys in removed for key in json.loads(keys)),
            removed_articles=tuple(key for key, _ in removed),
        )

    def integrity(self) -> list[str]:
        """Return what SQLite itself finds wrong with the file, in its own words."""
        rows = self._db.execute("PRAGMA integrity_check")
        rows += self._db.execute("PRAGMA foreign_key_check")
        return [" ".join(map(str, row)) for row in rows if row[0] != "ok"]
