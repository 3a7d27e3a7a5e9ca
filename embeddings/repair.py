"""Mend an archive's truth where it can be made anew: from the files that articles came from."""

from __future__ import annotations

from pathlib import Path

from embeddings.derived import is_whole
from embeddings.indexing import index_paths
from embeddings.store import Store
from embeddings.verification import article_problems
from embeddings.writing import EncoderSource


def repair(store: Store, encoder: EncoderSource) -> list[str]:
    """Read damaged articles again from their files; return what was mended, in plain words.

    An article whose file is gone stays as it is, and `verify` goes on naming it. The caller holds
    the archive's lock and publishes the indices afterwards. Raises ArchiveDamagedError where the
    database is beyond that.
    """
    suspect = not is_whole(store) or bool(store.integrity() or store.miscounted())
    damaged = {article_id for article_id, _ in article_problems(store)}
    done = _read_again(store, encoder, damaged)
    if spares := store.damaged_spares():
        with store.transaction():
            for vector in spares:
                store.forget_spare(vector)
        done.append(f"{len(spares)} damaged vectors of removed passages: forgotten")
    if suspect or damaged:
        store.rewrite()
        done.append(f"{store.place}: written anew, with its indices and counts")
    return done


def _read_again(store: Store, encoder: EncoderSource, damaged: set[str]) -> list[str]:
    """Index the files of damaged articles as if the archive had never seen them."""
    done: list[str] = []
    for path, record in store.files().items():
        ids = damaged.intersection(record.articles)
        if not ids or not Path(path).is_file():
            continue
        with store.transaction():
            store.remove_files([path])
            for article_id in ids:
                store.doubt(article_id)
        index_paths(store, encoder, [path])
        mended = ids - {article_id for article_id, _ in article_problems(store)}
        done += [f"{article_id}: read again from {path}" for article_id in sorted(mended)]
    return done
