"""Read HTML: trafilatura finds the article in the page, the page's own marks describe it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import lxml.html
from trafilatura import bare_extraction, extract_metadata

from corpus.errors import ReadError
from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text, described
from corpus.readers.formats import Parsed
from corpus.readers.markup import paragraphs, parse_page
from corpus.readers.page_metadata import page_metadata

MAX_PAGE_BYTES = 10_000_000
"""Bytes: the largest news pages seen have 3 MB, most of it scripts."""

_BLOCKS = frozenset({"p", "head", "item", "quote", "row", "code", "ab"})
"""Elements of trafilatura's own tree that are paragraphs."""


def read(path: Path, data: bytes) -> Parsed:
    """Return the page's one article, its paragraphs separated by blank lines.

    Raises `ReadError` for a page that is empty, too large to be one, or holds no article.
    """
    if len(data) > MAX_PAGE_BYTES:
        raise ReadError(f"{len(data):,} bytes: expected a page of at most {MAX_PAGE_BYTES:,}")
    markup, warnings = decode(data, declares=True)
    tree = parse_page(markup)
    fields = _guessed(tree) | page_metadata(tree)
    text, _ = checked_text(_article_text(tree))
    article = described(fields, text, path, own_id=str(path))
    return Parsed((article,), (), warnings)


def _guessed(tree: lxml.html.HtmlElement) -> dict[str, object]:
    """Return date and author as trafilatura guesses them, for pages that do not state them."""
    with _silent("trafilatura"), _silent("htmldate"):
        guess = extract_metadata(tree, extensive=False)
    if guess is None:
        return {}
    return {"published": guess.date, "author": (guess.author or "").split("; ")}


def _article_text(tree: lxml.html.HtmlElement) -> str:
    """Return the article's paragraphs as trafilatura finds them, joined by blank lines."""
    with _silent("trafilatura"):
        found = bare_extraction(
            tree,
            include_comments=False,
            include_tables=True,
            deduplicate=False,
            with_metadata=False,
        )
    body = getattr(found, "body", None)
    text = "\n\n".join(paragraphs(body, blocks=_BLOCKS)) if body is not None else ""
    if not text:
        raise ReadError("no article in this page: expected paragraphs of text")
    return text


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    """Keep a library's log messages back: what matters of them becomes a failure's reason."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
