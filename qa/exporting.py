"""Articles and passages as plain JSON types, in the format that indexing reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from corpus.records import Article
from embeddings.rows import StoredPassage


def article_record(article: Article) -> dict[str, Any]:
    """Return an article with its path and the text that is kept of it."""
    record = asdict(article)
    del record["kept"]
    record["stated"] = dict(article.stated)
    return record | {"authors": list(article.authors), "clean_text": article.clean_text}


def passage_records(article: Article, stored: Iterable[StoredPassage]) -> Iterator[dict[str, Any]]:
    """Yield an article's passages as article id, offsets and text."""
    for item in stored:
        yield {
            "article": article.id,
            "start": item.span.start,
            "end": item.span.end,
            "text": item.span.of(article.text),
        }
