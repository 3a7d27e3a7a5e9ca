"""Candidates -> ranked passages, each with the sentence of it that answers best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpus.records import Span
from qa.retrieval import Candidate, Candidates, content_terms


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score (higher is better) and its best quote, offsets in the article."""

    candidate: Candidate
    quote: Span
    score: float


def rank(candidates: Candidates) -> list[Ranked]:
    """Return the candidates best first; ties break by passage key."""
    if not candidates.found:
        return []
    found = candidates.found
    best = [candidate.vectors.sentences @ candidates.vector for candidate in found]
    scores = (
        0.25 * _z([candidate.dense for candidate in found])
        + 0.25 * _z([float(similarities.max()) for similarities in best])
        + 0.5 * _z([candidate.bm25 for candidate in found])
        + 0.2 * _z([candidate.article_bm25 for candidate in found])
    )
    ranked = [
        Ranked(candidate, _quote(candidates, candidate, similarities), float(score))
        for candidate, similarities, score in zip(found, best, scores, strict=True)
    ]
    return sorted(ranked, key=lambda item: (-item.score, item.candidate.stored.key))


def _quote(
    candidates: Candidates, candidate: Candidate, similarities: npt.NDArray[np.float32]
) -> Span:
    sentences = candidate.stored.sentences
    shares = []
    for sentence in sentences:
        terms = set(content_terms(sentence.of(candidate.article.text)))
        shares.append(sum(candidates.idf[term] for term in terms & candidates.idf.keys()))
    total = sum(candidates.idf.values()) or 1.0
    return sentences[int(np.argmax(similarities + 2 * np.array(shares) / total))]


def _z(values: list[float]) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    spread = array.std()
    return (array - array.mean()) / spread if spread > 0 else np.zeros_like(array)
