"""What an archive page lists: one light row an article, made anew when the archive changed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from corpus.records import Article
from qa.records import Status

MOST_ROWS = 200
"""Rows that are given at once."""

MOST_MONTHS = 60
"""Months that a plot shows one by one; a longer time is shown in years."""


class Listed(Protocol):
    """The part of an archive that a catalogue reads."""

    @property
    def articles(self) -> Callable[[], Iterator[Article]]:
        """Yield all articles."""
        ...

    def status(self) -> Status:
        """Return what the archive holds."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """An article as it is listed."""

    id: str
    title: str | None
    source: str | None
    published: str | None

    def matches(self, words: Sequence[str]) -> bool:
        """Tell whether each word stands in headline, outlet, date or id; words are lower case."""
        text = " ".join(filter(None, (self.title, self.source, self.published, self.id))).lower()
        return all(word in text for word in words)


class Catalogue:
    """The rows of an archive, newest first. Safe for threads."""

    def __init__(self, archive: Listed) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._made: tuple[int, tuple[Row, ...]] | None = None

    def rows(self) -> tuple[Row, ...]:
        """Return all rows, those without a date last."""
        with self._lock:
            generation = self._archive.status().generation
            if self._made is None or self._made[0] != generation:
                rows = [Row(a.id, a.title, a.source, a.published) for a in self._archive.articles()]
                rows.sort(key=lambda row: row.id)
                rows.sort(key=lambda row: row.published or "", reverse=True)
                self._made = generation, tuple(rows)
            return self._made[1]

    def find(self, words: str, start: int) -> tuple[int, tuple[Row, ...]]:
        """Return how many rows hold all these words, and MOST_ROWS of them from `start` on."""
        wanted = words.lower().split()
        found = [row for row in self.rows() if row.matches(wanted)]
        return len(found), tuple(found[start : start + MOST_ROWS])

    def over_time(self) -> list[tuple[str, int]]:
        """Return (month or year, articles) from the first to the last, empty ones too."""
        months = Counter(row.published[:7] for row in self.rows() if row.published)
        if not months:
            return []
        between = list(_months(min(months), max(months)))
        if len(between) <= MOST_MONTHS:
            return [(month, months[month]) for month in between]
        years = Counter[str]()
        for month, count in months.items():
            years[month[:4]] += count
        return [
            (f"{y:04d}", years[f"{y:04d}"]) for y in range(int(min(years)), int(max(years)) + 1)
        ]


def _months(first: str, last: str) -> Iterator[str]:
    year, month = int(first[:4]), int(first[5:7])
    while f"{year:04d}-{month:02d}" <= last:
        yield f"{year:04d}-{month:02d}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
