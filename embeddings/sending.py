"""Batches of passages that another machine encodes: what travels, and what it does there.

The archive's own encoder is sent once, with its vectors of some probes; a machine that computes
others from it is refused. Nothing here knows what carries the batches.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpus.errors import WorkersError
from embeddings.carrying import AGREEMENT, agreement, probe_vectors
from embeddings.encoder import (
    EncoderSettings,
    PassageVectors,
    QuestionVectors,
    Vectors,
    file_sha256,
)
from embeddings.late_chunking import Batch
from embeddings.onnx import MANIFEST, OnnxEncoder

UNIT = 32
"""Passages in a unit, or a few more: some 1.5 s of one core. That is what a killed worker costs;
the way there and back adds a few milliseconds."""

GO_ON = "What was committed is kept; the same command goes on."


@dataclass(frozen=True, slots=True)
class SentEncoder:
    """An encoder as it is sent: its files' bytes by name, and its vectors of the probes."""

    digest: str
    files: Mapping[str, npt.NDArray[np.uint8]]
    probes: Vectors


@dataclass(frozen=True, slots=True)
class Encoded:
    """A unit's vectors by the passages' index; `machine` computed them, bit for bit if `exact`."""

    vectors: list[tuple[int, PassageVectors]]
    machine: str
    exact: bool


def units(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """Join batches, in order, to units of some UNIT passages."""
    unit: list[Batch] = []
    for batch in batches:
        unit.append(batch)
        if sum(map(len, unit)) >= UNIT:
            yield unit
            unit = []
    if unit:
        yield unit


def check(encoded: Encoded, unit: Sequence[Batch], dimension: int, reading: str) -> None:
    """Raise WorkersError where a result is not the vectors of these batches' passages."""
    asked = [
        (item.index, (len(item.sentences), dimension), reading) for batch in unit for item in batch
    ]
    found = [
        (index, vectors.sentences.shape, _reader_of(vectors)) for index, vectors in encoded.vectors
    ]
    whole = all(
        vectors.passage.shape == (dimension,)
        and np.isfinite(vectors.passage).all()
        and np.isfinite(vectors.sentences).all()
        for _, vectors in encoded.vectors
    )
    if asked != found or not whole:
        raise WorkersError(
            f"the worker on {encoded.machine} returned other vectors than were asked for: install"
            f" the version of this project that is here on it. {GO_ON}"
        )


def _reader_of(vectors: PassageVectors) -> str:
    """Return for which reader a passage has tokens; from an older version it has no such field."""
    tokens = getattr(vectors, "tokens", None)
    return str(tokens.reader_name) if tokens else ""


class EncodesHere:
    """What an encoder that sends passages away computes here, by the encoder that it sends."""

    def __init__(self, encoder: OnnxEncoder) -> None:
        self._encoder = encoder

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors."""
        return self._encoder.settings

    @property
    def reading(self) -> str:
        """Return what identifies the reader."""
        return self._encoder.reading

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        return self._encoder.count_tokens(texts)

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        return self._encoder.encode_questions(questions)

    def read_questions(self, questions: Sequence[str]) -> list[QuestionVectors]:
        """Return the vectors of each question."""
        return self._encoder.read_questions(questions)


@dataclass(frozen=True, slots=True)
class _Loaded:
    encoder: OnnxEncoder
    exact: bool


_LOADED: dict[str, _Loaded] = {}
"""The encoder that this process computes with, by its manifest's digest."""


def encode_sent(sent: SentEncoder, unit: Sequence[Batch]) -> Encoded:
    """Return the vectors of a unit of batches, by an encoder that is loaded once a process.

    Raises WorkersError where its vectors are not those of the machine that sent it.
    """
    if sent.digest not in _LOADED:
        _LOADED.clear()
        _LOADED[sent.digest] = _load(sent)
    loaded = _LOADED[sent.digest]
    vectors = [pair for batch in unit for pair in loaded.encoder.encode_batch(batch)]
    return Encoded(vectors, socket.gethostname(), loaded.exact)


def as_sent(encoder: OnnxEncoder) -> SentEncoder:
    """Return an encoder with what proves that another machine computes the same with it."""
    files = {
        path.name: np.fromfile(path, dtype=np.uint8) for path in sorted(encoder.folder.iterdir())
    }
    return SentEncoder(file_sha256(encoder.folder / MANIFEST), files, probe_vectors(encoder))


def _load(sent: SentEncoder) -> _Loaded:
    """Load an encoder that was sent, and prove it by the probes; WorkersError where it fails."""
    with tempfile.TemporaryDirectory(prefix="qa-encoder-") as folder:
        for name, content in sent.files.items():
            content.tofile(Path(folder) / name)
        encoder = OnnxEncoder(Path(folder))
        found = probe_vectors(encoder)  # the model is in memory from here on
    if found.shape != sent.probes.shape or agreement(found, sent.probes) < AGREEMENT:
        raise WorkersError(
            f"the worker on {socket.gethostname()} computes other vectors than this machine:"
            f" install the version of this project that is here on it. {GO_ON}"
        )
    return _Loaded(encoder, exact=bool(np.array_equal(found, sent.probes)))
