"""Candidates -> their first scores, by which a few are chosen to be looked at closely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.retrieval import Candidates
from qa.wording import Flags, Floats, Ints, Singles

CLOSE = 20
"""Passages that are looked at closely: with 40 no more of them are right, first or among five."""

CLOSE_UNREAD = 40
"""The same for what leans on a conversation, and where no reader reads them. With 20 a follow-up in
150 less finds its article first."""

FUSION = (0.25, 0.25, 0.5, 0.2)
"""Weights of the first score's z-scores: passage vector, best sentence vector, BM25, article BM25.

Tuned on shared/bench/newsqa by article."""


@dataclass(frozen=True, slots=True)
class First:
    """What a first look tells of all candidates.

    `fused` (candidates,) is their first score, `chosen` has the positions, ascending, of those to
    be looked at closely, and `nearest` (candidates,) which of its sentences is most similar to the
    question. `cosines_of_chosen` compares the question with all sentences of those chosen.
    """

    fused: Floats
    chosen: Ints
    nearest: Ints
    cosines_of_chosen: Singles


def first_scores(candidates: Candidates) -> First:
    """Look at all candidates once. `candidates` must not be empty."""
    vectors = [item.vectors.sentences for item in candidates.found]
    sizes = np.array([*map(len, vectors)])
    starts = np.cumsum(sizes) - sizes
    cosines = np.concatenate(vectors) @ candidates.vector
    best = np.maximum.reduceat(cosines, starts)
    fused = _fused(candidates, best)
    close = CLOSE_UNREAD if candidates.asked.tokens is None else CLOSE
    chosen = np.sort(np.argsort(-fused, kind="stable")[:close])
    is_chosen: Flags = np.zeros(len(sizes), dtype=np.bool_)
    is_chosen[chosen] = True
    return First(
        fused=fused,
        chosen=chosen,
        nearest=firsts_of(cosines, starts, np.repeat(best, sizes)) - starts,
        cosines_of_chosen=cosines[np.repeat(is_chosen, sizes)],
    )


def firsts_of(values: npt.NDArray[Any], starts: Ints, best: npt.NDArray[Any]) -> Ints:
    """Return the row of each part's highest value, the first of equal ones, int64 (parts,).

    The parts start at `starts`; `best` has for each row the highest value of its part.
    """
    places = np.flatnonzero(values == best)
    return np.asarray(places[np.searchsorted(places, starts)], dtype=np.int64)


def _fused(candidates: Candidates, best: Singles) -> Floats:
    """Return the first score of each candidate: a weighted sum of the retrievers' z-scores.

    `best` (candidates,) is the highest cosine of a candidate's sentences to the question.
    """
    found = candidates.found
    columns = np.empty((4, len(found)))
    columns[0] = [item.dense for item in found]
    columns[1] = best
    columns[2] = [item.bm25 for item in found]
    columns[3] = [item.article_bm25 for item in found]
    scored: Floats = np.array(FUSION) @ _z(columns)
    return scored


def _z(values: Floats) -> Floats:
    """Return the z-scores of each row, zeros where all of it is the same."""
    count = values.shape[1]
    apart = values - np.add.reduce(values, axis=1, keepdims=True) / count
    spread = np.sqrt(np.add.reduce(apart * apart, axis=1, keepdims=True) / count)
    scores: Floats = np.divide(apart, spread, out=np.zeros_like(apart), where=spread > 0)
    return scores
