"""Which encoder an archive is used with: the one that it carries, else sentence-transformers'."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.errors import ModelError
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

    One from before its model had a reader is made anew.

    Where there is a GPU, sentence-transformers encodes on it, in float16 where that changes no
    ranking. The caller holds the archive's lock. Raises ModelError where the model is missing or
    unfit.
    """
    carries = (directory / onnx.FOLDER).exists() and not onnx.lacks_states(directory)
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


@contextmanager
def helped(
    prepare: Callable[[], Encoder], directory: Path, workers: str | None
) -> Iterator[Callable[[], Encoder]]:
    """Give what returns the encoder for passages within the block: `workers` compute its vectors.

    `workers` is an address of `ray_workers.checked_address`, or None for none; whatever encodes
    here, they are sent the encoder that the archive carries. Raises ModelError where it has none.
    """
    if workers is None:
        yield prepare
        return
    from embeddings.ray_workers import RayEncoder, checked_address

    address = checked_address(workers)
    made: list[RayEncoder] = []

    def encoder() -> Encoder:
        here = prepare()
        if not made:
            carried = onnx.load(directory, here.settings)
            if carried is None:
                raise ModelError(
                    f"the model {here.settings.model!r} cannot be sent to workers: it is not a"
                    " transformer with mean pooling, or could not be exported; leave out --workers"
                )
            made.append(RayEncoder(carried, address))
        return made[0]

    try:
        yield encoder
    finally:
        for one in made:
            one.close()
