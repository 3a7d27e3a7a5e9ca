"""Read RTF: its words by striprtf, what its information group says of them."""

from __future__ import annotations

import re
from pathlib import Path

from striprtf.striprtf import rtf_to_text

from corpus.errors import ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.documents import Block, document
from corpus.readers.formats import Parsed

MAX_RTF_BYTES = 20_000_000
"""Bytes: striprtf takes two seconds for each million; larger ones hold pictures."""

MAX_INFO_CHARS = 20_000
"""Characters from the start in which the information group is looked for."""

_TITLE = re.compile(r"\{\\title\s([^{}]{1,1000})\}")
_AUTHOR = re.compile(r"\{\\author\s([^{}]{1,1000})\}")
_CREATED = re.compile(r"\{\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")
_REVISED = re.compile(r"\{\\revtim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")


def read(path: Path, data: bytes) -> Parsed:
    """Return the document's one article; each of its lines is a paragraph.

    Raises `ReadError` for what is no RTF, is too large, or holds no text.
    """
    expect_start(data, b"{\\rtf", "an RTF document")
    if len(data) > MAX_RTF_BYTES:
        raise ReadError(f"{len(data):,} bytes: expected at most {MAX_RTF_BYTES:,}")
    source = data.decode("latin-1")  # RTF is ASCII and says itself what other bytes mean
    lines = _plain(source).splitlines()
    return document(path, (Block(" ".join(line.split())) for line in lines), _info(source))


def _info(source: str) -> dict[str, object]:
    """Return title, author and dates as the information group says."""
    head = source[:MAX_INFO_CHARS]
    title, author = _TITLE.search(head), _AUTHOR.search(head)
    created, revised = _CREATED.search(head), _REVISED.search(head)
    return {
        "title": _plain(f"{{\\rtf1 {title[1]}}}") if title else None,
        "author": _plain(f"{{\\rtf1 {author[1]}}}") if author else None,
        "published": "{}-{:0>2}-{:0>2}".format(*created.groups()) if created else None,
        "updated": "{}-{:0>2}-{:0>2}".format(*revised.groups()) if revised else None,
    }


def _plain(source: str) -> str:
    """Return the words of an RTF text; raise `ReadError` for a damaged one."""
    try:
        text: str = rtf_to_text(source, errors="replace")  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError, IndexError, KeyError) as error:
        raise ReadError(f"not a whole RTF document ({error}): is it damaged?") from error
    return text
