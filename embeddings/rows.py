"""What stands in the archive's tables, as records; bytes that changed by themselves are found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from struct import Struct
from typing import Any

import numpy as np

from corpus.errors import ArchiveDamagedError
from corpus.records import Article, Failure, Passage, Span
from embeddings.checked import mark
from embeddings.encoder import PassageVectors, TokenVectors

DIGEST_BYTES = 16
"""Bytes of a row's BLAKE2b digest: changes by chance are found, and nobody forges their own.

Up to format 4 all rows have one. Long rows have a checksum of 8 bytes since (XXH3), which costs a
hundredth: the length tells which it is."""

TOKENS = b"\xff\xff"
"""End of a row of vectors that has tokens' too: as a float16 it is no number."""

WORDS = b"\xfe\xff"
"""End of a row of vectors that has words too: as a float16 it is no number either."""

_END = Struct("<HHI2s")
_WORDS_END = Struct("<I2s")


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage as it is stored: its own key, its article's key, and its place in the article."""

    key: int
    article: int
    n: int
    span: Span
    sentences: tuple[Span, ...]
    tokens: int


class StoredArticle:
    """An article as it is stored: key, id and version, and all of it when it is first asked for.

    `notes` keep what is worked out of the article, by name, for as long as it is kept itself.
    """

    __slots__ = ("_article", "_row", "id", "key", "notes", "version")

    def __init__(self, key: int, article_id: str, *rest: Any) -> None:
        self.key, self.id = key, article_id
        self.version = int(rest[0]) if rest else 1
        self.notes: dict[str, object] = {}
        self._row: tuple[Any, ...] = rest
        self._article: Article | None = None

    @classmethod
    def read(cls, *columns: Any) -> StoredArticle:
        """Return the article in a row; ArchiveDamagedError where it is not what was stored.

        Rows that were written before format 5 are checked in part now, and wholly when decoded.
        """
        _check_sealed(*columns)
        return cls(*columns)

    @classmethod
    def of(cls, article: Article, key: int = 0) -> StoredArticle:
        """Return an article that is at hand already."""
        stored = cls(key, article.id)
        stored.version = article.version
        stored._article = article
        return stored

    @property
    def article(self) -> Article:
        """Return the whole article. Raises ArchiveDamagedError where its bytes changed."""
        row = self._row
        if self._article is None:  # then the row is still there, whatever other threads do
            self._article = _decoded(self.id, *row)
            self._row = ()
        return self._article


@dataclass(frozen=True, slots=True)
class EncodedPassage:
    """A passage and its vectors, or the key of vectors that are stored already."""

    passage: Passage
    hash: bytes
    vectors: PassageVectors | None


@dataclass(frozen=True, slots=True)
class Version:
    """An article as it was, and when another version took its place (ISO 8601, UTC)."""

    article: Article
    replaced: str


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that was read: its stamp, its articles, and those it held before and no longer.

    `failures` are the parts of it that could not be read, and cannot be while it is as it is.
    """

    stamp: str
    articles: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What was added and removed since a generation, by key."""

    passages: tuple[int, ...] = ()
    articles: tuple[int, ...] = ()
    removed_passages: tuple[int, ...] = ()
    removed_articles: tuple[int, ...] = ()


def encode_article(article: Article) -> bytes:
    """Return an article as bytes; lone surrogates in its text survive."""
    return json.dumps(asdict(article), ensure_ascii=True, separators=(",", ":")).encode()


def seal_article(
    key: int,
    article_id: str,
    version: int,
    digest: str,
    source: str | None,
    published: str | None,
    record: bytes,
) -> bytes:
    """Return the checksum of an article's row."""
    return mark(_told([key, article_id, version, digest, source, published]), record)


def seal_of_4(key: int, article_id: str, version: int, digest: str, *filed: str | None) -> bytes:
    """Return the digest of an article's row as format 4 has it: without the record."""
    return _digest(_told([key, article_id, version, digest, *filed]))


def _told(values: list[Any]) -> bytes:
    return json.dumps(values).encode()


def _check_sealed(
    key: int,
    article_id: str,
    version: int,
    record: bytes,
    digest: str,
    seal: bytes,
    source: str | None,
    published: str | None,
) -> None:
    """Raise ArchiveDamagedError where an article's row does not fit its seal."""
    try:
        if len(seal) == DIGEST_BYTES:
            intact = seal == seal_of_4(key, article_id, version, digest, source, published)
        else:
            told = (key, article_id, version, digest, source, published, record)
            intact = seal == seal_article(*told)
    except TypeError:  # a column is none of the types that were stored
        intact = False
    if not intact:
        raise _damaged(article_id)


def _damaged(article_id: str) -> ArchiveDamagedError:
    return ArchiveDamagedError(
        f"the stored article {article_id!r} is damaged:"
        " index its file again to replace it, or restore the archive from a copy"
    )


def decode_article(*columns: Any) -> Article:
    """Return the article in a row; ArchiveDamagedError where it is not what was stored.

    The columns are key, id, version, record, digest, seal, outlet and day of publication.
    """
    _check_sealed(*columns)
    return _decoded(*columns[1:])


def _decoded(
    article_id: str, version: int, record: bytes, digest: str, seal: bytes, *filed: str | None
) -> Article:
    """Return the article in a row that fits its seal."""
    try:
        article = _article(record, version)
        intact = len(seal) != DIGEST_BYTES or (
            article.digest == digest
            and (article.id, article.source, article.published) == (article_id, *filed)
        )
    except (ValueError, TypeError, KeyError):
        intact = False
    if not intact:
        raise _damaged(article_id)
    return article


def _article(record: bytes, version: int) -> Article:
    fields = json.loads(record) | {"version": version}
    fields["kept"] = tuple(Span(**span) for span in fields["kept"])
    fields["authors"] = tuple(fields["authors"])
    fields["stated"] = tuple((name, place) for name, place in fields.get("stated", ()))
    return Article(**fields)


def decode_version(
    article_id: str, version: int, record: bytes, digest: str, replaced: str
) -> Version:
    """Return an article as it was; ArchiveDamagedError where it is not what was stored."""
    try:
        article = _article(record, version)
        intact = version_digest(article_id, version, article.digest, replaced) == digest
    except (ValueError, TypeError, KeyError):
        intact = False
    if not intact:
        raise ArchiveDamagedError(
            f"version {version} of article {article_id!r} is damaged: restore the archive from a"
            " copy, or remove the article and index its file again"
        )
    return Version(article, replaced)


def version_digest(article_id: str, version: int, digest: str, replaced: str) -> str:
    """Return the hex digest of an earlier version: its id, number, article's digest and time."""
    return _digest(json.dumps([article_id, version, digest, replaced]).encode()).hex()


def encode_spans(spans: Sequence[Span]) -> str:
    """Return spans as JSON."""
    return json.dumps([[span.start, span.end] for span in spans])


def passage_digest(*columns: int | str) -> bytes:
    """Return the digest of a passage's row.

    The columns are key, vector, generation, article, n, start, end, tokens, sentences; what is
    digested is their JSON.
    """
    numbers = ", ".join(map(str, columns[:-1]))
    return _digest(f'[{numbers}, "{columns[-1]}"]'.encode())


def decode_passage(digest: bytes, *columns: int | str) -> StoredPassage:
    """Return the passage in a row; raises ArchiveDamagedError where it is not what was stored."""
    try:
        intact = passage_digest(*columns) == digest
    except TypeError:  # a column is none of the types that were stored
        intact = False
    if not intact:
        raise ArchiveDamagedError(
            f"the stored offsets of passage {columns[0]} are damaged: restore the archive from a"
            " copy, or index the files into a new archive"
        )
    key, _, _, article, n, start, end, tokens = map(int, columns[:-1])
    spans = tuple([Span(first, last) for first, last in json.loads(str(columns[-1]))])
    return StoredPassage(key, article, n, Span(start, end), spans, tokens)


def encode_vectors(vectors: PassageVectors) -> tuple[bytes, bytes]:
    """Return the passage's vector (float32), and its sentences' (float16) with tokens and words.

    Tokens follow as how many are of each sentence (uint16), their vectors (int8), and an end that
    tells of them: how many sentences, how wide (uint16), for which reader (uint32), and TOKENS.
    Words follow as they are, with how many bytes they take (uint32), and WORDS.
    """
    sentences = vectors.sentences.astype("<f2").tobytes()
    if vectors.tokens is not None:
        counts = vectors.tokens.counts.astype("<u2")
        width = vectors.tokens.values.shape[1]
        end = _END.pack(len(counts), width, vectors.tokens.reader, TOKENS)
        sentences += counts.tobytes() + vectors.tokens.values.tobytes() + end
    if vectors.words:
        sentences += vectors.words + _WORDS_END.pack(len(vectors.words), WORDS)
    return vectors.passage.astype("<f4").tobytes(), sentences


def vectors_mark(key: int, *columns: bytes) -> bytes:
    """Return the checksum of a row of vectors: its key, the content's hash and both blobs."""
    return mark(str(key).encode(), *columns)


def vectors_of_4(key: int, *columns: bytes) -> bytes:
    """Return the digest of a row of vectors as format 4 has it."""
    return _digest(b"|".join([str(key).encode(), *columns]))


def are_intact(key: int, content: bytes, passage: bytes, sentences: bytes, digest: bytes) -> bool:
    """Tell whether a row of vectors is what was stored."""
    find = vectors_of_4 if len(digest) == DIGEST_BYTES else vectors_mark
    return find(key, content, passage, sentences) == digest


def decode_vectors(
    key: int, content: bytes, passage: bytes, sentences: bytes, digest: bytes
) -> PassageVectors:
    """Return stored vectors; raises ArchiveDamagedError where their bytes changed."""
    if not are_intact(key, content, passage, sentences, digest):
        raise ArchiveDamagedError(
            "stored vectors are damaged: restore the archive from a copy,"
            " or index the files into a new archive"
        )
    words = b""
    if sentences.endswith(WORDS):
        size, _ = _WORDS_END.unpack(sentences[-_WORDS_END.size :])
        end = len(sentences) - _WORDS_END.size
        sentences, words = sentences[: end - size], sentences[end - size : end]
    whole = np.frombuffer(passage, dtype="<f4")
    numbers, tokens = len(sentences) // 2, None
    if sentences.endswith(TOKENS):
        number, width, reader, _ = _END.unpack(sentences[-_END.size :])
        numbers = number * len(whole)
        counts = np.frombuffer(sentences, dtype="<u2", count=number, offset=2 * numbers)
        start = 2 * (numbers + number)
        size = width * int(counts.sum(dtype=np.int64))
        values = np.frombuffer(sentences, dtype=np.int8, count=size, offset=start)
        tokens = TokenVectors(values.reshape(-1, width).copy(), counts.astype(np.int64), reader)
    parts = np.frombuffer(sentences, dtype="<f2", count=numbers).astype(np.float32)
    return PassageVectors(whole, parts.reshape(-1, whole.shape[0]), tokens, words)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
