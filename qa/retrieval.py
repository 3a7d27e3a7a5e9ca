"""Query -> candidates: passages from FAISS and BM25, with what each retriever says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.records import Article
from embeddings.derived import Indices
from embeddings.encoder import Encoder, PassageVectors, Vectors, unit
from embeddings.sparse import analyze
from embeddings.store import Store, StoredPassage
from qa.records import Query
from qa.words import STOP_WORDS

DEPTH = 60
"""Passages taken from each retriever: for 92% of questions the right one is among 40 fused."""

ARTICLE_DEPTH = 100
"""Articles whose BM25 score is looked up; one that is not among them scores 0."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer, and the scores of the retrievers.

    `dense` is the cosine similarity to the question; `bm25` and `article_bm25` are 0 where the
    passage or its article shares no term with the question or ranks too deep to be looked up.
    """

    stored: StoredPassage
    article: Article
    vectors: PassageVectors
    dense: float
    bm25: float
    article_bm25: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, in the order of their keys, with the query as it was searched.

    `vector` is the float32 unit vector (dimension,) of the question; `terms` are its weighted
    stems and `idf` their inverse document frequency over passages.
    """

    query: Query
    vector: Vectors
    terms: dict[str, float]
    idf: dict[str, float]
    found: tuple[Candidate, ...]


def retrieve(
    store: Store,
    indices: Indices,
    encoder: Encoder,
    queries: Sequence[Query],
) -> list[Candidates]:
    """Return the candidates of each query; questions are encoded and searched together."""
    vectors = query_vectors(encoder, queries)
    return [
        _retrieve_one(store, indices, query, vector)
        for query, vector in zip(queries, vectors, strict=True)
    ]


def query_vectors(encoder: Encoder, queries: Sequence[Query]) -> Vectors:
    """Return a unit vector a query, float32 (n, dimension): its text's plus its context's, weighted."""
    texts = [text for query in queries for text in (query.text, *(t for t, _ in query.context))]
    encoded = encoder.encode_questions(texts)
    vectors = np.empty((len(queries), encoded.shape[1]), dtype=np.float32)
    at = 0
    for row, query in enumerate(queries):
        weights = np.array([1.0, *(weight for _, weight in query.context)], dtype=np.float32)
        vectors[row] = weights @ encoded[at : at + len(weights)]
        at += len(weights)
    return unit(vectors)


def query_terms(query: Query) -> dict[str, float]:
    """Return the query's stems with their weights; stop words count only where nothing else is."""
    terms: dict[str, float] = {}
    for text, weight in ((query.text, 1.0), *query.context):
        for term in content_terms(text):
            terms[term] = max(terms.get(term, 0.0), weight)
    return terms or dict.fromkeys(analyze(query.text), 1.0)


def content_terms(text: str) -> list[str]:
    """Return the stems of a text without stop words, in order."""
    return [term for term in analyze(text) if term not in STOP_WORDS]


def _retrieve_one(store: Store, indices: Indices, query: Query, vector: Vectors) -> Candidates:
    allowed_articles = _allowed_articles(store, query)
    allowed = None if allowed_articles is None else store.passage_keys_of(allowed_articles)
    terms = query_terms(query)
    dense = dict(indices.dense.search(vector[None, :], DEPTH, allowed)[0])
    sparse = dict(indices.passages.search(terms, DEPTH, allowed))
    sparse |= dict(indices.passages.search(terms, DEPTH, sorted(set(dense) - set(sparse))))
    by_article = dict(indices.articles.search(terms, ARTICLE_DEPTH, allowed_articles))
    keys = sorted({*dense, *sparse})
    stored = {passage.key: passage for passage in store.passages(keys)}
    vectors = store.vectors(stored)
    articles = store.articles_by_key({passage.article for passage in stored.values()})
    found = tuple(
        Candidate(
            stored=stored[key],
            article=articles[stored[key].article],
            vectors=vectors[key],
            dense=float(vector @ vectors[key].passage),
            bm25=sparse.get(key, 0.0),
            article_bm25=by_article.get(stored[key].article, 0.0),
        )
        for key in sorted(stored)
    )
    return Candidates(query, vector, terms, _idf(indices, terms), found)


def _allowed_articles(store: Store, query: Query) -> list[int] | None:
    if not (query.sources or query.since or query.until):
        return None
    return store.article_keys(query.sources, query.since, query.until)


def _idf(indices: Indices, terms: dict[str, float]) -> dict[str, float]:
    """Return each term's inverse document frequency, as BM25 has it: ln(1 + (N - n + .5)/(n + .5)).

    Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond".
    """
    total = len(indices.passages)
    idf = {}
    for term in terms:
        n = indices.passages.document_frequency(term)
        idf[term] = float(np.log1p((total - n + 0.5) / (n + 0.5)))
    return idf
