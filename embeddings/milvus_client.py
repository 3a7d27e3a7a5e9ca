"""Milvus' own client: one connection an archive, its calls bounded in time, its errors as ours."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol

from corpus.errors import NewsArchiveError, UsageError
from embeddings.milvus_address import MilvusAddress
from embeddings.nearest import VectorsUnavailableError

TIMEOUT = 30.0
"""Seconds for what writers ask."""

LOADING = 600.0
"""Seconds that a collection may take to be loaded."""

PAUSE = 0.05
"""Seconds before something is asked again; twice as many before each time after."""

NOT_FOUND, NOT_LOADED = 100, 101
"""Milvus' codes for a collection that is not there, and for one that is not in memory."""

LISTS, PROBED = 512, 32
"""Lists that a segment's vectors are sorted into by nearness, and those that a search reads. A
graph (HNSW) loses its way where a filter leaves out most of what it leads through: of a million
vectors, one in eighty within the filter, it found 92 of 100 neighbours, however wide the search;
16 lists find 99.5, 32 find 99.7, 64 take twice as long (`tests/engines/million.py`)."""

EMBEDDED = {"M": 16, "efConstruction": 100}
"""HNSW's links a vector and the width of its construction: the embedded engine has no lists."""

WIDTH = 512
"""HNSW's width of a search, in candidates."""


class MissingCollectionError(VectorsUnavailableError):
    """There is no such collection."""


class Client(Protocol):
    """The calls that an archive's collections need."""

    def ask(self, what: str, *values: Any, within: float = 0.0, **options: Any) -> Any:
        """Call a method of Milvus' client by its name, again for so many seconds."""
        ...

    def make(self, name: str, dimension: int, name_bytes: int, **options: Any) -> None:
        """Make a collection of passages, and load it."""
        ...

    def reach(self, k: int) -> dict[str, int]:
        """Return how far a search for the k best goes into a collection's index."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class MilvusClient:
    """A connection that is made when it is first used; threads may share it."""

    def __init__(self, address: MilvusAddress) -> None:
        self.address = address
        self._client: Any = None

    def ask(self, what: str, *values: Any, within: float = 0.0, **options: Any) -> Any:
        """Call a method of Milvus' client, again and again `within` so many seconds.

        Where a query node has died, a proxy fails for a moment before it asks another. What was
        unloaded meanwhile, as the embedded engine's is when it starts, is loaded again.
        Raises MissingCollectionError where a collection is not there, VectorsUnavailableError where
        Milvus does not answer as it should.
        """
        options.setdefault("timeout", TIMEOUT)
        ends, pause, loaded = time.monotonic() + within, PAUSE, False
        while True:
            try:
                return getattr(self._connected(), what)(*values, retry_times=1, **options)
            except NewsArchiveError:
                raise
            except Exception as error:
                if getattr(error, "code", None) == NOT_FOUND:
                    raise MissingCollectionError(self._lacking(values)) from error
                if getattr(error, "code", None) == NOT_LOADED and not loaded:
                    self.load(str(values[0]))
                    loaded = True
                elif time.monotonic() + pause > ends:
                    raise self._own(error) from error
                else:
                    time.sleep(pause)
                    pause *= 2

    def make(self, name: str, dimension: int, name_bytes: int, **options: Any) -> None:
        """Make a collection of passages with their graph, and load it."""
        from pymilvus import DataType

        client = self._connected()
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("article", DataType.INT64)
        schema.add_field("outlet", DataType.VARCHAR, max_length=name_bytes, is_partition_key=True)
        schema.add_field("day", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        index = client.prepare_index_params()
        kind, params = ("HNSW", EMBEDDED) if self.address.is_embedded else ("IVF_FLAT", _lists())
        index.add_index("vector", index_type=kind, metric_type="IP", params=params)
        self.ask("create_collection", name, schema=schema, **options)
        self.ask("create_index", name, index_params=index, timeout=LOADING)
        self.load(name)

    def load(self, name: str) -> None:
        """Load a collection into memory, as often as the address says, and wait until it is."""
        self.ask("load_collection", name, replica_number=self.address.replicas, timeout=LOADING)

    def reach(self, k: int) -> dict[str, int]:
        """Return how far a search for the k best goes into a collection's index."""
        return {"ef": max(WIDTH, k)} if self.address.is_embedded else {"nprobe": PROBED}

    def close(self) -> None:
        """Close the connection, if there is one; the next call makes another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> Any:
        if self._client is None:
            self._client = _connected(self.address)
        return self._client

    def _lacking(self, values: Sequence[Any]) -> str:
        return (
            f"Milvus at {self.address.uri} has no collection {values[0]!r}: make it with"
            f" `qa index FOLDER --archive {self.address}`"
        )

    def _own(self, error: Exception) -> VectorsUnavailableError:
        told = str(getattr(error, "message", "") or error).splitlines() or [""]
        return VectorsUnavailableError(
            f"Milvus at {self.address.uri} does not answer as it should ({told[0][:120]}):"
            " start it, or give the address where it is"
        )


def _lists() -> dict[str, int]:
    return {"nlist": LISTS}


def _connected(address: MilvusAddress) -> Any:
    """Return Milvus' client. Raises UsageError where its package is missing."""
    try:
        from pymilvus import MilvusClient as TheirClient
    except ImportError as error:
        raise UsageError(
            f"the archive at {address} needs the extra `shared`: install it with"
            ' `python -m pip install "news-archive-qa[shared]"`'
        ) from error
    for noisy in ("pymilvus", *(["grpc._server"] if address.is_embedded else [])):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # each error comes out as ours
    try:
        return TheirClient(address.uri, token=address.token, timeout=TIMEOUT)
    except Exception as error:
        raise VectorsUnavailableError(
            f"Milvus at {address.uri} cannot be reached: start it, or give the address where it is"
        ) from error
