"""Rows of the best passages -> the same rows with what the encoder's reader makes of them.

Reading costs some 0.2 ms a passage, so only those are read that the ranker puts first without it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from embeddings.reader import bundled_reader
from qa.features import Rows
from qa.retrieval import Candidates
from qa.wording import Floats, Ints

READ = 12
"""Passages of a question that are read."""

MOST = 20.0
"""Bound of a sentence's log odds by the reader."""

COLUMNS = (
    "reader",
    "reader: passage",
    "reader: article",
    "reader: next",
    "reader: before",
    "reader: odds",
    "read",
)
"""Names of the columns that reading adds."""


def can_read(candidates: Candidates, rows: Rows) -> bool:
    """Tell whether the question and all of its best passages have what the reader reads."""
    if candidates.asked.tokens is None:
        return False
    number = bundled_reader().number
    found = (candidates.found[row].vectors.tokens for row in rows.chosen.tolist())
    return all(tokens is not None and tokens.reader == number for tokens in found)


def is_read(rows: Rows) -> bool:
    """Tell whether rows have COLUMNS."""
    return COLUMNS[-1] in rows.names


def read(candidates: Candidates, rows: Rows, passages: Ints) -> Floats:
    """Return the reader's log odds for each sentence of these passages, NaN for the others'.

    `passages` are places in `rows.chosen`; see `can_read`.
    """
    odds = np.full(len(rows.passage), np.nan)
    question = candidates.asked.tokens
    tokens = [candidates.found[row].vectors.tokens for row in rows.chosen[passages].tolist()]
    chosen = np.isin(rows.passage, passages)
    known = [item for item in tokens if item is not None]
    if question is not None and len(known) == len(tokens):
        odds[chosen] = np.clip(bundled_reader().scores(question, known), -MOST, MOST)
    return odds


def first_of(shares: Floats) -> Ints:
    """Return which passages to read, ascending, by the share (passages,) that each has so far."""
    return np.sort(np.argsort(-shares, kind="stable")[:READ])


def with_reading(candidates: Candidates, rows: Rows, odds: Floats) -> Rows:
    """Return rows with COLUMNS; sentences that were not read have the least of those that were."""
    is_read = ~np.isnan(odds)
    least = odds[is_read].min()
    own = np.where(is_read, odds, least)
    read_passages = is_read[rows.starts]
    passages = np.log(np.add.reduceat(np.exp(own), rows.starts))
    fewest = passages[read_passages].min()
    passages = np.where(read_passages, passages, fewest)
    articles = [candidates.found[row].article_id for row in rows.chosen.tolist()]
    number = {name: at for at, name in enumerate(dict.fromkeys(articles))}
    article = np.array([number[name] for name in articles])
    summed = np.bincount(article, np.exp(passages) * read_passages)
    same = rows.passage[1:] == rows.passage[:-1]
    after, before = np.full(len(own), least), np.full(len(own), least)
    after[:-1][same] = own[1:][same]
    before[1:][same] = own[:-1][same]
    columns = (
        own,
        passages[rows.passage],
        np.log(summed + np.exp(fewest))[article][rows.passage],
        after,
        before,
        np.log1p(np.exp(own)),
        is_read.astype(np.float64),
    )
    values = np.concatenate(
        [rows.values, np.column_stack(columns)], axis=1, dtype=rows.values.dtype
    )
    return replace(rows, names=(*rows.names, *COLUMNS), values=values)
