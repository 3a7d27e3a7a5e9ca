"""Candidates, rankings and citations that tests make by hand, without an archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.records import Article, Span
from embeddings.encoder import PassageVectors, QuestionVectors
from embeddings.rows import StoredArticle, StoredPassage
from embeddings.sparse import analyze
from qa.ranking import Ranked
from qa.records import Query
from qa.retrieval import Candidate, Candidates
from tests.fakes import make_article, words_vector

_SENTENCE = re.compile(r"[^.?!]+[.?!]")


def sentences_of(text: str) -> tuple[Span, ...]:
    """Return the spans of the sentences of a text that ends each with a mark."""
    spans = []
    for match in _SENTENCE.finditer(text):
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        spans.append(Span(start, match.end()))
    return tuple(spans)


def make_candidate(article: Article, key: int = 0) -> Candidate:
    """Return an article as one passage, with vectors that add up its words."""
    sentences = sentences_of(article.text)
    stored = StoredPassage(key, key, 0, Span(0, len(article.text)), sentences, 50)
    vectors = PassageVectors(
        words_vector(article.text),
        np.stack([words_vector(span.of(article.text)) for span in sentences]),
    )
    return Candidate(stored, StoredArticle.of(article), vectors, 0.5, 1.0, 1.0)


def make_candidates(question: str, articles: Sequence[Article], **fields: object) -> Candidates:
    """Return articles as the candidates of a question; every term weighs the same."""
    terms = dict.fromkeys(analyze(question), 1.0)
    found = tuple(make_candidate(article, key) for key, article in enumerate(articles))
    query = Query(question, question, **fields)  # type: ignore[arg-type]
    return Candidates(query, QuestionVectors(words_vector(question)), terms, terms, found)


def make_ranking(articles: Sequence[Article]) -> list[Ranked]:
    """Return articles as a ranking in this order; the quote is the first sentence."""
    return [
        Ranked(candidate, candidate.stored.sentences[0], -float(place))
        for place, candidate in enumerate(
            make_candidate(article, key) for key, article in enumerate(articles)
        )
    ]


@dataclass(slots=True)
class Shelf:
    """Tells whether an article holds all of some stems, by looking."""

    articles: Sequence[Article]

    def __call__(self, stems: Sequence[str]) -> bool:
        held = [set(analyze(f"{item.title or ''} {item.text}")) for item in self.articles]
        return any(set(stems) <= terms for terms in held)


def story(article_id: str, text: str, source: str, published: str | None) -> Article:
    """Return an article of an outlet and a day."""
    return make_article(article_id, text, title=article_id, source=source, published=published)
