"""The sentences of a question's best passages side by side, and which of its words stand where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from corpus.tokens import are_among, codes
from embeddings.verbs import base_form
from qa.kinds import asked_kind, words_of
from qa.retrieval import Candidate, Candidates
from qa.wording import Floats, Ints, Singles, Words, lead_stems, wordings

NAME = 0.7
"""Share of a term's occurrences inside sentences that have a capital, from which it is a name."""

USUAL_SPECIFIC = 2.5
"""Logarithm of the nats of a usual question's stems, of newsqa's the mean."""

SPECIFIC_UNIT = 0.5
"""What a question is more specific by that is told as 1: newsqa's spread."""

SPECIFIC_BOUNDS = (-2.0, 3.0)
"""Least and most specific that a question is taken for, in these units."""

Found = tuple[Ints, Ints]
"""Words that were looked for, by number, and where each stands, ascending, int64 (n,) both."""

ASKING = frozenset("who what when where why how which whose whom".split())
"""Words of a question that its answer does not repeat."""


class Scene:
    """The sentences of some passages of some articles, side by side, with a question.

    Arrays over sentences are (S,), over passages (P,), over articles (A,). T stems are asked for,
    of which `weights` (T,) holds the shares of the question's inverse document frequency; W words
    are asked for as they are written, stop words too. `cosine` (S,) compares the question's vector
    with each sentence's. `by_article` (P,) puts passages beside those of the same article, of which
    the first are at `of_each` (A,) then.
    """

    def __init__(
        self,
        candidates: Candidates,
        close: Sequence[Candidate],
        fused: Floats,
        cosines: Singles,
    ) -> None:
        self.candidates = candidates
        self.close = close
        self.fused = fused
        self.cosine = cosines.astype(np.float64)
        counts = [len(item.stored.sentences) for item in close]
        self.passage = np.repeat(np.arange(len(close)), counts)
        self.starts = np.cumsum([0, *counts[:-1]])
        self.in_passage = np.arange(len(self.passage)) - self.starts[self.passage]
        first = {item.article_id: item for item in reversed(close)}
        number = {article_id: at for at, article_id in enumerate(first)}
        self.firsts = list(first.values())
        self.article = np.array([number[item.article_id] for item in close])
        self.article_of = self.article[self.passage]
        self.by_article = np.argsort(self.article, kind="stable")
        in_each = np.bincount(self.article)
        self.of_each = np.cumsum(in_each) - in_each
        self.numbers = np.array([item.stored.n for item in close])
        self.wordings = wordings(close)
        self.looked = np.concatenate([item.looks for item in self.wordings])
        self.lengths = self.looked[:, 0]
        self.words = Words(self.wordings, self.lengths.astype(np.int64))
        self.terms = list(candidates.terms)
        self.bases = [base_form(term) for term in self.terms]
        nats = np.array([candidates.idf[term] * candidates.terms[term] for term in self.terms])
        self.nats = float(nats.sum())
        self.weights = nats / (self.nats or 1.0)
        self.asked = words_of(candidates.query.text)
        self.written = [word for word in dict.fromkeys(self.asked) if word not in ASKING]
        self.kind = asked_kind(candidates.query.question)
        sought = [*{*self.terms, *self.bases, *self.asked}]
        self._codes = dict(zip(sought, codes(sought).tolist(), strict=True))

    def codes_of(self, words: Iterable[str]) -> Ints:
        """Return the codes of words of the question, int64 (words,); they are worked out once."""
        return np.array([self._codes[word] for word in words], dtype=np.int64)

    # From passages and articles to sentences, and between neighbours

    def of_passages(self, values: npt.ArrayLike) -> Floats:
        """Spread a value a passage over its sentences."""
        return np.asarray(values, dtype=np.float64)[self.passage]

    def of_articles(self, values: npt.ArrayLike) -> Floats:
        """Spread a value an article over the sentences of its passages."""
        spread: Floats = np.asarray(values, dtype=np.float64)[self.article_of]
        return spread

    def best_of_passage(self, values: Floats) -> Floats:
        """Return the highest value of each passage's sentences."""
        return np.asarray(np.maximum.reduceat(values, self.starts, axis=0))

    def best_of_article(self, values: Floats) -> Floats:
        """Return the highest value of each article's passages."""
        return np.asarray(np.maximum.reduceat(values[self.by_article], self.of_each, axis=0))

    def before(self, values: Floats) -> Floats:
        """Return what the sentence before in the passage has, 0 where there is none."""
        shifted = np.zeros_like(values)
        shifted[1:] = values[:-1]
        shifted[self.starts] = 0
        return shifted

    def after(self, values: Floats) -> Floats:
        """Return what the sentence after in the passage has, 0 where there is none."""
        shifted = np.zeros_like(values)
        shifted[:-1] = values[1:]
        shifted[self.starts[1:] - 1] = 0
        return shifted

    def around(self, values: Floats) -> Floats:
        """Return the highest value of a sentence and its two neighbours."""
        return np.maximum(values, np.maximum(self.before(values), self.after(values)))

    # Which words stand where

    @cached_property
    def counts(self) -> Floats:
        """Count each stem in each sentence, (S, T)."""
        return self._count(self.stems_found, len(self.bases))

    @cached_property
    def form_counts(self) -> Floats:
        """Count each word as it is written in each sentence, (S, W)."""
        asked = [*dict.fromkeys(self.asked)]
        columns = [at for at, word in enumerate(asked) if word not in ASKING]
        return self._count(self.forms_found, len(asked))[:, columns]

    @cached_property
    def stems_found(self) -> Found:
        """Find the question's stems, by number."""
        return find(self.words.stems, self.codes_of(self.bases))

    @cached_property
    def forms_found(self) -> Found:
        """Find the different words of the question, by number, as they are written."""
        return find(self.words.forms, self.codes_of(dict.fromkeys(self.asked)))

    def _count(self, found: Found, number: int) -> Floats:
        """Count each of a number of words in each sentence, (S, number)."""
        which, places = found
        cells = self.words.sentence[places] * number + which
        counts = np.bincount(cells, minlength=len(self.passage) * number)
        return counts.reshape(len(self.passage), number).astype(np.float64)

    @cached_property
    def present(self) -> Floats:
        """Tell which stems a sentence holds, (S, T), or by "He", "The two" the names before it."""
        held = (self.counts > 0).astype(np.float64)
        refers = np.concatenate([item.refers for item in self.wordings]) & (self.in_passage > 0)
        if not self.are_names.any():
            return held
        again = refers[1:] & refers[:-1]  # what the one before has by reference, it has as well
        once = np.flatnonzero(refers[1:] & ~again) + 1
        held[once] = np.maximum(held[once], held[once - 1] * self.are_names)
        for row in (np.flatnonzero(again) + 1).tolist():
            held[row] = np.maximum(held[row], held[row - 1] * self.are_names)
        return held

    @cached_property
    def are_names(self) -> Floats:
        """Tell which stems are names, (T,): they have a capital inside most sentences."""
        which, places = self.stems_found
        seen = np.bincount(which, minlength=len(self.bases))
        capital = np.bincount(which, self.words.capital[places], len(self.bases))
        return np.asarray((capital > NAME * seen) & (seen > 0), dtype=np.float64)

    @cached_property
    def in_passages(self) -> Floats:
        """Tell which stems stand in which passage, (P, T)."""
        return self.best_of_passage(self.present)

    @cached_property
    def in_leads(self) -> Floats:
        """Tell which stems stand in which article's headline or first lines, (A, T)."""
        leads = lead_stems(self.firsts)
        number = np.repeat(np.arange(len(leads)), [*map(len, leads)])
        held = np.zeros((len(leads), len(self.terms)))
        terms, places = find(np.concatenate(leads), self.codes_of(self.terms))
        held[number[places], terms] = 1
        return held

    @cached_property
    def in_articles(self) -> Floats:
        """Tell which stems stand in which article's passages here, headline or lead, (A, T)."""
        return np.maximum(self.best_of_article(self.in_passages), self.in_leads)

    @cached_property
    def place_in_article(self) -> Floats:
        """Return the logarithm of about how many sentences stand before one in its article."""
        before = self.in_passage + 8.0 * self.of_passages(self.numbers)
        return np.asarray(np.log1p(before), dtype=np.float64)

    @cached_property
    def new_names(self) -> Floats:
        """Count capitals inside each sentence of words that the question does not hold, (S,)."""
        capital = np.flatnonzero(self.words.capital)
        repeated = are_among(self.words.forms[capital], self.codes_of(set(self.asked)))
        ours = np.bincount(self.words.sentence[capital[repeated]], minlength=len(self.passage))
        return self.looked[:, 1] - ours


def find(words: Ints, sought: Ints) -> Found:
    """Return which of the codes sought stand where among words: (which, place), in that order."""
    flat = np.flatnonzero(words == sought[:, None])  # several times quicker than by two axes
    which = flat // max(len(words), 1)
    return which, flat - which * len(words)


def specific(nats: float) -> float:
    """Return how specific a question is, by the nats of its stems, within SPECIFIC_BOUNDS."""
    least, most = SPECIFIC_BOUNDS
    units = (float(np.log1p(nats)) - USUAL_SPECIFIC) / SPECIFIC_UNIT
    return min(max(units, least), most)
