"""Passages that were read lately, with their articles and vectors, so that they are read once.

A row never changes under its key within a generation, and a shelf belongs to one generation: what
stands on it is what the database holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from corpus.records import Article
from embeddings.contents import Contents
from embeddings.encoder import PassageVectors
from embeddings.rows import StoredArticle, StoredPassage

ROOM = 10_240
"""Passages that a shelf keeps, those of an archive of ten thousand; some 30 kB each, most of it
vectors: 300 MB when full."""

ARTICLES = 4_096
"""Articles that a shelf keeps."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ReadPassage:
    """A passage as it was read, with its article and its vectors.

    `notes` keep what is worked out of the passage, by name, while it stands on the shelf.
    """

    stored: StoredPassage
    told: StoredArticle
    vectors: PassageVectors
    notes: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    @property
    def article(self) -> Article:
        """Return the passage's article. Raises ArchiveDamagedError where its bytes changed."""
        return self.told.article


class Shelf:
    """Keeps the passages that were asked for last. Threads that share one take turns."""

    def __init__(self, room: int = ROOM) -> None:
        self._passages = _Recent[ReadPassage](room)
        self._articles = _Recent[StoredArticle](ARTICLES)

    def take(self, contents: Contents, keys: Iterable[int]) -> dict[int, ReadPassage]:
        """Return key -> passage; what is not on the shelf is read in one go and put there.

        Raises ArchiveDamagedError where a row is missing or not what was stored.
        """
        return self._passages.take(keys, lambda new: self._read(contents, new))

    def _read(self, contents: Contents, keys: list[int]) -> dict[int, ReadPassage]:
        found = contents.passages_with_vectors(keys)
        articles = {stored.article for stored, _ in found}
        told = self._articles.take(articles, contents.stored_articles)
        return {
            stored.key: ReadPassage(stored, told[stored.article], vectors)
            for stored, vectors in found
        }


class _Recent(Generic[Value]):
    """Values by key, of which the last that were taken are kept."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: dict[int, Value] = {}

    def take(
        self, keys: Iterable[int], read: Callable[[list[int]], dict[int, Value]]
    ) -> dict[int, Value]:
        """Return key -> value in the order of keys; `read` is called once for those not kept."""
        found = {key: self._kept.pop(key, None) for key in keys}
        missing = [key for key, value in found.items() if value is None]
        read_now = read(missing) if missing else {}
        taken = {key: read_now[key] if value is None else value for key, value in found.items()}
        self._kept.update(taken)
        for key in [*islice(self._kept, max(len(self._kept) - self._room, 0))]:
            del self._kept[key]
        return taken
