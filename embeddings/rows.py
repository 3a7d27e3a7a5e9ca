"""What stands in the archive's tables, as records; bytes that changed by themselves are found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from corpus.errors import ArchiveDamagedError
from corpus.records import Article, Failure, Passage, Span
from embeddings.encoder import PassageVectors

DIGEST_BYTES = 16
"""Bytes of a row's BLAKE2b digest: changes by chance are found, and nobody forges their own."""


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
class EncodedPassage:
    """A passage and its vectors, or the key of vectors that are stored already."""

    passage: Passage
    hash: bytes
    vectors: PassageVectors | None


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


def decode_article(article_id: str, record: bytes, digest: str) -> Article:
    """Return the article in `record`; ArchiveDamagedError where it is not what was stored."""
    try:
        fields = json.loads(record)
        fields["kept"] = tuple(Span(**span) for span in fields["kept"])
        fields["authors"] = tuple(fields["authors"])
        fields["stated"] = tuple((name, place) for name, place in fields.get("stated", ()))
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


def encode_spans(spans: Sequence[Span]) -> str:
    """Return spans as JSON."""
    return json.dumps([[span.start, span.end] for span in spans])


def passage_digest(*columns: int | str) -> bytes:
    """Return the digest of a passage's row: article, n, start, end, tokens, sentences."""
    return _digest(json.dumps(columns).encode())


def decode_passage(key: int, digest: bytes, *columns: int | str) -> StoredPassage:
    """Return the passage in a row; raises ArchiveDamagedError where it is not what was stored."""
    try:
        intact = passage_digest(*columns) == digest
    except TypeError:  # a column is none of the types that were stored
        intact = False
    if not intact:
        raise ArchiveDamagedError(
            f"the stored offsets of passage {key} are damaged: restore the archive from a copy,"
            " or index the files into a new folder"
        )
    article, n, start, end, tokens = map(int, columns[:5])
    spans = tuple(Span(*pair) for pair in json.loads(str(columns[5])))
    return StoredPassage(key, article, n, Span(start, end), spans, tokens)


def encode_vectors(vectors: PassageVectors) -> tuple[bytes, bytes, bytes]:
    """Return the passage's vector (float32), its sentences' (float16) and the digest of both."""
    passage = vectors.passage.astype("<f4").tobytes()
    sentences = vectors.sentences.astype("<f2").tobytes()
    return passage, sentences, _digest(passage + b"|" + sentences)


def decode_vectors(passage: bytes, sentences: bytes, digest: bytes) -> PassageVectors:
    """Return stored vectors; raises ArchiveDamagedError where their bytes changed."""
    if _digest(passage + b"|" + sentences) != digest:
        raise ArchiveDamagedError(
            "stored vectors are damaged: restore the archive from a copy,"
            " or index the files into a new folder"
        )
    whole = np.frombuffer(passage, dtype="<f4")
    parts = np.frombuffer(sentences, dtype="<f2").astype(np.float32)
    return PassageVectors(whole, parts.reshape(-1, whole.shape[0]))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
