"""THE ARTICLE LINE: find -> read -> clean -> split -> encode -> commit.

Only this module knows the order. Work is committed a window at a time, so whatever stops a run
keeps every finished window, and the next run goes on behind it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corpus.cleaning import clean
from corpus.readers import READER_VERSION, FoundFiles, find_files, read_file
from corpus.records import Article, Failure, SourceFile
from embeddings import onnx
from embeddings.encoder import WINDOW, file_sha256
from embeddings.generations import DERIVED
from embeddings.locking import HOLDER, LOCK
from embeddings.missing import gone_files
from embeddings.remembered import Remembered
from embeddings.reports import IndexProgress, IndexReport, ProgressCallback
from embeddings.rows import FileRecord
from embeddings.schema import DATABASE, REPLICA
from embeddings.store import Store
from embeddings.writing import ArticleWriter, EncoderSource, SplitArticle

OWN_FILES = frozenset({LOCK, HOLDER, DERIVED, onnx.FOLDER, REPLICA}) | {
    DATABASE + end for end in ("", "-wal", "-shm", "-journal")
}
"""What an archive keeps in its directory: no articles, though some of it is JSON."""


LONGEST_SHARED = 2_000
"""Bytes of an id and of an outlet in a shared archive: PostgreSQL's indices take some 2,700."""


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
    """Articles that wait to be encoded and committed together, and files that end with them.

    `committed` counts the articles that are.
    """

    articles: list[SplitArticle] = field(default_factory=list)
    files: list[tuple[str, FileRecord]] = field(default_factory=list)
    moved: list[Article] = field(default_factory=list)
    committed: int = 0

    @property
    def passages(self) -> int:
        return sum(len(item.passages) for item in self.articles)


def index_paths(
    store: Store,
    encoder: EncoderSource,
    paths: Iterable[str | os.PathLike[str]],
    *,
    prune: bool = False,
    emptied: bool = False,
    gone: Iterable[str | os.PathLike[str]] = (),
    progress: ProgressCallback | None = None,
    committed: Callable[[], None] = lambda: None,
) -> IndexReport:
    """Bring the articles under `paths` into the store; unchanged ones cost no encoding.

    With `prune`, articles that came from below `paths` and are no longer there are removed, but for
    those of folders that are empty now: these with `emptied`. So are those of the files and folders
    in `gone`. A file that cannot be read is reported and stops
    nothing; what it held before is kept. `committed` is called after each window's commits. The
    caller holds the archive's lock.
    """
    run = _Run(store, encoder, progress, committed)
    wanted, lost = ([os.fspath(path) for path in places] for places in (paths, gone))
    return run.run(wanted, prune=prune or emptied, emptied=emptied, gone=lost)


class _Run:
    """One pass over some paths."""

    def __init__(
        self,
        store: Store,
        encoder: EncoderSource,
        progress: ProgressCallback | None,
        committed: Callable[[], None],
    ) -> None:
        self._store = store
        self._committed = committed
        self._writer = ArticleWriter(store, encoder, self._note_encoded)
        self._progress = progress
        self._known_files = Remembered(store.file)
        self._digests = Remembered(store.article_digest)
        self._owners: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._unread: set[str] = set()
        self._window = _Window()
        self._closed: deque[_Window] = deque()
        self._tally = _Tally()
        self._files = (0, 0)

    def run(
        self, paths: Sequence[str], *, prune: bool, emptied: bool, gone: Sequence[str]
    ) -> IndexReport:
        started = time.perf_counter()
        if resplit := self._writer.resplit():
            self._tally.warnings.append(
                f"{resplit} articles were cut into passages or encoded anew, by newer rules"
            )
        found = _without_archives(find_files(paths))
        self._tally.failed.extend(found.failures)
        self._note_owners(found)
        for done, path in enumerate(found.files, start=1):
            self._files = (done, len(found.files))
            self._take_file(path)
            self._report()
            if self._window.passages >= WINDOW:
                self._flush()
        self._flush()
        self._note_committed(self._writer.finish())
        if prune:
            self._prune(paths, found, emptied=emptied)
        if gone:
            self._prune(gone, FoundFiles(), emptied=True)
        return self._reported(time.perf_counter() - started)

    def _reported(self, seconds: float) -> IndexReport:
        tally = self._tally
        return IndexReport(
            added=tally.added,
            updated=tally.updated,
            unchanged=tally.unchanged,
            removed=tally.removed,
            passages=self._store.counts()["passages"],
            failed=tuple(tally.failed),
            warnings=(*tally.warnings, *self._writer.notes),
            seconds=seconds,
        )

    def _note_owners(self, found: FoundFiles) -> None:
        """Note which file of this run each stored id came from."""
        for path in map(str, found.files):
            for article_id in self._known_files.get(path, FileRecord("")).articles:
                self._owners.setdefault(article_id, path)

    def _take_file(self, path: Path) -> None:
        """Read one file unless it is known byte for byte and all its articles are still there.

        What could not be read of a known file is told again without reading it again.
        """
        known = self._known_files.get(str(path), FileRecord(""))
        if known.stamp == _stamp(_digest_of(path)) and all(
            i in self._digests for i in known.articles
        ):
            for article_id in known.articles:
                self._seen.setdefault(article_id, self._digests[article_id])
            self._tally.unchanged += len(known.articles)
            self._tally.failed.extend(known.failures)
            if known.failures:
                self._unread.add(str(path))
            return
        source = read_file(path)
        self._tally.warnings.extend(f"{path}: {warning}" for warning in source.warnings)
        before = len(self._tally.failed)
        self._tally.failed.extend(source.failures)
        taken = [self._take_article(article) for article in self._named(source)]
        ids = [article_id for article_id in taken if article_id is not None]
        failures = tuple(self._tally.failed[before:])
        if failures:  # what the file held before is kept
            self._unread.add(str(path))
            ids += [i for i in known.articles if i in self._digests]
        if not source.digest or any(failure.passing for failure in failures):
            return
        earlier = [i for i in (*known.articles, *known.earlier) if i in self._digests]
        self._window.files.append(
            (
                str(path),
                FileRecord(
                    stamp=_stamp(source.digest),
                    articles=tuple(dict.fromkeys(ids)),
                    earlier=tuple(i for i in dict.fromkeys(earlier) if i not in set(ids)),
                    failures=failures,
                ),
            )
        )

    def _named(self, source: SourceFile) -> Iterator[Article]:
        """Yield the file's articles, cleaned, each under an id of its own."""
        for number, article in enumerate(map(clean, source.articles), start=1):
            alias = f"{source.path}#{number}"
            yield replace(article, id=alias) if self._is_taken(article, source, alias) else article

    def _is_taken(self, article: Article, source: SourceFile, alias: str) -> bool:
        """Tell whether another file holds the id with another text: the article goes by `alias`.

        Two files may claim one id (two saves of one page): the later one goes by its path, so that
        neither is lost and a second run changes nothing. A file that is indexed by itself, later,
        replaces instead: that is how an article is updated.
        """
        seen, stored = self._seen.get(article.id), self._digests.get(article.id)
        if article.digest in (seen, stored):
            return seen not in (None, article.digest)
        known = self._known_files.get(source.path, FileRecord(""))
        owner = self._owners.get(article.id, source.path)
        aliased = stored is not None and alias in known.articles
        return aliased or seen is not None or (stored is not None and owner != source.path)

    def _take_article(self, article: Article) -> str | None:
        """Queue an article that is new or changed; return its id, or None where it is refused."""
        if self._store.is_shared and _is_too_long(article.id, article.source or ""):
            reason = f"its id or its outlet has more than {LONGEST_SHARED:,} bytes"
            self._tally.failed.append(Failure(article.path or article.id[:80], reason))
            return None
        if self._seen.get(article.id) == article.digest:
            self._tally.warnings.append(f"{article.path}: the same article twice: {article.id}")
            return article.id
        self._seen[article.id] = article.digest
        if self._digests.get(article.id) == article.digest:
            self._tally.unchanged += 1
            self._note_move(article)
            return article.id
        split = self._writer.split(article)
        if not split.passages:
            self._tally.failed.append(
                Failure(article.path or article.id, f"no text to index in {article.id}")
            )
            return None
        self._window.articles.append(split)
        return article.id

    def _note_move(self, article: Article) -> None:
        """Queue an unchanged article whose file has another name now and the old one is gone."""
        stored = self._store.article(article.id)
        if stored and stored.path != article.path and not (stored.path and _exists(stored.path)):
            self._window.moved.append(article)

    def _flush(self) -> None:
        """Encode the window's articles; commit what is ready, this window or those before it."""
        self._closed.append(self._window)
        articles, self._window = self._window.articles, _Window()
        self._note_committed(self._writer.write(articles))

    def _note_committed(self, portions: Iterable[Sequence[Article]]) -> None:
        """Count what was committed; where a window is complete, note its files."""
        for committed in portions:
            for article in committed:
                known = article.id in self._digests
                self._tally.updated += known
                self._tally.added += not known
                self._digests[article.id] = article.digest
            self._closed[0].committed += len(committed)
            self._note_files()
        self._note_files()
        self._committed()

    def _note_files(self) -> None:
        """Note the files of the windows whose articles are all committed."""
        while self._closed and self._closed[0].committed == len(self._closed[0].articles):
            window = self._closed.popleft()
            if window.files or window.moved:
                with self._store.transaction():
                    for article in window.moved:
                        self._store.replace_record(article)
                    for path, record in window.files:
                        self._store.put_file(path, record)

    def _note_encoded(self, waiting: int) -> None:
        self._tally.encoded += 1
        self._report(waiting)

    def _report(self, waiting: int = 0) -> None:
        """Tell the caller how far it is; the total is estimated from the files read so far."""
        if self._progress is None:
            return
        files, total_files = self._files
        known = self._tally.encoded + waiting + self._window.passages
        total = max(known, round(known * total_files / max(files, 1)))
        self._progress(IndexProgress(files, total_files, self._tally.encoded, total))

    def _prune(self, paths: Sequence[str], found: FoundFiles, *, emptied: bool) -> None:
        """Remove the articles of files below `paths` that are gone, and of rows that are gone."""
        records = self._store.files()
        present = {str(path) for path in found.files}
        gone, kept_all_the_same = gone_files(records, paths, found, emptied=emptied)
        self._tally.warnings.extend(kept_all_the_same)
        listed = [path for path in records if path in gone or path in present - self._unread]
        ids = [i for path in listed for i in (*records[path].articles, *records[path].earlier)]
        kept = {i for path in records.keys() - {*listed} for i in records[path].articles}
        stale = [i for i in dict.fromkeys(ids) if i not in self._seen and i not in kept]
        if gone or stale:
            with self._store.transaction():
                self._tally.removed += self._store.remove_articles(stale)
                self._store.remove_files(gone)
                for path in set(listed) - gone:
                    self._store.put_file(path, replace(records[path], earlier=()))


def _is_too_long(*texts: str) -> bool:
    """Tell whether a text has more bytes than an index of a shared archive takes."""
    return any(len(text.encode("utf-8", "surrogatepass")) > LONGEST_SHARED for text in texts)


def _without_archives(found: FoundFiles) -> FoundFiles:
    """Leave out the files that archives are made of."""
    return replace(found, files=tuple(path for path in found.files if not is_own(path)))


def is_own(path: Path) -> bool:
    """Tell whether a file is part of an archive, this one or another."""
    return any(
        part in OWN_FILES
        and any(Path(*path.parts[:depth], mark).is_file() for mark in (DATABASE, REPLICA))
        for depth, part in enumerate(path.parts)
    )


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _digest_of(path: Path) -> str:
    """Return a file's SHA-256 hex digest, or "" where it cannot be read: the reader says why."""
    try:
        return file_sha256(path)
    except OSError:
        return ""


def _stamp(digest: str) -> str:
    """Return what a file's record must equal for the file to be passed over."""
    return f"{digest}:{READER_VERSION}"
