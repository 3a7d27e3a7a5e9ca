"""Derived files: whatever is wrong with them, the same answers come from the store."""

from __future__ import annotations

import gc
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from corpus.errors import StorageError
from corpus.records import Article
from embeddings import building, derived, generations
from embeddings.dense import DenseIndex
from embeddings.derived import (
    copy_indices,
    open_indices,
    problems,
    publish_indices,
)
from embeddings.durable import Link, link, remove_folder
from embeddings.generations import CURRENT, DERIVED, MANIFEST
from embeddings.indices import DENSE, PASSAGES, Indices
from embeddings.schema import DATABASE
from embeddings.sparse import SparseIndex
from embeddings.store import Store
from tests.archives import files_below, flip, put, some_articles
from tests.fakes import DIMENSION, HashingEncoder

Hits = list[list[tuple[int, float]]]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a store with forty articles and published indices, made once."""
    place = tmp_path_factory.mktemp("template")
    store = Store(place, create=True)
    put(store, some_articles(40))
    publish_indices(store)
    store.close()
    return place


@pytest.fixture
def store(tmp_path: Path, template: Path) -> Store:
    """Return a store with forty articles and published indices."""
    return Store(Path(shutil.copytree(template, tmp_path / "archive-a")))


def test_commits_of_long_ago_are_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their rows do not pile up; indices that are further behind are made anew, with equal hits."""
    monkeypatch.setattr("embeddings.store.COMMITS_KEPT", 3)
    old = open_indices(store)
    for number in range(5):
        put(store, some_articles(1, first=50 + number))
        with store.transaction():
            store.remove_articles([f"story-{number}"])
    assert [store.commit_name(n) != "" for n in range(store.generation + 1)][-4:] == [
        False,
        True,
        True,
        True,
    ]
    assert (
        store.changes_since(0).removed_articles
        == store.changes_since(store.generation - 3).removed_articles
    )
    new = open_indices(store, old)
    assert new.generation == store.generation
    remove_folder(store.directory / DERIVED)
    assert top10(new) == top10(open_indices(store))


def folder(path: Path) -> Path:
    """Make a folder and return it."""
    path.mkdir()
    return path


def top10(indices: Indices) -> Hits:
    """Return what both retrievers find for some questions."""
    question = HashingEncoder().encode_questions(["harbour flooded officials", "case 7 visitors"])
    terms = ({"harbour": 1.0, "flood": 1.0}, {"case": 1.0, "visitor": 0.5, "7": 1.0})
    found = [[(k, round(s, 4)) for k, s in hits] for hits in indices.dense.search(question, 10)]
    for index in (indices.passages, indices.articles):
        found += [[(k, round(s, 4)) for k, s in index.search(term, 10)] for term in terms]
    return found


def rebuilt(store: Store) -> Hits:
    """Return what indices made from nothing but the store find."""
    return top10(derived._temporary(lambda folder: building.build(folder, store, [], link)))


def root(store: Store) -> Path:
    return store.directory / DERIVED


def published(store: Store) -> Path:
    return generations.current_manifest(root(store))[0]


def test_published_indices_are_opened_and_not_made_again(store: Store) -> None:
    """Opening changes no file."""
    before = files_below(root(store))
    indices = open_indices(store)
    assert indices.folder == published(store)
    assert len(indices.dense) == len(indices.passages) == store.counts()["passages"]
    assert len(indices.articles) == 40
    assert files_below(root(store)).keys() == before.keys()
    assert problems(store) == []


def test_indices_in_hand_are_kept(store: Store) -> None:
    """Nothing is read again while the archive stays as it is."""
    indices = open_indices(store)
    assert open_indices(store, indices) is indices


def dense_file(folder: Path, end: str) -> Path:
    """Return a file of the dense index's first segment."""
    return next((folder / DENSE).glob(f"[0-9a-f]*.{end}"))


DAMAGES: dict[str, Callable[[Path, Path], object]] = {
    "everything gone": lambda root, _: remove_folder(root),
    "no pointer": lambda root, _: (root / CURRENT).unlink(),
    "empty pointer": lambda root, _: (root / CURRENT).write_bytes(b""),
    "binary pointer": lambda root, _: (root / CURRENT).write_bytes(b"\xff\xfe\x00"),
    "pointer elsewhere": lambda root, _: (root / CURRENT).write_text("../../etc 00", "utf-8"),
    "pointer turned": lambda root, _: flip(root / CURRENT, 3),
    "no manifest": lambda _, folder: (folder / MANIFEST).unlink(),
    "manifest is a list": lambda _, folder: (folder / MANIFEST).write_text("[]", "utf-8"),
    "manifest turned": lambda _, folder: flip(folder / MANIFEST, 60),
    "no vectors": lambda _, folder: shutil.rmtree(folder / DENSE),
    "vectors turned": lambda _, folder: flip(dense_file(folder, "flat"), 5_000),
    "vectors cut": lambda _, folder: dense_file(folder, "flat").write_bytes(b"short"),
    "keys turned": lambda _, folder: flip(dense_file(folder, "keys"), 8),
    "list turned": lambda _, folder: flip(folder / DENSE / "segments.json", 18),
    "segment gone": lambda _, folder: next((folder / "passages").glob("*.term")).unlink(),
    "segment turned": lambda _, folder: flip(next((folder / "articles").glob("*.idx")), 30),
    "list of segments gone": lambda _, folder: (folder / "passages" / "meta.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_files_are_named_and_made_again(
    store: Store, damage: Callable[[Path, Path], object]
) -> None:
    """Same top 10, the archive is mended, and verify has nothing more to say."""
    before = top10(open_indices(store))
    damage(root(store), published(store))
    assert problems(store) or not (root(store) / CURRENT).exists()
    assert top10(open_indices(store)) == before
    assert problems(store) == []


def test_files_of_another_archive_are_not_used(store: Store, tmp_path: Path) -> None:
    """Indices name the archive that they were made from."""
    other = Store(folder(tmp_path / "b"), create=True)
    put(other, some_articles(40, first=100))
    publish_indices(other)
    before = top10(open_indices(store))
    remove_folder(root(store))
    shutil.copytree(root(other), root(store))
    assert any("another archive" in problem for problem in problems(store))
    assert top10(open_indices(store)) == before


def test_files_of_two_generations_mixed_are_not_used(store: Store) -> None:
    """A file from an older generation does not agree with the manifest of the newer."""
    old = published(store).parent.parent / "old"
    shutil.copytree(published(store), old)
    put(store, some_articles(5, first=50))
    publish_indices(store)
    shutil.copy(old / DENSE / "segments.json", published(store) / DENSE / "segments.json")
    assert problems(store)
    assert top10(open_indices(store)) == rebuilt(store)


def test_an_older_generation_catches_up(store: Store) -> None:
    """Additions are applied to what is there; the result is that of a rebuild."""
    put(store, some_articles(5, first=50))
    assert problems(store) == []  # not damaged, only older
    assert top10(open_indices(store)) == rebuilt(store)
    assert problems(store) == []


def test_a_newer_generation_than_the_store_is_not_used(store: Store) -> None:
    """An archive whose database was restored from a copy does not keep its newer indices."""
    restored = _restored_after(store, some_articles(5, first=50))
    assert top10(open_indices(restored)) == rebuilt(restored)
    assert len(open_indices(restored).dense) == restored.counts()["passages"]


def test_indices_of_a_history_that_was_undone_are_not_used(store: Store) -> None:
    """A restored copy that has since had as many commits is not taken for the lost archive."""
    restored = _restored_after(store, some_articles(5, first=50))
    put(restored, some_articles(5, first=80))
    assert any("undone" in problem for problem in problems(restored))
    assert top10(open_indices(restored)) == rebuilt(restored)


def _restored_after(store: Store, lost: list[Article]) -> Store:
    """Return the store as a copy has it that was made before some articles were added."""
    store.empty_log()
    shutil.copy(store.directory / DATABASE, store.directory / "copy")
    put(store, lost)
    publish_indices(store)
    store.close()
    (store.directory / "copy").replace(store.directory / DATABASE)
    return Store(store.directory)


@pytest.mark.parametrize("exact", [True, False])
def test_additions_changes_and_removals_are_followed(
    store: Store, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Removed and replaced articles are never found; small archives score as a rebuild does."""
    if not exact:
        monkeypatch.setattr(building, "EXACT_BELOW", 0)
        monkeypatch.setattr(building, "STALE_SHARE", 0.9)
    held = open_indices(store)
    put(store, some_articles(1, first=7) + some_articles(3, first=60))
    with store.transaction():
        store.remove_articles(["story-1", "story-2", "story-60"])
    indices = open_indices(store, held)
    alive = {passage.key for passage in store.passages_of(k for _, k in store.article_ids())}
    assert {key for hits in top10(indices)[:4] for key, _ in hits} <= alive
    assert len(indices.dense) == len(indices.passages) == len(alive)
    if exact:
        assert indices.removed == 0
        assert top10(indices) == rebuilt(store)
    else:
        assert indices.removed > 0
        assert top10(indices)[:2] == rebuilt(store)[:2]
        with store.transaction():
            store.remove_articles([f"story-{n}" for n in range(3, 39)])
        assert open_indices(store, indices).removed == 0  # too many: the counts are made anew


def test_stray_files_of_killed_processes_go(store: Store) -> None:
    """Half a generation and half a pointer do not stay."""
    (root(store) / "00000009-dead").mkdir()
    (root(store) / f".{CURRENT}.dead.tmp").touch()
    put(store, some_articles(1, first=50))
    publish_indices(store)
    assert {entry.name for entry in root(store).iterdir()} == {CURRENT, published(store).name}


def test_a_reader_that_cannot_write_makes_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stale archive on a read-only disk answers from a temporary copy, which goes with it."""

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    put(store, some_articles(3, first=50))
    before = files_below(store.directory / DERIVED)
    with monkeypatch.context() as patch:
        patch.setattr(generations, "replace_file", refuse)
        indices = open_indices(store)
    assert files_below(root(store)) == before
    assert not indices.folder.is_relative_to(store.directory)
    assert top10(indices) == rebuilt(store)
    folder = indices.folder
    assert folder.is_dir()
    del indices
    until = time.monotonic() + 5  # another test's thread may still hold the exception's frames
    while folder.exists() and time.monotonic() < until:
        gc.collect()
        time.sleep(0.05)
    assert not folder.exists()


def test_published_files_that_cannot_be_locked_are_opened_through_links(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tantivy locks even to read; on a read-only disk that happens in a folder of links."""
    before = top10(open_indices(store))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    indices = open_indices(store)
    assert (indices.folder / DENSE).is_symlink()
    assert top10(indices) == before


def test_a_full_disk_says_so_and_keeps_the_generation_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer does not move, half a generation does not stay, and the error names the way."""
    put(store, some_articles(3, first=50))
    before = files_below(root(store))

    def full(self: SparseIndex, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SparseIndex, "update", full)
    for attempt in (publish_indices, copy_indices):
        with pytest.raises(StorageError, match="No space left"):
            attempt(store)
    assert files_below(root(store)) == before


def test_a_generation_that_a_writer_removes_meanwhile_is_no_error(store: Store) -> None:
    """A reader that starts from indices whose files are gone starts from the store."""
    held = open_indices(store)
    put(store, some_articles(3, first=50))
    remove_folder(root(store))
    assert top10(copy_indices(store, held)) == rebuilt(store)


def test_an_empty_archive_has_empty_indices(tmp_path: Path) -> None:
    """Before the first article there is nothing to find, and the first one changes that."""
    store = Store(tmp_path, create=True)
    indices = publish_indices(store)
    assert (len(indices.dense), len(indices.passages)) == (0, 0)
    put(store, some_articles(1))
    assert len(publish_indices(store, indices).dense) == store.counts()["passages"]


def test_the_manifest_names_every_file(store: Store) -> None:
    """What no digest covers would not be missed."""
    folder = published(store)
    listed = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
    present = {name for name in files_below(folder) if "lock" not in name}
    assert present == {*listed, MANIFEST}


def test_a_reader_reads_only_what_is_new_of_a_generation(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that stayed were checked before; another process's additions cost what they are."""
    reader = Store(store.directory)
    held = open_indices(reader)
    put(store, some_articles(2, first=60))
    publish_indices(store)
    read: list[Path] = []
    file_sum = generations.file_sum

    def noted(path: Path) -> str:
        read.append(path)
        return file_sum(path)

    monkeypatch.setattr(generations, "file_sum", noted)
    indices = open_indices(reader, held)
    assert indices.folder == published(store)
    large = {file.name for file in (published(store) / DENSE).glob("*.flat")}
    assert len(large) == 2
    assert len({file.name for file in read} & large) == 1
    assert top10(indices) == rebuilt(store)


def test_files_that_somebody_removed_leave_no_trace(store: Store) -> None:
    """Files made anew are known by their own bytes, though they may have inodes of old ones."""
    indices = open_indices(store)
    remove_folder(root(store))
    put(store, some_articles(3, first=50))
    made = publish_indices(store, indices)
    assert problems(store) == []
    assert top10(made) == rebuilt(store)


def test_a_generation_lists_no_segment_that_it_lacks(store: Store) -> None:
    """Where the files in hand were removed, the next generation is whole all the same."""
    indices = open_indices(store)
    remove_folder(root(store))
    with store.transaction():
        store.remove_articles([store.article_ids()[0][0]])
    publish_indices(store, indices)
    assert len(DenseIndex.open(published(store) / DENSE, DIMENSION)) == store.counts()["passages"]


def test_a_reader_without_permission_follows_a_writer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generation that goes while a reader links its files is no error: there is a newer one."""
    real, access = derived.clone, os.access
    seen: list[Path] = []

    def late(base: Path, folder: Path, link: Link) -> None:
        seen.append(base)
        if len(seen) == 1:
            writer = Store(store.directory)
            put(writer, some_articles(3, first=50))
            publish_indices(writer)
            writer.close()
        real(base, folder, link)

    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != PASSAGES and access(path, mode)
    )
    monkeypatch.setattr(derived, "clone", late)
    assert top10(open_indices(store)) == rebuilt(store)
    assert not seen[0].exists()
