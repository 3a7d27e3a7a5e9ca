"""Which passages a generation has, and whose they are: 16 bytes a passage, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embeddings.checked import UnusableFilesError
from embeddings.keys import Keys, Mask, as_keys, is_in

ROSTER = "roster.keys"


class Roster:
    """The keys of passages, ascending, and beside each its article's key; int64 (n,) both."""

    def __init__(self, keys: Keys, owners: Keys) -> None:
        order = np.argsort(keys, kind="stable")
        self.all, self._owners = keys[order], owners[order]

    def __len__(self) -> int:
        return len(self.all)

    @classmethod
    def open(cls, folder: Path) -> Roster:
        """Read the roster in a folder. Raises UnusableFilesError where it is none."""
        try:
            keys, owners = np.fromfile(folder / ROSTER, dtype="<i8").reshape(2, -1)
        except (OSError, ValueError) as error:
            raise UnusableFilesError(f"{folder / ROSTER} is no roster: it is rebuilt") from error
        return cls(keys, owners)

    def write(self, folder: Path) -> None:
        """Write the roster into a folder; OSError where the disk refuses."""
        pairs = np.stack([self.all, self._owners]).astype("<i8")
        (folder / ROSTER).write_bytes(pairs.tobytes())

    def keys_of(self, owners: Sequence[int] | Keys) -> Keys:
        """Return the keys of the passages of these articles, ascending."""
        return self.all[is_in(self._owners, as_keys(owners))]

    def holds(self, keys: Keys) -> Mask:
        """Tell of each key whether it is one of the roster's; for a few keys among many."""
        if not len(self.all):
            return np.zeros(len(keys), dtype=np.bool_)
        found: Mask = self.all.take(np.searchsorted(self.all, keys), mode="clip") == keys
        return found

    def changed(self, keys: Keys, owners: Keys, removed: Sequence[int] | Keys) -> Roster:
        """Return a roster with passages added, and others removed."""
        gone = is_in(self.all, np.concatenate([as_keys(removed), keys]))
        return Roster(
            np.concatenate([self.all[~gone], keys]), np.concatenate([self._owners[~gone], owners])
        )
