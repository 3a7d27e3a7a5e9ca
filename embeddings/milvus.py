"""Milvus: an archive's vectors as a collection behind an alias, and its errors as our own.

The collection is derived: which commit of the truth it is brought up to stands in its properties,
and is written last. Its name is the archive's with a random end; the archive's own name is an alias
that is moved once a new collection is whole.
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np

from corpus.errors import NewsArchiveError, UsageError
from embeddings.encoder import Vectors
from embeddings.keys import Keys
from embeddings.milvus_address import MilvusAddress, milvus_address
from embeddings.milvus_filters import NAME_BYTES, day_field, outlet_field
from embeddings.nearest import VectorsUnavailableError

SEARCH_TIMEOUT, SEARCH_TRIES = 0.8, 2
"""Seconds for a search, and how often it is tried: the proxy sends the second try to another
replica. Without a limit a search that meets a dead query node hangs for half a minute."""

TIMEOUT = 30.0
"""Seconds for what writers ask."""

LOADING = 600.0
"""Seconds that a collection may take to be loaded."""

PROPERTY = "qa"
"""The collection property that holds the State: one, so that it changes at once or not at all."""

CONSISTENCY = "Bounded"
"""Of searches: a replica that is up to 5 seconds behind may answer, in 3 ms. "Strong" waits for the
next tick of Milvus' clock, 200 ms. What is missing for so long is not lost to a reader: it holds
the newest vectors itself until they are proven to be there, which a Strong query does."""

PARTITIONS = 16
"""Partitions that outlets are spread over: a search within one outlet reads one of them, a search
over all reads 16 (Milvus' default is 64, which costs a search over all four times as much)."""

GRAPH = {"M": 16, "efConstruction": 200}
"""HNSW's links a vector and the width of its construction."""

WIDTH = 128
"""HNSW's `ef`, the width of a search: candidates that are held; at least k."""

MOST = 16_384
"""Results that Milvus gives at most."""

ROWS = 2_000
"""Vectors in one request: 3 MB of 384 numbers each; a message may have 64 MB, a log entry 5."""

TOKEN_VARIABLE = "QA_MILVUS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable that holds Milvus' token, or user:password: never part of an address."""

NOT_FOUND, NOT_LOADED = 100, 101
"""Milvus' codes for a collection that is not there, and for one that is not in memory."""

STATE_SECONDS = 2.0
"""Seconds for which a reader takes the collection's state for what it was."""


@dataclass(frozen=True, slots=True)
class State:
    """What a collection holds: the archive whose vectors, and up to which of its commits.

    `database` is the address of the truth, without a password.
    """

    archive: str = ""
    generation: int = 0
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


@dataclass(slots=True, eq=False)
class Milvus:
    """The collections of one archive. Connects when it is first used; threads may share it."""

    address: MilvusAddress
    _client: Any = None
    _seen: tuple[float, Collection | None] = field(default=(0.0, None))

    # What there is

    def current(self, *, fresh: bool = True) -> Collection | None:
        """Return the collection that the archive's name stands for, or None.

        Unless `fresh`, what was seen up to STATE_SECONDS ago will do. Raises
        VectorsUnavailableError where Milvus does not answer.
        """
        at, seen = self._seen
        if not fresh and time.monotonic() - at < STATE_SECONDS and seen is not None:
            return seen
        found = self._described(self.address.name)
        self._seen = time.monotonic(), found
        return found

    def others(self) -> list[Collection]:
        """Return the archive's collections that its name does not stand for."""
        names = self._ask("list_collections")
        current = self.current()
        prefix = f"{self.address.name}__"
        mine = [name for name in sorted(names) if name.startswith(prefix)]
        found = [self._described(name) for name in mine if current is None or name != current.name]
        return [collection for collection in found if collection is not None]

    def count(self, collection: str) -> int:
        """Return the number of passages, everything written before included."""
        rows = self._ask(
            "query", collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
        )
        return int(rows[0]["count(*)"])

    def keys(self, collection: str) -> Keys:
        """Return the keys of all passages, ascending, int64 (n,)."""
        found: list[int] = []
        below = -1
        while True:
            rows = self._ask(
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
        rows = self._ask(
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
        """Return keys and scores of each question's best k, at most MOST, best first."""
        k = min(k, MOST)
        found = self._ask(
            "search",
            self.address.name,
            data=[*questions],
            limit=k,
            filter=expression,
            output_fields=["key"],
            search_params={"metric_type": "IP", "params": {"ef": max(WIDTH, k)}},
            consistency_level=CONSISTENCY,
            timeout=SEARCH_TIMEOUT,
            tries=SEARCH_TRIES,
        )
        return [
            (
                np.asarray(hits.ids, dtype=np.int64),
                np.asarray(hits.distances, dtype=np.float32),
            )
            for hits in found
        ]

    # Writing; one writer at a time

    def begin(self, state: State) -> Collection:
        """Make an empty collection, loaded, that no name stands for yet."""
        self._connect()
        from pymilvus import DataType

        name = f"{self.address.name}__{uuid.uuid4().hex[:8]}"
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("article", DataType.INT64)
        schema.add_field(
            "outlet", DataType.VARCHAR, max_length=NAME_BYTES, is_partition_key=True
        )
        schema.add_field("day", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=state.dimension)
        index = self._client.prepare_index_params()
        index.add_index("vector", index_type="HNSW", metric_type="IP", params=GRAPH)
        self._ask(
            "create_collection",
            name,
            schema=schema,
            num_partitions=PARTITIONS,
            num_shards=1,  # one log, in order: what a query sees, it sees with all before it
            consistency_level=CONSISTENCY,
            properties={PROPERTY: _written(state)},
        )
        self._ask("create_index", name, index_params=index, timeout=LOADING)
        self._load(name)
        return Collection(name, state)

    def put(self, collection: str, rows: Rows) -> None:
        """Write passages, in place of those with the same keys."""
        for at in range(0, len(rows.keys), ROWS):
            part = slice(at, at + ROWS)
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
            self._ask("upsert", collection, data)

    def remove(self, collection: str, keys: Sequence[int]) -> None:
        """Remove passages; keys that are not there are passed over."""
        for at in range(0, len(keys), MOST):
            self._ask("delete", collection, filter=f"key in {[*keys[at : at + MOST]]}")

    def record(self, collection: str, state: State) -> None:
        """Note up to which commit a collection is, once a query has seen everything before."""
        self.count(collection)
        self._ask("alter_collection_properties", collection, {PROPERTY: _written(state)})
        self._seen = (0.0, None)

    def switch(self, collection: str) -> None:
        """Let the archive's name stand for this collection from now on."""
        exists = self.current() is not None
        self._ask("alter_alias" if exists else "create_alias", collection, self.address.name)
        self._seen = (0.0, None)

    def drop(self, collection: str) -> None:
        """Remove a collection that no name stands for."""
        self._ask("drop_collection", collection)

    def wait_until_indexed(self, collection: str, seconds: float) -> bool:
        """Wait until what is searched is searched by its graph; tell whether it came to that.

        Milvus calls an index finished before the query nodes have loaded it, and finds less until
        then. An engine that tells nothing of its segments is taken for ready.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                segments = self._ask("list_loaded_segments", collection)
            except VectorsUnavailableError:
                return True
            sealed = [s for s in segments if "Growing" not in str(getattr(s, "state", ""))]
            if all(getattr(segment, "index_name", "") for segment in sealed):
                return True
            time.sleep(0.5)
        return False

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # Asking

    def _described(self, name: str) -> Collection | None:
        try:
            told = self._ask("describe_collection", name, tries=SEARCH_TRIES, timeout=1.0)
        except _MissingError:
            return None
        stored = (told.get("properties") or {}).get(PROPERTY)
        return Collection(str(told["collection_name"]), _read(stored, self.address))

    def _load(self, name: str) -> None:
        """Load a collection into memory, as often as the address says, and wait until it is."""
        self._ask(
            "load_collection", name, replica_number=self.address.replicas, timeout=LOADING
        )

    def _connect(self) -> Any:
        if self._client is None:
            self._client = _connected(self.address)
        return self._client

    def _ask(self, what: str, *values: Any, tries: int = 1, **options: Any) -> Any:
        """Call the client; its errors become ours. A search tries again, a writer's call does not.

        What was unloaded meanwhile, as the embedded engine's is when it starts, is loaded again.
        """
        options.setdefault("timeout", TIMEOUT)
        loaded = False
        while True:
            try:
                return getattr(self._connect(), what)(*values, retry_times=1, **options)
            except NewsArchiveError:
                raise
            except Exception as error:
                tries -= 1
                if _is_missing(error):
                    raise _MissingError(self._lacking(values)) from error
                if _is_unloaded(error) and not loaded:
                    self._load(str(values[0]))
                    loaded, tries = True, max(tries, 1)
                elif tries <= 0:
                    raise self._own(error) from error

    def _lacking(self, values: Sequence[Any]) -> str:
        name = values[0] if values else self.address.name
        return (
            f"Milvus at {self.address.uri} has no collection {name!r}: make it with"
            f" `qa index FOLDER --archive {self.address}`"
        )

    def _own(self, error: Exception) -> VectorsUnavailableError:
        told = str(getattr(error, "message", "") or error).splitlines() or [""]
        return VectorsUnavailableError(
            f"Milvus at {self.address.uri} does not answer as it should ({told[0][:200]}):"
            " start it, or give the address where it is"
        )


@cache
def open_milvus(address: str) -> Milvus:
    """Return the archive's place in Milvus, one for the process: its threads share the connection.

    Nothing is asked of Milvus yet. Raises UsageError for an address that is none.
    """
    return Milvus(milvus_address(address))


class _MissingError(VectorsUnavailableError):
    """There is no such collection."""


def _connected(address: MilvusAddress) -> Any:
    """Return a client. Raises UsageError where the packages are missing."""
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise UsageError(
            f"the archive at {address} needs the extra `shared`: install it with"
            ' `python -m pip install "news-archive-qa[shared]"`'
        ) from error
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # each error comes out as ours
    token = os.environ.get(TOKEN_VARIABLE, "")
    try:
        return MilvusClient(address.uri, token=token, timeout=TIMEOUT)
    except Exception as error:
        raise VectorsUnavailableError(
            f"Milvus at {address.uri} cannot be reached: start it, or give the address where it is"
        ) from error


def _is_missing(error: Exception) -> bool:
    return getattr(error, "code", None) == NOT_FOUND


def _is_unloaded(error: Exception) -> bool:
    return getattr(error, "code", None) == NOT_LOADED


def _written(state: State) -> str:
    return json.dumps(asdict(state), sort_keys=True)


def _read(stored: str | None, address: MilvusAddress) -> State:
    """Return a collection's state. Raises VectorsUnavailableError for what this program never
    wrote."""
    try:
        return State(**json.loads(stored or ""))
    except (ValueError, TypeError) as error:
        raise VectorsUnavailableError(
            f"the collection {address.name!r} in Milvus at {address.uri} is no archive's:"
            " give another name in the address"
        ) from error

