"""Candidates -> ranked passages, each with the sentence or two of it that answer best.

One linear model scores every sentence of the best passages; a softmax over all of them gives each
its share, and a passage has the sum of its sentences' shares. So passage and quote are chosen
together. For what leans on a conversation one such model orders the articles, and another the
sentences of each. The loss they were fitted with is ListNet's (Cao et al. 2007, "Learning to rank:
from pairwise approach to listwise approach"), with the sentences that hold the answer as the
target.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np

from corpus.records import Span
from qa.features import Rows, describe
from qa.first import firsts_of
from qa.reading import can_read, first_of, read, with_reading
from qa.retrieval import Candidate, Candidates
from qa.wording import Floats, Ints

WEIGHTS = "ranking.json"
"""File in qa/weights: each of the four below maps a feature to what it adds to a score, and how
much more for each unit by which a question is more specific; for follow-ups once for the articles
and once for the sentences of each, see `weighed`."""

WITH_READER = "weights"
"""Name of the weights for passages that the encoder's reader has read."""

UNREAD = "weights without the reader"
"""Name of the weights that choose what is read, and rank alone where the model has no reader."""

FOLLOW_UP = "weights of follow-ups"
"""Name of the weights for what leans on a conversation: that tells which article is meant, and the
question's own words what is asked of it. By the other weights three in 100 less find their article,
and of newsqa's questions behind another one of their story 13 in 100 less are quoted right. How
specific such a question is tells little, as much of it was said before."""

FOLLOW_UP_UNREAD = "weights of follow-ups without the reader"
"""Name of the weights that choose what is read of these, likewise."""

BEHIND_FIRST = 2.0
"""Nats that a unit of the first score is worth among the passages behind the first of a follow-up.

The weights choose the one that answers; what else is about that is told as well by what the
retrievers say. On shared/bench/followups, split by article, R@5 rises by .015 in both halves, with
1 by .01, and with 5 as with 2."""

ALONE = 0.85
"""Share of a pair's weight from which on its better sentence is quoted alone.

The answer often stands beside the sentence that fits best: on newsqa, cross-validated, right quotes
rise from .495 at .75 to .510 here and .526 where two are always quoted. That is more to read: 46 of
100 quotes are of two sentences, 30 at .75."""

TINY = float(np.finfo(np.float64).tiny)
"""Least share whose logarithm is taken."""

DECIMALS = 6
"""Decimals of a score: equal passages of float32 vectors differ in the seventh."""

FAR_BELOW = 10.0
"""Nats by which a passage that was not looked at closely stands below the last that was."""


@dataclass(slots=True)  # frozen ones take three times as long to make, and each question makes 100
class Ranked:
    """A candidate with its score and its best quote, offsets in the article's text.

    `score` is the natural logarithm of the passage's share among all that were looked at: at most
    0, higher is better.
    """

    candidate: Candidate
    quote: Span
    score: float


@dataclass(frozen=True)
class Shares:
    """The rows of one question with the share of each sentence, float64 (sentences,), sum 1."""

    rows: Rows
    sentences: Floats

    @cached_property
    def passages(self) -> Floats:
        """Return the share of each passage in `rows.chosen`."""
        return np.add.reduceat(self.sentences, self.rows.starts)

    @cached_property
    def quotes(self) -> tuple[Ints, Ints]:
        """Return for each passage of `rows.chosen` which rows to quote: (first, end), int64 each.

        That is its best sentence, or two neighbours where neither is enough alone. One that the
        next takes back is never quoted without it.
        """
        shares, starts = self.sentences, self.rows.starts
        together = np.full(len(shares), -1.0)  # less than any two have
        together[:-1] = shares[:-1] + shares[1:]
        together[starts[1:] - 1] = -1.0
        most = np.maximum.reduceat(together, starts)
        at = firsts_of(together, starts, most[self.rows.passage])
        behind = np.minimum(at + 1, len(shares) - 1)
        is_pair = most >= 0
        better = np.where(is_pair & (shares[behind] > shares[at]), behind, at)
        alone = ~is_pair | (shares[better] >= ALONE * most)
        end = np.where(alone, better, at + 1) + 1
        withdrawn = self.rows.withdrawn[end - 1]
        first = np.where(withdrawn, end - 1, np.where(alone, better, at))
        return first, end + withdrawn

    def quote(self, place: int) -> tuple[int, int]:
        """Return the rows (first, end) to quote of the passage at `place` of `rows.chosen`."""
        first, end = self.quotes
        return int(first[place]), int(end[place])


def rank(candidates: Candidates, shares: Shares | None = None) -> list[Ranked]:
    """Return the candidates best first; ties break by passage key.

    `shares` are those of `candidates` where they were weighed already.
    """
    if not candidates.found:
        return []
    shares = shares or weigh(candidates)
    found, rows = candidates.found, shares.rows
    passages = np.log(np.maximum(shares.passages, TINY))
    if candidates.query.context:
        passages = behind_first(passages, rows.fused[rows.chosen])
    scores = rows.fused - rows.fused.max() + passages.min() - FAR_BELOW
    scores[rows.chosen] = np.round(passages, DECIMALS)
    firsts, ends = rows.nearest.copy(), rows.nearest + 1  # what was not looked at: most similar
    for quoted, places in zip((firsts, ends), shares.quotes, strict=True):
        quoted[rows.chosen] = places - rows.starts
    order = np.argsort(-scores, kind="stable")  # they are found in the order of their keys
    ordered = [found[at] for at in order.tolist()]
    quotes = zip(ordered, firsts[order].tolist(), ends[order].tolist(), strict=True)
    spans = [_span(item.stored.sentences, first, end) for item, first, end in quotes]
    return [*map(Ranked, ordered, spans, scores[order].tolist())]


def _span(sentences: Sequence[Span], first: int, end: int) -> Span:
    """Return the span of the sentences from the first to the one before `end`."""
    if end == first + 1:
        return sentences[first]
    return Span(sentences[first].start, sentences[end - 1].end)


def behind_first(passages: Floats, fused: Floats) -> Floats:
    """Return log shares in which the retrievers have a say in all but the first passage's.

    `passages` and `fused` (passages,) are log shares and first scores. The others divide what the
    first one leaves, or less, so that each stays below it.
    """
    first = int(np.argmax(passages))
    weighed = passages + BEHIND_FIRST * fused
    weighed[first] = -np.inf
    if not np.isfinite(weighed).any():
        return passages
    left = max(-np.expm1(passages[first]), TINY)
    shared = np.log(np.maximum(left * softmax(weighed), TINY))
    shared -= max(shared.max() - passages[first] + 2 * 10**-DECIMALS, 0.0)
    shared[first] = passages[first]
    return np.asarray(shared, dtype=np.float64)


def weigh(candidates: Candidates) -> Shares:
    """Return the share of every sentence that is looked at. `candidates` must not be empty."""
    rows = describe(candidates)
    leans = bool(candidates.query.context)
    shares = weighed(rows, weights_of(FOLLOW_UP_UNREAD if leans else UNREAD, rows.names))
    if not can_read(candidates, rows):
        return shares
    told = read(candidates, rows, first_of(shares.sentences))
    if not np.isfinite(told).any():
        return shares
    rows = with_reading(rows, told)
    return weighed(rows, weights_of(FOLLOW_UP if leans else WITH_READER, rows.names))


def weighed(rows: Rows, weights: Floats) -> Shares:
    """Return what weights make of rows.

    `weights` (2, features) are those of a usual question, and what is added to them for each unit
    by which a question is more specific. Of (4, features) the first two order the articles, by the
    best passage of each, and the others the sentences within each.
    """
    scores = [
        (rows.values @ (usual + rows.specific * added)).astype(np.float64)
        for usual, added in weights.reshape(-1, 2, len(rows.names))
    ]
    shares = softmax(scores[0])
    return Shares(rows, _within(rows, shares, scores[1]) if len(scores) > 1 else shares)


def _within(rows: Rows, shares: Floats, scores: Floats) -> Floats:
    """Return shares (sentences,) by which articles stand as by `shares`, sentences as by `scores`.

    Each article's best passage keeps its share, relative to the others' best.
    """
    article = rows.article[rows.passage]
    own = np.exp(scores - _best(article, scores)[article])
    best = _best(rows.article, np.add.reduceat(shares, rows.starts))
    most = _best(rows.article, np.add.reduceat(own, rows.starts))
    found = own * (best / most)[article]
    return np.asarray(found / found.sum(), dtype=np.float64)


def _best(part: Ints, values: Floats) -> Floats:
    """Return the highest value of each part, (parts,); `part` numbers them from 0."""
    found = np.full(int(part.max()) + 1, -np.inf)
    np.maximum.at(found, part, values)
    return found


def softmax(scores: Floats) -> Floats:
    """Return exp(scores), scaled to the sum 1."""
    shares = np.exp(scores - scores.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


@cache
def weights_of(which: str, names: tuple[str, ...]) -> Floats:
    """Return the shipped weights of each feature, as `weighed` takes them.

    One that the file does not name weighs nothing. `which` is one of the names above.
    """
    stored = stored_weights()[which]
    none = [0.0] * len(next(iter(stored.values())))
    return np.array([stored.get(name, none) for name in names], dtype=np.float64).T


@cache
def stored_weights() -> dict[str, Any]:
    """Return what stands in the weights file, which is read once."""
    stored: dict[str, Any] = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    return stored
