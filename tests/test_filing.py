"""Filters over arrays choose what a look at every article would."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.filing import Filing
from embeddings.keys import SPARSEST, as_keys, is_in

OUTLETS = st.none() | st.sampled_from(["Echo", "Herald", "Post"])
DAYS = st.none() | st.sampled_from(["2024-12-31", "2025-01-01", "2025-01-02", "2025-06-30"])


@given(
    st.lists(st.tuples(OUTLETS, DAYS), max_size=12),
    st.lists(st.sampled_from(["Echo", "Post", "Gazette"]), unique=True),
    DAYS,
    DAYS | st.just("2025-03-01"),
)
def test_keys_are_those_of_a_loop(
    filed: list[tuple[str | None, str | None]],
    outlets: list[str],
    since: str | None,
    until: str | None,
) -> None:
    """Outlets by name, bounds inclusive; what has no day is within no bounds."""
    rows = [(key, *row) for key, row in enumerate(filed, start=1)]
    expected = [
        key
        for key, outlet, day in rows
        if (not outlets or outlet in outlets)
        and (not since or (day is not None and day >= since))
        and (not until or (day is not None and day <= until))
    ]
    assert Filing("commit", reversed(rows)).keys(outlets, since, until).tolist() == expected


@given(st.lists(st.integers(-50, 10**6)), st.lists(st.integers(-50, 60) | st.integers(0, 2**62)))
def test_membership_is_that_of_sets(keys: list[int], wanted: list[int]) -> None:
    """With a table where the numbers are near each other, without where they are far."""
    assert is_in(as_keys(keys), as_keys(wanted)).tolist() == [key in {*wanted} for key in keys]


def test_membership_at_the_ends_of_a_table() -> None:
    """The neighbours of the lowest and the highest are not taken for them."""
    keys = np.arange(10)
    assert keys[is_in(keys, as_keys([3, 6]))].tolist() == [3, 6]
    assert keys[is_in(keys, as_keys([0, 9]))].tolist() == [0, 9]
    assert keys[is_in(keys, as_keys([5, 5 + 100 * SPARSEST]))].tolist() == [5]
