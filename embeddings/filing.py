"""What filters go by, of every article at once: outlets and days as arrays, kept for a commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from embeddings.keys import Keys

Codes = npt.NDArray[np.int32]


class Filing:
    """The articles of one commit, filed by outlet and day of publication.

    `commit` is its name; rows are (key, outlet or None, ISO date or None).
    """

    def __init__(self, commit: str, rows: Iterable[tuple[int, str | None, str | None]]) -> None:
        self.commit = commit
        filed = sorted(rows)
        self._keys: Keys = np.array([key for key, _, _ in filed], dtype=np.int64)
        self._outlets, self._outlet = _coded([outlet for _, outlet, _ in filed])
        self._days, self._day = _coded([day for _, _, day in filed])

    def keys(
        self, outlets: Sequence[str] = (), since: str | None = None, until: str | None = None
    ) -> Keys:
        """Return the keys of articles of these outlets within these (inclusive) bounds, ascending.

        An article without a day is within no bounds.
        """
        mask = np.ones(len(self._keys), dtype=np.bool_)
        if outlets:
            wanted = [n for n, outlet in enumerate(self._outlets) if outlet in {*outlets}]
            mask &= np.isin(self._outlet, wanted)
        if since:
            mask &= self._day >= sum(day < since for day in self._days)
        if until:
            mask &= (self._day >= 0) & (self._day < sum(day <= until for day in self._days))
        return self._keys[mask & (self._day >= 0)] if since else self._keys[mask]


def _coded(values: Sequence[str | None]) -> tuple[list[str], Codes]:
    """Return the different values in order, and each value's place among them; -1 for none."""
    names = sorted({value for value in values if value is not None})
    places = {name: place for place, name in enumerate(names)}
    codes = [-1 if value is None else places[value] for value in values]
    return names, np.array(codes, dtype=np.int32)
