"""What an archive holds: articles and their versions, passages, counts; and whether it is whole."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import UsageError
from corpus.records import Article, Passage
from embeddings.derived import published_generation
from embeddings.durable import bytes_below
from embeddings.encoder import EncoderSettings
from embeddings.locations import locate
from embeddings.rows import StoredPassage, Version
from embeddings.store import Store
from qa.exporting import article_record, passage_records
from qa.records import Status
from qa.shared import home_of

PORTION = 64
"""Articles that are read at a time when all are read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What questions need to know of an archive as one commit left it."""

    commit: str
    outlets: tuple[str, ...]
    dates: tuple[str | None, str | None]
    is_empty: bool
    encoder: EncoderSettings | None


class Holdings:
    """The part of an archive that is looked into. Safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._known: Facts | None = None

    @property
    def directory(self) -> Path:
        """Return the archive's folder on this machine; a shared one has what is derived there."""
        return self._store.directory

    @property
    def home(self) -> Path:
        """Return the folder for what people give the archive here."""
        return home_of(self._store)

    @property
    def address(self) -> str:
        """Return where the archive is: its directory, or an address without a password."""
        if self._store.vector_engine is not None:
            return str(locate(self._store.vector_engine))
        return self._store.place if self._store.is_shared else str(self.directory)

    def _facts(self) -> Facts:
        """Return what the last commit left; it is read once a commit. The caller has its turn."""
        store, known = self._store, self._known
        commit = store.commit
        if known is None or not commit or known.commit != commit:
            outlets = tuple([name for name, _ in store.sources()])
            known = Facts(commit, outlets, store.dates(), store.is_empty, store.encoder)
            self._known = known
        return known

    def article(self, article_id: str, version: int | None = None) -> Article:
        """Return an article by its id, as it is or as an earlier version.

        Raises UsageError where there is none of that id or version.
        """
        with self._lock, self._store.snapshot():
            article = self._store.article(article_id)
            if article is not None and version not in {None, article.version}:
                earlier = (item.article for item in self._store.versions(article_id))
                article = next((item for item in earlier if item.version == version), None)
        if article is None:
            what = f"version {version} of {article_id!r}" if version else f"the id {article_id!r}"
            raise UsageError(f"no article has {what}: `qa export` lists them all")
        return article

    def versions(self, article_id: str) -> list[Version]:
        """Return the earlier versions of an article, oldest first, each with its end."""
        with self._lock:
            return self._store.versions(article_id)

    def articles(self) -> Iterator[Article]:
        """Yield all articles, oldest entry first; what changes meanwhile may be in or out."""
        for article, _ in self._contents():
            yield article

    def passages(self) -> Iterator[Passage]:
        """Yield all passages, article by article."""
        for article, stored in self._contents():
            for item in stored:
                start, end = item.span.start, item.span.end
                yield Passage(article.id, item.n, start, end, item.sentences, item.tokens)

    def _contents(self) -> Iterator[tuple[Article, list[StoredPassage]]]:
        """Yield each article with its passages; a few articles are read at a time."""
        with self._lock:
            keys = [key for _, key in self._store.article_ids()]
        for at in range(0, len(keys), PORTION):
            portion = keys[at : at + PORTION]
            with self._lock, self._store.snapshot():
                articles = self._store.articles_by_key(portion)
                passages = self._store.passages_of(portion)
            for key in filter(articles.__contains__, portion):
                yield articles[key], [item for item in passages if item.article == key]

    def has(self, article_id: str) -> bool:
        """Tell whether an article of this id is in the archive."""
        with self._lock:
            return self._store.article(article_id) is not None

    def export_articles(self) -> Iterator[dict[str, Any]]:
        """Yield every article as plain JSON types, in the format that `add` reads."""
        return map(article_record, self.articles())

    def export_passages(self) -> Iterator[dict[str, Any]]:
        """Yield every passage as article id, offsets and text."""
        for article, stored in self._contents():
            yield from passage_records(article, stored)

    def status(self) -> Status:
        """Return what the archive holds."""
        with self._lock:
            counts, encoder = self._store.counts(), self._store.encoder
            first, last = self._store.dates()
            return Status(
                directory=self.address,
                articles=counts["articles"],
                passages=counts["passages"],
                sources=tuple(self._store.sources()),
                first=first,
                last=last,
                model=encoder.model if encoder else None,
                model_digest=encoder.digest if encoder else None,
                dimension=encoder.dimension if encoder else None,
                generation=self._store.generation,
                bytes=bytes_below(self.directory) + self._store.bytes_elsewhere(),
                corrections=self._store.corrections()[0],
                corrected=self._store.corrections()[1],
                spare_vectors=self._store.spare_vectors(),
                searchable=published_generation(self._store),
            )

    def verify(self) -> list[str]:
        """Check every byte and offset; return the problems in plain words, or none."""
        from embeddings.verification import verify

        with self._lock:
            return verify(self._store)
