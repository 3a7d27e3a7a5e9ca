"""THE QUESTION LINE: query -> candidates -> ranking -> citations, compared -> answer.

Only this module knows the order of the stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from embeddings.encoder import Encoder, QuestionVectors
from embeddings.indices import Indices
from embeddings.store import Store
from qa.answer import build_answer, cite
from qa.confidence import confidence, threshold
from qa.doubt import is_of_another, may_be_of_another, names_another
from qa.figures import Comparison, compare_figures
from qa.preferences import of_period, prefer
from qa.ranking import Ranked, rank, weigh
from qa.reading import is_read
from qa.reasons import Search, explain
from qa.records import Answer, Query
from qa.reranking import Reranker, rerank
from qa.retrieval import Candidates, query_vectors, search


@dataclass(frozen=True, slots=True)
class Line:
    """What answers questions: a view of the articles, and how sure an answer must be.

    `max_error` is the share (0..1) of given answers that may be wrong; None is the usual one.
    """

    store: Store
    indices: Indices
    encoder: Encoder
    reranker: Reranker | None = None
    max_error: float | None = None


def answer_queries(
    line: Line, queries: Sequence[Query], vectors: Sequence[QuestionVectors], *, k: int
) -> list[Answer]:
    """Return the answers to queries, in their order, with at most k citations each.

    `vectors` are the queries' `query_vectors`.
    """
    found = search(line.store, line.indices, queries, vectors)
    return [
        _answer(line, query, candidates, k)
        for query, candidates in zip(queries, found, strict=True)
    ]


def _answer(line: Line, asked: Query, candidates: Candidates, k: int) -> Answer:
    """Return the answer of what is found, by the reading of the question that fits better."""
    found = _chosen(line, asked, _found(line, asked, candidates))
    candidates, ranked = found.candidates, found.ranked
    citations = cite(ranked, k)
    reason = None
    if not found.answers:
        reason = _reason(line, found.asked, candidates, ranked)
    compared = Comparison()
    if asked.period is None or candidates.query.period is not None:  # else they are of other times
        compared = compare_figures(candidates, citations)
    return build_answer(
        candidates.query, ranked, citations, confidence=found.sure, reason=reason, compared=compared
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What a question comes to: its candidates, their ranking, how sure the first is (0..1)."""

    asked: Query
    candidates: Candidates
    ranked: Sequence[Ranked]
    sure: float
    answers: bool


def _found(line: Line, asked: Query, candidates: Candidates) -> _Found:
    """Rank candidates, and tell whether the first one answers."""
    shares = weigh(candidates) if candidates.found else None
    ranked = _preferred(line, candidates, rank(candidates, shares))
    judged = of_period(candidates)
    sure = confidence(judged, ranked, shares if judged is candidates else None)
    was_read = shares is not None and is_read(shares.rows)
    answers = bool(ranked) and sure >= threshold(line.max_error, read=was_read)
    return _Found(asked, candidates, ranked, sure, answers)


def _chosen(line: Line, asked: Query, found: _Found) -> _Found:
    """Return what a question comes to with the turns before it or without, whichever fits.

    Where the articles say that it does not go on from them, the conversation gives no answer, only
    what comes nearest, where that is surer.
    """
    vectors = found.candidates.asked
    if asked.alone is not None and vectors.alone is not None:
        is_new = is_of_another(found.candidates, found.ranked)
        if not is_new and not may_be_of_another(found.candidates, found.ranked):
            return found
        alone = _searched(line, asked.alone, vectors.alone)
        if alone.answers or not is_new:
            return alone if alone.answers else found
        if alone.sure >= found.sure or names_another(found.candidates, found.ranked):
            return alone
        return replace(found, sure=alone.sure, answers=False)
    if asked.behind is not None and not found.answers:
        behind = _searched(line, asked.behind, *query_vectors(line.encoder, [asked.behind]))
        lacks_words = is_of_another(behind.candidates, behind.ranked)
        if behind.sure > found.sure and not (
            lacks_words or may_be_of_another(behind.candidates, behind.ranked)
        ):
            return behind
    return found


def _searched(line: Line, query: Query, vectors: QuestionVectors) -> _Found:
    """Search for another reading of a question."""
    return _found(line, query, search(line.store, line.indices, [query], [vectors])[0])


def _preferred(line: Line, candidates: Candidates, ranked: list[Ranked]) -> list[Ranked]:
    """Return a ranking as the reranker and the query would have it."""
    if line.reranker is not None:
        ranked = rerank(line.reranker, candidates.query.text, ranked)
    return prefer(candidates.query, ranked)


def _reason(line: Line, asked: Query, candidates: Candidates, ranked: Sequence[Ranked]) -> str:
    """Return why there is no answer; what limits left out is searched for the nearest."""
    searched = candidates.query
    wider: list[Ranked] = []
    if searched.sources or searched.since or searched.until:
        free = replace(
            searched, sources=(), since=None, until=None, period=None, hears_outlets=False
        )
        found = search(line.store, line.indices, [free], [candidates.asked])
        wider = _preferred(line, found[0], rank(found[0]))
    nearest = Search(asked, searched, ranked, wider, line.max_error)
    return explain(nearest, line.indices.articles.occur_together)
