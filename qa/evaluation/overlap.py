"""Compare texts word by word: token F1, and whether one holds the other's words in a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

# A number keeps its decimals and thousands together; "U.N." is two letters, in both texts alike.
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_ARTICLES = frozenset({"a", "an", "the"})


def words(text: str) -> list[str]:
    """Return the words of a text, lower case, without articles ("a", "an", "the") and marks.

    The normalisation is that of SQuAD (Rajpurkar et al. 2016, EMNLP), but for thousands: "1,000"
    equals "1000".
    """
    found = (match[0].replace(",", "") for match in _WORD.finditer(text.casefold()))
    return [word for word in found if word not in _ARTICLES]


def token_f1(text: str, wanted: str) -> float:
    """Return the F1 (0..1) of the words of `text` against those of `wanted`, repeats counted."""
    ours, theirs = Counter(words(text)), Counter(words(wanted))
    shared = sum((ours & theirs).values())
    if not shared:
        return float(not ours and not theirs)
    precision, recall = shared / sum(ours.values()), shared / sum(theirs.values())
    return 2 * precision * recall / (precision + recall)


def best_f1(text: str, wanted: Iterable[str]) -> float:
    """Return the best F1 of `text` against several right answers; 0 where there is none."""
    return max((token_f1(text, answer) for answer in wanted), default=0.0)


def holds(text: str, answer: str) -> bool:
    """Tell whether the words of `answer` stand in `text` in a row; an answer of no words does not.

    >>> holds("Nine of the houses were flooded.", "nine of houses")
    True
    """
    within, sought = words(text), words(answer)
    if not sought:
        return False
    return f" {' '.join(sought)} " in f" {' '.join(within)} "
