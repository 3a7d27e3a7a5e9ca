"""Yield the messages of a mailbox file (mbox), in which mail programs keep newsletters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from corpus.errors import ReadError
from corpus.readers.decoding import expect_start
from corpus.readers.formats import Format, Member
from corpus.readers.limits import MAX_MEMBERS

_START = re.compile(
    rb"\AFrom [^\r\n]{1,500}\r?\n"
    rb"|(?:(?<=\n\n)|(?<=\n\r\n))From [^\r\n]{1,500}\r?\n(?=>?From |[!-9;-~]{1,100}[ \t]?:)"
)
"""What stands before each message, behind an empty line (RFC 4155) and with a header behind it: not
all programs mark a paragraph that starts with the same word."""
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def messages(_path: Path, data: bytes) -> Iterator[Member]:
    """Yield the messages; raise `ReadError` for what is no mailbox or holds too many."""
    expect_start(data, b"From ", "a mailbox")
    starts = [match.span() for match in _START.finditer(data)]
    if not starts:
        raise ReadError("expected a mailbox, found no message in it")
    if len(starts) > MAX_MEMBERS:
        raise ReadError(f"{len(starts):,} messages: expected at most {MAX_MEMBERS:,}, split it up")
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for n, ((_, start), end) in enumerate(zip(starts, ends, strict=True), 1):
        yield Member(f"message-{n}.eml", _QUOTED.sub(rb"\1", data[start:end]), kind=Format.MAIL)
