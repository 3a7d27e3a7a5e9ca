"""Candidates, rankings and citations that tests make by hand, without an archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from corpus.records import Article, Span
from embeddings.encoder import PassageVectors, QuestionVectors, TokenVectors
from embeddings.reader import SCALE, bundled_reader
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


def with_tokens(candidates: Candidates, reader: int | None = None) -> Candidates:
    """Return candidates with vectors of tokens, a word each: equal words have equal vectors.

    `reader` is the number of the reader that they are for, that of the bundled one where None.
    """
    number = bundled_reader().number if reader is None else reader
    found = []
    for item in candidates.found:
        text = item.article.text
        words = [span.of(text).lower().split() for span in item.stored.sentences]
        values = np.array([_token(word) for sentence in words for word in sentence])
        counts = np.array([len(sentence) for sentence in words])
        tokens = TokenVectors(np.rint(values * SCALE).astype(np.int8), counts, number)
        found.append(replace(item, vectors=replace(item.vectors, tokens=tokens)))
    asked = np.array([_token(word) for word in candidates.query.text.lower().split()])
    asked_as = replace(candidates.asked, tokens=asked.astype(np.float32))
    return replace(candidates, asked=asked_as, found=tuple(found))


def _token(word: str) -> npt.NDArray[np.float64]:
    """Return a word's vector, by its letters: mean 0 and variance 1."""
    vector = np.random.default_rng([*word.strip(".,?!").encode()]).normal(
        size=bundled_reader().width
    )
    normed: npt.NDArray[np.float64] = (vector - vector.mean()) / vector.std()
    return normed.clip(-5, 5)


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
