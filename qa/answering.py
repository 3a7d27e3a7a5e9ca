"""THE QUESTION LINE: query -> candidates -> ranking -> citations, compared -> answer.

Only this module knows the order of the stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from embeddings.encoder import Encoder
from embeddings.indices import Indices
from embeddings.store import Store
from qa.answer import build_answer, cite
from qa.confidence import confidence, threshold
from qa.figures import Comparison, compare_figures
from qa.preferences import of_period, prefer
from qa.ranking import Ranked, rank
from qa.reasons import Search, explain
from qa.records import Answer, Query
from qa.reranking import Reranker, rerank
from qa.retrieval import Candidates, retrieve


@dataclass(frozen=True, slots=True)
class Line:
    """What answers questions: a view of the articles, the model, and how sure an answer must be.

    `max_error` is the share (0..1) of given answers that may be wrong; None is the usual one.
    """

    store: Store
    indices: Indices
    encoder: Encoder
    reranker: Reranker | None = None
    max_error: float | None = None


def answer_queries(line: Line, queries: Sequence[Query], *, k: int) -> list[Answer]:
    """Return the answers to queries, in their order, with at most k citations each."""
    found = retrieve(line.store, line.indices, line.encoder, queries)
    return [
        _answer(line, query, candidates, k)
        for query, candidates in zip(queries, found, strict=True)
    ]


def _answer(line: Line, asked: Query, candidates: Candidates, k: int) -> Answer:
    ranked = _rank(line, candidates)
    sure = confidence(of_period(candidates), ranked)
    citations = cite(ranked, k)
    reason = None
    if not citations or sure < threshold(line.max_error):
        reason = _reason(line, asked, candidates.query, ranked)
    compared = Comparison()
    if asked.period is None or candidates.query.period is not None:  # else they are of other times
        compared = compare_figures(candidates, citations)
    return build_answer(
        candidates.query, ranked, citations, confidence=sure, reason=reason, compared=compared
    )


def _rank(line: Line, candidates: Candidates) -> list[Ranked]:
    ranked = rank(candidates)
    if line.reranker is not None:
        ranked = rerank(line.reranker, candidates.query.text, ranked)
    return prefer(candidates.query, ranked)


def _reason(line: Line, asked: Query, searched: Query, ranked: Sequence[Ranked]) -> str:
    """Return why there is no answer; what limits left out is searched for the nearest."""
    wider: list[Ranked] = []
    if searched.sources or searched.since or searched.until:
        free = replace(
            searched, sources=(), since=None, until=None, period=None, hears_outlets=False
        )
        wider = _rank(line, retrieve(line.store, line.indices, line.encoder, [free])[0])
    search = Search(asked, searched, ranked, wider, line.max_error)
    return explain(search, line.indices.articles.occur_together)
