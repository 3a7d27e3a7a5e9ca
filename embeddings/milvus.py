"""Milvus: an archive's vectors as a collection behind an alias, and its errors as our own.

The collection is derived: which commit of the truth it is brought up to stands in its properties,
and is written last. Its name is the archive's with a random end; the archive's own name is an alias
that is moved once a new collection is whole.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from embeddings.encoder import Vectors
from embeddings.keys import Keys
from embeddings.milvus_address import MilvusAddress, milvus_address
from embeddings.milvus_client import LOADING, Client, MilvusClient, MissingCollectionError
from embeddings.milvus_filters import NAME_BYTES, day_field, outlet_field
from embeddings.nearest import RestingError, VectorsUnavailableError

SEARCH_TIMEOUT, SEARCH_WITHIN = 0.8, 1.5
"""Seconds for one try of a search, and within which it is tried again, by another replica then.
Without a limit a search that meets a dead query node hangs for half a minute."""

REST = 2.0
"""Seconds for which nobody asks an engine that has not answered: others are served by words alone
meanwhile, and need not wait for it as well."""

PROPERTY = "qa"
"""The collection property that holds the State: one, so that it changes at once or not at all."""

CONSISTENCY = "Bounded"
"""Of searches: a replica that is up to 5 seconds behind may answer, in 3 ms. "Strong" waits for the
next tick of Milvus' clock, 200 ms. What is missing for so long is not lost to a reader: it holds
the newest vectors itself until they are proven to be there, which a Strong query does."""

INDEXED_ROWS = 1_024
"""Vectors from which on Milvus makes a graph of a segment; fewer are searched one by one."""

PATIENT, PATIENTLY = 5.0, 30.0
"""Seconds for one try of what a writer asks, and within which it is tried again: all of it may be
done twice."""

PARTITIONS = 16
"""Partitions that outlets are spread over: a search within one outlet reads one of them, a search
over all reads 16 (Milvus' default is 64, which costs a search over all four times as much)."""

MOST = 16_384
"""Results that Milvus gives at most."""

ROWS = 2_000
"""Vectors in one request: 3 MB of 384 numbers each; a message may have 64 MB, a log entry 5."""

STATE_SECONDS = 2.0
"""Seconds for which a reader takes the collection's state for what it was."""


@dataclass(frozen=True, slots=True)
class State:
    """What a collection holds: the archive whose vectors, and up to which of its commits.

    `begun` is the commit up to which a writer has begun to write, of which more may be there than
    `generation` says; `database` is the address of the truth, without a password.
    """

    archive: str = ""
    generation: int = 0
    begun: int = 0
    commit: str = ""
    dimension: int = 2
    database: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of an archive: its own name, and what it holds."""

    name: str
    state: State


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Passages for Milvus: keys and articles int64 (n,), vectors float32 (n, dimension)."""

    keys: Keys
    articles: Keys
    outlets: Sequence[str | None]
    days: Sequence[str | None]
    vectors: Vectors


class Milvus:
    """The collections of one archive. Connects when it is first used; threads may share it."""

    def __init__(self, address: MilvusAddress, client: Client | None = None) -> None:
        self.address = address
        self._client = client or MilvusClient(address)
        self._seen: tuple[float, Collection | None] = (0.0, None)
        self._rests_until = 0.0

    # What there is

    def current(self, *, fresh: bool = True) -> Collection | None:
        """Return the collection that the archive's name stands for, or None.

        Unless `fresh`, what was seen up to STATE_SECONDS ago will do. Raises
        VectorsUnavailableError where Milvus does not answer.
        """
        at, seen = self._seen
        if not fresh and seen is not None:
            if time.monotonic() - at < STATE_SECONDS:
                return seen
            with suppress(VectorsUnavailableError):  # a search will tell whether it is there
                self._seen = time.monotonic(), self._described(self.address.name) or seen
            return self._seen[1]
        found = self._described(self.address.name)
        self._seen = time.monotonic(), found
        return found

    def others(self) -> list[Collection]:
        """Return the archive's collections that its name does not stand for."""
        names = self._client.ask("list_collections")
        current = self.current()
        own = re.compile(f"{self.address.name}__[0-9a-f]{{8}}")  # and no other archive's
        mine = [name for name in sorted(names) if own.fullmatch(name)]
        found = [self._described(name) for name in mine if current is None or name != current.name]
        return [collection for collection in found if collection is not None]

    def count(self, collection: str) -> int:
        """Return the number of passages, everything written before included."""
        rows = self._client.ask(
            "query",
            collection,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=PATIENT,
            within=PATIENTLY,
        )
        return int(rows[0]["count(*)"])

    def keys(self, collection: str) -> Keys:
        """Return the keys of all passages, ascending, int64 (n,)."""
        found: list[int] = []
        below = -1
        while True:
            rows = self._client.ask(
                "query",
                collection,
                filter=f"key > {below} and key <= {below + MOST}",
                output_fields=["key"],
                consistency_level="Strong",
            )
            found += [int(row["key"]) for row in rows]
            below += MOST
            if len(rows) == 0 and below >= self._highest(collection, below):
                return np.sort(np.array(found, dtype=np.int64))

    def _highest(self, collection: str, above: int) -> int:
        """Return a key above the given one, or -1 where there is none."""
        rows = self._client.ask(
            "query",
            collection,
            filter=f"key > {above}",
            output_fields=["key"],
            limit=1,
            consistency_level="Strong",
        )
        return int(rows[0]["key"]) if rows else -1

    # Search

    def search(
        self, questions: Vectors, k: int, expression: str = ""
    ) -> list[tuple[Keys, Vectors]]:
        """Return keys and scores of each question's best k, at most MOST, best first.

        Raises VectorsUnavailableError where Milvus does not answer, or has not a moment ago.
        """
        k = min(k, MOST)
        if time.monotonic() < self._rests_until:
            raise RestingError(
                f"Milvus at {self.address.uri} did not answer a moment ago: it is asked again soon"
            )
        try:
            try:
                found = self._search(questions, k, expression)
            except MissingCollectionError:  # the name has moved, and what it stood for is gone
                found = self._search(questions, k, expression)
        except MissingCollectionError:
            raise
        except VectorsUnavailableError:
            self._rests_until = time.monotonic() + REST
            raise
        return [
            (np.asarray(hits.ids, dtype=np.int64), np.asarray(hits.distances, dtype=np.float32))
            for hits in found
        ]

    def _search(self, questions: Vectors, k: int, expression: str) -> Any:
        return self._client.ask(
            "search",
            self.address.name,
            data=[*questions],
            limit=k,
            filter=expression,
            output_fields=["key"],
            search_params={"metric_type": "IP", "params": self._client.reach(k)},
            consistency_level=CONSISTENCY,
            timeout=SEARCH_TIMEOUT,
            within=SEARCH_WITHIN,
        )

    # Writing; one writer at a time

    def begin(self, state: State) -> Collection:
        """Make an empty collection, loaded, that no name stands for yet."""
        name = f"{self.address.name}__{uuid.uuid4().hex[:8]}"
        self._client.make(
            name,
            state.dimension,
            NAME_BYTES,
            num_partitions=PARTITIONS,
            num_shards=1,  # one log, in order: what a query sees, it sees with all before it
            consistency_level=CONSISTENCY,
            properties={PROPERTY: _written(state)},
        )
        return Collection(name, state)

    def put(self, collection: str, rows: Rows, *, again: bool) -> None:
        """Write passages; those that may be there already, `again`.

        Not by Milvus' own upsert: that of 2.3.5 puts rows into partitions at random, where a search
        by outlet does not look for them.
        """
        for at in range(0, len(rows.keys), ROWS):
            part = slice(at, at + ROWS)
            if again:
                self.remove(collection, rows.keys[part].tolist())
            data = [
                {
                    "key": key,
                    "article": article,
                    "outlet": outlet_field(outlet),
                    "day": day_field(day),
                    "vector": vector,
                }
                for key, article, outlet, day, vector in zip(
                    rows.keys[part].tolist(),
                    rows.articles[part].tolist(),
                    rows.outlets[part],
                    rows.days[part],
                    rows.vectors[part],
                    strict=True,
                )
            ]
            self._client.ask("insert", collection, data)

    def remove(self, collection: str, keys: Sequence[int]) -> None:
        """Remove passages; keys that are not there are passed over."""
        for at in range(0, len(keys), MOST):
            gone = f"key in {[*keys[at : at + MOST]]}"
            self._client.ask("delete", collection, filter=gone, within=PATIENTLY)

    def record(self, collection: str, state: State) -> None:
        """Note up to which commit a collection is, once a query has seen everything before."""
        self.count(collection)
        self.note(collection, state)

    def note(self, collection: str, state: State) -> None:
        """Note what a writer is about to do."""
        self._client.ask("alter_collection_properties", collection, {PROPERTY: _written(state)})
        self._seen = (0.0, None)

    def switch(self, collection: str) -> None:
        """Let the archive's name stand for this collection from now on."""
        exists = self.current() is not None
        self._client.ask("alter_alias" if exists else "create_alias", collection, self.address.name)
        self._seen = (0.0, None)

    def drop(self, collection: str) -> None:
        """Remove a collection that no name stands for."""
        self._client.ask("drop_collection", collection)

    def settle(self, collection: str, seconds: float) -> bool:
        """Have what was written indexed and loaded, up to so many seconds; tell whether it is.

        Milvus calls an index finished before the query nodes have loaded it. A small collection is
        searched one by one, as exactly, and so is all that is new: an index only makes it quick.
        """
        deadline = time.monotonic() + seconds
        rows = self.count(collection)
        if self.address.is_embedded or rows < INDEXED_ROWS * PARTITIONS:
            return True
        self._client.ask("flush", collection, timeout=LOADING)
        while time.monotonic() < deadline:
            segments = self._client.ask("list_loaded_segments", collection)
            listed = sum(s.num_rows for s in segments)  # those that still grow are not
            if listed >= rows and all(s.index_name for s in segments if s.num_rows >= INDEXED_ROWS):
                return True
            time.sleep(0.5)
        return False

    def close(self) -> None:
        """Close the connection, if there is one; it is made again where it is needed."""
        self._client.close()

    def _described(self, name: str) -> Collection | None:
        try:
            told = self._client.ask("describe_collection", name, timeout=1.0, within=SEARCH_WITHIN)
        except MissingCollectionError:
            return None
        stored = (told.get("properties") or {}).get(PROPERTY)
        return Collection(str(told["collection_name"]), _read(stored, self.address))


def database_of(address: str) -> str:
    """Return the address of the truth that an archive in Milvus stands on, without a password.

    Raises MissingCollectionError where there is no such archive, VectorsUnavailableError where
    Milvus does not answer.
    """
    milvus = open_milvus(address)
    current = milvus.current()
    if current is None:
        raise MissingCollectionError(
            f"Milvus at {milvus.address.uri} has no archive {milvus.address.name!r}: make it with"
            f" `qa index FOLDER --archive {milvus.address} --database postgresql://...`"
        )
    return current.state.database


def create_in_milvus(address: str, database: str) -> None:
    """Note in Milvus on which truth an archive stands; its vectors come with its first articles."""
    milvus = open_milvus(address)
    if (current := milvus.current()) is None:
        milvus.switch(milvus.begin(State(database=database)).name)
    elif current.state.database != database:
        milvus.record(current.name, replace(current.state, database=database))


_opened: dict[str, Milvus] = {}
"""Address -> place in Milvus: threads and archives of a process share a connection."""


def open_milvus(address: str) -> Milvus:
    """Return the archive's place in Milvus, one for the process.

    Nothing is asked of Milvus yet. Raises UsageError for an address that is none.
    """
    return _opened.setdefault(address, Milvus(milvus_address(address)))


def _written(state: State) -> str:
    return json.dumps(asdict(state), sort_keys=True)


def _read(stored: str | None, address: MilvusAddress) -> State:
    """Return a collection's state. Raises VectorsUnavailableError for a stranger's collection."""
    try:
        return State(**json.loads(stored or ""))
    except (ValueError, TypeError) as error:
        raise VectorsUnavailableError(
            f"the collection {address.name!r} in Milvus at {address.uri} is no archive's:"
            " give another name in the address"
        ) from error
