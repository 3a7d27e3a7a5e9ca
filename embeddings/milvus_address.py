"""A location in Milvus, taken apart for Milvus' own client."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from corpus.errors import UsageError
from embeddings.locations import MILVUS_FILE, MilvusLocation, locate

TOKEN_VARIABLE = "QA_MILVUS_TOKEN"  # noqa: S105 - the name of a variable
"""Environment variable that holds Milvus' token, or USER:PASSWORD, where the address has none."""

MOST_REPLICAS = 100
"""Copies in memory that an address may ask for."""


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """An engine, and the name of an archive in it; as text, without a password.

    `uri` is what Milvus' client takes; `replicas` counts the copies that query nodes hold, each on
    nodes of its own, so that one can die.
    """

    location: MilvusLocation
    uri: str
    name: str
    replicas: int = 1
    token: str = field(default="", repr=False)

    @property
    def is_embedded(self) -> bool:
        """Tell whether the engine is one for this machine, in a file, and no server."""
        return self.uri.endswith(".db")

    def __str__(self) -> str:
        return str(self.location)


def milvus_address(text: str) -> MilvusAddress:
    """Take the address of an archive in Milvus apart. Raises UsageError for what is none."""
    location = locate(text)
    if not isinstance(location, MilvusLocation):
        raise UsageError(
            f"{str(location)!r} is no archive in Milvus: expected milvus+http://host:19530/name"
        )
    parts = urlsplit(location.address)
    replicas = dict(parse_qsl(parts.query)).get("replicas", "1")
    if not replicas.isdecimal() or not 1 <= int(replicas) <= MOST_REPLICAS:
        raise UsageError(
            f"replicas={replicas} in {str(location)!r} is no number of copies: give 1 to"
            f" {MOST_REPLICAS}"
        )
    if parts.scheme == MILVUS_FILE:
        return MilvusAddress(location, parts.path, location.archive)
    user, _, host = parts.netloc.rpartition("@")
    uri = f"{parts.scheme.removeprefix('milvus+')}://{host}"
    token = unquote(user) or os.environ.get(TOKEN_VARIABLE, "")
    return MilvusAddress(location, uri, location.archive, int(replicas), token)
