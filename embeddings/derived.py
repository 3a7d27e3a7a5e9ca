"""What is derived from the store - FAISS and two tantivy indices - kept in step with it.

Indices catch up with the store by applying what changed since they were made. Where they are
missing, damaged or of another archive they are made anew; what cannot be written into the archive
is made in a temporary folder that goes when nobody holds the indices any more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import ArchiveDamagedError, ArchiveLockedError, StorageError
from embeddings import generations
from embeddings.dense import DenseIndex
from embeddings.generations import DERIVED, LOCK_FILES, Manifest, UnusableFilesError
from embeddings.locking import writer_lock
from embeddings.rows import Changes
from embeddings.sparse import SparseIndex
from embeddings.store import Store

DENSE = "dense.faiss"
PASSAGES = "passages"
ARTICLES = "articles"

PORTION = 4_096
"""Passages that are read from the store at a time."""

EXACT_BELOW = 10_000
"""Passages up to which a removal makes BM25 anew (a second): tantivy's word counts include removed
documents until then."""

STALE_SHARE = 0.02
"""Share of passages that may have been removed before a larger BM25 index is made anew."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Indices:
    """The derived indices of one generation, open for search.

    `removed` counts the passages taken out since BM25's word counts were last made anew.
    """

    generation: int
    commit: str
    folder: Path
    dense: DenseIndex
    passages: SparseIndex
    articles: SparseIndex
    removed: int = 0


def open_indices(store: Store, held: Indices | None = None) -> Indices:
    """Return indices of the store's present generation, for a reader.

    `held` are older ones to start from, if there are any. What is on disk is mended where the
    writer's place is free and the archive can be written; else the reader gets its own copy.
    """
    with store.snapshot():
        base = _newest(store, held)
        if base is not None and base.generation == store.generation:
            return base
    try:
        with writer_lock(store.directory):
            return publish_indices(store, held)
    except (ArchiveLockedError, StorageError):
        return copy_indices(store, held)


def publish_indices(store: Store, held: Indices | None = None) -> Indices:
    """Bring the archive's derived files up to date and return them; the caller holds the lock.

    Raises StorageError where the disk refuses.
    """
    root = store.directory / DERIVED
    with store.snapshot():
        base = _newest(store, held)
        if base is not None and base.generation == store.generation and base.folder.parent == root:
            return base
        made: list[Indices] = []
        manifest = Manifest(
            archive=store.archive_id,
            generation=store.generation,
            commit=store.commit_name(store.generation),
            dimension=_dimension(store),
            removed=_removed(store, base),
        )
        generations.publish(root, manifest, lambda folder: made.append(_make(folder, store, base)))
        return made[0]


def copy_indices(store: Store, held: Indices | None = None) -> Indices:
    """Return indices of the present generation in a temporary folder that goes with them."""
    with store.snapshot():
        base = _newest(store, held)
        return _temporary(lambda folder: _make(folder, store, base))


def problems(store: Store) -> list[str]:
    """Return what is damaged among the derived files, which heal at the next opening.

    Files that are not there, or older than the articles, are no damage: a run that was stopped
    leaves them so.
    """
    root = store.directory / DERIVED
    if not (root / generations.CURRENT).exists():
        return []
    try:
        folder, manifest = generations.current_manifest(root)
    except UnusableFilesError as error:
        return [f"{error}: the search indices are rebuilt when opened"]
    damaged = generations.damaged_files(folder, manifest)
    found = [f"{file}: missing or damaged: it is rebuilt when opened" for file in damaged]
    if manifest.archive != store.archive_id:
        found.append(f"{folder}: belongs to another archive: it is rebuilt when opened")
    elif manifest.commit != store.commit_name(manifest.generation):
        found.append(f"{folder}: of a history that was undone: it is rebuilt when opened")
    return found


def _newest(store: Store, held: Indices | None) -> Indices | None:
    """Return the newest whole indices that the store has come by in its history, or None."""
    if held is not None and held.generation == store.generation and _is_of(held, store):
        return held
    try:
        published = _load(store)
    except (UnusableFilesError, ArchiveDamagedError, OSError):
        published = None
    found = [indices for indices in (held, published) if indices is not None]
    usable = [indices for indices in found if _is_of(indices, store)]
    return max(usable, key=lambda indices: indices.generation, default=None)


def _is_of(indices: Indices, store: Store) -> bool:
    """Tell whether the indices were made from one of the commits that the store's view holds."""
    known = store.commit_name(indices.generation) == indices.commit
    return known and indices.dense.dimension == _dimension(store)


def _load(store: Store) -> Indices:
    """Open the published indices. Raises UnusableFilesError where they are none of this archive."""
    folder, manifest = generations.current_manifest(store.directory / DERIVED)
    if manifest.archive != store.archive_id or manifest.dimension != _dimension(store):
        raise UnusableFilesError(f"{folder} belongs to another archive")
    if damaged := generations.damaged_files(folder, manifest):
        raise UnusableFilesError(f"{damaged[0]} is damaged")
    if os.access(folder / PASSAGES, os.W_OK):
        return _open(folder, manifest)
    return _temporary(lambda copy: _open_linked(folder, copy, manifest))


def _open(folder: Path, manifest: Manifest) -> Indices:
    return Indices(
        generation=manifest.generation,
        commit=manifest.commit,
        folder=folder,
        dense=DenseIndex.load(folder / DENSE, manifest.dimension),
        passages=SparseIndex(folder / PASSAGES),
        articles=SparseIndex(folder / ARTICLES),
        removed=manifest.removed,
    )


def _open_linked(published: Path, copy: Path, manifest: Manifest) -> Indices:
    """Open indices through links from a folder that can be written: tantivy locks to read."""
    copy.mkdir()
    (copy / DENSE).symlink_to((published / DENSE).absolute())
    _clone(published, copy, _link_softly)
    return _open(copy, manifest)


def _temporary(make: Callable[[Path], Indices]) -> Indices:
    """Return indices made in a temporary folder, which is removed when they are let go."""
    scratch = ""
    try:
        scratch = tempfile.mkdtemp(prefix="qa-derived-")
        indices = make(Path(scratch) / "indices")
    except BaseException as error:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
        if isinstance(error, OSError):
            raise generations.refusal(Path(tempfile.gettempdir()), error) from error
        raise
    weakref.finalize(indices, shutil.rmtree, scratch, ignore_errors=True)
    return indices


def _make(folder: Path, store: Store, base: Indices | None) -> Indices:
    """Build the indices of the present generation in a new folder: from `base` if there is one."""
    folder.mkdir(parents=True)
    if base is not None:
        try:
            return _caught_up(folder, store, base)
        except (FileNotFoundError, ArchiveDamagedError):  # a writer has removed the base meanwhile
            shutil.rmtree(folder)
            folder.mkdir()
    changes = store.changes_since(-1)
    dense = _save_dense(folder, store, DenseIndex(_dimension(store)), changes)
    return _save_sparse(folder, store, dense, Changes(changes.passages, changes.articles), 0)


def _caught_up(folder: Path, store: Store, base: Indices) -> Indices:
    """Build the present generation from an older one, at the cost of what changed."""
    changes = store.changes_since(base.generation)
    dense = DenseIndex.load(base.folder / DENSE, base.dense.dimension)
    dense.remove(changes.removed_passages)
    dense = _save_dense(folder, store, dense, changes)
    removed = _removed(store, base)
    if changes.removed_passages and removed == 0:
        everything = store.changes_since(-1)
        changes = Changes(everything.passages, everything.articles)
    else:
        _clone(base.folder, folder)
    return _save_sparse(folder, store, dense, changes, removed)


def _removed(store: Store, base: Indices | None) -> int:
    """Return how many removed passages the next BM25 index counts; 0 where it is made anew."""
    if base is None:
        return 0
    removed = base.removed + len(store.changes_since(base.generation).removed_passages)
    total = store.counts()["passages"]
    exact = total <= EXACT_BELOW or removed > STALE_SHARE * total
    return 0 if exact else removed


def _save_dense(folder: Path, store: Store, dense: DenseIndex, changes: Changes) -> DenseIndex:
    """Add the changes' passages to the dense index and write it."""
    for portion in _portions(changes.passages):
        dense.add(*store.passage_vectors(portion, dense.dimension))
    dense.save(folder / DENSE)
    return dense


def _save_sparse(
    folder: Path, store: Store, dense: DenseIndex, changes: Changes, removed: int
) -> Indices:
    """Apply the changes to the BM25 indices in the folder, which may be empty."""
    passages, articles = SparseIndex(folder / PASSAGES), SparseIndex(folder / ARTICLES)
    passages.update(_passage_documents(store, changes.passages), changes.removed_passages)
    articles.update(_article_documents(store, changes.articles), changes.removed_articles)
    commit = store.commit_name(store.generation)
    return Indices(store.generation, commit, folder, dense, passages, articles, removed)


def _link(file: Path, target: Path) -> None:
    """Give a file a second name; where the disk does not know that, copy it."""
    try:
        target.hardlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, target)


def _link_softly(file: Path, target: Path) -> None:
    """Point to a file on a disk that cannot be written."""
    target.symlink_to(file.absolute())


def _clone(base: Path, folder: Path, link: Callable[[Path, Path], None] = _link) -> None:
    """Link tantivy's files into a new folder: segments never change, its lists are replaced."""
    for part in (PASSAGES, ARTICLES):
        (folder / part).mkdir()
        for file in (base / part).iterdir():
            if file.name in LOCK_FILES:
                continue
            if file.suffix == ".json":
                shutil.copyfile(file, folder / part / file.name)
            else:
                link(file, folder / part / file.name)


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
