"""Where the sentences of a text begin and end.

Lines are blocks first (a blank line, a bullet or a line that stands for itself ends one), then
syntok finds the sentences of each block, then what it is known to cut wrongly is mended.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from corpus.records import Span

MAX_BLOCK = 10_000
"""Characters handed to the segmenter at once: its time grows faster than its input."""

HARD_WRAP_MIN = 45
"""Characters from which on a line may have been wrapped by a program rather than ended."""

TITLES = frozenset(
    "mr mrs ms mx dr prof rev fr sr hon pres gov sen rep gen col maj capt cmdr lt sgt cpl pvt adm"
    " supt insp det st mt ft messrs mme mlle cllr amb atty dist asst assoc vs".split()
)
"""Abbreviations that are never the last word of a sentence: a name follows."""

NUMBERED = frozenset({"no", "nos", "art", "sec", "p", "pp", "vol", "fig"})
"""Abbreviations that do not end a sentence where a digit follows."""

_BULLET = re.compile(r"[ \t]*(?:[•‣◦▪●*+–—-]|\d{1,3}[.)])[ \t]+\S")
_BREAK = re.compile(r"[\n\r\u2028\u2029\x85\x0b\x0c]")
_LINE = re.compile(r"[^\n\r\u2028\u2029\x85\x0b\x0c]+")
_LAST_WORD = re.compile(r"(?:^|[\s(\"'“‘])(\w{1,8})\.$")
_INITIAL = re.compile(r"(?:^|[\s(\"'“‘])[A-Z]\.$")
_AFTER_DECIMAL = re.compile(
    r"(?<=[\w,;:–-] )[£$€]?\d{1,9}\.\d{1,3}(?:m|bn|tn|k|p|%)?\."
    r"[ \t\n\r]{1,4}(?=[\"“‘']?[A-Z][a-z ])"
)
_WIDE_END = (
    "[\u3002\uff01\uff1f\uff61]+"
    "(?:[\u201d\u2019\uff02\uff09\u300b]|[\u300d\u300f](?!\\S))*(?![\u300d\u300f\u201d\u2019\uff02])"
)
_OWN_END = '[\u0964\u0965\u06d4\u061f\u1362\u0589]+["\u201d\u2019)]*'
_OTHER_ENDS = re.compile(rf"(?:{_WIDE_END}|{_OWN_END})[ \t\n\r\u3000]*")
"""Ends of sentences in Chinese and Japanese, where no space need follow, and in Hindi, Urdu,
Arabic, Amharic and Armenian, which have marks of their own. In Japanese quotation marks none ends.
"""
_ORDINAL = re.compile(r"\b(?:am|vom|zum|bis|den|dem|der|ab|seit|im)[ \t]\d{1,2}\.$")
"""A German date: "am 3. Mai"."""
_CLOSERS = frozenset("\"'”’)]»")
_PLAIN = r"\w,:'\"‘’“”$£€%&/…–—\-"
"""Letters of which words are made that end no sentence and open no bracket, for a set."""
_FAMILIAR = re.compile(rf"[{_PLAIN}.!?; \n]*")
_SINGLE = re.compile(rf"[{_PLAIN} ]*(?:[.!?][\"'”’]?)?")
"""A sentence alone: plain words, at most the last one with a mark."""
_WORD = rf"[{_PLAIN}]+"
_RUN = re.compile(rf"(?<![^ \n]){_WORD} {_WORD} ((?:{_WORD} )+){_WORD}(?![^ \n])")
"""Plain words between single spaces; in the group, all but the first two and the last."""


def split_sentences(text: str, within: Iterable[Span] | None = None) -> list[Span]:
    """Return the sentence spans of `text`, in order and disjoint, whitespace between them left out.

    `within` limits the work to some spans of the text; no sentence crosses their borders. Every
    character that is not whitespace lies in exactly one sentence.
    """
    spans = [Span(0, len(text))] if within is None else within
    return [
        sentence
        for span in spans
        for block in _blocks(text, span)
        for sentence in _sentences_of_block(text, block)
    ]


def paragraph_starts(text: str, sentences: Iterable[Span]) -> list[bool]:
    """Tell for each sentence whether a line break stands between it and the one before."""
    starts, last = [], 0
    for sentence in sentences:
        starts.append(last == 0 or _BREAK.search(text, last, sentence.start) is not None)
        last = sentence.end
    return starts


def _blocks(text: str, span: Span) -> Iterator[Span]:
    """Yield runs of lines that belong together, none longer than MAX_BLOCK."""
    block: Span | None = None
    previous = Span(span.start, span.start)
    for match in _LINE.finditer(text, span.start, span.end):
        line = Span(*match.span())
        if not line.of(text).strip():
            continue
        if block is not None and not _continues(text, previous, line):
            yield from _short_blocks(text, block)
            block = None
        block = Span(line.start if block is None else block.start, line.end)
        previous = line
    if block is not None:
        yield from _short_blocks(text, block)


def _continues(text: str, before: Span, line: Span) -> bool:
    """Tell whether `line` goes on with the sentence of the line `before` it.

    It does where one single break parts them, the earlier line is long enough to have been
    wrapped and does not end a sentence, and the later one is no bullet.
    """
    previous = before.of(text).rstrip()
    if len(previous) < HARD_WRAP_MIN:
        return False
    gap = text[before.end : line.start]
    if gap.count("\n") > 1 or gap.count("\r") > 1 or len(gap.strip(" \t\n\r")) > 0:
        return False
    if _BULLET.match(line.of(text)) is not None:
        return False
    first = line.of(text).lstrip()[0]
    return first.islower() or previous[-1] not in ".!?:\"'”’)"


def _short_blocks(text: str, block: Span) -> Iterator[Span]:
    """Cut a block that is too long for the segmenter, at a full stop or else at a space."""
    start = block.start
    while block.end - start > MAX_BLOCK:
        window_end = start + MAX_BLOCK
        cut = max(text.rfind(mark, start, window_end) for mark in (". ", "! ", "? "))
        cut = cut + 1 if cut > start else text.rfind(" ", start, window_end)
        cut = cut if cut > start else window_end
        yield Span(start, cut)
        start = cut
    yield Span(start, block.end)


def _sentences_of_block(text: str, block: Span) -> Iterator[Span]:
    """Yield the sentences of one block, trimmed of the whitespace around them."""
    piece = block.of(text)
    starts = _segmented(piece)
    starts += [match.end() for match in _AFTER_DECIMAL.finditer(piece)]
    if not piece.isascii():
        starts += [match.end() for match in _OTHER_ENDS.finditer(piece) if match.end() < len(piece)]
    cuts = _joined(piece, starts)
    for start, end in zip(cuts, [*cuts[1:], len(piece)], strict=True):
        trimmed = _trim(piece, start, end)
        if trimmed is not None:
            yield Span(block.start + trimmed.start, block.start + trimmed.end)


def _segmented(piece: str) -> list[int]:
    """Return where syntok has the sentences of a piece begin; it may leave out the first.

    It decides by the words next to a mark and by whether a sentence has one word or more, so it is
    not shown plain words that are further from any: the same cuts in half of the time. What it
    makes of brackets depends on much, so from the first odd letter on it sees all.
    """
    if _SINGLE.fullmatch(piece.rstrip()):
        return []
    from syntok import segmenter

    familiar = _FAMILIAR.match(piece)
    shown, places, at, left_out = [], [0], 0, [0]
    for run in _RUN.finditer(piece, 0, familiar.end() if familiar else 0):
        start, end = run.span(1)
        shown.append(piece[at:start])
        places.append(start - left_out[-1])
        left_out.append(left_out[-1] + end - start)
        at = end
    shown.append(piece[at:])
    found = segmenter.analyze("".join(shown))
    starts = [sentence[0].offset for part in found for sentence in part]
    return [start + left_out[bisect_right(places, start) - 1] for start in starts]


def _joined(piece: str, starts: list[int]) -> list[int]:
    """Drop the sentence starts that are none, and begin with the first character."""
    kept = [0]
    for start in sorted(set(starts)):
        if start > kept[-1] and not _inside_sentence(piece, kept[-1], start):
            kept.append(start)
    return kept


def _inside_sentence(piece: str, previous: int, start: int) -> bool:
    """Tell whether a sentence cannot begin at `start`: a title, an initial or a quote goes on."""
    before = piece[max(previous, start - 24) : start].rstrip()
    if not before:
        return True
    rest = piece[start : start + 2]
    if before[-1] == "." and (
        _INITIAL.search(before) or _ORDINAL.search(before) or _is_title(before, rest)
    ):
        return True
    closes_only = rest[:1] in _CLOSERS and (len(rest) == 1 or rest[1].isspace())
    return closes_only or (rest[:1].islower() and before[-1] in _CLOSERS)


def _is_title(before: str, rest: str) -> bool:
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match.group(1).lower()
    return word in TITLES or (word in NUMBERED and rest[:1].isdigit())


def _trim(piece: str, start: int, end: int) -> Span | None:
    """Return the range without the whitespace at its ends, or None where nothing is left."""
    part = piece[start:end]
    left = len(part) - len(part.lstrip())
    right = len(part.rstrip())
    return Span(start + left, start + right) if right > left else None
