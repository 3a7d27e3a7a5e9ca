"""What plain search would give: FAISS alone, BM25 alone, or the two fused, over the same archive.

An archive is worth its ranker only where it beats these: `qa evaluate GOLD --baseline dense`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from corpus.errors import UsageError
from corpus.records import Article
from embeddings.sparse import analyze
from qa.answer import build_answer, cite
from qa.archive import DEFAULT_K, Archive
from qa.evaluation.inside import candidates_of
from qa.figures import Comparison
from qa.ranking import Ranked
from qa.reasons import EMPTY
from qa.records import Answer, Question
from qa.retrieval import Candidate, Candidates

RANK_CONSTANT = 60
"""Cormack, Clarke and Buettcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual
rank learning methods", SIGIR: their constant."""

Scores = Callable[[Candidates], list[float]]


class Baseline:
    """Answers from an archive by a plain search; the quote is the sentence nearest by the same."""

    def __init__(self, archive: Archive, name: str) -> None:
        if name not in BASELINES:
            raise UsageError(f"no baseline {name!r}; expected one of {', '.join(BASELINES)}")
        self._archive = archive
        self._name = name

    def article(self, article_id: str) -> Article:
        """Return the archive's article."""
        return self._archive.article(article_id)

    def ask_many(self, questions: Sequence[str | Question]) -> list[Answer]:
        """Return one answer a question; always one where anything was found."""
        return [self._answer(found) for found in candidates_of(self._archive, questions)]

    def _answer(self, found: Candidates) -> Answer:
        ranked = self._rank(found)
        sure = max(0.0, min(1.0, ranked[0].candidate.dense)) if ranked else 0.0
        return build_answer(
            found.query,
            ranked,
            cite(ranked, DEFAULT_K),
            confidence=sure,
            reason=None if ranked else EMPTY,
            compared=Comparison(),
        )

    def _rank(self, found: Candidates) -> list[Ranked]:
        scores = BASELINES[self._name](found)
        sentence = _by_words if self._name == "bm25" else _by_vector
        ranked = [
            Ranked(candidate, candidate.stored.sentences[sentence(candidate, found)], score)
            for candidate, score in zip(found.found, scores, strict=True)
        ]
        return sorted(ranked, key=lambda item: (-item.score, item.candidate.stored.key))


def _by_vector(candidate: Candidate, found: Candidates) -> int:
    """Return the sentence most similar to the question."""
    return int(np.argmax(candidate.vectors.sentences @ found.vector))


def _by_words(candidate: Candidate, found: Candidates) -> int:
    """Return the sentence with the rarest words of the question."""
    text = candidate.article.text
    weights = [
        sum(found.idf.get(term, 0.0) for term in set(analyze(span.of(text))))
        for span in candidate.stored.sentences
    ]
    return int(np.argmax(weights))


def _dense(found: Candidates) -> list[float]:
    return [candidate.dense for candidate in found.found]


def _bm25(found: Candidates) -> list[float]:
    return [candidate.bm25 for candidate in found.found]


def _fused(found: Candidates) -> list[float]:
    totals = np.zeros(len(found.found))
    for scores in (_dense(found), _bm25(found)):
        order = np.argsort(-np.asarray(scores), kind="stable")
        totals[order] += 1 / (RANK_CONSTANT + np.arange(1, len(order) + 1))
    return [float(total) for total in totals]


BASELINES: dict[str, Scores] = {"dense": _dense, "bm25": _bm25, "fused": _fused}
