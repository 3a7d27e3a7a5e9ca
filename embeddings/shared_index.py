"""A generation's passages over Milvus: what it returns counts where the truth's view holds it.

Three parts: a roster of the generation's passages, Milvus, and the vectors that are newer than the
commit that Milvus is proven to hold, kept here in FAISS. So a reader finds what was committed a
moment ago, and never what was removed, however far behind or ahead Milvus is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from embeddings.checked import UnusableFilesError
from embeddings.dense import Added, DenseIndex
from embeddings.durable import Link
from embeddings.encoder import Vectors
from embeddings.keys import Keys, as_keys, is_in
from embeddings.milvus import MOST, Milvus
from embeddings.milvus_filters import expression, named
from embeddings.nearest import Bounds, VectorsUnavailableError
from embeddings.roster import Roster

NEWEST = "newest"
"""Folder of the vectors that are not proven to be in Milvus."""

NEEDED = "needed.json"
"""File that tells which commit Milvus must hold for the index to be complete."""

MORE = 8
"""Times as many passages that are asked for where too few of those that came count."""


class SharedIndex:
    """Unit vectors in Milvus, as one generation of the truth sees them.

    `needed` is the generation that Milvus must hold: what was added later is held here, but for
    more than is worth holding.
    """

    def __init__(
        self, milvus: Milvus, archive: str, roster: Roster, newest: DenseIndex, needed: int
    ) -> None:
        self.milvus, self.archive = milvus, archive
        self.roster, self.newest, self.needed = roster, newest, needed

    def __len__(self) -> int:
        return len(self.roster)

    @classmethod
    def open(cls, folder: Path, dimension: int, milvus: Milvus, archive: str) -> SharedIndex:
        """Open what a folder holds of an index. Raises UnusableFilesError where that is none."""
        try:
            needed = int(json.loads((folder / NEEDED).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UnusableFilesError(f"{folder} is no shared index: it is rebuilt") from error
        newest = DenseIndex.open(folder / NEWEST, dimension)
        return cls(milvus, archive, Roster.open(folder), newest, needed)

    def write(self, folder: Path) -> None:
        """Write the roster, and what is needed, into a folder that holds the newest vectors."""
        self.roster.write(folder)
        (folder / NEEDED).write_text(json.dumps(self.needed), "utf-8")

    def with_newest(
        self, folder: Path, added: Iterable[Added], removed: Sequence[int] | Keys, link: Link
    ) -> DenseIndex:
        """Write the newest vectors with some added and some removed; return them."""
        return self.newest.updated(folder / NEWEST, added, removed, link)

    @property
    def dimension(self) -> int:
        """Return the number of components of a vector."""
        return self.newest.dimension

    @property
    def is_complete(self) -> bool:
        """Tell whether Milvus holds all that is not held here.

        Raises VectorsUnavailableError where it does not answer, or holds another archive's.
        """
        if len(self.newest) == len(self.roster):
            return True
        found = self.milvus.current(fresh=False)
        if found is not None and found.state.generation < self.needed:
            found = self.milvus.current()  # what was seen a moment ago may be out of date
        if found is None or found.state.archive != self.archive:
            whose = "no vectors" if found is None or not found.state.archive else "another archive"
            raise VectorsUnavailableError(
                f"Milvus at {self.milvus.address.uri} holds {whose} under the name"
                f" {self.milvus.address.name!r}: `qa index` brings it up to date"
            )
        return found.state.dimension == self.dimension and found.state.generation >= self.needed

    def keys(self) -> Keys:
        """Return the keys of all passages, ascending, int64 (n,)."""
        return self.roster.all

    def keys_of(self, owners: Sequence[int] | Keys) -> Keys:
        """Return the keys of the passages of these articles, ascending, int64 (n,)."""
        return self.roster.keys_of(owners)

    def search(
        self,
        questions: Vectors,
        k: int,
        allowed: Sequence[int] | Keys | None = None,
        bounds: Bounds | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for each question, float32 (n, dimension), its k best (key, score), best first.

        Raises VectorsUnavailableError where Milvus cannot be asked.
        """
        within = None if allowed is None else as_keys(allowed)
        if k < 1 or not len(self.roster) or (within is not None and not len(within)):
            return [[] for _ in questions]
        newest = self.newest.search(questions, k, within)
        if len(self.newest) == len(self.roster):
            return newest
        _ = self.is_complete  # raises where what Milvus holds is not this archive's
        found = self._searched(questions, k, within, bounds)
        return [
            _best([(keys, scores), _columns(here)], k)
            for (keys, scores), here in zip(found, newest, strict=True)
        ]

    def without(self, removed: Sequence[int] | Keys) -> SharedIndex:
        """Return the index without these passages, in memory alone."""
        none = np.empty(0, dtype=np.int64)
        roster = self.roster.changed(none, none, removed)
        newest = self.newest.without(removed)
        return SharedIndex(self.milvus, self.archive, roster, newest, self.needed)

    def _searched(
        self, questions: Vectors, k: int, within: Keys | None, bounds: Bounds | None
    ) -> list[tuple[Keys, Vectors]]:
        """Return what Milvus finds, as far as it counts; deeper where that is too little."""
        told = expression(bounds) or named(within)
        wanted = min(k, len(self.roster) if within is None else len(within))
        depth = k
        while True:
            answered = self.milvus.search(questions, depth, told)
            found = [self._counting(keys, scores, within) for keys, scores in answered]
            ended = all(len(keys) < depth for keys, _ in answered)
            enough = all(len(keys) >= wanted for keys, _ in found)
            if ended or enough or depth >= MOST:
                return found
            depth = min(MOST, depth * MORE)

    def _counting(self, keys: Keys, scores: Vectors, within: Keys | None) -> tuple[Keys, Vectors]:
        mask = self.roster.holds(keys)
        if within is not None:
            mask &= is_in(keys, within)
        return keys[mask], scores[mask]


def _columns(hits: Sequence[tuple[int, float]]) -> tuple[Keys, Vectors]:
    keys = np.array([key for key, _ in hits], dtype=np.int64)
    return keys, np.array([score for _, score in hits], dtype=np.float32)


def _best(parts: Sequence[tuple[Keys, Vectors]], k: int) -> list[tuple[int, float]]:
    """Return the k best of several lists, each key once, best first; ties break by key."""
    keys, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((keys, -scores))
    best = dict(zip(keys[order].tolist(), scores[order].tolist(), strict=True))
    return [*best.items()][:k]
