"""Say which format a file has: by its suffix, else by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from corpus.records import Article, Failure

SNIFFED_BYTES = 4096
"""Bytes: enough to get past a byte order mark, a licence comment and a doctype."""


class Format(Enum):
    """A format that a reader exists for."""

    TEXT = "plain text"
    MARKDOWN = "Markdown"
    HTML = "HTML"
    JSON = "JSON"
    JSON_LINES = "JSON lines"
    CSV = "CSV"
    TSV = "TSV"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reader made of the bytes of one file."""

    articles: tuple[Article, ...] = ()
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()


Reader = Callable[[Path, bytes], Parsed]
"""Reads the bytes of the file at an absolute path; raises `ReadError` where nothing can be read."""

SUFFIXES = {
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".json": Format.JSON,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
}

_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,2000}-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE,
)
_JSON_OBJECT_START = re.compile(rb'\s*\{\s*(?:"|\})')
_JSON_LIST_START = re.compile(rb"\s*\[\s*(?:\{|\])")


def format_by_suffix(path: Path) -> Format | None:
    """Return the format that the file's name announces, or None for a suffix that is not read."""
    return SUFFIXES.get(path.suffix.lower())


def format_of(path: Path, data: bytes) -> Format:
    """Return the format by the file's suffix, else by what its first bytes look like."""
    return format_by_suffix(path) or _sniff(data[:SNIFFED_BYTES])


def _sniff(head: bytes) -> Format:
    """Return the format that bytes without a telling name look like; plain text is the rest."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _HTML_START.match(head):
        return Format.HTML
    if _JSON_LIST_START.match(head):
        return Format.JSON
    if _JSON_OBJECT_START.match(head):
        first_line = head.split(b"\n", 1)[0].rstrip()
        return Format.JSON_LINES if first_line.endswith(b"}") else Format.JSON
    return Format.TEXT
