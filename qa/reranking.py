"""Ranked passages -> the best reordered by a model that reads question and passage together.

Optional: without a reranker nothing of this runs, and no model but the archive's own is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qa.ranking import Ranked

RERANKED = 20
"""Best passages that are reordered; a cross-encoder of six layers reads some 20 a second a core."""

WEIGHT = 0.5
"""Share of the reranker's score in the order, against the ranking's own; both as z-scores over the
passages that are reordered. Not tuned: rerankers differ."""


class Reranker(Protocol):
    """Tells how well texts answer a question."""

    def score(self, question: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return a score for each text, float64 (len(texts),); higher answers better."""
        ...


def open_reranker(model: str) -> Reranker:
    """Load a sentence-transformers CrossEncoder: a folder, or a name in the local cache.

    Raises ModelError where there is none, or none that is safe to load.
    """
    from embeddings.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(model)


def rerank(reranker: Reranker, question: str, ranked: Sequence[Ranked]) -> list[Ranked]:
    """Return the passages with the best reordered; ties keep their order.

    The scores stay with the places, so that they still fall and still mean what the ranking says:
    only which passage stands where changes.
    """
    best, rest = list(ranked[:RERANKED]), ranked[RERANKED:]
    if len(best) < 2:
        return [*best, *rest]
    texts = [item.candidate.stored.span.of(item.candidate.article.text) for item in best]
    own = _z([item.score for item in best])
    order = np.argsort(
        -((1 - WEIGHT) * own + WEIGHT * _z(reranker.score(question, texts))), kind="stable"
    )
    scores = sorted((item.score for item in best), reverse=True)
    return [
        *(replace(best[at], score=score) for at, score in zip(order, scores, strict=True)),
        *rest,
    ]


def _z(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return values with mean 0 and deviation 1; equal ones become 0."""
    array = np.asarray(values, dtype=np.float64)
    spread = array.std()
    return (array - array.mean()) / spread if spread > 0 else np.zeros_like(array)
