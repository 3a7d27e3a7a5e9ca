"""Where an archive's vectors are in Milvus: the address, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from corpus.errors import UsageError

SCHEMES = {"milvus+http": "http", "milvus+https": "https", "milvus+file": ""}
"""Schemes of addresses, and those of the addresses that Milvus' own client takes."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
"""What Milvus takes for a name, with room for the random end of a collection's own."""

EXPECTED = "expected milvus+http://HOST:19530/NAME, or milvus+file:///FOLDER/FILE.db?name=NAME"


@dataclass(frozen=True, slots=True)
class MilvusAddress:
    """An engine and the name of an archive in it.

    `uri` is what Milvus' client takes; `replicas` counts the copies that query nodes hold, each on
    nodes of its own, so that one can die.
    """

    text: str
    uri: str
    name: str
    replicas: int = 1

    def __str__(self) -> str:
        return self.text


def milvus_address(text: str) -> MilvusAddress:
    """Take an address apart. Raises UsageError for what is none, and for one with a password."""
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        raise UsageError(f"{text!r} is no address of an archive in Milvus: {EXPECTED}")
    if parts.username or parts.password:
        raise UsageError(
            f"the address of the archive in Milvus at {parts.hostname} holds a user or password:"
            " give them in $QA_MILVUS_TOKEN as USER:PASSWORD, where nobody sees them"
        )
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    replicas = options.get("replicas", "1")
    if not replicas.isdecimal() or not 1 <= int(replicas) <= 100:
        raise UsageError(f"replicas={replicas!r} in {text!r} is no number of copies: give 1 to 100")
    is_file = parts.scheme == "milvus+file"
    name = options.get("name", "") if is_file else parts.path.strip("/")
    uri = parts.path if is_file else f"{SCHEMES[parts.scheme]}://{parts.netloc}"
    if not _NAME.fullmatch(name) or "__" in name:
        raise UsageError(
            f"{name!r} in {text!r} is no name for an archive in Milvus: give letters, digits and"
            f" single underscores, a letter first; {EXPECTED}"
        )
    if is_file and not parts.path.endswith(".db"):
        raise UsageError(f"{parts.path!r} in {text!r} must end in .db: {EXPECTED}")
    if not is_file and not parts.hostname:
        raise UsageError(f"{text!r} names no host: {EXPECTED}")
    return MilvusAddress(text, uri, name, int(replicas))
