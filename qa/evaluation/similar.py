"""Find questions that ask the same in nearly the same words."""

from __future__ import annotations

import re
from collections import Counter

from qa.words import content_terms

SIMILAR = 0.8
"""Jaccard similarity of the words of content from which two questions count as one: four of five.
On the drafts of the samples this drops rewordings and keeps questions on other things."""

_TELLING = re.compile(r"\d[\d.,]*|\b[A-Z][\w’'-]*")


class AskedBefore:
    """Remembers questions; says which earlier one a new one repeats."""

    def __init__(self) -> None:
        self._terms: list[frozenset[str]] = []
        self._telling: list[frozenset[str]] = []
        self._ids: list[str] = []
        self._postings: dict[str, list[int]] = {}

    def repeats(self, question: str) -> str | None:
        """Return the id of the most similar earlier question, or None where none is near.

        Two questions that differ in a number or a name are never the same.
        """
        terms, telling = _words(question)
        shared = Counter(at for term in terms for at in self._postings.get(term, ()))
        best: tuple[float, int] | None = None
        for at, count in shared.items():
            similarity = count / (len(terms) + len(self._terms[at]) - count)
            if similarity >= SIMILAR and telling == self._telling[at]:
                best = max(best or (0.0, -at), (similarity, -at))
        return None if best is None else self._ids[-best[1]]

    def remember(self, name: str, question: str) -> None:
        """Keep a question under an id."""
        terms, telling = _words(question)
        for term in terms:
            self._postings.setdefault(term, []).append(len(self._ids))
        self._ids.append(name)
        self._terms.append(terms)
        self._telling.append(telling)


def _words(question: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the stems of content, and the numbers and names but for the first word."""
    _, _, rest = question.strip().partition(" ")
    telling = frozenset(found.casefold() for found in _TELLING.findall(rest))
    return frozenset(content_terms(question)), telling
