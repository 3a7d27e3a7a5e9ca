"""Addresses of archives: where each leads, and that none shows a password."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpus.errors import UsageError
from embeddings.locations import MilvusLocation, PostgresLocation, locate


@pytest.mark.parametrize("address", ["news", "/srv/news", "./a b", "C:/news", "news:2025"])
def test_what_is_no_address_is_a_folder(address: str) -> None:
    """Text and paths alike."""
    assert locate(address) == locate(Path(address)) == Path(address)


def test_home_is_resolved() -> None:
    """As it always was."""
    assert locate("~/news") == Path.home() / "news"


@pytest.mark.parametrize(
    ("address", "uri", "archive"),
    [
        ("postgresql://h/db", "postgresql://h/db", "news"),
        ("postgres://u@h:5433/db?archive=a_1", "postgresql://u@h:5433/db", "a_1"),
        ("postgresql:///db?host=/run/pg", "postgresql:///db?host=%2Frun%2Fpg", "news"),
        (
            "postgresql://h:5432,g:5432/db?options=-c%20a%3D1&password=a+b",
            "postgresql://h:5432,g:5432/db?options=-c%20a%3D1&password=a%2Bb",
            "news",
        ),
        (
            "postgresql://u:p%40w@h/db?archive=b&sslmode=require",
            "postgresql://u:p%40w@h/db?sslmode=require",
            "b",
        ),
    ],
)
def test_databases(address: str, uri: str, archive: str) -> None:
    """What is libpq's goes to libpq, the archive's name does not."""
    assert locate(address) == PostgresLocation(uri, archive)


@pytest.mark.parametrize(
    ("address", "archive"),
    [
        ("milvus+http://h:19530/a", "a"),
        ("milvus+https://h", "news"),
        ("milvus+file:///srv/v.db?name=b", "b"),
    ],
)
def test_vector_engines(address: str, archive: str) -> None:
    """The whole address is kept for the client."""
    assert locate(address) == MilvusLocation(address, archive)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:geheim@h/db", "postgresql://u@h/db?archive=news"),
        ("postgresql://h/db?password=geheim", "postgresql://h/db?archive=news"),
        ("postgresql:///db?user=u&host=/run", "postgresql:///db?user=u&host=/run&archive=news"),
        ("milvus+http://u:geheim@h:19530/a", "milvus+http://h:19530/a"),
        ("milvus+https://geheim@h/a", "milvus+https://h/a"),
        (
            "postgresql://u:ge+heim@h/db?options=-c%20a%3D1&password=geheim",
            "postgresql://u@h/db?options=-c%20a%3D1&archive=news",
        ),
        ("milvus+file:///srv/v.db?name=b", "milvus+file:///srv/v.db?name=b"),
    ],
)
def test_addresses_are_shown_without_passwords(address: str, shown: str) -> None:
    """In messages and where Python shows the object; what is shown leads to the same place."""
    found = locate(address)
    assert str(found) == shown
    assert "geheim" not in repr(found)
    assert str(locate(shown)) == shown
    assert locate(found) is found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://h/db", "is no archive's address"),
        ("mysql://u:geheim@h/db", "is no archive's address"),
        ("postgresql:/h/db", "is no archive's address"),
        ("postgresql://u:geheim@h", "names no database"),
        ("postgresql://u:geheim#x@h/db", "cannot be read"),
        ("postgresql://u:12/geheim@h/db", "cannot be read"),
        ("postgresql://u:a?geheim@h/db", "cannot be read"),
        ("postgresql://u:ge%heim@h/db", "cannot be read"),
        ("milvus+http://u:1/geheim@h/a", "cannot be read"),
        ("milvus+http://h:port/a", "cannot be read"),
        ("ftp://u:x/geheim@h/a", "is no archive's address"),
        ("postgresql://h/db?archive=A-1", "is no archive's name"),
        ("postgresql://h/db?archive=", "is no archive's name"),
        ("milvus+http:///a", "names no host"),
        ("milvus+http://h/a/b", "is no archive's name"),
        ("milvus+file:///srv/folder", "names no file"),
    ],
)
def test_what_is_meant_for_an_address_and_is_none_is_named(address: str, told: str) -> None:
    """Never taken for a folder, never with the password in it."""
    with pytest.raises(UsageError, match=told) as caught:
        locate(address)
    assert "geheim" not in str(caught.value)


def test_an_address_that_became_a_path_is_named() -> None:
    """A path has lost one of the two slashes."""
    with pytest.raises(UsageError, match="as text"):
        locate(Path("postgresql://h/db"))
