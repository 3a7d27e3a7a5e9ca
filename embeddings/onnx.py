"""The encoder that an archive carries: its model as ONNX, so that a question needs no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from embeddings import late_chunking
from embeddings.bert import STATES
from embeddings.encoder import (
    EncoderSettings,
    PassageText,
    PassageVectors,
    QuestionVectors,
    Vectors,
    default_threads,
    file_sha256,
)
from embeddings.late_chunking import Batch, PassageTokenizer
from embeddings.reader import reader_of
from embeddings.sealing import read_sealed

FOLDER = "encoder"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
MANIFEST = "encoder.json"
UNSEALED = ("settings", "limit", "prompt", "question_prompt", "pad", "files")
"""Fields of a manifest that was written before manifests carried their own digest."""

BATCH_TOKENS = 768
BATCH_PAIRS = 60_000
"""Word pieces in a batch, and pairs of them: what a layer makes of one long passage or of several
short ones stays in a core's own cache. Measured with one thread, passages a second of 230 and 120
word pieces: 22 and 40 one by one, 20 and 45 by pairs and fours, 19 and 40 by sixteens."""


SLOWER = ("BiasGeluFusion",)
"""What the runtime would join to something slower: a bias by itself and Gelu behind it take 1 to 3%
less of a pass than both in one, with the same bits."""


def problems(directory: Path) -> list[str]:
    """Return what is wrong with the encoder that an archive carries; nothing where it has none."""
    if not (directory / FOLDER).exists():
        return []
    try:
        OnnxEncoder(directory / FOLDER)
    except Exception as error:  # its tokenizer raises anything
        told = f"{directory / FOLDER} is damaged ({error}): `qa verify --repair` makes it anew"
        return [" ".join(told.split())]
    return []


class OnnxEncoder:
    """An Encoder over an exported model; raises OSError or ValueError where it is damaged.

    One session computes on the thread that calls it: questions that come at once share the cores
    without a pool to wait for, and passages are encoded by as many threads as are asked for.
    """

    def __init__(self, folder: Path) -> None:
        manifest = read_sealed(folder / MANIFEST, unsealed=UNSEALED)
        for name, digest in manifest["files"].items():
            if file_sha256(folder / name) != digest:
                raise ValueError(f"{folder / name} is damaged")
        self._folder = folder
        self._stamp = _stamp(folder)
        self._pad = int(manifest["pad"])
        self._settings = EncoderSettings(**manifest["settings"])
        self._tokenizer = PassageTokenizer(
            Tokenizer.from_file(str(folder / TOKENIZER)), manifest["limit"], manifest["prompt"]
        )
        self._question_prompt = str(manifest["question_prompt"])
        self._gives_states = bool(manifest.get("states"))
        self._reader = reader_of(self._settings) if self._gives_states else None

    @property
    def folder(self) -> Path:
        """Return where the encoder's files are."""
        return self._folder

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors: the settings of the model that was exported."""
        return self._settings

    @property
    def tokenizer(self) -> PassageTokenizer:
        """Return what makes word pieces of texts."""
        return self._tokenizer

    @property
    def is_outdated(self) -> bool:
        """Tell whether the export is from before there was a reader for its model."""
        return self._reader is None and reader_of(self._settings) is not None

    @property
    def was_replaced(self) -> bool:
        """Tell whether another export stands in this one's place by now."""
        return _stamp(self._folder) not in {self._stamp, None}

    @property
    def reading(self) -> str:
        """Return what identifies the reader, "" where the export has no states for one."""
        return self._reader.name if self._reader else ""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        return self._tokenizer.count(texts)

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        return np.stack([found.whole for found in self.read_questions(questions)])

    def read_questions(self, questions: Sequence[str]) -> list[QuestionVectors]:
        """Return the vectors of each question, those of its tokens where the model has a reader."""
        texts = [self._question_prompt + question for question in questions]
        return late_chunking.encode_questions(
            self._tokenizer, self._forward, texts, self._pad, BATCH_TOKENS, self._reader
        )

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index, vectors) for every passage, batches sorted by length, longest first."""
        batches, threads = self.batches(passages), default_threads()
        encoded = (
            map(self.encode_batch, batches)
            if threads == 1
            else late_chunking.side_by_side(self.encode_batch, batches, threads)
        )
        for found in encoded:
            yield from found

    def batches(self, passages: Sequence[PassageText]) -> Iterator[Batch]:
        """Yield the batches in which `encode_passages` encodes these passages."""
        return late_chunking.tokenised_batches(self._tokenizer, passages, BATCH_TOKENS, BATCH_PAIRS)

    def encode_batch(self, batch: Batch) -> list[tuple[int, PassageVectors]]:
        """Return (index, vectors) for the passages of one batch."""
        return late_chunking.encode_batch(self._forward, batch, self._pad, self._reader)

    def _forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Return token vectors, float32 (n, length, dimension), and for a reader inner states."""
        return self._computed(STATES if self._reader else "token_embeddings", ids, mask)

    def states(self, texts: Sequence[Sequence[int]]) -> list[Vectors]:
        """Return what a reader reads of each tokenised text, float32 (tokens, 3 * dimension).

        ValueError where the export has no states.
        """
        if not self._gives_states:
            raise ValueError(f"the encoder in {self._folder} gives no states of inner layers")
        found = self._computed(STATES, *late_chunking.padded(texts, self._pad))
        return [row[: len(ids)] for ids, row in zip(texts, found, strict=True)]

    def _computed(
        self, wanted: str, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]
    ) -> Vectors:
        """Run the model for one of its outputs."""
        given = {"input_ids": ids, "attention_mask": mask}
        if self._takes_kinds:
            given["token_type_ids"] = np.zeros_like(ids)
        vectors: Vectors = self._session.run([wanted], given)[0]
        return vectors

    @cached_property
    def _takes_kinds(self) -> bool:
        return any(value.name == "token_type_ids" for value in self._session.get_inputs())

    @cached_property
    def _session(self) -> Any:
        """Return the session; from its import on, onnxruntime would report its use."""
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            str(self._folder / MODEL),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=SLOWER,
        )


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what tells an export from the next in its place, None where there is none."""
    try:
        status = (folder / MANIFEST).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def lacks_states(directory: Path) -> bool:
    """Tell whether an archive carries an encoder from before there was a reader for its model.

    Only its manifest is read: whether its other files are whole shows when it is loaded.
    """
    try:
        manifest = read_sealed(directory / FOLDER / MANIFEST, unsealed=UNSEALED)
        settings = EncoderSettings(**manifest["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return not manifest.get("states") and reader_of(settings) is not None


def load(directory: Path, settings: EncoderSettings | None) -> OnnxEncoder | None:
    """Return the encoder that an archive carries, or None where there is none that fits."""
    try:
        encoder = OnnxEncoder(directory / FOLDER)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return encoder if settings is None or encoder.settings == settings else None
