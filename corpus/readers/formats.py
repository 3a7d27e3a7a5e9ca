"""Say which format a file has: by its suffix, else by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
    PARQUET = "Parquet"
    PDF = "PDF"
    DOCX = "DOCX"
    ODT = "ODT"
    RTF = "RTF"
    EPUB = "EPUB"
    MAIL = "e-mail"
    MAILBOX = "a mailbox"
    SAVED_PAGE = "MHTML"
    FEED = "RSS or Atom"
    ZIP = "ZIP"
    TAR = "tar"
    GZIP = "gzip"
    WARC = "WARC"


CONTAINERS = frozenset({Format.ZIP, Format.TAR, Format.GZIP, Format.WARC, Format.MAILBOX})
"""Formats whose members are files of their own; no member may be one of these again."""

UNSANDBOXED = frozenset(
    {Format.TEXT, Format.MARKDOWN, Format.JSON, Format.JSON_LINES, Format.CSV, Format.TSV}
)
"""Formats that Python's own parsers and regular expressions read in linear time."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reader made of the bytes of one file."""

    articles: tuple[Article, ...] = ()
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive: its name there, and its bytes or the reason why they are not read.

    `fields` hold what the archive says of it (the address and date of a WARC record).
    """

    name: str
    data: bytes = b""
    problem: str | None = None
    kind: Format | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


Reader = Callable[[Path, bytes], Parsed]
"""Reads the bytes of the file at an absolute path; raises `ReadError` where nothing can be read."""

Opener = Callable[[Path, bytes], Iterator[Member]]
"""Yields the members of an archive one at a time; raises `ReadError` where there is no going on."""

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
    ".parquet": Format.PARQUET,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
    ".odt": Format.ODT,
    ".rtf": Format.RTF,
    ".epub": Format.EPUB,
    ".eml": Format.MAIL,
    ".mbox": Format.MAILBOX,
    ".mhtml": Format.SAVED_PAGE,
    ".mht": Format.SAVED_PAGE,
    ".rss": Format.FEED,
    ".atom": Format.FEED,
    ".xml": Format.FEED,
    ".opml": Format.FEED,
    ".zip": Format.ZIP,
    ".tar": Format.TAR,
    ".tgz": Format.TAR,
    ".tar.gz": Format.TAR,
    ".gz": Format.GZIP,
    ".warc": Format.WARC,
    ".warc.gz": Format.WARC,
}

_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--[^>]{0,2000}-->\s*)?<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE,
)
_FEED_START = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<[?!][^>]{0,2000}>\s*){0,9}<(?:rss|feed|opml|rdf:RDF)[\s>]"
)
_STARTS = (
    (b"%PDF-", Format.PDF),
    (b"{\\rtf", Format.RTF),
    (b"PAR1", Format.PARQUET),
    (b"WARC/1.", Format.WARC),
    (b"\x1f\x8b", Format.GZIP),
    (b"PK\x03\x04", Format.ZIP),
)
"""What a file of a format starts with."""
_PACKED_STARTS = (
    (b"mimetypeapplication/epub+zip", Format.EPUB),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", Format.ODT),
    (b"[Content_Types].xml", Format.DOCX),
    (b"word/", Format.DOCX),
)
"""What stands in the first bytes of a ZIP file that is a document."""
_JSON_OBJECT_START = re.compile(rb'\s*\{\s*(?:"|\})')
_JSON_LIST_START = re.compile(rb"\s*\[\s*(?:\{|\])")


def format_by_suffix(path: Path) -> Format | None:
    """Return the format that the file's name announces, or None for a suffix that is not read."""
    last_two = "".join(path.suffixes[-2:]).lower()
    return SUFFIXES.get(last_two) or SUFFIXES.get(path.suffix.lower())


def format_of(path: Path, data: bytes) -> Format:
    """Return the format by the file's suffix, else by what its first bytes look like."""
    return format_by_suffix(path) or _sniff(data[:SNIFFED_BYTES])


def _sniff(head: bytes) -> Format:
    """Return the format that bytes without a telling name look like; plain text is the rest."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    starting = (kind for start, kind in _STARTS if head.startswith(start))
    packed = (kind for start, kind in _PACKED_STARTS if start in head)
    if known := next(starting, None):
        return next(packed, known) if known is Format.ZIP else known
    if _FEED_START.match(head):
        return Format.FEED
    if _HTML_START.match(head):
        return Format.HTML
    if _JSON_LIST_START.match(head):
        return Format.JSON
    if _JSON_OBJECT_START.match(head):
        first_line = head.split(b"\n", 1)[0].rstrip()
        return Format.JSON_LINES if first_line.endswith(b"}") else Format.JSON
    return Format.TEXT
