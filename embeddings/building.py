"""Build a generation of derived indices: from an older one at the cost of what changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from embeddings.checked import UnusableFilesError
from embeddings.durable import Link, remove_folder
from embeddings.generations import LOCK_FILES
from embeddings.indices import ARTICLES, DENSE, PASSAGES, Base, Indices
from embeddings.passages_index import portions, updated_index
from embeddings.rows import Changes
from embeddings.sparse import SparseIndex
from embeddings.store import Store

EXACT_BELOW = 2_000
"""Passages up to which a removal makes BM25 anew (a fifth of a second): tantivy's word counts
include removed documents until then."""

STALE_SHARE = 0.05
"""Share of passages that may have been removed before a larger BM25 index is made anew. Where they
are like the rest, it moves a term's weight, ln((N - n + .5)/(n + .5)), by .05 at most."""


def build(folder: Path, store: Store, bases: Iterable[Base], link: Link) -> Indices:
    """Build the indices of the present generation in a new folder, from the first base that does.

    `link` gives files that stay a second name. OSError where the disk refuses.
    """
    for base in bases:
        folder.mkdir(parents=True)
        try:
            return _caught_up(folder, store, base, link)
        except (FileNotFoundError, UnusableFilesError):  # a writer has removed the base meanwhile
            remove_folder(folder)
    folder.mkdir(parents=True)
    return _caught_up(folder, store, Base(-1, "", folder, 0, {}, None, frozenset()), link)


def clone(base: Path, folder: Path, link: Link) -> None:
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
    for portion in portions(keys):
        stored = store.passages(portion)
        articles = store.articles_of(stored)
        for passage in stored:
            article = articles[passage.article]
            yield passage.key, article.title or "", passage.span.of(article.text)


def _article_documents(store: Store, keys: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    for portion in portions(keys):
        for key, article in store.articles_by_key(portion).items():
            yield key, article.title or "", article.clean_text


def _caught_up(folder: Path, store: Store, base: Base, link: Link) -> Indices:
    """Build the present generation from an older one, at the cost of what changed."""
    changes = store.changes_since(base.generation)
    removed = _removed(store, base, changes)
    stale = bool(changes.removed_passages) and removed == 0
    kept = frozenset[str]() if stale else base.sparse
    dense = updated_index(folder / DENSE, store, base, changes, link)
    everything = changes if len(kept) == 2 else _everything(store)
    sparse = {}
    for part in (PASSAGES, ARTICLES):
        whole = part in kept
        if whole:
            clone(base.folder / part, folder / part, link)
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


def _removed(store: Store, base: Base, changes: Changes) -> int:
    """Return how many removed passages the next BM25 index counts; 0 where it is made anew."""
    removed = base.removed + len(changes.removed_passages)
    total = store.counts()["passages"]
    exact = total <= EXACT_BELOW or removed > STALE_SHARE * total
    return 0 if exact or not base.sparse else removed


def _update_sparse(index: SparseIndex, store: Store, part: str, changes: Changes) -> None:
    """Apply changes to a BM25 index, which may be empty."""
    if part == PASSAGES:
        index.update(_passage_documents(store, changes.passages), changes.removed_passages)
    else:
        index.update(_article_documents(store, changes.articles), changes.removed_articles)
