"""Read plain text: one file is one article, its text as it came."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text, described
from corpus.readers.formats import Parsed
from corpus.readers.stubs import STUB_CHARS, STUB_LINES, check_whole
from corpus.records import Article, Span

_HEAD_LINE = re.compile(
    r"(Feed|Title|Author|Date|Link|Podcast Download URL|Flags): ([^\r\n]{0,2000})\r?\n"
)
_HEAD_FIELDS = {
    "Feed": "source", "Title": "title", "Author": "author", "Date": "published", "Link": "url",
}  # fmt: skip
"""What terminal feed readers (newsboat and its kin) write over an article that they save."""


def read(path: Path, data: bytes) -> Parsed:
    """Return the file's one article; title and date are left to `corpus.cleaning`.

    Where a feed reader wrote the file, its lines over the text say what they are, and are left out
    of what is kept. Raises `ReadError` for a file that is empty, no text, or only a beginning.
    """
    text, warnings = decode(data)
    text, _ = checked_text(text)
    check_whole(text, text[-STUB_CHARS:].splitlines()[-STUB_LINES:])
    fields, start = _head(text)
    if not fields:
        return Parsed((Article(id=str(path), text=text, path=str(path)),), (), warnings)
    checked_text(text[start:])
    article = described(fields, text, path, own_id=str(path), place="feed")
    return Parsed((replace(article, kept=(Span(start, len(text)),)),), (), warnings)


def _head(text: str) -> tuple[dict[str, str], int]:
    """Return what a feed reader says of its article, and where that ends; nothing for any other."""
    fields: dict[str, str] = {}
    at = 0
    while match := _HEAD_LINE.match(text, at):
        fields[_HEAD_FIELDS.get(match[1], match[1])] = match[2]
        at = match.end()
    return (fields, at) if fields.keys() >= {"title", "url"} else ({}, 0)
