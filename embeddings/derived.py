"""What is derived from the store - FAISS and two tantivy indices - kept in step with it.

Indices catch up with the store by applying what changed since they were made. What of them is
missing, damaged or of another archive is made anew; what cannot be written into the archive is made
in a temporary folder that goes when nobody holds the indices any more.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from corpus.errors import ArchiveDamagedError, ArchiveLockedError, StorageError
from embeddings import generations
from embeddings.checked import UnusableFilesError
from embeddings.dense import DenseIndex, segment_of
from embeddings.durable import Link, link, link_softly
from embeddings.generations import DERIVED, LOCK_FILES, Manifest, Stamps
from embeddings.locking import writer_lock
from embeddings.rows import Changes
from embeddings.segments import BYTES
from embeddings.shelf import Shelf
from embeddings.sparse import SparseIndex
from embeddings.store import Store

DENSE = "dense"
PASSAGES = "passages"
ARTICLES = "articles"

PORTION = 4_096
"""Passages that are read from the store at a time."""

EXACT_BELOW = 2_000
"""Passages up to which a removal makes BM25 anew (a fifth of a second): tantivy's word counts
include removed documents until then."""

STALE_SHARE = 0.05
"""Share of passages that may have been removed before a larger BM25 index is made anew. Where they
are like the rest, it moves a term's weight, ln((N - n + .5)/(n + .5)), by .05 at most."""

LOADS = 5
"""Times that published files are looked for while a writer puts newer ones in their place."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Indices:
    """The derived indices of one generation, open for search.

    `removed` counts the passages taken out since BM25's word counts were last made anew; `stamps`
    tell the next generation what the published files are; `shelf` keeps what was read lately.
    """

    generation: int
    commit: str
    folder: Path
    dense: DenseIndex
    passages: SparseIndex
    articles: SparseIndex
    removed: int = 0
    stamps: Stamps = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf, compare=False)


@dataclass(frozen=True, slots=True)
class _Base:
    """What a new generation can start from: `indices` where all is whole, else what is left.

    `dense` may lack segments; `sparse` names the BM25 indices that are whole.
    """

    generation: int
    commit: str
    folder: Path
    removed: int
    stamps: Stamps
    dense: DenseIndex | None
    sparse: frozenset[str]
    indices: Indices | None = None


def open_indices(store: Store, held: Indices | None = None, *, thorough: bool = False) -> Indices:
    """Return indices of the store's present generation, for a reader.

    `held` are older ones to start from, if there are any. What is on disk is mended where the
    writer's place is free and the archive can be written; else the reader gets its own copy. Where
    `thorough`, every byte on disk is checked first, not only those that are used at once.
    """
    with store.snapshot():
        base = _newest(store, held, thorough=thorough)
        if base is not None and base.indices and base.generation == store.generation:
            return base.indices
    try:
        with writer_lock(store.directory):
            return publish_indices(store, held, thorough=thorough)
    except (ArchiveLockedError, StorageError):
        return copy_indices(store, held, thorough=thorough)


def publish_indices(
    store: Store, held: Indices | None = None, *, thorough: bool = False
) -> Indices:
    """Bring the archive's derived files up to date and return them; the caller holds the lock.

    Raises StorageError where the disk refuses.
    """
    root = store.directory / DERIVED
    with store.snapshot():
        base = _newest(store, held, thorough=thorough)
        is_newest = base is not None and base.generation == store.generation
        if base is not None and base.indices and is_newest and base.folder.parent == root:
            return base.indices
        made: list[Indices] = []

        def write(folder: Path) -> Manifest:
            made.append(_make(folder, store, base, link))
            return Manifest(
                archive=store.archive_id,
                generation=store.generation,
                commit=made[0].commit,
                dimension=_dimension(store),
                removed=made[0].removed,
                source=store.content_sum(),
            )

        stamps = generations.publish(root, store.generation, write, base.stamps if base else {})
        return replace(made[0], stamps=stamps)


def copy_indices(store: Store, held: Indices | None = None, *, thorough: bool = False) -> Indices:
    """Return indices of the present generation in a temporary folder that goes with them."""
    with store.snapshot():
        base = _newest(store, held, thorough=thorough)
        return _temporary(lambda folder: _make(folder, store, base, link_softly))


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
    found = [f"{folder / file}: missing or damaged: it is rebuilt when opened" for file in damaged]
    if not _is_source(store, manifest):
        found.append(
            f"{store.path}: some of its bytes changed by themselves: restore it from a copy"
        )
    if manifest.archive != store.archive_id:
        found.append(f"{folder}: belongs to another archive: it is rebuilt when opened")
    elif manifest.commit != store.commit_name(manifest.generation):
        found.append(f"{folder}: of a history that was undone: it is rebuilt when opened")
    return found


def _newest(store: Store, held: Indices | None, *, thorough: bool) -> _Base | None:
    """Return the newest indices that the store has come by in its history, or None."""
    mine = _base_of(held) if held is not None else None
    if mine is not None and mine.generation == store.generation and _is_of(mine, store):
        return mine
    found = [base for base in (mine, _published(store, thorough=thorough)) if base is not None]
    usable = [base for base in found if _is_of(base, store)]
    return max(usable, key=lambda base: base.generation, default=None)


def _is_of(base: _Base, store: Store) -> bool:
    """Tell whether the indices were made from one of the commits that the store's view holds."""
    known = store.commit_name(base.generation) == base.commit
    return known and (base.dense is None or base.dense.dimension == _dimension(store))


def _base_of(indices: Indices) -> _Base:
    return _Base(
        generation=indices.generation,
        commit=indices.commit,
        folder=indices.folder,
        removed=indices.removed,
        stamps=indices.stamps,
        dense=indices.dense,
        sparse=frozenset({PASSAGES, ARTICLES}),
        indices=indices,
    )


def _published(store: Store, *, thorough: bool) -> _Base | None:
    """Return what there is of the published indices, or None; a writer may be exchanging them."""
    root = store.directory / DERIVED
    for _ in range(LOADS):
        before = generations.pointer(root)
        try:
            base = _load(store, thorough=thorough)
        except (UnusableFilesError, OSError):
            base = None
        if (base is not None and base.indices) or generations.pointer(root) == before:
            return base
    return None


def _load(store: Store, *, thorough: bool) -> _Base:
    """Open the published indices. Raises UnusableFilesError where they are none of this archive."""
    folder, manifest = generations.current_manifest(store.directory / DERIVED)
    if manifest.archive != store.archive_id or manifest.dimension != _dimension(store):
        raise UnusableFilesError(f"{folder} belongs to another archive")
    _check_source(store, manifest)
    damaged = generations.damaged_files(folder, manifest, lambda name: thorough or _is_read(name))
    if not damaged:
        stamps = generations.stamps(folder, manifest)
        if os.access(folder / PASSAGES, os.W_OK):
            return _base_of(_open(folder, manifest, stamps))
        return _base_of(_temporary(lambda copy: _open_linked(folder, copy, manifest, stamps)))
    return _remains(folder, manifest, damaged)


def _check_source(store: Store, manifest: Manifest) -> None:
    """Raise ArchiveDamagedError where the database is not what these files were made from."""
    if _is_source(store, manifest):
        return
    raise ArchiveDamagedError(
        f"{store.path} is damaged: some of its bytes changed by themselves; restore it from a copy,"
        " or index the files into a new folder"
    )


def _is_source(store: Store, manifest: Manifest) -> bool:
    """Tell whether the database has the bytes from which these files were made, if it should."""
    if not manifest.source or manifest.commit != store.commit_name(store.generation):
        return True
    found = store.content_sum()
    return found == manifest.source or found.split(":")[0] != manifest.source.split(":")[0]


def _is_read(name: str) -> bool:
    """Tell whether a file is read whole at once; the others are checked while they are used."""
    return not name.endswith(BYTES)


def _open(folder: Path, manifest: Manifest, stamps: Stamps) -> Indices:
    return Indices(
        generation=manifest.generation,
        commit=manifest.commit,
        folder=folder,
        dense=DenseIndex.open(folder / DENSE, manifest.dimension),
        passages=SparseIndex(folder / PASSAGES),
        articles=SparseIndex(folder / ARTICLES),
        removed=manifest.removed,
        stamps=stamps,
    )


def _remains(folder: Path, manifest: Manifest, damaged: Sequence[str]) -> _Base:
    """Return what is whole of a damaged generation."""
    broken = {Path(name).parts[0] for name in damaged}
    segments = {segment_of(Path(name)) for name in damaged if Path(name).parts[0] == DENSE}
    try:
        dense = DenseIndex.open(folder / DENSE, manifest.dimension, without=segments)
    except UnusableFilesError:
        dense = None
    return _Base(
        generation=manifest.generation,
        commit=manifest.commit,
        folder=folder,
        removed=manifest.removed,
        stamps=generations.stamps(folder, manifest),
        dense=dense,
        sparse=frozenset({PASSAGES, ARTICLES} - broken),
    )


def _open_linked(published: Path, copy: Path, manifest: Manifest, stamps: Stamps) -> Indices:
    """Open indices through links from a folder that can be written: tantivy locks to read."""
    copy.mkdir()
    (copy / DENSE).symlink_to((published / DENSE).absolute())
    for part in (PASSAGES, ARTICLES):
        _clone(published / part, copy / part, link_softly)
    return _open(copy, manifest, stamps)


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


def _make(folder: Path, store: Store, base: _Base | None, link: Link) -> Indices:
    """Build the indices of the present generation in a new folder: from `base` if there is one."""
    for start in (base, _published(store, thorough=False) if base else None):
        if start is None or not _is_of(start, store):
            continue
        folder.mkdir(parents=True)
        try:
            return _caught_up(folder, store, start, link)
        except (FileNotFoundError, UnusableFilesError):  # a writer has removed the base meanwhile
            shutil.rmtree(folder)
    folder.mkdir(parents=True)
    nothing = _Base(-1, "", folder, 0, {}, None, frozenset())
    return _caught_up(folder, store, nothing, link)


def _caught_up(folder: Path, store: Store, base: _Base, link: Link) -> Indices:
    """Build the present generation from an older one, at the cost of what changed."""
    changes = store.changes_since(base.generation)
    removed = _removed(store, base, changes)
    stale = bool(changes.removed_passages) and removed == 0
    kept = frozenset[str]() if stale else base.sparse
    dense = _dense(folder / DENSE, store, base, changes, link)
    everything = changes if len(kept) == 2 else _everything(store)
    sparse = {}
    for part in (PASSAGES, ARTICLES):
        whole = part in kept
        if whole:
            _clone(base.folder / part, folder / part, link)
        sparse[part] = SparseIndex(folder / part)
        _update_sparse(sparse[part], store, part, changes if whole else everything)
    return Indices(
        generation=store.generation,
        commit=store.commit_name(store.generation),
        folder=folder,
        dense=dense,
        passages=sparse[PASSAGES],
        articles=sparse[ARTICLES],
        removed=removed,
        stamps=base.stamps,
    )


def _everything(store: Store) -> Changes:
    """Return all that is in the store, as if nothing had been there before."""
    changes = store.changes_since(-1)
    return Changes(changes.passages, changes.articles)


def _removed(store: Store, base: _Base, changes: Changes) -> int:
    """Return how many removed passages the next BM25 index counts; 0 where it is made anew."""
    removed = base.removed + len(changes.removed_passages)
    total = store.counts()["passages"]
    exact = total <= EXACT_BELOW or removed > STALE_SHARE * total
    return 0 if exact or not base.sparse else removed


def _dense(folder: Path, store: Store, base: _Base, changes: Changes, link: Link) -> DenseIndex:
    """Write the dense index; vectors that the base lacks are read from the store."""
    new, gone = np.array(changes.passages, dtype=np.int64), changes.removed_passages
    dimension = _dimension(store)
    if base.dense is None or base.indices is None:
        held = base.dense.keys() if base.dense is not None else new[:0]
        new = np.setdiff1d(store.passage_keys(), np.setdiff1d(held, gone))
    start = base.dense if base.dense is not None else DenseIndex(dimension)
    added = (store.passage_vectors(keys, dimension) for keys in _portions(new.tolist()))
    return start.updated(folder, added, gone, link)


def _update_sparse(index: SparseIndex, store: Store, part: str, changes: Changes) -> None:
    """Apply changes to a BM25 index, which may be empty."""
    if part == PASSAGES:
        index.update(_passage_documents(store, changes.passages), changes.removed_passages)
    else:
        index.update(_article_documents(store, changes.articles), changes.removed_articles)


def _clone(base: Path, folder: Path, link: Link) -> None:
    """Link tantivy's files into a new folder: segments never change, its lists are replaced."""
    folder.mkdir()
    for file in base.iterdir():
        if file.name in LOCK_FILES:
            continue
        if file.suffix == ".json":
            shutil.copyfile(file, folder / file.name)
        else:
            link(file, folder / file.name)


def _passage_documents(store: Store, keys: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    for portion in _portions(keys):
        stored = store.passages(portion)
        articles = store.articles_of(stored)
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
