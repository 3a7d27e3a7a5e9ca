"""FAISS: the dense index's immutable segments, small ones exact, large ones compressed.

A segment is a few files under one name, written once. Of a small one FAISS keeps the vectors as
they are. Of a large one it keeps a bit a component, which finds some hundred candidates (product
quantisation, Jégou and others 2011, scanned as André and others 2015 do), and a byte a component,
which ranks them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np

from embeddings.checked import CheckedFile, UnusableFilesError, block_sums
from embeddings.encoder import Vectors
from embeddings.keys import Keys, Mask

LARGE = 32_768
"""Vectors from which a segment is compressed: FAISS searches as many one by one in some 3 ms."""

CANDIDATES = 1_500
"""Vectors that the bits choose for the bytes to rank."""

GROUP = 4
"""Components that as many bits stand for together: half the time of as many bits of signs."""

LEAST_SAMPLE = 39 * 2**GROUP
"""Vectors from which FAISS learns what the bits of groups mean without a warning."""

SCAN_SHARE = 0.25
"""Share of a large segment that a filter may leave for the bytes to be searched right away."""

MARGIN = 0.2
"""Room at both ends of a component's range, as a share of it, for vectors still to come."""

PORTION = 8_192
"""Vectors that are read or compressed at a time, to bound the memory that this takes."""

KEYS, FLAT, BITS, BYTES, SUMS = ".keys", ".flat", ".bits", ".bytes", ".sums"
"""Ends of the names of a segment's files; BYTES is checked block by block, by SUMS."""


class Segment(Protocol):
    """Vectors under keys, and the keys of their owners, in one order that never changes."""

    @property
    def name(self) -> str:
        """Return what its files' names begin with."""
        ...

    @property
    def keys(self) -> Keys:
        """Return the keys, int64 (n,)."""
        ...

    @property
    def owners(self) -> Keys:
        """Return the key of each vector's owner, int64 (n,)."""
        ...

    def search(self, questions: Vectors, k: int, mask: Mask | None) -> list[tuple[Keys, Vectors]]:
        """Return for each question, float32 (n, dimension), positions and scores, in no order.

        They hold the best k of the vectors in the mask, and all that equal the k-th. Raises
        UnusableFilesError for bytes that are not what was written.
        """
        ...

    def rows(self, positions: Keys) -> Vectors:
        """Return the vectors at these positions as they are kept, float32 (n, dimension)."""
        ...


class _Flat:
    """Vectors as they came."""

    def __init__(self, name: str, keys: Keys, owners: Keys, index: Any) -> None:
        self.name, self.keys, self.owners = name, keys, owners
        self._index = index

    def search(self, questions: Vectors, k: int, mask: Mask | None) -> list[tuple[Keys, Vectors]]:
        return _best(self._index, questions, k, mask)

    def rows(self, positions: Keys) -> Vectors:
        found: Vectors = self._index.reconstruct_batch(positions)
        return found


class _Compressed:
    """A bit a component to find candidates, a byte a component to rank them."""

    def __init__(
        self, name: str, keys: Keys, owners: Keys, bits: Any, codes: Any, file: CheckedFile
    ) -> None:
        self.name, self.keys, self.owners = name, keys, owners
        self.bits, self.codes = bits, codes
        self._file = file

    def search(self, questions: Vectors, k: int, mask: Mask | None) -> list[tuple[Keys, Vectors]]:
        total = len(self.keys)
        eligible = total if mask is None else int(np.count_nonzero(mask))
        if eligible <= SCAN_SHARE * total:
            return self._scan(questions, k, mask)
        wanted = min(eligible, max(CANDIDATES, 4 * k))
        depth = min(total, -(-wanted * total // eligible))
        _one_thread()
        _, positions = self.bits.search(questions, depth)
        found = []
        for question, row in zip(questions, positions, strict=True):
            chosen = row[row >= 0] if mask is None else row[(row >= 0) & mask[row]]
            if len(chosen) < wanted // 2:  # what is masked out is what the question is about
                return self._scan(questions, k, mask)
            found.append((chosen, self.rows(chosen) @ question))
        return found

    def _scan(self, questions: Vectors, k: int, mask: Mask | None) -> list[tuple[Keys, Vectors]]:
        self._file.check_all()
        return _best(self.codes, questions, k, mask)

    def rows(self, positions: Keys) -> Vectors:
        size = int(self.codes.code_size)
        start = self._file.size - len(self.keys) * size  # the codes are the last in the file
        self._file.check(start + positions * size, size)
        found: Vectors = self.codes.reconstruct_batch(positions)
        return found


class SegmentWriter:
    """Writes vectors, as they are given, to the files of a new segment.

    `like` is a segment, if there is one, whose compression is kept to where it has any. The disk's
    refusals are OSErrors.
    """

    def __init__(
        self, folder: Path, name: str, dimension: int, like: Segment | None = None
    ) -> None:
        self._path = folder / name
        self._like = like
        self._flat: Any = faiss.IndexFlatIP(dimension)
        self._large: tuple[Any, Any] | None = None
        self._keys: list[Keys] = []
        self._owners: list[Keys] = []

    def __len__(self) -> int:
        return sum(map(len, self._keys))

    def add(self, keys: Keys, owners: Keys, vectors: Vectors) -> None:
        """Take vectors, float32 (n, dimension); ValueError on other shapes."""
        if vectors.shape != (len(keys), self._flat.d):
            raise ValueError(f"{len(keys)} keys of {self._flat.d} numbers, got {vectors.shape}")
        self._keys.append(keys)
        self._owners.append(owners)
        for at in range(0, len(keys), PORTION):
            portion = np.ascontiguousarray(vectors[at : at + PORTION], dtype=np.float32)
            for index in self._large or (self._flat,):
                index.add(portion)
            if self._large is None and self._flat.ntotal >= LARGE:
                self._compress()

    def _compress(self) -> None:
        """Go over from keeping vectors to compressing them."""
        sample = self._flat.reconstruct_n(0, self._flat.ntotal)
        self._large = _trained(sample, self._like)
        for index in self._large:
            index.add(sample)
        self._flat.reset()

    def finish(self) -> None:
        """Write the files; the caller makes them durable and points to them."""
        pairs = np.stack([np.concatenate([*parts, _NONE]) for parts in (self._keys, self._owners)])
        _end(self._path, KEYS).write_bytes(pairs.astype("<i8").tobytes())
        if self._large is None:
            _write(self._flat, _end(self._path, FLAT))
            return
        for index, end in zip(self._large, (BITS, BYTES), strict=True):
            _write(index, _end(self._path, end))
        _end(self._path, SUMS).write_bytes(block_sums(_end(self._path, BYTES)).tobytes())


_NONE = np.empty(0, dtype=np.int64)


def open_segment(folder: Path, name: str, dimension: int) -> Segment:
    """Open a segment. Raises UnusableFilesError where its files are none of this dimension."""
    path = folder / name
    segment: _Flat | _Compressed
    try:
        keys, owners = np.fromfile(_end(path, KEYS), dtype="<i8").reshape(2, -1)
        if _end(path, FLAT).exists():
            index = _read(_end(path, FLAT))
            segment = _Flat(name, keys, owners, index)
        else:
            file = CheckedFile(_end(path, BYTES), np.fromfile(_end(path, SUMS), dtype="<u8"))
            file.check(np.zeros(1, dtype=np.int64), file.size - dimension * len(keys))  # its head
            index = _read(file.path)
            segment = _Compressed(name, keys, owners, _read(_end(path, BITS)), index, file)
    except (RuntimeError, ValueError, OSError) as error:
        raise UnusableFilesError(f"{path} is no FAISS index: it is rebuilt") from error
    if index.d != dimension or index.ntotal != len(keys):
        raise UnusableFilesError(f"{path} holds other vectors: it is rebuilt")
    return segment


def files_of(folder: Path, name: str) -> list[Path]:
    """Return the files of a segment."""
    ends = (KEYS, FLAT, BITS, BYTES, SUMS)
    return [file for file in (_end(folder / name, end) for end in ends) if file.exists()]


def _end(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _trained(sample: Vectors, like: Segment | None) -> tuple[Any, Any]:
    """Return empty indices for the bits and the bytes of vectors such as the sample's.

    One that is to be `like` another compresses what it decodes to the very same bytes.
    """
    codes = faiss.IndexScalarQuantizer(
        sample.shape[1], faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    if isinstance(like, _Compressed):
        ranges = _array(like.codes.sq.trained)
    else:
        low, high = sample.min(axis=0), sample.max(axis=0)
        room = MARGIN * (high - low)
        ranges = np.concatenate([low - room, high - low + 2 * room])
    _teach(codes, codes.sq.trained, ranges)
    known = like.bits if isinstance(like, _Compressed) else None
    return _trained_bits(sample, known), codes


def _trained_bits(sample: Vectors, like: Any) -> Any:
    """Return an empty index of a bit a component, compressing as one that it is like.

    Where no groups of components can be learned it is of signs (RaBitQ, Gao and Long 2024,
    https://arxiv.org/abs/2405.12497).
    """
    dimension = sample.shape[1]
    if dimension % GROUP or len(sample) < LEAST_SAMPLE:
        signs = faiss.IndexRaBitQFastScan(dimension, faiss.METRIC_INNER_PRODUCT)
        _teach(signs, signs.center, sample.mean(axis=0))
        return signs
    bits = faiss.IndexPQFastScan(dimension, dimension // GROUP, GROUP, faiss.METRIC_INNER_PRODUCT)
    if isinstance(like, faiss.IndexPQFastScan):
        _teach(bits, bits.pq.centroids, _array(like.pq.centroids))
    else:
        bits.train(sample)
    return bits


def _teach(index: Any, learned: Any, values: Vectors) -> None:
    """Give an index what it would learn in training."""
    faiss.copy_array_to_vector(np.asarray(values, dtype=np.float32), learned)
    index.is_trained = True


def _array(vector: Any) -> Vectors:
    found: Vectors = faiss.vector_to_array(vector)
    return found


def _best(index: Any, questions: Vectors, k: int, mask: Mask | None) -> list[tuple[Keys, Vectors]]:
    """Return the best k of the masked vectors, and all that equal the k-th."""
    most = int(index.ntotal) if mask is None else int(np.count_nonzero(mask))
    params: Any = None
    if mask is not None:
        bitmap = np.packbits(mask, bitorder="little")
        selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[arg-type, call-arg]
        params = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
    k = min(k, most)
    if k < 1:
        return [(_NONE, np.empty(0, dtype=np.float32)) for _ in questions]
    depth = min(k + 1, most)
    _one_thread()
    while True:
        scores, positions = index.search(questions, depth, params=params)
        if depth == most or bool((scores[:, -1] < scores[:, k - 1]).all()):
            return list(zip(positions, scores, strict=True))
        depth = min(2 * depth, most)  # the k-th score has equals that were not seen yet


def _one_thread() -> None:
    """Search with one thread, for questions that come together share the cores among them.

    OpenMP keeps this for each thread that calls it.
    """
    faiss.omp_set_num_threads(1)


def _read(path: Path) -> Any:
    """Map an index into memory."""
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def _write(index: Any, path: Path) -> None:
    """Write an index; FAISS itself does not tell when the disk is full at the end."""
    with path.open("wb") as stream:
        data: Any = faiss.serialize_index(index)
        stream.write(data.data)
