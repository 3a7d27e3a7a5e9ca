"""THE ARTICLE LINE: find -> read -> clean -> split -> encode -> commit.

Only this module knows the order. Work is committed a window at a time, so whatever stops a run
keeps every finished window, and the next run goes on behind it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from corpus.cleaning import clean
from corpus.errors import ArchiveMismatchError
from corpus.passages import SPLITTER_VERSION, PassageSettings, split_passages
from corpus.readers import READER_VERSION, FoundFiles, find_files, read_file
from corpus.records import Article, Failure, Passage, SourceFile, Span
from embeddings.encoder import WINDOW, Encoder, PassageText, PassageVectors, file_sha256
from embeddings.store import EncodedPassage, Store

EncoderSource = Callable[[], Encoder]
"""Returns the encoder, loading it when it is first called."""


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """Where a run stands: files read, passages encoded, and how many there may be in all."""

    files: int
    total_files: int
    passages: int
    total_passages: int


ProgressCallback = Callable[[IndexProgress], None]


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run did, in articles; `passages` counts those that the archive holds afterwards."""

    added: int
    updated: int
    unchanged: int
    removed: int
    passages: int
    failed: tuple[Failure, ...]
    warnings: tuple[str, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types, with the names of the contract."""
        counts = asdict(self)
        counts["failed"] = [asdict(failure) for failure in self.failed]
        counts["warnings"] = list(self.warnings)
        counts["seconds"] = round(self.seconds, 3)
        return counts


@dataclass(slots=True)
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    encoded: int = 0
    failed: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Window:
    """Articles that wait to be encoded and committed together, and files that end with them."""

    articles: list[tuple[Article, list[Passage]]] = field(default_factory=list)
    files: list[tuple[str, str, list[str]]] = field(default_factory=list)
    passages: int = 0


def index_paths(
    store: Store,
    encoder: EncoderSource,
    paths: Iterable[str | os.PathLike[str]],
    *,
    prune: bool = False,
    progress: ProgressCallback | None = None,
) -> IndexReport:
    """Bring the articles under `paths` into the store; unchanged ones cost no encoding.

    With `prune`, articles that came from below `paths` and are no longer there are removed. A file
    that cannot be read is reported and stops nothing; what it held before is kept.
    """
    return _Run(store, encoder, progress).run([os.fspath(path) for path in paths], prune=prune)


class _Run:
    """One pass over some paths."""

    def __init__(
        self, store: Store, encoder: EncoderSource, progress: ProgressCallback | None
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._progress = progress
        self._known_files = store.files()
        self._digests = store.article_digests()
        self._seen: dict[str, str] = {}
        self._window = _Window()
        self._tally = _Tally()

    def run(self, paths: Sequence[str], *, prune: bool) -> IndexReport:
        started = time.perf_counter()
        found = find_files(paths)
        self._tally.failed.extend(found.failures)
        for done, path in enumerate(found.files, start=1):
            self._take_file(path)
            self._report(done, len(found.files))
            if self._window.passages >= WINDOW:
                self._flush(done, len(found.files))
        self._flush(len(found.files), len(found.files))
        if prune:
            self._prune(paths, found)
        tally = self._tally
        return IndexReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            removed=tally.removed,
            passages=self._store.counts()["passages"],
            failed=tuple(tally.failed),
            warnings=tuple(tally.warnings),
            seconds=time.perf_counter() - started,
        )

    def _take_file(self, path: Path) -> None:
        """Read one file unless it is known byte for byte."""
        known = self._known_files.get(str(path))
        if known is not None and known[0] == _stamp(_digest_of(path)):
            self._keep(known[1])
            return
        source = read_file(path)
        self._tally.failed.extend(source.failures)
        self._tally.warnings.extend(f"{path}: {warning}" for warning in source.warnings)
        taken = [self._take_article(article) for article in self._named(source)]
        ids = [article_id for article_id in taken if article_id is not None]
        if taken and len(ids) == len(taken) and not source.failures:
            earlier = [] if known is None else [i for i in known[1] if i not in set(ids)]
            self._window.files.append((str(path), _stamp(source.digest), ids + earlier))

    def _keep(self, ids: Iterable[str]) -> None:
        for article_id in ids:
            if article_id in self._digests:
                self._seen.setdefault(article_id, self._digests[article_id])
                self._tally.unchanged += 1

    def _named(self, source: SourceFile) -> Iterator[Article]:
        """Yield the file's articles, cleaned, each under an id of its own.

        Two files of one run may claim one id with different texts (two saves of one page): the
        later one then goes by its path, so that neither is lost and a second run changes nothing.
        """
        for number, article in enumerate(map(clean, source.articles), start=1):
            if self._seen.get(article.id, article.digest) == article.digest:
                yield article
            else:
                yield replace(article, id=f"{source.path}#{number}")

    def _take_article(self, article: Article) -> str | None:
        """Queue an article that is new or changed; return its id, or None where it has no text."""
        if self._seen.get(article.id) == article.digest:
            self._tally.warnings.append(f"{article.path}: the same article twice: {article.id}")
            return article.id
        self._seen[article.id] = article.digest
        if self._digests.get(article.id) == article.digest:
            self._tally.unchanged += 1
            return article.id
        encoder = self._encoder()
        settings = PassageSettings(encoder.settings.max_tokens)
        passages = split_passages(article, settings, encoder.count_tokens)
        if not passages:
            self._tally.failed.append(
                Failure(article.path or article.id, f"no text to index in {article.id}")
            )
            return None
        self._window.articles.append((article, passages))
        self._window.passages += len(passages)
        return article.id

    def _flush(self, files: int, total_files: int) -> None:
        """Encode the window's passages and commit its articles and files."""
        window, self._window = self._window, _Window()
        if not window.articles and not window.files:
            return
        for articles in _portions(window.articles):
            encoded = self._encode(articles, files, total_files)
            with self._store.transaction():
                self._record_settings()
                for article, passages in encoded:
                    self._count(article.id)
                    self._store.put_article(article, passages)
                    self._digests[article.id] = article.digest
        with self._store.transaction():
            for path, digest, ids in window.files:
                self._store.put_file(path, digest, ids)

    def _record_settings(self) -> None:
        settings = self._encoder().settings
        stored = self._store.encoder
        if stored is None:
            self._store.set_encoder(settings)
            self._store.set_splitter(SPLITTER_VERSION)
        elif stored != settings:
            raise ArchiveMismatchError(mismatch(self._store, stored.model, settings.model))

    def _encode(
        self, articles: Sequence[tuple[Article, list[Passage]]], files: int, total_files: int
    ) -> list[tuple[Article, list[EncodedPassage]]]:
        """Return the articles with vectors; those that the store has are not computed again."""
        texts = [
            _text_of(article, passage) for article, passages in articles for passage in passages
        ]
        keys = [text.key for text in texts]
        stored = self._store.has_vectors(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in stored}
        vectors: dict[bytes, PassageVectors] = {}
        if new:
            names = list(new)
            for index, found in self._encoder().encode_passages(list(new.values())):
                vectors[names[index]] = found
                self._tally.encoded += 1
                self._report(files, total_files, waiting=len(new) - len(vectors))
        waiting = iter(keys)
        return [
            (article, [_encoded(passage, next(waiting), vectors) for passage in passages])
            for article, passages in articles
        ]

    def _count(self, article_id: str) -> None:
        if article_id in self._digests:
            self._tally.updated += 1
        else:
            self._tally.added += 1

    def _report(self, files: int, total_files: int, waiting: int = 0) -> None:
        """Tell the caller how far it is; the total is estimated from the files read so far."""
        if self._progress is None:
            return
        known = self._tally.encoded + waiting + self._window.passages
        total = max(known, round(known * total_files / max(files, 1)))
        self._progress(IndexProgress(files, total_files, self._tally.encoded, total))

    def _prune(self, paths: Sequence[str], found: FoundFiles) -> None:
        """Remove the articles of files below `paths` that are gone, and of rows that are gone."""
        roots = [Path(path).expanduser().resolve() for path in paths]
        present = {str(path) for path in found.files}
        gone = [
            path
            for path in self._known_files
            if path not in present and any(Path(path).is_relative_to(root) for root in roots)
        ]
        ids = [article_id for path in gone for article_id in self._known_files[path][1]]
        ids += [
            article_id
            for path, (_, articles) in self._store.files().items()
            if path in present
            for article_id in articles
        ]
        stale = [article_id for article_id in dict.fromkeys(ids) if article_id not in self._seen]
        if gone or stale:
            with self._store.transaction():
                self._tally.removed += self._store.remove_articles(stale)
                self._store.remove_files(gone)


def mismatch(store: Store, stored: str, asked: str) -> str:
    """Return the message for an archive that holds another model's vectors."""
    return (
        f"the archive in {store.directory} was made with the model {stored!r} and {asked!r} was"
        f" asked for, or its files differ: use `--model {stored}`,"
        " or index into a new folder with the other model"
    )


def _portions(
    articles: Sequence[tuple[Article, list[Passage]]],
) -> Iterator[list[tuple[Article, list[Passage]]]]:
    """Cut a window into runs of articles of some WINDOW passages each."""
    portion: list[tuple[Article, list[Passage]]] = []
    size = 0
    for article, passages in articles:
        portion.append((article, passages))
        size += len(passages)
        if size >= WINDOW:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _text_of(article: Article, passage: Passage) -> PassageText:
    sentences = tuple(
        Span(span.start - passage.start, span.end - passage.start) for span in passage.sentences
    )
    return PassageText(article.title, passage.span.of(article.text), sentences)


def _encoded(passage: Passage, key: bytes, vectors: dict[bytes, PassageVectors]) -> EncodedPassage:
    return EncodedPassage(passage, key, vectors.get(key))


def _digest_of(path: Path) -> str:
    """Return a file's SHA-256 hex digest, or "" where it cannot be read: the reader says why."""
    try:
        return file_sha256(path)
    except OSError:
        return ""


def _stamp(digest: str) -> str:
    """Return what a file's record must equal for the file to be passed over."""
    return f"{digest}:{READER_VERSION}:{SPLITTER_VERSION}"
