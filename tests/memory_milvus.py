"""Milvus in memory, exact and at once: what the archive's own code does with it needs no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from embeddings.milvus_client import MissingCollectionError
from embeddings.nearest import VectorsUnavailableError

Row = dict[str, Any]


@dataclass(slots=True)
class _Held:
    dimension: int
    properties: dict[str, str]
    rows: dict[int, Row] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryClient:
    """The part of Milvus' client that an archive calls; filters are read as Python reads them.

    `down` makes every call fail; `before` is called with the name of each call and may raise.
    """

    down: bool = False
    before: Callable[[str], None] = lambda what: None
    calls: list[str] = field(default_factory=list)
    filters: list[str] = field(default_factory=list)
    held: dict[str, _Held] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def ask(self, what: str, *values: Any, within: float = 0.0, **options: Any) -> Any:
        self.calls.append(what)
        if self.down:
            raise VectorsUnavailableError("Milvus in memory is down")
        self.before(what)
        return getattr(self, what)(*values, **options)

    def make(self, name: str, dimension: int, name_bytes: int, **options: Any) -> None:
        self.ask("create", name, dimension, options["properties"])

    def reach(self, k: int) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self.calls.append("close")

    def create(self, name: str, dimension: int, properties: dict[str, str]) -> None:
        self.held[name] = _Held(dimension, dict(properties))

    def list_collections(self) -> list[str]:
        return [*self.held]

    def flush(self, name: str, **options: Any) -> None:
        self._found(name)

    def list_loaded_segments(self, name: str) -> list[object]:
        return []

    def describe_collection(self, name: str, **options: Any) -> dict[str, Any]:
        found = self._found(name)
        return {
            "collection_name": self.aliases.get(name, name),
            "properties": dict(found.properties),
        }

    def alter_collection_properties(self, name: str, properties: dict[str, str]) -> None:
        self._found(name).properties |= properties

    def create_alias(self, collection: str, alias: str) -> None:
        self.aliases[alias] = collection

    alter_alias = create_alias

    def drop_collection(self, name: str) -> None:
        assert name not in self.aliases.values()
        del self.held[name]

    def insert(self, name: str, data: list[Row], **options: Any) -> None:
        rows = self._found(name).rows
        assert not rows.keys() & {row["key"] for row in data}, "Milvus would hold them twice"
        rows |= {row["key"]: row for row in data}

    def delete(self, name: str, filter: str) -> None:  # noqa: A002 - Milvus' word
        held = self._found(name)
        for row in self._rows(name, filter):
            del held.rows[row["key"]]

    def query(self, name: str, filter: str, **options: Any) -> list[Row]:  # noqa: A002
        rows = self._rows(name, filter)
        if options["output_fields"] == ["count(*)"]:
            return [{"count(*)": len(rows)}]
        return rows[: options.get("limit")]

    def search(self, name: str, data: list[Any], **options: Any) -> list[Any]:
        rows = self._rows(name, options["filter"])
        self.filters.append(options["filter"])
        keys = np.array([row["key"] for row in rows], dtype=np.int64)
        vectors = np.array([row["vector"] for row in rows]).reshape(len(rows), -1)
        found = []
        for question in data:
            scores = vectors @ question if rows else np.empty(0)
            order = np.argsort(-scores, kind="stable")[: options["limit"]]
            found.append(SimpleNamespace(ids=keys[order].tolist(), distances=scores[order]))
        return found

    def _found(self, name: str) -> _Held:
        found = self.held.get(self.aliases.get(name, name))
        if found is None:
            raise MissingCollectionError(f"no collection {name}")
        return found

    def _rows(self, name: str, expression: str) -> list[Row]:
        rows = self._found(name).rows.values()
        code = compile(expression or "True", "filter", "eval")
        return [row for row in rows if eval(code, {"__builtins__": {}}, row)]  # noqa: S307 - our own
