"""Ranking -> the probability that the first quote answers, and the threshold for an error rate.

Two logistic models over what the ranking and the retrievers say, joined and calibrated on questions
that the ranker's weights had not seen. "Answers" is what gold says: the quote holds the whole span
that a person marked. The probability assumes that about one question in six has no answer in the
archive, as in the gold sets that it was fitted on.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from string import ascii_lowercase
from typing import Any

import numpy as np

from corpus.tokens import are_among, codes, codes_of_slips
from qa.features import Rows
from qa.odds import Sureness
from qa.ranking import UNREAD, Ranked, Shares, softmax, weigh
from qa.reading import is_read
from qa.retrieval import Candidate, Candidates
from qa.wording import Floats, lead_stems, wordings

WEIGHTS = "confidence.json"
"""File in qa/weights: a `Sureness` of the signs below, and `thresholds`; under UNREAD those for
passages that no reader has read."""

TAKEN_OF_READING = ("reader", "reader: passage", "reader: article", "reader: odds")
"""Columns of reading that are signs too, of the first quote's better sentence."""

TINY = 1e-9
"""Least share whose logarithm is taken."""

ERRORS = 64
"""Error rates whose thresholds are kept."""

SPELLED = 5
"""Letters of a stem from which on one wrong letter is taken for a slip."""

TAKEN = (
    "pair cosine",
    "share",
    "form share around",
    "passage share",
    "article bm25",
    "article share",
    "article missing",
    "article terms",
    "article density",
    "article names missing",
    "article pairs",
    "article form share",
    "lead share",
    "position",
    "first passage",
)
"""Features of the first quote's better sentence that are signs themselves."""


def confidence(
    candidates: Candidates, ranked: Sequence[Ranked], shares: Shares | None = None
) -> float:
    """Return the probability (0..1) that the first quote answers; 0 where there is none.

    `shares` are those of `candidates` where they were weighed already.
    """
    if not ranked or not candidates.found:
        return 0.0
    shares = shares or weigh(candidates)
    told = signs(candidates, shares, ranked[0])
    model = _model(is_read(shares.rows))
    return float(model.probability(np.array([told[name] for name in model.names])))


@lru_cache(maxsize=ERRORS)
def threshold(max_error: float | None = None, *, read: bool = True) -> float:
    """Return the confidence from which on at most `max_error` (0..1) of the answers are wrong.

    None stands for the default error rate of the weights file; `read` tells whether a reader has
    read the passages. Between the error rates that could be reached it interpolates; for less than
    the lowest it is 1.
    """
    stored = _stored()
    wanted = stored["max_error"] if max_error is None else max_error
    table = (stored if read else stored[UNREAD])["thresholds"]
    reached = [(error, least) for error, least in table if least < 1]
    if not reached:
        return 1.0
    errors, thresholds = zip(*reached, strict=True)
    return float(np.interp(wanted, errors, thresholds, left=1.0))


@cache
def _model(read: bool) -> Sureness:
    """Return the model for passages that were read, or that were not."""
    return Sureness.stored(_stored() if read else _stored()[UNREAD])


@cache
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(files("qa.weights").joinpath(WEIGHTS).read_text("utf-8"))
    return stored


def signs(candidates: Candidates, shares: Shares, first: Ranked | None = None) -> dict[str, float]:
    """Return what tells a right first quote from a wrong one, by name.

    `first` is the passage whose quote is judged: the best of `shares`, unless it was moved up for
    its date or outlet.
    """
    rows = shares.rows
    close = [candidates.found[row] for row in rows.chosen]
    keys = [item.stored.key for item in close]
    place = int(np.argmax(shares.passages))
    if first is not None and first.candidate.stored.key in keys:
        place = keys.index(first.candidate.stored.key)
    quoted = slice(*shares.quote(place))
    top = quoted.start + int(np.argmax(shares.sentences[quoted]))
    of_top = dict(zip(rows.names, rows.values[top].tolist(), strict=True))
    same = np.array([item.article_id == close[place].article_id for item in close])
    dense = np.array([item.dense for item in close])
    bm25 = np.array([item.bm25 for item in close])
    of_article = np.array([item.article_bm25 for item in close])
    mine = [item for item, is_same in zip(close, same, strict=True) if is_same]
    missing = unmet(candidates.terms, mine)
    nats = sum(candidates.idf[term] * weight for term, weight in candidates.terms.items())
    taken = {name: of_top[name] for name in TAKEN}
    if is_read(rows):
        taken |= {name: of_top[name] for name in TAKEN_OF_READING} | _of_reading(rows, place)
    articles: dict[str, float] = {}
    for item, share in zip(close, shares.passages.tolist(), strict=True):
        articles[item.article_id] = articles.get(item.article_id, 0.0) + share
    return {
        "quote share": _log(shares.sentences[quoted].sum()),
        "article lead": _lead(articles, close[place].article_id),
        "entropy": _entropy(shares.sentences),
        "article entropy": _entropy(np.array(list(articles.values()))),
        "best cosine": float(dense.max()),
        "cosine margin": _margin(dense, same),
        "bm25 margin": _margin(bm25, same) / (2.2 * nats or 1.0),
        "cosine agrees": float(same[np.argmax(dense)]),
        "bm25 agrees": float(same[np.argmax(bm25)]),
        "article bm25 lead": _margin(of_article, same) / (2.2 * nats or 1.0),
        "article bm25 rank": float(
            (of_article[place] - of_article.mean()) / (of_article.std() or 1)
        ),
        "mean cosine": float(dense.mean()),
        "unmet": float(len(missing)),
        "unmet nats": sum(candidates.idf[term] for term in missing),
        "terms": float(np.log1p(len(candidates.terms))),
        "nats": float(np.log1p(nats)),
        "kind": min(of_top["kind count"], 1.0),
        "two quoted": float(quoted.stop - quoted.start - 1),
        **taken,
    }


def _of_reading(rows: Rows, place: int) -> dict[str, float]:
    """Return what the reader makes of all that it read, and of the passage at a place."""
    by_passage, by_sentence, was_read = (
        rows.values[:, rows.names.index(name)] for name in ("reader: passage", "reader", "read")
    )
    passages = by_passage[rows.starts]
    others = passages[np.arange(len(passages)) != place]
    mine = rows.article == rows.article[place]
    least = passages.min()
    apart = softmax(by_sentence[was_read > 0])
    return {
        "reader: best": float(by_sentence.max()),
        "reader: margin": float(passages[place] - others.max(initial=least)),
        "reader: article margin": float(passages[mine].max() - passages[~mine].max(initial=least)),
        "reader: entropy": _entropy(apart),
        "reader: all": float(np.log(np.exp(passages).sum())),
    }


def unmet(terms: Collection[str], passages: Sequence[Candidate]) -> list[str]:
    """Return the stems that none of an article's passages holds, nor its lead.

    A stem of SPELLED letters or more also counts as held where one letter makes it one that is.
    """
    stems = [item.stems for item in wordings(passages)]
    held = np.concatenate([*lead_stems(passages[:1]), *stems])
    is_held = (held == codes(terms)[:, None]).any(axis=1).tolist()
    lacking = [term for term, found in zip(terms, is_held, strict=True) if not found]
    slips = [codes_of_slips(term, ascii_lowercase) for term in lacking if len(term) >= SPELLED]
    if not slips:
        return lacking
    sizes = [*map(len, slips)]
    are_slips = are_among(np.concatenate(slips), held)
    near = np.logical_or.reduceat(are_slips, np.cumsum([0, *sizes[:-1]])).tolist()
    return [term for term in lacking if len(term) < SPELLED or not near.pop(0)]


def _log(share: float) -> float:
    return float(np.log(share + TINY))


def _entropy(shares: Floats) -> float:
    """Return the entropy of shares in nats."""
    return float(-(shares * np.log(shares + TINY)).sum())


def _lead(articles: dict[str, float], first: str) -> float:
    """Return by how many nats the first article's share exceeds the best other's, at most 10."""
    others = max((share for name, share in articles.items() if name != first), default=0.0)
    return min(_log(articles[first]) - _log(others), 10.0)


def _margin(scores: Floats, same: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return by how much the best of one article exceeds the best of all others."""
    others = scores[~same]
    return float(scores[same].max() - (others.max() if len(others) else 0.0))
