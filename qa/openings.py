"""Find a pattern by the words that its matches open with, looking at few places of a text.

A pattern of many words costs some nanoseconds at every letter, half a millisecond a passage;
splitting many passages into words at once costs a few hundredths of that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from corpus.tokens import DIGIT, ODD, Codes, are_among, codes, tokens


@dataclass(frozen=True, slots=True)
class Openings:
    """How the matches of a pattern open: with one of `words` (small letters), or a digit.

    Or where `elsewhere` has a match, whose start is theirs.
    """

    words: Codes
    digits: bool = False
    elsewhere: re.Pattern[str] | None = field(default=None)


def opening(words: str, *, digits: bool = False, elsewhere: str | None = None) -> Openings:
    """Return openings with the words of a text."""
    pattern = None if elsewhere is None else re.compile(elsewhere)
    return Openings(codes(words.split()), digits, pattern)


def matches(
    pattern: re.Pattern[str], openings: Openings, texts: Sequence[str]
) -> list[Iterable[re.Match[str]]]:
    """Return for each text what `pattern.finditer` does; all matches open as `openings` say."""
    whole = "\n".join(texts)
    found = tokens(whole)
    if found is None:
        return [pattern.finditer(text) for text in texts]
    opens = are_among(found.codes, openings.words)
    if openings.digits:
        opens |= (found.letters[found.starts] & DIGIT) > 0
    places = found.starts[opens]
    if openings.elsewhere is not None:
        others = [match.start() for match in openings.elsewhere.finditer(whole)]
        places = np.sort(np.concatenate([places, np.array(others, dtype=np.int64)]))
    edges = np.array([*accumulate((len(text) + 1 for text in texts), initial=0)])
    firsts = np.searchsorted(places, edges).tolist()
    odd = np.searchsorted(edges, np.flatnonzero(found.letters & ODD), side="right") - 1
    is_odd = np.bincount(odd, minlength=len(texts)).tolist()
    return [
        pattern.finditer(text)
        if is_odd[number]
        else _at(pattern, text, (places[slice(*firsts[number : number + 2])] - edge).tolist())
        for number, (text, edge) in enumerate(zip(texts, edges[:-1], strict=True))
    ]


def _at(pattern: re.Pattern[str], text: str, places: Iterable[int]) -> Iterator[re.Match[str]]:
    """Yield disjoint matches that start at these places, ascending."""
    end = 0
    for place in places:
        match = pattern.match(text, place) if place >= end else None
        if match is not None:
            end = match.end()
            yield match
