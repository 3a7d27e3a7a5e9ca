"""Read HTML: trafilatura finds the article in the page, the page's own marks describe it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lxml.html import HtmlElement
from trafilatura import bare_extraction, extract_metadata
from trafilatura.settings import Extractor

from corpus.errors import ReadError
from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text, described
from corpus.readers.formats import Parsed
from corpus.readers.limits import MAX_PAGE_BYTES
from corpus.readers.logs import silent
from corpus.readers.markup import all_paragraphs, paragraphs, parse_page
from corpus.readers.page_metadata import PageMetadata, page_metadata
from corpus.readers.restoring import page_prose, restored
from corpus.readers.stubs import check_no_list, check_no_notice, check_whole, from_start
from corpus.records import Article

RESCUE_RATIO = 2
"""Times as much text from which on the generous setting counts: tuned on every other page of
shared/bench/extraction; 1.8 to 3 do alike on the others."""

_BLOCKS = frozenset({"p", "head", "item", "quote", "row", "code", "ab"})
"""Elements of trafilatura's own tree that are paragraphs."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page's article, what had to be guessed of its encoding, and what the check of it needs."""

    article: Article
    warnings: tuple[str, ...]
    tree: HtmlElement
    stated: PageMetadata


def read(path: Path, data: bytes) -> Parsed:
    """Return the page's one article, its paragraphs separated by blank lines.

    Raises `ReadError` for a page that is empty, too large to be one, or holds no article, or only
    the beginning of one.
    """
    page = extract(path, data)
    text, stated = page.article.text, page.stated
    check_no_notice(text, page.article.title)
    notices = from_start(all_paragraphs(page.tree), text)
    check_whole(text, notices, walled=stated.walled, stated_words=stated.words)
    return Parsed((page.article,), (), page.warnings)


def extract(path: Path, data: bytes) -> Page:
    """Return the article of a page, be it whole or only the beginning of one.

    Raises `ReadError` for a page that is empty, too large to be one, or holds no article.
    """
    if len(data) > MAX_PAGE_BYTES:
        raise ReadError(f"{len(data):,} bytes: expected a page of at most {MAX_PAGE_BYTES:,}")
    markup, warnings = decode(data, declares=True)
    tree = parse_page(markup)
    stated = page_metadata(tree)
    fields = stated.fields
    if not fields.keys() >= {"published", "author"}:
        fields = _guessed(tree) | fields
    prose = page_prose(tree)
    if not stated.declared:
        check_no_list(tree, prose)
    text, _ = checked_text(_article_text(tree, prose, stated.body))
    places = stated.places
    article = described(fields, text, path, own_id=str(path), place="guess", places=places)
    return Page(article, warnings, tree, stated)


def _guessed(tree: HtmlElement) -> dict[str, object]:
    """Return date and author as trafilatura guesses them, for pages that do not state them."""
    with silent("trafilatura"), silent("htmldate"):
        guess = extract_metadata(tree, extensive=False)
    if guess is None:
        return {}
    return {"published": guess.date, "author": (guess.author or "").split("; ")}


def _article_text(tree: HtmlElement, prose: tuple[str, ...], stated: str) -> str:
    """Return the article's paragraphs, joined by blank lines.

    They are those that trafilatura is sure of; where that is little of `prose`, the page's
    paragraphs, and its generous setting finds over `RESCUE_RATIO` times as much, those. What
    `stated`, the page's own JSON-LD text, has beyond them is put back.
    """
    found = _extracted(tree)
    if sum(map(len, prose)) > RESCUE_RATIO * _length(found):
        generous = _extracted(tree, generous=True)
        found = generous if _length(generous) > RESCUE_RATIO * _length(found) else found
    text = "\n\n".join(restored(found, prose, stated))
    if not text:
        raise ReadError("no article in this page: expected paragraphs of text")
    return text


def _extracted(tree: HtmlElement, *, generous: bool = False) -> tuple[str, ...]:
    """Return the article's paragraphs as trafilatura finds them, strictly or generously."""
    with silent("trafilatura"):
        found = bare_extraction(tree, options=_options(generous))
    body = getattr(found, "body", None)
    return tuple(paragraphs(body, blocks=_BLOCKS)) if body is not None else ()


@cache
def _options(generous: bool) -> Extractor:
    """Return trafilatura's settings, made once: its configuration is slow to read."""
    return Extractor(
        output_format="python",
        precision=not generous,
        recall=generous,
        comments=False,
        tables=True,
        dedup=False,
        with_metadata=False,
    )


def _length(texts: tuple[str, ...]) -> int:
    """Return the number of characters of some paragraphs."""
    return sum(map(len, texts))
