"""A quote -> the text directive that makes a browser find it in the original page.

WICG, "URL Fragment Text Directives": a browser goes to the first place where the words stand, so
words that stand in the article more than once are told apart by those before and after them.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote as percent

from corpus.records import Span

WORDS = 6
"""Words at each end of a long quote that the directive names; browsers match the text between."""

PLAIN = 1_024
"""Articles whose plain form is kept."""

KNOWN_WORDS = 8_192
"""Words whose encoded form is kept: the most of what one collection's quotes begin and end with."""

SHORT = 512
"""Letters up to which parting words and joining them is the quicker way to make blanks single."""

_STAND_INS = tuple(zip("\u2019\u2018\u201c\u201d\u2013\u2014\u2026", "\1\2\3\4\5\6\7", strict=True))
"""Marks of print, all that most articles have beyond ASCII, and what stands for them meanwhile:
ASCII is folded thirty times as fast."""

_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f"

_PERCENT = {
    point: f"%{point:02X}"
    for point in range(128)
    if not chr(point).isalnum() and chr(point) not in "_.~"
}
"""What each ASCII letter is written as that does not stand for itself (RFC 3986), and "-"."""

CONTEXT = (0, 3, 8)
"""Words before and after the quote that are tried, until the directive fits one place only."""


def text_directive(text: str, quote: Span) -> str:
    """Return `[prefix-,]start[,end][,-suffix]`, percent-encoded; it fits the quote alone if it can.

    A quote that nothing tells apart, since what is around it repeats as well, gets all its context.
    """
    words = quote.of(text).split()
    start, end = (words, []) if len(words) <= 2 * WORDS else (words[:WORDS], words[-WORDS:])
    plain = _kept_plain(text)
    prefix: list[str] = []
    suffix: list[str] = []
    for count in CONTEXT:
        if count:
            prefix = text[: quote.start].rsplit(maxsplit=count)[-count:]
            suffix = text[quote.end :].split(maxsplit=count)[:count]
        if _fits_once(plain, prefix, start, end, suffix):
            break
    parts = [_encoded(prefix) + "-"] if prefix else []
    parts += [_encoded(part) for part in (start, end) if part]
    parts += ["-" + _encoded(suffix)] if suffix else []
    return ",".join(parts)


def _fits_once(
    plain: str, prefix: list[str], start: list[str], end: list[str], suffix: list[str]
) -> bool:
    """Tell whether the words stand in the text once; of a range its start is what must."""
    last = [] if end else suffix
    return plain.count(_plain(" ".join([*prefix, *start, *last]))) <= 1


@lru_cache(maxsize=PLAIN)
def _kept_plain(text: str) -> str:
    """Return the plain form of a whole text, kept for the next quote of it."""
    return _plain(text)


def _plain(text: str) -> str:
    """Return text as browsers compare it: without regard to case, blanks made single."""
    if text.isascii() and len(text) < SHORT:
        return " ".join(text.lower().split())
    for mark, stand_in in _STAND_INS:
        text = text.replace(mark, stand_in)
    if not text.isascii():
        return " ".join(text.split()).casefold()
    text = text.casefold()
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip(" ")


def _encoded(words: list[str]) -> str:
    """Percent-encode a part of a directive; "-", "&" and "," mean something in it."""
    text = " ".join(words)
    return text.translate(_PERCENT) if text.isascii() else "%20".join(map(_encoded_word, words))


@lru_cache(maxsize=KNOWN_WORDS)
def _encoded_word(word: str) -> str:
    if word.isascii() and word.isalnum():
        return word
    return percent(word.encode("utf-8", "replace"), safe="").replace("-", "%2D")
