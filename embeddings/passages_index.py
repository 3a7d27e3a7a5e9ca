"""The dense part of a generation: FAISS, or over Milvus where the archive has its vectors there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embeddings.checked import UnusableFilesError
from embeddings.dense import Added, DenseIndex
from embeddings.durable import Link
from embeddings.indices import Base
from embeddings.keys import Keys
from embeddings.nearest import PassageIndex, VectorsUnavailableError
from embeddings.roster import Roster
from embeddings.rows import Changes
from embeddings.segments import LARGE
from embeddings.store import Store

if TYPE_CHECKING:
    from embeddings.milvus import Milvus, State
    from embeddings.shared_index import SharedIndex

PORTION = 4_096
"""Passages that are read from the store at a time."""

NEWEST_MOST = LARGE
"""Vectors that a reader holds until Milvus is proven to have them: 50 MB of 384 numbers, searched
exactly in a few milliseconds. Where more are missing, it says so instead."""


def open_index(folder: Path, store: Store, dimension: int) -> PassageIndex:
    """Open the dense part that a folder holds. Raises UnusableFilesError where that is none."""
    if store.vector_engine is None:
        return DenseIndex.open(folder, dimension)
    from embeddings.milvus import open_milvus
    from embeddings.shared_index import SharedIndex

    return SharedIndex.open(folder, dimension, open_milvus(store.vector_engine), store.archive_id)


def updated_index(
    folder: Path, store: Store, base: Base, changes: Changes, link: Link
) -> PassageIndex:
    """Write the dense part of the present generation to a new folder, from what is left of another.

    OSError where the disk refuses.
    """
    if store.vector_engine is not None:
        return _shared(folder, store, base, changes, link)
    if not isinstance(base.dense, DenseIndex | None):
        raise UnusableFilesError(f"{base.folder} was made for vectors in Milvus: it is rebuilt")
    new, gone = np.array(changes.passages, dtype=np.int64), changes.removed_passages
    dimension = dimension_of(store)
    if base.dense is None or base.indices is None:
        held = base.dense.keys() if base.dense is not None else new[:0]
        new = np.setdiff1d(store.passage_keys(), np.setdiff1d(held, gone))
    start = base.dense if base.dense is not None else DenseIndex(dimension)
    return start.updated(folder, _vectors(store, new, dimension), gone, link)


def dimension_of(store: Store) -> int:
    """Return the number of components of an archive's vectors; 1 while it has none."""
    settings = store.encoder
    return settings.dimension if settings else 1


def portions(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut keys into runs that are read from the store together."""
    for at in range(0, len(keys), PORTION):
        yield keys[at : at + PORTION]


def proven(store: Store, state: State) -> int | None:
    """Return up to which generation of the store's history a collection holds all; None: of none.

    Of what a writer has committed after the view was taken, the view knows nothing.
    """
    if state.archive != store.archive_id or state.dimension != dimension_of(store):
        return None
    known = min(state.generation, store.generation)
    if state.generation <= store.generation and known:
        return known if store.commit_name(known) == state.commit else None
    return known


def _shared(folder: Path, store: Store, base: Base, changes: Changes, link: Link) -> SharedIndex:
    """Write a shared index: who is there, and the vectors that Milvus is not known to hold yet."""
    from embeddings.milvus import open_milvus
    from embeddings.shared_index import SharedIndex

    milvus = open_milvus(store.vector_engine or "")
    start = base.dense if isinstance(base.dense, SharedIndex) and base.indices else None
    needed = _needed(milvus, store, start)
    keys, _ = store.passage_owners(needed)
    if len(keys) > NEWEST_MOST:
        needed, keys = store.generation, keys[:0]
    if start is None:
        roster = Roster(*store.passage_owners())
        start = SharedIndex(milvus, store.archive_id, roster, DenseIndex(dimension_of(store)), 0)
    else:
        added = store.passage_owners(base.generation)
        roster = start.roster.changed(*added, changes.removed_passages)
    held = start.newest.keys()
    added_vectors = _vectors(store, np.setdiff1d(keys, held), dimension_of(store))
    folder.mkdir()
    newest = start.with_newest(folder, added_vectors, np.setdiff1d(held, keys), link)
    made = SharedIndex(milvus, store.archive_id, roster, newest, needed)
    made.write(folder)
    return made


def _needed(milvus: Milvus, store: Store, start: SharedIndex | None) -> int:
    """Return the generation beyond which vectors are held here.

    Where Milvus does not answer, what the generation before needed; a first one trusts that it
    will hold all once it does.
    """
    try:
        current = milvus.current()
        known = None if current is None else proven(store, current.state)
        return 0 if known is None else known
    except VectorsUnavailableError:
        return store.generation if start is None else start.needed


def _vectors(store: Store, keys: Keys, dimension: int) -> Iterator[Added]:
    for portion in portions(keys.tolist()):
        yield store.passage_vectors(portion, dimension)
