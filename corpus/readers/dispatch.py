"""Name the reader of each format; its module is imported when the first such file is met."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from corpus.readers.formats import Format, Opener, Parsed, Reader

_READERS = {
    Format.TEXT: ("plain", "read"),
    Format.MARKDOWN: ("markdown", "read"),
    Format.HTML: ("webpage", "read"),
    Format.JSON: ("json_records", "read_json"),
    Format.JSON_LINES: ("json_records", "read_json_lines"),
    Format.CSV: ("tables", "read"),
    Format.TSV: ("tables", "read"),
    Format.PARQUET: ("parquet", "read"),
    Format.PDF: ("pdf", "read"),
    Format.DOCX: ("docx", "read"),
    Format.ODT: ("odt", "read"),
    Format.RTF: ("rtf", "read"),
    Format.EPUB: ("epub", "read"),
    Format.MAIL: ("mail", "read"),
    Format.SAVED_PAGE: ("mail", "read_saved_page"),
    Format.FEED: ("feed", "read"),
}
_OPENERS = {
    Format.ZIP: ("archives", "zip_members"),
    Format.TAR: ("archives", "tar_members"),
    Format.GZIP: ("archives", "gzip_member"),
    Format.WARC: ("warc", "members"),
    Format.MAILBOX: ("mailbox", "messages"),
}


def reader_of(kind: Format) -> Reader:
    """Return the reader of a format that is no archive."""
    module, name = _READERS[kind]
    reader: Reader = getattr(import_module(f"corpus.readers.{module}"), name)
    return reader


def opener_of(kind: Format) -> Opener:
    """Return what yields the members of an archive's format."""
    module, name = _OPENERS[kind]
    opener: Opener = getattr(import_module(f"corpus.readers.{module}"), name)
    return opener


def parse(kind: Format, path: Path, data: bytes) -> Parsed:
    """Return what the reader of a format makes of a file; raises what the reader raises."""
    return reader_of(kind)(path, data)
