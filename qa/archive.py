"""THE QUESTION LINE: question -> query -> candidates -> ranking -> answer.

`Archive` is the one way in for the chat box, the command line, programs and the evaluation;
`ask()` is one line over it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from corpus.errors import ArchiveMismatchError, StorageError, UsageError
from corpus.records import Article, Passage
from embeddings.encoder import Encoder
from embeddings.encoders import carry_encoder, open_encoder
from embeddings.indexing import IndexReport, ProgressCallback, index_paths, mismatch
from embeddings.locking import writer_lock
from embeddings.store import DATABASE, Store
from qa.answer import build_answer
from qa.places import ARCHIVE_VARIABLE, default_archive
from qa.question import Limits, understand
from qa.records import Answer, History, Query, Question, Status

DEFAULT_K = 5
"""Citations in an answer."""

MOST_K = 50
"""Citations that may be asked for."""


class Archive:
    """A directory of articles that answers questions. Safe to use from several threads."""

    def __init__(self, store: Store, encoder: Encoder | None, model: str | None) -> None:
        self._store = store
        self._encoder = encoder
        self._model = model
        self._indices: Any = None
        self._lock = threading.RLock()

    # Opening

    @classmethod
    def open(
        cls,
        directory: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
        progress: ProgressCallback | None = None,
    ) -> Archive:
        """Open an archive; with no directory $QA_ARCHIVE, else the person's own, else the samples.

        `progress` is told of the samples' making, on their first use. Raises ArchiveMissingError
        where a named directory holds none, ArchiveMismatchError where it was made with another
        model.
        """
        if directory is None:
            place = default_archive()
            if not (place / DATABASE).is_file() and not os.environ.get(ARCHIVE_VARIABLE):
                from qa.samples import open_samples

                return open_samples(encoder=encoder, progress=progress)
            directory = place
        return cls._checked(Store(Path(directory)), model, encoder)

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        model: str | None = None,
        encoder: Encoder | None = None,
    ) -> Archive:
        """Open the archive in a directory, making both where they do not exist."""
        place = Path(directory)
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
        asked = encoder.settings.model if encoder is not None else model
        if stored is not None and asked is not None and stored.model != asked:
            store.close()
            raise ArchiveMismatchError(mismatch(store, stored.model, asked))
        return cls(store, encoder, stored.model if stored else model)

    @property
    def directory(self) -> Path:
        """Return the archive's directory."""
        return self._store.directory

    @property
    def is_samples(self) -> bool:
        """Tell whether this is the shipped sample collection."""
        return bool(self._store.setting("samples"))

    def mark_samples(self) -> None:
        """Record that this archive is the shipped sample collection, and complete."""
        with self._lock, self._store.transaction():
            self._store.set_samples()
        self._refresh(may_write=True)

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
        progress: ProgressCallback | None = None,
    ) -> IndexReport:
        """Index files, folders and globs; unchanged articles cost nothing, changed ones replace.

        With `prune`, articles whose files below `paths` are gone are removed. Raises
        ArchiveLockedError where another process is writing.
        """
        if isinstance(paths, str | os.PathLike):
            paths = [paths]
        with self._lock, writer_lock(self.directory):
            report = index_paths(
                self._store, self._load_encoder, paths, prune=prune, progress=progress
            )
            if report.added or report.updated or report.removed or self._indices is None:
                self._refresh(may_write=True)
            if self._encoder is not None and (report.added or report.updated):
                carry_encoder(self.directory, self._encoder)
            return report

    def remove(self, ids: Iterable[str]) -> int:
        """Remove articles by id; return how many there were."""
        with self._lock, writer_lock(self.directory):
            with self._store.transaction():
                count = self._store.remove_articles(ids)
            self._refresh(may_write=True)
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
    ) -> Answer:
        """Answer one question.

        `history` holds the turns before it; `sources`, `since` and `until` (ISO dates, inclusive)
        narrow the articles; `asked` is the day of asking, for "last week". Raises UsageError for a
        question or a limit that cannot be used.
        """
        entry = Question(
            question=question,
            history=history,
            sources=[sources] if isinstance(sources, str) else sources,
            since=since,
            until=until,
            asked=asked,
        )
        return self.ask_many([entry], k=k)[0]

    def ask_many(self, questions: Sequence[str | Question], *, k: int = DEFAULT_K) -> list[Answer]:
        """Answer several questions, encoded together; the answers come in the same order."""
        if not 1 <= k <= MOST_K:
            raise UsageError(f"k={k} citations cannot be given: ask for 1 to {MOST_K}")
        with self._lock:
            outlets = [name for name, _ in self._store.sources()]
            queries = [_understand(question, outlets) for question in questions]
            if not self._store.counts()["passages"]:
                return [_empty(query) for query in queries]
            return self._answer(queries, k)

    def _answer(self, queries: Sequence[Query], k: int) -> list[Answer]:
        """Take queries down the line."""
        from qa.confidence import confidence, threshold
        from qa.ranking import rank
        from qa.retrieval import retrieve

        encoder = self._load_encoder()
        with self._store.snapshot():
            self._refresh(may_write=False)
            articles = self._store.counts()["articles"]
            answers = []
            for candidates in retrieve(self._store, self._indices, encoder, queries):
                ranked = rank(candidates)
                answers.append(
                    build_answer(
                        candidates.query,
                        ranked,
                        confidence=confidence(candidates, ranked),
                        threshold=threshold(),
                        articles=articles,
                        k=k,
                    )
                )
            return answers

    def _load_encoder(self) -> Encoder:
        """Return the encoder, loaded once, checked against the archive's vectors."""
        with self._lock:
            if self._encoder is None:
                self._encoder = open_encoder(self.directory, self._store.encoder, self._model)
            stored = self._store.encoder
            if stored is not None and stored != self._encoder.settings:
                raise ArchiveMismatchError(
                    mismatch(self._store, stored.model, self._encoder.settings.model)
                )
            return self._encoder

    def _refresh(self, *, may_write: bool) -> None:
        """Bring the search indices to the store's generation."""
        from embeddings.derived import open_indices

        if self._indices is None or self._indices.generation != self._store.generation:
            self._indices = open_indices(self._store, may_write=may_write)

    # What is in it

    def article(self, article_id: str) -> Article:
        """Return an article by its id. Raises UsageError where there is none of that id."""
        with self._lock:
            article = self._store.article(article_id)
        if article is None:
            raise UsageError(f"no article has the id {article_id!r}: `qa export` lists them all")
        return article

    def articles(self) -> Iterator[Article]:
        """Yield all articles, oldest entry first."""
        for _, article in self._store.articles():
            yield article

    def passages(self) -> Iterator[Passage]:
        """Yield all passages, article by article."""
        ids = {key: article.id for key, article in self._store.articles()}
        for stored in self._store.passages():
            yield Passage(
                ids[stored.article],
                stored.n,
                stored.span.start,
                stored.span.end,
                stored.sentences,
                stored.tokens,
            )

    def has(self, article_id: str) -> bool:
        """Tell whether an article of this id is in the archive."""
        with self._lock:
            return self._store.article(article_id) is not None

    def export_articles(self) -> Iterator[dict[str, Any]]:
        """Yield every article as plain JSON types, in the format that `add` reads."""
        for article in self.articles():
            record = asdict(article)
            del record["kept"]
            yield record | {"authors": list(article.authors), "clean_text": article.clean_text}

    def export_passages(self) -> Iterator[dict[str, Any]]:
        """Yield every passage as article id, offsets and text."""
        articles = dict(self._store.articles())
        for stored in self._store.passages():
            article = articles[stored.article]
            yield {
                "article": article.id,
                "start": stored.span.start,
                "end": stored.span.end,
                "text": stored.span.of(article.text),
            }

    def status(self) -> Status:
        """Return what the archive holds."""
        with self._lock:
            counts, encoder = self._store.counts(), self._store.encoder
            first, last = self._store.dates()
            return Status(
                directory=str(self.directory),
                articles=counts["articles"],
                passages=counts["passages"],
                sources=tuple(self._store.sources()),
                first=first,
                last=last,
                model=encoder.model if encoder else None,
                model_digest=encoder.digest if encoder else None,
                dimension=encoder.dimension if encoder else None,
                generation=self._store.generation,
                bytes=sum(f.stat().st_size for f in self.directory.rglob("*") if f.is_file()),
            )

    def verify(self) -> list[str]:
        """Check every byte and offset; return the problems in plain words, or none."""
        from embeddings.verification import verify

        with self._lock:
            return verify(self._store)


def ask(
    question: str,
    *,
    archive: Archive | str | os.PathLike[str] | None = None,
    **options: Any,
) -> Answer:
    """Answer a question from an archive: one given, $QA_ARCHIVE, the default one, or the samples.

    The options are those of `Archive.ask`. An archive given by its directory stays open for the
    next call.
    """
    return _opened(archive).ask(question, **options)


_open_archives: dict[str, Archive] = {}


def _opened(archive: Archive | str | os.PathLike[str] | None) -> Archive:
    if isinstance(archive, Archive):
        return archive
    key = "" if archive is None else str(Path(archive).absolute())
    key += "|" + str(default_archive() if archive is None else "")
    if key not in _open_archives:
        _open_archives[key] = Archive.open(archive)
    return _open_archives[key]


def _understand(question: str | Question | Mapping[str, Any], outlets: Sequence[str]) -> Query:
    if isinstance(question, str):
        return understand(question, outlets=outlets)
    sources = tuple(question.get("sources") or ())
    limits = Limits(sources, question.get("since"), question.get("until"))
    return understand(
        question["question"],
        history=question.get("history") or (),
        limits=limits,
        outlets=outlets,
        asked=question.get("asked"),
    )


def _empty(query: Query) -> Answer:
    return build_answer(query, [], confidence=0.0, threshold=1.0, articles=0, k=1)
