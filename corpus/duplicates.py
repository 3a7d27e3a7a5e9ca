"""The same story in several outlets: near-duplicate articles, told by the word runs they share."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from corpus.records import Article, Span
from corpus.tokens import LETTER, LINE, Codes, codes, tokens

SHINGLE = 4
"""Words in a run; Broder (1997), "On the resemblance and containment of documents"."""

SAME_STORY = 0.55
"""Share of the shorter text's runs that the other must hold to be the same story: the samples'
wire stories, edited and trimmed, share .94 and more, two accounts of one event .03 at most."""

LEAST_SIZE = 0.3
"""Least share of the longer text's runs that a copy has: a story trimmed to a third is still the
story, but one of ten in a round-up is not the round-up."""

HEAD = 12_000
"""Characters of an article that are compared, some 2,000 words; most news is shorter, and of a
book only this much is work."""

SKETCH = 64
"""Lowest hashes that are compared first: copies of the least size and likeness above have none of
them in common once in 100,000 times, other texts hardly ever have one."""

COMPARED = 20
"""Members of a group that a further article is compared with; more would only repeat them."""

CACHED = 2_048
"""Texts whose runs are kept in memory, some 8 kB for each thousand words."""

PAIRS = 8_192
"""Pairs of texts of which it is remembered whether one is a copy: what is alike is found together
again and again."""

_WORD = re.compile(r"\w+")
_FACTOR = np.int64(0x27D4EB2F165667C5)
"""An odd number of 63 bits, by which a word's place in a run is told."""


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """The hashes of a text's runs of words, int64 ascending, and the lowest (Broder's sketch).

    Two are equal where they are the same object.
    """

    hashes: npt.NDArray[np.int64]
    sketch: frozenset[int]


def same_story(one: Article, other: Article) -> bool:
    """Tell whether two articles are the same text, but for small edits and cuts."""
    return _is_copy(_runs_of(one), _runs_of(other))


def containment(one: Article, other: Article) -> float:
    """Return the share (0..1) of the shorter article's word runs that the longer one holds."""
    return _containment(_runs_of(one).hashes, _runs_of(other).hashes)


def group_same_stories(articles: Sequence[Article]) -> list[list[int]]:
    """Return groups of indices of the same story; each group keeps the given order.

    An article joins the first group with a member that it repeats, so that a chain of small edits
    stays one story.
    """
    groups: list[list[int]] = []
    runs = [_runs_of(article) for article in articles]
    sharing = _sharing(runs)
    joined: list[int] = []
    for index, own in enumerate(runs):
        near = sharing.get(index, frozenset())
        for number in sorted({joined[at] for at in near}):
            members = [at for at in groups[number][:COMPARED] if at in near]
            if any(_is_copy(runs[member], own) for member in members):
                break
        else:
            number = len(groups)
            groups.append([])
        groups[number].append(index)
        joined.append(number)
    return groups


def _sharing(runs: Sequence[_Runs]) -> Mapping[int, Set[int]]:
    """Return text -> those before it that have a hash of their sketch in common with it."""
    sketches = [own.hashes[:SKETCH] for own in runs]
    found: dict[int, set[int]] = {}
    if not sketches:
        return found
    owner = np.repeat(np.arange(len(runs)), [*map(len, sketches)])
    hashes = np.concatenate(sketches)
    order = np.argsort(hashes)
    owner, hashes = owner[order], hashes[order]
    for apart in range(1, len(runs)):
        again = np.flatnonzero(hashes[apart:] == hashes[:-apart])
        if not len(again):
            break
        for one, other in zip(owner[again].tolist(), owner[again + apart].tolist(), strict=True):
            found.setdefault(max(one, other), set()).add(min(one, other))
    return found


@lru_cache(maxsize=PAIRS)
def _is_copy(one: _Runs, other: _Runs) -> bool:
    if one.sketch.isdisjoint(other.sketch):
        return False
    shorter, longer = sorted((len(one.hashes), len(other.hashes)))
    return shorter >= LEAST_SIZE * longer and _containment(one.hashes, other.hashes) >= SAME_STORY


def _containment(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> float:
    shorter = min(len(one), len(other))
    if not shorter:
        return 0.0
    both = np.sort(np.concatenate([one, other]), kind="stable")  # which merges what is in order
    return int(np.count_nonzero(both[1:] == both[:-1])) / shorter


def _runs_of(article: Article) -> _Runs:
    """Return the word runs at the head of what is kept of an article."""
    known = _KEPT.pop(article.text, None)
    if known is None or (known[0] is not article.kept and known[0] != article.kept):
        known = article.kept, _runs_of_kept(article.text, article.kept)
    _KEPT[article.text] = known
    if len(_KEPT) > CACHED:
        _KEPT.popitem(last=False)
    return known[1]


_KEPT: OrderedDict[str, tuple[tuple[Span, ...], _Runs]] = OrderedDict()
"""Texts that were compared last, the newest at the end, with their kept spans and their runs."""


def _runs_of_kept(text: str, kept: tuple[Span, ...]) -> _Runs:
    parts = []
    room = HEAD
    for span in kept:
        parts.append(text[span.start : min(span.end, span.start + room)])
        room -= len(parts[-1])
        if room <= 0:
            break
    return _runs("\n".join(parts))


def _runs(text: str) -> _Runs:
    """Return the runs of a text; one of fewer words than a run is a run as a whole."""
    found = tokens(text, LETTER | LINE)
    words = codes(_WORD.findall(text.lower())) if found is None else found.codes
    ascending = np.sort(_hashed(words))
    is_first = np.ones(len(ascending), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    different = ascending[is_first]
    return _Runs(different, frozenset(different[:SKETCH].tolist()))


def _hashed(words: Codes) -> Codes:
    """Return a number for each run of words, int64 (runs,): a polynomial modulo 2^64."""
    runs = max(len(words) - SHINGLE + 1, min(len(words), 1))
    hashes = np.zeros(runs, dtype=np.int64)
    for offset in range(min(SHINGLE, len(words))):
        hashes = hashes * _FACTOR + words[offset : offset + runs]
    return hashes
