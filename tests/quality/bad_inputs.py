"""Index bad files among good articles: `python -m tests.quality.bad_inputs [EACH [GOOD]]`.

Every kind of `tests.bad_files` comes EACH times (10) among GOOD articles (100) of ten formats.
Prints what was indexed and named, the seconds, and the most memory that this process and its
helpers took together above what they had before the first file. Exit code 1 where a good article is
missing, a bad file is not named, the memory is over its limit, or a file outside the archive was
written.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from embeddings.indexing import index_paths
from embeddings.store import Store
from tests import article_files as files
from tests.bad_files import put_all
from tests.fakes import HashingEncoder

MAX_MEGABYTES = 600
SUFFIXES = ("html", "txt", "md", "eml", "docx", "pdf", "rtf", "odt", "json", "csv")


class Memory(threading.Thread):
    """Looks every few milliseconds how much memory this process and those it started hold."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.start_megabytes = self.peak = tree_megabytes()
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.005):
            self.peak = max(self.peak, tree_megabytes())

    @property
    def above(self) -> float:
        """Return the most that was taken above the start, in MB."""
        return self.peak - self.start_megabytes


def tree_megabytes() -> float:
    """Return the resident memory of this process and its descendants, in MB.

    One that is not yet the program that it was started for is still its parent, which counts once.
    """
    parents: dict[int, list[int]] = {}
    sizes: dict[int, float] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        try:
            status = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(status[1]), []).append(int(entry.name))
        sizes[int(entry.name)] = int(status[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    pending, total = [os.getpid()], 0.0
    while pending:
        process = pending.pop()
        total += sizes.get(process, 0.0)
        own = _command(process)
        pending += [child for child in parents.get(process, []) if _command(child) != own]
    return total


def _command(process: int) -> bytes:
    """Return a process's command line, nothing where it has ended."""
    try:
        return Path("/proc", str(process), "cmdline").read_bytes()
    except OSError:
        return b""


def write_good(folder: Path, count: int) -> None:
    """Write articles in turn in some formats, each with a sentence of its own."""
    for n in range(count):
        place = folder / f"good-{n}.{SUFFIXES[n % len(SUFFIXES)]}"
        place.write_bytes(_good(place.suffix, n))


def _good(suffix: str, n: int) -> bytes:
    own = (f"Keeper Name{n}son counted {1000 + n} visitors at the gate.", *files.PARAGRAPHS)
    url = f"{files.URL}/{n}"
    if suffix == ".html":
        return files.html(f"Story {n} of the whole day", own, url)
    data = files.WRITERS[f"a{suffix}"]()
    changes = ((b"Monday", f"Monday {n}"), (files.URL.encode(), url))
    if suffix in (".txt", ".md", ".eml", ".rtf", ".json", ".csv"):
        for old, new in changes:
            data = data.replace(old, new.encode())
    return data


def _files_below(folder: Path) -> set[str]:
    return {str(place) for place in folder.rglob("*")}


def main(arguments: Sequence[str]) -> int:
    """Index and print; return the exit code."""
    each, good = (*map(int, arguments), *(10, 100)[len(arguments) :])
    with tempfile.TemporaryDirectory() as scratch:
        news, directory = Path(scratch, "news"), Path(scratch, "archive")
        news.mkdir()
        directory.mkdir()
        bad = {str(place) for place in put_all(news, each)}
        write_good(news, good)
        before = _files_below(Path(scratch))
        encoder = HashingEncoder()
        store = Store(directory, create=True)
        memory = Memory()
        memory.start()
        started = time.monotonic()
        report = index_paths(store, lambda: encoder, [news])
        seconds = time.monotonic() - started
        memory.stopped.set()
        known = store.files()
        store.close()
        named = {failure.path for failure in report.failed}
        unnamed = {place for place in bad if not any(n.startswith(place) for n in named)}
        read = {Path(path).name for path, record in known.items() if record.articles}
        missing = [n for n in range(good) if f"good-{n}.{SUFFIXES[n % len(SUFFIXES)]}" not in read]
        outside = {
            path
            for path in _files_below(Path(scratch)) - before
            if not path.startswith(str(directory))
        }
    print(
        f"{len(bad)} bad files, {len(bad) - len(unnamed)} named; {good} good ones,"
        f" {good - len(missing)} indexed; {seconds:.1f} s; {memory.above:.0f} MB above"
        f" {memory.start_megabytes:.0f} MB; {len(outside)} files outside the archive"
    )
    for place in sorted(unnamed):
        print(f"not named: {Path(place).name}")
    for failure in report.failed:
        if "gave up" in failure.reason or not any(failure.path.startswith(place) for place in bad):
            print(f"odd: {Path(failure.path).name}: {failure.reason}")
    whole = not (unnamed or missing or outside)
    return 0 if whole and memory.above < MAX_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
