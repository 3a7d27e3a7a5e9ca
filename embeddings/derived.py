"""What is derived from the store - FAISS and two tantivy indices - kept in step with it.

Indices catch up with the store by applying what changed since they were made. What of them is
missing, damaged or of another archive is made anew; what cannot be written into the archive is made
in a temporary folder that goes when nobody holds the indices any more.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from corpus.errors import ArchiveDamagedError, ArchiveLockedError, StorageError
from embeddings import generations
from embeddings.building import build, clone
from embeddings.checked import UnusableFilesError
from embeddings.dense import LISTS, DenseIndex, segment_of
from embeddings.durable import link, link_softly, remove_folder
from embeddings.generations import DERIVED, Manifest, Stamps
from embeddings.indices import ARTICLES, DENSE, PASSAGES, Base, Indices
from embeddings.locking import writer_lock
from embeddings.passages_index import dimension_of, open_index
from embeddings.segments import BYTES
from embeddings.sparse import SparseIndex
from embeddings.store import Store

LOADS = 5
"""Times that published files are looked for while a writer puts newer ones in their place."""


def open_indices(
    store: Store, held: Indices | None = None, *, thorough: bool = False, waits: bool = False
) -> Indices:
    """Return indices of the store's present generation, for a reader.

    `held` are older ones to start from, if there are any. What is on disk is mended where the
    writer's place is free and the archive can be written; else the reader gets its own copy. Where
    `thorough`, every byte on disk is checked first, not only those that are used at once. One that
    `waits` gets no copy while another process makes the indices: ArchiveLockedError then.
    """
    with store.snapshot():
        base = _newest(store, held, thorough=thorough)
        if base is not None and base.indices and base.generation == store.generation:
            return base.indices
    try:
        with writer_lock(store.directory):
            return publish_indices(store, held, thorough=thorough)
    except (ArchiveLockedError, StorageError) as error:
        if waits and isinstance(error, ArchiveLockedError):
            raise
        try:
            return copy_indices(store, held, thorough=thorough)
        except StorageError:
            if (left := _behind(store, held)) is None:
                raise
            return left


def are_current(store: Store, held: Indices) -> bool:
    """Tell whether indices in hand are those of the last commit that the store's view holds."""
    return bool(held.commit) and held.commit == store.commit


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
            made.append(build(folder, store, _starts(store, base), link))
            return Manifest(
                archive=store.archive_id,
                generation=store.generation,
                commit=made[0].commit,
                dimension=dimension_of(store),
                removed=made[0].removed,
                source=store.content_sum(),
            )

        stamps = generations.publish(root, store.generation, write, base.stamps if base else {})
        return replace(made[0], stamps=stamps)


def copy_indices(store: Store, held: Indices | None = None, *, thorough: bool = False) -> Indices:
    """Return indices of the present generation in a temporary folder that goes with them."""
    with store.snapshot():
        base = _newest(store, held, thorough=thorough)
        return _temporary(lambda folder: build(folder, store, _starts(store, base), link_softly))


def reduced(store: Store, held: Indices) -> Indices | None:
    """Return indices in hand without what was removed since; None where they are of no use.

    That is so where the store's view holds no such commit, or an older one.
    """
    with store.snapshot():
        base = _base_of(held)
        return _reduced(store, held) if _is_of(base, store) else None


def published_generation(store: Store) -> int | None:
    """Return the published indices' generation, or None where there are none of the store."""
    try:
        _, manifest = generations.current_manifest(store.directory / DERIVED)
    except UnusableFilesError:
        return None
    return manifest.generation if manifest.archive == store.archive_id else None


def _behind(store: Store, held: Indices | None) -> Indices | None:
    """Return the newest indices there are, without what was removed since; None where none are."""
    with store.snapshot():
        base = _newest(store, held, thorough=False)
        if base is None or base.indices is None:
            return None
        return _reduced(store, base.indices)


def _reduced(store: Store, indices: Indices) -> Indices:
    """Return older indices as they hold in the store's view."""
    changes = store.changes_since(indices.generation)
    return replace(
        indices,
        generation=store.generation,
        dense=indices.dense.without(changes.removed_passages),
        passages=indices.passages.without(changes.removed_passages),
        articles=indices.articles.without(changes.removed_articles),
        behind=True,
    )


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
        found.append(str(_changed_by_itself(store)))
    if manifest.archive != store.archive_id:
        found.append(f"{folder}: belongs to another archive: it is rebuilt when opened")
    elif not store.is_shared and manifest.commit != store.commit_name(manifest.generation):
        # of a shared archive it may be a copy's, for which this machine has the same folder
        found.append(f"{folder}: of a history that was undone: it is rebuilt when opened")
    return found


def _newest(store: Store, held: Indices | None, *, thorough: bool) -> Base | None:
    """Return the newest indices that the store has come by in its history, or None."""
    mine = _base_of(held) if held is not None else None
    if mine is not None and held is not None and are_current(store, held):
        return mine
    found = [
        base for base in (mine, _published(store, held, thorough=thorough)) if base is not None
    ]
    usable = [base for base in found if _is_of(base, store)]
    return max(usable, key=lambda base: base.generation, default=None)


def _starts(store: Store, base: Base | None) -> Iterator[Base]:
    """Yield what a new generation may start from; the second is asked for where the first fails."""
    if base is not None:
        yield base
        again = _published(store, None, thorough=False)
        if again is not None and _is_of(again, store):
            yield again


def _is_of(base: Base, store: Store) -> bool:
    """Tell whether the indices were made from one of the commits that the store's view holds."""
    known = store.commit_name(base.generation) == base.commit
    return known and (base.dense is None or base.dense.dimension == dimension_of(store))


def _base_of(indices: Indices) -> Base:
    return Base(
        generation=indices.generation,
        commit=indices.commit,
        folder=indices.folder,
        removed=indices.removed,
        stamps=indices.stamps,
        dense=indices.dense,
        sparse=frozenset({PASSAGES, ARTICLES}),
        indices=indices,
    )


def _published(store: Store, held: Indices | None, *, thorough: bool) -> Base | None:
    """Return what there is of the published indices, or None; a writer may be exchanging them."""
    root = store.directory / DERIVED
    for _ in range(LOADS):
        before = generations.pointer(root)
        try:
            base = _load(store, {} if held is None or thorough else held.stamps, thorough)
        except (UnusableFilesError, OSError):
            base = None
        if (base is not None and base.indices) or generations.pointer(root) == before:
            return base
    return None


def _load(store: Store, known: Stamps, thorough: bool) -> Base:
    """Open the published indices. Raises UnusableFilesError where they are none of this archive.

    Files that are `known`, from the generation in hand, are not read again.
    """
    folder, manifest = generations.current_manifest(store.directory / DERIVED)
    if manifest.archive != store.archive_id or manifest.dimension != dimension_of(store):
        raise UnusableFilesError(f"{folder} belongs to another archive")
    if not _is_source(store, manifest):
        raise _changed_by_itself(store)
    unread = generations.names_of(folder, manifest, known)
    damaged = generations.damaged_files(
        folder, manifest, lambda name: thorough or (_is_read(name) and name not in unread)
    )
    if not damaged:
        stamps = generations.stamps(folder, manifest)
        if os.access(folder / PASSAGES, os.W_OK):
            return _base_of(_open(store, folder, manifest, stamps))
        return _base_of(
            _temporary(lambda copy: _open_linked(store, folder, copy, manifest, stamps))
        )
    return _remains(store, folder, manifest, damaged)


def is_whole(store: Store) -> bool:
    """Tell whether the database is what files were derived from, as far as that is known."""
    with store.snapshot():
        try:
            _, manifest = generations.current_manifest(store.directory / DERIVED)
        except UnusableFilesError:
            return True
        return _is_source(store, manifest)


def check_source(store: Store) -> None:
    """Raise ArchiveDamagedError where the database changed by itself since files were derived."""
    if not is_whole(store):
        raise _changed_by_itself(store)


def _changed_by_itself(store: Store) -> ArchiveDamagedError:
    return ArchiveDamagedError(
        f"{store.place} is damaged, some of its bytes changed by themselves:"
        " `qa verify --repair` mends what it can; or restore it from a copy"
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


def _open(store: Store, folder: Path, manifest: Manifest, stamps: Stamps) -> Indices:
    return Indices(
        generation=manifest.generation,
        commit=manifest.commit,
        folder=folder,
        dense=open_index(folder / DENSE, store, manifest.dimension),
        passages=SparseIndex(folder / PASSAGES),
        articles=SparseIndex(folder / ARTICLES),
        removed=manifest.removed,
        stamps=stamps,
    )


def _remains(store: Store, folder: Path, manifest: Manifest, damaged: Sequence[str]) -> Base:
    """Return what is whole of a damaged generation."""
    broken = {Path(name).parts[0] for name in damaged}
    files = [Path(name) for name in damaged if Path(name).parts[0] == DENSE]
    dense = None
    if store.vector_engine is None and not any(file.name in LISTS for file in files):
        with suppress(UnusableFilesError):
            names = {segment_of(file) for file in files}
            dense = DenseIndex.open(folder / DENSE, manifest.dimension, without=names)
    return Base(
        generation=manifest.generation,
        commit=manifest.commit,
        folder=folder,
        removed=manifest.removed,
        stamps=generations.stamps(folder, manifest),
        dense=dense,
        sparse=frozenset({PASSAGES, ARTICLES} - broken),
    )


def _open_linked(
    store: Store, published: Path, copy: Path, manifest: Manifest, stamps: Stamps
) -> Indices:
    """Open indices through links from a folder that can be written: tantivy locks to read."""
    copy.mkdir()
    (copy / DENSE).symlink_to((published / DENSE).absolute())
    for part in (PASSAGES, ARTICLES):
        clone(published / part, copy / part, link_softly)
    return _open(store, copy, manifest, stamps)


def _temporary(make: Callable[[Path], Indices]) -> Indices:
    """Return indices made in a temporary folder, which is removed when they are let go."""
    scratch = ""
    try:
        scratch = tempfile.mkdtemp(prefix="qa-derived-")
        indices = make(Path(scratch) / "indices")
    except BaseException as error:
        if scratch:
            remove_folder(Path(scratch))
        if isinstance(error, OSError) and not (scratch and isinstance(error, FileNotFoundError)):
            raise generations.refusal(Path(scratch or "a temporary folder"), error) from error
        raise
    weakref.finalize(indices, remove_folder, Path(scratch))
    return indices
