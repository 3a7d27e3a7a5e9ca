"""Ranked passages -> an answer with citations, or an explained "not in these articles"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote as percent

from corpus.duplicates import group_same_stories
from corpus.records import Article, Span
from qa.ranking import Ranked
from qa.records import Answer, Citation, Hit, Query

DEPTH = 50
"""Ranked passages that an answer keeps for evaluation."""

GROUPED = 20
"""Best articles among which copies of one story are looked for."""

FRAGMENT_WORDS = 6
"""Words at each end of a long quote that a link names; browsers match the text between."""

WEB = ("http://", "https://")


def build_answer(
    query: Query,
    ranked: Sequence[Ranked],
    *,
    confidence: float,
    threshold: float,
    articles: int,
    k: int,
) -> Answer:
    """Return the answer that a ranking gives; `articles` is the number that were searched."""
    citations = _citations(ranked, k)
    answered = bool(citations) and confidence >= threshold
    return Answer(
        question=query.question,
        answered=answered,
        text=citations[0].quote if answered else None,
        confidence=confidence,
        reason=None if answered else _reason(query, citations, articles),
        citations=citations,
        query=query,
        hits=tuple(_hit(rank, item) for rank, item in enumerate(ranked[:DEPTH], start=1)),
    )


def _citations(ranked: Sequence[Ranked], k: int) -> tuple[Citation, ...]:
    """Return one citation a story, best first; copies in other outlets are named with it."""
    best: dict[str, Ranked] = {}
    for item in ranked:
        best.setdefault(item.candidate.article.id, item)
    items = list(best.values())[: max(GROUPED, k)]
    groups = group_same_stories([item.candidate.article for item in items])
    return tuple(
        _citation(n, [items[index] for index in group])
        for n, group in enumerate(groups[:k], start=1)
    )


def _citation(n: int, group: Sequence[Ranked]) -> Citation:
    """Cite the best of a story's copies, and name the outlets of the others, earliest first."""
    item = group[0]
    article = item.candidate.article
    span = item.candidate.stored.span
    others = sorted(
        (copy.candidate.article for copy in group[1:]), key=lambda a: (a.published or "9999", a.id)
    )
    names = dict.fromkeys(a.source or a.id for a in others if a.source != article.source)
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
    )


def _hit(rank: int, item: Ranked) -> Hit:
    stored = item.candidate.stored
    return Hit(
        rank=rank,
        article_id=item.candidate.article.id,
        start=stored.span.start,
        end=stored.span.end,
        quote=item.quote,
        score=item.score,
        tokens=stored.tokens,
    )


def link_to(article: Article, quote: Span) -> str | None:
    """Return an address that opens the original at the quote, or None where it has none.

    The end is a text fragment (WICG, "URL Fragment Text Directives"): the whole quote where it is
    short, else its first and last words.
    """
    address = article.url if article.url and article.url.startswith(WEB) else None
    if address is None and article.path:
        address = Path(article.path).as_uri()
    if address is None:
        return None
    words = quote.of(article.text).split()
    if len(words) <= 2 * FRAGMENT_WORDS:
        fragment = _encoded(" ".join(words))
    else:
        ends = words[:FRAGMENT_WORDS], words[-FRAGMENT_WORDS:]
        fragment = ",".join(_encoded(" ".join(end)) for end in ends)
    return f"{address.split('#')[0]}#:~:text={fragment}"


def _encoded(text: str) -> str:
    """Percent-encode a part of a text directive; "-", "&" and "," mean something in it."""
    return percent(text.encode("utf-8", "replace"), safe="").replace("-", "%2D")


def _reason(query: Query, citations: Sequence[Citation], articles: int) -> str:
    """Say in one sentence why there is no answer."""
    if not articles:
        return "The archive holds no articles yet."
    limits = _limits(query)
    if not citations:
        return f"No article{limits} has anything to do with this question."
    nearest = citations[0]
    what = f"“{nearest.title}”" if nearest.title else "the article below"
    by = f" ({', '.join(filter(None, [nearest.source, nearest.published]))})"
    by = "" if by == " ()" else by
    return (
        f"No sentence{limits or ' in these articles'} answers this surely enough;"
        f" the nearest is in {what}{by}."
    )


def _limits(query: Query) -> str:
    parts = []
    if query.sources:
        parts.append(f" from {' or '.join(query.sources)}")
    if query.since and query.until:
        parts.append(f" published from {query.since} to {query.until}")
    elif query.since:
        parts.append(f" published since {query.since}")
    elif query.until:
        parts.append(f" published until {query.until}")
    return "".join(parts)
