"""Open ZIP files and gzip streams only after checking how much they would unpack to."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

from corpus.errors import ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.limits import (
    FREE_BYTES,
    MAX_MEMBERS,
    MAX_PART_BYTES,
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
)

CHUNK_BYTES = 256 * 1024
"""Bytes unpacked at a time."""

FIRST_BYTES = 1_024
"""Bytes of a gzip file's member that are taken first, then twice as many each time: what lies
behind its end is copied, and a file may be nothing but short members."""

MAX_DIRECTORY_BYTES = MAX_MEMBERS * 256
"""Bytes of a ZIP's table of contents: an entry has 46 and the member's name."""

_END = b"PK\x05\x06"
_END_BYTES = 22
_MAX_COMMENT = 65_535
_LOCATOR_64 = b"PK\x06\x07"
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(data: bytes) -> zipfile.ZipFile:
    """Return a ZIP file whose declared sizes are within the limits; raise `ReadError` if not.

    The table of contents is measured before it is read, so that a file of a million entries costs
    nothing either.
    """
    expect_start(data, (b"PK\x03\x04", _END), "a ZIP archive or an office document")
    _check_directory(data)
    try:
        opened = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadError(f"not a whole ZIP file ({error}): was it cut off?") from error
    members = opened.infolist()
    if len(members) > MAX_MEMBERS:
        raise ReadError(f"{len(members):,} members: expected at most {MAX_MEMBERS:,}, split it up")
    check_ratio(sum(member.file_size for member in members), len(data))
    return opened


def check_ratio(unpacked: int, packed: int) -> None:
    """Raise `ReadError` where a file unpacks, or would by its own word, to a bomb's size."""
    if unpacked > MAX_UNPACKED_BYTES:
        limit = MAX_UNPACKED_BYTES // 1_048_576
        raise ReadError(f"it unpacks to over {limit} MB ({unpacked:,} bytes): not unpacked")
    if unpacked > max(FREE_BYTES, MAX_RATIO * packed):
        raise ReadError(
            f"it unpacks to over {MAX_RATIO} times its size ({unpacked:,} bytes): not unpacked"
        )


def part(opened: zipfile.ZipFile, name: str) -> bytes:
    """Return one part of a document by its name; raise `ReadError` where it lacks or is too large.

    Raises `KeyError` for no part: documents leave out what they do not need.
    """
    return unpacked_member(opened, opened.getinfo(name), MAX_PART_BYTES)


def unpacked_member(opened: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    """Return the bytes of a member of at most `limit`; never more are unpacked."""
    if member.flag_bits & _ENCRYPTED:
        raise ReadError("locked with a password: unlock it first")
    if member.compress_type not in _METHODS:
        raise ReadError("packed in another way than deflate: pack it anew")
    if member.file_size > limit:
        raise ReadError(f"{member.file_size:,} bytes: expected at most {limit:,}")
    check_ratio(member.file_size, member.compress_size)
    try:
        with opened.open(member) as stream:
            return stream.read(limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
        raise ReadError(f"damaged: it cannot be unpacked ({error})") from error


def gunzipped(data: bytes, limit: int = MAX_UNPACKED_BYTES) -> io.BytesIO:
    """Return what a gzip file holds.

    Raises `ReadError` for a damaged one, a bomb, or one that holds over `limit` bytes.
    """
    stream = io.BytesIO()
    for chunk in _inflated(data):
        if stream.tell() + len(chunk) > limit:
            raise ReadError(f"it unpacks to over {limit:,} bytes: not unpacked")
        stream.write(chunk)
    stream.seek(0)
    return stream


def check_gzip(data: bytes) -> None:
    """Raise `ReadError` where a gzip file is damaged or a bomb; keeps nothing of it in memory."""
    for _ in _inflated(data):
        pass


def _inflated(data: bytes) -> Iterator[bytes]:
    """Yield what the members of a gzip file hold, up to the limits."""
    expect_start(data, b"\x1f\x8b", "a gzip file")
    total, at, size = 0, 0, FIRST_BYTES
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    while at < len(data) or inflater.unconsumed_tail:
        pending = inflater.unconsumed_tail
        if not pending:
            pending = data[at : at + size]
            at, size = at + len(pending), min(2 * size, CHUNK_BYTES)
        try:
            chunk = inflater.decompress(pending, CHUNK_BYTES)
        except zlib.error as error:
            raise ReadError(f"damaged: it cannot be unpacked ({error})") from error
        total += len(chunk)
        check_ratio(total, at)
        yield chunk
        if inflater.eof:
            at -= len(inflater.unused_data)
            if not data.startswith(b"\x1f\x8b", at):
                return
            size = FIRST_BYTES
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    yield inflater.flush()
    if not inflater.eof:
        raise ReadError("damaged: the gzip file ends too early, was it cut off?")


def _check_directory(data: bytes) -> None:
    """Raise where the table of contents is missing or larger than the limits allow."""
    end = data.rfind(_END, max(0, len(data) - _END_BYTES - _MAX_COMMENT))
    record = data[end : end + _END_BYTES]
    if end < 0 or len(record) < _END_BYTES:
        raise ReadError("not a whole ZIP file, its table of contents is missing: was it cut off?")
    size = int.from_bytes(record[12:16], "little")
    if _LOCATOR_64 in data[max(0, end - 20) : end] or size > MAX_DIRECTORY_BYTES:
        raise ReadError(
            f"a table of contents for over {MAX_MEMBERS:,} members: expected fewer, split it up"
        )
