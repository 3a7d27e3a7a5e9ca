"""Bring what Milvus holds up to the truth, commit by commit: the writer's part, after its commits.

The truth comes first. Whatever stops the writer, the collection's state tells up to which commit
all is there; what may have been written beyond is removed and written again, under the same keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from embeddings.milvus import Collection, Milvus, Rows, State, open_milvus
from embeddings.nearest import VectorsUnavailableError
from embeddings.passages_index import dimension_of, portions, proven
from embeddings.rows import Changes
from embeddings.store import Store

STEP = 16
"""Commits after which the state is recorded: some 16,000 passages where much is new."""

INDEXED = 600.0
"""Seconds that a new collection may take to be indexed before it is switched to all the same."""


def catch_up(store: Store) -> int:
    """Bring the archive's vectors in Milvus to the present commit; return how many were written.

    Nothing where the archive's vectors are in FAISS. The caller holds the writer's place. Raises
    VectorsUnavailableError where Milvus does not answer; the next call goes on from there.
    """
    if store.vector_engine is None or store.encoder is None:
        return 0
    milvus = open_milvus(store.vector_engine)
    current = milvus.current()
    if current is not None and _is_of(current.state, store):
        return _applied(milvus, current, store)
    return _made_anew(milvus, current, store)


class Follower:
    """Lets Milvus follow a long run: called after a commit, it catches up, as far as that goes.

    Where Milvus does not answer once, the run is not held up again; `catch_up` at its end says so.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._goes = store.vector_engine is not None

    def __call__(self) -> None:
        """Catch up with what was committed."""
        if self._goes:
            try:
                catch_up(self._store)
            except VectorsUnavailableError:
                self._goes = False


def make_anew(store: Store) -> int:
    """Write all vectors to a new collection, and switch to it once it is whole."""
    assert store.vector_engine is not None  # noqa: S101 - for the type checker
    milvus = open_milvus(store.vector_engine)
    return _made_anew(milvus, milvus.current(), store)


def problems(store: Store) -> list[str]:
    """Return in plain words where Milvus does not hold what the truth does."""
    if store.vector_engine is None or store.encoder is None:
        return []
    milvus = open_milvus(store.vector_engine)
    place = f"{milvus.address.name!r} in Milvus at {milvus.address.uri}"
    try:
        current = milvus.current()
        if current is None or not _is_of(current.state, store):
            return [f"{place} holds no vectors of this archive: `qa index` brings it up to date"]
        held = milvus.keys(current.name)
    except VectorsUnavailableError as error:
        return [str(error)]
    behind = store.generation - current.state.generation
    if behind:
        return [f"{place} is {behind} commits behind: `qa index` brings it up to date"]
    differing = len(np.setxor1d(held, store.passage_keys()))
    lacking = f"{place} differs in {differing} passages: `qa verify --repair` makes it anew"
    return [lacking] if differing else []


def _is_of(state: State, store: Store) -> bool:
    """Tell whether a collection holds what one of the commits of the store's history left."""
    return proven(store, state) == state.generation


def _made_anew(milvus: Milvus, current: Collection | None, store: Store) -> int:
    """Fill another collection, one that a stopped run began where there is one; switch to it."""
    begun = [other for other in milvus.others() if _is_of(other.state, store)]
    for other in milvus.others():
        if other not in begun[:1]:
            milvus.drop(other.name)
    if begun:
        collection = begun[0]
    else:
        start = State(archive=store.archive_id, dimension=dimension_of(store))
        database = current.state.database if current is not None else ""
        collection = milvus.begin(replace(start, database=database))
    written = _applied(milvus, collection, store)
    milvus.settle(collection.name, INDEXED)
    milvus.switch(collection.name)
    if current is not None:
        milvus.drop(current.name)
    return written


def _applied(milvus: Milvus, collection: Collection, store: Store) -> int:
    """Apply what changed since a collection's state, in steps that are recorded; count vectors."""
    state, written, newest = collection.state, 0, store.generation
    while state.generation < newest:
        until = min(state.generation + STEP, newest)
        changes = store.changes_since(state.generation, until)
        if changes.passages:
            milvus.note(collection.name, replace(state, begun=max(until, state.begun)))
        for rows in _rows(store, changes, state.dimension):
            milvus.put(collection.name, rows, again=state.generation < state.begun)
            written += len(rows.keys)
        if changes.removed_passages:
            milvus.remove(collection.name, changes.removed_passages)
        begun = max(until, state.begun)
        state = replace(state, generation=until, begun=begun, commit=store.commit_name(until))
        if until == newest or changes.passages or changes.removed_passages:
            milvus.record(collection.name, state)
    return written


def _rows(store: Store, changes: Changes, dimension: int) -> Iterator[Rows]:
    """Yield what was added, a portion at a time."""
    for portion in portions(changes.passages):
        keys, articles, vectors = store.passage_vectors(portion, dimension)
        filed = store.filed_of({*articles.tolist()})
        named = [filed[article] for article in articles.tolist()]
        outlets, days = [outlet for outlet, _ in named], [day for _, day in named]
        yield Rows(keys, articles, outlets, days, vectors)
