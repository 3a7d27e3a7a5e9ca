"""A file is checked block by block, and what was checked takes no memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.checked import BLOCK, CheckedFile, UnusableFilesError, block_sums


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Return a file of 512 blocks and some bytes."""
    path = tmp_path / "large"
    path.write_bytes(np.random.default_rng(0).bytes(512 * BLOCK + 100))
    return path


def resident(path: Path) -> int:
    """Return the bytes of a file that this process has mapped and in memory."""
    found, inside = 0, False
    for line in Path("/proc/self/smaps").read_text("utf-8").splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            inside = line.endswith(str(path))
        elif inside and name == "Rss:":
            found += 1024 * int(values[0])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of a process")
def test_what_was_checked_takes_no_memory(large: Path) -> None:
    """FAISS has the same bytes mapped; twice they would count twice."""
    mapped = np.memmap(large, dtype=np.uint8, mode="r")
    assert int(mapped[::4096].sum(dtype=np.int64)) > 0
    assert resident(large) >= 500 * BLOCK  # so it would be seen
    del mapped
    file = CheckedFile(large, block_sums(large))
    file.check(np.arange(0, 400 * BLOCK, 3 * BLOCK), 10)
    assert resident(large) == 0
    file.check_all()
    assert resident(large) == 0


@pytest.mark.parametrize("block", [0, 7, 511, 512])
def test_a_turned_bit_is_found_in_its_block_alone(large: Path, block: int) -> None:
    """The last block is a short one; others are good all the same."""
    sums = block_sums(large)
    content = bytearray(large.read_bytes())
    content[block * BLOCK + 50] ^= 1
    large.write_bytes(content)
    file = CheckedFile(large, sums)
    file.check(np.array([(block - 1) % 513 * BLOCK]), 1)
    with pytest.raises(UnusableFilesError, match="damaged"):
        file.check(np.array([block * BLOCK]), 1)
    with pytest.raises(UnusableFilesError):
        file.check_all()


def test_an_empty_file_and_one_of_another_length(large: Path, tmp_path: Path) -> None:
    """Nothing is to be checked of the one; the other is named at once."""
    empty = tmp_path / "empty"
    empty.touch()
    CheckedFile(empty, block_sums(empty)).check_all()
    with pytest.raises(UnusableFilesError, match="large"):
        CheckedFile(large, block_sums(large)[:-1])
