"""Checksums of derived files: of a whole file, and of its blocks for what is read in parts.

They find bytes that changed by themselves, at some 10 GB/s (XXH3: https://xxhash.com); nobody
needs to forge a file of an archive that they can write.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from corpus.errors import ArchiveDamagedError

BLOCK = 16_384
"""Bytes of a block: a block costs 2 microseconds to check, and a vector lies in one or two."""

CHUNK = 1 << 20
"""Bytes of a file that are read at a time while it is summed up."""

Sums = npt.NDArray[np.uint64]


class UnusableFilesError(ArchiveDamagedError):
    """Derived files are missing, damaged, of another layout or of another archive; says which."""


def file_sum(path: Path) -> str:
    """Return the checksum of a file's bytes, 32 hex digits."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return str(digest.hexdigest())


def bytes_sum(data: bytes) -> str:
    """Return the checksum of bytes, as `file_sum` does of a file's."""
    return str(xxhash.xxh3_128_hexdigest(data))


def mark(*parts: bytes) -> bytes:
    """Return the checksum of bytes in parts, 8 bytes; where a part ends counts for nothing."""
    digest = xxhash.xxh3_64()
    for part in parts:
        digest.update(part)
    return digest.digest()


def block_sums(path: Path) -> Sums:
    """Return the checksums of a file's blocks, uint64 (blocks,)."""
    with path.open("rb") as stream:
        sums = [xxhash.xxh3_64_intdigest(block) for block in iter(lambda: stream.read(BLOCK), b"")]
    return np.array(sums, dtype="<u8")


class CheckedFile:
    """A file of which each block is checked before it is first used.

    Who uses the file has it in memory already, so no page stays here when it was checked. Raises
    UnusableFilesError where its length is not what the sums say.
    """

    def __init__(self, path: Path, sums: Sums) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._sums = sums
        self._unseen = np.ones(len(sums), dtype=np.bool_)
        if -(-self.size // BLOCK) != len(sums):
            raise UnusableFilesError(f"{path} is damaged: it is rebuilt")
        with path.open("rb") as stream:
            number = stream.fileno()
            self._bytes = mmap.mmap(number, 0, access=mmap.ACCESS_READ) if self.size else None

    def check(self, offsets: npt.NDArray[np.int64], length: int) -> None:
        """Check the blocks that hold `length` bytes from each of the offsets.

        Raises UnusableFilesError where one is not what was written.
        """
        first, last = offsets // BLOCK, (offsets + length - 1) // BLOCK
        touched = np.unique(np.concatenate([first, last]))
        span = int((last - first).max(initial=0))
        for between in range(1, span):
            touched = np.union1d(touched, np.minimum(first + between, last))
        self._check(touched[self._unseen[touched]].tolist())

    def check_all(self) -> None:
        """Check every block that was not looked at yet."""
        self._check(np.flatnonzero(self._unseen).tolist())

    def _check(self, blocks: Sequence[int]) -> None:
        if self._bytes is None or not blocks:
            return
        for block in blocks:
            data = self._bytes[block * BLOCK : (block + 1) * BLOCK]
            if xxhash.xxh3_64_intdigest(data) != int(self._sums[block]):
                raise UnusableFilesError(f"{self.path} is damaged: it is rebuilt")
            self._unseen[block] = False
        if hasattr(mmap, "MADV_DONTNEED"):
            self._bytes.madvise(mmap.MADV_DONTNEED)
