"""The records that every stage passes on: spans, articles, passages. All are frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True)
class Article:
    """One news article, with its text as it came.

    `kept` holds the spans of `text` that are the article, in order and disjoint; what lies between
    them is furniture (captions, share bars, "Related topics"). `published` and `updated` are
    ISO 8601 dates (YYYY-MM-DD). `path` names the file that it was read from, if any. `version`
    counts from 1 the texts that an archive has held under this id.
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

    @property
    def digest(self) -> str:
        """Return the SHA-256 hex digest of everything that a reader can see of the article."""
        seen = [
            self.text,
            self.title,
            self.source,
            self.published,
            self.url,
            list(self.authors),
            self.updated,
            [[span.start, span.end] for span in self.kept],
        ]
        return hashlib.sha256(json.dumps(seen, ensure_ascii=True).encode()).hexdigest()

    @property
    def clean_text(self) -> str:
        """Return the kept spans, joined by blank lines."""
        return "\n\n".join(span.of(self.text).strip() for span in self.kept)


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
    """A file, or one record of a file, that could not be read, and why."""

    path: str
    reason: str


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
