"""Cross-encoders of sentence-transformers: question and text go in together, a score comes out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from corpus.errors import ModelError
from embeddings.late_chunking import clean
from embeddings.models import model_path

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class CrossEncoderReranker:
    """Scores texts against a question with a CrossEncoder of one output.

    `model` is a folder or the name of a model in the local cache of downloads; nothing is fetched.
    Weights must be safetensors, and code that comes with a model is never run. Raises ModelError
    where the model is missing or unfit.
    """

    def __init__(self, model: str) -> None:
        self._model = _load(model_path(model), model)
        if self._model.num_labels != 1:
            raise ModelError(
                f"the reranker {model!r} gives {self._model.num_labels} scores to a text: take a"
                " cross-encoder with one, such as cross-encoder/ms-marco-MiniLM-L6-v2"
            )

    def score(self, question: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return a score for each text, float64 (len(texts),); higher answers better."""
        import torch

        pairs = [(clean(question), clean(text)) for text in texts]
        scores = self._model.predict(
            pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False
        )
        return np.asarray(scores, dtype=np.float64)


def _load(path: str, name: str) -> CrossEncoder:
    """Load a model from disk, without a network and without progress bars."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: CrossEncoder = CrossEncoder(
            path,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        ).eval()
    except Exception as error:  # the libraries raise anything from OSError to KeyError
        detail = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        raise ModelError(
            f"the reranker {name!r} cannot be loaded ({type(error).__name__}: {detail}):"
            " give the folder of a cross-encoder, or a name that is in the local download cache"
        ) from error
    return model
