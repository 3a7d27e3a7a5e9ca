"""An archive that watches its folders: what changes is indexed, and nothing else is touched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from watchfiles import Change

from corpus.errors import UnreachableError, UsageError
from embeddings.locking import writer_lock
from embeddings.reports import IndexReport
from qa import watching
from qa.archive import Archive
from qa.watching import keep_in_step
from tests.archives import ROOT
from tests.fakes import HashingEncoder, stories, write_articles

PATIENCE = 20.0
"""Seconds to wait for a change to be noticed on a busy machine."""


class Watched:
    """A folder that an archive follows in a thread; `next` waits for the next step's report."""

    def __init__(self, folder: Path) -> None:
        self.news = folder / "news"
        self.news.mkdir(exist_ok=True)
        self.encoder = HashingEncoder()
        self.directory = folder / "archive"
        self._reports: Queue[IndexReport | BaseException] = Queue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def write(self, name: str, n: int, **more: object) -> Path:
        (self.news / name).parent.mkdir(exist_ok=True)
        return write_articles(self.news / name, [stories(1, first=n)[0] | more])

    def next(self) -> tuple[int, int, int, int]:
        report = self._reports.get(timeout=PATIENCE)
        assert isinstance(report, IndexReport), report
        return report.added, report.updated, report.removed, len(report.failed)

    def ids(self) -> set[str]:
        with Archive.open(self.directory, encoder=HashingEncoder()) as archive:
            return {article.id for article in archive.articles()}

    def close(self) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with Archive.create(self.directory, encoder=self.encoder) as archive:
                for report in keep_in_step(archive, [self.news], stop=self._stop):
                    self._reports.put(report)
        except BaseException as error:
            self._reports.put(error)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "news").mkdir()
    write_articles(tmp_path / "news" / "old.jsonl", stories(5))
    watched = Watched(tmp_path)
    assert watched.next() == (5, 0, 0, 0)
    yield watched
    watched.close()


def test_one_change_costs_one_article(watched: Watched) -> None:
    """A new file, a changed one and a deleted one are followed; only their articles are encoded."""
    before = watched.encoder.passages_encoded
    watched.write("a.jsonl", 7)
    assert watched.next() == (1, 0, 0, 0)
    assert watched.encoder.passages_encoded == before + 1
    watched.write("a.jsonl", 7, text="The bridge in ward 7 stays open after all, officials said.")
    assert watched.next() == (0, 1, 0, 0)
    assert watched.encoder.passages_encoded == before + 2
    (watched.news / "a.jsonl").unlink()
    assert watched.next() == (0, 0, 1, 0)
    assert watched.ids() == {f"story-{n}" for n in range(5)}
    assert watched.encoder.passages_encoded == before + 2


def test_moves_and_folders_are_followed(watched: Watched) -> None:
    """A folder counts with all that is in it; a renamed file costs nothing."""
    elsewhere = watched.news.parent / "elsewhere"
    elsewhere.mkdir()
    write_articles(elsewhere / "b.jsonl", stories(2, first=10))
    elsewhere.rename(watched.news / "more")
    assert watched.next() == (2, 0, 0, 0)
    encoded = watched.encoder.passages_encoded
    (watched.news / "old.jsonl").rename(watched.news / "new.jsonl")
    (watched.news / "more" / "b.jsonl").unlink()
    assert watched.next() == (0, 0, 2, 0)
    assert watched.ids() == {f"story-{n}" for n in range(5)}
    assert watched.encoder.passages_encoded == encoded


def test_what_is_no_article_is_passed_over(watched: Watched) -> None:
    """Hidden files, other formats and links out bring nothing; a bad file is named and no more."""
    (watched.news / ".hidden.txt").write_text("Words of news that nobody is to see.", "utf-8")
    (watched.news / "picture.png").write_bytes(b"\x89PNG")
    (watched.news / "out.txt").symlink_to(__file__)
    (watched.news / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    assert watched.next() == (0, 0, 0, 1)
    watched.write("good.jsonl", 8)
    assert watched.next() == (1, 0, 0, 0)
    assert watched.ids() == {f"story-{n}" for n in (*range(5), 8)}


def test_a_folder_that_is_taken_away_removes_nothing(watched: Watched) -> None:
    """A disk that was taken out is no deletion of all that lay on it."""
    watched.news.rename(watched.news.parent / "unmounted")
    time.sleep(1)
    assert watched.ids() == {f"story-{n}" for n in range(5)}


def test_an_archive_inside_the_folder_is_not_its_own_news(tmp_path: Path) -> None:
    """An archive that lies in the folder it follows does not follow itself."""
    (tmp_path / "archive").mkdir()
    write_articles(tmp_path / "a.jsonl", stories(1))
    stop = threading.Event()
    seen = []
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        for report in keep_in_step(archive, [tmp_path], stop=stop):
            seen.append(report)
            threading.Timer(1.5, stop.set).start()
    assert [report.added for report in seen] == [1]


@pytest.mark.parametrize("make", [lambda p: p / "none", lambda p: p / "*.txt", lambda p: p / "a"])
def test_only_folders_are_watched(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """What is no folder is refused in one line before anything is indexed."""
    (tmp_path / "a").write_text("x", "utf-8")
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        with pytest.raises(UsageError, match="expected a folder"):
            next(keep_in_step(archive, [make(tmp_path)]))
        with pytest.raises(UsageError, match="name the folders"):
            next(keep_in_step(archive, []))


WATCHING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
from qa import archive, cli
from tests.fakes import HashingEncoder
create = archive.Archive.create
archive.Archive.create = lambda *a, **_: create(*a, encoder=HashingEncoder())
archive.carry_encoder = lambda *a: None
sys.exit(cli.run(sys.argv[1:]))
"""


def test_ctrl_c_ends_the_command(tmp_path: Path) -> None:
    """`qa index --watch` prints a report a step; Ctrl-C ends it, what was done is kept."""
    (tmp_path / "news").mkdir()
    write_articles(tmp_path / "news" / "a.jsonl", stories(2))
    arguments = ["index", str(tmp_path / "news"), "--watch", "--json", "-a", str(tmp_path / "a")]
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHING, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["added"] == 2
    write_articles(tmp_path / "news" / "b.jsonl", stories(1, first=5))
    assert json.loads(process.stdout.readline())["added"] == 1
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in err
    with Archive.open(tmp_path / "a", encoder=HashingEncoder()) as archive:
        assert archive.status().articles == 3


def test_what_changes_while_a_database_is_away_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again until the database is back; the log says so once."""
    monkeypatch.setattr(watching, "LOCKED_SECONDS", 0.01)
    file = write_articles(tmp_path / "a.jsonl", stories(1))
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        add, tries = archive.add, 0

        def away(*arguments: Any, **options: Any) -> Any:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise UnreachableError("it is away")
            return add(*arguments, **options)

        monkeypatch.setattr(archive, "add", away)
        seen = [(Change.added, str(file))]
        report = watching._followed(archive, seen, [tmp_path], threading.Event())
        assert report is not None
        assert report.added == 1
    assert [record.getMessage() for record in caplog.records] == [
        "what changed waits to be indexed: it is away"
    ]


def test_stopping_does_not_wait_for_another_writer(tmp_path: Path) -> None:
    """A change that came while another process writes is left to the next start."""
    file = write_articles(tmp_path / "a.jsonl", stories(1))
    stop = threading.Event()
    stop.set()
    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        with writer_lock(archive.directory):
            seen = [(Change.added, str(file))]
            assert watching._followed(archive, seen, [tmp_path], stop) is None
        assert archive.status().articles == 0


def test_what_is_out_of_reach_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system refuses to look at keeps its articles, and the watch goes on."""
    news = tmp_path / "news"
    news.mkdir()
    files = [write_articles(news / f"{n}.jsonl", stories(1, first=n)) for n in range(2)]
    stat = os.stat

    def refuse(path: object, *more: object, **options: bool) -> object:
        if str(path) == str(files[0]):
            raise PermissionError(13, "Permission denied")
        return stat(path, *more, **options)  # type: ignore[call-overload]

    with Archive.create(tmp_path / "archive", encoder=HashingEncoder()) as archive:
        archive.add([news])
        files[1].unlink()
        seen = [(Change.modified, str(files[0])), (Change.deleted, str(files[1]))]
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", refuse)
            patch.setattr(os, "lstat", lambda path: refuse(path, follow_symlinks=False))
            assert not watching._counts(Change.modified, files[0], [news])
            report = watching._followed(archive, seen, [news], threading.Event())
        assert report is not None
        assert [article.id for article in archive.articles()] == ["story-0"]
