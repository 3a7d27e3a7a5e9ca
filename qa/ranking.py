"""Candidates -> ranked passages, each with the sentence or two of it that answer best.

One linear model scores every sentence of the best passages; a softmax over all of them gives each
its share, and a passage has the sum of its sentences' shares. So passage and quote are chosen
together. The loss it was fitted with is ListNet's (Cao et al. 2007, "Learning to rank: from
pairwise approach to listwise approach"), with the sentences that hold the answer as the target.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np

from corpus.records import Span
from qa.features import Rows, describe
from qa.reading import can_read, first_of, read, with_reading
from qa.retrieval import Candidate, Candidates
from qa.wording import Floats

WEIGHTS = "ranking.json"
"""File in qa/weights: each of WITH_READER and UNREAD maps a feature to what it adds to a score."""

WITH_READER = "weights"
"""Name of the weights for passages that the encoder's reader has read."""

UNREAD = "weights without the reader"
"""Name of the weights that choose what is read, and rank alone where the model has no reader."""

ALONE = 0.85
"""Share of a pair's weight from which on its better sentence is quoted alone.

The answer often stands beside the sentence that fits best: on newsqa, cross-validated, right quotes
rise from .495 at .75 to .510 here and .526 where two are always quoted. That is more to read: 46 of
100 quotes are of two sentences, 30 at .75."""

DECIMALS = 6
"""Decimals of a score: equal passages of float32 vectors differ in the seventh."""

FAR_BELOW = 10.0
"""Nats by which a passage that was not looked at closely stands below the last that was."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score and its best quote, offsets in the article's text.

    `score` is the natural logarithm of the passage's share among all that were looked at: at most
    0, higher is better.
    """

    candidate: Candidate
    quote: Span
    score: float


@dataclass(frozen=True, slots=True)
class Shares:
    """The rows of one question with the share of each sentence, float64 (sentences,), sum 1."""

    rows: Rows
    sentences: Floats

    @property
    def passages(self) -> Floats:
        """Return the share of each passage in `rows.chosen`."""
        return np.add.reduceat(self.sentences, self.rows.starts)

    def quotes(self) -> list[tuple[int, int]]:
        """Return for each passage of `rows.chosen` which of its sentences to quote: (first, end).

        A sentence that the next one takes back is never quoted without it.
        """
        shares, withdrawn = self.sentences.tolist(), self.rows.withdrawn.tolist()
        edges = pairwise([*self.rows.starts.tolist(), len(shares)])
        return [_quoted(shares[first:end], withdrawn[first:end]) for first, end in edges]

    def quote(self, place: int) -> tuple[int, int]:
        """Return the rows (first, end) to quote of the passage at `place` of `rows.chosen`."""
        first, *behind = self.rows.starts[place : place + 2].tolist()
        inside = slice(first, behind[0] if behind else None)
        at, end = _quoted(self.sentences[inside].tolist(), self.rows.withdrawn[inside].tolist())
        return first + at, first + end


def _quoted(shares: list[float], withdrawn: list[bool]) -> tuple[int, int]:
    """Return which sentences of a passage to quote: (first, end)."""
    at, end = _best(shares)
    return (end - 1, end + 1) if withdrawn[end - 1] else (at, end)


def _best(shares: list[float]) -> tuple[int, int]:
    """Return where the best sentence is, or two neighbours where neither is it alone: (at, end)."""
    if len(shares) == 1:
        return 0, 1
    together = [one + next_one for one, next_one in pairwise(shares)]
    at = together.index(max(together))
    better = at + (shares[at + 1] > shares[at])
    if shares[better] >= ALONE * together[at]:
        return better, better + 1
    return at, at + 2


def rank(candidates: Candidates, shares: Shares | None = None) -> list[Ranked]:
    """Return the candidates best first; ties break by passage key.

    `shares` are those of `candidates` where they were weighed already.
    """
    if not candidates.found:
        return []
    shares = shares or weigh(candidates)
    ranked = [*_close(candidates, shares), *_far(candidates, shares)]
    return sorted(ranked, key=lambda item: (-item.score, item.candidate.stored.key))


def weigh(candidates: Candidates) -> Shares:
    """Return the share of every sentence that is looked at. `candidates` must not be empty."""
    rows = describe(candidates)
    shares = Shares(rows, softmax(rows.values @ weights_of(UNREAD, rows.names)))
    if not can_read(candidates, rows):
        return shares
    told = read(candidates, rows, first_of(shares.sentences))
    if not np.isfinite(told).any():
        return shares
    rows = with_reading(rows, told)
    return Shares(rows, softmax(rows.values @ weights_of(WITH_READER, rows.names)))


def softmax(scores: Floats) -> Floats:
    """Return exp(scores), scaled to the sum 1."""
    shares = np.exp(scores - scores.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


@cache
def weights_of(which: str, names: tuple[str, ...]) -> Floats:
    """Return the shipped weight of each feature; one that the file does not name weighs nothing.

    `which` is WITH_READER or UNREAD.
    """
    stored = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))[which]
    return np.array([stored.get(name, 0.0) for name in names], dtype=np.float64)


def _close(candidates: Candidates, shares: Shares) -> list[Ranked]:
    """Rank the passages that were looked at closely."""
    ranked = []
    scores = np.log(np.maximum(shares.passages, np.finfo(np.float64).tiny)).tolist()
    rows = shares.rows.chosen.tolist()
    for row, (first, end), score in zip(rows, shares.quotes(), scores, strict=True):
        candidate = candidates.found[row]
        sentences = candidate.stored.sentences
        quote = Span(sentences[first].start, sentences[end - 1].end)
        ranked.append(Ranked(candidate, quote, round(score, DECIMALS)))
    return ranked


def _far(candidates: Candidates, shares: Shares) -> list[Ranked]:
    """Rank the others by the first score, below; their quote is the most similar sentence."""
    lowest = float(np.log(max(shares.passages.min(), np.finfo(np.float64).tiny))) - FAR_BELOW
    rows = shares.rows
    scores = (lowest + (rows.fused - rows.fused.max())).tolist()
    nearest = rows.nearest.tolist()
    chosen = set(rows.chosen.tolist())
    return [
        Ranked(candidate, candidate.stored.sentences[nearest[row]], scores[row])
        for row, candidate in enumerate(candidates.found)
        if row not in chosen
    ]
