"""The records that every stage passes on: spans, articles, passages. All are frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of character offsets, `text[start:end]`."""

    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def of(self, text: str) -> str:
        """Return the characters of `text` that the span covers."""
        return text[self.start : self.end]

    def contains(self, other: Span) -> bool:
        """Tell whether `other` lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


FIELDS = ("title", "source", "published", "url", "authors", "updated")
"""The fields of an article for which it is noted where they were found."""

PLACES = {
    "json-ld": "the page's JSON-LD",
    "meta": "the page's meta tags",
    "page": "what the page shows: its headings and <time>, or its link to itself",
    "guess": "a guess from a page that states nothing",
    "url": "the address: its host, or the day in its path",
    "record": "a field of a record, a table's column, or front matter",
    "feed": "the feed",
    "mail": "the message's headers",
    "document": "the document's properties",
    "archive": "what the archive says of a member",
    "text": "the article's own text",
}
"""Where a field may have been found."""


@dataclass(frozen=True, slots=True)
class Article:
    """One news article, with its text as it came.

    `kept` holds the spans of `text` that are the article, in order and disjoint; what lies between
    them is furniture (captions, share bars, "Related topics"). `published` and `updated` are
    ISO 8601 dates (YYYY-MM-DD). `path` names the file that it was read from, if any. `version`
    counts from 1 the texts that an archive has held under this id. `stated` pairs each field that
    is known with where it was found, such as ("published", "json-ld"): see `PLACES`.
    """

    id: str
    text: str
    title: str | None = None
    source: str | None = None
    published: str | None = None
    url: str | None = None
    authors: tuple[str, ...] = ()
    updated: str | None = None
    path: str | None = None
    kept: tuple[Span, ...] = ()
    version: int = 1
    stated: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Return the SHA-256 hex digest of everything that a reader can see of the article."""
        seen: list[object] = [
            self.text,
            self.title,
            self.source,
            self.published,
            self.url,
            list(self.authors),
            self.updated,
            [[span.start, span.end] for span in self.kept],
        ]
        if self.stated:
            seen.append([list(pair) for pair in self.stated])
        return hashlib.sha256(json.dumps(seen, ensure_ascii=True).encode()).hexdigest()

    @property
    def clean_text(self) -> str:
        """Return the kept spans, joined by blank lines."""
        return "\n\n".join(span.of(self.text).strip() for span in self.kept)


def noted(
    article: Article,
    place: str,
    places: Mapping[str, str] | None = None,
    fields: Sequence[str] = FIELDS,
) -> Article:
    """Return an article with the place noted of each of `fields` that it has and none is known of.

    The place is the one in `places`, else `place`.
    """
    known = {field: (places or {}).get(field, place) for field in fields} | dict(article.stated)
    there = (field for field in FIELDS if field in known and getattr(article, field))
    return replace(article, stated=tuple((field, known[field]) for field in there))


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole sentences of one article, `article.text[start:end]`, that is encoded at once.

    `n` counts the article's passages from 0. `sentences` are offsets in the article's text and
    lie inside the passage. `tokens` is the number of the model's word pieces in the passage's own
    text (neither the headline nor special tokens counted).
    """

    article_id: str
    n: int
    start: int
    end: int
    sentences: tuple[Span, ...]
    tokens: int

    @property
    def span(self) -> Span:
        """Return the passage's offsets as one span."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, or one record of a file, that could not be read, and why.

    `passing` tells that it may be read another time though it has not changed: it was slow, or an
    optional package is missing.
    """

    path: str
    reason: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What a reader made of one file: the articles in it, and the parts that failed."""

    path: str
    articles: tuple[Article, ...] = ()
    failures: tuple[Failure, ...] = ()
    digest: str = ""
    warnings: tuple[str, ...] = field(default=())


def whole(text: str) -> tuple[Span, ...]:
    """Return the span of a whole text, or none where it is blank."""
    return (Span(0, len(text)),) if text.strip() else ()


def iter_gaps(spans: tuple[Span, ...], length: int) -> Iterator[Span]:
    """Yield the ranges of `0..length` that no span covers, in order."""
    at = 0
    for span in spans:
        if span.start > at:
            yield Span(at, span.start)
        at = max(at, span.end)
    if at < length:
        yield Span(at, length)
