"""What is pointed to is on the disk first: the order of fsync and rename (FAULTS, row 3)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from embeddings import generations
from embeddings.derived import publish_indices
from embeddings.durable import bytes_below, remove_folder, replace_file
from embeddings.generations import CURRENT, DERIVED
from embeddings.store import Store
from tests.archives import ROOT, put, some_articles
from tests.fakes import stories, write_articles

Calls = list[tuple[str, Path]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Return a list to which every fsync and rename of Python is added, in order."""
    made: Calls = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        made.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def replaced(source: str | Path, target: str | Path) -> None:
        replace(source, target)
        made.append(("rename", Path(target)))

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    return made


def check_order(calls: Calls, archive: Path, linked: frozenset[int] = frozenset()) -> None:
    """Every new file and folder of a generation is synced before the pointer moves to it."""
    root = archive / DERIVED
    synced: set[Path] = set()
    moves = 0
    for number, (call, path) in enumerate(calls):
        if call == "fsync":
            synced.add(path)
        elif path == root / CURRENT:
            moves += 1
            assert any(file.name.startswith(f".{CURRENT}.") for file in synced)
            assert ("fsync", root) in calls[number:]
            assert root in synced
    folder, manifest = generations.current_manifest(root)
    last = max(
        n for n, (call, path) in enumerate(calls) if (call, path) == ("rename", root / CURRENT)
    )
    before = {path for call, path in calls[:last] if call == "fsync"}
    parts = {folder, *(path for path in folder.rglob("*") if path.is_dir())}
    assert parts <= before
    assert moves
    files = {folder / name for name in manifest.files}
    assert {file for file in files if file.stat().st_ino not in linked} <= before
    assert folder / generations.MANIFEST in before


def inodes(folder: Path) -> frozenset[int]:
    """Return which files are below a folder, whatever they are called."""
    return frozenset(file.stat().st_ino for file in folder.rglob("*") if file.is_file())


def test_a_generation_is_on_the_disk_before_it_is_pointed_to(tmp_path: Path, calls: Calls) -> None:
    """The first one, whole, and the next one, of which most are links."""
    store = Store(tmp_path, create=True)
    put(store, some_articles(20))
    held = publish_indices(store)
    check_order(calls, tmp_path)
    first, linked = len(calls), inodes(held.folder)
    put(store, some_articles(2, first=50))
    publish_indices(store, held)
    check_order(calls[first:], tmp_path, linked)
    synced = {path.stat().st_ino for _, path in calls[first:] if path.is_file()}
    assert linked & inodes(tmp_path / DERIVED)
    assert not linked & synced


def test_a_replaced_file_is_synced_between_writing_and_renaming(
    tmp_path: Path, calls: Calls
) -> None:
    """And its folder afterwards, which holds the new name."""
    replace_file(tmp_path / "file", b"content")
    (_, written), renamed, folder = calls
    assert written.name.startswith(".file.")
    assert renamed == ("rename", tmp_path / "file")
    assert folder == ("fsync", tmp_path)


TRACED = """
import sys
from qa import Archive
from tests.fakes import HashingEncoder
with Archive.create(sys.argv[1], encoder=HashingEncoder()) as archive:
    archive.add(sys.argv[2])
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_order_as_the_system_saw_it(tmp_path: Path) -> None:
    """SQLite's log is synced with the articles before any file that is derived from them."""
    archive, trace = tmp_path / "archive", tmp_path / "trace"
    news = write_articles(tmp_path / "news.jsonl", stories(20))
    command = [sys.executable, "-c", TRACED, str(archive), str(news)]
    watched = "trace=fsync,fdatasync,rename,renameat,renameat2"
    done = subprocess.run(
        ["strace", "-f", "-y", "-e", watched, "-o", str(trace), *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in done.stderr.lower() or "not permitted" in done.stderr.lower():
        pytest.skip("this system lets nobody trace")
    assert done.returncode == 0, done.stderr
    calls: Calls = []
    for line in trace.read_text("utf-8", "replace").splitlines():
        if synced := re.search(r"f(?:data)?sync\(\d+<(.*?)>", line):
            calls.append(("fsync", Path(synced[1])))
        elif renamed := re.search(r'rename\w*\(.*"(.*?)"(?:, \w+)?\) = 0', line):
            calls.append(("rename", Path(renamed[1])))
    check_order(calls, archive)
    logged = calls.index(("fsync", archive / "archive.sqlite-wal"))
    derived = next(n for n, (_, path) in enumerate(calls) if path.is_relative_to(archive / DERIVED))
    assert logged < derived


def test_bytes_are_counted_while_folders_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that a writer removes while it is looked for does not count."""
    (tmp_path / "gone").mkdir()
    (tmp_path / "file").write_bytes(b"12345")
    scan = os.scandir

    def late(place: str | os.PathLike[str]) -> object:
        if Path(place) == tmp_path / "gone":
            Path(place).rmdir()
        return scan(place)

    monkeypatch.setattr(os, "scandir", late)
    assert bytes_below(tmp_path) == 5


def test_a_folder_goes_though_a_thread_keeps_making_a_file_in_it(tmp_path: Path) -> None:
    """As tantivy's does, which locks the folder that it watches whenever the files there change."""
    folder = tmp_path / "passages"
    stop = threading.Event()

    def lock() -> None:
        while not stop.is_set():
            try:
                (folder / ".tantivy-meta.lock").touch()
            except FileNotFoundError:
                continue

    thread = threading.Thread(target=lock)
    thread.start()
    try:
        for _ in range(40):
            folder.mkdir()
            for n in range(20):
                (folder / f"{n}.store").touch()
            remove_folder(folder)
            assert list(tmp_path.iterdir()) == []
    finally:
        stop.set()
        thread.join()
