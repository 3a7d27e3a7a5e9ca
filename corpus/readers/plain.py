"""Read plain text: one file is one article, its text as it came."""

from __future__ import annotations

from pathlib import Path

from corpus.readers.decoding import decode
from corpus.readers.fields import checked_text
from corpus.readers.formats import Parsed
from corpus.readers.stubs import STUB_LINES, check_whole
from corpus.records import Article


def read(path: Path, data: bytes) -> Parsed:
    """Return the file's one article; title and date are left to `corpus.cleaning`.

    Raises `ReadError` for a file that is empty or no text.
    """
    text, warnings = decode(data)
    text, _ = checked_text(text)
    check_whole(text, text.splitlines()[-STUB_LINES:])
    return Parsed((Article(id=str(path), text=text, path=str(path)),), (), warnings)
