"""Where an archive is, as one address: a folder, a PostgreSQL database, a Milvus collection.

    news                                              a folder
    postgresql://user@host:5432/db?archive=news       a schema of a PostgreSQL database
    milvus+http://host:19530/news                     vectors in Milvus, the truth in PostgreSQL
    milvus+file:///srv/vectors.db?name=news           the same, by Milvus' engine for one machine

What an address shows of itself, in messages and on pages, is without its password.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlencode, urlsplit, urlunsplit

from corpus.errors import UsageError

DEFAULT_NAME = "news"
"""Name of the archive in a database where the address gives none."""

POSTGRES = ("postgresql", "postgres")
MILVUS = "milvus+"
MILVUS_FILE = "milvus+file"
MILVUS_SCHEMES = (MILVUS_FILE, "milvus+http", "milvus+https")

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PostgresLocation:
    """An archive in a PostgreSQL database: libpq's own address of it, and the archive's name.

    The address may hold a password; `str()` gives it without.
    """

    uri: str = field(repr=False)
    archive: str

    def __str__(self) -> str:
        parts = urlsplit(self.uri)
        query = [
            (name, value)
            for name, value in _query(parts)
            if "password" not in name  # libpq takes it, and the file that holds it, here too
        ]
        where = f"{parts.scheme}://{_without_password(parts.netloc)}{parts.path}"
        return f"{where}?{_joined([*query, ('archive', self.archive)], safe='/')}"


@dataclass(frozen=True, slots=True)
class MilvusLocation:
    """An archive whose vectors are in Milvus: the whole address, and the archive's name in it.

    The address may hold a password or a token; `str()` gives it without.
    """

    address: str = field(repr=False)
    archive: str

    def __str__(self) -> str:
        parts = urlsplit(self.address)
        host = parts.netloc.rpartition("@")[2]  # who asks may be a token, which is a password
        return self.address.replace(parts.netloc, host, 1)


Location = Path | PostgresLocation | MilvusLocation
"""Where an archive is."""

Address = str | os.PathLike[str] | PostgresLocation | MilvusLocation
"""What may be given for it."""


def locate(address: Address) -> Location:
    """Return where an address leads: a location, or the path of a folder, "~" resolved.

    Raises UsageError for what looks like an address and is none.
    """
    if isinstance(address, PostgresLocation | MilvusLocation):
        return address
    text = os.fspath(address)
    found = _SCHEME.match(text)
    if found is None:
        return Path(text).expanduser()
    if isinstance(address, os.PathLike):
        raise UsageError(
            f"{_shown(text)!r} came as a path, which lost a part of it: give addresses as text"
        )
    scheme = found[1].lower()
    is_known = scheme in (*POSTGRES, *MILVUS_SCHEMES) and text[len(scheme) :].startswith("://")
    if not is_known:
        raise UsageError(f"{_shown(text)!r} is no archive's address: expected {_EXPECTED}")
    parts = _split(text, scheme)
    return _postgres(parts) if scheme in POSTGRES else _milvus(parts, text)


def _split(text: str, scheme: str) -> SplitResult:
    """Return the parts of an address; UsageError, which shows none of it, where it has others.

    What is special in a password and not written as %XX puts parts of it anywhere.
    """
    try:
        parts = urlsplit(text)
        if scheme not in POSTGRES:  # libpq takes several hosts, and reads their ports itself
            _ = parts.port  # raises where it is no number
        is_clear = not parts.fragment and "@" not in parts.path + parts.query
    except ValueError:
        is_clear = False
    if not is_clear or _STRAY_PERCENT.search(text):
        raise UsageError(
            f"the address {scheme}://... cannot be read: expected {_EXPECTED}; what is special in a"
            " name or a password is written with its number, / as %2F, # as %23, ? as %3F, @ as"
            " %40, % as %25"
        )
    return parts


_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

_EXPECTED = (
    "a folder, postgresql://user@host/database?archive=name or milvus+http://host:19530/name"
)


def _postgres(parts: SplitResult) -> PostgresLocation:
    query = dict(_query(parts))
    name = _checked_name(query.pop("archive", DEFAULT_NAME))
    if not parts.path.strip("/") and "dbname" not in query:
        raise UsageError(
            f"{_shown(parts.geturl())!r} names no database: expected"
            " postgresql://user@host/database?archive=name"
        )
    uri = urlunsplit(("postgresql", parts.netloc, parts.path, _joined([*query.items()]), ""))
    # where there is no host, libpq wants the two slashes all the same
    return PostgresLocation(uri if "://" in uri else uri.replace(":", "://", 1), name)


def _milvus(parts: SplitResult, text: str) -> MilvusLocation:
    query = dict(_query(parts))
    if parts.scheme == MILVUS_FILE:
        if parts.netloc or not parts.path.endswith(".db"):
            raise UsageError(
                f"{_shown(text)!r} names no file: expected milvus+file:///folder/file.db?name=name"
            )
        return MilvusLocation(text, _checked_name(query.get("name", DEFAULT_NAME)))
    if not parts.hostname:
        raise UsageError(f"{_shown(text)!r} names no host: expected milvus+http://host:19530/name")
    return MilvusLocation(text, _checked_name(parts.path.strip("/") or DEFAULT_NAME))


def _checked_name(name: str) -> str:
    """Return an archive's name; UsageError where databases could not take it."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no archive's name: expected a letter and up to 39 letters, digits and _,"
            " all small"
        )
    return name


def _without_password(netloc: str) -> str:
    """Return user and host of an address."""
    user, _, host = netloc.rpartition("@")
    name = user.partition(":")[0]
    return f"{name}@{host}" if name else host


def _query(parts: SplitResult) -> list[tuple[str, str]]:
    """Return the names and values of an address' query; a plus is a plus, as libpq reads it."""
    pairs = (part.partition("=") for part in parts.query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def _joined(query: list[tuple[str, str]], safe: str = "") -> str:
    """Return a query with all that is special in it as %XX."""
    return urlencode(query, quote_via=quote, safe=safe)


def _shown(text: str) -> str:
    """Return what was given for an address, or only its beginning where it may hold a password."""
    return f"{text.partition('://')[0]}://..." if "@" in text or "password" in text else text
