"""Disks that refuse: full, or with no more files to be had. Old answers stay, new ones come later.

QA_FULL sets at how many different amounts of free space the disk is full.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.errors import NewsArchiveError, StorageError
from embeddings import generations
from embeddings.durable import remove_folder
from qa import Archive
from qa.archive import BEHIND
from tests.archives import finish, run_python
from tests.conftest import is_root
from tests.fakes import HashingEncoder, stories, write_articles

FULL = int(os.environ.get("QA_FULL", "3"))
QUESTIONS = ("How many visitors did Keeper Name7son count?", "the harbour flooded")
STEP = 48 * 1024
"""Bytes of free space from one trial to the next."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 4 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if not is_root() or shutil.which("mount") is None:
        pytest.skip("only root can make a small disk")
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def answers(directory: Path) -> list[str]:
    """Return what the archive says, as JSON."""
    with Archive.open(directory, encoder=HashingEncoder()) as archive:
        return [json.dumps(answer.to_dict()) for answer in archive.ask_many(QUESTIONS)]


def refusal(archive: Path, news: Path) -> str:
    """Index; return what the disk's refusal says, or nothing where it does not refuse."""
    try:
        with Archive.open(archive, encoder=HashingEncoder()) as opened:
            opened.add(news)
    except StorageError as error:
        return str(error)
    return ""


def _refuse() -> None:
    raise StorageError("no space left")


def fill(place: Path, free: int) -> None:
    """Leave so many bytes on a disk."""
    space = os.statvfs(place)
    with (place / "filler").open("wb") as stream:
        stream.write(b"\0" * max(0, space.f_bavail * space.f_frsize - free))


def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    """Wherever the space ends, nothing is lost, and the next run completes (FAULTS, row 4)."""
    archive, news = small_disk / "archive", tmp_path / "news"
    news.mkdir()
    write_articles(news / "a.jsonl", stories(60))
    with Archive.create(archive, encoder=HashingEncoder()) as made:
        made.add(news)
    before = answers(archive)
    write_articles(news / "b.jsonl", stories(60, first=100))
    shutil.copytree(archive, tmp_path / "copy")
    refused = 0
    for trial in range(FULL):
        fill(small_disk, trial * STEP)
        said = refusal(archive, news)
        refused += bool(said)
        assert not said or ("space" in said and "\n" not in said)
        with Archive.open(archive, encoder=HashingEncoder()) as opened:
            stored = opened.status().articles
            assert stored in {60, 120}
        if stored == 60:
            assert answers(archive) == before
        (small_disk / "filler").unlink()
        if stored == 60:
            assert answers(archive) == before
        with Archive.open(archive, encoder=HashingEncoder()) as opened:
            assert opened.verify() == []
            opened.add(news)
            assert opened.ask("Keeper Name130son counted").citations[0].article_id == "story-130"
            assert opened.verify() == []
        remove_folder(archive)
        shutil.copytree(tmp_path / "copy", archive)
    assert refused
    print(f"{refused} of {FULL} runs refused for want of space")


HANDLES = """
import resource, sys
from qa import Archive
from corpus.errors import NewsArchiveError
from tests.fakes import HashingEncoder
Archive.open(sys.argv[1], encoder=HashingEncoder()).ask("harbour")  # all that is imported, is
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
try:
    archive = Archive.open(sys.argv[1], encoder=HashingEncoder())
    archive.ask("the harbour flooded")
    archive.add(sys.argv[2])
    print("done")
except NewsArchiveError as error:
    print(f"refused: {error}")
"""


@pytest.mark.parametrize("limit", [5, 8, 12, 20])
def test_no_more_files_to_be_opened(tmp_path: Path, limit: int) -> None:
    """One line that says so; the same answers afterwards (FAULTS, row 4)."""
    news, archive = tmp_path / "news", tmp_path / "archive"
    news.mkdir()
    write_articles(news / "a.jsonl", stories(20))
    with Archive.create(archive, encoder=HashingEncoder()) as made:
        made.add(news)
    before = answers(archive)
    write_articles(news / "b.jsonl", stories(5, first=100))
    said = finish(run_python(HANDLES, str(archive), str(news), str(limit)))
    assert said.count("\n") == 1
    assert said.startswith(("done", "refused: "))
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        stored = opened.status().articles
        assert opened.verify() == []
    if stored == 20:
        assert answers(archive) == before
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        opened.add(news)
        assert opened.verify() == []
        assert opened.status().articles == 25


def test_refusals_are_errors_of_this_project() -> None:
    """A caller can tell them from its own."""
    assert issubclass(StorageError, NewsArchiveError)


def test_a_disk_without_any_room(
    tmp_path: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even a temporary copy fits, what was searchable stays so, and it is said."""
    archive, news = small_disk / "archive", tmp_path / "news"
    news.mkdir()
    write_articles(news / "a.jsonl", stories(30))
    with Archive.create(archive, encoder=HashingEncoder()) as made:
        made.add(news)
    before = answers(archive)
    remove_folder(archive / "derived")
    with Archive.open(archive, encoder=HashingEncoder()) as opened:
        opened.ask("harbour")
        write_articles(news / "b.jsonl", stories(5, first=100))
        with monkeypatch.context() as patch:
            patch.setattr(generations, "publish", lambda *_: _refuse())
            with pytest.raises(StorageError):
                opened.add(news)
            monkeypatch.setattr("tempfile.tempdir", str(small_disk))
            fill(small_disk, 0)
            answer = opened.ask(QUESTIONS[0])
        assert answer.query.notices[-1] == BEHIND
        (small_disk / "filler").unlink()
        caught_up = opened.ask("Keeper Name103son counted")
        assert caught_up.citations[0].article_id == "story-103"
        assert BEHIND not in caught_up.query.notices
    assert json.loads(before[0])["text"] == answer.text
