"""Ranked passages -> citations, one a story -> an answer, or a "not in these articles"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from corpus.duplicates import group_same_stories
from corpus.records import Article, Span
from qa.figures import Comparison
from qa.fragments import text_directive
from qa.ranking import Ranked
from qa.reasons import EMPTY
from qa.records import Answer, Citation, Hit, Query

DEPTH = 50
"""Ranked passages that an answer keeps for evaluation."""

GROUPED = 20
"""Best articles among which copies of one story are always looked for; more where these are too few
stories, so that no number of copies hides another."""

WEB = ("http://", "https://")


def build_answer(
    query: Query,
    ranked: Sequence[Ranked],
    citations: tuple[Citation, ...],
    *,
    confidence: float,
    reason: str | None,
    compared: Comparison,
) -> Answer:
    """Return the answer that a ranking gives, or none where there is a `reason` for that."""
    return Answer(
        question=query.question,
        answered=reason is None,
        text=citations[0].quote if reason is None else None,
        confidence=confidence,
        reason=reason,
        citations=citations,
        query=query,
        figures=compared.figures,
        supported_by=compared.supported_by if reason is None else (),
        hits=tuple(_hit(rank, item) for rank, item in enumerate(ranked[:DEPTH], start=1)),
    )


def no_articles(query: Query) -> Answer:
    """Return the answer of an archive without articles."""
    return build_answer(query, [], (), confidence=0.0, reason=EMPTY, compared=Comparison())


def cite(ranked: Sequence[Ranked], k: int) -> tuple[Citation, ...]:
    """Return one citation a story, best first, at most k; copies elsewhere are named with it."""
    best: dict[str, Ranked] = {}
    for item in ranked:
        best.setdefault(item.candidate.told.id, item)
    items = list(best.values())
    groups = _stories(items[: max(GROUPED, k)])
    if len(groups) < k and len(items) > GROUPED:
        groups = _stories(items)
    return tuple(
        _citation(n, [items[index] for index in group])
        for n, group in enumerate(groups[:k], start=1)
    )


def _stories(items: Sequence[Ranked]) -> list[list[int]]:
    """Return groups of places of the same story."""
    return group_same_stories([item.candidate.article for item in items])


def _citation(n: int, group: Sequence[Ranked]) -> Citation:
    """Cite the best of a story's copies, and name the outlets of the others, earliest first."""
    item = group[0]
    article = item.candidate.article
    span = item.candidate.stored.span
    copies = sorted((copy.candidate.article for copy in group), key=_when)
    names = dict.fromkeys(a.source or a.id for a in copies if a.source != article.source)
    return Citation(
        n=n,
        article_id=article.id,
        title=article.title,
        source=article.source,
        published=article.published,
        url=article.url,
        link=link_to(article, item.quote),
        quote=item.quote.of(article.text),
        start=item.quote.start,
        end=item.quote.end,
        passage=span.of(article.text),
        passage_start=span.start,
        score=item.score,
        also_in=tuple(names),
        first_in=_first_in(article, copies),
        version=article.version,
    )


def _when(article: Article) -> tuple[str, str]:
    """Return what sorts articles by day of publication, those without a day last."""
    return article.published or "9999", article.id


def _first_in(cited: Article, copies: Sequence[Article]) -> str | None:
    """Return the outlet that had a story first, unless it is the cited one or no day tells."""
    earliest = copies[0]
    if earliest.published is None or earliest.source == cited.source:
        return None
    if any(other.published is None for other in copies):
        return None
    same_day = {a.source for a in copies if a.published == earliest.published}
    return earliest.source if len(same_day) == 1 else None


def _hit(rank: int, item: Ranked) -> Hit:
    stored, told = item.candidate.stored, item.candidate.told
    span = stored.span
    return Hit(
        rank, told.id, span.start, span.end, item.quote, item.score, stored.tokens, told.version
    )


def link_to(article: Article, quote: Span) -> str | None:
    """Return an address that opens the original at the quote, or None where it has none.

    The end is a text fragment (WICG, "URL Fragment Text Directives").
    """
    address = article.url if article.url and article.url.startswith(WEB) else None
    if address is None and article.path and Path(article.path).is_absolute():
        address = Path(article.path).as_uri()
    if address is None:
        return None
    return f"{address.split('#')[0]}#:~:text={text_directive(article.text, quote)}"
