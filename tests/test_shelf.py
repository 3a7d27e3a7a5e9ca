"""What was read lately is not read again, and is what the database holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from embeddings.encoder import PassageVectors
from embeddings.rows import StoredPassage
from embeddings.shelf import Shelf
from embeddings.store import Store
from qa.archive import Archive
from tests.archives import put, some_articles
from tests.fakes import HashingEncoder, stories, write_articles


class CountingStore(Store):
    """A store that notes which passages are read."""

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        super().__init__(directory, create=create)
        self.read: list[int] = []

    def passages_with_vectors(
        self, keys: Iterable[int]
    ) -> list[tuple[StoredPassage, PassageVectors]]:
        wanted = [*keys]
        self.read += wanted
        return super().passages_with_vectors(wanted)


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(tmp_path, create=True)
    put(store, some_articles(6))
    return store


def test_passages_are_read_once_and_in_order(store: CountingStore) -> None:
    """Only what is missing is read; the answer is in the order that was asked for."""
    shelf = Shelf()
    keys = sorted(store.passage_keys_of([1, 2, 3]))
    first = shelf.take(store, keys[:2])
    again = shelf.take(store, [keys[2], keys[0]])
    assert list(again) == [keys[2], keys[0]]
    assert again[keys[0]].stored is first[keys[0]].stored
    assert sorted(store.read) == keys[:3]
    for key, item in again.items():
        assert item.stored.key == key
        assert item.article == store.articles_of([item.stored])[item.stored.article]
        np.testing.assert_array_equal(
            item.vectors.sentences, Store.vectors(store, [key])[key].sentences
        )


def test_a_full_shelf_lets_go_of_what_was_asked_for_first(store: CountingStore) -> None:
    """It never holds more than its room."""
    shelf = Shelf(room=2)
    keys = sorted(store.passage_keys_of([1, 2, 3, 4]))
    for key in keys:
        shelf.take(store, [key])
    store.read.clear()
    shelf.take(store, [keys[-1]])
    assert store.read == []
    shelf.take(store, [keys[0]])
    assert set(store.read) == {keys[0]}


def test_a_changed_article_is_read_anew(tmp_path: Path) -> None:
    """Its earlier text is not quoted from what was kept."""
    source = tmp_path / "stories.jsonl"
    told = stories(3)
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        archive.add([write_articles(source, told)])
        assert "1007 visitors" in str(archive.ask("How many visitors did Name1son count?"))
        told[1] = {**told[1], "text": str(told[1]["text"]).replace("1007", "2222")}
        archive.add([write_articles(source, told)])
        answer = str(archive.ask("How many visitors did Name1son count?"))
        assert "2222 visitors" in answer
        assert "1007" not in answer
