"""Read EPUB: each chapter of the book's reading order is an article, its source the book."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

from corpus.errors import ReadError
from corpus.readers.decoding import decode
from corpus.readers.fields import Origin, checked_text, described
from corpus.readers.formats import Parsed
from corpus.readers.markup import first_heading, parse_page, visible_text
from corpus.readers.unpacking import open_zip, part
from corpus.readers.xml_parts import local_name, parse_xml, text_of
from corpus.records import Article, Failure

MIN_CHAPTER_CHARS = 200
"""Characters: title pages, copyright notes and dedications have fewer, articles more."""

MAX_CHAPTERS = 5_000
"""Chapters: a year of a daily paper's longest stories."""

_CONTAINER = "META-INF/container.xml"
_FIELDS = {"title": "source", "creator": "author", "date": "published"}
"""What the book says, and the fields of an article that it is."""


@dataclass(frozen=True, slots=True)
class _Book:
    """What a book says of itself, and the names of its chapters in order."""

    fields: Mapping[str, object]
    chapters: tuple[str, ...]


def read(path: Path, data: bytes) -> Parsed:
    """Return the chapters that hold an article's worth of text.

    Raises `ReadError` for what is no EPUB, is a bomb, or has no such chapter.
    """
    with open_zip(data) as opened:
        book = _book(opened)
        articles: list[Article] = []
        failures: list[Failure] = []
        for n, name in enumerate(book.chapters, 1):
            try:
                articles += _chapter(opened, name, book, Origin(path, n, name))
            except ReadError as error:
                failures.append(Failure(str(path), f"{name}: {error}"))
    if not articles and not failures:
        raise ReadError(f"no chapter of at least {MIN_CHAPTER_CHARS} characters in this book")
    return Parsed(tuple(articles), tuple(failures))


def _book(opened: zipfile.ZipFile) -> _Book:
    """Return what the package file says of the book."""
    try:
        container = parse_xml(part(opened, _CONTAINER))
        files = [tag.get("full-path", "") for tag in container.iter("{*}rootfile")]
        place = next(iter(files), "")
        package = parse_xml(part(opened, place))
    except KeyError as error:
        raise ReadError("expected an EPUB book, found another ZIP file") from error
    chapters = tuple(_chapters(package, posixpath.dirname(place)))
    if len(chapters) > MAX_CHAPTERS:
        raise ReadError(f"{len(chapters):,} chapters: expected at most {MAX_CHAPTERS:,}")
    return _Book(_fields(package), chapters)


def _fields(package: etree._Element) -> dict[str, object]:
    """Return title, author and date of the book, the first of each."""
    fields: dict[str, object] = {}
    for tag in package.iterfind("{*}metadata//*"):
        if (name := local_name(tag)) in _FIELDS and text_of(tag):
            fields.setdefault(_FIELDS[name], text_of(tag))
    return fields


def _chapters(package: etree._Element, folder: str) -> Iterator[str]:
    """Yield the names of the files of the reading order, without the table of contents."""
    items = {item.get("id"): item for item in package.iterfind("{*}manifest/{*}item")}
    for reference in package.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is not None and "nav" not in (item.get("properties") or "").split():
            href = unquote(item.get("href", "")).partition("#")[0]
            yield posixpath.normpath(posixpath.join(folder, href))


def _chapter(opened: zipfile.ZipFile, name: str, book: _Book, origin: Origin) -> Iterator[Article]:
    """Yield the chapter's article, if it has the text of one."""
    try:
        markup, _ = decode(part(opened, name), declares=True)
    except KeyError as error:
        raise ReadError("the book names this chapter and does not hold it") from error
    tree = parse_page(markup)
    text = visible_text(tree)
    if len(text) >= MIN_CHAPTER_CHARS:
        fields = {**book.fields, "title": first_heading(tree)}
        text, _ = checked_text(text)
        own_id = f"{origin.path}#{origin.n}"
        places = {"title": "text"}
        yield described(fields, text, origin.path, own_id=own_id, place="document", places=places)
