"""What every test gets: a home of its own, no archive from outside, and the real model once."""

from __future__ import annotations

import gc
import itertools
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from embeddings.encoder import Encoder
from tests.browsing import Open, launched, opening
from tests.fakes import HashingEncoder, stories, write_articles
from tests.postgres import Server, serving
from tests.truths import PostgresTruth, SqliteTruth, Truth

# Shared machines stall for longer than hypothesis allows an example by default (200 ms).
settings.register_profile("shared", deadline=None, max_examples=60)
settings.load_profile("shared")


# The tests start a hundred processes: none of them is to compile all modules anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_numbers = itertools.count()


def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking through all modules during every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _all_homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for homes: pytest would link to each that it made, as to the newest."""
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _own_home(_all_homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the archive, cache and settings of the person who runs it."""
    home = _all_homes / str(next(_numbers))
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable, below in (
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
    ):
        monkeypatch.setenv(variable, str(home / below))
    for variable in ("QA_ARCHIVE", "QA_DATABASE"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def encoder() -> HashingEncoder:
    """Return an encoder without a model."""
    return HashingEncoder()


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """Return a folder with one file of twelve articles."""
    folder = tmp_path / "news"
    folder.mkdir()
    write_articles(folder / "stories.jsonl", stories(12))
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a PostgreSQL server, one for all tests."""
    with serving(tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


@pytest.fixture
def shared(postgres: Server) -> Iterator[PostgresTruth]:
    """Return the place of a shared archive, which is not made yet."""
    truth = PostgresTruth(postgres.uri, f"a{uuid.uuid4().hex[:12]}")
    yield truth
    truth.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.shared)])
def truth(request: pytest.FixtureRequest, tmp_path: Path) -> Truth:
    """Return the place of an archive, which is not made yet; once a kind of truth."""
    if request.param == "sqlite":
        return SqliteTruth(tmp_path / "archive")
    found: Truth = request.getfixturevalue("shared")
    return found


@pytest.fixture(scope="session")
def model() -> Iterator[Encoder]:
    """Return the encoder over the bundled model, loaded once for all tests."""
    from embeddings.transformer import SentenceTransformerEncoder

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield SentenceTransformerEncoder()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return Debian's chromium."""
    with launched() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Open]:
    """Return what opens pages of the `address` that a test file serves, and watches them."""
    with opening(browser, address) as open_one:
        yield open_one


def is_root() -> bool:
    """Tell whether permissions do not bind this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
