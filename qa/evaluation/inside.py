"""Look inside an archive: which passages an article has, and which of them each retriever finds.

This is the one module of the evaluation that knows how an archive searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpus.records import Span
from embeddings.encoder import QuestionVectors, Vectors
from embeddings.indices import Indices
from embeddings.rows import StoredPassage
from embeddings.store import Store
from qa.archive import Archive
from qa.keeping import View
from qa.narrowing import Scope, narrow
from qa.records import Query, Question
from qa.retrieval import DEPTH, Candidates, query_terms, query_vectors, retrieve


@dataclass(frozen=True, slots=True)
class Place:
    """Where the line saw an article for a question: spans of its passages.

    `passages` are all of them, `reachable` those that the question's dates and outlets let in,
    `faiss` and `bm25` those among the candidates of each retriever.
    """

    passages: tuple[Span, ...]
    reachable: tuple[Span, ...]
    faiss: frozenset[Span]
    bm25: frozenset[Span]


def candidates_of(archive: Archive, questions: Sequence[str | Question]) -> list[Candidates]:
    """Return what an archive's retrieval finds for questions, before any ranking."""
    queries = archive.understand(questions)
    with archive.view() as view:
        return retrieve(view.store, view.indices, view.encoder, queries)


class Inside:
    """Answers where the line lost an article. Made for one archive that stays as it is."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._keys: dict[str, int] = {}

    def places(
        self, queries: Sequence[Query], articles: Sequence[Sequence[str]]
    ) -> list[dict[str, Place]]:
        """Return for each query, as it was searched, the places of these articles by id.

        Articles that are not in the archive are left out.
        """
        if not queries:
            return []
        with self._archive.view() as view:
            if not self._keys:
                self._keys = dict(view.store.article_ids())
            vectors = query_vectors(view.encoder, queries)
            rows = zip(queries, vectors, articles, strict=True)
            return [self._places(view, *row) for row in rows]

    def _places(
        self, view: View, query: Query, asked: QuestionVectors, articles: Sequence[str]
    ) -> dict[str, Place]:
        known = [name for name in dict.fromkeys(articles) if name in self._keys]
        if not known:
            return {}
        store = view.store
        scope = narrow(store, query)
        faiss, bm25 = _candidates(view.indices, scope, asked.whole)
        found = {}
        for name in known:
            key = self._keys[name]
            passages = store.passages_of([key])
            found[name] = Place(
                passages=tuple(item.span for item in passages),
                reachable=tuple(
                    item.span for item in passages if _reaches(store, scope, key, item)
                ),
                faiss=frozenset(item.span for item in passages if item.key in faiss),
                bm25=frozenset(item.span for item in passages if item.key in bm25),
            )
        return found


def _reaches(store: Store, scope: Scope, key: int, passage: StoredPassage) -> bool:
    """Tell whether a question's limits let a passage in."""
    if scope.inside is None or key in scope.inside:
        return True
    if not scope.looks_around or (scope.around is not None and key not in scope.around):
        return False
    return scope.takes(store.articles_by_key([key])[key], passage.span)


def _candidates(indices: Indices, scope: Scope, vector: Vectors) -> tuple[set[int], set[int]]:
    """Return the keys of the passages that FAISS and BM25 each give as candidates."""
    terms = query_terms(scope.query)
    faiss: set[int] = set()
    bm25: set[int] = set()
    for articles in (scope.inside, *([scope.around] if scope.looks_around else [])):
        allowed = None if articles is None else indices.dense.keys_of(articles)
        faiss |= {key for key, _ in indices.dense.search(vector[None, :], DEPTH, allowed)[0]}
        bm25 |= {key for key, _ in indices.passages.search(terms, DEPTH, allowed)}
    return faiss, bm25
