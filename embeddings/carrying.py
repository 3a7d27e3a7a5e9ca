"""A model -> the encoder that an archive carries, checked against the model it came from.

It is kept in the archive under `encoder/`, and made anew where a newer reader needs more of it.
Where it cannot be made or does not agree, sentence-transformers stays in use.
"""

from __future__ import annotations

import json
import shutil
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from corpus.records import Span
from embeddings import late_chunking
from embeddings.bert import OPSET, write_bert
from embeddings.durable import sync
from embeddings.encoder import Encoder, EncoderSettings, PassageText, Vectors, file_sha256
from embeddings.late_chunking import PassageTokenizer
from embeddings.models import DEFAULT_MODEL, model_digest, model_path
from embeddings.onnx import FOLDER, MANIFEST, MODEL, TOKENIZER, OnnxEncoder
from embeddings.sealing import write_sealed

if TYPE_CHECKING:
    from embeddings.transformer import SentenceTransformerEncoder

AGREEMENT = 0.9999
"""Least cosine similarity between a probe's vectors from the export and from the model."""

EXPECTED = "probes.npy"
"""File in embeddings/: what sentence-transformers makes of the probes with the bundled model,
float32 (vectors, dimension). The model's digest is pinned, so they hold for it."""

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


def carry_bundled(directory: Path) -> bool:
    """Put the bundled model into an archive, without torch; tell whether it is in use.

    The caller holds the archive's lock. Raises ModelError where the model is missing or damaged.
    """
    folder = Path(model_path(DEFAULT_MODEL))
    expected: Vectors = np.load(str(files("embeddings").joinpath(EXPECTED)))
    return _carry(directory, lambda scratch: _write_bundled(folder, scratch), expected)


def carry(directory: Path, encoder: SentenceTransformerEncoder) -> bool:
    """Export an encoder into an archive; tell whether the export agrees with it and is in use.

    The caller holds the archive's lock. Nothing is left where the export fails or disagrees.
    """
    if encoder.settings.pooling != late_chunking.POOLING:
        return False
    return _carry(directory, lambda scratch: _export(encoder, scratch), probe_vectors(encoder))


def probe_vectors(encoder: Encoder) -> Vectors:
    """Return an encoder's unit vectors of the probes: as questions, as passages, of sentences."""
    found = dict(encoder.encode_passages(PROBES))
    vectors = [encoder.encode_questions([probe.text for probe in PROBES])]
    for index in range(len(PROBES)):
        vectors += [found[index].passage[None, :], found[index].sentences]
    return np.concatenate(vectors)


def agreement(one: Vectors, other: Vectors) -> float:
    """Return the least cosine similarity between unit vectors in the same place, (n, dimension)."""
    return float((one * other).sum(axis=1).min())


def _carry(directory: Path, write: Callable[[Path], None], expected: Vectors) -> bool:
    """Write an encoder aside, check it against the vectors expected, and move it in place."""
    scratch, replaced = (directory / f".{FOLDER}.{uuid.uuid4().hex[:8]}.tmp" for _ in range(2))
    try:
        scratch.mkdir()
        write(scratch)
        if agreement(probe_vectors(OnnxEncoder(scratch)), expected) < AGREEMENT:
            return False
        for path in [*scratch.iterdir(), scratch]:
            sync(path)
        with suppress(FileNotFoundError):
            (directory / FOLDER).rename(replaced)
        scratch.replace(directory / FOLDER)
        sync(directory)
    except Exception:  # exporters raise anything; the archive works without an export
        return False
    finally:
        for folder in (scratch, replaced):
            shutil.rmtree(folder, ignore_errors=True)
    return True


def _write_bundled(model: Path, folder: Path) -> None:
    """Write the bundled model as sentence-transformers would compute it."""
    write_bert(model, folder / MODEL)
    shutil.copyfile(model / TOKENIZER, folder / TOKENIZER)
    config = json.loads((model / "config.json").read_text("utf-8"))
    limit = json.loads((model / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
    tokenizer = PassageTokenizer(Tokenizer.from_file(str(folder / TOKENIZER)), limit)
    settings = EncoderSettings(
        model=DEFAULT_MODEL,
        digest=model_digest(str(model)),
        dimension=int(config["hidden_size"]),
        pooling=late_chunking.POOLING,
        max_tokens=tokenizer.room,
    )
    _write_manifest(folder, settings, limit=limit, pad=int(config["pad_token_id"]), states=True)


def _write_manifest(
    folder: Path,
    settings: EncoderSettings,
    *,
    limit: int,
    pad: int,
    prompt: str = "",
    question_prompt: str = "",
    states: bool = False,
) -> None:
    manifest = {
        "settings": asdict(settings),
        "limit": limit,
        "prompt": prompt,
        "question_prompt": question_prompt,
        "pad": pad,
        "states": states,
        "files": {file.name: file_sha256(file) for file in sorted(folder.iterdir())},
    }
    write_sealed(folder / MANIFEST, manifest)


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
    _write_manifest(
        folder,
        encoder.settings,
        limit=int(model.max_seq_length or 0),
        pad=int(model.tokenizer.pad_token_id or 0),
        prompt=model.prompts.get("document") or "",
        question_prompt=model.prompts.get("query") or "",
    )


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
