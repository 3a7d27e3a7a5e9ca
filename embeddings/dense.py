"""Passage vectors by key, searched by inner product: immutable segments and a list of removed keys.

A change writes a small segment and the list; the other segments are linked from the generation
before. Segments of one size are merged when there are FANOUT of them, so that a vector is written
some log(archive) times in all: a log-structured merge tree (O'Neil and others, 1996).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embeddings.checked import UnusableFilesError
from embeddings.durable import Link
from embeddings.encoder import Vectors
from embeddings.keys import Keys, Mask, as_keys, is_in
from embeddings.nearest import Bounds
from embeddings.segments import (
    PORTION,
    Segment,
    SegmentWriter,
    files_of,
    open_segment,
)

LIST = "segments.json"
REMOVED = "removed.keys"
LISTS = (LIST, REMOVED)
"""Files of the whole index; all others are a segment's."""

SMALLEST = 256
"""Vectors of a segment up to which it counts as one of the smallest."""

FANOUT = 8
"""Segments of one size that are merged, and the ratio of one size to the next."""

REMOVED_SHARE = 0.2
"""Share of a segment that may have been removed before it is written anew without it."""

Added = tuple[Keys, Keys, Vectors]
"""Passage keys, their articles' keys, and their vectors, float32 (n, dimension)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A segment and which of its vectors are still there; None where all are."""

    segment: Segment
    alive: Mask | None

    def __len__(self) -> int:
        return len(self.segment.keys) if self.alive is None else int(np.count_nonzero(self.alive))

    def positions(self) -> Keys:
        """Return where the vectors are that are still there."""
        if self.alive is None:
            return np.arange(len(self.segment.keys), dtype=np.int64)
        return np.flatnonzero(self.alive)

    @property
    def is_wasteful(self) -> bool:
        return len(self) < (1 - REMOVED_SHARE) * len(self.segment.keys)


class DenseIndex:
    """Unit vectors of one dimension, each under an integer key and with its owner's key.

    Up to LARGE vectors a search is exact; beyond that it finds nearly all of the best, with scores
    that are near the true ones. Ties break by key.
    """

    def __init__(
        self, dimension: int, parts: Sequence[_Part] = (), folder: Path | None = None
    ) -> None:
        self.dimension = dimension
        self.folder = folder
        self._parts = tuple(parts)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @classmethod
    def open(cls, folder: Path, dimension: int, *, without: Collection[str] = ()) -> DenseIndex:
        """Open the index in a folder, but for the segments that are named.

        Raises UnusableFilesError where it is none of `dimension`.
        """
        try:
            names = json.loads((folder / LIST).read_text("utf-8"))["segments"]
            removed = np.fromfile(folder / REMOVED, dtype="<i8")
            segments = [
                open_segment(folder, name, dimension) for name in names if name not in without
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnusableFilesError(f"{folder} is no list of segments: it is rebuilt") from error
        return cls(dimension, _parts(segments, removed), folder)

    def keys(self) -> Keys:
        """Return the keys of all vectors, ascending, int64 (n,)."""
        kept = [part.segment.keys[part.positions()] for part in self._parts]
        return np.sort(np.concatenate([_NONE, *kept]))

    def keys_of(self, owners: Sequence[int] | Keys) -> Keys:
        """Return the keys of the vectors of these owners, ascending, int64 (n,)."""
        wanted = as_keys(owners)
        found = [
            part.segment.keys[_both(is_in(part.segment.owners, wanted), part.alive)]
            for part in self._parts
        ]
        return np.sort(np.concatenate([_NONE, *found]))

    @property
    def is_complete(self) -> bool:
        """Tell that every vector can be found."""
        return True

    def search(
        self,
        questions: Vectors,
        k: int,
        allowed: Sequence[int] | Keys | None = None,
        bounds: Bounds | None = None,  # noqa: ARG002 - the allowed keys say it all
    ) -> list[list[tuple[int, float]]]:
        """Return for each question, float32 (n, dimension), its k best (key, score), best first.

        `allowed` limits the search to these keys. Raises UnusableFilesError where damage shows.
        """
        questions = np.ascontiguousarray(questions, dtype=np.float32)
        within = None if allowed is None else as_keys(allowed)
        found: list[list[tuple[Keys, Vectors]]] = [[] for _ in questions]
        for part in self._parts if k > 0 else ():
            mask, keys = part.alive, part.segment.keys
            if within is not None:
                mask = _both(is_in(keys, within), part.alive)
                if not mask.any():
                    continue
            for row, (positions, scores) in enumerate(part.segment.search(questions, k, mask)):
                found[row].append((keys[positions], scores))
        return [_best(parts, k) for parts in found]

    def without(self, removed: Sequence[int] | Keys) -> DenseIndex:
        """Return the index without these keys, in memory alone."""
        gone = np.concatenate([as_keys(removed), _removed(self._parts)])
        return DenseIndex(
            self.dimension, _parts([part.segment for part in self._parts], gone), self.folder
        )

    def updated(
        self, folder: Path, added: Iterable[Added], removed: Sequence[int] | Keys, link: Link
    ) -> DenseIndex:
        """Write the index with vectors added and keys removed to a new folder, and return it.

        Keys that are not there are passed over. `link` gives a file of a segment that stays a
        second name. OSError where the disk refuses.
        """
        folder.mkdir()
        gone = np.concatenate([as_keys(removed), _removed(self._parts)])
        parts = _parts([part.segment for part in self._parts], gone)
        if new := self._written(folder, added, parts):
            parts.append(_Part(new, None))
        kept: list[_Part] = []
        for group in _groups(parts):
            kept += self._settled(folder, group, link)
        _write_list(folder, kept)
        return DenseIndex(self.dimension, kept, folder)

    def _written(
        self, folder: Path, added: Iterable[Added], parts: Sequence[_Part]
    ) -> Segment | None:
        """Write new vectors as a segment; None where there are none."""
        name = _new_name()
        like = max(parts, key=len).segment if parts else None
        writer = SegmentWriter(folder, name, self.dimension, like)
        for keys, owners, vectors in added:
            writer.add(keys, owners, vectors)
        if not len(writer):
            return None
        writer.finish()
        return open_segment(folder, name, self.dimension)

    def _settled(self, folder: Path, group: Sequence[_Part], link: Link) -> list[_Part]:
        """Link or merge the segments of a group into the folder; leave out what is removed.

        Raises FileNotFoundError where a segment's files are gone from their folder.
        """
        if not any(map(len, group)):
            return []
        if len(group) == 1 and not group[0].is_wasteful:
            segment = group[0].segment
            files = files_of(self.folder, segment.name) if self.folder is not None else []
            for file in files:
                link(file, folder / file.name)
            if not files and not files_of(folder, segment.name):  # nor written a moment ago
                raise FileNotFoundError(f"{segment.name} is gone from {self.folder}")
            return [*group]
        name = _new_name()
        writer = SegmentWriter(folder, name, self.dimension, max(group, key=len).segment)
        for part in group:
            segment, alive = part.segment, part.positions()
            for at in range(0, len(alive), PORTION):
                rows = alive[at : at + PORTION]
                writer.add(segment.keys[rows], segment.owners[rows], segment.rows(rows))
        writer.finish()
        for part in group:
            for file in files_of(folder, part.segment.name):  # written a moment ago
                file.unlink()
        return [_Part(open_segment(folder, name, self.dimension), None)]


_NONE = np.empty(0, dtype=np.int64)


def segment_of(file: Path) -> str:
    """Return the name of the segment that a file belongs to."""
    return file.name.partition(".")[0]


def _best(parts: Sequence[tuple[Keys, Vectors]], k: int) -> list[tuple[int, float]]:
    """Return the k best (key, score) of several lists, best first; ties break by key."""
    if not parts:
        return []
    keys, scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((keys, -scores))[:k]
    return list(zip(keys[order].tolist(), scores[order].tolist(), strict=True))


def _new_name() -> str:
    return uuid.uuid4().hex[:12]


def _parts(segments: Iterable[Segment], removed: Keys) -> list[_Part]:
    """Return segments with what is left of them."""
    parts = []
    for segment in segments:
        gone = is_in(segment.keys, removed)
        parts.append(_Part(segment, ~gone if gone.any() else None))
    return parts


def _removed(parts: Sequence[_Part]) -> Keys:
    """Return the keys that are in a segment and count as removed."""
    gone = [part.segment.keys[~part.alive] for part in parts if part.alive is not None]
    return np.concatenate([_NONE, *gone])


def _groups(parts: Sequence[_Part]) -> list[list[_Part]]:
    """Return the segments in groups that are to be one segment each."""
    groups = [[part] for part in parts]
    while True:
        by_size: dict[int, list[list[_Part]]] = {}
        for group in groups:
            by_size.setdefault(_size_class(sum(map(len, group))), []).append(group)
        full = next((same for same in by_size.values() if len(same) >= FANOUT), None)
        if full is None:
            return groups
        groups = [group for group in groups if group not in full]
        groups.append([part for group in full for part in group])


def _size_class(vectors: int) -> int:
    """Return 0 for a segment of up to SMALLEST vectors, one more for each FANOUT times as many."""
    size, bound = 0, SMALLEST
    while vectors > bound:
        size, bound = size + 1, bound * FANOUT
    return size


def _write_list(folder: Path, parts: Sequence[_Part]) -> None:
    """Write which segments there are, and which of their keys are removed."""
    (folder / REMOVED).write_bytes(_removed(parts).astype("<i8").tobytes())
    names = [part.segment.name for part in parts]
    (folder / LIST).write_text(json.dumps({"segments": names}), "utf-8")


def _both(mask: Mask, alive: Mask | None) -> Mask:
    return mask if alive is None else mask & alive
