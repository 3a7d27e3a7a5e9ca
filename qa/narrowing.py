"""Query -> the articles that may answer it, with limits that would leave nothing relaxed.

A limit that the caller set holds. One that was understood from the question gives way where no
article is left, and the person is told. An article from outside of a period that the question
names still counts where its passage names that period: "in 2019" may be told about in 2025.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

from corpus.records import Article, Span
from embeddings.nearest import Bounds
from embeddings.store import Store
from qa.periods import Period
from qa.records import Query
from qa.topic import names_a_topic

_NO_WORD = re.compile(r"[\W_]+")

NAMED_WITHIN = timedelta(days=366)
"""How long after a period an article may name it without the year: "in March" means the last."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a query is searched: the keys of articles `inside` its limits; None stands for all.

    Where `looks_around`, articles of other dates are searched too, those of `around` (None: all).
    """

    query: Query
    inside: list[int] | None
    looks_around: bool = False
    around: list[int] | None = None

    def bounds(self, articles: list[int] | None) -> Bounds | None:
        """Return what the articles inside, or those around, have in common."""
        if articles is None:
            return None
        query, period = self.query, self.query.period
        if period is None:
            return Bounds(articles, tuple(query.sources), query.since, query.until)
        if articles is self.around:
            return Bounds(articles, tuple(query.sources))
        first, last = (day.isoformat() if day else None for day in (period.first, period.last))
        return Bounds(articles, tuple(query.sources), first, last)

    def takes(self, article: Article, span: Span) -> bool:
        """Tell whether a passage from around counts; `span` is its place in the article."""
        period = self.query.period
        return period is not None and (period.relative or tells_of(period, article, span))


def narrow(store: Store, query: Query) -> Scope:
    """Return where a query is searched, and the query with limits relaxed and notices added."""
    period = query.period
    anywhen = _keys(store, replace(query, since=None, until=None) if period else query)
    if anywhen == [] and query.hears_outlets:
        return narrow(store, _any_outlet(query))
    if period is None:
        return Scope(query, anywhen)
    inside = _inside(store, query, period, anywhen)
    if not inside:
        return Scope(_any_date(query, period), anywhen)
    looks_around = names_a_topic(query) and (period.relative or bool(period.names))
    return Scope(query, inside, looks_around, anywhen)


def tells_of(period: Period, article: Article, span: Span) -> bool:
    """Tell whether a passage of an article from after a period looks back on it by name.

    An article from before can only announce what was to come; one without a date may do either.
    """
    published = article.published or ""
    if period.last is None or period.first is None:
        return False
    if published and published <= period.last.isoformat():
        return False
    words = _words(span.of(article.text))
    named = [name for name in period.names if f" {name} " in words]
    is_near = published <= (period.last + NAMED_WITHIN).isoformat()
    return any(_has_year(name) for name in named) or (bool(named) and is_near)


def _has_year(name: str) -> bool:
    return name[-4:].isdigit()


def _words(text: str) -> str:
    """Return the words of a text, lower case, one space around each."""
    return f" {_NO_WORD.sub(' ', text.casefold()).strip()} "


def _keys(store: Store, query: Query) -> list[int] | None:
    """Return the keys of the articles inside a caller's limits, or None where there are none."""
    later = _published_after(store, query.asked)
    if not (query.sources or query.since or query.until or later):
        return None
    keys = store.article_keys(query.sources, query.since, query.until)
    return [key for key in keys if key not in later]


def _inside(store: Store, query: Query, period: Period, anywhen: list[int] | None) -> list[int]:
    """Return the keys of the articles of a period, and of those without a date, from `anywhen`."""
    since = period.first.isoformat() if period.first else None
    until = period.last.isoformat() if period.last else None
    dated = set(store.article_keys(query.sources, since, until))
    if not dated:
        return []
    keys = dated | _undated(store, query)
    return sorted(keys if anywhen is None else keys.intersection(anywhen))


def _published_after(store: Store, asked: str | None) -> frozenset[int]:
    if asked is None:
        return frozenset()
    _, last = store.dates()
    if last is None or last <= asked:
        return frozenset()
    next_day = date.fromisoformat(asked) + timedelta(days=1)
    return frozenset(store.article_keys(since=next_day.isoformat()))


def _undated(store: Store, query: Query) -> set[int]:
    """Return the keys of the articles of a query's outlets that have no date."""
    first, _ = store.dates()
    return set(store.article_keys(query.sources)) - set(store.article_keys(query.sources, first))


def _any_date(query: Query, period: Period) -> Query:
    """Return a query for all dates, with the notice that says so in place of the period's."""
    kept = [told for told in query.notices if not told.startswith(period.notice)]
    told = f"No article{_from(query)} {period.label}: all dates were searched."
    return replace(query, since=None, until=None, period=None, notices=(*kept, told))


def _any_outlet(query: Query) -> Query:
    """Return a query for all outlets, with the notice that says so."""
    told = f"No article{_from(query)}: all outlets were searched."
    return replace(query, sources=(), hears_outlets=False, notices=(*query.notices, told))


def _from(query: Query) -> str:
    return f" from {' or '.join(query.sources)}" if query.sources else ""
