"""FAISS behind keys: exact or nearly exact scores, ties by key, filters, segments that merge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import ArchiveDamagedError
from embeddings import dense, segments
from embeddings.checked import UnusableFilesError
from embeddings.dense import Added, DenseIndex
from embeddings.durable import link
from embeddings.encoder import Vectors, unit
from tests.archives import flip

DIMENSION = 64


def vectors(count: int, seed: int = 0) -> Vectors:
    """Return unit vectors that lie in clusters, as those of texts do."""
    chance = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((20, DIMENSION))
    noise = chance.standard_normal((count, DIMENSION))
    return unit(centers[chance.integers(0, 20, count)] + noise)


def added(first: int, count: int, seed: int = 0) -> Added:
    """Return vectors under every tenth key from 10 * first; an owner holds three of them."""
    keys = np.arange(first, first + count, dtype=np.int64) * 10
    return keys, keys // 30, vectors(count, seed)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> DenseIndex:
    """Return an index of twenty vectors."""
    place = tmp_path_factory.mktemp("filled")
    return DenseIndex(DIMENSION).updated(place / "a", [added(0, 20)], [], link)


@pytest.fixture
def compressing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compress segments from 1,000 vectors on."""
    monkeypatch.setattr(segments, "LARGE", 1_000)
    monkeypatch.setattr(segments, "CANDIDATES", 200)


def steps(place: Path, changes: list[tuple[list[Added], list[int]]]) -> Iterator[DenseIndex]:
    """Apply changes one after the other, each in a folder of its own, as generations do."""
    index = DenseIndex(DIMENSION)
    for number, (new, gone) in enumerate(changes):
        index = index.updated(place / f"{number}", new, gone, link)
        yield index


@given(st.integers(0, 1_000), st.integers(0, 25), st.sets(st.integers(0, 19)))
def test_search_is_the_sorted_dot_product(
    filled: DenseIndex, seed: int, k: int, numbers: set[int]
) -> None:
    """Scores, order and filter agree with numpy over all vectors."""
    questions = vectors(2, seed=seed + 1)
    allowed = [10 * n for n in sorted(numbers)]
    found = filled.search(questions, k, allowed)
    scores = questions @ vectors(20).T
    for row, hits in enumerate(found):
        expected = sorted(numbers, key=lambda n: (-scores[row, n], n))[:k]
        assert [key for key, _ in hits] == [10 * n for n in expected]
        np.testing.assert_allclose([s for _, s in hits], scores[row, expected], atol=1e-5)


def test_more_results_than_vectors_are_not_padded(filled: DenseIndex) -> None:
    """FAISS's key -1 never comes out."""
    (hits,) = filled.search(vectors(1), 50)
    assert sorted(key for key, _ in hits) == [10 * n for n in range(20)]
    assert DenseIndex(DIMENSION).search(vectors(2), 5) == [[], []]
    assert filled.search(vectors(1), 5, []) == [[]]


def test_ties_break_by_key_even_at_the_cut(tmp_path: Path) -> None:
    """Of nine equal vectors the lowest keys are returned, whatever order they came in."""
    same = np.repeat(vectors(1), 3, axis=0)
    batches = [[5, 90, 3], [70, 1, 60], [2, 80, 4]]
    new = [([(np.array(keys), np.array(keys), same)], list[int]()) for keys in batches]
    *_, index = steps(tmp_path, new)
    assert [key for key, _ in index.search(vectors(1), 3)[0]] == [1, 2, 3]


def test_removed_keys_are_not_found(tmp_path: Path) -> None:
    """Unknown keys are passed over; what was removed stays so when the index is opened again."""
    *_, index = steps(tmp_path, [([added(0, 4)], []), ([], [10, 999])])
    for found in (index, DenseIndex.open(tmp_path / "1", DIMENSION)):
        assert len(found) == 3
        assert found.keys().tolist() == [0, 20, 30]
        assert sorted(key for key, _ in found.search(vectors(1), 9)[0]) == [0, 20, 30]


def test_keys_of_owners(tmp_path: Path) -> None:
    """A filter by article is a look-up in arrays."""
    *_, index = steps(tmp_path, [([added(0, 6)], []), ([added(6, 6)], [40])])
    assert index.keys_of([1, 3, 77]).tolist() == [30, 50, 90, 100, 110]
    assert index.keys_of([]).tolist() == []


def test_an_addition_leaves_the_other_segments_alone(tmp_path: Path) -> None:
    """They are the same files, under a second name."""
    list(steps(tmp_path, [([added(0, 600)], []), ([added(600, 3)], [20])]))
    before = {file.stat().st_ino for file in (tmp_path / "0").glob("*.flat")}
    after = {file.stat().st_ino for file in (tmp_path / "1").glob("*.flat")}
    assert before < after


def test_small_segments_are_merged(tmp_path: Path) -> None:
    """A hundred changes leave a few segments, which hold every vector."""
    new = [([added(3 * n, 3, seed=n)], [30 * (n - 1)] if n else []) for n in range(100)]
    *_, index = steps(tmp_path, new)
    names = {dense.segment_of(file) for file in (tmp_path / "99").glob("*.keys")} - {"removed"}
    assert len(names) < 2 * dense.FANOUT
    assert index.keys().tolist() == [10 * n for n in range(300) if n % 3 or n == 297]
    everything = np.concatenate([vectors(3, seed=n) for n in range(100)])
    kept = np.array([n for n in range(300) if n % 3 or n == 297])
    best = kept[np.argsort(-(everything[kept] @ vectors(1, seed=7)[0]))][:10]
    assert [key // 10 for key, _ in index.search(vectors(1, seed=7), 10)[0]] == best.tolist()


def test_a_segment_that_is_mostly_removed_is_written_anew(tmp_path: Path) -> None:
    """What was removed does not lie about for ever."""
    gone = [10 * n for n in range(30)]
    *_, index = steps(tmp_path, [([added(0, 100)], []), ([], gone)])
    assert len(index) == 70
    assert (tmp_path / "1" / "removed.keys").stat().st_size == 0
    index = index.updated(tmp_path / "2", [], index.keys().tolist(), link)
    assert (len(index), index.search(vectors(1), 5)) == (0, [[]])
    assert sorted(file.name for file in (tmp_path / "2").iterdir()) == [
        "removed.keys",
        "segments.json",
    ]


@pytest.mark.usefixtures("compressing")
@pytest.mark.parametrize("share", [1.0, 0.6, 0.1, 0.001])
def test_compressed_segments_find_nearly_all(tmp_path: Path, share: float) -> None:
    """Through bits, through bytes, through both, with what is removed left out."""
    gone = [10 * n for n in range(0, 4_000, 9)]
    *_, index = steps(
        tmp_path, [([added(0, 4_000)], []), ([added(4_000, 500, seed=1)], []), ([], gone)]
    )
    assert list((tmp_path / "2").glob("*.bits"))
    questions = vectors(40, seed=5)
    everything = np.concatenate([vectors(4_000), vectors(500, seed=1)])
    chosen = np.random.default_rng(1).random(4_500) < share
    chosen[::9] &= np.arange(4_500)[::9] >= 4_000
    allowed = None if share == 1 else np.flatnonzero(chosen) * 10
    numbers = np.flatnonzero(chosen)
    found = index.search(questions, 10, allowed)
    scores = questions @ everything[numbers].T
    recalled = 0
    for row, hits in enumerate(found):
        best = set((numbers[np.argsort(-scores[row])[:10]] * 10).tolist())
        assert {key for key, _ in hits} <= set((numbers * 10).tolist())
        assert len(hits) == min(10, len(numbers))
        recalled += len(best & {key for key, _ in hits})
        for key, score in hits:
            assert abs(score - float(everything[key // 10] @ questions[row])) < 0.02
    assert recalled >= 0.98 * sum(map(len, found))


@pytest.mark.usefixtures("compressing")
@pytest.mark.parametrize(
    ("least", "every", "kinds"),
    [(10_000, 3, {"RaBitQ"}), (600, 3, {"PQ"}), (600, 10, {"RaBitQ", "PQ"})],
)
def test_bits_of_signs_and_of_groups_live_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, every: int, kinds: set[str]
) -> None:
    """Segments of signs answer beside those of groups; written anew they are of groups."""
    monkeypatch.setattr(segments, "LEAST_SAMPLE", 10_000)
    *_, old = steps(tmp_path, [([added(0, 3_000)], [])])
    monkeypatch.setattr(segments, "LEAST_SAMPLE", least)
    gone = [10 * n for n in range(0, 3_000, every)]
    new = old.updated(tmp_path / "new", [added(3_000, 1_500, seed=1)], gone, link)
    assert {type(part.segment.bits).__name__ for part in new._parts} == {
        f"Index{kind}FastScan" for kind in kinds
    }
    everything = np.concatenate([vectors(3_000), vectors(1_500, seed=1)])
    everything[:3_000:every] = 0
    found = new.search(vectors(40, seed=5), 10)
    best = np.argsort(-(vectors(40, seed=5) @ everything.T), axis=1)[:, :10] * 10
    shared = [
        len({*row.tolist()} & {key for key, _ in hits})
        for row, hits in zip(best, found, strict=True)
    ]
    assert sum(shared) >= 0.97 * 10 * len(shared)


@pytest.mark.usefixtures("compressing")
def test_a_filter_against_the_question_still_finds(tmp_path: Path) -> None:
    """Where the best thousand are all left out, the bytes are searched instead."""
    *_, index = steps(tmp_path, [([added(0, 3_000)], [])])
    question = vectors(1, seed=5)
    order = np.argsort(-(vectors(3_000) @ question[0]))
    worst = order[1_500:]
    (hits,) = index.search(question, 40, np.sort(worst) * 10)
    assert {key for key, _ in hits} > {*(worst[:10] * 10).tolist()}


@pytest.mark.usefixtures("compressing")
def test_merging_does_not_wear_vectors_out(tmp_path: Path) -> None:
    """A compressed vector is decoded and compressed to the same bytes, however often."""
    *_, first = steps(tmp_path, [([added(0, 2_000)], [])])
    again = first
    for number in range(5):
        again = again.updated(tmp_path / f"again-{number}", [], again.keys()[:450].tolist(), link)
    question = vectors(1, seed=3)
    alive = again.keys()
    assert len(alive) < 300
    assert again.search(question, 10, alive) == first.search(question, 10, alive)


@pytest.mark.usefixtures("compressing")
def test_a_turned_bit_in_the_bytes_is_found_before_it_counts(tmp_path: Path) -> None:
    """They are not read when the index is opened, so they are checked as they are used."""
    list(steps(tmp_path, [([added(0, 2_000)], [])]))
    (codes,) = (tmp_path / "0").glob("*.bytes")
    flip(codes, codes.stat().st_size - 40, 7)
    index = DenseIndex.open(tmp_path / "0", DIMENSION)
    assert len(index) == 2_000
    with pytest.raises(UnusableFilesError, match=codes.name):
        index.search(vectors(1_999 + 1)[-1:], 10)
    with pytest.raises(UnusableFilesError, match=codes.name):
        index.search(vectors(1), 10, [10 * n for n in range(30)])


@pytest.mark.usefixtures("compressing")
@pytest.mark.parametrize("end", ["keys", "bits", "bytes", "sums", "flat", "json"])
@pytest.mark.parametrize("data", [b"", b"no index", b"\x00" * 64])
def test_what_is_no_index_is_named(tmp_path: Path, end: str, data: bytes) -> None:
    """Neither a crash nor an index of nothing."""
    list(steps(tmp_path, [([added(0, 20)], []), ([added(20, 2_000)], [])]))
    for file in (tmp_path / "1").glob(f"*.{end}"):
        if file.name != "removed.keys":
            file.write_bytes(data)
    with pytest.raises(ArchiveDamagedError, match="rebuilt"):
        DenseIndex.open(tmp_path / "1", DIMENSION)


def test_another_dimension_is_named(tmp_path: Path) -> None:
    """FAISS itself says nothing, or dies."""
    list(steps(tmp_path, [([added(0, 20)], [])]))
    with pytest.raises(ArchiveDamagedError, match="other vectors"):
        DenseIndex.open(tmp_path / "0", 16)
    with pytest.raises(ValueError, match="64 numbers"):
        DenseIndex(DIMENSION).updated(
            tmp_path / "b", [(np.array([1]), np.array([1]), np.ones((1, 16), np.float32))], [], link
        )
