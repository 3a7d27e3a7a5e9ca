"""An archive of articles: opened, filled, asked, looked into.

`Archive` is the one way in for the chat box, the command line, programs and the evaluation; what
a question goes through is in `qa.answering`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from corpus.errors import ArchiveMismatchError, StorageError, UsageError
from embeddings import onnx
from embeddings.checked import UnusableFilesError
from embeddings.derived import (
    check_source,
    copy_indices,
    open_indices,
    problems,
    publish_indices,
)
from embeddings.encoder import Encoder
from embeddings.encoders import carry_encoder, helped, open_encoder, prepare_encoder
from embeddings.indexing import IndexReport, ProgressCallback, index_paths
from embeddings.indices import Indices
from embeddings.locking import writer_lock
from embeddings.models import kept_name
from embeddings.store import Store
from embeddings.writing import mismatch
from qa.answer import no_articles
from qa.answering import Line, answer_queries
from qa.holdings import Holdings
from qa.places import chosen_archive
from qa.question import Limits, understand
from qa.records import Answer, History, Query, Question
from qa.reranking import Reranker, open_reranker
from qa.retrieval import query_vectors

DEFAULT_K = 5
"""Citations in an answer."""

MOST_K = 50
"""Citations that may be asked for."""

PATIENCE = 0.4
"""Seconds that a writer waits for the writer's place before it is told who has it."""

BEHIND = "The newest articles cannot be searched yet: there is no space for their search indices."
"""What a person is told where the disk is full and older indices answer."""

VIEWS = 3
"""Times that a reader looks for a moment between two commits before it makes its own indices."""


class Archive(Holdings):
    """A directory of articles that answers questions. Safe to use from several threads."""

    def __init__(self, store: Store, encoder: Encoder | None, model: str | None) -> None:
        super().__init__(store)
        self._encoder = encoder
        self._model = model
        self._reranker: Reranker | str | None = None
        self._indices: Indices | None = None

    # Opening

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
        reranker: Reranker | str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Archive:
        """Open an archive; with no directory $QA_ARCHIVE, else the person's own, else the samples.

        `reranker` reorders the best passages: one of your own, or the folder or cached name of a
        CrossEncoder, loaded with the first question. `progress` is told of the samples' making, on
        their first use. Raises ArchiveMissingError where a named directory holds none,
        ArchiveMismatchError where it was made with another model.
        """
        place = chosen_archive() if directory is None else Path(directory).expanduser()
        if place is None:
            from qa.samples import open_samples

            archive = open_samples(encoder=encoder, progress=progress)
        else:
            archive = cls._checked(Store(place), model, encoder)
        archive.rerank_with(reranker)
        return archive

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
    ) -> Archive:
        """Open the archive in a directory, making both where they do not exist."""
        place = Path(directory).expanduser()
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"the folder {place} cannot be made ({error.strerror}):"
                " give another with --archive, or fix the permissions"
            ) from error
        return cls._checked(Store(place, create=True), model, encoder)

    @classmethod
    def _checked(cls, store: Store, model: str | None, encoder: Encoder | None) -> Archive:
        stored = store.encoder
        model = None if model is None else kept_name(model)
        asked = encoder.settings.model if encoder is not None else model
        if stored is not None and asked is not None and stored.model != asked:
            store.close()
            raise ArchiveMismatchError(mismatch(store, stored.model, asked))
        return cls(store, encoder, stored.model if stored else model)

    @property
    def is_samples(self) -> bool:
        """Tell whether this is the shipped sample collection."""
        return bool(self._store.setting("samples"))

    @property
    def is_replaced(self) -> bool:
        """Tell whether the archive that was opened is gone from its directory."""
        return self._store.is_replaced

    def rerank_with(self, reranker: Reranker | str | None) -> None:
        """Reorder the best passages of questions to come with a reranker, see `open`; None: not."""
        with self._lock:
            self._reranker = reranker

    def mark_samples(self) -> None:
        """Record that this archive is the shipped sample collection, and complete."""
        with self._lock, self._writing():
            with self._store.transaction():
                self._store.put_setting("samples", True)
            self._indices = publish_indices(self._store, self._indices)

    def close(self) -> None:
        """Close the archive; it cannot be used afterwards."""
        with self._lock:
            self._indices = None
            self._store.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Articles in and out

    def add(
        self,
        paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
        *,
        prune: bool = False,
        gone: Iterable[str | os.PathLike[str]] = (),
        progress: ProgressCallback | None = None,
        workers: str | None = None,
    ) -> IndexReport:
        """Index files, folders and globs; unchanged articles cost nothing, changed ones replace.

        With `prune`, articles whose files below `paths` are gone are removed, and so are those of
        the files in `gone`. `workers` is the address of a Ray cluster that encodes: "ray" for this
        machine's, "ray://HOST:PORT" for another's. Raises ArchiveLockedError where another process
        is writing, WorkersError where the cluster cannot be had or fails.
        """
        if isinstance(paths, str | os.PathLike):
            paths = [paths]
        encoding = helped(self._prepare_encoder, self.directory, workers)
        with self._lock, self._writing(), encoding as encoder:
            check_source(self._store)
            report = index_paths(
                self._store, encoder, paths, prune=prune, gone=gone, progress=progress
            )
            self._indices = publish_indices(self._store, self._indices)
            if report.added or report.updated or report.removed:
                self._store.empty_log()
            if self._encoder is not None and (report.added or report.updated):
                carry_encoder(self.directory, self._encoder)
            return report

    def remove(self, ids: Iterable[str] | str) -> int:
        """Remove articles by id; return how many there were."""
        ids = [ids] if isinstance(ids, str) else list(ids)
        with self._lock, self._writing():
            check_source(self._store)
            with self._store.transaction():
                count = self._store.remove_articles(ids)
            self._indices = publish_indices(self._store, self._indices)
            self._store.empty_log()
            return count

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Take the writer's place within the block, and clear up behind writers that were killed.

        A reader that mends something may have the place for a moment.
        """
        with writer_lock(self.directory, wait=PATIENCE):
            for stray in self.directory.glob(f".{onnx.FOLDER}.*.tmp"):
                shutil.rmtree(stray, ignore_errors=True)
            yield

    # Questions

    def ask(
        self,
        question: str,
        *,
        history: History = (),
        sources: Sequence[str] | str = (),
        since: str | None = None,
        until: str | None = None,
        asked: str | None = None,
        k: int = DEFAULT_K,
        max_error: float | None = None,
    ) -> Answer:
        """Answer one question.

        `history` holds the turns before it; `sources`, `since` and `until` (ISO dates, inclusive)
        narrow the articles; `asked` is the day of asking, for "last week". `max_error` is the share
        (0..1) of given answers that may be wrong: with less, only surer ones are given. Raises
        UsageError for a question or a limit that cannot be used.
        """
        entry = Question(
            question=question,
            history=history,
            sources=[sources] if isinstance(sources, str) else sources,
            since=since,
            until=until,
            asked=asked,
        )
        return self.ask_many([entry], k=k, max_error=max_error)[0]

    def ask_many(
        self,
        questions: Sequence[str | Question],
        *,
        k: int = DEFAULT_K,
        max_error: float | None = None,
    ) -> list[Answer]:
        """Answer several questions, encoded together; the answers come in the same order."""
        if not 1 <= k <= MOST_K:
            raise UsageError(f"k={k} citations cannot be given: ask for 1 to {MOST_K}")
        if max_error is not None and not 0 < max_error <= 1:
            raise UsageError(f"max_error={max_error} is no share of answers: give 0.1 for 10%")
        with self._lock:
            outlets = [name for name, _ in self._store.sources()]
            dates = self._store.dates()
            queries = [_understand(question, outlets, dates) for question in questions]
            if not queries or self._store.is_empty:
                return [no_articles(query) for query in queries]
            encoder, reranker = self._load_encoder(), self._load_reranker()
        vectors = query_vectors(encoder, queries)  # side by side with other threads' questions

        def answers() -> list[Answer]:
            with self._agreed() as indices:
                line = Line(self._store, indices, reranker, max_error)
                told = [BEHIND] if indices.behind else []
                asked = [replace(q, notices=(*q.notices, *told)) for q in queries]
                return answer_queries(line, asked, vectors, k=k)

        with self._lock:
            try:
                return answers()
            except UnusableFilesError:  # damage shows when what is derived is used: mend it
                self._indices = open_indices(self._store, thorough=True)
                return answers()

    def _prepare_encoder(self) -> Encoder:
        """Return the encoder for passages to come; the caller holds the writer's lock."""
        return self._load_encoder(prepare=True)

    def _load_encoder(self, *, prepare: bool = False) -> Encoder:
        """Return the encoder, loaded once, checked against the archive's vectors."""
        with self._lock:
            if self._encoder is None:
                find = prepare_encoder if prepare else open_encoder
                self._encoder = find(self.directory, self._store.encoder, self._model)
            stored = self._store.encoder
            if stored is not None and stored != self._encoder.settings:
                raise ArchiveMismatchError(
                    mismatch(self._store, stored.model, self._encoder.settings.model)
                )
            return self._encoder

    def _load_reranker(self) -> Reranker | None:
        """Return the reranker, loaded once, or None where none is asked for."""
        if isinstance(self._reranker, str):
            self._reranker = open_reranker(self._reranker)
        return self._reranker

    @contextmanager
    def _agreed(self) -> Iterator[Indices]:
        """Give indices, and one view of the store within the block that agrees with them."""
        for _ in range(VIEWS):
            indices = open_indices(self._store, self._indices)
            self._indices = self._indices if indices.behind else indices
            with self._store.snapshot():
                if indices.generation == self._store.generation:
                    yield indices
                    return
        with self._store.snapshot():
            yield copy_indices(self._store, self._indices)

    # Upkeep

    def repair(self) -> list[str]:
        """Mend what can be made anew; return what was, in plain words.

        Derived files come from the articles, and damaged articles from the files that they were
        read from, where those are still there. Raises ArchiveLockedError as `add` does.
        """
        from embeddings.repair import repair

        with self._lock, self._writing():
            done = repair(self._store, self._load_encoder)
            if onnx.problems(self.directory):
                self._encoder = None
                shutil.rmtree(self.directory / onnx.FOLDER)
                self._prepare_encoder()
                done.append("the encoder that the archive carries: made anew from its model")
            if problems(self._store):
                done.append("the search indices: made anew from the articles")
            self._indices = publish_indices(self._store, thorough=True)
            return done


def _understand(
    question: str | Question | Mapping[str, Any],
    outlets: Sequence[str],
    dates: tuple[str | None, str | None],
) -> Query:
    if isinstance(question, str):
        return understand(question, outlets=outlets, dates=dates)
    sources = tuple(question.get("sources") or ())
    free = frozenset(question.get("free") or ())
    limits = Limits(sources, question.get("since"), question.get("until"), free)
    return understand(
        question["question"],
        history=question.get("history") or (),
        limits=limits,
        outlets=outlets,
        dates=dates,
        asked=question.get("asked"),
    )
