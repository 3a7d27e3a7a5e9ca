"""Texts -> unit vectors: the Encoder protocol, and what passes through it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt

from corpus.errors import UsageError
from corpus.records import Span

Vectors = npt.NDArray[np.float32]

WINDOW = 1_024
"""Passages that are sorted by length together before they are cut into batches."""

THREADS_VARIABLE = "QA_THREADS"
"""Environment variable: how many processor threads encoding may use (default: all cores)."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What must be equal for two vectors to be comparable; kept with every archive."""

    model: str
    digest: str
    dimension: int
    pooling: str
    max_tokens: int


@dataclass(frozen=True, slots=True)
class PassageText:
    """A passage as it is encoded: its headline, its text, its sentences as offsets in the text."""

    title: str | None
    text: str
    sentences: tuple[Span, ...]

    def key(self, reading: str = "") -> bytes:
        """Return a 16-byte digest of everything that its vectors depend on besides the model.

        `reading` names the reader for which tokens have vectors, see `ReadingEncoder`.
        """
        spans = [[span.start, span.end] for span in self.sentences]
        seen = [self.title or "", self.text, spans, *filter(None, [reading])]
        return hashlib.blake2b(json.dumps(seen).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """What a reader needs of a passage: narrow vectors of the tokens in its sentences.

    `values` is int8 (tokens, width), sentence by sentence; `counts`, int64 (sentences,), tells how
    many are of which; `reader` is the number of the reader that reads them.
    """

    values: npt.NDArray[np.int8]
    counts: npt.NDArray[np.int64]
    reader: int

    @property
    def reader_name(self) -> str:
        """Return what identifies the reader, as `ReadingEncoder.reading` does."""
        return f"{self.reader:08x}"


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """The unit vectors of a passage, float32 (dimension,), and its sentences', (n, dimension).

    `tokens` are there where the encoder's model has a reader. `words` are those of the passage, as
    `analysis.pack` has them, which are stored beside; nothing where they are not worked out.
    """

    passage: Vectors
    sentences: Vectors
    tokens: TokenVectors | None = None
    words: bytes = b""


@dataclass(frozen=True, slots=True)
class QuestionVectors:
    """A question's unit vector, float32 (dimension,), and its tokens' for the reader, (n, width).

    `tokens` are None where the encoder's model has no reader. `alone` are the vectors of its own
    text, where those of a conversation are joined to it: the tokens stand there then.
    """

    whole: Vectors
    tokens: Vectors | None = None
    alone: QuestionVectors | None = None


@runtime_checkable
class Encoder(Protocol):
    """Turns questions and passages into vectors whose dot product is their similarity."""

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        ...

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index in `passages`, vectors) for every passage, in an order that suits it."""
        ...

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        ...


class ReadingEncoder(Encoder, Protocol):
    """An Encoder whose model may have a reader, for which it gives vectors of tokens."""

    @property
    def reading(self) -> str:
        """Return what identifies the reader, "" where there is none."""
        ...

    def read_questions(self, questions: Sequence[str]) -> list[QuestionVectors]:
        """Return the vectors of each question, `whole` as `encode_questions` has them."""
        ...


@runtime_checkable
class DistributedEncoder(Encoder, Protocol):
    """An Encoder whose `encode_passages` begins at once, somewhere else.

    Its vectors are those that the encoder here would compute from the same call. What the call
    returns is closed, where it is Closeable, when nobody wants it any more.
    """

    @property
    def ahead(self) -> int:
        """Return how many calls may be begun beyond the one whose vectors are waited for."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what whoever reads the run's report should know of where it was computed."""
        ...


@runtime_checkable
class Closeable(Protocol):
    """What has begun something that can be given up."""

    def close(self) -> None:
        """Give up what is not finished."""
        ...


def is_reading(encoder: Encoder) -> TypeGuard[ReadingEncoder]:
    """Tell whether an encoder is a ReadingEncoder.

    `isinstance` looks for all that a protocol names, which takes 0.05 ms of each question.
    """
    return hasattr(encoder, "read_questions") and hasattr(encoder, "reading")


def reading_of(encoder: Encoder) -> str:
    """Return what identifies an encoder's reader, "" where it has none."""
    return encoder.reading if is_reading(encoder) else ""


def unit(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Scale vectors along the last axis to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


def default_threads() -> int:
    """Return the number of threads to encode with: QA_THREADS, else the processor's cores."""
    asked = os.environ.get(THREADS_VARIABLE, "")
    if not asked:
        return os.cpu_count() or 1
    if not asked.isdigit() or int(asked) < 1:
        raise UsageError(f"{THREADS_VARIABLE}={asked!r} is not a number of threads: give 1 or more")
    return int(asked)


def file_sha256(file: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
