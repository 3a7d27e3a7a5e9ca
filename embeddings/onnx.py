"""The encoder that an archive carries: its model as ONNX, so that a question needs no torch.

It is exported once, checked against the model it came from, and kept in the archive under
`encoder/`. Where it cannot be made or does not agree, sentence-transformers stays in use.
"""

from __future__ import annotations

import os
import shutil
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from corpus.records import Span
from embeddings import late_chunking
from embeddings.durable import sync
from embeddings.encoder import (
    Encoder,
    EncoderSettings,
    PassageText,
    PassageVectors,
    Vectors,
    default_threads,
    file_sha256,
)
from embeddings.late_chunking import PassageTokenizer
from embeddings.sealing import read_sealed, write_sealed

if TYPE_CHECKING:
    from embeddings.transformer import SentenceTransformerEncoder

FOLDER = "encoder"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
MANIFEST = "encoder.json"
UNSEALED = ("settings", "limit", "prompt", "question_prompt", "pad", "files")
"""Fields of a manifest that was written before manifests carried their own digest."""

AGREEMENT = 0.9999
"""Least cosine similarity between a probe's vectors from the export and from the model."""

OPSET = 17
"""ONNX operator set: the oldest with LayerNormalization, for the widest choice of runtimes."""

PROBES = (
    PassageText(None, "Yes.", (Span(0, 4),)),
    PassageText(
        "Two ministers meet",
        "The two met on Thursday. They spoke for 10 minutes.",
        (Span(0, 24), Span(25, 51)),
    ),
    PassageText("Prices", "Gas rose by 3.5% to £1.20. " * 12, (Span(0, 26), Span(27, 324))),
    PassageText("東京", "Café naïve — “quoted” 1,234 … end", (Span(0, 33),)),
)
"""Texts of very different lengths, so that masks and positions are put to the test."""


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
    """An Encoder over an exported model; raises OSError or ValueError where it is damaged."""

    def __init__(self, folder: Path) -> None:
        manifest = read_sealed(folder / MANIFEST, unsealed=UNSEALED)
        for name, digest in manifest["files"].items():
            if file_sha256(folder / name) != digest:
                raise ValueError(f"{folder / name} is damaged")
        self._folder = folder
        self._pad = int(manifest["pad"])
        self._settings = EncoderSettings(**manifest["settings"])
        self._tokenizer = PassageTokenizer(
            Tokenizer.from_file(str(folder / TOKENIZER)), manifest["limit"], manifest["prompt"]
        )
        self._question_prompt = str(manifest["question_prompt"])

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors: the settings of the model that was exported."""
        return self._settings

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        return self._tokenizer.count(texts)

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        session = self._one_thread if len(questions) == 1 else self._all_threads
        texts = [self._question_prompt + question for question in questions]
        forward = _forward(session)
        return late_chunking.encode_questions(self._tokenizer, forward, texts, self._pad)

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index, vectors) for every passage, batches sorted by length, longest first."""
        forward = _forward(self._all_threads)
        return late_chunking.encode_passages(self._tokenizer, forward, passages, self._pad)

    @cached_property
    def _one_thread(self) -> Any:
        return _session(self._folder / MODEL, 1)

    @cached_property
    def _all_threads(self) -> Any:
        threads = default_threads()
        return self._one_thread if threads == 1 else _session(self._folder / MODEL, threads)


def load(directory: Path, settings: EncoderSettings | None) -> OnnxEncoder | None:
    """Return the encoder that an archive carries, or None where there is none that fits."""
    try:
        encoder = OnnxEncoder(directory / FOLDER)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return encoder if settings is None or encoder.settings == settings else None


def carry(directory: Path, encoder: SentenceTransformerEncoder) -> bool:
    """Export an encoder into an archive; tell whether the export agrees with it and is in use.

    The caller holds the archive's lock. Nothing is left where the export fails or disagrees.
    """
    if encoder.settings.pooling != late_chunking.POOLING:
        return False
    scratch = directory / f".{FOLDER}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        scratch.mkdir()
        _export(encoder, scratch)
        if agreement(OnnxEncoder(scratch), encoder) < AGREEMENT:
            return False
        for path in [*scratch.iterdir(), scratch]:
            sync(path)
        shutil.rmtree(directory / FOLDER, ignore_errors=True)
        scratch.replace(directory / FOLDER)
        sync(directory)
    except Exception:  # exporters raise anything; the archive works without an export
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def agreement(one: Encoder, other: Encoder) -> float:
    """Return the least cosine similarity between two encoders' vectors of the probes."""
    questions = [probe.text for probe in PROBES]
    pairs = [(one.encode_questions(questions), other.encode_questions(questions))]
    first, second = dict(one.encode_passages(PROBES)), dict(other.encode_passages(PROBES))
    for index in range(len(PROBES)):
        pairs.append((first[index].passage[None, :], second[index].passage[None, :]))
        pairs.append((first[index].sentences, second[index].sentences))
    return min(float((a * b).sum(axis=1).min()) for a, b in pairs)


def _export(encoder: SentenceTransformerEncoder, folder: Path) -> None:
    """Write model, tokenizer and manifest."""
    import torch

    model = encoder.model
    first: Any = model[0]
    transformer = first.auto_model.to("cpu").eval()
    names = ["input_ids", "attention_mask"]
    if "token_type_ids" in model.tokenizer.model_input_names:
        names.append("token_type_ids")
    ids = torch.full((2, 8), 5, dtype=torch.long)
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(names)]
    axes = {0: "batch", 1: "length"}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of every constant it meets
        torch.onnx.export(
            _wrapped(transformer),
            example,
            str(folder / MODEL),
            input_names=names,
            output_names=["token_embeddings"],
            dynamic_axes=dict.fromkeys([*names, "token_embeddings"], axes),
            opset_version=OPSET,
            dynamo=False,
        )
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    manifest = {
        "settings": asdict(encoder.settings),
        "limit": int(model.max_seq_length or 0),
        "prompt": model.prompts.get("document") or "",
        "question_prompt": model.prompts.get("query") or "",
        "pad": int(model.tokenizer.pad_token_id or 0),
        "files": {name: file_sha256(folder / name) for name in (MODEL, TOKENIZER)},
    }
    write_sealed(folder / MANIFEST, manifest)


def _wrapped(transformer: Any) -> Any:
    """Return a module that takes a plain mask: the transformer's own mask code does not trace."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
            bias = (1.0 - attention_mask[:, None, None, :].to(torch.float32)) * -1e9
            bias = bias.expand(-1, -1, input_ids.shape[1], -1)
            extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return self.transformer(
                input_ids=input_ids, attention_mask=bias, **extra
            ).last_hidden_state

    return Plain().eval()


def _session(path: Path, threads: int) -> Any:
    """Return a session on the processor; from its import on, onnxruntime would report its use."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _forward(session: Any) -> late_chunking.Forward:
    """Return the function from ids and mask to token vectors that a session computes."""
    typed = any(value.name == "token_type_ids" for value in session.get_inputs())

    def forward(ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        features = {"input_ids": ids, "attention_mask": mask}
        if typed:
            features["token_type_ids"] = np.zeros_like(ids)
        vectors: Vectors = session.run(None, features)[0]
        return vectors

    return forward
