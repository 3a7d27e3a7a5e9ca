"""Query -> candidates: passages from FAISS and BM25, with what each retriever says of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from corpus.records import Article
from embeddings.encoder import (
    Encoder,
    PassageVectors,
    QuestionVectors,
    Vectors,
    is_reading,
    unit,
)
from embeddings.indices import Indices
from embeddings.keys import Keys
from embeddings.nearest import Bounds, RestingError, VectorsUnavailableError
from embeddings.rows import StoredArticle, StoredPassage
from embeddings.sparse import analyze
from embeddings.store import Store
from qa.narrowing import narrow
from qa.records import Query
from qa.words import content_terms

DEPTH = 50
"""Passages taken from each retriever. With 40 as many of those looked at closely are right, and a
question takes as long."""

ARTICLE_DEPTH = 100
"""Articles whose BM25 score is looked up; one that is not among them scores 0."""

CONTEXT_TERMS = 2
"""Terms of the conversation, for each of the question, that count in full; tuned on
shared/bench/followups, where 3 does as well and no bound loses 2 points in 100."""


FEWEST = 500
"""Passages that an archive counts as having at least, where a term's rarity is told: in one of a
few articles every name would be common, and the ranker has learned on hundreds."""


BY_WORDS = "What searches by meaning does not answer: the articles were searched by words alone."
"""What a person is told where Milvus is out of reach."""

NEWEST_BY_WORDS = (
    "The newest articles were searched by words alone: their vectors are still on the way."
)
"""What a person is told where Milvus is further behind than a reader makes up for."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)  # frozen ones take three times as long to make, and each question makes 100
class Candidate:
    """A passage that may answer, and the scores of the retrievers.

    `dense` is the cosine similarity to the question; `bm25` and `article_bm25` are 0 where the
    passage or its article shares no term with the question or ranks too deep to be looked up.
    `notes` keep what is worked out of the passage, for other questions too.
    """

    stored: StoredPassage
    told: StoredArticle
    vectors: PassageVectors
    dense: float
    bm25: float
    article_bm25: float
    notes: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def article(self) -> Article:
        """Return the passage's article. Raises ArchiveDamagedError where its bytes changed."""
        return self.told.article

    @property
    def article_id(self) -> str:
        """Return the id of the passage's article, of which nothing else need be known."""
        return self.told.id


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one query, in the order of their keys, with the query as it was searched.

    `asked` are the question's vectors; `terms` are its weighted stems and `idf` their inverse
    document frequency over passages.
    """

    query: Query
    asked: QuestionVectors
    terms: dict[str, float]
    idf: dict[str, float]
    found: tuple[Candidate, ...]

    @property
    def vector(self) -> Vectors:
        """Return the question's unit vector, float32 (dimension,)."""
        return self.asked.whole

    @property
    def tokens(self) -> Vectors | None:
        """Return what a reader reads of the question's own text, None where it has no reader."""
        return (self.asked.alone or self.asked).tokens


def retrieve(
    store: Store,
    indices: Indices,
    encoder: Encoder,
    queries: Sequence[Query],
) -> list[Candidates]:
    """Return the candidates of each query; questions are encoded together."""
    return search(store, indices, queries, query_vectors(encoder, queries))


def search(
    store: Store, indices: Indices, queries: Sequence[Query], vectors: Sequence[QuestionVectors]
) -> list[Candidates]:
    """Return the candidates of each query, whose `query_vectors` are known."""
    return [
        _retrieve_one(store, indices, query, asked)
        for query, asked in zip(queries, vectors, strict=True)
    ]


def query_vectors(encoder: Encoder, queries: Sequence[Query]) -> list[QuestionVectors]:
    """Return the vectors of each query: of its text and, for what is carried over, its context."""
    texts = [[_as_question(query.text), *_taken_along(query)] for query in queries]
    found = iter(_vectors_of(encoder, [text for part in texts for text in part]))
    return [
        _joined([next(found) for _ in part], query)
        for part, query in zip(texts, queries, strict=True)
    ]


def _taken_along(query: Query) -> list[str]:
    """Return a query's context as one text, if it has any.

    Part by part it takes a tenth longer to answer, and no more follow-ups find their article.
    """
    return [" ".join(text for text, _ in query.context)] if query.context else []


def _vectors_of(encoder: Encoder, texts: Sequence[str]) -> list[QuestionVectors]:
    if is_reading(encoder):
        return encoder.read_questions(texts)
    return [QuestionVectors(vector) for vector in encoder.encode_questions(texts)]


def _joined(parts: Sequence[QuestionVectors], query: Query) -> QuestionVectors:
    """Add up the vectors of a query's text and its context, which has its heaviest part's weight.

    Its own text's vectors, and tokens, stand beside: with the tokens of all its parts, questions
    behind an unrelated conversation lost 5 points in 100 of article.Success@1 on the samples.
    """
    if not query.context:
        return parts[0]
    weights = np.array([1.0, max(weight for _, weight in query.context)], dtype=np.float32)
    joined = unit(weights @ np.stack([part.whole for part in parts]))
    return QuestionVectors(joined, alone=parts[0])


def _as_question(text: str) -> str:
    """End a question as questions end: the model reads "who won" otherwise than "who won?"."""
    return text if text.endswith(("?", ".", "!")) else f"{text}?"


def query_terms(query: Query) -> dict[str, float]:
    """Return the query's stems with their weights; stop words count only where nothing else is.

    A context of many more terms than the question has would drown it: it weighs less, by the
    square root of how many times CONTEXT_TERMS it exceeds them.
    """
    own = dict.fromkeys(content_terms(query.text), 1.0)
    terms = dict(own)
    for text, weight in query.context:
        context = dict.fromkeys(content_terms(text))
        room = CONTEXT_TERMS * max(len(own), 1) / max(len(context), 1)
        for term in context:
            terms[term] = max(terms.get(term, 0.0), weight * min(1.0, room**0.5))
    return terms or dict.fromkeys(analyze(query.text), 1.0)


def _retrieve_one(
    store: Store, indices: Indices, query: Query, asked: QuestionVectors
) -> Candidates:
    """Search the articles that may answer, and around them for what names the query's period."""
    scope = narrow(store, query)
    terms = query_terms(scope.query)
    told: list[str] = []
    searched = _Searched(store, indices, terms, asked.whole, told)
    found = _search(searched, scope.inside, scope.bounds(scope.inside))
    if scope.looks_around:
        around = _search(searched, scope.around, scope.bounds(scope.around))
        for key in around.keys() - found.keys():
            if scope.takes(around[key].article, around[key].stored.span):
                found[key] = around[key]
    ordered = tuple(found[key] for key in sorted(found))
    searched_as = scope.query
    if told:
        notices = (*searched_as.notices, *dict.fromkeys(told))
        searched_as = replace(searched_as, notices=notices)
    return Candidates(searched_as, asked, terms, _idf(indices, terms), ordered)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What a search looks into, and for what; `told` collects what a person must know of it."""

    store: Store
    indices: Indices
    terms: dict[str, float]
    vector: Vectors
    told: list[str]


def _nearest(searched: _Searched, allowed: Keys | None, bounds: Bounds | None) -> dict[int, float]:
    """Return passage key -> score by vectors; none where the engine that has them is out of reach.

    Words find most of what there is, and the person is told.
    """
    dense = searched.indices.dense
    try:
        found = dict(dense.search(searched.vector[None, :], DEPTH, allowed, bounds)[0])
        if not dense.is_complete:
            searched.told.append(NEWEST_BY_WORDS)
    except VectorsUnavailableError as error:
        if not isinstance(error, RestingError):
            _log.warning("%s", error)
        searched.told.append(BY_WORDS)
        return {}
    return found


def _search(
    searched: _Searched, articles: Sequence[int] | None, bounds: Bounds | None
) -> dict[int, Candidate]:
    """Return passage key -> candidate, from these articles (keys), or from all where None."""
    store, indices, terms = searched.store, searched.indices, searched.terms
    allowed = None if articles is None else indices.dense.keys_of(articles)
    dense = _nearest(searched, allowed, bounds)
    sparse = dict(indices.passages.search(terms, DEPTH, allowed))
    sparse |= dict(indices.passages.search(terms, DEPTH, sorted(set(dense) - set(sparse))))
    by_article = dict(indices.articles.search(terms, ARTICLE_DEPTH, articles))
    read = indices.shelf.take(store, sorted({*dense, *sparse}))
    if not read:
        return {}
    items = [*read.values()]
    vectors = np.concatenate([item.vectors.passage for item in items])
    found = map(
        Candidate,
        [item.stored for item in items],
        [item.told for item in items],
        [item.vectors for item in items],
        (vectors.reshape(len(read), -1) @ searched.vector).tolist(),
        [sparse.get(key, 0.0) for key in read],
        [by_article.get(item.stored.article, 0.0) for item in items],
        [item.notes for item in items],
    )
    return dict(zip(read, found, strict=True))


def _idf(indices: Indices, terms: dict[str, float]) -> dict[str, float]:
    """Return each term's inverse document frequency, as BM25 has it: ln(1 + (N - n + .5)/(n + .5)).

    Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond".
    """
    total = max(len(indices.passages), FEWEST)
    idf = {}
    for term in terms:
        n = indices.passages.document_frequency(term)
        idf[term] = float(np.log1p((total - n + 0.5) / (n + 0.5)))
    return idf
