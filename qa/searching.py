"""Return the best-matching passages of a question, with what a reader needs to cite them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from corpus.errors import UsageError
from corpus.records import Article, Span
from qa.answer import DEPTH, link_to
from qa.records import Answer, Hit

MOST_PASSAGES = DEPTH
"""Passages that a search can return."""


DEFAULT_PASSAGES = 10
"""Passages that a search returns where nobody says how many."""


class Searchable(Protocol):
    """The part of an archive that a search needs."""

    @property
    def ask(self) -> Callable[..., Answer]:
        """Answer a question, as `Archive.ask` does."""
        ...

    @property
    def article(self) -> Callable[..., Article]:
        """Return an article by its id, as it is or as an earlier version."""
        ...


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """One passage, `article.text[start:end]`, with the sentence in it that matches best.

    `rank` counts from 1; higher `score` is better. `link` opens the original at the quote.
    """

    rank: int
    score: float
    article_id: str
    title: str | None
    source: str | None
    published: str | None
    url: str | None
    link: str | None
    text: str
    start: int
    end: int
    quote: str
    quote_start: int
    quote_end: int

    def to_dict(self) -> dict[str, Any]:
        """Return the passage as plain JSON types."""
        return asdict(self)


def search(
    archive: Searchable, question: str, *, k: int = 10, **options: Any
) -> list[FoundPassage]:
    """Return at most `k` passages, best first; the options are those of `Archive.ask`.

    Raises UsageError for a question or a limit that cannot be used.
    """
    found: list[FoundPassage] = []
    articles: dict[str, Article | None] = {}
    for hit in archive.ask(question, k=1, **options).hits[:k]:
        if hit.article_id not in articles:
            articles[hit.article_id] = _article(archive, hit)
        article = articles[hit.article_id]
        if article is not None:
            found.append(_found(hit, article))
    return found


def _article(archive: Searchable, hit: Hit) -> Article | None:
    """Return a hit's article as the question found it; None where it was removed since."""
    try:
        return archive.article(hit.article_id, hit.version)
    except UsageError:
        return None


def _found(hit: Hit, article: Article) -> FoundPassage:
    return FoundPassage(
        rank=hit.rank,
        score=hit.score,
        article_id=article.id,
        title=article.title,
        source=article.source,
        published=article.published,
        url=article.url,
        link=link_to(article, hit.quote),
        text=Span(hit.start, hit.end).of(article.text),
        start=hit.start,
        end=hit.end,
        quote=hit.quote.of(article.text),
        quote_start=hit.quote.start,
        quote_end=hit.quote.end,
    )
