"""What is in an archive: its settings, articles, passages and vectors, read from the database."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from corpus.errors import ArchiveDamagedError
from corpus.records import Article, Failure
from embeddings.database import Database
from embeddings.encoder import EncoderSettings, PassageVectors, Vectors
from embeddings.filing import Filing
from embeddings.keys import Keys
from embeddings.rows import (
    Changes,
    FileRecord,
    StoredArticle,
    StoredPassage,
    Version,
    are_intact,
    decode_article,
    decode_passage,
    decode_vectors,
    decode_version,
)

MACHINE_VARIABLE = "QA_MACHINE"
"""Environment variable: the name by which a shared archive knows the files of this machine, or of
several that have the same ones. Default: the machine's own."""

SPARES_READ = 1_000
"""Vectors that no passage uses which are read at a time: some 7 MB."""

LAST = 2**62
"""A generation that is never reached."""

_ARTICLE = "SELECT key, id, version, record, digest, seal, source, published FROM articles"
_PASSAGE_COLUMNS = (
    "passages.digest, passages.key, vector, generation, article, n, start,"
    ' "end", tokens, passages.sentences'
)
_PASSAGE = f"SELECT {_PASSAGE_COLUMNS} FROM passages"  # noqa: S608 - own words
_PASSAGE_WIDTH = _PASSAGE_COLUMNS.count(",") + 1
_VECTOR_COLUMNS = "vectors.key, hash, passage, vectors.sentences, vectors.digest"
_WITH_VECTORS = "FROM passages JOIN vectors ON vectors.key = passages.vector WHERE passages.key IN"


class Contents:
    """Reads one archive's database; every value that was changed by chance is an error.

    Raises ArchiveDamagedError for those.
    """

    _db: Database
    _filing: Filing | None = None

    @property
    def place(self) -> str:
        """Return what messages call the archive's database."""
        return self._db.place

    # Settings

    def setting(self, name: str) -> Any:
        """Return a setting's value, or None where it is not set."""
        rows = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,))
        try:
            return json.loads(rows[0][0]) if rows else None
        except ValueError as error:
            raise self._damaged_setting(name) from error

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
    def commit(self) -> str:
        """Return the random name of the last commit, "" where there was none."""
        rows = self._db.execute("SELECT name FROM commits ORDER BY generation DESC LIMIT 1")
        return next((str(name) for (name,) in rows), "")

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
            f"{self.place} is damaged (its setting {name!r} is none): restore it from a copy,"
            " or index the files into a new archive"
        )

    def bytes_elsewhere(self) -> int:
        """Return the bytes that the truth takes outside the archive's folder."""
        return self._db.bytes_elsewhere()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no passage to be found."""
        counted = self.counts().get("passages", 0)
        return not counted and not self._db.execute("SELECT 1 FROM passages LIMIT 1")

    def content_sum(self) -> str:
        """Return format and checksum of the database in this view, or "" where that takes long."""
        return self._db.content_sum()

    # Rows

    def files(self) -> dict[str, FileRecord]:
        """Return path -> record of every file that was indexed.

        In a shared archive the files of other machines stand behind their names, "name:path".
        """
        rows = self._db.execute("SELECT path, stamp, articles, earlier, failures FROM files")
        mine = self._noted("")
        return {path.removeprefix(mine): self._file_record(*rest) for path, *rest in rows}

    def file(self, path: str) -> FileRecord | None:
        """Return the record of a file, or None where it was not indexed."""
        sql = "SELECT stamp, articles, earlier, failures FROM files WHERE path = ?"
        rows = self._db.execute(sql, (self._noted(path),))
        return next((self._file_record(*row) for row in rows), None)

    def _noted(self, path: str) -> str:
        """Return a file's path as it is stored: what lies where is known on its machine alone."""
        if not self._db.is_shared:
            return path
        return f"{os.environ.get(MACHINE_VARIABLE) or socket.gethostname()}:{path}"

    def _file_record(self, stamp: str, ids: str, earlier: str, failures: str) -> FileRecord:
        try:
            return FileRecord(
                stamp,
                tuple(json.loads(ids)),
                tuple(json.loads(earlier)),
                tuple(Failure(place, reason) for place, reason in json.loads(failures)),
            )
        except (ValueError, TypeError) as error:
            raise ArchiveDamagedError(
                f"{self.place} is damaged (its list of files): restore it from a copy,"
                " or index the files into a new archive"
            ) from error

    def article_digest(self, article_id: str) -> str | None:
        """Return the digest of an article, or None where there is none of this id."""
        rows = self._db.execute("SELECT digest FROM articles WHERE id = ?", (article_id,))
        return next((str(digest) for (digest,) in rows), None)

    def has_vectors(self, hashes: Iterable[bytes]) -> set[bytes]:
        """Return those of the hashes whose vectors are stored."""
        return {row[0] for row in self._db.select("SELECT hash FROM vectors WHERE hash IN", hashes)}

    def counts(self) -> dict[str, int]:
        """Return the number of articles and passages."""
        return {name: int(count) for name, count in self._db.execute("SELECT * FROM totals")}

    def sources(self) -> list[tuple[str, int]]:
        """Return (outlet, number of articles), most first, then by name."""
        rows = self._db.execute("SELECT source, count FROM outlets ORDER BY count DESC, source")
        return [(str(source), int(count)) for source, count in rows]

    def dates(self) -> tuple[str | None, str | None]:
        """Return the first and the last date of publication."""
        sql = (  # one by one: each is a look-up in the index then
            "SELECT (SELECT min(published) FROM articles), (SELECT max(published) FROM articles)"
        )
        first, last = self._db.execute(sql)[0]
        return first, last

    def article(self, article_id: str) -> Article | None:
        """Return an article by its id. Raises ArchiveDamagedError where its bytes changed."""
        rows = self._db.execute(f"{_ARTICLE} WHERE id = ?", (article_id,))
        return decode_article(*rows[0]) if rows else None

    def versions(self, article_id: str) -> list[Version]:
        """Return the earlier versions of an article, oldest first."""
        rows = self._db.execute(
            "SELECT article, version, record, digest, replaced FROM versions"
            " WHERE article = ? ORDER BY version",
            (article_id,),
        )
        return [decode_version(*row) for row in rows]

    def corrections(self) -> tuple[int, str | None]:
        """Return how many earlier versions are kept, and when the last one was replaced."""
        count, last = self._db.execute("SELECT count(*), max(replaced) FROM versions")[0]
        return int(count), last

    def hashes_of(self, article: int) -> list[bytes]:
        """Return by which keys the vectors of an article's passages are stored, in their order."""
        rows = self._db.execute(
            "SELECT hash FROM passages JOIN vectors ON vectors.key = passages.vector"
            " WHERE article = ? ORDER BY n",
            (article,),
        )
        return [bytes(content) for (content,) in rows]

    def spare_vectors(self) -> int:
        """Return how many vectors are kept that no passage uses, for articles that come back."""
        return int(self._db.execute("SELECT count(*) FROM spares")[0][0])

    def damaged_spares(self) -> list[int]:
        """Return the keys of those whose bytes changed."""
        keys = [key for (key,) in self._db.execute("SELECT vector FROM spares ORDER BY vector")]
        sql = "SELECT key, hash, passage, sentences, digest FROM vectors WHERE key IN"
        found: list[int] = []
        for at in range(0, len(keys), SPARES_READ):
            rows = self._db.select(sql, keys[at : at + SPARES_READ])
            found += [row[0] for row in rows if not _is_intact(*row)]
        return found

    def article_ids(self) -> list[tuple[str, int]]:
        """Return (id, key) of every article, in the order of keys."""
        rows = self._db.execute("SELECT id, key FROM articles ORDER BY key")
        return [(str(article_id), int(key)) for article_id, key in rows]

    def filed_of(self, articles: Iterable[int]) -> dict[int, tuple[str | None, str | None]]:
        """Return article key -> (outlet, date of publication), of these articles."""
        rows = self._db.select("SELECT key, source, published FROM articles WHERE key IN", articles)
        return {key: (source, published) for key, source, published in rows}

    def articles_by_key(self, keys: Iterable[int]) -> dict[int, Article]:
        """Return key -> article; keys that are gone are left out."""
        rows = self._db.select(f"{_ARTICLE} WHERE key IN", keys)
        return {row[0]: decode_article(*row) for row in rows}

    def articles_of(self, passages: Iterable[StoredPassage]) -> dict[int, Article]:
        """Return key -> article of each passage. Raises ArchiveDamagedError where one is gone."""
        found = self.stored_articles({passage.article for passage in passages})
        return {key: stored.article for key, stored in found.items()}

    def stored_articles(self, keys: Iterable[int]) -> dict[int, StoredArticle]:
        """Return key -> article, decoded when it is asked for.

        Raises ArchiveDamagedError where one is gone.
        """
        wanted = [*keys]
        rows = self._db.select(f"{_ARTICLE} WHERE key IN", wanted)
        found = {row[0]: StoredArticle.read(*row) for row in rows}
        self._expect(len(found), len(wanted), "articles")
        return found

    def article_keys(
        self, sources: Sequence[str] = (), since: str | None = None, until: str | None = None
    ) -> list[int]:
        """Return the keys of articles of these outlets published in these (inclusive) bounds."""
        commit = self.commit_name(self.generation)
        if self._filing is None or self._filing.commit != commit:
            rows = self._db.execute("SELECT key, source, published FROM articles")
            self._filing = Filing(commit, rows)
        found: list[int] = self._filing.keys(sources, since, until).tolist()
        return found

    def passages(self, keys: Iterable[int]) -> list[StoredPassage]:
        """Return passages by key. Raises ArchiveDamagedError where one is not what it was."""
        wanted = [*keys]
        found = [
            decode_passage(*row) for row in self._db.select(f"{_PASSAGE} WHERE key IN", wanted)
        ]
        self._expect(len(found), len(wanted))
        return found

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
        wanted = [*keys]
        sql = f"SELECT passages.key, {_VECTOR_COLUMNS} {_WITH_VECTORS}"
        found = {key: decode_vectors(*row) for key, *row in self._db.select(sql, wanted)}
        self._expect(len(found), len(wanted))
        return found

    def passages_with_vectors(
        self, keys: Iterable[int]
    ) -> list[tuple[StoredPassage, PassageVectors]]:
        """Return passages by key, with their vectors, in one go.

        Raises ArchiveDamagedError where one is gone or not what it was.
        """
        wanted = [*keys]
        sql = f"SELECT {_PASSAGE_COLUMNS}, {_VECTOR_COLUMNS} {_WITH_VECTORS}"
        found = [
            (decode_passage(*row[:_PASSAGE_WIDTH]), decode_vectors(*row[_PASSAGE_WIDTH:]))
            for row in self._db.select(sql, wanted)
        ]
        self._expect(len(found), len(wanted))
        return found

    def _expect(self, found: int, wanted: int, what: str = "passages") -> None:
        """Raise ArchiveDamagedError where rows are missing that the archive must have."""
        if found != wanted:
            raise ArchiveDamagedError(
                f"{self.place} is damaged ({wanted - found} of {wanted} {what} are not to be"
                " found): restore it from a copy, or index the files into a new archive"
            )

    def passage_keys(self) -> Keys:
        """Return the keys of all passages, ascending, int64 (n,)."""
        rows = self._db.execute("SELECT key FROM passages ORDER BY key")
        return np.array([key for (key,) in rows], dtype=np.int64)

    def passage_owners(self, since: int = -1) -> tuple[Keys, Keys]:
        """Return the keys of passages added since a generation, and their articles', int64 (n,)."""
        rows = self._db.execute(
            "SELECT key, article FROM passages WHERE generation > ? ORDER BY key", (since,)
        )
        pairs = np.array(rows, dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def passage_vectors(self, keys: Sequence[int], dimension: int) -> tuple[Keys, Keys, Vectors]:
        """Return passages' keys, their articles' and their vectors, float32 (n, dimension)."""
        rows = self._db.select("SELECT key, article FROM passages WHERE key IN", keys)
        pairs = np.array([*rows], dtype=np.int64).reshape(-1, 2)
        found = self.vectors(keys)
        matrix = np.empty((len(pairs), dimension), dtype=np.float32)
        for row, key in enumerate(pairs[:, 0].tolist()):
            matrix[row] = found[key].passage
        return pairs[:, 0], pairs[:, 1], matrix

    def changes_since(self, generation: int, until: int = LAST) -> Changes:
        """Return what was added since a generation and is still there, and what was removed.

        With `until`, up to and with that generation; what was removed later is not there either.
        """
        between = "generation > ? AND generation <= ?"
        removed, passages, articles = (
            self._db.execute(f"SELECT {what} WHERE {between}{order}", (generation, until))
            for what, order in (
                ("article, passages FROM removals", ""),
                ("key FROM passages", " ORDER BY key"),
                ("key FROM articles", " ORDER BY key"),
            )
        )
        return Changes(
            passages=tuple(key for (key,) in passages),
            articles=tuple(key for (key,) in articles),
            removed_passages=tuple(key for _, keys in removed for key in json.loads(keys)),
            removed_articles=tuple(key for key, _ in removed),
        )

    def miscounted(self) -> list[str]:
        """Return which of the counts are not those of the rows."""
        counted = {
            name: int(self._db.execute(f"SELECT count(*) FROM {name}")[0][0])  # noqa: S608 - own words
            for name in ("articles", "passages")
        }
        outlets = self._db.execute(
            "SELECT source, count(*) FROM articles WHERE source IS NOT NULL"
            " GROUP BY source ORDER BY count(*) DESC, source"
        )
        found = [] if counted == self.counts() else [f"it counts {self.counts()}, not {counted}"]
        return found + ([] if outlets == self.sources() else ["its outlets are miscounted"])

    def integrity(self) -> list[str]:
        """Return what the database's engine itself finds wrong with it, in its own words."""
        return self._db.integrity()


def _is_intact(*columns: Any) -> bool:
    """Tell whether a row of vectors is what was stored, in types too."""
    try:
        return are_intact(*columns)
    except TypeError:
        return False
