"""The sentence-transformers encoder: any model from disk, on the GPU where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from corpus.errors import ModelError
from embeddings import late_chunking
from embeddings.bert import INNER
from embeddings.encoder import (
    EncoderSettings,
    PassageText,
    PassageVectors,
    QuestionVectors,
    Vectors,
    default_threads,
    unit,
)
from embeddings.late_chunking import PassageTokenizer, clean
from embeddings.models import DEFAULT_MODEL, kept_name, model_digest, model_path
from embeddings.reader import reader_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

UNSTATED_LIMIT = 512
"""Word pieces taken as the limit of a model that states none."""


class SentenceTransformerEncoder:
    """An Encoder over any sentence-transformers model.

    `model` is None for the bundled model, a folder, or the name of a model that is already in the
    local cache of downloads; nothing is ever fetched. Weights must be safetensors, and code that
    comes with a model is never run. Raises ModelError where the model is missing or unfit.

    A model that is a transformer with mean pooling gives sentence vectors in the passage's own
    pass; any other encodes each sentence by itself.
    """

    def __init__(self, model: str | None = None) -> None:
        name = model or DEFAULT_MODEL
        path = model_path(name)
        self._model = _load(path, name)
        self._tokenizer = PassageTokenizer(
            _fast_tokenizer(self._model),
            int(self._model.max_seq_length or UNSTATED_LIMIT),
            self._model.prompts.get("document") or "",
        )
        self._late = _mean_pooled(self._model)
        self._half = False
        self._settings = EncoderSettings(
            model=kept_name(name),
            digest=model_digest(path),
            dimension=int(self._model.get_embedding_dimension() or 0),
            pooling=late_chunking.POOLING if self._late else "the model's own",
            max_tokens=self._tokenizer.room,
        )
        self._reader = reader_of(self._settings) if self._late else None
        if self._reader:
            first: Any = self._model[0]
            first.auto_model.config.output_hidden_states = True

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors."""
        return self._settings

    @property
    def reading(self) -> str:
        """Return what identifies the reader, "" where the model has none."""
        return self._reader.name if self._reader else ""

    @property
    def model(self) -> SentenceTransformer:
        """Return the model itself, for export."""
        return self._model

    def halve(self) -> bool:
        """Compute passages in float16 from now on, where that changes no ranking; tell whether.

        What must agree are the probes' vectors, and which probe is nearest to which, in order.
        """
        from embeddings.carrying import AGREEMENT, agreement, probe_vectors

        whole = probe_vectors(self)
        self._half = True
        half = probe_vectors(self)
        in_order = (_order(half) == _order(whole)).all()
        self._half = bool(in_order) and agreement(half, whole) >= AGREEMENT
        return self._half

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        return self._tokenizer.count(texts)

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        with _threads(1 if len(questions) == 1 else default_threads()):
            vectors = self._model.encode_query(
                [clean(question) for question in questions],
                show_progress_bar=False,
                normalize_embeddings=True,
            )
        return np.asarray(vectors, dtype=np.float32)

    def read_questions(self, questions: Sequence[str]) -> list[QuestionVectors]:
        """Return the vectors of each question, those of its tokens where the model has a reader."""
        if self._reader is None:
            return [QuestionVectors(vector) for vector in self.encode_questions(questions)]
        prompt = self._model.prompts.get("query") or ""
        texts = [prompt + question for question in questions]
        with _threads(1 if len(questions) == 1 else default_threads()):
            return late_chunking.encode_questions(
                self._tokenizer, self._forward_whole, texts, self._pad, reader=self._reader
            )

    @property
    def _pad(self) -> int:
        return int(self._model.tokenizer.pad_token_id or 0)

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index, vectors) for every passage, batches sorted by length, longest first."""
        with _threads(default_threads()):
            if self._late:
                yield from late_chunking.encode_passages(
                    self._tokenizer, self._forward, passages, self._pad, self._reader
                )
            else:
                for index, passage in enumerate(passages):
                    yield index, self._encode_apart(passage)

    def _forward(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Return token vectors, float32 (n, length, dimension), and for a reader inner states."""
        return self._states(ids, mask, half=self._half)

    def _forward_whole(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Return the same, never in float16: questions are as `encode_questions` has them."""
        return self._states(ids, mask, half=False)

    def _states(
        self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64], *, half: bool
    ) -> Vectors:
        import torch

        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in self._model.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(features["input_ids"])
        device = self._model.device
        reduced = torch.autocast(device.type, dtype=torch.float16, enabled=half)
        with torch.inference_mode(), reduced:
            output = self._model({name: value.to(device) for name, value in features.items()})
            states = output["token_embeddings"]
            if self._reader:
                inner = (output["all_layer_embeddings"][layer] for layer in INNER)
                states = torch.cat([states, *inner], dim=-1)
        vectors: Vectors = states.float().cpu().numpy()
        return vectors

    def _encode_apart(self, passage: PassageText) -> PassageVectors:
        """Encode a passage behind its headline, and each sentence by itself."""
        lead = f"{passage.title}\n" if passage.title else ""
        texts = [lead + passage.text, *(span.of(passage.text) for span in passage.sentences)]
        vectors = self._model.encode_document(
            [clean(text) for text in texts], show_progress_bar=False
        )
        found = unit(np.asarray(vectors, dtype=np.float32))
        return PassageVectors(found[0], found[1:])


def _load(path: str, name: str) -> SentenceTransformer:
    """Load a model from disk, without a network and without progress bars."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(
            path,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        ).eval()
    except Exception as error:  # the libraries raise anything from OSError to KeyError
        detail = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        raise ModelError(
            f"the model {name!r} cannot be loaded ({type(error).__name__}: {detail}):"
            " give a model folder, or a name that is in the local download cache"
        ) from error


def _order(vectors: Vectors) -> npt.NDArray[np.intp]:
    """Return for each vector the places of all, the nearest first."""
    return np.argsort(-(vectors @ vectors.T).round(3), axis=1, kind="stable")


def _fast_tokenizer(model: SentenceTransformer) -> Tokenizer:
    """Return a copy of the model's tokenizer."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError("the model has no fast tokenizer: take a model with a tokenizer.json")
    copy: Tokenizer = Tokenizer.from_str(backend.to_str())
    return copy


def _mean_pooled(model: SentenceTransformer) -> bool:
    """Tell whether the model is a transformer with plain mean pooling, normalised or not."""
    names = [type(module).__name__ for module in model]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    pooling: Any = model[1]
    return bool(pooling.get_config_dict().get("pooling_mode") == "mean")


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set torch's number of threads within a block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
