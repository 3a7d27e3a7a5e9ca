"""Rows of the best passages -> the same rows with what the encoder's reader makes of them.

Reading costs some 0.05 ms a sentence, so only those are read that the ranker puts first without it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embeddings.analysis import Flags
from embeddings.reader import bundled_reader
from qa.features import Rows
from qa.retrieval import Candidates
from qa.wording import Floats

READ = 16
"""Sentences of a question that are read at most."""

LEAST_READ = 4
"""Sentences of a question that are read in any case, as a reading tells by comparing."""

NEGLIGIBLE = 0.02
"""Share of the first sentence's share below which one is not read: ten of READ are, in the mean."""

MOST = 20.0
"""Bound of a sentence's log odds by the reader."""

COLUMNS = (
    "reader",
    "reader: passage",
    "reader: article",
    "reader: next",
    "reader: before",
    "reader: odds",
    "reader: similarity",
    "reader: best similarity",
    "reader: whole similarity",
    "reader: best token",
    "read",
)
"""Names of the columns that reading adds."""


def can_read(candidates: Candidates, rows: Rows) -> bool:
    """Tell whether the question and all of its best passages have what the reader reads."""
    if candidates.tokens is None:
        return False
    number = bundled_reader().number
    found = (candidates.found[row].vectors.tokens for row in rows.chosen.tolist())
    return all(tokens is not None and tokens.reader == number for tokens in found)


def is_read(rows: Rows) -> bool:
    """Tell whether rows have COLUMNS."""
    return COLUMNS[-1] in rows.names


def read(candidates: Candidates, rows: Rows, chosen: Flags) -> Floats:
    """Return what `Reader.scores` makes of the chosen sentences, (sentences, 4), NaN for others.

    A sentence is read beside those of its passage that are chosen too; one without any token is
    not read. See `can_read`.
    """
    told = np.full((len(chosen), 4), np.nan)
    question = candidates.tokens
    is_part = np.logical_or.reduceat(chosen, rows.starts)
    found = [candidates.found[row].vectors.tokens for row in rows.chosen[is_part].tolist()]
    parts = [tokens for tokens in found if tokens is not None]
    if question is None or not parts or len(parts) < len(found):
        return told
    among = chosen[is_part[rows.passage]]
    made = np.clip(bundled_reader().scores(question, parts, among), -MOST, MOST)
    counts = np.concatenate([tokens.counts for tokens in parts])
    made[counts[among] == 0] = np.nan  # no word to be read
    told[chosen] = made
    return told


def first_of(shares: Floats) -> Flags:
    """Mark the sentences to read, by the share (sentences,) that each has so far."""
    chosen = np.zeros(len(shares), dtype=np.bool_)
    order = np.argsort(-shares, kind="stable")[:READ]
    count = np.count_nonzero(shares[order] >= NEGLIGIBLE * shares[order[0]])
    chosen[order[: max(count, LEAST_READ)]] = True
    return chosen


def with_reading(rows: Rows, told: Floats) -> Rows:
    """Return rows with COLUMNS; sentences that were not read have the least of those that were.

    `told` is what `read` returned.
    """
    is_read = ~np.isnan(told[:, 0])
    odds, similar, whole, token = np.where(is_read[:, None], told, told[is_read].min(axis=0)).T
    of_passage = np.logical_or.reduceat(is_read, rows.starts)
    passages = np.log(np.add.reduceat(np.exp(odds), rows.starts))
    passages[~of_passage] = passages[of_passage].min()
    nearest = np.maximum.reduceat(similar, rows.starts)
    nearest[~of_passage] = similar[is_read].min()
    columns = (
        odds,
        passages[rows.passage],
        _of_articles(rows, np.exp(passages) * of_passage, passages.min()),
        *_beside(rows, odds),
        np.log1p(np.exp(odds)),
        similar,
        nearest[rows.passage],
        whole,
        token,
        is_read.astype(np.float64),
    )
    values = np.concatenate([rows.values.T, columns], dtype=rows.values.dtype)
    return replace(rows, names=(*rows.names, *COLUMNS), values=values.T)


def _of_articles(rows: Rows, odds: Floats, least: float) -> Floats:
    """Return the logarithm of the odds of each article's passages, (sentences,)."""
    summed = np.bincount(rows.article, odds) + np.exp(least)
    return np.asarray(np.log(summed)[rows.article][rows.passage], dtype=np.float64)


def _beside(rows: Rows, odds: Floats) -> tuple[Floats, Floats]:
    """Return the odds of the sentence after and before each in its passage, else the least."""
    same = rows.passage[1:] == rows.passage[:-1]
    after, before = np.full(len(odds), odds.min()), np.full(len(odds), odds.min())
    after[:-1][same] = odds[1:][same]
    before[1:][same] = odds[:-1][same]
    return after, before
