"""What is derived from the store - FAISS and two tantivy indices - kept in step with it.

One directory a generation, under `derived/`: `dense.faiss`, `passages/`, `articles/` and a
manifest with the archive's id, the generation and a SHA-256 of every file. `derived/CURRENT`
names the directory in use and is replaced last, so a reader finds either the old or the new one.
Whatever is missing, stale, damaged or of another archive is made anew from the store.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import ArchiveDamagedError, StorageError
from embeddings.dense import DenseIndex
from embeddings.durable import replace_file, sync
from embeddings.encoder import file_sha256
from embeddings.sparse import SparseIndex
from embeddings.store import Changes, Store

DERIVED = "derived"
CURRENT = "CURRENT"
MANIFEST = "manifest.json"
DENSE = "dense.faiss"
FORMAT = 1
"""Version of the layout above; an index of another version is rebuilt."""

PORTION = 4_096
"""Passages that are read from the store at a time."""

_NOT_COPIED = frozenset({".tantivy-writer.lock", ".tantivy-meta.lock"})


@dataclass(frozen=True, slots=True)
class Indices:
    """The derived indices of one generation, open for search."""

    generation: int
    folder: Path
    dense: DenseIndex
    passages: SparseIndex
    articles: SparseIndex


def open_indices(store: Store, *, may_write: bool) -> Indices:
    """Return indices of the store's present generation, brought up to date where they are not.

    With `may_write` (the caller holds the archive's lock) they are written for the next opening;
    else they are made in a temporary folder that goes with the process.
    """
    root = store.directory / DERIVED
    with store.snapshot():
        current = _load_current(root, store)
        if current is not None and current.generation == store.generation:
            return current
        if may_write:
            return _publish(root, store, current)
        scratch = tempfile.TemporaryDirectory(prefix="qa-derived-")
        _temporary.append(scratch)
        return _make(Path(scratch.name) / "indices", store, current)


_temporary: list[tempfile.TemporaryDirectory[str]] = []
"""Folders of indices that could not be written into their archive; removed at exit."""


def problems(store: Store) -> list[str]:
    """Return what is wrong with the derived files; they heal at the next opening."""
    root = store.directory / DERIVED
    try:
        folder = root / (root / CURRENT).read_text("utf-8").strip()
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        return [f"{root}: no readable derived files ({error}): they are rebuilt when opened"]
    found = [
        f"{folder / name}: missing or damaged: it is rebuilt when opened"
        for name, digest in manifest.get("files", {}).items()
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    ]
    if manifest.get("archive") != store.archive_id:
        found.append(f"{folder}: belongs to another archive: it is rebuilt when opened")
    elif manifest.get("generation") != store.generation:
        found.append(f"{folder}: older than the articles: it is brought up to date when opened")
    return found


def _load_current(root: Path, store: Store) -> Indices | None:
    """Return the indices that CURRENT names if they are whole and this archive's, else None."""
    try:
        folder = root / (root / CURRENT).read_text("utf-8").strip()
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        intact = (
            manifest["format"] == FORMAT
            and manifest["archive"] == store.archive_id
            and manifest["generation"] <= store.generation
            and manifest["dimension"] == _dimension(store)
            and all(file_sha256(folder / name) == sha for name, sha in manifest["files"].items())
        )
        return _open(folder, int(manifest["generation"]), _dimension(store)) if intact else None
    except (OSError, ValueError, KeyError, TypeError, ArchiveDamagedError):
        return None


def _open(folder: Path, generation: int, dimension: int) -> Indices:
    return Indices(
        generation=generation,
        folder=folder,
        dense=DenseIndex.load(folder / DENSE, dimension),
        passages=SparseIndex(folder / "passages"),
        articles=SparseIndex(folder / "articles"),
    )


def _publish(root: Path, store: Store, base: Indices | None) -> Indices:
    """Write a new generation, make it durable, point CURRENT to it, remove the older ones."""
    name = f"{store.generation:08d}-{uuid.uuid4().hex[:8]}"
    try:
        root.mkdir(exist_ok=True)
        indices = _make(root / name, store, base)
        _write_manifest(root / name, store)
        _sync_tree(root / name)
        replace_file(root / CURRENT, name.encode())
    except OSError as error:
        shutil.rmtree(root / name, ignore_errors=True)
        raise StorageError(
            f"the search indices in {root} cannot be written ({error.strerror or error}):"
            " free some space or fix the permissions; the articles are stored, and the next"
            " `qa index` or `qa ask` goes on from there"
        ) from error
    for old in root.iterdir():
        if old.is_dir() and old.name != name:
            shutil.rmtree(old, ignore_errors=True)
    return indices


def _make(folder: Path, store: Store, base: Indices | None) -> Indices:
    """Build the indices of the present generation in a new folder: from `base` if there is one."""
    folder.mkdir(parents=True)
    changes = store.changes_since(base.generation if base else -1)
    if base is not None:
        _clone(base.folder, folder)
        dense = DenseIndex.load(base.folder / DENSE, base.dense.dimension)
        dense.remove(changes.removed_passages)
    else:
        dense = DenseIndex(_dimension(store))
    for portion in _portions(changes.passages):
        dense.add(*store.passage_vectors(portion, dense.dimension))
    dense.save(folder / DENSE)
    passages, articles = SparseIndex(folder / "passages"), SparseIndex(folder / "articles")
    removed = changes if base is not None else Changes((), (), (), ())
    passages.update(_passage_documents(store, changes.passages), removed.removed_passages)
    articles.update(_article_documents(store, changes.articles), removed.removed_articles)
    return Indices(store.generation, folder, dense, passages, articles)


def _clone(base: Path, folder: Path) -> None:
    """Link tantivy's files into a new folder: segments never change, its lists are replaced."""
    for part in ("passages", "articles"):
        (folder / part).mkdir()
        for file in (base / part).iterdir():
            if file.name in _NOT_COPIED:
                continue
            if file.suffix == ".json":
                shutil.copyfile(file, folder / part / file.name)
            else:
                _link(file, folder / part / file.name)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def _passage_documents(store: Store, keys: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    for portion in _portions(keys):
        stored = list(store.passages(portion))
        articles = store.articles_by_key({passage.article for passage in stored})
        for passage in stored:
            article = articles[passage.article]
            yield passage.key, article.title or "", passage.span.of(article.text)


def _article_documents(store: Store, keys: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    for portion in _portions(keys):
        for key, article in store.articles_by_key(portion).items():
            yield key, article.title or "", article.clean_text


def _portions(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(keys), PORTION):
        yield keys[at : at + PORTION]


def _dimension(store: Store) -> int:
    settings = store.encoder
    return settings.dimension if settings else 1


def _write_manifest(folder: Path, store: Store) -> None:
    files = {
        file.relative_to(folder).as_posix(): file_sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in _NOT_COPIED
    }
    manifest = {
        "format": FORMAT,
        "archive": store.archive_id,
        "generation": store.generation,
        "dimension": _dimension(store),
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), "utf-8")


def _sync_tree(folder: Path) -> None:
    """Make every file and folder below durable."""
    for path in [*folder.rglob("*"), folder, folder.parent]:
        sync(path)
