"""Milvus is away: questions are answered by words alone and say so, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from corpus.errors import UsageError
from embeddings import catching_up, milvus, milvus_client
from embeddings.milvus import Milvus
from embeddings.milvus_address import milvus_address
from embeddings.milvus_client import MilvusClient, MissingCollectionError
from embeddings.nearest import VectorsUnavailableError
from embeddings.store import Store
from qa.archive import Archive
from qa.retrieval import BY_WORDS
from tests.fakes import HashingEncoder, stories, write_articles
from tests.memory_milvus import MemoryClient

ADDRESS = "milvus+http://away.example:19530/news"
QUESTIONS = ("Who counted 1049 visitors?", "What happened in ward 3?", "Name9son", "lighthouse")


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> MemoryClient:
    """Return what stands for Milvus."""
    client = MemoryClient()
    monkeypatch.setitem(milvus._opened, ADDRESS, Milvus(milvus_address(ADDRESS), client))
    return client


@pytest.fixture
def archive(client: MemoryClient, news: Path, tmp_path: Path) -> Iterator[Archive]:
    """Return an archive of twelve articles whose vectors are in Milvus, opened anew."""
    folder = tmp_path / "archive"
    folder.mkdir()
    store = Store(folder, create=True, vector_engine=ADDRESS)
    with Archive(store, HashingEncoder(), None) as made:
        made.add(news)
    store = Store(folder, vector_engine=ADDRESS)
    with Archive(store, HashingEncoder(), None) as opened:
        opened.add(write_articles(tmp_path / "more.jsonl", stories(3, first=12)))
        yield opened


def test_answers_are_those_over_faiss(archive: Archive, news: Path, tmp_path: Path) -> None:
    """Word for word, with the same citations and the same certainty."""
    with Archive.create(tmp_path / "local", encoder=HashingEncoder()) as local:
        local.add([news, tmp_path / "more.jsonl"])
        for question in QUESTIONS:
            assert archive.ask(question).to_dict() == local.ask(question).to_dict()
            narrow = {"sources": ["Post"], "since": "2025-02-01"}
            assert (
                archive.ask(question, **narrow).to_dict() == local.ask(question, **narrow).to_dict()
            )


def test_words_answer_where_milvus_does_not(archive: Archive, client: MemoryClient) -> None:
    """The person is told; once Milvus is back they need not be."""
    good = archive.ask(QUESTIONS[0])
    assert good.text is not None
    client.down = True
    away = archive.ask(QUESTIONS[0])
    assert away.text == good.text
    assert BY_WORDS in away.query.notices
    asked = len(client.calls)
    archive.ask(QUESTIONS[1])
    assert "search" not in client.calls[asked:], "an engine that is away is not asked every time"
    client.down = False
    milvus.open_milvus(ADDRESS)._rests_until = 0.0
    assert archive.ask(QUESTIONS[0]).query.notices == good.query.notices


def test_articles_are_kept_where_milvus_does_not_answer(
    archive: Archive, client: MemoryClient, tmp_path: Path
) -> None:
    """They are stored and found by words; the next run brings their vectors in."""
    client.down = True
    path = write_articles(tmp_path / "late.jsonl", stories(2, first=30))
    with pytest.raises(VectorsUnavailableError, match="down") as caught:
        archive.add(path)
    assert caught.value.exit_code == 1
    answer = archive.ask("How many visitors did Keeper Name31son count?")
    assert answer.hits[0].article_id == "story-31"
    assert any("down" in problem for problem in archive.verify())
    client.down = False
    report = archive.add(path)
    assert (report.added, report.unchanged) == (0, 2)
    assert archive.verify() == []
    assert len(client.held[client.aliases["news"]].rows) == 17


def test_a_long_run_is_followed(archive: Archive, client: MemoryClient, tmp_path: Path) -> None:
    """Vectors go to Milvus as windows are committed; one that is away is not waited for again."""
    seen: list[int] = []
    follow = catching_up.Follower(archive._store)
    client.before = lambda what: seen.append(1) if what == "insert" else None
    path = write_articles(tmp_path / "long.jsonl", stories(2, first=50))
    archive.add(path)
    assert seen == [1]
    client.down = True
    with archive._store.transaction():
        archive._store.remove_articles(["story-50"])
    follow()
    calls = len(client.calls)
    follow()
    assert len(client.calls) == calls


def test_repair_makes_what_milvus_lost_anew(archive: Archive, client: MemoryClient) -> None:
    """`qa verify` names it first."""
    held = client.held[client.aliases["news"]]
    for key in [*held.rows][:3]:
        del held.rows[key]
    assert any("differs in 3 passages" in problem for problem in archive.verify())
    assert "the vectors in Milvus: made anew from the articles" in archive.repair()
    assert archive.verify() == []


class _Error(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def _client(**methods: Any) -> MilvusClient:
    client = MilvusClient(milvus_address(ADDRESS))
    client._client = SimpleNamespace(close=lambda: None, **methods)
    return client


def test_a_failing_call_is_made_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy fails for a moment before it asks another query node."""
    monkeypatch.setattr(milvus_client, "PAUSE", 0.001)
    left = [3]

    def search(**options: Any) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise _Error(65535, "fail to search delegator\nstack trace")
        return "found"

    client = _client(search=search)
    assert client.ask("search", within=5.0) == "found"
    left[0] = 1_000
    with pytest.raises(VectorsUnavailableError, match="delegator") as caught:
        client.ask("search", within=0.02)
    assert "stack" not in str(caught.value)
    left[0] = 1
    with pytest.raises(VectorsUnavailableError):
        client.ask("search")


def test_what_was_unloaded_is_loaded_again() -> None:
    """The embedded engine starts with nothing in memory."""
    loaded: list[str] = []

    def search(name: str, **options: Any) -> str:
        if not loaded:
            raise _Error(milvus_client.NOT_LOADED, "released")
        return name

    client = _client(search=search, load_collection=lambda name, **options: loaded.append(name))
    assert client.ask("search", "news") == "news"
    assert loaded == ["news"]


def test_a_missing_collection_and_a_missing_package_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what to do about it."""

    def describe(name: str, **options: Any) -> None:
        raise _Error(milvus_client.NOT_FOUND, "not found")

    with pytest.raises(MissingCollectionError, match="qa index FOLDER --archive"):
        _client(describe=describe).ask("describe", "news")
    monkeypatch.setitem(__import__("sys").modules, "pymilvus", None)
    with pytest.raises(UsageError, match=r"news-archive-qa\[shared\]"):
        MilvusClient(milvus_address(ADDRESS)).ask("list_collections")


@pytest.mark.shared
def test_nobody_listens() -> None:
    """Milvus' own client says so at once, and so do we."""
    pytest.importorskip("pymilvus")
    address = "milvus+http://qa:hush@127.0.0.1:9/news"
    with pytest.raises(VectorsUnavailableError, match="cannot be reached") as caught:
        Milvus(milvus_address(address)).current()
    assert "hush" not in str(caught.value)
