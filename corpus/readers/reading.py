"""Read one file: open it safely, choose the reader, and turn every fault into a reason."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from corpus.errors import ReadError
from corpus.readers.formats import Format, Parsed, Reader, format_of
from corpus.records import Failure, SourceFile

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Bytes: some 20,000 articles as JSON lines; a file is read into memory as a whole."""


def read_file(path: str | os.PathLike[str]) -> SourceFile:
    """Return the articles of one file, and a failure for each part that cannot be read.

    `digest` is the SHA-256 of the file's bytes in hex, or empty where they could not be read.
    Nothing about the file raises: what is wrong stands in `failures`, what was guessed or mended
    in `warnings`. Only ordinary files are opened.
    """
    place = Path.cwd() / path
    try:
        data = _bytes(place)
    except ReadError as error:
        return SourceFile(str(place), failures=(Failure(str(place), str(error)),))
    digest = hashlib.sha256(data).hexdigest()
    try:
        parsed = _parsed(place, data)
    except ReadError as error:
        parsed = Parsed(failures=(Failure(str(place), str(error)),))
    except Exception as error:  # a parser's fault must cost one file, not the run
        reason = f"the reader gave up ({type(error).__name__}): is it a whole, undamaged file?"
        parsed = Parsed(failures=(Failure(str(place), reason),))
    return SourceFile(str(place), parsed.articles, parsed.failures, digest, parsed.warnings)


def _parsed(place: Path, data: bytes) -> Parsed:
    """Return what the reader of the file's format makes of it."""
    if not data.strip():
        raise ReadError("the file is empty: expected an article")
    return _reader(format_of(place, data))(place, data)


def _bytes(place: Path) -> bytes:
    """Return the bytes of an ordinary file; raise `ReadError` for anything else."""
    try:
        with open(place, "rb", opener=_at_once) as file:  # noqa: PTH123 - Path.open has no opener
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ReadError("expected an ordinary file: a pipe or device is not read")
            if status.st_size > MAX_FILE_BYTES:
                limit = f"{MAX_FILE_BYTES:,}"
                raise ReadError(f"{status.st_size:,} bytes: expected at most {limit}, split it up")
            return file.read(MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise ReadError(_refusal(error)) from error


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting, so that a pipe with nobody at its other end stops no run."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refusal(error: OSError | ValueError) -> str:
    """Return in plain words why a file could not be opened or read."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return getattr(error, "strerror", None) or str(error)


def _reader(kind: Format) -> Reader:
    """Return the reader of a format; each is imported when the first such file is met.

    The readers of HTML and Markdown bring trafilatura (1 s) and PyYAML with them.
    """
    if kind is Format.HTML:
        from corpus.readers import webpage

        return webpage.read
    if kind is Format.MARKDOWN:
        from corpus.readers import markdown

        return markdown.read
    if kind in (Format.JSON, Format.JSON_LINES):
        from corpus.readers import json_records

        return json_records.read_json if kind is Format.JSON else json_records.read_json_lines
    if kind in (Format.CSV, Format.TSV):
        from corpus.readers import tables

        return tables.read
    from corpus.readers import plain

    return plain.read
