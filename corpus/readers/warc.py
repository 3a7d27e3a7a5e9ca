"""Read WARC files, as crawlers and the Internet Archive write them: each HTML page in them."""

from __future__ import annotations

import codecs
import contextlib
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from corpus.errors import ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.fields import web_address
from corpus.readers.formats import Format, Member
from corpus.readers.limits import MAX_MEMBERS, MAX_PAGE_BYTES
from corpus.readers.logs import silent
from corpus.readers.unpacking import check_gzip, check_ratio

_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{2,40})", re.IGNORECASE)
_CHARSETS = ("iso", "latin", "windows", "cp", "koi8", "gb", "big5", "euc", "shift", "sjis", "mac")
"""Starts of the names of charsets that pages come in; Python knows others, and some are slow."""
_PAGES = ("text/html", "application/xhtml+xml")


def members(_path: Path, data: bytes) -> Iterator[Member]:
    """Yield the HTML pages that were fetched with success, with their address.

    Raises `ReadError` for what is no WARC file, is a bomb, or has too many records.
    """
    if data.startswith(b"\x1f\x8b"):
        check_gzip(data)
    else:
        expect_start(data, b"WARC/", "a WARC file")
    records = iter(ArchiveIterator(io.BytesIO(data)))
    n = total = 0
    while record := _next(records):
        n += 1
        if n > MAX_MEMBERS:
            raise ReadError(f"over {MAX_MEMBERS:,} records: expected fewer, split it up")
        if _is_page(record):
            page = _page(record, n)
            total += len(page.data)
            check_ratio(total, len(data))
            yield page


def _next(records: Iterator[Any]) -> Any:
    """Return the next record, or None at the end; warcio's remarks, which quote pages, stay back.

    Raises `ReadError` where the file cannot be read on.
    """
    try:
        with contextlib.redirect_stderr(io.StringIO()), silent("warcio"):
            return next(records, None)
    except (ArchiveLoadFailed, EOFError, OSError, ValueError, AttributeError) as error:
        raise ReadError(f"not a whole WARC file ({error}): was it cut off?") from error


def _is_page(record: Any) -> bool:
    """Tell whether a record is a page as a server sent it, without an error."""
    if record.rec_type != "response" or record.http_headers is None:
        return False
    kind = (record.http_headers.get_header("Content-Type") or "").partition(";")[0]
    fetched = record.http_headers.get_statuscode() == "200"
    return fetched and kind.strip().lower() in _PAGES


def _page(record: Any, n: int) -> Member:
    """Return a record's page, or why it is not read."""
    name = f"record-{n}.html"
    try:
        content = record.content_stream().read(MAX_PAGE_BYTES + 1)
    except (OSError, ValueError, zlib.error) as error:
        return Member(name, problem=f"damaged: it cannot be unpacked ({error})")
    if len(content) > MAX_PAGE_BYTES:
        return Member(name, problem=f"a page of over {MAX_PAGE_BYTES:,} bytes: expected fewer")
    url = web_address(record.rec_headers.get_header("WARC-Target-URI"))
    fields = {"url": url} if url else {}
    charset = _charset(record.http_headers.get_header("Content-Type") or "")
    return Member(name, _in_utf8(content, charset), kind=Format.HTML, fields=fields)


def _charset(content_type: str) -> str | None:
    """Return the charset that a server declares, if any."""
    match = _CHARSET.search(content_type[:200])
    name = match[1].lower() if match else ""
    return name if name.startswith(_CHARSETS) else None


def _in_utf8(content: bytes, charset: str | None) -> bytes:
    """Return a page as UTF-8 where its server, and not the page itself, says what it is in."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        with contextlib.suppress(LookupError, ValueError):
            return codecs.BOM_UTF8 + content.decode(charset or "").encode("utf-8")
    return content
