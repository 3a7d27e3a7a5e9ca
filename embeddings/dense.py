"""FAISS: passage vectors by key, searched by inner product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from corpus.errors import ArchiveDamagedError
from embeddings.encoder import Vectors

Keys = npt.NDArray[np.int64]


class DenseIndex:
    """An exact inner-product index over unit vectors of one dimension, each under an integer key.

    FAISS returns equal scores in any order and pads short results with key -1; here ties break by
    key and nothing is padded.
    """

    def __init__(self, dimension: int) -> None:
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Return the number of components of each vector."""
        return int(self._index.d)

    def add(self, keys: Sequence[int], vectors: Vectors) -> None:
        """Add vectors, float32 (n, dimension), under new keys; ValueError on other shapes."""
        if vectors.shape != (len(keys), self.dimension):
            raise ValueError(f"{len(keys)} keys of {self.dimension} numbers, got {vectors.shape}")
        if len(keys):
            self._index.add_with_ids(
                np.ascontiguousarray(vectors, dtype=np.float32), np.asarray(keys, dtype=np.int64)
            )

    def remove(self, keys: Sequence[int]) -> None:
        """Remove keys; those that are not there are passed over."""
        if len(keys):
            self._index.remove_ids(np.asarray(keys, dtype=np.int64))

    def search(
        self, questions: Vectors, k: int, allowed: Sequence[int] | None = None
    ) -> list[list[tuple[int, float]]]:
        """Return for each question, float32 (n, dimension), its k best (key, score), best first.

        `allowed` limits the search to these keys.
        """
        most = len(self) if allowed is None else len(allowed)
        k = min(k, most)
        if k < 1:
            return [[] for _ in questions]
        params: Any = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(np.asarray(allowed, dtype=np.int64))
            params = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        depth = min(k + 1, most)
        while True:
            scores, keys = self._index.search(np.ascontiguousarray(questions), depth, params=params)
            if depth == most or bool((scores[:, -1] < scores[:, k - 1]).all()):
                break
            depth = min(2 * depth, most)  # the k-th score has equals that were not seen yet
        return [_ranked(keys[row], scores[row])[:k] for row in range(len(questions))]

    def save(self, path: Path) -> None:
        """Write the index to a new file; the caller makes it durable and points to it."""
        path.write_bytes(faiss.serialize_index(self._index).tobytes())

    @classmethod
    def load(cls, path: Path, dimension: int) -> DenseIndex:
        """Read an index. Raises ArchiveDamagedError where it is none of this dimension."""
        try:
            index = faiss.deserialize_index(np.frombuffer(path.read_bytes(), dtype=np.uint8))
        except (RuntimeError, ValueError, OSError) as error:
            raise ArchiveDamagedError(f"{path} is no FAISS index: it is rebuilt") from error
        if index.d != dimension:
            raise ArchiveDamagedError(f"{path} has dimension {index.d}, not {dimension}")
        loaded = cls.__new__(cls)
        loaded._index = index
        return loaded


def _ranked(keys: Keys, scores: Vectors) -> list[tuple[int, float]]:
    pairs = [(int(key), float(score)) for key, score in zip(keys, scores, strict=True) if key >= 0]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
