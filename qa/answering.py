"""THE QUESTION LINE: query -> candidates -> ranking -> citations, compared -> answer.

Only this module knows the order of the stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from embeddings.encoder import QuestionVectors
from embeddings.indices import Indices
from embeddings.store import Store
from qa.answer import build_answer, cite
from qa.confidence import confidence, threshold
from qa.doubt import is_of_another, may_be_of_another
from qa.figures import Comparison, compare_figures
from qa.preferences import of_period, prefer
from qa.ranking import Ranked, rank, weigh
from qa.reading import is_read
from qa.reasons import Search, explain
from qa.records import Answer, Query
from qa.reranking import Reranker, rerank
from qa.retrieval import Candidates, search


@dataclass(frozen=True, slots=True)
class Line:
    """What answers questions: a view of the articles, and how sure an answer must be.

    `max_error` is the share (0..1) of given answers that may be wrong; None is the usual one.
    """

    store: Store
    indices: Indices
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
    shares = weigh(candidates) if candidates.found else None
    ranked = rank(candidates, shares)
    alone = _alone(line, asked, candidates, ranked, k)
    if alone is not None:
        return alone
    ranked = _preferred(line, candidates, ranked)
    judged = of_period(candidates)
    sure = confidence(judged, ranked, shares if judged is candidates else None)
    citations = cite(ranked, k)
    reason = None
    was_read = shares is not None and is_read(shares.rows)
    if not citations or sure < threshold(line.max_error, read=was_read):
        reason = _reason(line, asked, candidates, ranked)
    compared = Comparison()
    if asked.period is None or candidates.query.period is not None:  # else they are of other times
        compared = compare_figures(candidates, citations)
    return build_answer(
        candidates.query, ranked, citations, confidence=sure, reason=reason, compared=compared
    )


def _alone(
    line: Line, asked: Query, candidates: Candidates, ranked: Sequence[Ranked], k: int
) -> Answer | None:
    """Return the answer without the turns before where the question has a topic of its own."""
    if asked.alone is None or candidates.asked.alone is None:
        return None
    is_new = is_of_another(candidates, ranked)
    if not is_new and not may_be_of_another(candidates, ranked):
        return None
    found = search(line.store, line.indices, [asked.alone], [candidates.asked.alone])
    answer = _answer(line, asked.alone, found[0], k)
    return answer if is_new or answer.answered else None


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
