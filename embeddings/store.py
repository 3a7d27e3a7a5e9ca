"""The archive's truth: one database with articles, passages, sentences and vectors.

What is committed here exists; the FAISS and tantivy files are derived from it. Every commit raises
the generation by one, and passages carry the generation that added them, so that whoever derives
something can ask what changed since.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.errors import ArchiveDamagedError
from corpus.records import Article
from embeddings.contents import Contents
from embeddings.database import Database
from embeddings.encoder import EncoderSettings
from embeddings.migrations import COUNT_AGAIN
from embeddings.rows import (
    EncodedPassage,
    FileRecord,
    StoredArticle,
    are_intact,
    encode_article,
    encode_spans,
    encode_vectors,
    passage_digest,
    seal_article,
    vectors_mark,
    version_digest,
)
from embeddings.schema import open_folder

SPARE_SHARE = 0.1
"""Vectors that no passage uses any more, as a share of the passages, which are kept for articles
that come back."""

COMMITS_KEPT = 10_000
"""Commits that indices may be behind to be brought up to date: what each removed is kept as long,
some 100 bytes an article."""

SPARE_LEAST = 2_000
"""Such vectors that are kept in any case: some 15 MB."""

EVERY = 2**62
"""More rows than there are: a LIMIT that is none, in the words of every SQL."""


class Store(Contents):
    """The truth of one archive: the database in a folder, or one that several machines share.

    A shared one has a folder too, of this machine, for what is derived from it; `vector_engine` is
    the address of Milvus where the vectors are searched there, else None.

    Raises ArchiveMissingError where there is none, ArchiveDamagedError where the file is something
    else, ArchiveMismatchError where a newer program made it, StorageError where the disk or its
    permissions refuse.
    """

    def __init__(
        self,
        directory: Path,
        *,
        create: bool = False,
        database: Database | None = None,
        vector_engine: str | None = None,
    ) -> None:
        self.directory = directory
        self.vector_engine = vector_engine
        self._committing = 0  # the generation of the transaction that is open
        self._db = database if database is not None else open_folder(directory, create=create)

    def again(self) -> Store:
        """Return another store over the same archive, for another thread."""
        return Store(self.directory, database=self._db.again(), vector_engine=self.vector_engine)

    def cut(self) -> None:
        """Give up what other threads wait for at a database that is silent; takes no time."""
        self._db.cut()

    @property
    def is_shared(self) -> bool:
        """Tell whether several machines share the archive."""
        return self._db.is_shared

    @property
    def is_replaced(self) -> bool:
        """Tell whether another archive, or none, now stands where this store was opened."""
        return self._db.is_replaced

    @property
    def writable(self) -> bool:
        """Tell whether the store was opened to write."""
        return self._db.writable

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # Settings

    def put_setting(self, name: str, value: Any) -> None:
        """Record a setting, inside a transaction."""
        self._db.execute(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    def put_encoder(self, settings: EncoderSettings) -> None:
        """Record which encoder's vectors the archive holds, inside a transaction."""
        self.put_setting("encoder", asdict(settings))

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is written inside as one generation, or nothing of it."""
        with self._db.transaction():
            generation = self._committing = self.generation + 1
            self.put_setting("generation", generation)
            self._db.execute("INSERT INTO commits VALUES (?, ?)", (generation, uuid.uuid4().hex))
            yield
            self._drop_spares()
            self._forget_until(generation - COMMITS_KEPT)

    def snapshot(self) -> AbstractContextManager[None]:
        """Give everything read inside one consistent view."""
        return self._db.snapshot()

    def writing(self, wait: float = 0) -> AbstractContextManager[None]:
        """Hold the archive's only writer's place within a block.

        Raises ArchiveLockedError after `wait` seconds, naming the holder, where another has it.
        """
        return self._db.writing(wait)

    def rewrite(self) -> None:
        """Write the database anew, its indices and counts included, as a generation of its own.

        Raises ArchiveDamagedError where its tables cannot be read through.
        """
        self._db.reindex()
        with self.transaction():
            for statement in COUNT_AGAIN:
                self._db.execute(statement)
        self._db.compact()

    def empty_log(self) -> None:
        """Leave no copy of removed rows in the write-ahead log, where no reader is in the way."""
        self._db.empty_log()

    # Articles, inside a transaction

    def put_article(self, article: Article, passages: Sequence[EncodedPassage]) -> None:
        """Store an article with its passages in place of the one with the same id, if any.

        Where its headline or text differ, the earlier ones are kept as an earlier version.
        """
        version = self._next_version(article)
        self._drop(article.id)
        key = self._db.next_key("articles")
        digest = article.digest
        filed = (article.source, article.published, encode_article(article))
        seal = seal_article(key, article.id, version, digest, *filed)
        self._db.execute(
            "INSERT INTO articles (key, id, source, published, record, digest, generation, version,"
            " seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, article.id, *filed, digest, self._committing, version, seal),
        )
        self._put_passages(key, passages)

    def _next_version(self, article: Article) -> int:
        """Return the number of an article's version, having kept the one that it replaces."""
        try:
            old = self.article(article.id)
        except ArchiveDamagedError:  # the way to mend it is to put it again
            rows = self._db.execute("SELECT version FROM articles WHERE id = ?", (article.id,))
            return int(rows[0][0])
        if old is None:
            return 1
        if (old.title, old.text) == (article.title, article.text):
            return old.version
        now = datetime.now(UTC).isoformat(timespec="seconds")
        digest = version_digest(old.id, old.version, old.digest, now)
        self._db.execute(
            "INSERT INTO versions VALUES (?, ?, ?, ?, ?) ON CONFLICT (article, version)"
            " DO UPDATE SET record = excluded.record, digest = excluded.digest,"
            " replaced = excluded.replaced",
            (old.id, old.version, encode_article(old), digest, now),
        )
        return old.version + 1

    def _put_passages(self, article: int, items: Sequence[EncodedPassage]) -> None:
        """Store the passages of an article, by its key, and the vectors that are new."""
        first = self._db.next_key("passages", len(items))
        vectors = self._put_vectors(items)
        rows = []
        for key, item in enumerate(items, start=first):
            passage = item.passage
            columns = (
                *(key, vectors[item.hash], self._committing),
                *(article, passage.n, passage.start, passage.end, passage.tokens),
                encode_spans(passage.sentences),
            )
            rows.append((*columns, passage_digest(*columns)))
        self._db.execute_many(
            'INSERT INTO passages (key, vector, generation, article, n, start, "end", tokens,'
            " sentences, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _put_vectors(self, items: Sequence[EncodedPassage]) -> dict[bytes, int]:
        """Store the vectors that are new; return the keys of all by their hashes."""
        stored = self._db.select(
            "SELECT hash, key FROM vectors WHERE hash IN", {item.hash for item in items}
        )
        keys = {bytes(content): int(key) for content, key in stored}
        self._db.execute_many(
            "DELETE FROM spares WHERE vector = ?", [(key,) for key in keys.values()]
        )
        last = int(self._db.execute("SELECT max(key) FROM vectors")[0][0] or 0)
        rows = []
        for item in items:
            if item.hash in keys:
                continue
            if item.vectors is None:
                raise ArchiveDamagedError(
                    "vectors that were stored are gone: index the files again"
                )
            keys[item.hash] = last = last + 1
            blobs = encode_vectors(item.vectors)
            rows.append((last, item.hash, *blobs, vectors_mark(last, item.hash, *blobs)))
        self._db.execute_many(
            "INSERT INTO vectors (key, hash, passage, sentences, digest) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        return keys

    def remove_articles(self, ids: Iterable[str]) -> int:
        """Remove articles by id, earlier versions included; return how many there were.

        Their vectors stay for a while, see `spare_vectors`.
        """
        count = 0
        for article_id in ids:
            count += self._drop(article_id)
            self._db.execute("DELETE FROM versions WHERE article = ?", (article_id,))
        return count

    def _drop(self, article_id: str) -> int:
        """Take an article's row and passages out; return how many articles there were."""
        rows = self._db.execute("SELECT key FROM articles WHERE id = ?", (article_id,))
        for (key,) in rows:
            passages = self._db.execute(
                "SELECT key, vector FROM passages WHERE article = ?", (key,)
            )
            self._db.execute("DELETE FROM passages WHERE article = ?", (key,))
            self._db.execute("DELETE FROM articles WHERE key = ?", (key,))
            self._db.execute(
                "INSERT INTO removals VALUES (?, ?, ?)",
                (self._committing, key, json.dumps([passage for passage, _ in passages])),
            )
            for vector in {vector for _, vector in passages}:
                self._db.execute(
                    "INSERT INTO spares SELECT ?, ?"
                    " WHERE NOT EXISTS (SELECT 1 FROM passages WHERE vector = ?)"
                    " ON CONFLICT (vector) DO UPDATE SET generation = excluded.generation",
                    (vector, self._committing, vector),
                )
        return len(rows)

    def _drop_spares(self) -> None:
        """Forget the vectors that have been of no use the longest, beyond what is kept."""
        most = max(SPARE_LEAST, int(SPARE_SHARE * self.counts()["passages"]))
        surplus = self._db.execute(
            "SELECT vector FROM spares ORDER BY generation DESC, vector LIMIT ? OFFSET ?",
            (EVERY, most),
        )
        for vector in surplus:
            self.forget_spare(*vector)

    def forget_spare(self, vector: int) -> None:
        """Remove vectors that no passage uses, inside a transaction."""
        self._db.execute("DELETE FROM spares WHERE vector = ?", (vector,))
        self._db.execute("DELETE FROM vectors WHERE key = ?", (vector,))

    def _forget_until(self, generation: int) -> None:
        """Forget a commit and those before it: indices of an older one are made anew."""
        self._db.execute("DELETE FROM commits WHERE generation <= ?", (generation,))
        self._db.execute("DELETE FROM removals WHERE generation <= ?", (generation,))

    def doubt(self, article_id: str) -> None:
        """Take an article for changed, so that its file is read again.

        Those of its vectors that are damaged count as none; the others may be a copy's as well.
        """
        self._db.execute("UPDATE articles SET digest = '' WHERE id = ?", (article_id,))
        rows = self._db.execute(
            "SELECT key, hash, passage, sentences, digest FROM vectors WHERE key IN"
            " (SELECT vector FROM passages JOIN articles ON articles.key = passages.article"
            " WHERE id = ?)",
            (article_id,),
        )
        for row in rows:
            if not are_intact(*row):
                self._db.execute(
                    "UPDATE vectors SET hash = ? WHERE key = ?", (os.urandom(16), row[0])
                )

    def replace_record(self, article: Article) -> None:
        """Store an article's record again where only what no reader sees has changed, its path."""
        digest, record = article.digest, encode_article(article)
        rows = self._db.execute(
            "SELECT key, version, record, seal, source, published FROM articles"
            " WHERE id = ? AND digest = ?",
            (article.id, digest),
        )
        for key, version, old, seal, source, published in rows:
            with suppress(ArchiveDamagedError):  # damage stays to be seen
                row = (key, article.id, version, old, digest, seal, source, published)
                StoredArticle.read(*row)
                told = (key, article.id, version, digest, source, published, record)
                self._db.execute(
                    "UPDATE articles SET record = ?, seal = ? WHERE key = ?",
                    (record, seal_article(*told), key),
                )

    # Files, inside a transaction

    def put_file(self, path: str, record: FileRecord) -> None:
        """Remember a file's stamp, the ids of the articles in it, and what could not be read."""
        failures = [[failure.path, failure.reason] for failure in record.failures]
        columns = (json.dumps(part) for part in (record.articles, record.earlier, failures))
        self._db.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
            " stamp = excluded.stamp, articles = excluded.articles, earlier = excluded.earlier,"
            " failures = excluded.failures",
            (self._noted(path), record.stamp, *columns),
        )

    def remove_files(self, paths: Iterable[str]) -> None:
        """Forget files."""
        for path in paths:
            self._db.execute("DELETE FROM files WHERE path = ?", (self._noted(path),))
