"""Candidates -> a row of numbers for every sentence that may answer: what the ranker weighs.

Only the best passages of a first fused score are looked at closely. Each of their sentences is a
row: what it says itself, what its neighbours, its passage and its article say, and where it stands.
The ranker compares rows of one question, so a column that is the same in all of them is no use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from corpus.records import Span
from embeddings.sparse import analyze
from qa.kinds import Kind, asked_kind, find, known_words
from qa.retrieval import Candidate, Candidates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLOSE = 50
"""Passages that are looked at closely: for 94% of newsqa's questions the right one is among 40."""

FUSION = (0.25, 0.25, 0.5, 0.2)
"""Weights of the first score's z-scores: passage vector, best sentence vector, BM25, article BM25.

Tuned on shared/bench/newsqa by article."""

LEAD = 400
"""Characters at the head of an article whose words count as what it is about."""

CACHED = 4_096
"""Passages and articles whose words are kept in memory, some 20 kB each at most."""

NEAR = 3
"""Words within which two words of the question that follow each other count as together."""

SATURATION = 1.2
"""BM25's k1 for sentences."""

USUAL_LENGTH = 25
"""Words of a usual sentence with which BM25's length normalisation compares."""

FEEDBACK = 3
"""Passages whose vectors refine the question's (Rocchio 1971, pseudo-relevance feedback)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The numbers of one question: `values` is float64 (sentences, features), named by `names`.

    `passage` (sentences,) says to which of `chosen` a sentence belongs; `chosen` holds positions in
    `Candidates.found`, ascending; `fused` (found,) is the first score of every candidate.
    """

    names: tuple[str, ...]
    values: Floats
    passage: Ints
    chosen: Ints
    fused: Floats
    missing: float

    @property
    def starts(self) -> Ints:
        """Return the row of each passage's first sentence."""
        return np.flatnonzero(np.diff(self.passage, prepend=-1))


def describe(candidates: Candidates) -> Rows:
    """Return the features of the sentences of the best passages. `candidates` must not be empty."""
    fused = fused_scores(candidates)
    chosen = np.sort(np.argsort(-fused, kind="stable")[:CLOSE])
    scene = _Scene(candidates, [candidates.found[row] for row in chosen], fused[chosen])
    columns = {
        **scene.similarity(),
        **scene.words(),
        **scene.order(),
        **scene.place(),
        **scene.whole_article(),
        **scene.kind_of_answer(),
    }
    return Rows(
        names=tuple(columns),
        values=np.column_stack(list(columns.values())),
        passage=scene.passage,
        chosen=chosen,
        fused=fused,
        missing=scene.missing(),
    )


def fused_scores(candidates: Candidates) -> Floats:
    """Return the first score of each candidate: a weighted sum of the retrievers' z-scores."""
    found = candidates.found
    best = [float((item.vectors.sentences @ candidates.vector).max()) for item in found]
    columns = (
        [item.dense for item in found],
        best,
        [item.bm25 for item in found],
        [item.article_bm25 for item in found],
    )
    return np.sum(
        [weight * _z(column) for weight, column in zip(FUSION, columns, strict=True)], axis=0
    )


class _Scene:
    """The sentences of some passages of some articles, side by side, with a question.

    Arrays over sentences are (S,), over passages (P,), over articles (A,); `T` terms are asked for.
    """

    def __init__(
        self, candidates: Candidates, close: Sequence[Candidate], fused: Floats
    ) -> None:
        self.candidates = candidates
        self.close = close
        self.fused = fused
        counts = [len(item.stored.sentences) for item in close]
        self.passage = np.repeat(np.arange(len(close)), counts)
        self.starts = np.cumsum([0, *counts[:-1]])
        self.in_passage = np.arange(len(self.passage)) - self.starts[self.passage]
        ids = {item.article.id: item.article for item in close}
        numbers = {article_id: number for number, article_id in enumerate(ids)}
        self.articles = list(ids.values())
        self.article = np.array([numbers[item.article.id] for item in close])
        self.terms = list(candidates.terms)
        weights = [candidates.idf[term] * candidates.terms[term] for term in self.terms]
        self.weights = np.array(weights) / (sum(weights) or 1.0)
        self.total = sum(weights)
        self.kind = asked_kind(candidates.query.question)
        self._read()

    def _read(self) -> None:
        """Count the question's terms in every sentence, and its pairs of terms that stand close."""
        number = {term: column for column, term in enumerate(self.terms)}
        self.counts = np.zeros((len(self.passage), len(self.terms)))
        self.lengths = np.zeros(len(self.passage))
        self.pairs = np.zeros(len(self.passage))
        row = 0
        for item in self.close:
            for words in passage_terms(item):
                self.lengths[row] = len(words)
                last_at, last_column = -NEAR - 1, -1
                for at, word in enumerate(words):
                    column = number.get(word)
                    if column is None:
                        continue
                    self.counts[row, column] += 1
                    if at - last_at <= NEAR and column == last_column + 1:
                        self.pairs[row] += 1
                    last_at, last_column = at, column
                row += 1

    # From passages and articles to sentences, and between neighbours

    def of_passages(self, values: npt.ArrayLike) -> Floats:
        """Spread a value a passage over its sentences."""
        return np.asarray(values, dtype=np.float64)[self.passage]

    def of_articles(self, values: npt.ArrayLike) -> Floats:
        """Spread a value an article over the sentences of its passages."""
        return np.asarray(values, dtype=np.float64)[self.article][self.passage]

    def best_of_article(self, values: Floats) -> Floats:
        """Return the highest value of each article's passages."""
        best = np.full((len(self.articles), *values.shape[1:]), -np.inf)
        np.maximum.at(best, self.article, values)
        return best

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

    # What rows say

    @cached_property
    def present(self) -> Floats:
        """Tell which terms stand in which sentence, (S, T)."""
        return (self.counts > 0).astype(np.float64)

    @cached_property
    def in_passages(self) -> Floats:
        """Tell which terms stand in which passage, (P, T)."""
        return np.maximum.reduceat(self.present, self.starts, axis=0)

    @cached_property
    def in_leads(self) -> Floats:
        """Tell which terms stand in which article's headline or first lines, (A, T)."""
        leads = [lead_terms(article.title, article.text[:LEAD]) for article in self.articles]
        return np.array([[term in lead for term in self.terms] for lead in leads], dtype=np.float64)

    @cached_property
    def in_articles(self) -> Floats:
        """Tell which terms stand in which article's passages here, headline or lead, (A, T)."""
        return np.maximum(self.best_of_article(self.in_passages), self.in_leads)

    def missing(self) -> float:
        """Return the weight (0..1) of terms that no article here holds."""
        return float(self.weights[self.in_articles.max(axis=0) == 0].sum())

    def similarity(self) -> dict[str, Floats]:
        """Compare vectors: the question's with sentences, passages and articles."""
        question = self.candidates.vector
        sentences = np.concatenate([item.vectors.sentences for item in self.close])
        passages = np.array([item.vectors.passage for item in self.close])
        cosine = (sentences @ question).astype(np.float64)
        dense = np.array([item.dense for item in self.close])
        nearest = passages[np.argsort(-self.fused, kind="stable")[:FEEDBACK]].sum(axis=0)
        refined = _unit(nearest + 2 * question)
        means = np.zeros((len(self.articles), passages.shape[1]))
        np.add.at(means, self.article, passages)
        return {
            "cosine": cosine,
            "cosine of pair": _unit(sentences + self.after(sentences)) @ question,
            "cosine before": self.before(cosine),
            "cosine after": self.after(cosine),
            "passage cosine": self.of_passages(dense),
            "passage best cosine": self.of_passages(np.maximum.reduceat(cosine, self.starts)),
            "article cosine": self.of_articles(_unit(means) @ question),
            "article best cosine": self.of_articles(self.best_of_article(dense)),
            "refined cosine": (sentences @ refined).astype(np.float64),
            "passage refined cosine": self.of_passages(passages @ refined),
        }

    def words(self) -> dict[str, Floats]:
        """Weigh the question's terms that a sentence, its neighbours, passage and article hold."""
        present, weights = self.present, self.weights
        before, after = self.before(present), self.after(present)
        around = np.maximum(present, np.maximum(before, after))
        saturated = SATURATION * (0.6 + 0.4 * self.lengths / USUAL_LENGTH)[:, None]
        bm25 = (self.counts / (self.counts + saturated)) @ weights
        rarest = int(np.argmax(weights)) if len(weights) else 0
        columns = {
            "bm25": bm25,
            "bm25 in nats": bm25 * self.total,
            "share": present @ weights,
            "share in nats": present @ weights * self.total,
            "share before": before @ weights,
            "share after": after @ weights,
            "share around": around @ weights,
            "share with before": np.maximum(present, before) @ weights,
            "passage share": self.of_passages(self.in_passages @ weights),
            "article share": self.of_articles(self.in_articles @ weights),
            "lead share": self.of_articles(self.in_leads @ weights),
            "all": present.all(axis=1).astype(np.float64),
            "passage all": self.of_passages(self.in_passages.all(axis=1)),
            "article all": self.of_articles(self.in_articles.all(axis=1)),
            "terms": present.mean(axis=1),
            "passage terms": self.of_passages(self.in_passages.mean(axis=1)),
            "article terms": self.of_articles(self.in_articles.mean(axis=1)),
            "rarest": present[:, rarest],
            "passage rarest": self.of_passages(self.in_passages[:, rarest]),
            "article rarest": self.of_articles(self.in_articles[:, rarest]),
        }
        most = 2.2 * self.total or 1.0
        for name, scores in (
            ("passage bm25", [item.bm25 for item in self.close]),
            ("article bm25", [item.article_bm25 for item in self.close]),
        ):
            columns[name] = self.of_passages(scores) / most
            columns[f"{name} in nats"] = self.of_passages(scores)
            columns[f"{name} to best"] = self.of_passages(scores) / (max(scores) or 1.0)
        return columns

    def order(self) -> dict[str, Floats]:
        """Count the question's neighbouring terms that stand close together in the same order."""
        pairs = self.pairs / max(len(self.terms) - 1, 1)
        in_passages = np.add.reduceat(pairs, self.starts)
        return {
            "pairs": pairs,
            "passage pairs": self.of_passages(np.minimum(in_passages, 3)),
            "article pairs": self.of_articles(self.best_of_article(in_passages)),
        }

    def place(self) -> dict[str, Floats]:
        """Say where in its article a sentence stands, and how long it is: news leads first."""
        numbers = np.array([item.stored.n for item in self.close], dtype=np.float64)
        starts = np.array([s.start for item in self.close for s in item.stored.sentences])
        sizes = self.of_passages([max(len(item.article.text), 1) for item in self.close])
        return {
            "first passage": self.of_passages(numbers == 0),
            "passage number": self.of_passages(np.log1p(numbers)),
            "position": np.log1p(starts / 200),
            "relative position": starts / sizes,
            "first sentence": ((self.in_passage == 0) * self.of_passages(numbers == 0)),
            "sentence number": np.log1p(self.in_passage),
            "length": np.log1p(self.lengths),
            "short": (self.lengths < 6).astype(np.float64),
            "new words": np.log1p(self.lengths - self.counts.sum(axis=1)),
            "article length": np.log(sizes),
        }

    def whole_article(self) -> dict[str, Floats]:
        """Add up what the first score says of an article's passages."""
        best = self.best_of_article(self.fused)
        together = np.zeros(len(self.articles))
        np.add.at(together, self.article, np.exp(self.fused))
        return {
            "fused": self.of_passages(self.fused),
            "article best fused": self.of_articles(best),
            "article fused": self.of_articles(np.log(together)),
            "article passages": self.of_articles(
                np.log(np.bincount(self.article, minlength=len(self.articles)))
            ),
        }

    def kind_of_answer(self) -> dict[str, Floats]:
        """Say whether the kind asked for occurs, and let kinds weigh the basic features apart."""
        known = known_words(self.candidates.query.question)
        here = np.array([
            min(len(find(self.kind, sentence.of(item.article.text), known)), 3)
            for item in self.close
            for sentence in item.stored.sentences
        ], dtype=np.float64)
        holds = (here > 0).astype(np.float64)
        columns = {"kind count": here}
        apart = {
            "holds": holds,
            "holds before": self.before(holds),
            "holds after": self.after(holds),
            "position": np.log1p(self.in_passage + 8.0 * self.of_passages(
                [item.stored.n for item in self.close])),
            "length": np.log1p(self.lengths),
            "share": self.present @ self.weights,
        }
        for kind in Kind:
            for name, values in apart.items():
                columns[f"{kind}: {name}"] = values if kind is self.kind else np.zeros_like(values)
        return columns


@lru_cache(maxsize=CACHED)
def _terms_of(text: str, sentences: tuple[Span, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(analyze(sentence.of(text))) for sentence in sentences)


def passage_terms(candidate: Candidate) -> tuple[tuple[str, ...], ...]:
    """Return the terms of each sentence of a passage."""
    at = candidate.stored.span.start
    text = candidate.stored.span.of(candidate.article.text)
    inside = tuple(Span(s.start - at, s.end - at) for s in candidate.stored.sentences)
    return _terms_of(text, inside)


@lru_cache(maxsize=CACHED)
def lead_terms(title: str | None, lead: str) -> frozenset[str]:
    """Return the terms of an article's headline and first lines."""
    return frozenset(analyze(f"{title or ''} {lead}"))


def _unit(vectors: npt.NDArray[np.floating[npt.NBitBase]]) -> Floats:
    """Scale vectors along the last axis to length 1; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-9), dtype=np.float64)


def _z(values: Sequence[float]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    spread = array.std()
    return (array - array.mean()) / spread if spread > 0 else np.zeros_like(array)
