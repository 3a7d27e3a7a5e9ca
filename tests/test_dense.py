"""FAISS behind keys: exact scores, ties by key, filters, nothing padded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ArchiveDamagedError
from embeddings.dense import DenseIndex
from embeddings.encoder import Vectors, unit


def vectors(count: int, dimension: int = 8, seed: int = 0) -> Vectors:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)))


def filled(count: int = 20) -> DenseIndex:
    index = DenseIndex(8)
    index.add([10 * n for n in range(count)], vectors(count))
    return index


@given(st.integers(0, 1_000), st.integers(0, 25), st.sets(st.integers(0, 19)))
def test_search_is_the_sorted_dot_product(seed: int, k: int, numbers: set[int]) -> None:
    """Scores, order and filter agree with numpy over all vectors."""
    questions = vectors(2, seed=seed + 1)
    allowed = [10 * n for n in sorted(numbers)]
    found = filled().search(questions, k, allowed)
    scores = questions @ vectors(20).T
    for row, hits in enumerate(found):
        expected = sorted(numbers, key=lambda n: (-scores[row, n], n))[:k]
        assert [key for key, _ in hits] == [10 * n for n in expected]
        np.testing.assert_allclose([s for _, s in hits], scores[row, expected], atol=1e-6)


def test_more_results_than_vectors_are_not_padded() -> None:
    """FAISS's key -1 never comes out."""
    (hits,) = filled(3).search(vectors(1), 10)
    assert sorted(key for key, _ in hits) == [0, 10, 20]
    assert DenseIndex(8).search(vectors(2), 5) == [[], []]
    assert filled(3).search(vectors(1), 5, []) == [[]]


def test_ties_break_by_key_even_at_the_cut() -> None:
    """Of nine equal vectors the lowest keys are returned, whatever order they came in."""
    index = DenseIndex(8)
    keys = [5, 90, 3, 70, 1, 60, 2, 80, 4]
    index.add(keys, np.repeat(vectors(1), 9, axis=0))
    assert [key for key, _ in index.search(vectors(1), 3)[0]] == [1, 2, 3]


def test_removed_keys_are_not_found() -> None:
    """Unknown keys are passed over."""
    index = filled(4)
    index.remove([10, 999])
    assert len(index) == 3
    assert sorted(key for key, _ in index.search(vectors(1), 9)[0]) == [0, 20, 30]


def test_a_saved_index_comes_back(tmp_path: Path) -> None:
    """The same scores, and it can be added to and removed from."""
    filled().save(tmp_path / "index")
    loaded = DenseIndex.load(tmp_path / "index", 8)
    assert loaded.search(vectors(3), 5) == filled().search(vectors(3), 5)
    loaded.remove([0])
    loaded.add([7], vectors(1))
    assert len(loaded) == 20


@pytest.mark.parametrize("data", [b"", b"no index", b"\x00" * 64])
def test_what_is_no_index_is_named(tmp_path: Path, data: bytes) -> None:
    """Neither a crash nor an index of nothing."""
    (tmp_path / "index").write_bytes(data)
    with pytest.raises(ArchiveDamagedError):
        DenseIndex.load(tmp_path / "index", 8)


def test_another_dimension_is_named(tmp_path: Path) -> None:
    """FAISS itself says nothing, or dies."""
    filled().save(tmp_path / "index")
    with pytest.raises(ArchiveDamagedError, match="dimension 8, not 16"):
        DenseIndex.load(tmp_path / "index", 16)
    with pytest.raises(ValueError, match="8 numbers"):
        filled().add([1], vectors(1, 16))
