"""Which encoder an archive is used with: the one that it carries, else sentence-transformers'."""

from __future__ import annotations

from pathlib import Path

from embeddings import onnx
from embeddings.encoder import Encoder, EncoderSettings
from embeddings.models import DEFAULT_MODEL


def open_encoder(directory: Path, stored: EncoderSettings | None, model: str | None) -> Encoder:
    """Return the encoder for an archive's vectors, or for those to come where it has none yet.

    Raises ModelError where the model is missing or unfit.
    """
    carried = onnx.load(directory, stored)
    if carried is not None and carried.settings.model == (model or DEFAULT_MODEL):
        return carried
    from embeddings.transformer import SentenceTransformerEncoder

    return SentenceTransformerEncoder(model)


GPU = Path("/dev/nvidiactl")
"""Is there where a CUDA device may be; torch, which takes seconds to import, tells for certain."""


def prepare_encoder(directory: Path, stored: EncoderSettings | None, model: str | None) -> Encoder:
    """Return the encoder for passages to come, and put it into the archive where it carries none.

    Where there is a GPU, sentence-transformers encodes on it, in float16 where that changes no
    ranking. The caller holds the archive's lock. Raises ModelError where the model is missing or
    unfit.
    """
    carries = (directory / onnx.FOLDER).exists()
    if not carries and (model or DEFAULT_MODEL) == DEFAULT_MODEL:
        from embeddings.carrying import carry_bundled

        carry_bundled(directory)
    on_gpu = _gpu_encoder(model) if GPU.exists() else None
    encoder = on_gpu or open_encoder(directory, stored, model)
    if isinstance(encoder, onnx.OnnxEncoder):
        return encoder
    carry_encoder(directory, encoder)
    return on_gpu or onnx.load(directory, encoder.settings) or encoder


def _gpu_encoder(model: str | None) -> Encoder | None:
    """Return the encoder on a GPU, or None where torch finds none."""
    from embeddings.transformer import SentenceTransformerEncoder

    encoder = SentenceTransformerEncoder(model)
    if encoder.model.device.type != "cuda":
        return None
    encoder.halve()
    return encoder


def carry_encoder(directory: Path, encoder: Encoder) -> None:
    """Export a sentence-transformers encoder into an archive that carries none.

    The caller holds the archive's lock.
    """
    if (directory / onnx.FOLDER).exists() or isinstance(encoder, onnx.OnnxEncoder):
        return
    from embeddings.transformer import SentenceTransformerEncoder

    if isinstance(encoder, SentenceTransformerEncoder):
        from embeddings.carrying import carry

        carry(directory, encoder)
