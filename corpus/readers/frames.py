"""Write and read what passes between this process and the sandbox: lengths, bytes, JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, BinaryIO

from corpus.readers.formats import Parsed
from corpus.records import Article, Failure, Span

_LENGTH_BYTES = 8


def write_frame(stream: BinaryIO, data: bytes) -> None:
    """Write the length of some bytes, then the bytes."""
    stream.write(len(data).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(data)


def read_frame(stream: BinaryIO, limit: int) -> bytes:
    """Return the next frame; raise `EOFError` where the other side is gone or it has over `limit`.

    Nothing of a frame that is too long is read.
    """
    length = int.from_bytes(_exactly(stream, _LENGTH_BYTES), "big")
    if length > limit:
        raise EOFError(f"{length:,} bytes: expected at most {limit:,}")
    return _exactly(stream, length)


def packed(parsed: Parsed) -> bytes:
    """Return what a reader made of a file as JSON; no pickle, as its maker may be compromised."""
    return json.dumps(asdict(parsed)).encode("ascii")


def unpacked(data: bytes) -> Parsed:
    """Return what `packed` was given."""
    fields: dict[str, Any] = json.loads(data)
    return Parsed(
        tuple(_article(**article) for article in fields["articles"]),
        tuple(Failure(**failure) for failure in fields["failures"]),
        tuple(fields["warnings"]),
    )


def _article(
    *, authors: list[str], kept: list[dict[str, int]], stated: list[list[str]], **rest: Any
) -> Article:
    """Return an article from its fields, lists as the tuples that they were."""
    spans = tuple(Span(**span) for span in kept)
    pairs = tuple((field, place) for field, place in stated)
    return Article(authors=tuple(authors), kept=spans, stated=pairs, **rest)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    """Return the next `length` bytes; raise `EOFError` where there are fewer."""
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the other side is gone")
    return data
