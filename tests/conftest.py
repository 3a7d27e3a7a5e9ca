"""What every test gets: a home of its own, no archive from outside, and the real model once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from embeddings.encoder import Encoder
from tests.fakes import HashingEncoder, stories, write_articles

# Shared machines stall for longer than hypothesis allows an example by default (200 ms).
settings.register_profile("shared", deadline=None, max_examples=60)
settings.load_profile("shared")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the archive, cache and settings of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for variable, below in (
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
    ):
        monkeypatch.setenv(variable, str(home / below))
    monkeypatch.delenv("QA_ARCHIVE", raising=False)


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
def model() -> Iterator[Encoder]:
    """Return the encoder over the bundled model, loaded once for all tests."""
    from embeddings.transformer import SentenceTransformerEncoder

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield SentenceTransformerEncoder()


def is_root() -> bool:
    """Tell whether permissions do not bind this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
