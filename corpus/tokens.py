r"""Text -> its words as arrays: where each stands and a number for it, in some passes over letters.

A word is a run of letters and digits, as the regular expression `[^\W_]+` has it. Python's own
splitting takes a third of a microsecond a word; these passes take a tenth of that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]

KNOWN = 0x3000
"""Letters that the tables below tell of: all before Chinese and Japanese ones."""

LETTER, DIGIT, CAPITAL, QUOTE, ASKS, ODD, LINE = 1, 2, 4, 8, 16, 32, 64
"""What a letter may be: of a word; a digit; a capital; a double quotation mark; "?"; one that some
splitting takes otherwise, as it may be composed with others or come apart; "_"."""

FEW = 48
"""Words up to which codes are worked out one by one, or known already: those of a question."""

KNOWN_WORDS = 16_384
"""Words whose codes are kept."""

_BASE = 0x9E3779B97F4A7C15
"""An odd number of 64 bits, of which powers weigh the letters of a word: the golden ratio's."""

_ALL_BITS = (1 << 64) - 1

_QUOTES = '"\u201c\u201d'
_MARKS = (
    "\u00a0\u2010\u2012\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e"
    "\u2020\u2022\u2026\u2039\u203a\u20ac"
)
"""Marks of print and money beyond Latin letters that news is full of."""

_LAST_LATIN = 0x24F
_RUN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a text, side by side: `starts` and `ends` are offsets, int64 (words,).

    `codes` are int64 (words,): equal for words that differ in capitals alone, and for others once
    in 10^18 pairs. `letters` are the flags of all letters of the text, uint8 (letters,).
    """

    starts: Codes
    ends: Codes
    codes: Codes
    letters: Flags


def tokens(text: str, joined_by: int = LETTER) -> Tokens | None:
    """Return the words of a text; None where it has letters that the tables do not tell of.

    A word is a run of what has one of the flags `joined_by`.
    """
    points = _points(text)
    if len(points) and int(points.max()) >= KNOWN:
        return None
    flags, small = _tables()
    letters = flags.take(points)
    inside = np.zeros(len(points) + 2, dtype=np.bool_)
    np.not_equal(letters & joined_by, 0, out=inside[1:-1])
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    return Tokens(starts, ends, _hashed(small.take(points), starts, ends), letters)


def are_known(text: str) -> bool:
    """Tell whether `tokens` takes a text: whether the tables tell of all its letters."""
    return not text or ord(max(text)) < KNOWN


def codes(words: Iterable[str]) -> Codes:
    """Return the codes of words, int64 (words,): those that `tokens` gives them in lower case."""
    listed = [*words]
    if len(listed) <= FEW:
        return np.array([*map(_code, listed)], dtype=np.int64)
    lengths = np.array([*map(len, listed)], dtype=np.int64)
    ends = np.cumsum(lengths)
    held = np.flatnonzero(lengths)
    found = np.zeros(len(listed), dtype=np.int64)
    points = _points("".join(listed)).astype(np.uint64)
    found[held] = _hashed(points, (ends - lengths)[held], ends[held])
    return found


@lru_cache(maxsize=KNOWN_WORDS)
def _code(word: str) -> int:
    """Return the code of one word, which is what `_hashed` makes of it, as a signed number."""
    total = 0
    for letter in reversed(word):
        total = total * _BASE + ord(letter)
    total &= _ALL_BITS
    total ^= total >> 32
    total = total * _BASE & _ALL_BITS
    total ^= total >> 29
    return total - (total >> 63 << 64)


def are_among(sought: Codes, known: Codes) -> npt.NDArray[np.bool_]:
    """Tell which of some codes are among known ones, bool (codes,).

    Sorting the known ones alone takes a tenth of the time of `np.isin`, which sorts all.
    """
    if not len(known):
        return np.zeros(len(sought), dtype=np.bool_)
    ascending = np.sort(known)
    return np.asarray(ascending[np.searchsorted(ascending[:-1], sought)] == sought, dtype=np.bool_)


def codes_of_slips(word: str, letters: str) -> Codes:
    """Return the codes of all words that one letter left out, put in, changed or swapped makes.

    Those put in are of `letters`. Some codes come more than once, and the word's own may be there.

    Norvig (2007), "How to Write a Spelling Corrector", whose words these are; here the sums of
    letters are changed, and no word is ever made.
    """
    points = _points(word).astype(np.uint64)
    count = len(points)
    powers, inverses = _powers(1 << (count + 1).bit_length())
    base, other = powers[1:2], inverses[1:2]
    weighed = np.zeros(count + 1, dtype=np.uint64)
    np.cumsum(points * powers[:count], out=weighed[1:])
    whole = weighed[-1:]
    before, behind = weighed, whole - weighed  # up to each gap, and from it on
    given = _points(letters).astype(np.uint64)[:, None]
    steps = points[1:] - points[:-1]
    made = (
        before[:-1] + behind[1:] * other,
        whole + steps * powers[: max(count - 1, 0)] * (powers[:1] - base),
        (whole + (given - points) * powers[:count]).ravel(),
        (before + given * powers[: count + 1] + behind * base).ravel(),
    )
    return _mixed(np.concatenate(made))


def _points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of a text, lone surrogates too."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _hashed(points: npt.NDArray[np.uint64], starts: Codes, ends: Codes) -> Codes:
    """Return a number for each range of letters, none empty: a polynomial of them, modulo 2^64."""
    if not len(starts):
        return np.empty(0, dtype=np.int64)
    powers, inverses = _powers(1 << max(len(points) - 1, 0).bit_length())
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    np.cumsum(points * powers[: len(points)], out=sums[1:])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


def _mixed(sums: npt.NDArray[np.uint64]) -> Codes:
    """Return the codes of sums, which are changed."""
    sums ^= sums >> np.uint64(32)  # the low bits of a polynomial depend on few bits of letters
    sums *= np.uint64(_BASE)
    sums ^= sums >> np.uint64(29)
    return sums.view(np.int64)


@cache
def _powers(count: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return the first powers of the base and of its inverse, modulo 2^64."""
    inverse = pow(_BASE, -1, 1 << 64)
    found = []
    for base in (_BASE, inverse):
        factors = np.full(count, base, dtype=np.uint64)
        factors[:1] = 1
        found.append(np.cumprod(factors, dtype=np.uint64))
    return found[0], found[1]


@cache
def _tables() -> tuple[Flags, npt.NDArray[np.uint64]]:
    """Return the flags of the known letters, and their small letters."""
    letters = "".join(map(chr, range(KNOWN)))
    flags = np.full(KNOWN, ODD, dtype=np.uint8)
    for run in _RUN.finditer(letters):
        flags[slice(*run.span())] |= LETTER
    small = np.arange(KNOWN, dtype=np.uint64)
    for point, letter in enumerate(letters):
        if not letter.isalnum():
            continue
        lowered = letter.lower()
        if lowered != letter and len(lowered) == 1:
            small[point] = ord(lowered)
        flags[point] |= (DIGIT * letter.isdigit()) | (CAPITAL * letter.isupper())
    for point in (*range(_LAST_LATIN + 1), *map(ord, _MARKS)):
        flags[point] &= ~np.uint8(ODD * _is_plain(letters[point]))
    flags[ord("_")] |= LINE
    flags[ord("?")] |= ASKS
    flags[[*map(ord, _QUOTES)]] |= QUOTE
    return flags, small


def _is_plain(letter: str) -> bool:
    """Tell whether a Latin letter or a mark stays one letter, and the same, in any form."""
    if letter.isascii() or letter in _MARKS:
        return letter != "_"
    lowered = letter.lower()
    if len(lowered) != 1 or ord(lowered) > _LAST_LATIN:  # which takes more bytes than the capital
        return False
    return letter != "\u00ad" and unicodedata.is_normalized("NFKC", letter + lowered)
