"""The same story in several outlets: near-duplicate articles, told by the word runs they share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from corpus.records import Article

SHINGLE = 4
"""Words in a run; Broder (1997), "On the resemblance and containment of documents"."""

SAME_STORY = 0.55
"""Share of the shorter text's runs that the other must hold to be the same story: one wire story
with a paragraph trimmed stays above it, two reporters' accounts of one event stay below .2."""

_WORD = re.compile(r"\w+")


def same_story(one: Article, other: Article) -> bool:
    """Tell whether two articles are the same text, but for small edits and cuts."""
    return containment(one, other) >= SAME_STORY


def containment(one: Article, other: Article) -> float:
    """Return the share (0..1) of the shorter article's word runs that the longer one holds."""
    first, second = _shingles(one.clean_text), _shingles(other.clean_text)
    if not first or not second:
        return 0.0
    return len(first & second) / min(len(first), len(second))


def group_same_stories(articles: Sequence[Article]) -> list[list[int]]:
    """Return groups of indices of the same story; each group keeps the given order.

    An article joins the first group whose first member it repeats.
    """
    groups: list[list[int]] = []
    for index, article in enumerate(articles):
        for group in groups:
            if same_story(articles[group[0]], article):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


@lru_cache(maxsize=2_048)
def _shingles(text: str) -> frozenset[int]:
    words = [word.lower() for word in _WORD.findall(text)]
    if len(words) < SHINGLE:
        return frozenset([hash(tuple(words))] if words else [])
    runs = zip(*(words[offset:] for offset in range(SHINGLE)), strict=False)
    return frozenset(hash(run) for run in runs)
