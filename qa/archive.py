"""An archive of articles: opened, filled, asked, looked into.

`Archive` is the one way in for the chat box, the command line, programs and the evaluation; what
a question goes through is in `qa.answering`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Any

from corpus.errors import ArchiveLockedError, ArchiveMismatchError, UsageError
from embeddings import onnx
from embeddings.checked import UnusableFilesError
from embeddings.derived import (
    check_source,
    problems,
)
from embeddings.encoder import Encoder
from embeddings.encoders import carry_encoder, helped
from embeddings.locations import Address, locate
from embeddings.models import kept_name
from embeddings.reports import IndexReport, ProgressCallback
from embeddings.store import Store
from embeddings.writing import mismatch
from qa.answer import no_articles
from qa.answering import Line, answer_queries
from qa.keeping import Keeping
from qa.places import chosen_archive
from qa.question import Limits, understand
from qa.records import Answer, History, Query, Question
from qa.reranking import Reranker, open_reranker
from qa.retrieval import query_vectors
from qa.shared import open_store

DEFAULT_K = 5
"""Citations in an answer."""

MOST_K = 50
"""Citations that may be asked for."""

BEHIND = "The newest articles cannot be searched yet: their search indices are not made."
"""What a person is told where older indices answer: the disk is full, or a replica is behind."""


class Archive(Keeping):
    """A collection of articles that answers questions. Safe to use from several threads."""

    def __init__(self, store: Store, encoder: Encoder | None, model: str | None) -> None:
        super().__init__(store, encoder, model)
        self._reranker: Reranker | str | None = None

    # Opening

    @classmethod
    def open(
        cls,
        directory: Address | None = None,
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
        reranker: Reranker | str | None = None,
        progress: ProgressCallback | None = None,
    ) -> Archive:
        """Open an archive; with no directory $QA_ARCHIVE, else the person's own, else the samples.

        An archive that several machines share goes by its address in place of a directory:
        `postgresql://user@host/database?archive=name`, or `milvus+http://host:19530/name`.

        `reranker` reorders the best passages: one of your own, or the folder or cached name of a
        CrossEncoder, loaded with the first question. `progress` is told of the samples' making, on
        their first use. Raises ArchiveMissingError where a named directory holds none,
        ArchiveMismatchError where it was made with another model.
        """
        place = chosen_archive() if directory is None else locate(directory)
        if place is None:
            from qa.samples import open_samples

            archive = open_samples(encoder=encoder, progress=progress)
        else:
            archive = cls._checked(open_store(place), model, encoder)
        archive.rerank_with(reranker)
        return archive

    @classmethod
    def create(
        cls,
        directory: Address,
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
        database: str | None = None,
    ) -> Archive:
        """Open the archive in a directory or at an address, making both where they do not exist.

        `database` says where the articles are kept whose vectors are in Milvus.
        """
        store = open_store(locate(directory), create=True, database=database)
        return cls._checked(store, model, encoder)

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
    def id(self) -> str:
        """Return what tells this archive from all others, wherever it is moved to."""
        return self._store.archive_id

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
            self._publish()

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
        emptied: bool = False,
        gone: Iterable[str | os.PathLike[str]] = (),
        progress: ProgressCallback | None = None,
        workers: str | None = None,
    ) -> IndexReport:
        """Index files, folders and globs; unchanged articles cost nothing, changed ones replace.

        With `prune`, articles whose files below `paths` are gone are removed, but for those of
        folders that are empty now (a disk may be missing): these with `emptied`. So are those of
        the files in `gone`. `workers` is the address of a Ray cluster that encodes: "ray" for this
        machine's, "ray://HOST:PORT" for another's. Raises ArchiveLockedError where another process
        is writing, WorkersError where the cluster cannot be had or fails.
        """
        from embeddings import catching_up
        from embeddings.indexing import index_paths

        if isinstance(paths, str | os.PathLike):
            paths = [paths]
        encoding = helped(self._prepare_encoder, self.directory, workers)
        with self._lock, self._writing(), encoding as encoder:
            check_source(self._store)
            report = index_paths(
                self._store,
                encoder,
                paths,
                prune=prune,
                emptied=emptied,
                gone=gone,
                progress=progress,
                committed=catching_up.Follower(self._store),
            )
            self._publish()
            if report.added or report.updated or report.removed:
                self._store.empty_log()
            if self._encoder is not None and (report.added or report.updated):
                with suppress(ArchiveLockedError), self._encoder_lock():
                    carry_encoder(self.directory, self._encoder)
            catching_up.catch_up(self._store)
            return report

    def remove(self, ids: Iterable[str] | str) -> int:
        """Remove articles by id; return how many there were."""
        from embeddings import catching_up

        ids = [ids] if isinstance(ids, str) else list(ids)
        with self._lock, self._writing():
            check_source(self._store)
            with self._store.transaction():
                count = self._store.remove_articles(ids)
            self._publish()
            self._store.empty_log()
            catching_up.catch_up(self._store)
            return count

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
        with self._turn():
            queries = self.understand(questions)
            if not queries or self._facts().is_empty:
                return [no_articles(query) for query in queries]
            encoder, reranker = self._load_encoder(), self._load_reranker()
        vectors = query_vectors(encoder, queries)  # side by side with other threads' questions

        def answers() -> list[Answer]:
            with self._agreed() as indices:
                line = Line(self._store, indices, encoder, reranker, max_error)
                asked = queries
                if indices.behind:
                    asked = [_noticed(query, BEHIND) for query in queries]
                return answer_queries(line, asked, vectors, k=k)

        with self._turn():
            try:
                return answers()
            except UnusableFilesError:  # damage shows when what is derived is used
                self._mend()
                return answers()

    def understand(self, questions: Sequence[str | Question]) -> list[Query]:
        """Return questions as they are searched, by the archive's outlets and dates.

        Raises UsageError for one that cannot be asked.
        """
        facts = self._facts()
        return [_understand(question, facts.outlets, facts.dates) for question in questions]

    def _load_reranker(self) -> Reranker | None:
        """Return the reranker, loaded once, or None where none is asked for."""
        if isinstance(self._reranker, str):
            self._reranker = open_reranker(self._reranker)
        return self._reranker

    # Upkeep

    def repair(self) -> list[str]:
        """Mend what can be made anew; return what was, in plain words.

        Derived files come from the articles, and damaged articles from the files that they were
        read from, where those are still there. Raises ArchiveLockedError as `add` does.
        """
        from embeddings import catching_up
        from embeddings.repair import repair

        with self._lock, self._writing():
            done = repair(self._store, self._prepare_encoder)
            if onnx.problems(self.directory):
                self._encoder = None
                with self._encoder_lock():
                    shutil.rmtree(self.directory / onnx.FOLDER)
                self._prepare_encoder()
                done.append("the encoder that the archive carries: made anew from its model")
            if problems(self._store):
                done.append("the search indices: made anew from the articles")
            self._publish(thorough=True)
            if catching_up.problems(self._store):
                catching_up.make_anew(self._store)
                done.append("the vectors in Milvus: made anew from the articles")
            return done


def _noticed(query: Query, notice: str) -> Query:
    """Return a query, and those that may take its place, with another notice."""
    alone = query.alone and _noticed(query.alone, notice)
    behind = query.behind and _noticed(query.behind, notice)
    return replace(query, notices=(*query.notices, notice), alone=alone, behind=behind)


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
